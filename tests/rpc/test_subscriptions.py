"""JSON-RPC over WebSocket, and what it can do more than HTTP."""

import json
import socket
import struct
from collections.abc import Iterator

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus

from rpc.encoding import data, quantity
from tests.rpc.client import Client
from tests.rpc.node import ALICE, BOB, COUNTER, Node
from tests.rpc.served import Asker, Served, serving, wait_until

SEVEN = f"0x{7:064x}"


@pytest.fixture
def served(node: Node) -> Iterator[Served]:
    with serving(node) as served:
        yield served


@pytest.fixture
def asker(served: Served) -> Iterator[Asker]:
    with served.web_socket() as asker:
        yield asker


def test_every_method_answers_over_a_socket_too(asker: Asker, node: Node):
    assert asker.ask("eth_chainId") == "0x1eae7"
    assert asker.ask("eth_getBalance", data(ALICE), "latest") == quantity(10_000 * 10**18)
    assert asker.reply("eth_nonsense")["error"]["code"] == -32601
    asker.connection.send(b'[{"jsonrpc":"2.0","id":"a","method":"eth_chainId"}]')
    assert json.loads(asker.connection.recv(timeout=30))[0]["id"] == "a"
    asker.connection.send("nonsense")
    assert json.loads(asker.connection.recv(timeout=30))["error"]["code"] == -32700


def test_new_heads_are_told_with_their_mini_blocks(asker: Asker, node: Node):
    subscription = asker.ask("eth_subscribe", "newHeads")
    node.send(COUNTER)
    node.seal_mini_block()
    node.send(COUNTER)
    block = node.seal_block()
    told = asker.notification()
    assert told["subscription"] == subscription
    head = told["result"]
    assert (head["hash"], head["number"]) == (data(block.hash), "0x1")
    assert (head["miniBlockCount"], head["miniBlockOffset"]) == ("0x2", "0x0")
    node.seal_block()
    assert asker.told()["number"] == "0x2"


def test_logs_are_told_when_their_block_is_sealed(asker: Asker, node: Node):
    asker.ask("eth_subscribe", "logs", {"address": data(COUNTER), "topics": [SEVEN]})
    asker.ask("eth_subscribe", "logs", {"address": data(BOB)})
    node.send(COUNTER)
    node.seal_mini_block()
    node.send(COUNTER)
    block = node.seal_block()
    logs = [asker.told() for _ in range(2)]
    assert [(log["blockHash"], log["logIndex"]) for log in logs] == [
        (data(block.hash), "0x0"),
        (data(block.hash), "0x1"),
    ]
    node.seal_block()
    node.send(COUNTER)
    node.seal_block()
    assert asker.told()["blockNumber"] == "0x3"


def test_logs_from_before_the_subscription_are_not_told_though_their_block_is_sealed_later(asker: Asker, node: Node):
    node.send(COUNTER)
    node.seal_mini_block()
    asker.ask("eth_subscribe", "logs", {"address": data(COUNTER)})
    node.send(COUNTER)
    block = node.seal_block()
    log = asker.told()
    assert (log["blockHash"], log["logIndex"]) == (data(block.hash), "0x1")


def test_logs_are_told_at_once_to_those_who_ask_for_pending_ones(asker: Asker, node: Node):
    node.send(COUNTER)
    node.seal_mini_block()
    asker.ask("eth_subscribe", "logs", {"fromBlock": "pending", "toBlock": "pending"})
    places = []
    for _ in range(2):
        for _ in range(2):
            node.send(COUNTER)
            node.send(COUNTER)
            node.seal_mini_block()
            for _ in range(2):
                log = asker.told()
                assert log["blockHash"] == data(node.history.last_mini_block_hash)
                places.append((log["blockNumber"], log["transactionIndex"], log["logIndex"]))
        node.seal_block()
    first = [("0x1", quantity(index), quantity(index)) for index in range(1, 5)]
    second = [("0x2", quantity(index), quantity(index)) for index in range(4)]
    assert places == first + second


def test_queued_transactions_are_told_by_hash_or_in_full(served: Served, node: Node):
    with served.web_socket() as short, served.web_socket() as full:
        short.ask("eth_subscribe", "newPendingTransactions")
        full.ask("eth_subscribe", "newPendingTransactions", True)
        sent = node.send(BOB)
        assert short.told() == data(sent.hash)
        told = full.told()
        assert (told["hash"], told["blockHash"], told["from"]) == (data(sent.hash), None, data(ALICE))


def test_syncing_is_told_once_to_be_false(asker: Asker):
    asker.ask("eth_subscribe", "syncing")
    assert asker.told() is False


def test_a_subscription_ends_when_it_is_unsubscribed(asker: Asker, node: Node):
    heads = asker.ask("eth_subscribe", "newHeads")
    asker.ask("eth_subscribe", "newPendingTransactions")
    assert asker.ask("eth_unsubscribe", heads) is True
    assert asker.reply("eth_unsubscribe", heads)["error"] == {"code": -32000, "message": "subscription not found"}
    node.seal_block()
    sent = node.send(BOB)
    assert asker.told() == data(sent.hash)


def test_a_socket_can_not_end_the_subscription_of_another(served: Served, asker: Asker):
    subscription = asker.ask("eth_subscribe", "newHeads")
    with served.web_socket() as other:
        assert other.reply("eth_unsubscribe", subscription)["error"]["message"] == "subscription not found"


