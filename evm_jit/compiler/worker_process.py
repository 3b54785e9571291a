"""
The worker as the node sees it: a process that is asked, watched, and killed if need be.

It is judged by the CPU time that it spends, not by the clock: on a machine where everybody else is busy it may take
minutes for what is otherwise done in one second, which is no fault of the code.
"""

import contextlib
import os
import select
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from evm_jit.compiler.object_cache import OBJECT_SIZE_BYTES_MAX
from evm_jit.compiler.worker import ANSWER, CODE_SIZE_BYTES_MAX, CPU_MARGIN_S, CPU_S_MAX, REQUEST, SIZE
from primitives.forks import Fork

WORKER_COMMAND: Final = (sys.executable, "-P", "-c", "from evm_jit.compiler.worker import main; main()")
START_CPU_S_MAX: Final = 60  # Without kernels in the cache, imports compile some.
STALLED_S_MAX: Final = 30  # Without any CPU time in between.
WATCH_INTERVAL_S: Final = 0.5
END_S_MAX: Final = 2  # For a worker without a request to end by itself.
SAID_SIZE_BYTES_MAX: Final = 2_000  # How much of what a worker said last is looked at.
ANSWER_SIZE_BYTES_MAX: Final = ANSWER.size + OBJECT_SIZE_BYTES_MAX
PROJECT: Final = Path(__file__).resolve().parents[2]

_SIGNALS: Final = {
    signal.SIGPROF: f"took more than {CPU_S_MAX} s of processor time",
    signal.SIGXCPU: f"took more than {CPU_S_MAX} s of processor time",
    signal.SIGABRT: "made LLVM abort",
    signal.SIGSEGV: "made the compiler crash",
}


class WorkerFailed(Exception):
    """
    The worker is gone, and the text says why.

    is_lasting : whether the same would happen again, for it is the code's doing
    """

    def __init__(self, reason: str, is_lasting: bool = False) -> None:
        super().__init__(reason)
        self.is_lasting = is_lasting


@dataclass(frozen=True, slots=True)
class Answer:
    """
    What a worker answers.

    cpu_ns : of the request
    memory_bytes : the most that the worker has had so far
    result : the object, or why there is none
    """

    is_compiled: bool
    cpu_ns: int
    memory_bytes: int
    result: bytes


