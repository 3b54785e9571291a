"""
Many tests over several processes: batches of cases, slow files first, verdicts as they come.

A worker that dies (an engine may abort the process) fails the batch that it had and no other: what was not
finished by then runs again, each batch in a process of its own.
"""

import signal
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from functools import lru_cache
from multiprocessing import get_context
from pathlib import Path
from typing import Any, Final, NamedTuple

from evm_jit.engine import Engine
from evm_jit.engines import make_engine
from evm_jit.state_tests import CaseCount, CaseFile, count_cases, is_state_test, read_cases
from evm_jit.statetest import Verdict, run_case
from primitives.forks import Fork

BATCH_CASES_MAX: Final = 32  # A batch takes about half a second on the reference engine.

# Files with cases of a second or more on the reference engine, by a part of their name: a single one of them at the end
# would keep one process busy while the others have nothing left.
SLOW_NAMES: Final = (
    "/QuadraticComplexity",
    "1MB1024",
    "50000",
    "ContractCreationSpam",
    "Create2Recursive",
    "LoopCalls",
    "loopExp",
    "loopMul",
    "tstoreCannotBeDosd",
    "underflowTest",
)


@dataclass(frozen=True)
class Suite:
    """
    A kind of test: which files hold some, how the cases of one are counted and read (on one fork alone unless it is
    None), and how a case is run.

    Functions of modules, because a batch goes to another process. `title` is what a person reads: "state test".
    """

    title: str
    recognise: Callable[[Path], bool]
    count: Callable[[Path, Fork | None], CaseCount]
    read: Callable[[CaseFile, Fork | None], list[Any]]
    run: Callable[[Any, Engine], Verdict]


STATE_TESTS: Final = Suite("state test", is_state_test, count_cases, read_cases, run_case)


class Batch(NamedTuple):
    """Cases `start` to `stop` of a file, counted on `fork` alone unless it is None."""

    file: CaseFile
    start: int
    stop: int
    fork: Fork | None
    suite: Suite = STATE_TESTS


class Result(NamedTuple):
    """The verdicts of a batch, in its order."""

    batch: Batch
    verdicts: list[Verdict]


class Plan(NamedTuple):
    """`unknown_count` cases are on forks that leveret does not have and in no batch."""

    batches: list[Batch]
    case_count: int
    unknown_count: int


def plan_batches(files: Sequence[CaseFile], fork: Fork | None, suite: Suite = STATE_TESTS) -> Plan:
    """All cases of `files` in batches, those first that may take long: one case to a batch."""
    slow: list[Batch] = []
    quick: list[Batch] = []
    known_count = unknown_count = 0
    for file in files:
        known, unknown = suite.count(file.path, fork)
        known_count += known
        unknown_count += unknown
        is_slow = any(part in file.name for part in SLOW_NAMES)
        size = 1 if is_slow else BATCH_CASES_MAX
        batches = [Batch(file, start, min(start + size, known), fork, suite) for start in range(0, known, size)]
        (slow if is_slow else quick).extend(batches)
    return Plan(slow + quick, known_count, unknown_count)


def run_batches(batches: Sequence[Batch], engine_name: str, jobs: int) -> Iterator[Result]:
    """Run everything, in this process if `jobs` is 1, else in `jobs` others; results in the order they come."""
    if jobs == 1:
        engine = make_engine(engine_name)
        yield from (run_batch(batch, engine) for batch in batches)
        return
    unfinished: list[Batch] = []
    with _pool(engine_name, jobs) as pool:
        futures = {pool.submit(_run_in_worker, batch): batch for batch in batches}
        try:
            for future in as_completed(futures):
                if isinstance(future.exception(), BrokenProcessPool):
                    unfinished.append(futures[future])
                else:
                    yield future.result()
        finally:
            pool.shutdown(cancel_futures=True)
    for batch in unfinished:
        yield _run_alone(batch, engine_name)


def run_batch(batch: Batch, engine: Engine) -> Result:
    """The verdicts of one batch."""
    return Result(batch, [batch.suite.run(case, engine) for case in _cases(batch)])


def _cases(batch: Batch) -> list[Any]:
    return _file_cases(batch.file, batch.fork, batch.suite)[batch.start : batch.stop]


@lru_cache(maxsize=2)  # The batches of a file come one after the other.
def _file_cases(file: CaseFile, fork: Fork | None, suite: Suite) -> list[Any]:
    return suite.read(file, fork)


def _pool(engine_name: str, jobs: int) -> ProcessPoolExecutor:
    # Spawned, not forked: a fork would copy locks that threads of this process hold.
    return ProcessPoolExecutor(jobs, get_context("spawn"), _start_worker, (engine_name,))


def _run_alone(batch: Batch, engine_name: str) -> Result:
    with _pool(engine_name, 1) as pool:
        future: Future[Result] = pool.submit(_run_in_worker, batch)
        try:
            return future.result()
        except BrokenProcessPool:
            error = f"{engine_name} engine: the process died while it ran this batch"
            return Result(batch, [Verdict(case.name, case.fork_name, None, error, 0.0) for case in _cases(batch)])


_engines: dict[str, Engine] = {}  # The one engine of a worker process.


def _start_worker(engine_name: str) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's to handle.
    _engines["worker"] = make_engine(engine_name)


def _run_in_worker(batch: Batch) -> Result:
    return run_batch(batch, _engines["worker"])
