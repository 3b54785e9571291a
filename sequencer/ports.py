"""
What the sequencer loop takes from the outside world: time and an audience.

They are handed in, as are the log (`History`, over a disk of the caller's choice) and the random numbers, so
that a test can run the loop in virtual time and a seed can replay a whole run.
"""

import threading
import time
from collections.abc import Callable
from typing import Protocol

from primitives.events import Event

Listener = Callable[[Event], None]


class Clock(Protocol):
    """Time, and waiting for it."""

    def now_us(self) -> int:
        """Wall clock time: microseconds since 1970. It may jump, also backwards."""
        ...

    def monotonic_ns(self) -> int:
        """Nanoseconds since some moment; never decreases."""
        ...

    def wait(self, event: threading.Event, deadline_ns: int) -> None:
        """Return when the event is set, or `monotonic_ns` has reached the deadline."""
        ...


class SystemClock:
    """The machine's clocks."""

    def now_us(self) -> int:
        """Microseconds since 1970."""
        return time.time_ns() // 1_000

    def monotonic_ns(self) -> int:
        """Nanoseconds since the machine started."""
        return time.monotonic_ns()

    def wait(self, event: threading.Event, deadline_ns: int) -> None:
        """Return when the event is set, or the deadline is reached."""
        event.wait(max(0, deadline_ns - time.monotonic_ns()) / 1e9)


class Publisher(Protocol):
    """Where events go."""

    def publish(self, event: Event) -> None:
        """Hand the event on; never raises, never waits for a reader."""
        ...

    def subscribe(self, listener: Listener) -> Callable[[], None]:
        """Have `listener` called with each later event; the result ends that, and is harmless when called twice."""
        ...