class WorkerProcess:
    """
    A worker that was started, which does not wait for it; WorkerFailed if it can't be.

    One thread asks it. `kill` may come from another.
    """

    def __init__(self, command: Sequence[str] = WORKER_COMMAND) -> None:
        path = os.pathsep.join(filter(None, [str(PROJECT), os.environ.get("PYTHONPATH")]))
        try:
            self._said = tempfile.TemporaryFile()  # noqa: SIM115 - open as long as the worker
        except OSError as error:
            raise WorkerFailed(f"can't be started: {error.strerror}") from error
        try:
            self._process = subprocess.Popen(  # noqa: S603 - our own command
                command,
                # A thread for each processor would be of no use, but have its share of the addresses.
                env={**os.environ, "PYTHONPATH": path, "OPENBLAS_NUM_THREADS": "1"},
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self._said,
            )
        except OSError as error:
            self._said.close()
            raise WorkerFailed(f"can't be started: {error.strerror}") from error

    @property
    def pid(self) -> int:
        """Of the process."""
        return self._process.pid

    def greet(self, fingerprint: str) -> None:
        """Wait until it is ready; WorkerFailed if it won't be, or is not the compiler of this fingerprint."""
        found = self._receive(START_CPU_S_MAX)
        if found.decode(errors="replace") != fingerprint:
            self.kill()
            raise self._failed("has other sources than the node, which has to be restarted")

    def ask(self, code: bytes, fork: Fork, tier: int) -> Answer:
        """Have code compiled, however long that takes; WorkerFailed if it costs too much, or ends the worker."""
        assert len(code) <= CODE_SIZE_BYTES_MAX, "checked when it was submitted"
        request = REQUEST.pack(fork, tier) + code
        assert self._process.stdin is not None
        with contextlib.suppress(BrokenPipeError):  # Then there is no answer either.
            self._process.stdin.write(SIZE.pack(len(request)) + request)
            self._process.stdin.flush()
        answer = self._receive(CPU_S_MAX + CPU_MARGIN_S)
        if len(answer) < ANSWER.size:
            self.kill()
            raise self._failed("gave an answer that is none")
        is_compiled, cpu_ns, memory_bytes = ANSWER.unpack_from(answer)
        return Answer(is_compiled, cpu_ns, memory_bytes, answer[ANSWER.size :])

    def has_ended(self) -> bool:
        """Whether the process is gone, without anybody's doing."""
        return self._process.poll() is not None

    def end(self) -> None:
        """End it while it has nothing to do."""
        assert self._process.stdin is not None
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.close()
        try:
            self._process.wait(END_S_MAX)
        except subprocess.TimeoutExpired:
            self.kill()
        self._clean_up()

    def kill(self) -> None:
        """End it, whatever it is doing."""
        self._process.kill()

    def _receive(self, cpu_s_max: float) -> bytes:
        """The next that the worker sends."""
        deadline = _Deadline(self._process.pid, cpu_s_max)
        [size_bytes] = SIZE.unpack(self._read(SIZE.size, deadline))
        if size_bytes > ANSWER_SIZE_BYTES_MAX:
            self.kill()
            reason = f"made an object of {size_bytes:,} bytes, more than {OBJECT_SIZE_BYTES_MAX:,}"
            raise self._failed(reason, is_lasting=True)
        return self._read(size_bytes, deadline)

    def _read(self, size_bytes: int, deadline: "_Deadline") -> bytes:
        assert self._process.stdout is not None
        descriptor = self._process.stdout.fileno()
        parts = []
        while size_bytes:
            if not select.select([descriptor], [], [], WATCH_INTERVAL_S)[0]:
                overrun = deadline.overrun()
                if overrun is not None:
                    self.kill()
                    raise self._failed(overrun)
                continue
            part = os.read(descriptor, size_bytes)
            if not part:
                raise self._failed(None)
            parts.append(part)
            size_bytes -= len(part)
        return b"".join(parts)

    def _failed(self, reason: str | None, is_lasting: bool = False) -> WorkerFailed:
        """The error that says why a process is gone that is ending now: `reason`, or how it ended and what it said."""
        code = self._process.wait()
        if reason is None:
            is_lasting = code > 0 or -code in _SIGNALS  # Otherwise it was somebody else who ended it.
            reason = _SIGNALS[signal.Signals(-code)] if -code in _SIGNALS else f"ended the compiler with code {code}"
        said = self._last_line()
        self._clean_up()
        return WorkerFailed(f"{reason} ({said})" if said else reason, is_lasting)

    def _last_line(self) -> str:
        """Of what the worker said."""
        size_bytes = self._said.seek(0, os.SEEK_END)
        self._said.seek(max(0, size_bytes - SAID_SIZE_BYTES_MAX))
        lines = self._said.read().decode(errors="replace").strip().splitlines()
        return lines[-1].strip() if lines else ""

    def _clean_up(self) -> None:
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.wait()
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.close()
        self._process.stdout.close()
        self._said.close()


class _Deadline:
    """How long a process is waited for."""

    def __init__(self, pid: int, cpu_s_max: float) -> None:
        self._pid, self._cpu_s_max = pid, cpu_s_max
        self._first_cpu_s = self._last_cpu_s = _cpu_s(pid)
        self._moved_s = time.monotonic()

    def overrun(self) -> str | None:
        """Why it is not waited for any more; None if it is."""
        cpu_s, now_s = _cpu_s(self._pid), time.monotonic()
        if cpu_s > self._last_cpu_s:
            self._last_cpu_s, self._moved_s = cpu_s, now_s
        if cpu_s - self._first_cpu_s > self._cpu_s_max:
            return f"took more than {self._cpu_s_max:g} s of processor time"
        if now_s - self._moved_s > STALLED_S_MAX:
            return f"did nothing for {STALLED_S_MAX} s"
        return None


def _cpu_s(pid: int) -> float:
    """CPU time that a child has spent; where the system does not tell, what the clock says."""
    try:
        return time.clock_gettime(~pid << 3 | 2)  # Linux: the clock of a process, see clock_getcpuclockid(3).
    except OSError:
        return time.monotonic()
