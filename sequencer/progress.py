"""
What a user sees while a node starts: a bar on a terminal, a line now and then where the output goes to a file.

Nothing is shown of a step that is over in a moment.
"""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final, TextIO

if TYPE_CHECKING:
    from rich.progress import Progress

QUIET_S: Final = 0.5  # A step that ends before is not mentioned.
LINE_INTERVAL_S: Final = 5.0

Show = Callable[[int, int], None]  # How much is done, of how much.


@contextmanager
def progress(title: str, stream: TextIO | None = None, now_s: Callable[[], float] = time.monotonic) -> Iterator[Show]:
    """Show on `stream` (standard error) how far a step is, each time that the yielded function is called."""
    stream = stream or sys.stderr
    if not stream.isatty():
        yield _lines(title, stream, now_s)
        return
    bar = _Bar(title, stream, now_s)
    try:
        yield bar.show
    finally:
        bar.end()


class _Bar:
    """A bar that appears when a step takes longer than a moment."""

    def __init__(self, title: str, stream: TextIO, now_s: Callable[[], float]) -> None:
        self._title = title
        self._stream = stream
        self._now_s = now_s
        self._due_s = now_s() + QUIET_S
        self._bar: Progress | None = None

    def show(self, done: int, total: int) -> None:
        """Move the bar."""
        if self._bar is None:
            if self._now_s() < self._due_s or done >= total:
                return
            self._bar = _make_bar(self._stream)
            self._bar.add_task(self._title)
        self._bar.update(self._bar.task_ids[0], completed=done, total=total)

    def end(self) -> None:
        """Take it away."""
        if self._bar is not None:
            self._bar.stop()


def _make_bar(stream: TextIO) -> "Progress":
    # Imported when there is something to show: it takes a tenth of a second.
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        Progress,
        TaskProgressColumn,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TaskProgressColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )
    bar = Progress(*columns, console=Console(file=stream), transient=True)
    bar.start()
    return bar


def _lines(title: str, stream: TextIO, now_s: Callable[[], float]) -> Show:
    due_s = now_s() + QUIET_S

    def show(done: int, total: int) -> None:
        nonlocal due_s
        if now_s() >= due_s and done < total:
            print(f"{title}: {done} of {total}", file=stream, flush=True)
            due_s = now_s() + LINE_INTERVAL_S

    return show
