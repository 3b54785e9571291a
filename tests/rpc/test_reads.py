"""Methods about the chain, its state, blocks, transactions and receipts."""

import pytest

from primitives.keccak import keccak256
from rpc.encoding import data, quantity
from tests.rpc.client import Client
from tests.rpc.node import ALICE, ANSWER, BOB, CODES, COUNTER, INIT_CODE, NOBODY, RICH_WEI, Node

ZERO_32 = "0x" + "0" * 64


def one(value: int) -> str:
    return f"0x{value:064x}"


def test_the_chain_says_who_it_is(client: Client):
    assert client.ask("eth_chainId") == "0x1eae7"
    assert client.ask("net_version") == "125671"
    assert "anvil" in client.ask("web3_clientVersion")
    assert client.ask("eth_syncing") is False
    assert client.ask("net_listening") is True
    assert client.ask("net_peerCount") == "0x0"
    assert client.ask("eth_protocolVersion") == "0x41"
    assert client.ask("eth_mining") is False
    assert client.ask("eth_hashrate") == "0x0"
    assert client.ask("eth_coinbase") == data(b"\xcb" * 20)
    assert client.ask("web3_sha3", "0x1234") == data(keccak256(b"\x12\x34"))
    assert set(client.ask("rpc_modules")) == {"eth", "net", "rpc", "txpool", "web3"}


def test_gas_has_a_price(client: Client, node: Node):
    assert client.ask("eth_gasPrice") == quantity(node.chain.base_fee_per_gas)
    assert client.ask("eth_maxPriorityFeePerGas") == "0x0"
    assert client.ask("eth_baseFee") == quantity(node.chain.base_fee_per_gas)
    assert client.ask("eth_blobBaseFee") == "0x1"


def test_the_block_number_counts_sealed_blocks(client: Client, node: Node):
    assert client.ask("eth_blockNumber") == "0x0"
    node.send(COUNTER)
    node.seal_mini_block()
    assert client.ask("eth_blockNumber") == "0x0"
    node.seal_block()
    assert client.ask("eth_blockNumber") == "0x1"


def test_latest_moves_with_mini_blocks_and_numbers_stay(client: Client, node: Node):
    for _ in range(2):
        for _ in range(2):
            node.send(COUNTER)
            node.seal_mini_block()
        node.seal_block()
    node.send(COUNTER)
    node.seal_mini_block()
    block_hash = data(node.history.block_hash(1) or b"")
    expected = {
        "latest": 5,
        "pending": 5,
        "0x3": 5,  # The block being built, which receipts name.
        "safe": 4,
        "finalized": 4,
        "0x2": 4,
        "0x1": 2,
        block_hash: 2,
        "0x0": 0,
        "earliest": 0,
    }
    for reference, count in expected.items():
        assert client.ask("eth_getStorageAt", data(COUNTER), "0x0", reference) == one(count), reference
        assert client.ask("eth_getTransactionCount", data(ALICE), reference) == quantity(count), reference
    assert client.ask("eth_getStorageAt", data(COUNTER), "0x0", {"blockHash": block_hash}) == one(2)
    assert client.ask("eth_getStorageAt", data(COUNTER), "0x0") == one(5)


@pytest.mark.parametrize("method", ["eth_getBalance", "eth_getTransactionCount", "eth_getCode"])
@pytest.mark.parametrize("reference", ["0x1", "0x7fffffffffffffff", "0x" + "12" * 32])
def test_the_state_of_an_unknown_block_is_an_error(client: Client, method, reference):
    error = client.refusal(method, data(ALICE), reference)
    assert error.code == -32000
    assert error.message.startswith("header not found")


def test_a_state_that_is_no_longer_kept_is_an_error(client: Client, node: Node):
    node.send(COUNTER)
    node.seal_block()
    node.state.oldest = 1
    assert client.refusal("eth_getBalance", data(ALICE), "0x0").message.startswith("header not found")
    assert client.ask("eth_getBalance", data(COUNTER), "0x1") == "0x0"


def test_accounts_that_do_not_exist_are_empty(client: Client):
    assert client.ask("eth_getBalance", data(NOBODY)) == "0x0"
    assert client.ask("eth_getTransactionCount", data(NOBODY), "pending") == "0x0"
    assert client.ask("eth_getCode", data(NOBODY)) == "0x"
    assert client.ask("eth_getStorageAt", data(NOBODY), "0x1") == ZERO_32
    assert client.ask("eth_getBalance", data(ALICE)) == quantity(RICH_WEI)
    assert client.ask("eth_getCode", data(ANSWER)) == data(CODES[ANSWER])


def test_the_pending_nonce_counts_what_waits(client: Client, node: Node):
    node.send(COUNTER)
    node.send(COUNTER)
    assert client.ask("eth_getTransactionCount", data(ALICE), "pending") == "0x2"
    assert client.ask("eth_getTransactionCount", data(ALICE), "latest") == "0x0"


