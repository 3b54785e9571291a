"""
The server: uvicorn on uvloop and httptools, HTTP and WebSocket on one port.

The port is bound before anything is started, so that one that is in use is a sentence and not a traceback. SIGINT
and SIGTERM (if the server runs in the main thread) make `run` return within two seconds; `stop` does so from any
thread.
"""

import asyncio
import contextlib
import logging
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from functools import partial
from types import FrameType
from typing import Final

from uvicorn import Config, Server

from primitives.errors import ConfigError
from rpc.app import RpcApp
from rpc.connections import Connections, GuardedHttp, GuardedSocket
from rpc.settings import RpcSettings

BACKLOG: Final = 2_048
PING_INTERVAL_S: Final = 20.0
TICKS_BETWEEN_SWEEPS: Final = 5  # A tick of uvicorn is 0.1 s.

OnReady = Callable[[int], None]


class RpcServer:
    """Serves an application on one address; binding it raises ConfigError."""

    def __init__(self, app: RpcApp, host: str, port: int, settings: RpcSettings | None = None) -> None:
        settings = settings or app.settings
        self.app = app
        self._socket = bind(host, port)
        self._connections = Connections(settings)
        config = Config(
            app,
            http=partial(GuardedHttp, self._connections),  # type: ignore[arg-type]
            ws=partial(GuardedSocket, self._connections),  # type: ignore[arg-type]
            loop="uvloop",
            lifespan="on",
            access_log=False,
            log_config=None,
            server_header=False,
            date_header=False,
            proxy_headers=False,
            ws_max_size=settings.socket_message_bytes_max,
            ws_per_message_deflate=False,
            ws_ping_interval=PING_INTERVAL_S,
            ws_ping_timeout=PING_INTERVAL_S,
            timeout_keep_alive=settings.idle_time_s,  # type: ignore[arg-type]
            timeout_graceful_shutdown=settings.shutdown_time_s,  # type: ignore[arg-type]
            backlog=BACKLOG,
        )
        # uvicorn has a line for every bad request and every start; the node speaks for itself.
        logging.getLogger("uvicorn").setLevel(logging.CRITICAL)
        logging.getLogger("uvicorn.error").setLevel(logging.CRITICAL)
        self._server = _Server(config, self._connections)

    @property
    def port(self) -> int:
        """The port, also if 0 was asked for."""
        port: int = self._socket.getsockname()[1]
        return port

    def run(self, on_ready: OnReady | None = None) -> None:
        """Serve until stopped; `on_ready` is called with the port as soon as requests are answered."""
        self._server.on_ready = None if on_ready is None else partial(on_ready, self.port)
        try:
            self._server.run(sockets=[self._socket])
        finally:
            self._socket.close()

    def stop(self) -> None:
        """Have `run` return; from any thread."""
        self._server.should_exit = True

    def close(self) -> None:
        """Leave the port, if `run` was never called."""
        self._socket.close()


def serve(app: RpcApp, host: str, port: int, on_ready: OnReady | None = None) -> None:
    """Serve `app` until a signal; ConfigError if the address can't be used."""
    RpcServer(app, host, port).run(on_ready)


def bind(host: str, port: int) -> socket.socket:
    """A socket that is bound to an address (port 0 for any free one); ConfigError, in one sentence, if it can't be."""
    if not 0 <= port < 2**16:
        raise ConfigError(f"port {port} does not exist: choose one from 0 to 65535.")
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    except (socket.gaierror, UnicodeError) as error:
        raise ConfigError(f"'{host}' is no address of this machine: {_reason(error)}.") from error
    bound = socket.socket(family, kind, protocol)
    try:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind(address)
        bound.setblocking(False)
    except OSError as error:
        bound.close()
        if error.errno is not None and "in use" in (error.strerror or ""):
            text = f"port {port} of {host} is already in use: stop what listens there, or choose another with --port."
            raise ConfigError(text) from error
        raise ConfigError(f"can't listen on {host}:{port}: {_reason(error)}.") from error
    return bound


def _reason(error: Exception) -> str:
    return getattr(error, "strerror", None) or str(error)


class _Server(Server):
    """uvicorn's, with a sweep of the connections, a call when it is ready, and signals that only stop it."""

    def __init__(self, config: Config, connections: Connections) -> None:
        super().__init__(config)
        self._connections = connections
        self.on_ready: Callable[[], None] | None = None

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start to accept, then say so."""
        await super().startup(sockets)
        if self.on_ready is not None:
            self.on_ready()

    async def on_tick(self, counter: int) -> bool:
        """Ten times a second."""
        if counter % TICKS_BETWEEN_SWEEPS == 0:
            self._connections.sweep(asyncio.get_running_loop().time())
        return await super().on_tick(counter)

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Stop on a signal; uvicorn would raise it again at its end, before the node is closed."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        before = {number: signal.signal(number, self._stop) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def _stop(self, number: int, frame: FrameType | None) -> None:
        self.should_exit = True
