"""
Contracts that wait to become machine code, and those that have.

A thread takes them from the queue: it looks on disk, has the worker compile what is not there, keeps the object, and
loads it. The node submits and polls; neither waits for anything. The worker is started for the first contract that
needs it, again when it ended, and ends when it had nothing to do for a while or has become large.

Code that ends the worker, or that it refuses, is not tried again while it is remembered: in memory, and on disk if the
reason is the code's own.
"""

import logging
from collections import OrderedDict, deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from queue import Empty, Full, Queue
from threading import Lock, Thread
from typing import Final, Generic, TypeVar

from evm_jit.compiler.object_cache import OBJECT_SIZE_BYTES_MAX, ObjectCache, ObjectKey
from evm_jit.compiler.worker import CODE_SIZE_BYTES_MAX
from evm_jit.compiler.worker_process import WORKER_COMMAND, WorkerFailed, WorkerProcess
from primitives.forks import Fork

WAITING_COUNT_MAX: Final = 8  # The next ones are chosen by heat, as late as may be.
REFUSALS_COUNT_MAX: Final = 4_096
START_FAILURES_MAX: Final = 3  # One behind the other; then it is not tried any more.
IDLE_S_MAX: Final = 60
WORKER_MEMORY_BYTES_MAX: Final = 512 * 1024 * 1024  # What LLVM once took it keeps: then another worker follows.
CLOSE_S_MAX: Final = 5

CONDEMNED: Final = "gave a result other than the interpreter's"

Loaded = TypeVar("Loaded")
log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Ready(Generic[Loaded]):
    """
    A contract that can run as machine code.

    cpu_ns : of the compilation, 0 if it comes from disk
    memory_bytes : the most that the worker has had so far, 0 if it comes from disk
    """

    key: ObjectKey
    loaded: Loaded
    size_bytes: int
    cpu_ns: int = 0
    memory_bytes: int = 0


@dataclass(frozen=True, slots=True)
class Refused:
    """A contract that stays with the interpreter, and why."""

    key: ObjectKey
    reason: str


