"""
All kernels of the native engine, compiled or loaded from the disk cache; half a minute of work the first time.

Compiling takes one processor. So when it turns out that there is something to compile, a second process is started for
about half of it: what it compiles this one finds in the disk cache. If it fails, for whatever reason, everything is
compiled here.
"""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock, Thread, Timer
from typing import Final

from evm_jit.compiler.builtins import compile_builtins
from evm_jit.native_calls import compile_calls, encode_call, execute_call
from evm_jit.precompiles.native import precompile_functions
from primitives.compilation import Progress, Show, compilations, show_nothing
from primitives.kernels_cache import PROJECT
from primitives.transaction_batch import decode_call, recover_call
from statestore.kernel_calls import compile_kernels

FUNCTIONS_EXPECTED: Final = 760  # In both processes together; some are compiled in both.
COLD_AFTER_S: Final = 1.5  # Loading from the cache takes less.
HELPER_S_MAX: Final = 300  # Then it is not waited for any more.


def compile_all(show: Show = show_nothing) -> None:
    """Compile everything, calling `show` with how many functions are done, of how many."""
    progress = Progress(show, FUNCTIONS_EXPECTED)
    with compilations(progress.advance):
        with _helper(progress) as helper:
            execute_call()
            recover_call()
            encode_call()
            decode_call()
            compile_builtins()
            helper.join()
        compile_calls()
        compile_kernels()
    progress.end()


def compile_other_half() -> None:
    """What the second process does: it writes a line for each function that it has compiled."""
    with compilations(lambda: print(flush=True)):
        precompile_functions()
        compile_kernels()


class Helper:
    """The second process, from when it is needed."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._lock = Lock()
        self._is_over = False
        self._process: subprocess.Popen[bytes] | None = None
        self._reader: Thread | None = None

    def start(self) -> None:
        """Begin to help, unless it is too late."""
        with self._lock:
            if self._is_over:
                return
            path = os.pathsep.join(filter(None, [str(PROJECT), os.environ.get("PYTHONPATH")]))
            try:
                self._process = subprocess.Popen(
                    [sys.executable, "-c", "from evm_jit.compilation import compile_other_half; compile_other_half()"],
                    env={**os.environ, "PYTHONPATH": path},
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.DEVNULL,
                )
            except OSError:
                return
            self._reader = Thread(target=self._count, name="compilation", daemon=True)
            self._reader.start()

    def join(self) -> None:
        """Wait until it has done its half, if it has begun."""
        with self._lock:
            self._is_over = True
        if self._reader is not None:
            self._reader.join(HELPER_S_MAX)

    def stop(self) -> None:
        """End it, whatever it is doing."""
        with self._lock:
            self._is_over = True
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def _count(self) -> None:
        assert self._process is not None and self._process.stdout is not None
        with self._process.stdout as lines:
            for _ in lines:
                self._progress.advance()


@contextmanager
def _helper(progress: Progress) -> Iterator[Helper]:
    """A helper that begins by itself after a moment, where there is a second processor."""
    helper = Helper(progress)
    timer = Timer(COLD_AFTER_S, helper.start)
    timer.daemon = True
    if (os.cpu_count() or 1) > 1:
        timer.start()
    try:
        yield helper
    finally:
        timer.cancel()
        helper.stop()
