"""Sending transactions, and waiting for their receipts."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from primitives.errors import NonceMaxed, SequencerStopped, StorageUnavailable
from primitives.events import SequencerFailed
from primitives.transaction import ACCESS_LIST, LEGACY, decode_transaction
from rpc.encoding import data
from rpc.json_objects import without_block_hash
from tests.rpc.client import Client, Refused
from tests.rpc.node import ALICE, ANSWER, BOB, CAROL, COMPLAINER, COUNTER, ENDLESS, NOBODY, WALLET, Node

SYNC = ["eth_sendRawTransactionSync", "realtime_sendRawTransaction"]


def while_waiting(client: Client, method: str, *params: Any, then: Callable[[], None]) -> Any:
    """Ask, do `then` once the transaction is queued, and return the result."""

    async def ask() -> Any:
        asked = asyncio.create_task(client.ask_async(method, *params))
        while not client.node.queue:
            await asyncio.sleep(0)
        then()
        return await asked

    return client.run(ask())


def test_a_transaction_that_was_taken_is_known_by_its_hash(client: Client, node: Node):
    signed = node.signed(BOB, value=5)
    assert client.ask("eth_sendRawTransaction", data(signed.raw)) == data(signed.hash)
    assert node.queue == [signed]


def test_refusals_of_the_mempool_are_told_in_geths_words(client: Client, node: Node):
    signed = node.send(BOB)
    error = client.refusal("eth_sendRawTransaction", data(signed.raw))
    assert (error.code, error.message) == (-32000, "already known")
    node.seal_mini_block()
    for method in ["eth_sendRawTransaction", *SYNC]:
        error = client.refusal(method, data(signed.raw))
        assert (error.code, error.message) == (-32000, "nonce too low: next nonce 1, tx nonce 0")


@pytest.mark.parametrize("method", ["eth_sendRawTransaction", *SYNC])
@pytest.mark.parametrize("raw", ["0x", "0x00", "0x7f", "0x05c0", "0xc0", "0x02", "0x02c0", "0xf8", "0x80", "0x12" * 40])
def test_bytes_that_are_no_transaction_are_refused(client: Client, method, raw):
    assert client.refusal(method, raw).code in (-32000, -32602)


@pytest.mark.parametrize("method", ["eth_sendRawTransaction", *SYNC])
def test_what_is_too_long_for_a_transaction_is_refused_before_it_is_decoded(client: Client, method):
    error = client.refusal(method, "0x" + "c0" * 131_073)
    assert (error.code, error.message) == (-32000, "oversized data: transaction size 131073, limit 131072")


@pytest.mark.parametrize("method", SYNC)
def test_a_receipt_comes_with_the_mini_block(client: Client, node: Node, method):
    signed = node.signed(COUNTER)
    receipt = while_waiting(client, method, data(signed.raw), then=node.seal_mini_block)
    assert (receipt["transactionHash"], receipt["status"]) == (data(signed.hash), "0x1")
    assert (receipt["blockHash"], receipt["blockNumber"]) == (None, "0x1")
    assert [log["blockHash"] for log in receipt["logs"]] == [None]
    assert receipt == without_block_hash(client.ask("eth_getTransactionReceipt", data(signed.hash)))


@pytest.mark.parametrize("method", SYNC)
def test_a_reverted_transaction_has_a_receipt_too(client: Client, node: Node, method):
    receipt = while_waiting(client, method, data(node.signed(COMPLAINER).raw), then=node.seal_mini_block)
    assert receipt["status"] == "0x0"


class TestAtOnce:
    @pytest.fixture
    def node(self) -> Node:
        return Node(seals_at_once=True)

    @pytest.mark.parametrize("method", SYNC)
    def test_a_receipt_that_is_there_before_submit_returns_is_not_missed(self, client: Client, node: Node, method):
        for _ in range(3):
            assert client.ask(method, data(node.signed(COUNTER).raw))["status"] == "0x1"


@pytest.mark.parametrize("method", SYNC)
def test_a_transaction_that_is_refused_after_all_ends_the_waiting(client: Client, node: Node, method):
    signed = node.signed(BOB)
    with pytest.raises(Refused) as caught:
        while_waiting(client, method, data(signed.raw), then=lambda: node.refuse(signed, NonceMaxed()))
    assert (caught.value.code, caught.value.message) == (-32000, "nonce has max value")


@pytest.mark.parametrize("method", SYNC)
def test_a_failure_of_the_node_ends_the_waiting(client: Client, node: Node, method):
    failed = SequencerFailed(StorageUnavailable("no space is left"))
    with pytest.raises(Refused) as caught:
        while_waiting(client, method, data(node.signed(BOB).raw), then=lambda: node.publish(failed))
    assert (caught.value.code, caught.value.message) == (-32000, "no space is left")


def test_what_got_into_the_log_before_a_failure_has_its_receipt(client: Client, node: Node):
    def fail_before_the_mini_block_is_announced() -> None:
        listeners, node.listeners = node.listeners, []
        node.seal_mini_block()
        node.listeners = listeners
        node.publish(SequencerFailed(SequencerStopped("stopped")))

    signed = node.signed(BOB)
    receipt = while_waiting(client, SYNC[0], data(signed.raw), then=fail_before_the_mini_block_is_announced)
    assert receipt["transactionHash"] == data(signed.hash)


@pytest.mark.parametrize("timeout", [1, "0x1"])
def test_waiting_too_long_is_code_4_with_the_hash(client: Client, node: Node, timeout):
    signed = node.signed(BOB, nonce=5)
    error = client.refusal("eth_sendRawTransactionSync", data(signed.raw), timeout)
    assert (error.code, error.data) == (4, data(signed.hash))
    assert "wasn't processed in 1ms" in error.message
    assert node.queue == [signed]


def test_megaeths_name_has_its_own_words_for_that(client: Client, node: Node, monkeypatch):
    monkeypatch.setattr("rpc.methods.send.REALTIME_TIMEOUT_MS", 1)
    error = client.refusal("realtime_sendRawTransaction", data(node.signed(BOB).raw))
    assert (error.code, error.message) == (-32000, "realtime transaction expired")


def test_nobody_waits_after_the_answer(client: Client, node: Node):
    waiting = next(
        method.run.__self__.waiting  # type: ignore[attr-defined]
        for name, method in client.app.methods.items()
        if name == "eth_sendRawTransactionSync"
    )
    client.refusal("eth_sendRawTransactionSync", data(node.signed(BOB).raw), 1)
    client.refusal("eth_sendRawTransactionSync", "0x00")
    client.refusal("eth_sendRawTransactionSync", data(node.queue[0].raw), 1)
    assert waiting == {}


def test_dev_accounts_are_listed(client: Client, node: Node):
    accounts = [data(address) for address in WALLET.addresses]
    assert accounts[0] == "0xf39fd6e51aad88f6f4ce6ab8827279cfffb92266"
    assert client.ask("eth_accounts") == client.ask("eth_requestAccounts") == accounts
    node.wallet = None
    assert client.ask("eth_accounts") == []
    assert client.refusal("eth_sendTransaction", {"from": accounts[0], "to": accounts[1]}).message == "unknown account"


def test_a_dev_account_sends_with_everything_filled_in(client: Client, node: Node):
    node.send(BOB)
    sent = client.ask("eth_sendTransaction", {"from": data(ALICE), "to": data(COUNTER)})
    queued = node.queue[-1]
    assert data(queued.hash) == sent
    assert (queued.sender, queued.nonce, queued.type) == (ALICE, 1, 2)
    assert 21_000 < queued.gas_limit < 60_000
    assert queued.max_fee_per_gas == 2 * node.chain.base_fee_per_gas
    node.seal_block()
    assert client.ask("eth_getTransactionReceipt", sent)["status"] == "0x1"


def test_a_dev_account_sends_what_was_asked_for(client: Client, node: Node):
    client.ask("eth_sendTransaction", {"from": data(ALICE), "to": data(BOB), "gasPrice": "0x5f5e100", "gas": "0x7530"})
    legacy = node.queue[-1]
    assert (legacy.type, legacy.gas_limit, legacy.max_fee_per_gas) == (LEGACY, 30_000, 10**8)
    client.ask(
        "eth_sendTransaction",
        {"from": data(ALICE), "to": data(BOB), "gasPrice": "0x5f5e100", "accessList": [], "nonce": "0x9"},
    )
    assert (node.queue[-1].type, node.queue[-1].nonce) == (ACCESS_LIST, 9)
    client.ask(
        "eth_sendTransaction",
        {"from": data(ALICE), "data": "0x00", "maxFeePerGas": "0x5f5e100", "maxPriorityFeePerGas": "0x2"},
    )
    creation = node.queue[-1]
    assert (creation.to, creation.max_fee_per_gas, creation.max_priority_fee_per_gas) == (None, 10**8, 2)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"from": data(NOBODY), "to": data(BOB)}, "unknown account"),
        ({"to": data(BOB)}, "unknown account"),
        ({"from": data(ALICE), "to": data(COMPLAINER)}, "execution reverted: no way"),
        ({"from": data(ALICE), "to": data(ENDLESS), "gas": "0x1", "chainId": "0x5"}, "chainId does not match"),
        ({"from": data(CAROL), "to": data(BOB), "value": "0x1"}, "insufficient funds"),
        ({"from": data(ALICE), "to": data(BOB), "blobVersionedHashes": ["0x01" + "00" * 31]}, "not supported"),
    ],
)
def test_what_a_dev_account_can_not_send_is_refused(client: Client, node: Node, arguments, words):
    assert words in client.refusal("eth_sendTransaction", arguments).message
    assert node.queue == []


def test_a_transaction_is_filled_in_without_being_sent(client: Client, node: Node):
    filled = client.ask("eth_fillTransaction", {"from": data(ALICE), "to": data(ANSWER)})
    members = filled["tx"]
    assert {"type", "nonce", "gas", "to", "value", "input", "maxFeePerGas", "maxPriorityFeePerGas", "chainId"} <= set(
        members
    )
    assert decode_transaction(bytes.fromhex(filled["raw"][2:])).gas_limit == int(members["gas"], 16)
    assert node.queue == []
    signed = client.ask("eth_signTransaction", {"from": data(ALICE), "to": data(ANSWER)})
    assert decode_transaction(bytes.fromhex(signed["raw"][2:])).sender == ALICE
    assert node.queue == []


def test_messages_are_signed_as_wallets_sign_them(client: Client):
    from eth_account import Account
    from eth_account.messages import encode_defunct

    for message in (b"", b"hello", bytes(range(256))):
        signature = client.ask("eth_sign", data(ALICE), data(message))
        assert signature == client.ask("personal_sign", data(message), data(ALICE))
        assert signature == client.ask("personal_sign", data(message), data(ALICE), "password")
        recovered = Account.recover_message(encode_defunct(message), signature=signature)
        assert bytes.fromhex(recovered[2:]) == ALICE
    assert client.refusal("eth_sign", data(NOBODY), "0x").message == "unknown account"


WALLET_CALLS = [
    ("eth_sendTransaction", {"from": data(ALICE), "to": data(BOB)}),
    ("eth_signTransaction", {"from": data(ALICE), "to": data(BOB)}),
    ("eth_sign", data(ALICE), "0x00"),
    ("personal_sign", "0x00", data(ALICE)),
]


@pytest.mark.parametrize("address", ["192.168.1.7", "10.0.0.1", "fe80::1", "8.8.8.8", ""])
@pytest.mark.parametrize("call", WALLET_CALLS, ids=lambda call: call[0])
def test_dev_accounts_sign_nothing_for_other_machines(node: Node, address, call):
    from rpc.settings import RpcSettings

    far = Client(node, address=address)
    error = far.refusal(*call)
    assert error.code == -32601
    assert error.message == f"the method {call[0]} does not exist/is not available"
    far.close()
    allowed = Client(node, RpcSettings(wallet_over_network=True), address)
    allowed.ask(*call)
    allowed.close()


@pytest.mark.parametrize("address", ["127.0.0.1", "127.1.2.3", "::1", "::ffff:127.0.0.1"])
def test_dev_accounts_sign_for_this_machine(node: Node, address):
    near = Client(node, address=address)
    near.ask("eth_sign", data(ALICE), "0x00")
    near.close()


def test_the_mempool_is_shown_by_sender_and_nonce(client: Client, node: Node):
    empty = {"pending": {}, "queued": {}}
    assert client.ask("txpool_content") == client.ask("txpool_inspect") == empty
    node.send(BOB)
    node.send(BOB, nonce=1)
    node.send(BOB, nonce=5)
    node.send(ALICE, sender=BOB, nonce=3)
    assert client.ask("txpool_status") == {"pending": "0x2", "queued": "0x2"}
    content = client.ask("txpool_content")
    alice, bob = "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266", "0x70997970C51812dc3A010C7d01b50e0d17dc79C8"
    assert {name: {sender: list(items) for sender, items in part.items()} for name, part in content.items()} == {
        "pending": {alice: ["0", "1"]},
        "queued": {alice: ["5"], bob: ["3"]},
    }
    assert client.ask("txpool_contentFrom", bob) == {"pending": {}, "queued": content["queued"][bob]}
    assert client.ask("txpool_inspect")["queued"][bob]["3"].startswith(data(ALICE) + ": 0 wei + 200000 gas")


def test_transactions_of_a_batch_go_together_and_what_follows_sees_them(client: Client, node: Node):
    batches = []
    admit = node.admit
    node.admit = lambda raws: batches.append(list(raws)) or admit(raws)  # type: ignore[method-assign, func-returns-value]
    signed = [node.signed(BOB, nonce=nonce) for nonce in range(5)]
    send = [
        {"jsonrpc": "2.0", "id": each.nonce, "method": "eth_sendRawTransaction", "params": [data(each.raw)]}
        for each in signed
    ]
    count = {"jsonrpc": "2.0", "method": "eth_getTransactionCount", "params": [data(ALICE), "pending"]}
    batch = [{**count, "id": 10}, *send[:3], {**count, "id": 11}, *send[3:], send[0], {**count, "id": 12}]
    replies = client.reply(batch)
    assert [reply["id"] for reply in replies] == [message["id"] for message in batch]
    assert [reply["result"] for reply in replies if reply["id"] >= 10] == ["0x0", "0x3", "0x5"]
    assert [reply["result"] for reply in replies if reply["id"] < 5 and "result" in reply] == [
        data(each.hash) for each in signed
    ]
    assert replies[7]["error"]["message"] == "already known"
    raws = [each.raw for each in signed]
    assert batches == [raws[:3], [*raws[3:], raws[0]]]
