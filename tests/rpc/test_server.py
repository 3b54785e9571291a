"""The server on a real port: starting, stopping, slow and greedy clients."""

import json
import signal
import threading

import httpx
import pytest
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

from primitives.errors import ConfigError
from primitives.keccak import keccak256
from rpc.app import make_app
from rpc.connections import SOCKET_PIECE_BYTES
from rpc.encoding import data
from rpc.server import RpcServer, bind, serve
from tests.rpc.node import COUNTER, Node
from tests.rpc.served import http, read_all, read_reply, serving, wait_until

BODY = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "eth_chainId"}).encode()
HEAD = "POST / HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/json\r\n"
WHOLE = f"{HEAD}content-length: {len(BODY)}\r\n"


def test_http_is_answered_on_a_free_port(node: Node):
    with serving(node) as served, httpx.Client(base_url=served.url) as client:
        for _ in range(3):
            reply = client.post("/", content=BODY, headers={"content-type": "application/json"})
            assert reply.json() == {"jsonrpc": "2.0", "id": 1, "result": "0x1eae7"}
            assert reply.headers["content-type"] == "application/json"
        assert client.get("/health/live").json() == {"status": "live"}


def test_a_port_in_use_is_one_sentence(node: Node):
    with serving(node) as served, pytest.raises(ConfigError, match=r"^port \d+ of 127.0.0.1 is already in use: .*\.$"):
        bind("127.0.0.1", served.port)


@pytest.mark.parametrize(("host", "port"), [("no.such.host.invalid", 0), ("127.0.0.1", 70_000), ("203.0.113.7", 0)])
def test_an_address_that_can_not_be_had_is_one_sentence(host, port):
    with pytest.raises(ConfigError, match=r"\.$"):
        bind(host, port)


def test_http_without_a_host_or_version_is_served(node: Node):
    with serving(node) as served:
        head = f"POST / HTTP/1.0\r\ncontent-type: application/json\r\ncontent-length: {len(BODY)}\r\n\r\n"
        assert b'"result":"0x1eae7"' in http(served.port, head, BODY)


