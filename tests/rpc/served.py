"""An application behind a real server on a free port, in a thread."""

import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

from websockets.sync.client import ClientConnection, connect

from rpc.app import make_app
from rpc.server import RpcServer
from rpc.settings import RpcSettings
from tests.rpc.node import Node


@dataclass(frozen=True)
class Served:
    """The server of `node`."""

    node: Node
    server: RpcServer
    thread: threading.Thread

    @property
    def port(self) -> int:
        return self.server.port

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def connect(self) -> socket.socket:
        """A bare connection."""
        return socket.create_connection(("127.0.0.1", self.port), timeout=30)

    @contextmanager
    def web_socket(self, **options: Any) -> Iterator["Asker"]:
        with connect(f"ws://127.0.0.1:{self.port}", compression=None, open_timeout=30, **options) as connection:
            yield Asker(connection)


class Asker:
    """JSON-RPC over one WebSocket; notifications are kept until they are asked for."""

    def __init__(self, connection: ClientConnection) -> None:
        self.connection = connection
        self._next_id = 0
        self._notifications: list[dict[str, Any]] = []

    def ask(self, method: str, *params: Any) -> Any:
        reply = self.reply(method, *params)
        assert "error" not in reply, reply
        return reply["result"]

    def reply(self, method: str, *params: Any) -> Any:
        self._next_id += 1
        request = {"jsonrpc": "2.0", "id": self._next_id, "method": method, "params": list(params)}
        self.connection.send(json.dumps(request))
        while True:
            message = json.loads(self.connection.recv(timeout=30))
            if message.get("id") == self._next_id:
                return message
            self._notifications.append(message)

    def notification(self) -> dict[str, Any]:
        """The `params` of the next one."""
        message = self._notifications.pop(0) if self._notifications else json.loads(self.connection.recv(timeout=30))
        assert message["method"] == "eth_subscription"
        params: dict[str, Any] = message["params"]
        return params

    def told(self) -> Any:
        """What the next one tells."""
        return self.notification()["result"]


def http(port: int, head: str, body: bytes = b"") -> bytes:
    """Everything that the server answers to these bytes until it closes."""
    with socket.create_connection(("127.0.0.1", port), timeout=30) as connection:
        connection.sendall(head.encode("latin-1") + body)
        return read_all(connection)


def read_all(connection: socket.socket) -> bytes:
    parts = []
    try:
        while part := connection.recv(65_536):
            parts.append(part)
    except ConnectionResetError:
        pass
    return b"".join(parts)


def read_reply(connection: socket.socket) -> bytes:
    """One reply with a body, which may come in pieces."""
    received = b""
    while not received.endswith(b"}"):
        part = connection.recv(65_536)
        if not part:
            break
        received += part
    return received


def wait_until(condition: Callable[[], object]) -> None:
    """For what happens in the server's thread a moment later and tells nobody."""
    deadline_s = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline_s, "it never happened"
        time.sleep(0.001)


@contextmanager
def serving(node: Node, **settings: Any) -> Iterator[Served]:
    chosen = replace(RpcSettings(), **settings)
    server = RpcServer(make_app(node, chosen), "127.0.0.1", 0)
    is_ready = threading.Event()
    thread = threading.Thread(target=server.run, args=(lambda port: is_ready.set(),))
    thread.start()
    try:
        assert is_ready.wait(30)
        yield Served(node, server, thread)
    finally:
        server.stop()
        thread.join(30)
        assert not thread.is_alive()
