"""
Connections: how many there may be, and how long a slow client may take.

uvicorn closes connections that are idle between two requests, and nothing else: half a request head can stay open
for ever. Here every connection is entered in a list, the protocols below note what they wait for, and a sweep once a
second aborts those that take too long.
"""

import asyncio
from collections import Counter
from dataclasses import dataclass
from enum import Enum
from typing import Any, Final

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

from rpc.settings import RpcSettings

HEAD_TOO_LARGE: Final = (
    b"HTTP/1.1 431 Request Header Fields Too Large\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
)

# What one WebSocket has parsed in one turn of the loop: about a thousand of the shortest frames.
SOCKET_PIECE_BYTES: Final = 8 * 1024


class Phase(Enum):
    """What a connection waits for."""

    HEAD = "the rest of a request head"
    BODY = "the rest of a request body"
    ANSWER = "us, or the next request"


@dataclass(slots=True)
class Connection:
    """`since_s` is when the phase began, `blocked_s` when the client stopped reading (None: it reads)."""

    transport: asyncio.Transport
    address: str
    phase: Phase
    since_s: float
    blocked_s: float | None = None
    head_bytes: int = 0


class Connections:
    """All open connections of one server. Used on its event loop only."""

    def __init__(self, settings: RpcSettings) -> None:
        self.settings = settings
        self._open: dict[asyncio.Transport, Connection] = {}
        self._count_by_address: Counter[str] = Counter()

    def __len__(self) -> int:
        return len(self._open)

    def enter(self, transport: asyncio.Transport) -> Connection | None:
        """A new connection, or None if there are too many; then it must be aborted."""
        peer = transport.get_extra_info("peername")
        address = peer[0] if peer else ""
        if len(self._open) >= self.settings.connections_max:
            return None
        if self._count_by_address[address] >= self.settings.connections_per_address_max:
            return None
        entry = Connection(transport, address, Phase.HEAD, asyncio.get_running_loop().time())
        self._open[transport] = entry
        self._count_by_address[address] += 1
        return entry

    def find(self, transport: asyncio.Transport) -> Connection | None:
        """The entry of a connection that came in as HTTP."""
        return self._open.get(transport)

    def leave(self, transport: asyncio.Transport) -> None:
        """A connection is closed."""
        gone = self._open.pop(transport, None)
        if gone is not None:
            self._count_by_address[gone.address] -= 1
            if not self._count_by_address[gone.address]:
                del self._count_by_address[gone.address]

    def sweep(self, now_s: float) -> None:
        """Abort every connection that takes too long at `now_s`, a time of the event loop."""
        limits = {Phase.HEAD: self.settings.head_time_s, Phase.BODY: self.settings.body_time_s}
        for entry in list(self._open.values()):
            if entry.transport.is_closing() and entry.blocked_s is None:
                entry.blocked_s = now_s  # Closed by us; the client must still take what was sent.
            limit_s = limits.get(entry.phase)
            is_late = limit_s is not None and now_s - entry.since_s > limit_s
            is_blocked = entry.blocked_s is not None and now_s - entry.blocked_s > self.settings.write_time_s
            if is_late or is_blocked:
                entry.transport.abort()


class GuardedHttp(HttpToolsProtocol):
    """HTTP/1.1 whose requests must be complete in time."""

    def __init__(self, connections: Connections, **config: Any) -> None:
        super().__init__(**config)
        self._connections = connections
        self._entry: Connection | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Enter the list, or be refused."""
        super().connection_made(transport)
        self._entry = self._connections.enter(transport)
        if self._entry is None:
            transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        """Leave the list."""
        self._connections.leave(self.transport)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Bytes of a request; a head must stay small."""
        entry = self._entry
        if entry is None or self.parser is None:
            return
        if entry.phase is Phase.HEAD:
            entry.head_bytes += len(data)
        super().data_received(data)
        if self.transport.get_protocol() is not self:
            return  # It is a WebSocket now.
        if entry.phase is Phase.HEAD and entry.head_bytes > self._connections.settings.head_bytes_max:
            self.transport.write(HEAD_TOO_LARGE)
            self.transport.close()
        elif entry.phase is Phase.ANSWER and self.timeout_keep_alive_task is None and self._is_idle():
            self._begin(Phase.HEAD)  # Bytes that belong to no request, such as empty lines before one.

    def on_message_begin(self) -> None:
        """The first byte of a request."""
        self._begin(Phase.HEAD)
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        """The head is complete."""
        self._begin(Phase.BODY)
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        """The body is complete."""
        self._begin(Phase.ANSWER)
        super().on_message_complete()

    def pause_writing(self) -> None:
        """The client does not read."""
        super().pause_writing()
        if self._entry is not None:
            self._entry.blocked_s = self.loop.time()

    def resume_writing(self) -> None:
        """The client reads again."""
        super().resume_writing()
        if self._entry is not None:
            self._entry.blocked_s = None

    def _begin(self, phase: Phase) -> None:
        entry = self._entry
        if entry is not None and (phase is not Phase.HEAD or entry.phase is not Phase.HEAD):
            entry.phase = phase
            entry.since_s = self.loop.time()
            entry.head_bytes = 0

    def _is_idle(self) -> bool:
        return self.cycle is None or self.cycle.response_complete


class GuardedSocket(WebSocketsSansIOProtocol):
    """
    A WebSocket in the same list; it came in as HTTP.

    What arrives is parsed in small pieces, with everybody else's turn in between: a quarter of a megabyte, which may
    come at once, holds forty thousand short frames, and they would take the loop a second.
    """

    def __init__(self, connections: Connections, **config: Any) -> None:
        super().__init__(**config)
        self._connections = connections
        self._entry: Connection | None = None
        self._unparsed = bytearray()

    def connection_made(self, transport: Any) -> None:
        """The upgrade is complete: from here on only reading is watched."""
        super().connection_made(transport)
        self._entry = self._connections.find(transport)
        if self._entry is not None:
            self._entry.phase = Phase.ANSWER

    def data_received(self, data: bytes) -> None:
        """Bytes of frames; what follows the first piece waits, and so does what follows on the wire."""
        is_in_work = bool(self._unparsed)
        self._unparsed += data
        if not is_in_work:
            self._parse_piece()

    async def receive(self) -> Any:
        """The next message for the application."""
        message = await super().receive()
        if self._unparsed:
            self.transport.pause_reading()  # It may just have been resumed.
        return message

    def _parse_piece(self) -> None:
        if self.transport.is_closing():
            self._unparsed.clear()
            return
        piece = bytes(self._unparsed[:SOCKET_PIECE_BYTES])
        super().data_received(piece)
        del self._unparsed[: len(piece)]
        if self._unparsed:
            self.transport.pause_reading()
            self.loop.call_soon(self._parse_piece)
        elif not self.read_paused and not self.transport.is_closing():
            self.transport.resume_reading()

    def connection_lost(self, exc: Exception | None) -> None:
        """Leave the list."""
        self._connections.leave(self.transport)
        super().connection_lost(exc)

    def pause_writing(self) -> None:
        """The client does not read."""
        super().pause_writing()
        if self._entry is not None:
            self._entry.blocked_s = self.loop.time()

    def resume_writing(self) -> None:
        """The client reads again."""
        super().resume_writing()
        if self._entry is not None:
            self._entry.blocked_s = None
