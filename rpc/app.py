"""
The ASGI application: JSON-RPC on `/` over HTTP and WebSocket, everything else through FastAPI.

JSON-RPC does not pass through FastAPI's router, which would cost more than most methods: the body is read from
`receive` and the reply goes to `send`. Errors of JSON-RPC answer with HTTP 200; other codes are for what is wrong
with the transport.
"""

import asyncio
from typing import Any, Final

from fastapi import FastAPI

from primitives.constants import CLIENT_VERSION
from rpc.arrivals import Arrivals
from rpc.backend import Backend
from rpc.blocks import Blocks
from rpc.dispatch import Caller, Dispatcher, Method, Where
from rpc.feed import Feed
from rpc.filters import Filters
from rpc.guard import (
    ClientGone,
    Guard,
    Headers,
    HttpRefusal,
    Message,
    Receive,
    Scope,
    Send,
    preflight_headers,
    with_headers,
)
from rpc.logs import LogSearch
from rpc.methods.blocks import BlockMethods
from rpc.methods.chain import ChainMethods
from rpc.methods.execution import ExecutionMethods
from rpc.methods.filters import FilterMethods
from rpc.methods.pool import PoolMethods
from rpc.methods.send import SendMethods
from rpc.methods.state import StateMethods
from rpc.methods.wallet import WalletMethods
from rpc.settings import RpcSettings
from rpc.subscriptions import CLOSE_TRY_AGAIN_LATER, Socket, Subscriptions
from rpc.threads import CallThreads

RPC_PATHS: Final = frozenset(("/", ""))
SOCKET_PATHS: Final = frozenset(("/", "", "/ws"))
LOOPBACK: Final = ("127.", "::1", "::ffff:127.")


