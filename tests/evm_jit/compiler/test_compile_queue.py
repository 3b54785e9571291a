"""The worker may crash, hang, grow or lie: the queue says so, remembers it, and serves the next contract."""

import errno
import logging
import os
import select
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from random import Random
from threading import Event, Semaphore

import pytest

from evm_jit.compiler import compile_queue, worker_process
from evm_jit.compiler.compile_queue import CONDEMNED, WAITING_COUNT_MAX, CompileQueue, Ready, Refused
from evm_jit.compiler.object_cache import ObjectCache
from evm_jit.compiler.worker import CODE_SIZE_BYTES_MAX, MEMORY_SIZE_BYTES_MAX
from primitives.forks import Fork
from primitives.keccak import keccak256
from tests.evm_jit.compiler.fake_compilers import COMMAND, FINGERPRINT, NICENESS

WAIT_S = 120


class Bench:
    """A queue and how to wait for it."""

    def __init__(self, cache: ObjectCache | None = None, **more: object) -> None:
        self.told = Semaphore(0)
        self.loaded: list[bytes] = []
        arguments: dict[str, object] = {"command": COMMAND, "notify": self.told.release, **more}
        self.queue: CompileQueue[bytes] = CompileQueue(FINGERPRINT, self.load, cache, **arguments)  # type: ignore[arg-type]

    def load(self, object_bytes: bytes) -> bytes:
        self.loaded.append(object_bytes)
        return object_bytes

    def submit(self, code: bytes, tier: int = 1) -> bool:
        return self.queue.submit(keccak256(code), code, Fork.OSAKA, tier)

    def result(self) -> Ready[bytes] | Refused:
        assert self.told.acquire(timeout=WAIT_S)
        [found] = self.queue.poll()
        return found

    def compiled(self, code: bytes, tier: int = 1) -> Ready[bytes] | Refused:
        assert self.submit(code, tier)
        return self.result()

    def refusal(self, code: bytes) -> str:
        found = self.compiled(code)
        assert isinstance(found, Refused)
        return found.reason


@pytest.fixture
def bench() -> Iterator[Bench]:
    bench = Bench()
    yield bench
    bench.queue.close()


@pytest.fixture
def cache(tmp_path: Path) -> ObjectCache:
    return ObjectCache(tmp_path / "objects")


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_an_object_is_compiled_and_loaded(bench: Bench) -> None:
    found = bench.compiled(b"add", 2)
    assert isinstance(found, Ready)
    assert found.loaded == b"object of add for OSAKA2"
    assert (found.key.code_hash, found.key.fork, found.key.tier) == (keccak256(b"add"), Fork.OSAKA, 2)
    assert found.cpu_ns > 0
    assert found.memory_bytes > 1_000_000
    assert bench.queue.poll() == []


def test_the_worker_of_a_large_process_is_not_large(bench: Bench) -> None:
    ballast = b"\x01" * (compile_queue.WORKER_MEMORY_BYTES_MAX + 1)
    found = bench.compiled(b"add")
    assert isinstance(found, Ready)
    assert found.memory_bytes < len(ballast) // 2


def test_nothing_is_started_before_it_is_needed(bench: Bench) -> None:
    assert bench.queue.worker_pid is None
    bench.compiled(b"add")
    assert bench.queue.worker_pid is not None


def test_one_worker_serves_all(bench: Bench) -> None:
    first = bench.compiled(b"process 1")
    second = bench.compiled(b"process 2")
    assert isinstance(first, Ready) and isinstance(second, Ready)
    assert first.loaded == second.loaded == str(bench.queue.worker_pid).encode()


def test_a_worker_is_nice_and_limited(bench: Bench) -> None:
    found = bench.compiled(b"limits")
    assert isinstance(found, Ready)
    assert found.loaded == f"{os.nice(0) + NICENESS} {MEMORY_SIZE_BYTES_MAX}".encode()


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        (b"spin", "took more than 10 s of processor time"),
        (b"abort", "made LLVM abort"),
        (b"crash", "made the compiler crash"),
        (b"raise", "ended the compiler with code 1 (RuntimeError: a pass is wrong)"),
        (b"exit", "ended the compiler with code 0"),
        (b"allocate 2000000000", "ended the compiler with code 1 (MemoryError)"),
        (b"allocate 9000000", "made an object of 9,000,017 bytes, more than 8,388,608"),
        (b"allocate 0", "gave an object of 0 bytes"),
        (b"refuse", "weighs too much"),
    ],
)
def test_code_that_the_compiler_fails_at_is_refused_and_the_next_one_served(
    bench: Bench, code: bytes, reason: str
) -> None:
    assert bench.refusal(code) == reason
    assert isinstance(bench.compiled(b"add"), Ready)


def test_a_worker_that_does_nothing_is_ended(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker_process, "STALLED_S_MAX", 1)
    monkeypatch.setattr(worker_process, "WATCH_INTERVAL_S", 0.05)
    assert bench.refusal(b"hang") == "did nothing for 1 s"


