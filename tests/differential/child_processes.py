"""
Seeds shared by forked processes: compiled code may end one of them, and its parent still knows at which seed.

A child says in memory that it shares with its parent which seeds are under way, and sends its result when it is done.
"""

import mmap
import os
import pickle
import selectors
import signal
import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from struct import Struct
from typing import Any, Final

from primitives.errors import LeveretError

SHARED: Final = Struct("<QQQ")  # First seed under way, how many are, how many are done.
SHARE_MULTIPLE: Final = 256  # Seeds; a batch of frames stays with one process.
FAULT, INTERRUPTED = 2, 130  # Exit codes, besides 0.
LOOK_S: Final = 0.5
READ_SIZE_BYTES: Final = 1 << 16


class Progress:
    """How far a child is, as both see it."""

    def __init__(self, seeds: range) -> None:
        self._memory = mmap.mmap(-1, SHARED.size)
        self._done = 0
        self.watch(seeds)

    def watch(self, seeds: range) -> None:
        """These are under way."""
        SHARED.pack_into(self._memory, 0, seeds.start, len(seeds), self._done)

    def count(self) -> None:
        """One more is done."""
        self._done += 1
        first, length, _ = SHARED.unpack(self._memory)
        SHARED.pack_into(self._memory, 0, first, length, self._done)

    @property
    def under_way(self) -> range:
        first, length, _ = SHARED.unpack(self._memory)
        return range(first, first + length)

    @property
    def done(self) -> int:
        return int(SHARED.unpack(self._memory)[2])


@dataclass(frozen=True)
class Ended:
    """A child's end: its exit code, below 0 for a signal; its result, if it has one; the seeds then under way."""

    code: int
    result: Any
    under_way: range


Work = Callable[[range, Progress], Any]
Show = Callable[[int, int], None]


def run_in_children(work: Work, seeds: range, jobs: int, show: Show = lambda done, total: None) -> list[Ended]:
    """Have `jobs` children work at about as many seeds each; `show` is told how many are done."""
    sys.stdout.flush()
    with _interrupts_left_to_children():
        children = [_Child(work, share) for share in _shares(seeds, jobs)]
        with selectors.DefaultSelector() as selector:
            for child in children:
                selector.register(child.pipe, selectors.EVENT_READ, child)
            while selector.get_map():
                for key, _ in selector.select(LOOK_S):
                    if not key.data.read():
                        selector.unregister(key.fileobj)
                if done := sum(child.progress.done for child in children):
                    show(done, len(seeds))
        return [child.wait() for child in children]


def seed_that_ends(work: Work, seeds: range) -> range:
    """Of seeds that end the process when they are worked at together, the first one that does so alone, or else all."""
    found = seeds
    while len(found) > 1:
        middle = found.start + len(found) // 2
        first, second = range(found.start, middle), range(middle, found.stop)
        found = next((half for half in (first, second) if _ends_process(work, half)), range(0))
    return found or seeds


def _ends_process(work: Work, seeds: range) -> bool:
    [ended] = run_in_children(_silent(work), seeds, 1)
    return ended.code < 0


def _silent(work: Work) -> Work:
    """The same, with nothing printed."""

    def run(seeds: range, progress: Progress) -> Any:
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, 1)
        os.dup2(null, 2)
        return work(seeds, progress)

    return run


def _shares(seeds: range, jobs: int) -> Iterator[range]:
    multiples = -(-len(seeds) // (jobs * SHARE_MULTIPLE))
    size = max(1, multiples) * SHARE_MULTIPLE
    for start in range(seeds.start, seeds.stop, size) if seeds else (seeds.start,):
        yield range(start, min(start + size, seeds.stop))


@contextmanager
def _interrupts_left_to_children() -> Iterator[None]:
    """A user's interrupt ends the children, and their parent after them."""
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


class _Child:
    """A process at work."""

    def __init__(self, work: Work, seeds: range) -> None:
        self.progress = Progress(seeds)
        self.pipe, sending = os.pipe()
        self._received = b""
        self._number = os.fork()
        if self._number == 0:
            signal.signal(signal.SIGINT, signal.default_int_handler)
            os.close(self.pipe)
            _work_and_exit(work, seeds, self.progress, sending)
        os.close(sending)

    def read(self) -> bool:
        """Take what the child sent; False at its end."""
        part = os.read(self.pipe, READ_SIZE_BYTES)
        self._received += part
        return bool(part)

    def wait(self) -> Ended:
        _, status = os.waitpid(self._number, 0)
        os.close(self.pipe)
        code = os.waitstatus_to_exitcode(status)
        result = pickle.loads(self._received) if code == 0 else None
        return Ended(code, result, self.progress.under_way)


def _work_and_exit(work: Work, seeds: range, progress: Progress, sending: int) -> None:
    code = FAULT
    try:
        result = work(seeds, progress)
        with os.fdopen(sending, "wb") as pipe:
            pickle.dump(result, pipe)
        code = 0
    except LeveretError as error:
        print(f"differential: {error}", file=sys.stderr)
    except KeyboardInterrupt:
        code = INTERRUPTED
    except BaseException:
        traceback.print_exc()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)