@pytest.mark.parametrize(
    "raw",
    [
        "GARBAGE\r\n\r\n",
        "\x00\x01\x02\x03",
        "POST / HTTP/9.9\r\n\r\n",
        "POST\r\n\r\n",
        f"{HEAD}content-length: -5\r\n\r\n",
        f"{HEAD}content-length: 5, 6\r\n\r\n",
        f"{HEAD}content-length: 5\r\ncontent-length: 6\r\n\r\n",
        f"{HEAD}content-length: 5\r\ntransfer-encoding: chunked\r\n\r\n",
        f"{HEAD}transfer-encoding: chunked\r\n\r\nzz\r\n",
        "POST //\xff\xfe HTTP/1.1\r\nhost: localhost\r\n\r\n",
        "POST http://[::1 HTTP/1.1\r\nhost: localhost\r\n\r\n",
        "GET /%ff%fe HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n",
        "OPTIONS * HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n",
        "CONNECT localhost:1 HTTP/1.1\r\nhost: localhost\r\n\r\n",
        "GET / HTTP/1.1\r\nhost: localhost\r\nconnection: upgrade\r\nupgrade: h2c\r\n\r\n",
        "GET / HTTP/1.1\r\nhost: localhost\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n",
        "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    ],
)
def test_requests_that_are_no_http_do_no_harm(node: Node, raw):
    with serving(node, head_time_s=0.3, body_time_s=0.3, idle_time_s=1) as served:
        answer = http(served.port, raw)
        assert not answer or 200 <= int(answer.split()[1]) < 500 or answer.startswith(b"HTTP/1.1 501"), answer
        assert b'"result"' in http(served.port, f"{WHOLE}connection: close\r\n\r\n", BODY)


def test_pipelined_requests_are_answered_in_order(node: Node):
    with serving(node, idle_time_s=0.5) as served, served.connect() as connection:
        bodies = [BODY.replace(b'"id": 1', b'"id": %d' % number) for number in range(1, 6)]
        for body in bodies:
            connection.sendall(f"{HEAD}content-length: {len(body)}\r\n\r\n".encode() + body)
        answers = read_all(connection)
        assert [answers.count(b'"id":%d,' % number) for number in range(1, 6)] == [1] * 5


@pytest.mark.parametrize(
    "begun",
    [
        "",
        "P",
        "POST / HT",
        HEAD,
        f"{HEAD}x: y",
        "\r\n\r\n",
        f"{WHOLE}\r\n",
        f"{WHOLE}\r\n{{",
        f"{HEAD}transfer-encoding: chunked\r\n\r\n5\r\n{{",
    ],
)
def test_a_request_that_is_never_complete_is_closed(node: Node, begun):
    with serving(node, head_time_s=0.2, body_time_s=0.2) as served, served.connect() as connection:
        connection.sendall(begun.encode())
        assert b" 200 " not in read_all(connection)


def test_a_second_request_must_be_complete_in_time_too(node: Node):
    with serving(node, head_time_s=0.2) as served, served.connect() as connection:
        connection.sendall(f"{WHOLE}\r\n".encode() + BODY + b"POST / HT")
        assert read_all(connection).count(b"HTTP/1.1 200") == 1


def test_empty_lines_between_requests_keep_no_connection_open(node: Node):
    with serving(node, head_time_s=0.2) as served, served.connect() as connection:
        connection.sendall(f"{WHOLE}\r\n".encode() + BODY)
        assert b'"result"' in read_reply(connection)
        connection.sendall(b"\r\n")
        assert read_all(connection) == b""


def test_a_socket_outlives_the_time_for_a_request(node: Node):
    with serving(node, head_time_s=0.2, body_time_s=0.2) as served, served.web_socket() as asker:
        asker.ask("eth_chainId")
        with served.connect() as younger:
            younger.sendall(b"P")
            assert read_all(younger) == b""
        assert asker.ask("eth_chainId")


def test_a_socket_has_little_parsed_in_one_turn(node: Node, monkeypatch):
    pieces = []

    def parse(self, data, parse_all=WebSocketsSansIOProtocol.data_received):
        pieces.append(len(data))
        parse_all(self, data)

    monkeypatch.setattr(WebSocketsSansIOProtocol, "data_received", parse)
    with serving(node) as served, served.web_socket() as asker:
        long = b"\x01" * 200_000
        for _ in range(3):
            assert asker.ask("web3_sha3", data(long)) == data(keccak256(long))
            assert asker.ask("eth_chainId") == "0x1eae7"
    assert sum(pieces) > 1_200_000
    assert max(pieces) <= SOCKET_PIECE_BYTES


def test_a_head_may_not_grow_without_end(node: Node):
    with serving(node) as served, served.connect() as connection:
        connection.sendall(HEAD.encode())
        answer = b""
        try:
            for number in range(2_000):
                connection.sendall(b"x-%d: %s\r\n" % (number, b"y" * 100))
        except (BrokenPipeError, ConnectionResetError):
            pass
        else:
            answer = read_all(connection)
        assert answer == b"" or answer.startswith(b"HTTP/1.1 431")


def test_a_long_body_is_refused_before_it_is_sent(node: Node):
    with serving(node) as served:
        answer = http(served.port, f"{HEAD}content-length: 1000000000\r\n\r\n")
        assert answer.startswith(b"HTTP/1.1 413")
        assert b"connection: close" in answer


def test_a_long_body_in_chunks_is_cut_off(node: Node):
    with serving(node, body_bytes_max=100_000) as served, served.connect() as connection:
        connection.sendall(f"{HEAD}transfer-encoding: chunked\r\n\r\n".encode())
        chunk = b"10000\r\n" + b" " * 65_536 + b"\r\n"
        sent = 0
        try:
            while sent < 100 * 2**20:
                connection.sendall(chunk)
                sent += len(chunk)
        except (BrokenPipeError, ConnectionResetError):
            pass
        assert sent < 20 * 2**20


def test_connections_are_limited_for_one_address(node: Node):
    with serving(node, connections_per_address_max=3) as served:
        connections = [served.connect() for _ in range(3)]
        for connection in connections:
            connection.sendall(f"{WHOLE}\r\n".encode() + BODY)
            assert read_reply(connection).startswith(b"HTTP/1.1 200")
        with served.connect() as refused:
            assert read_all(refused) == b""
        connections.pop().close()
        wait_until(lambda: b'"result"' in http(served.port, f"{WHOLE}connection: close\r\n\r\n", BODY))
        for connection in connections:
            connection.close()


def test_a_socket_counts_as_a_connection_until_it_ends(node: Node):
    with serving(node, connections_max=2) as served:
        for _ in range(5):
            with served.web_socket() as asker:
                assert asker.ask("eth_chainId") == "0x1eae7"
        entered = served.server._connections
        wait_until(lambda: len(entered) == 0)
        assert entered._count_by_address == {}


def test_stop_ends_the_server_with_requests_in_work(node: Node):
    waiting = node.signed(COUNTER, nonce=7)
    request = {"jsonrpc": "2.0", "id": 1, "method": "eth_sendRawTransactionSync", "params": ["0x" + waiting.raw.hex()]}
    body = json.dumps(request).encode()
    with serving(node, shutdown_time_s=0.2) as served, served.connect() as connection:
        connection.sendall(f"{HEAD}content-length: {len(body)}\r\n\r\n".encode() + body)
        wait_until(lambda: node.queue)
        served.server.stop()
        assert read_all(connection).startswith(b"HTTP/1.1 503")
        served.thread.join(30)
        assert not served.thread.is_alive()
    assert node.listeners == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_after_a_signal_the_program_goes_on(node: Node, number):
    handler = signal.getsignal(number)
    answers = []

    def stop(port: int) -> None:
        answers.append(port)
        signal.raise_signal(number)

    serve(make_app(node), "127.0.0.1", 0, stop)
    assert len(answers) == 1
    assert signal.getsignal(number) is handler
    assert node.listeners == []


def test_a_server_that_was_never_run_leaves_its_port(node: Node):
    server = RpcServer(make_app(node), "127.0.0.1", 0)
    port = server.port
    server.close()
    bind("127.0.0.1", port).close()


def test_a_call_in_work_does_not_hold_up_the_others(node: Node):
    is_running, may_end = threading.Event(), threading.Event()
    call = node.engine.call

    def wait(*arguments):
        is_running.set()
        assert may_end.wait(30)
        return call(*arguments)

    node.engine.call = wait  # type: ignore[method-assign]
    slow = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "eth_call", "params": [{}]}).encode()
    with serving(node, idle_time_s=0.5) as served, served.connect() as connection:
        connection.sendall(f"{HEAD}content-length: {len(slow)}\r\n\r\n".encode() + slow)
        assert is_running.wait(30)
        for _ in range(3):
            assert b'"result"' in http(served.port, f"{WHOLE}connection: close\r\n\r\n", BODY)
        may_end.set()
        assert b'"result"' in read_all(connection)
