"""
The process that compiles: LLVM may take for ever, fill the memory or abort there, and the node goes on.

It limits itself before it imports the compiler, says by its fingerprint what it is, and answers one request after the
other until its input ends, which also ends a compilation that is under way: no worker outlives its node.

    both ways   size of the rest (4 bytes), the rest
    greeting    fingerprint
    request     fork (1 byte), tier (1 byte), code
    answer      whether it was compiled (1 byte), CPU time in ns (8 bytes), peak of the memory in bytes (8 bytes),
                the object, or why there is none

All numbers are little-endian. A worker that spends more on a request than it may is killed by the kernel; one that runs
out of memory ends with an error. Only `worker_process.py` speaks to it.
"""

import os
import resource
import signal
import time
from collections.abc import Callable
from math import ceil
from queue import SimpleQueue
from struct import Struct
from threading import Thread
from typing import BinaryIO, Final

from primitives.errors import CompilationRefused
from primitives.forks import Fork

CPU_S_MAX: Final = 10  # For one request.
CPU_MARGIN_S: Final = 2  # What stops a worker whose own limit did not counts from here on.
MEMORY_SIZE_BYTES_MAX: Final = 1 << 30  # Of addresses; the imports take 300 MB of them, and 110 MB of memory.
WRITTEN_SIZE_BYTES_MAX: Final = 1 << 20  # Into any file: what LLVM says before it aborts.
NICENESS: Final = 19  # Beside the sequencer on one processor, it gets 1.5 % of that.
CODE_SIZE_BYTES_MAX: Final = 49_152  # Init code (EIP-3860); deployed code is at most half of that.

SIZE: Final = Struct("<I")
REQUEST: Final = Struct("<BB")
ANSWER: Final = Struct("<?QQ")

Compile = Callable[[bytes, Fork, int], bytes]


def main() -> None:
    """Serve with the compiler."""
    answers, requests = limit_process(), read_requests()
    from evm_jit.compiler.fingerprint import fingerprint
    from evm_jit.compiler.pipeline import compile_code

    serve(answers, requests, lambda code, fork, tier: compile_code(code, fork, tier).object_bytes, fingerprint())


def limit_process(niceness: int = NICENESS) -> BinaryIO:
    """Bound what this process may take, and give back where answers go; everything else that is printed is an error."""
    os.nice(niceness)
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_SIZE_BYTES_MAX, MEMORY_SIZE_BYTES_MAX))
    resource.setrlimit(resource.RLIMIT_FSIZE, (WRITTEN_SIZE_BYTES_MAX, WRITTEN_SIZE_BYTES_MAX))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Meant for the node, which then ends the input.
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    return answers


def read_requests() -> "SimpleQueue[bytes]":
    """Requests from standard input as they come; this process ends when it does, whatever it is doing by then."""
    requests: SimpleQueue[bytes] = SimpleQueue()
    Thread(target=_read_requests, args=(requests,), daemon=True).start()
    return requests


def serve(answers: BinaryIO, requests: "SimpleQueue[bytes]", compile_code: Compile, fingerprint: str) -> None:
    """Answer requests, for ever."""
    _send(answers, fingerprint.encode())
    while True:
        _send(answers, _answer(requests.get(), compile_code))


def _answer(request: bytes, compile_code: Compile) -> bytes:
    fork, tier = REQUEST.unpack_from(request)
    begin_ns = time.process_time_ns()
    _limit_cpu(begin_ns)
    try:
        is_compiled, result = True, compile_code(request[REQUEST.size :], Fork(fork), tier)
    except CompilationRefused as refusal:
        is_compiled, result = False, str(refusal).encode()
    signal.setitimer(signal.ITIMER_PROF, 0)
    return ANSWER.pack(is_compiled, time.process_time_ns() - begin_ns, _peak_memory_bytes()) + result


def _peak_memory_bytes() -> int:
    """The most memory that this process has had; `ru_maxrss` counts that of the one which started it, too."""
    with open("/proc/self/status", encoding="ascii") as status:  # noqa: PTH123 - pathlib is one import more
        fields = dict(line.split(":", 1) for line in status)
    return int(fields["VmHWM"].split()[0]) * 1024


def _limit_cpu(used_ns: int) -> None:
    """Have the kernel end this process after CPU_S_MAX: by SIGPROF, or by SIGXCPU should somebody have taken that."""
    signal.setitimer(signal.ITIMER_PROF, CPU_S_MAX)
    _, most = resource.getrlimit(resource.RLIMIT_CPU)
    resource.setrlimit(resource.RLIMIT_CPU, (ceil(used_ns / 1e9 + CPU_S_MAX + CPU_MARGIN_S), most))


def _read_requests(requests: "SimpleQueue[bytes]") -> None:
    """Put what comes into the queue, and end the process when no more can come."""
    while True:
        [size_bytes] = SIZE.unpack(_read(SIZE.size))
        requests.put(_read(size_bytes))


def _read(size_bytes: int) -> bytes:
    """From the input; not through `sys.stdin`, which a process that ends by an error would wait for."""
    parts = []
    while size_bytes:
        part = os.read(0, size_bytes)
        if not part:
            os._exit(0)
        parts.append(part)
        size_bytes -= len(part)
    return b"".join(parts)


def _send(file: BinaryIO, body: bytes) -> None:
    file.write(SIZE.pack(len(body)) + body)
    file.flush()