class CompileQueue(Generic[Loaded]):
    """
    The queue, its thread and its worker.

    fingerprint : of the compiler
    load : makes an object callable; runs on the thread of the queue
    cache : where objects are kept, or None
    notify : called when `poll` has something, by any thread
    """

    def __init__(
        self,
        fingerprint: str,
        load: Callable[[bytes], Loaded],
        cache: ObjectCache | None = None,
        command: Sequence[str] = WORKER_COMMAND,
        notify: Callable[[], None] = lambda: None,
    ) -> None:
        self._fingerprint, self._load, self._cache, self._command = fingerprint, load, cache, command
        self._notify = notify
        self._waiting: Queue[tuple[ObjectKey, bytes] | None] = Queue(WAITING_COUNT_MAX)
        self._results: deque[Ready[Loaded] | Refused] = deque()
        self._unwanted: deque[Loaded] = deque()
        self._refusals: OrderedDict[ObjectKey, str] = OrderedDict()
        self._lock = Lock()  # Of the worker and of refusals.
        self._worker: WorkerProcess | None = None
        self._start_failures = 0
        self._is_closed = False
        self._thread: Thread | None = None

    @property
    def worker_pid(self) -> int | None:
        """The process that compiles, while there is one."""
        with self._lock:
            return None if self._worker is None else self._worker.pid

    def key(self, code_hash: bytes, fork: Fork, tier: int) -> ObjectKey:
        """What the objects of a contract are called."""
        return ObjectKey(code_hash, fork, tier, self._fingerprint)

    def is_kept(self, code_hash: bytes, fork: Fork, tier: int) -> bool:
        """Whether nothing needs to be compiled for it."""
        return self._cache is not None and self.key(code_hash, fork, tier) in self._cache

    def submit(self, code_hash: bytes, code: bytes, fork: Fork, tier: int) -> bool:
        """Have a contract compiled and loaded; `poll` will tell. False if too many wait already."""
        key = self.key(code_hash, fork, tier)
        refusal = self._remembered(key)
        if len(code) > CODE_SIZE_BYTES_MAX:
            refusal = f"is of {len(code):,} bytes, more than {CODE_SIZE_BYTES_MAX:,}"
        if self._start_failures >= START_FAILURES_MAX:
            refusal = "there is no compiler"
        if refusal is not None:
            self._tell(Refused(key, refusal))
            return True
        if self._is_closed:
            return False
        try:
            self._waiting.put_nowait((key, code))
        except Full:
            return False
        if self._thread is None:
            self._thread = Thread(target=self._work, name="compile queue", daemon=True)
            self._thread.start()
        return True

    def poll(self) -> list[Ready[Loaded] | Refused]:
        """What has become of contracts that were submitted, each told once."""
        found = []
        while self._results:  # Only the caller takes from it.
            found.append(self._results.popleft())
        return found

    def unload(self, unwanted: Iterable[Loaded]) -> None:
        """Let go of what nobody runs any more, on the thread of the queue: LLVM makes others wait meanwhile."""
        self._unwanted.extend(unwanted)

    def condemn(self, code_hash: bytes, fork: Fork, tier: int) -> None:
        """Never load an object of it again: what it gave was wrong."""
        key = self.key(code_hash, fork, tier)
        self._remember(key, CONDEMNED)
        if self._cache is not None:
            self._cache.refuse(key, CONDEMNED)

    def close(self) -> None:
        """End the worker and the thread; what waits is dropped."""
        with self._lock:
            self._is_closed = True
            if self._worker is not None:
                self._worker.kill()
        while self._thread is not None:
            try:
                self._waiting.put_nowait(None)
                break
            except Full:
                self._drop_one()
        if self._thread is not None:
            self._thread.join(CLOSE_S_MAX)

    def _drop_one(self) -> None:
        try:
            self._waiting.get_nowait()
        except Empty:
            return

    def _work(self) -> None:
        """What the thread does, until the queue is closed."""
        while not self._is_closed:
            try:
                waiting = self._waiting.get(timeout=IDLE_S_MAX)
            except Empty:
                self._unwanted.clear()
                self._end_worker()
                continue
            self._unwanted.clear()
            if waiting is not None and not self._is_closed:
                key, code = waiting
                try:
                    result = self._ready(key, code)
                except Exception:  # Whatever is wrong with compiling, the node can do without.
                    log.exception("contract 0x%s can't be made machine code", key.code_hash.hex())
                    result = self._refused(key, "the compiler has an error, which is in the log")
                self._tell(result)
        self._end_worker()

    def _tell(self, result: Ready[Loaded] | Refused) -> None:
        self._results.append(result)
        self._notify()

    def _ready(self, key: ObjectKey, code: bytes) -> Ready[Loaded] | Refused:
        if self._cache is not None:
            refusal = self._cache.refusal(key)
            if refusal is not None:
                self._remember(key, refusal)
                return Refused(key, refusal)
            kept = self._cache.load(key)
            if kept is not None:
                return Ready(key, self._load(kept), len(kept))
        try:
            worker = self._running_worker()
        except WorkerFailed as failure:
            if not self._is_closed:
                self._start_failures += 1
                log.error("the compiler of contracts does not start: %s", failure)
            return Refused(key, f"the compiler {failure}")
        try:
            answer = worker.ask(code, key.fork, key.tier)
        except WorkerFailed as failure:
            self._forget_worker()
            return self._refused(key, str(failure), is_lasting=failure.is_lasting)
        if answer.memory_bytes > WORKER_MEMORY_BYTES_MAX:
            self._end_worker()
        if not answer.is_compiled:
            return self._refused(key, answer.result.decode(errors="replace"), is_lasting=True)
        if not 0 < len(answer.result) <= OBJECT_SIZE_BYTES_MAX:
            return self._refused(key, f"gave an object of {len(answer.result):,} bytes", is_lasting=True)
        if self._cache is not None:
            self._cache.store(key, answer.result)
        return Ready(key, self._load(answer.result), len(answer.result), answer.cpu_ns, answer.memory_bytes)

    def _running_worker(self) -> WorkerProcess:
        if self._worker is not None and self._worker.has_ended():
            self._end_worker()
        with self._lock:
            if self._worker is not None:
                return self._worker
            if self._is_closed:
                raise WorkerFailed("is not needed any more")
            worker = self._worker = WorkerProcess(self._command)
        try:
            worker.greet(self._fingerprint)
        except WorkerFailed:
            self._forget_worker()
            raise
        self._start_failures = 0
        return worker

    def _forget_worker(self) -> None:
        with self._lock:
            self._worker = None

    def _end_worker(self) -> None:
        with self._lock:
            worker, self._worker = self._worker, None
        if worker is not None:
            worker.end()

    def _refused(self, key: ObjectKey, reason: str, is_lasting: bool = False) -> Refused:
        """Remember and tell that a contract is not compiled; beyond this process if the reason lasts."""
        if not self._is_closed:
            log.info("contract 0x%s stays where it is: %s", key.code_hash.hex(), reason)
            self._remember(key, reason)
            if is_lasting and self._cache is not None:
                self._cache.refuse(key, reason)
        return Refused(key, reason)

    def _remember(self, key: ObjectKey, reason: str) -> None:
        with self._lock:
            self._refusals[key] = reason
            if len(self._refusals) > REFUSALS_COUNT_MAX:
                self._refusals.popitem(last=False)

    def _remembered(self, key: ObjectKey) -> str | None:
        with self._lock:
            if key in self._refusals:
                self._refusals.move_to_end(key)
            return self._refusals.get(key)