@pytest.mark.parametrize(
    ("method", "reference"),
    [
        ("eth_getBlockByNumber", "0x1"),
        ("eth_getBlockByNumber", "0x7fffffffffffffff"),
        ("eth_getBlockByHash", ZERO_32),
        ("eth_getHeaderByNumber", "0x1"),
        ("eth_getHeaderByHash", ZERO_32),
        ("eth_getBlockReceipts", "0x1"),
        ("eth_getBlockReceipts", ZERO_32),
        ("eth_getBlockTransactionCountByNumber", "0x1"),
        ("eth_getBlockTransactionCountByHash", ZERO_32),
        ("eth_getUncleCountByBlockNumber", "0x1"),
        ("eth_getUncleCountByBlockHash", ZERO_32),
        ("eth_getTransactionByHash", ZERO_32),
        ("eth_getRawTransactionByHash", ZERO_32),
        ("eth_getTransactionReceipt", ZERO_32),
    ],
)
def test_what_is_not_there_is_null(client: Client, method, reference):
    assert client.ask(method, reference) is None


def test_a_block_number_that_is_being_built_is_not_a_block_yet(client: Client, node: Node):
    node.send(COUNTER)
    node.seal_mini_block()
    assert client.ask("eth_getBlockByNumber", "0x1") is None


def test_a_block_is_the_same_by_number_hash_and_tag(client: Client, node: Node):
    node.send(COUNTER)
    node.send(COUNTER)
    block = node.seal_block()
    shown = client.ask("eth_getBlockByNumber", "0x1", False)
    assert shown["hash"] == data(block.hash)
    assert len(shown["transactions"]) == 2
    for reference in ("latest", "safe", "finalized"):
        assert client.ask("eth_getBlockByNumber", reference, False) == shown
    assert client.ask("eth_getBlockByHash", data(block.hash)) == shown
    full = client.ask("eth_getBlockByHash", data(block.hash), True)
    assert [item["hash"] for item in full["transactions"]] == shown["transactions"]
    header = client.ask("eth_getHeaderByHash", data(block.hash))
    assert header == client.ask("eth_getHeaderByNumber", "latest")
    assert header == {name: value for name, value in shown.items() if name in header}
    assert client.ask("eth_getBlockTransactionCountByNumber", "latest") == "0x2"
    assert client.ask("eth_getBlockTransactionCountByHash", data(block.hash)) == "0x2"
    assert client.ask("eth_getUncleCountByBlockHash", data(block.hash)) == "0x0"
    assert client.ask("eth_getUncleByBlockNumberAndIndex", "latest", "0x0") is None


def test_the_block_being_built_has_no_hash(client: Client, node: Node):
    empty = client.ask("eth_getBlockByNumber", "pending", True)
    assert (empty["hash"], empty["number"], empty["transactions"]) == (None, "0x1", [])
    sent = node.send(COUNTER)
    node.seal_mini_block()
    shown = client.ask("eth_getBlockByNumber", "pending")
    assert shown["transactions"] == [data(sent.hash)]
    assert shown["parentHash"] == data(node.history.head.hash)
    sealed = client.ask("eth_getBlockByNumber", "latest")
    assert shown.keys() == sealed.keys()
    assert client.ask("eth_getHeaderByNumber", "pending")["number"] == "0x1"
    assert client.ask("eth_getBlockTransactionCountByNumber", "pending") == "0x1"


def test_a_transaction_is_pending_then_open_then_sealed(client: Client, node: Node):
    sent = node.send(COUNTER)
    sent_hash = data(sent.hash)
    assert client.ask("eth_getTransactionReceipt", sent_hash) is None
    shown = client.ask("eth_getTransactionByHash", sent_hash)
    assert [shown[name] for name in ("blockHash", "blockNumber", "transactionIndex")] == [None, None, None]
    assert client.ask("eth_getRawTransactionByHash", sent_hash) == data(sent.raw)

    node.seal_mini_block()
    shown = client.ask("eth_getTransactionByHash", sent_hash)
    receipt = client.ask("eth_getTransactionReceipt", sent_hash)
    mini_block_hash = data(node.history.last_mini_block_hash)
    for item in (shown, receipt, receipt["logs"][0]):
        assert (item["blockHash"], item["blockNumber"], item["transactionIndex"]) == (mini_block_hash, "0x1", "0x0")

    block = node.seal_block()
    shown = client.ask("eth_getTransactionByHash", sent_hash)
    receipt = client.ask("eth_getTransactionReceipt", sent_hash)
    for item in (shown, receipt, receipt["logs"][0]):
        assert (item["blockHash"], item["blockNumber"]) == (data(block.hash), "0x1")
    assert receipt["logs"][0]["blockTimestamp"] == quantity(block.header.timestamp)
    assert client.ask("eth_getRawTransactionByHash", sent_hash) == data(sent.raw)
    for method, reference in (
        ("eth_getTransactionByBlockNumberAndIndex", "0x1"),
        ("eth_getTransactionByBlockHashAndIndex", data(block.hash)),
    ):
        assert client.ask(method, reference, "0x0") == shown
        assert client.ask(method, reference, "0x1") is None


