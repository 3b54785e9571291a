"""
How far the compilation of kernels is: Numba tells of each function that it has compiled, and they take about equally
long. What comes from the disk cache is not told.
"""

# mypy: allow-untyped-calls

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final

from numba.core import event

Show = Callable[[int, int], None]  # How much is done, of how much.
COMPILED: Final = "numba:compile"


def show_nothing(done: int, total: int) -> None:
    """For those whom nobody watches."""


class _Listener(event.Listener):
    def __init__(self, on_compiled: Callable[[], None]) -> None:
        self._on_compiled = on_compiled

    def on_start(self, event: Any) -> None:
        pass

    def on_end(self, event: Any) -> None:
        self._on_compiled()


@contextmanager
def compilations(on_compiled: Callable[[], None]) -> Iterator[None]:
    """Have `on_compiled` called after each function that is compiled meanwhile."""
    listener = _Listener(on_compiled)
    event.register(COMPILED, listener)
    try:
        yield
    finally:
        event.unregister(COMPILED, listener)


class Progress:
    """Counts what was compiled, here or elsewhere; `expected` is how much there is when nothing is cached."""

    def __init__(self, show: Show, expected: int) -> None:
        self._show = show
        self._expected = expected
        self._done = 0

    def advance(self) -> None:
        """One more function is compiled."""
        self._done += 1
        self._show(min(self._done, self._expected - 1), self._expected)

    def end(self) -> None:
        """Everything is compiled."""
        self._show(self._expected, self._expected)