def test_a_worker_writes_no_large_files(bench: Bench, tmp_path: Path) -> None:
    path = tmp_path / "file"
    assert "File too large" in bench.refusal(f"write {path}".encode())
    assert path.stat().st_size <= 1 << 20


def test_a_refusal_is_remembered(bench: Bench) -> None:
    assert bench.refusal(b"abort") == "made LLVM abort"
    assert bench.queue.worker_pid is None
    assert bench.refusal(b"abort") == "made LLVM abort"
    assert bench.queue.worker_pid is None


def test_as_many_refusals_are_remembered_as_there_may_be(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compile_queue, "REFUSALS_COUNT_MAX", 2)
    for number in range(3):
        bench.refusal(b"refuse %d" % number)
    assert [bench.queue._remembered(bench.queue.key(keccak256(b"refuse %d" % n), Fork.OSAKA, 1)) for n in range(3)] == [
        None,
        "weighs too much",
        "weighs too much",
    ]


def test_code_that_is_too_long_never_gets_to_the_worker(bench: Bench) -> None:
    assert bench.refusal(b"x" * (CODE_SIZE_BYTES_MAX + 1)) == "is of 49,153 bytes, more than 49,152"
    assert bench.queue.worker_pid is None
    assert isinstance(bench.compiled(b"x" * CODE_SIZE_BYTES_MAX), Ready)


def test_a_worker_that_ended_while_it_had_nothing_to_do_is_nobodys_fault(bench: Bench) -> None:
    bench.compiled(b"add")
    pid = bench.queue.worker_pid
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
    assert isinstance(bench.compiled(b"sub"), Ready)
    assert bench.queue.worker_pid != pid


def test_a_large_worker_is_replaced(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compile_queue, "WORKER_MEMORY_BYTES_MAX", 1)
    assert isinstance(bench.compiled(b"add"), Ready)
    assert bench.queue.worker_pid is None
    assert isinstance(bench.compiled(b"sub"), Ready)


def test_a_worker_that_has_nothing_to_do_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compile_queue, "IDLE_S_MAX", 0.05)
    bench, ended = Bench(), Event()
    end = worker_process.WorkerProcess.end

    def end_and_tell(self: worker_process.WorkerProcess) -> None:
        end(self)
        ended.set()

    monkeypatch.setattr(worker_process.WorkerProcess, "end", end_and_tell)
    found = bench.compiled(b"process")
    assert isinstance(found, Ready)
    assert ended.wait(WAIT_S)
    assert not is_alive(int(found.loaded))
    bench.queue.close()


def test_a_full_queue_takes_no_more_and_blocks_nobody(bench: Bench) -> None:
    assert bench.compiled(b"add")
    assert bench.submit(b"hang")
    taken = [bench.submit(b"wait %d" % number) for number in range(WAITING_COUNT_MAX + 2)]
    assert WAITING_COUNT_MAX - 1 <= taken.count(True) <= WAITING_COUNT_MAX  # The one that hangs may still wait.
    assert taken[-1] is False


def test_closing_ends_a_worker_whatever_it_does(bench: Bench) -> None:
    found = bench.compiled(b"process")
    assert isinstance(found, Ready)
    assert bench.submit(b"hang")
    bench.queue.close()
    assert not is_alive(int(found.loaded))
    assert not bench.submit(b"add")


def test_closing_a_queue_that_did_nothing_is_no_trouble() -> None:
    bench = Bench()
    bench.queue.close()
    bench.queue.close()
    assert not bench.submit(b"add")


@pytest.mark.parametrize("last_words", [b"", b"spin", b"hang"])
def test_a_worker_ends_when_its_input_does(last_words: bytes) -> None:
    worker = worker_process.WorkerProcess(COMMAND)
    worker.greet(FINGERPRINT)
    process = worker._process
    assert process.stdin is not None
    if last_words:
        request = worker_process.REQUEST.pack(Fork.OSAKA, 1) + last_words
        process.stdin.write(worker_process.SIZE.pack(len(request)) + request)
    process.stdin.close()
    assert process.wait(WAIT_S) in (0, -signal.SIGPROF)
    worker.end()


@pytest.mark.parametrize("code", ["hang", "spin"])
def test_a_worker_does_not_outlive_a_node_that_is_killed(code: str) -> None:
    script = (
        "from tests.evm_jit.compiler.test_compile_queue import Bench\n"
        "bench = Bench()\n"
        "print(bench.compiled(b'process').loaded.decode(), flush=True)\n"
        f"bench.submit(b'{code}')\n"
        "bench.result()\n"
    )
    node = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, cwd=worker_process.PROJECT)
    assert node.stdout is not None
    descriptor = os.pidfd_open(int(node.stdout.readline()))
    node.kill()
    assert select.select([descriptor], [], [], WAIT_S)[0]
    os.close(descriptor)
    node.wait()
    node.stdout.close()


