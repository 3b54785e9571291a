"""
The publisher inside the node: listeners are called in the sequencer's thread, in the order of subscription.

A listener must be quick and must not raise (it puts the event on a queue of its own); one that raises is
dropped, so that a broken reader never stops the writer.
"""

import logging
import threading
from collections.abc import Callable
from typing import Final

from primitives.events import Event
from sequencer.ports import Listener

LISTENERS_MAX: Final = 64  # One serves all of JSON-RPC; each costs the loop time at every event.

log = logging.getLogger(__name__)


class Feed:
    """A bounded set of listeners."""

    def __init__(self) -> None:
        self._listeners: dict[int, Listener] = {}
        self._next_key = 0
        self._lock = threading.Lock()

    def subscribe(self, listener: Listener) -> Callable[[], None]:
        """Have `listener` called with each later event, from any thread; the result ends that."""
        with self._lock:
            assert len(self._listeners) < LISTENERS_MAX, "a listener serves many clients, not one"
            key = self._next_key
            self._next_key += 1
            self._listeners = {**self._listeners, key: listener}
        return lambda: self._drop(key)

    def publish(self, event: Event) -> None:
        """Call every listener."""
        for key, listener in self._listeners.items():
            try:
                listener(event)
            except Exception:
                log.exception("a listener failed at %s and is dropped", type(event).__name__)
                self._drop(key)

    def _drop(self, key: int) -> None:
        with self._lock:
            self._listeners = {other: listener for other, listener in self._listeners.items() if other != key}