def test_an_unknown_subscription_is_named(asker: Asker):
    error = asker.reply("eth_subscribe", "nonsense")["error"]
    assert error == {"code": -32601, "message": 'no "nonsense" subscription in eth namespace'}
    assert asker.reply("eth_subscribe")["error"]["code"] == -32602
    assert asker.reply("eth_subscribe", "logs", {"topics": 5})["error"]["code"] == -32602


def test_there_are_no_subscriptions_over_http(client: Client):
    for method, params in (("eth_subscribe", ["newHeads"]), ("eth_unsubscribe", ["0x1"])):
        error = client.refusal(method, *params)
        assert (error.code, error.message) == (-32601, "notifications not supported")


def test_a_socket_may_have_100_subscriptions(asker: Asker):
    for _ in range(100):
        asker.ask("eth_subscribe", "newHeads")
    assert "too many subscriptions" in asker.reply("eth_subscribe", "newHeads")["error"]["message"]


def test_nothing_is_left_of_a_socket_that_is_gone(served: Served, node: Node):
    app = served.server.app
    with served.web_socket() as asker:
        for kind in ("newHeads", "logs", "newPendingTransactions", "syncing"):
            asker.ask("eth_subscribe", kind)
        assert app.feed.wants_queued == 1
    wait_until(lambda: not app.feed.wants_queued)
    assert not any(app.subscriptions._by_kind.values())


def test_a_message_may_have_1_mb_and_no_more(served: Served):
    with served.web_socket() as asker:
        asker.connection.send(" " * 2**20)
        assert json.loads(asker.connection.recv(timeout=30))["error"]["code"] == -32700
        # Only the head of a longer one: a connection that is closed with bytes unread is reset, which may overtake the
        # close frame.
        asker.connection.socket.sendall(b"\x81\xff" + (2**20 + 1).to_bytes(8, "big") + bytes(4))
        with pytest.raises(ConnectionClosed) as caught:
            asker.connection.recv(timeout=30)
    assert caught.value.rcvd is not None
    assert caught.value.rcvd.code == 1009


def test_a_slow_request_does_not_hold_up_the_next_one(asker: Asker, node: Node):
    raw = data(node.signed(COUNTER).raw)
    slow = {"jsonrpc": "2.0", "id": "slow", "method": "eth_sendRawTransactionSync", "params": [raw]}
    asker.connection.send(json.dumps(slow))
    assert asker.ask("eth_chainId") == "0x1eae7"
    node.seal_mini_block()
    # `ask` would keep the late reply with the notifications.
    assert json.loads(asker.connection.recv(timeout=30))["result"]["status"] == "0x1"


@pytest.mark.parametrize("headers", [{"Origin": "https://evil.com"}, {"Host": "evil.com"}])
def test_foreign_pages_get_no_socket(served: Served, headers):
    origin = headers.get("Origin")
    if origin:
        with pytest.raises(InvalidStatus) as caught, served.web_socket(origin=origin):
            pass
        assert caught.value.response.status_code == 403
        return
    handshake = (
        f"GET / HTTP/1.1\r\nHost: {headers['Host']}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
        "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
    )
    with served.connect() as connection:
        connection.sendall(handshake.encode())
        assert connection.recv(65_536).startswith(b"HTTP/1.1 403")


def test_local_pages_get_a_socket_also_under_ws(served: Served):
    with served.web_socket(origin="http://localhost:3000") as asker:
        assert asker.ask("eth_chainId") == "0x1eae7"


def test_a_client_that_does_not_read_is_disconnected_and_the_others_are_not(node: Node):
    limits = {"socket_queue_messages_max": 20, "write_time_s": 0.5, "socket_requests_max": 1_000}
    with serving(node, **limits) as served, served.web_socket() as live:
        live.ask("eth_subscribe", "newHeads")
        with served.connect() as stuck:
            stuck.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
            stuck.sendall(
                b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
                b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
            )
            assert stuck.recv(4_096).startswith(b"HTTP/1.1 101")
            echo = json.dumps({"jsonrpc": "2.0", "id": "i" * 60_000, "method": "eth_chainId"})
            try:
                for _ in range(2_000):
                    stuck.sendall(masked(echo.encode()))
            except (BrokenPipeError, ConnectionResetError, TimeoutError):
                pass
            entered = served.server._connections
            wait_until(lambda: len(entered) == 1)  # Closed by the server, though this client never read.
        for number in range(1, 30):
            node.seal_block()
            assert live.told()["number"] == quantity(number)


def masked(payload: bytes) -> bytes:
    """A text frame as a client sends it, with a mask of zeros."""
    return b"\x81\xff" + struct.pack(">Q", len(payload)) + bytes(4) + payload


def test_a_client_that_reads_too_slowly_is_told_1013(node: Node):
    with serving(node, socket_queue_messages_max=20) as served, served.web_socket() as asker:
        asker.ask("eth_subscribe", "newHeads")
        app = served.server.app
        (subscription,) = app.subscriptions._by_kind["newHeads"].values()
        for _ in range(2_000):
            node.seal_block()
            if subscription.socket.overrun.is_set():
                break
        with pytest.raises(ConnectionClosed) as caught:
            for number in range(1, 2_000):  # Without a hole up to the end.
                assert asker.told()["number"] == quantity(number)
        assert caught.value.rcvd is not None
        assert caught.value.rcvd.code == 1013
