"""eth_getLogs and polled filters."""

import pytest

from rpc.encoding import data, quantity
from rpc.settings import RpcSettings
from tests.asm import log
from tests.rpc.client import Client
from tests.rpc.node import ALICE, ANSWER, BOB, COUNTER, NOBODY, Node

SEVEN, EIGHT, NINE = (f"0x{value:064x}" for value in (7, 8, 9))
HASH = "0x" + "12" * 32


def blocks_of(logs: list[dict]) -> list[int]:
    return [int(log["blockNumber"], 16) for log in logs]


@pytest.fixture
def chain(node: Node) -> Node:
    """One log in each of the blocks 1, 2 and 4; block 3 has none."""
    for number in range(1, 5):
        node.send(BOB if number == 3 else COUNTER)
        node.seal_block()
    return node


@pytest.mark.parametrize(
    ("criteria", "found"),
    [
        ({"fromBlock": "earliest"}, [1, 2, 4]),
        ({"fromBlock": "0x0", "toBlock": "latest"}, [1, 2, 4]),
        ({"fromBlock": "0x2", "toBlock": "0x3"}, [2]),
        ({"fromBlock": "0x2", "toBlock": "0x4"}, [2, 4]),
        ({}, [4]),
        ({"fromBlock": "latest"}, [4]),
        ({"toBlock": "latest"}, [4]),
        ({"fromBlock": "earliest", "toBlock": "safe"}, [1, 2, 4]),
        ({"fromBlock": "earliest", "toBlock": "pending"}, [1, 2, 4]),
        ({"fromBlock": "0x5", "toBlock": "latest"}, []),
        ({"fromBlock": "0x5"}, []),
        ({"fromBlock": "0x0", "address": data(COUNTER)}, [1, 2, 4]),
        ({"fromBlock": "0x0", "address": [data(COUNTER), data(BOB)]}, [1, 2, 4]),
        ({"fromBlock": "0x0", "address": []}, [1, 2, 4]),
        ({"fromBlock": "0x0", "address": data(ANSWER)}, []),
        ({"fromBlock": "0x0", "topics": []}, [1, 2, 4]),
        ({"fromBlock": "0x0", "topics": [SEVEN]}, [1, 2, 4]),
        ({"fromBlock": "0x0", "topics": [SEVEN, EIGHT]}, [1, 2, 4]),
        ({"fromBlock": "0x0", "topics": [EIGHT, SEVEN]}, []),
        ({"fromBlock": "0x0", "topics": [None, EIGHT]}, [1, 2, 4]),
        ({"fromBlock": "0x0", "topics": [[], EIGHT]}, [1, 2, 4]),
        ({"fromBlock": "0x0", "topics": [[NINE, SEVEN], [EIGHT]]}, [1, 2, 4]),
        ({"fromBlock": "0x0", "topics": [[NINE, None]]}, [1, 2, 4]),
        ({"fromBlock": "0x0", "topics": [NINE]}, []),
        ({"fromBlock": "0x0", "topics": [None, None]}, [1, 2, 4]),
        ({"fromBlock": "0x0", "topics": [None, None, None]}, []),
        ({"fromBlock": "0x0", "topics": None, "address": None, "toBlock": None, "blockHash": None}, [1, 2, 4]),
    ],
)
def test_logs_are_found_by_range_address_and_topics(client: Client, chain: Node, criteria, found):
    assert blocks_of(client.ask("eth_getLogs", criteria)) == found


def test_logs_of_one_block_are_found_by_its_hash(client: Client, chain: Node):
    block_hash = data(chain.history.block_hash(2) or b"")
    logs = client.ask("eth_getLogs", {"blockHash": block_hash})
    assert blocks_of(logs) == [2]
    assert logs[0]["blockHash"] == block_hash
    assert client.ask("eth_getLogs", {"blockHash": data(chain.history.block_hash(3) or b"")}) == []
    error = client.refusal("eth_getLogs", {"blockHash": HASH})
    assert (error.code, error.message) == (-32000, "unknown block")


@pytest.mark.parametrize(
    ("criteria", "words"),
    [
        ({"fromBlock": "0x3", "toBlock": "0x2"}, "invalid block range params"),
        ({"fromBlock": "0x3", "toBlock": "0x5"}, "block range extends beyond current head block"),
        ({"blockHash": HASH, "fromBlock": "0x1"}, "cannot specify both BlockHash and FromBlock/ToBlock"),
        ({"blockHash": HASH, "toBlock": "latest"}, "cannot specify both BlockHash and FromBlock/ToBlock"),
        ({"topics": [None] * 5}, "exceed max topics"),
        ({"topics": [[SEVEN] * 1_001]}, "exceed max addresses or topics"),
        ({"address": [data(BOB)] * 1_001}, "exceed max addresses or topics"),
        ({"topics": ["0x12"]}, "hex string has length 2, want 64"),
        ({"topics": [[[SEVEN]]]}, "non-string"),
        ({"topics": SEVEN}, "string"),
        ({"address": "0x12"}, "hex string has length 2, want 40"),
        ({"address": 5}, "non-string"),
        ({"fromBlock": 1}, "number"),
        ({"fromBlock": "0x01"}, "leading zero"),
        ({"fromBlock": "soon"}, "without 0x prefix"),
    ],
)
def test_criteria_that_make_no_sense_are_refused(client: Client, chain: Node, criteria, words):
    error = client.refusal("eth_getLogs", criteria)
    assert error.code == -32602
    assert words in error.message
    if words not in ("invalid block range params", "block range extends beyond current head block"):
        assert client.refusal("eth_newFilter", criteria).code == -32602