def test_workers_that_end_in_every_way_in_any_order_leave_the_queue_working(bench: Bench) -> None:
    random = Random(1)
    pids = set()
    for number in range(60):
        word = random.choice((b"abort", b"crash", b"exit", b"refuse", b"raise", b"process", b"add"))
        found = bench.compiled(b"%s %d" % (word, number))
        assert isinstance(found, Ready) == (word in (b"process", b"add")), word
        if word == b"process":
            pids.add(found.loaded)
    assert len(pids) > 3


def test_an_interrupt_from_the_terminal_is_not_for_the_worker(bench: Bench) -> None:
    bench.compiled(b"add")
    pid = bench.queue.worker_pid
    assert pid is not None
    os.kill(pid, signal.SIGINT)
    assert isinstance(bench.compiled(b"sub"), Ready)
    assert bench.queue.worker_pid == pid


OTHER_SOURCES = "from tests.evm_jit.compiler.fake_compilers import main; main('other sources')"


@pytest.mark.parametrize(
    ("command", "reason"),
    [
        (("/nowhere/python",), "can't be started: No such file or directory"),
        ((sys.executable, "-c", "raise ImportError('LLVM')"), "ended the compiler with code 1 (ImportError: LLVM)"),
        ((*COMMAND[:-1], OTHER_SOURCES), "has other sources than the node, which has to be restarted"),
    ],
    ids=["no file", "no import", "other sources"],
)
def test_without_a_compiler_everything_is_refused_and_nothing_remembered(
    command: tuple[str, ...], reason: str, caplog: pytest.LogCaptureFixture
) -> None:
    bench = Bench(command=command)
    with caplog.at_level(logging.ERROR):
        reasons = [bench.refusal(b"add") for _ in range(4)]
    assert reasons == [*[f"the compiler {reason}"] * 3, "there is no compiler"]
    assert len(caplog.records) == 3
    bench.queue.close()


def test_without_a_file_for_what_a_worker_says_there_is_none(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    def full() -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patched:
        patched.setattr(tempfile, "TemporaryFile", full)
        assert bench.refusal(b"add") == "the compiler can't be started: No space left on device"
    assert isinstance(bench.compiled(b"sub"), Ready)


def test_an_object_on_disk_is_loaded_without_a_worker(cache: ObjectCache) -> None:
    first = Bench(cache)
    assert not first.queue.is_kept(keccak256(b"add"), Fork.OSAKA, 1)
    first.compiled(b"add")
    assert first.queue.is_kept(keccak256(b"add"), Fork.OSAKA, 1)
    first.queue.close()
    second = Bench(cache)
    found = second.compiled(b"add")
    assert isinstance(found, Ready)
    assert (found.loaded, found.cpu_ns) == (b"object of add for OSAKA1", 0)
    assert second.queue.worker_pid is None
    second.queue.close()


def test_a_condemned_contract_is_refused_from_then_on(cache: ObjectCache) -> None:
    first = Bench(cache)
    first.compiled(b"add")
    first.queue.condemn(keccak256(b"add"), Fork.OSAKA, 1)
    assert first.refusal(b"add") == CONDEMNED
    first.queue.close()
    second = Bench(cache)
    assert second.refusal(b"add") == CONDEMNED
    assert second.queue.worker_pid is None
    second.queue.close()


@pytest.mark.parametrize("code", [b"spin", b"abort", b"crash", b"raise", b"refuse", b"allocate 9000000", b"allocate 0"])
def test_what_is_the_codes_own_fault_is_not_tried_again_by_the_next_process(cache: ObjectCache, code: bytes) -> None:
    first = Bench(cache)
    reason = first.refusal(code)
    first.queue.close()
    second = Bench(cache)
    assert second.refusal(code) == reason
    assert second.queue.worker_pid is None
    assert second.queue._remembered(second.queue.key(keccak256(code), Fork.OSAKA, 1)) == reason
    second.queue.close()


def test_what_somebody_else_has_done_is_tried_again_by_the_next_process(
    cache: ObjectCache, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker_process, "STALLED_S_MAX", 1)
    monkeypatch.setattr(worker_process, "WATCH_INTERVAL_S", 0.05)
    bench = Bench(cache)
    assert bench.refusal(b"hang") == "did nothing for 1 s"
    assert bench.refusal(b"kill") == "ended the compiler with code -9"
    for code in (b"hang", b"kill"):
        assert cache.refusal(bench.queue.key(keccak256(code), Fork.OSAKA, 1)) is None
    bench.queue.close()


def test_an_object_that_cannot_be_loaded_stops_nothing(bench: Bench, caplog: pytest.LogCaptureFixture) -> None:
    def fails(object_bytes: bytes) -> bytes:
        raise RuntimeError("no such symbol")

    bench.queue._load = fails
    with caplog.at_level(logging.ERROR):
        assert bench.refusal(b"add") == "the compiler has an error, which is in the log"
    assert "no such symbol" in caplog.text
    bench.queue._load = bench.load
    assert isinstance(bench.compiled(b"sub"), Ready)