def test_receipts_count_gas_and_logs_over_the_block(client: Client, node: Node):
    first, second = node.send(COUNTER), node.send(COUNTER)
    node.seal_mini_block()
    third = node.send(COUNTER)
    block = node.seal_block()
    receipts = client.ask("eth_getBlockReceipts", "0x1")
    assert [item["transactionHash"] for item in receipts] == [data(item.hash) for item in (first, second, third)]
    assert [item["transactionIndex"] for item in receipts] == ["0x0", "0x1", "0x2"]
    assert [log["logIndex"] for item in receipts for log in item["logs"]] == ["0x0", "0x1", "0x2"]
    assert int(receipts[2]["cumulativeGasUsed"], 16) == sum(int(item["gasUsed"], 16) for item in receipts)
    assert client.ask("eth_getBlockReceipts", data(block.hash)) == receipts
    assert client.ask("eth_getBlockReceipts", {"blockHash": data(block.hash)}) == receipts
    assert client.ask("eth_getBlockReceipts", "earliest") == []


def test_a_creation_has_a_contract_address_and_no_target(client: Client, node: Node):
    sent = node.send(None, data=INIT_CODE)
    node.seal_block()
    receipt = client.ask("eth_getTransactionReceipt", data(sent.hash))
    assert (receipt["to"], receipt["status"]) == (None, "0x1")
    assert client.ask("eth_getCode", receipt["contractAddress"]) == data(CODES[ANSWER])


def test_a_legacy_transaction_shows_its_v(client: Client, node: Node):
    sent = node.send(BOB, type=0, max_priority_fee_per_gas=10**9)
    node.seal_block()
    shown = client.ask("eth_getTransactionByHash", data(sent.hash))
    assert shown["type"] == "0x0"
    assert int(shown["v"], 16) == 35 + 2 * node.chain.chain_id + sent.y_parity
    assert shown["gasPrice"] == quantity(10**9)
    assert shown.keys().isdisjoint({"yParity", "accessList", "maxFeePerGas"})


def test_fee_history_has_one_base_fee_more_than_blocks(client: Client, node: Node):
    for _ in range(3):
        node.send(COUNTER)
        node.send(COUNTER, max_priority_fee_per_gas=500)
        node.seal_block()
    history = client.ask("eth_feeHistory", "0x2", "latest", [0, 50, 100])
    assert history["oldestBlock"] == "0x2"
    assert [len(history[name]) for name in ("baseFeePerGas", "baseFeePerBlobGas")] == [3, 3]
    assert [len(history[name]) for name in ("gasUsedRatio", "blobGasUsedRatio", "reward")] == [2, 2, 2]
    assert history["reward"][0] == ["0x1", "0x1", "0x1f4"]
    assert all(0 < ratio < 1 for ratio in history["gasUsedRatio"])
    assert "reward" not in client.ask("eth_feeHistory", 10, "pending")
    assert len(client.ask("eth_feeHistory", "0x400", "0x3")["gasUsedRatio"]) == 4
    assert client.ask("eth_feeHistory", "0x0", "latest") == {"oldestBlock": "0x0", "gasUsedRatio": None}
    assert client.refusal("eth_feeHistory", "0x1", "0x9").message == ("request beyond head block: requested 9, head 3")
    for percentiles in ([101], [-1], [50, 10], ["50"], [True], "50", [None]):
        assert client.refusal("eth_feeHistory", "0x1", "latest", percentiles).code == -32602


def test_a_receipt_names_its_mini_block_until_the_block_is_sealed(client: Client, node: Node):
    sent = node.send(COUNTER)
    assert client.ask("eth_getTransactionReceipt", data(sent.hash)) is None
    node.seal_mini_block()
    receipt = client.ask("eth_getTransactionReceipt", data(sent.hash))
    mini_block_hash = data(node.history.open_mini_blocks()[0].hash)
    assert [receipt["blockHash"], *[log["blockHash"] for log in receipt["logs"]]] == [mini_block_hash] * 2
    assert client.ask("eth_getHeaderByHash", mini_block_hash)["number"] == "0x1"
    assert client.ask("eth_getUncleCountByBlockHash", mini_block_hash) == "0x0"
    shown = client.ask("eth_getBlockByHash", mini_block_hash, False)
    assert (shown["number"], shown["transactions"]) == (receipt["blockNumber"], [data(sent.hash)])
    assert client.ask("eth_getBalance", data(COUNTER), mini_block_hash) == "0x0"
    node.seal_block()
    sealed = client.ask("eth_getTransactionReceipt", data(sent.hash))
    assert sealed["blockHash"] == data(node.history.head.hash)
    assert client.ask("eth_getBlockByHash", mini_block_hash, False)["hash"] == sealed["blockHash"]