def test_the_open_block_is_searched_too(client: Client, chain: Node):
    chain.send(COUNTER)
    chain.seal_mini_block()
    for criteria in ({}, {"fromBlock": "0x5", "toBlock": "0x5"}, {"fromBlock": "pending", "toBlock": "pending"}):
        logs = client.ask("eth_getLogs", criteria)
        assert blocks_of(logs) == [5]
        assert logs[0]["blockHash"] == data(chain.history.open_mini_blocks()[0].hash)
    assert blocks_of(client.ask("eth_getLogs", {"fromBlock": "0x0", "toBlock": "finalized"})) == [1, 2, 4]


class TestLimits:
    @pytest.fixture
    def settings(self) -> RpcSettings:
        return RpcSettings(logs_blocks_max=3, logs_results_max=2)

    def test_a_search_over_too_many_blocks_is_refused(self, client: Client, chain: Node):
        error = client.refusal("eth_getLogs", {"fromBlock": "0x1", "toBlock": "0x4"})
        assert (error.code, error.message) == (-32602, "exceed maximum block range: 3; ask for smaller ranges")
        assert blocks_of(client.ask("eth_getLogs", {"fromBlock": "0x1", "toBlock": "0x3"})) == [1, 2]

    def test_a_search_with_too_many_results_is_refused(self, client: Client, chain: Node):
        for _ in range(2):
            chain.send(COUNTER)
        chain.seal_block()
        error = client.refusal("eth_getLogs", {"fromBlock": "0x4", "toBlock": "0x5"})
        assert (error.code, error.message) == (-32602, "query returned more than 2 results; ask for smaller ranges")

    def test_a_filter_with_too_many_results_tells_the_oldest_and_then_goes_on(self, client: Client, chain: Node):
        filter_id = client.ask("eth_newFilter", {})
        for _ in range(3):  # In one mini-block.
            chain.send(COUNTER)
        chain.seal_block()
        for _ in range(2):
            chain.send(COUNTER)
            chain.seal_mini_block()
        polls = [client.ask("eth_getFilterChanges", filter_id) for _ in range(4)]
        assert [blocks_of(logs) for logs in polls] == [[5, 5], [5, 6], [6], []]
        assert [log["logIndex"] for logs in polls for log in logs] == ["0x0", "0x1", "0x2", "0x0", "0x1"]

    def test_a_filter_that_rested_for_too_many_blocks_goes_on_in_steps(self, client: Client, chain: Node):
        filter_id = client.ask("eth_newFilter", {"address": data(COUNTER)})
        for has_log in (True, False, False, False, True, False, True):
            if has_log:
                chain.send(COUNTER)
            chain.seal_block()
        polls = [client.ask("eth_getFilterChanges", filter_id) for _ in range(3)]
        assert [blocks_of(logs) for logs in polls] == [[5], [9, 11], []]


def test_a_log_filter_tells_each_log_once_as_soon_as_it_is_there(client: Client, chain: Node):
    filter_id = client.ask("eth_newFilter", {"address": data(COUNTER)})
    assert client.ask("eth_getFilterChanges", filter_id) == []
    chain.send(COUNTER)
    chain.seal_mini_block()
    logs = client.ask("eth_getFilterChanges", filter_id)
    assert (blocks_of(logs), logs[0]["blockHash"]) == ([5], data(chain.history.last_mini_block_hash))
    chain.send(COUNTER)
    chain.seal_mini_block()
    chain.seal_block()
    chain.send(COUNTER)
    chain.seal_block()
    chain.send(COUNTER)
    chain.seal_mini_block()
    logs = client.ask("eth_getFilterChanges", filter_id)
    assert blocks_of(logs) == [5, 6, 7]
    assert [log["logIndex"] for log in logs] == ["0x1", "0x0", "0x0"]
    newest = [chain.history.number_of_hash(bytes.fromhex(log["blockHash"][2:])) for log in logs]
    assert newest == blocks_of(logs)
    assert client.ask("eth_getFilterChanges", filter_id) == []
    assert client.ask("eth_uninstallFilter", filter_id) is True
    assert client.ask("eth_uninstallFilter", filter_id) is False


