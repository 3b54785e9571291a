"""
Threads for what takes long: executing calls, searching the history.

They are daemons: a call that is still running does not keep the process from ending.
"""

import threading
from collections.abc import Callable
from concurrent.futures import Executor, Future
from queue import SimpleQueue
from typing import Any, Final, ParamSpec, TypeVar

STACK_BYTES: Final = 64 * 1024 * 1024  # Address space, not memory: for engines that recurse with every frame.

Parameters = ParamSpec("Parameters")
Result = TypeVar("Result")
Work = tuple[Future[Any], Callable[[], Any]]


class CallThreads(Executor):
    """A fixed number of threads, started with the first work; what waits is bounded by the number of clients."""

    def __init__(self, name: str, count: int) -> None:
        self._name = name
        self._count = count
        self._threads: list[threading.Thread] = []
        self._work: SimpleQueue[Work | None] = SimpleQueue()
        self._lock = threading.Lock()

    def submit(
        self, run: Callable[Parameters, Result], /, *arguments: Parameters.args, **named: Parameters.kwargs
    ) -> Future[Result]:
        """Have `run` called in one of the threads."""
        future: Future[Result] = Future()
        self._work.put((future, lambda: run(*arguments, **named)))
        if not self._threads:
            self._start()
        return future

    def shutdown(self, wait: bool = False, *, cancel_futures: bool = True) -> None:
        """Cancel what waits and let the threads end when they are done; this never waits for them."""
        with self._lock:
            while not self._work.empty():
                work = self._work.get()
                if work is not None:
                    work[0].cancel()
            for _ in self._threads:
                self._work.put(None)
            self._threads = []

    def _start(self) -> None:
        with self._lock:
            if self._threads:
                return
            size_before = threading.stack_size(STACK_BYTES)
            try:
                for index in range(self._count):
                    thread = threading.Thread(target=self._serve, name=f"{self._name}-{index}", daemon=True)
                    thread.start()
                    self._threads.append(thread)
            finally:
                threading.stack_size(size_before)

    def _serve(self) -> None:
        while (work := self._work.get()) is not None:
            future, run = work
            if not future.set_running_or_notify_cancel():
                continue
            try:
                future.set_result(run())
            except BaseException as error:
                future.set_exception(error)
