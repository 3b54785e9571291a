"""The worker with the compiler: what it makes, what it refuses, and bombs, a small one of every kind."""

import re
import subprocess
import sys
from collections.abc import Iterator, Sequence
from threading import Semaphore

import pytest

from evm_jit.compiler.compile_queue import CompileQueue, Ready, Refused
from evm_jit.compiler.fingerprint import fingerprint
from evm_jit.compiler.worker import MEMORY_SIZE_BYTES_MAX
from evm_jit.compiler.worker_process import PROJECT, WORKER_COMMAND
from primitives.forks import Fork
from primitives.keccak import keccak256
from primitives.kernels_cache import SOURCES
from tests.asm import push
from tests.evm_jit.compiler.bombs import STATEMENTS, bomb

WAIT_S = 250
BOMB_SIZE_BYTES = 400
# At the niceness of a node, tests would starve beside others.
COMMAND = (*WORKER_COMMAND[:-1], "import os; os.nice = lambda _: None; " + WORKER_COMMAND[-1])
# A worker with this much room for addresses beside those that its imports take.
ROOM_BYTES = 64 * 1024 * 1024
NARROW = f"""
import os, resource
from pathlib import Path
from evm_jit.compiler import worker

def narrow(used_ns):
    taken = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (taken + {ROOM_BYTES}, worker.MEMORY_SIZE_BYTES_MAX))

os.nice = lambda _: None
worker._limit_cpu = narrow
worker.main()
"""


class Compilations:
    def __init__(self, command: Sequence[str] = COMMAND) -> None:
        self._told = Semaphore(0)
        self.queue: CompileQueue[bytes] = CompileQueue(fingerprint(), bytes, command=command, notify=self._told.release)

    def result(self, code: bytes, tier: int) -> Ready[bytes] | Refused:
        assert self.queue.submit(keccak256(code), code, Fork.OSAKA, tier)
        assert self._told.acquire(timeout=WAIT_S)
        [found] = self.queue.poll()
        return found


@pytest.fixture(scope="module")
def compilations() -> Iterator[Compilations]:
    found = Compilations()
    yield found
    found.queue.close()


@pytest.mark.parametrize("tier", [1, 2])
def test_a_contract_becomes_an_object(compilations: Compilations, tier: int) -> None:
    found = compilations.result(push(1) + push(2) + b"\x01" + push(0) + b"\x55", tier)
    assert isinstance(found, Ready)
    assert found.loaded.startswith(b"\x7fELF")
    assert 0 < found.memory_bytes < MEMORY_SIZE_BYTES_MAX


def test_code_that_is_empty_or_no_code_harms_nobody(compilations: Compilations) -> None:
    for code in (b"", b"\xfe" * 100, bytes(range(256)), b"\x7f", b"\xef\x01\x00" + bytes(20)):
        found = compilations.result(code, 1)
        assert isinstance(found, Ready), found


@pytest.mark.parametrize(("tier", "code"), [(1, b"\x5b" * 24_576), (2, b"\x5f" + b"\x80\x80\x57" * 5_000)])
def test_code_that_llvm_would_take_too_long_for_is_refused_by_the_compiler(
    compilations: Compilations, tier: int, code: bytes
) -> None:
    before = compilations.queue.worker_pid
    found = compilations.result(code, tier)
    assert isinstance(found, Refused)
    assert f"are the most for tier {tier}" in found.reason
    assert compilations.queue.worker_pid == before


@pytest.mark.parametrize("tier", [1, 2])
def test_a_small_bomb_of_every_kind_compiles(compilations: Compilations, tier: int) -> None:
    before = compilations.queue.worker_pid
    for seed in range(len(STATEMENTS)):
        one = bomb(seed, BOMB_SIZE_BYTES)
        found = compilations.result(one.code, tier)
        assert isinstance(found, Ready), (one.name, found)
    assert compilations.queue.worker_pid == before


def test_llvm_ends_only_the_worker_where_memory_does_not_suffice() -> None:
    compilations = Compilations((*WORKER_COMMAND[:-1], NARROW))
    small, large = b"\x5f\x5f\x01\x00", bomb(list(STATEMENTS).index("CREATE"), 24_576).code
    try:
        assert isinstance(compilations.result(small, 1), Ready)
        before = compilations.queue.worker_pid
        found = compilations.result(large, 1)
        assert isinstance(found, Refused)
        assert re.search(r"made LLVM abort|MemoryError", found.reason)  # Whoever came to the end of it, LLVM or Python.
        assert compilations.result(large, 1) == found  # It is not tried again.
        assert isinstance(compilations.result(small + small, 1), Ready)
        assert compilations.queue.worker_pid not in (before, None)
    finally:
        compilations.queue.close()


def test_another_process_has_the_same_fingerprint() -> None:
    command = (sys.executable, "-c", "from evm_jit.compiler.fingerprint import fingerprint; print(fingerprint())")
    done = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == fingerprint()


def test_sources_that_changed_under_a_process_make_its_fingerprint_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(SOURCES, "changed_s", lambda path: float("inf"))
    assert fingerprint.__wrapped__() != fingerprint()
