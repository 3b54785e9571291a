"""
From the node's thread to the event loop: every event, in order, to whoever listens here.

The node's thread only appends to a queue and wakes the loop once; it never waits for clients.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Final

from primitives.events import Event, TransactionQueued
from rpc.backend import Backend

# Only announcements of queued transactions are dropped past this, when the loop falls far behind: what is sealed
# comes at the pace of the chain, what is queued at the pace of the clients.
QUEUED_EVENTS_MAX: Final = 100_000

Listener = Callable[[Event], None]


class Feed:
    """Starts with the first request, because only then there is a running loop."""

    def __init__(self, backend: Backend) -> None:
        self._backend = backend
        self._loop: asyncio.AbstractEventLoop | None = None
        self._leave: Callable[[], None] | None = None
        self._arrived: deque[Event] = deque()
        self._is_woken = False
        self._listeners: list[Listener] = []
        self.wants_queued = 0  # How many listeners care about queued transactions.

    @property
    def is_running(self) -> bool:
        """Whether events arrive."""
        return self._leave is not None

    def start(self) -> None:
        """Begin to deliver on the running loop."""
        self._loop = asyncio.get_running_loop()
        self._leave = self._backend.subscribe(self._receive)

    def stop(self) -> None:
        """Deliver nothing more."""
        if self._leave is not None:
            self._leave()
        self._leave = None

    def listen(self, listener: Listener) -> None:
        """Have every further event; a listener must not raise or take long."""
        self._listeners.append(listener)

    def _receive(self, event: Event) -> None:
        """In the node's thread."""
        if isinstance(event, TransactionQueued) and (not self.wants_queued or len(self._arrived) >= QUEUED_EVENTS_MAX):
            return
        self._arrived.append(event)
        if not self._is_woken:
            self._is_woken = True
            try:
                assert self._loop is not None, "events come after start"
                self._loop.call_soon_threadsafe(self._deliver)
            except RuntimeError:  # The loop is closed: the service has ended, and nobody listens.
                self._arrived.clear()

    def _deliver(self) -> None:
        self._is_woken = False  # Before the queue is read: an event that comes now wakes the loop again.
        while self._arrived:
            event = self._arrived.popleft()
            for listener in self._listeners:
                listener(event)