def test_a_log_filter_keeps_to_its_own_range(client: Client, chain: Node):
    late = client.ask("eth_newFilter", {"fromBlock": "0x6"})
    early = client.ask("eth_newFilter", {"toBlock": "0x5"})
    for _ in range(2):
        chain.send(COUNTER)
        chain.seal_block()
    assert blocks_of(client.ask("eth_getFilterChanges", late)) == [6]
    assert blocks_of(client.ask("eth_getFilterChanges", early)) == [5]


def test_all_logs_of_a_filter_can_be_asked_for(client: Client, chain: Node):
    filter_id = client.ask("eth_newFilter", {"fromBlock": "0x0", "address": data(COUNTER)})
    assert blocks_of(client.ask("eth_getFilterLogs", filter_id)) == [1, 2, 4]
    assert client.ask("eth_getFilterChanges", filter_id) == []


def test_a_block_filter_tells_the_hashes_of_sealed_blocks(client: Client, chain: Node):
    filter_id = client.ask("eth_newBlockFilter")
    assert client.ask("eth_getFilterChanges", filter_id) == []
    sealed = [chain.seal_block() for _ in range(3)]
    assert client.ask("eth_getFilterChanges", filter_id) == [data(block.hash) for block in sealed]
    assert client.ask("eth_getFilterChanges", filter_id) == []
    assert client.refusal("eth_getFilterLogs", filter_id).message == "filter not found"


def test_a_transaction_filter_tells_the_hashes_of_queued_transactions(client: Client, chain: Node):
    chain.send(BOB)
    first, second = client.ask("eth_newPendingTransactionFilter"), client.ask("eth_newPendingTransactionFilter")
    sent = [data(chain.send(BOB).hash) for _ in range(3)]
    assert client.ask("eth_getFilterChanges", first) == sent
    assert client.ask("eth_getFilterChanges", first) == []
    assert client.ask("eth_getFilterChanges", second) == sent


@pytest.mark.parametrize("method", ["eth_getFilterChanges", "eth_getFilterLogs"])
def test_an_unknown_filter_is_not_found(client: Client, method):
    for filter_id in ("0x1", "", "nonsense", "0x" + "f" * 64):
        error = client.refusal(method, filter_id)
        assert (error.code, error.message) == (-32000, "filter not found")


class TestFilterLimits:
    @pytest.fixture
    def settings(self) -> RpcSettings:
        return RpcSettings(filters_max=5, filters_per_address_max=3)

    def test_filters_are_limited_for_a_client_and_for_all(self, client: Client, chain: Node):
        ids = [client.ask("eth_newFilter", {}) for _ in range(2)] + [client.ask("eth_newPendingTransactionFilter")]
        for method, *params in (("eth_newFilter", {}), ("eth_newBlockFilter",), ("eth_newPendingTransactionFilter",)):
            assert "too many filters" in client.refusal(method, *params).message
        assert client.ask("eth_uninstallFilter", ids[2]) is True
        assert client.app.feed.wants_queued == 0
        client.ask("eth_newBlockFilter")
        for index in range(2):
            client.app.filters.new_blocks(f"10.0.0.{index}")
        assert "this node keeps at most 5" in client.refusal("eth_newBlockFilter").message


def test_a_filter_that_nobody_polls_is_forgotten(client: Client, chain: Node):
    times_s = [0.0]
    client.app.filters._now_s = lambda: times_s[-1]
    polled, idle = client.ask("eth_newBlockFilter"), client.ask("eth_newPendingTransactionFilter")
    for time_s in (200.0, 400.0):
        times_s.append(time_s)
        client.ask("eth_getFilterChanges", polled)
    assert client.refusal("eth_getFilterChanges", idle).message == "filter not found"
    assert client.app.feed.wants_queued == 0
    client.ask("eth_getFilterChanges", polled)


def test_logs_with_equal_topics_in_one_transaction_are_all_told(client: Client, node: Node):
    twice = log((7,)) + log((7,)) + b"\x00"
    created = node.send(
        None,
        data=b"\x60"
        + bytes((len(twice),))
        + b"\x60\x0c\x60\x00\x39\x60"
        + bytes((len(twice),))
        + b"\x60\x00\xf3"
        + twice,
    )
    node.seal_block()
    contract = client.ask("eth_getTransactionReceipt", data(created.hash))["contractAddress"]
    node.send(bytes.fromhex(contract[2:]), sender=ALICE)
    node.seal_block()
    logs = client.ask("eth_getLogs", {"address": contract})
    assert [log["logIndex"] for log in logs] == ["0x0", "0x1"]
    assert client.ask("eth_getLogs", {"address": contract, "topics": [None, EIGHT]}) == []
    assert client.ask("eth_getBalance", data(NOBODY), quantity(2)) == "0x0"
