"""
What a user sees while a node starts: a bar on a terminal, a line now and then where the output goes to a file.

Nothing is shown of a step that is over in a moment.
"""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final, TextIO

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

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
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(file=stream), transient=True) as bar:
        task = bar.add_task(title, total=None, visible=False)
        began_s = now_s()

        def show(done: int, total: int) -> None:
            bar.update(task, completed=done, total=total, visible=now_s() - began_s > QUIET_S)

        yield show


def _lines(title: str, stream: TextIO, now_s: Callable[[], float]) -> Show:
    due_s = now_s() + QUIET_S

    def show(done: int, total: int) -> None:
        nonlocal due_s
        if now_s() >= due_s and done < total:
            print(f"{title}: {done} of {total}", file=stream, flush=True)
            due_s = now_s() + LINE_INTERVAL_S

    return show