class RpcApp:
    """An ASGI 3 application."""

    def __init__(self, backend: Backend, settings: RpcSettings) -> None:
        self.settings = settings
        self.callers = CallThreads("rpc-call", settings.call_threads)
        self.readers = CallThreads("rpc-read", settings.read_threads)
        self.admitters = CallThreads("rpc-admit", 1)  # Batches follow one another.
        self.feed = Feed(backend)
        blocks = Blocks(backend)
        search = LogSearch(blocks, settings)
        self.filters = Filters(blocks, search, self.feed, self.readers, settings)
        self.subscriptions = Subscriptions(blocks, self.feed, self.readers, settings)
        shown = BlockMethods(blocks, search)
        execution = ExecutionMethods(blocks, settings)
        self.methods: dict[str, Method] = {
            **ChainMethods(blocks).table(),
            **StateMethods(blocks).table(),
            **shown.table(),
            **execution.table(),
            **SendMethods(backend, shown, self.feed, Arrivals(backend, self.admitters)).table(),
            **WalletMethods(backend, execution).table(),
            **PoolMethods(backend).table(),
            **FilterMethods(self.filters, search, self.subscriptions, self.readers).table(),
        }
        threads = {Where.CALLER: self.callers, Where.READER: self.readers}
        self.dispatcher = Dispatcher(self.methods, settings, threads)
        self._guard = Guard(settings)
        self._rest = make_rest(blocks)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request, one socket, or the life of the server."""
        if not self.feed.is_running:
            self.feed.start()
        kind = scope["type"]
        if kind == "http":
            await self._serve_http(scope, receive, send)
        elif kind == "websocket":
            await self._serve_socket(scope, receive, send)
        else:
            await self._serve_lifespan(receive, send)

    def close(self) -> None:
        """Stop listening to the node."""
        self.feed.stop()
        self.subscriptions.stop()
        self.callers.shutdown()
        self.readers.shutdown()
        self.admitters.shutdown()

    async def _serve_http(self, scope: Scope, receive: Receive, send: Send) -> None:
        cors: Headers = []
        try:
            host = origin = content_type = encoding = length = private_network = b""
            for name, value in scope["headers"]:
                if name == b"host":
                    host = value
                elif name == b"content-type":
                    content_type = value
                elif name == b"content-length":
                    length = value
                elif name == b"origin":
                    origin = value
                elif name == b"content-encoding":
                    encoding = value
                elif name == b"access-control-request-private-network":
                    private_network = value
            cors = self._guard.admit(host, origin)
            method = scope["method"]
            if method == "OPTIONS":
                extra = preflight_headers(private_network == b"true") if origin else [(b"allow", b"POST, OPTIONS")]
                await respond(send, 204, b"", [*cors, *extra])
            elif scope["path"] not in RPC_PATHS:
                await self._rest(scope, receive, with_headers(send, cors) if cors else send)
            elif method != "POST":
                raise HttpRefusal(405, "JSON-RPC is asked with POST", [(b"allow", b"POST, OPTIONS")])
            else:
                self._guard.check_content(content_type, encoding, length)
                body = await self._guard.read_body(receive)
                reply = await self.dispatcher.answer(body, _caller(scope))
                if reply is None:
                    await respond(send, 204, b"", cors)
                else:
                    await respond(send, 200, reply, [(b"content-type", b"application/json"), *cors])
        except HttpRefusal as refusal:
            headers = [(b"content-type", b"text/plain; charset=utf-8"), (b"connection", b"close")]
            await respond(send, refusal.status, str(refusal).encode() + b"\n", [*headers, *refusal.headers, *cors])
        except ClientGone:
            return
        except asyncio.CancelledError:  # The server stops and does not wait any longer.
            await respond(send, 503, b"the node is stopping\n", [(b"connection", b"close"), *cors])

    async def _serve_socket(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = dict(scope["headers"])
        await receive()
        try:
            self._guard.admit(headers.get(b"host", b""), headers.get(b"origin", b""))
        except HttpRefusal:
            await send({"type": "websocket.close", "code": 1008})
            return
        if scope["path"] not in SOCKET_PATHS:
            await send({"type": "websocket.close", "code": 1008})
            return
        await send({"type": "websocket.accept"})
        socket = Socket(self.settings)
        try:
            await self._converse(socket, _caller(scope, socket), receive, send)
        except asyncio.CancelledError:
            return  # The server stops; it has said so to the client.
        finally:
            self.subscriptions.remove_all(socket)

    async def _converse(self, socket: Socket, caller: Caller, receive: Receive, send: Send) -> None:
        """Read and write at once, until one side ends it."""
        tasks = {
            asyncio.ensure_future(self._read(socket, caller, receive)),
            asyncio.ensure_future(socket.send_all(send)),
            asyncio.ensure_future(socket.overrun.wait()),
        }
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        if socket.overrun.is_set():
            reason = "the client reads too slowly"
            closing = send({"type": "websocket.close", "code": CLOSE_TRY_AGAIN_LATER, "reason": reason})
            try:
                # It may never be able to read that, either.
                await asyncio.wait_for(closing, self.settings.write_time_s)
            except (TimeoutError, OSError):
                return

    async def _read(self, socket: Socket, caller: Caller, receive: Receive) -> None:
        """Answer messages until the client leaves; several may be in work at once."""
        slots = asyncio.Semaphore(self.settings.socket_requests_max)
        running: set[asyncio.Task[None]] = set()
        try:
            while True:
                await slots.acquire()
                message = await receive()
                if message["type"] != "websocket.receive":
                    return
                task = asyncio.create_task(self._answer(socket, caller, message))
                running.add(task)
                task.add_done_callback(running.discard)
                task.add_done_callback(lambda _: slots.release())
        finally:
            for task in running:
                task.cancel()

    async def _answer(self, socket: Socket, caller: Caller, message: Message) -> None:
        text, body = message.get("text"), message.get("bytes")
        if text is not None:
            body = text.encode("utf-8", "surrogatepass")
        reply = await self.dispatcher.answer(body or b"", caller)
        if reply is not None:
            socket.put(reply)

    async def _serve_lifespan(self, receive: Receive, send: Send) -> None:
        while True:
            message = await receive()
            await send({"type": f"{message['type']}.complete"})
            if message["type"] == "lifespan.shutdown":
                self.close()
                return


def make_app(backend: Backend, settings: RpcSettings | None = None) -> RpcApp:
    """The application that serves `backend`."""
    return RpcApp(backend, settings or RpcSettings())


def make_rest(blocks: Blocks) -> FastAPI:
    """What is not JSON-RPC: health and documentation."""
    rest = FastAPI(title="leveret", version=CLIENT_VERSION, redoc_url=None)

    @rest.get("/health/live")
    async def live() -> dict[str, Any]:
        """The process answers."""
        return {"status": "live"}

    @rest.get("/health/ready")
    async def ready() -> dict[str, Any]:
        """The chain can be read; the number is that of the last sealed block."""
        return {"status": "ready", "blockNumber": blocks.head.number}

    return rest


async def respond(send: Send, status: int, body: bytes, headers: Headers) -> None:
    """A whole response; `content-length` is added where there may be a body."""
    if status != 204:
        headers = [*headers, (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def _caller(scope: Scope, socket: Socket | None = None) -> Caller:
    client = scope.get("client")
    address = client[0] if client else ""
    return Caller(address, address.startswith(LOOPBACK), socket)
