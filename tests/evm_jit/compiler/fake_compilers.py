"""Workers with compilers that do what the code says: it is a word, and what belongs to it."""

import os
import signal
import sys
import time
from typing import Final

from evm_jit.compiler import worker
from primitives.errors import CompilationRefused
from primitives.forks import Fork

FINGERPRINT: Final = "the fake compiler"
CPU_S_MAX: Final = 0.2
NICENESS: Final = 1  # With more, these tests would starve beside others.


def fake_compile(code: bytes, fork: Fork, tier: int) -> bytes:
    word, _, rest = code.partition(b" ")
    match word:
        case b"spin":
            while True:
                pass
        case b"hang":
            while True:
                time.sleep(1_000)
        case b"abort":
            os.abort()
        case b"crash":
            os.kill(os.getpid(), signal.SIGSEGV)
        case b"kill":
            os.kill(os.getpid(), signal.SIGKILL)
        case b"raise":
            raise RuntimeError("a pass is wrong")
        case b"exit":
            os._exit(0)
        case b"refuse":
            raise CompilationRefused("weighs too much")
        case b"allocate":
            return bytes(int(rest))
        case b"write":
            with open(rest, "wb") as file:  # noqa: PTH123 - as LLVM would, or anybody
                file.write(bytes(1 << 21))
        case b"limits":
            return f"{os.nice(0)} {worker.resource.getrlimit(worker.resource.RLIMIT_AS)[0]}".encode()
        case b"process":
            return str(os.getpid()).encode()
    print("what is printed is no answer")
    return b"object of " + code + b" for " + fork.name.encode() + str(tier).encode()


def main(fingerprint: str = FINGERPRINT) -> None:
    worker.CPU_S_MAX = CPU_S_MAX  # type: ignore[misc, assignment]
    worker.serve(worker.limit_process(NICENESS), worker.read_requests(), fake_compile, fingerprint)


COMMAND: Final = (sys.executable, "-P", "-c", "from tests.evm_jit.compiler.fake_compilers import main; main()")
