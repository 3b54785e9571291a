"""
Two or more implementations on the same seeds: what differs, made small, and what was compared.

The first implementation is compared with each of the others. Whole transactions run on any engine of leveret and on
EELS; with revm among the implementations, single frames are compared instead, as it has no transactions.
"""

import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, fields, replace
from functools import partial
from pathlib import Path
from typing import Final

from evm_jit.disassembly import one_line
from evm_jit.engine import Engine
from evm_jit.engines import make_engine
from primitives.errors import ConfigError
from primitives.forks import Fork
from tests.differential import eels, revm
from tests.differential.cases import Case, CaseResult, differences, make_case
from tests.differential.eels import run_on_eels
from tests.differential.engine_runs import run_on_engine
from tests.differential.frames import (
    Batch,
    Frame,
    FrameResult,
    FramesOnEngine,
    batches,
    frame_differences,
    make_batch,
    make_frame,
)
from tests.differential.machine_code import MachineCodeEngine
from tests.differential.minimise import minimised, minimised_code
from tests.differential.reports import show
from tests.differential.revm import FramesOnRevm

EELS: Final = "eels"
REVM: Final = "revm"
MACHINE_CODE: Final = MachineCodeEngine.name

RunCase = Callable[[Case], CaseResult]


@dataclass(frozen=True)
class Finding:
    """A seed on which two implementations differ; `report` is for a person. `count` seeds up to it show it again."""

    seed: int
    report: str
    count: int = 1

    @property
    def first_seed(self) -> int:
        return self.seed - self.count + 1


@dataclass
class Tally:
    """What was compared: how many transactions or frames ended how, and the seconds that each part took."""

    endings: Counter[str] = field(default_factory=Counter)
    seconds: Counter[str] = field(default_factory=Counter)
    machine_code: Counter[str] = field(default_factory=Counter)  # What was compiled, and what of it ran.

    def add(self, other: "Tally") -> None:
        """What somebody else compared, too."""
        for member in fields(self):
            getattr(self, member.name).update(getattr(other, member.name))

    @property
    def count(self) -> int:
        return self.endings.total()

    @property
    def success_share(self) -> float:
        return self.endings["succeeded"] / max(1, self.count)

    def timed(self, name: str, begin: float) -> float:
        """Book the time since `begin` under `name`; the time now."""
        now = time.perf_counter()
        self.seconds[name] += now - begin
        return now


@dataclass
class Compared:
    """How many seeds were compared, how many of them differ, and what was compared."""

    done: int = 0
    found: int = 0
    tally: Tally = field(default_factory=Tally)


def make_engines(names: Sequence[str]) -> dict[str, Engine]:
    """The engines of leveret among `names`; ConfigError for a name that nobody has, or an oracle that is not here."""
    engines = {}
    for name in names:
        if name == EELS and not eels.IS_INSTALLED:
            raise ConfigError(f"{eels.ABSENCE}.")
        if name == REVM and not revm.IS_INSTALLED:
            raise ConfigError(f"{revm.ABSENCE}.")
        if name == MACHINE_CODE:
            engines[name] = MachineCodeEngine()
        elif name not in (EELS, REVM):
            engines[name] = make_engine(name)
    if REVM in names and (EELS in names or names[0] == REVM):
        raise ConfigError("revm runs single frames and EELS whole transactions: name one of them, and an engine first.")
    if MACHINE_CODE in names and (names[0] != MACHINE_CODE or len(names) != 2 or len(engines) != 2):
        raise ConfigError(f"{MACHINE_CODE} is compared with one engine of leveret: {MACHINE_CODE},interpreter.")
    return engines


# Whole transactions.


def compare_cases(
    names: Sequence[str],
    engines: dict[str, Engine],
    seeds: range,
    fork: Fork | None,
    tally: Tally,
    *,
    is_reduced: bool = True,
) -> Iterator[Finding | None]:
    """For each seed, what differs."""
    runs = {name: _case_runner(name, engines) for name in names}
    for seed in seeds:
        begin = time.perf_counter()
        case = make_case(seed, fork)
        case.transactions()
        begin = tally.timed("making", begin)
        results = {}
        for name, run in runs.items():
            results[name] = run(case)
            begin = tally.timed(name, begin)
        _count_transactions(results[names[0]], tally)
        other = next((name for name in names[1:] if differences(results[names[0]], results[name])), None)
        yield None if other is None else _case_finding(seed, case, (names[0], other), runs, is_reduced=is_reduced)


def _case_runner(name: str, engines: dict[str, Engine]) -> RunCase:
    run = run_on_eels if name == EELS else partial(run_on_engine, engine=engines[name])

    def guarded(case: Case) -> CaseResult:
        try:
            return run(case)
        except Exception as error:  # Whatever is raised is a finding, and not the end of the run.
            return CaseResult(crash=_crash(name, error))

    return guarded


def _crash(name: str, error: Exception) -> str:
    """What was raised, and where."""
    where = traceback.extract_tb(error.__traceback__)[-1]
    return f"{name}: {type(error).__name__}: {error} ({Path(where.filename).name}, line {where.lineno})"


def _count_transactions(result: CaseResult, tally: Tally) -> None:
    for transaction in result.transactions:
        ending = "refused" if transaction.is_refused else "succeeded" if transaction.succeeded else "failed"
        tally.endings[ending] += 1


def _case_finding(
    seed: int, case: Case, pair: tuple[str, str], runs: dict[str, RunCase], *, is_reduced: bool
) -> Finding:
    first, second = (runs[name] for name in pair)
    kinds = _kinds(differences(first(case), second(case)))

    def still_differs(smaller: Case) -> bool:
        found = _kinds(differences(first(smaller), second(smaller)))
        return bool(found) and found <= kinds

    small = minimised(case, still_differs) if is_reduced else case
    found = differences(first(small), second(small))
    lines = [f"{pair[0]} and {pair[1]} differ ({case.environment.fork.name.lower()}):"]
    lines += [f"    {sentence}" for sentence in found]
    lines.append(f"  block: {show(small.environment)}")
    for account in small.accounts:
        state = f"nonce {account.nonce}, balance {account.balance_wei}, storage {dict(account.storage)}"
        lines.append(f"  account 0x{account.address.hex()}: {state}")
        if account.code:
            lines.append(f"    {one_line(account.code)}")
    for transaction in small.transactions():
        lines.append(f"  transaction: {show(transaction)}")
        if transaction.to is None:
            lines.append(f"    {one_line(transaction.data)}")
    return Finding(seed, "\n".join(lines))


def _kinds(found: Sequence[str]) -> set[str]:
    """What differs, without its values: the field of a transaction, an account, the root."""
    return {sentence.split()[2] if sentence.startswith("transaction") else sentence.split()[0] for sentence in found}


# Single frames.


def compare_frames(
    names: Sequence[str],
    engines: dict[str, Engine],
    seeds: range,
    fork: Fork | None,
    tally: Tally,
    *,
    is_reduced: bool = True,
) -> Iterator[Finding | None]:
    """For each seed, what differs."""
    for batch, seeds_of_batch in batches(seeds.start, len(seeds), fork):
        begin = time.perf_counter()
        runners = {name: FramesOnEngine(batch, engines[name]) for name in names if name != REVM}
        machine = FramesOnRevm(batch)
        tally.timed("making", begin)
        for seed in seeds_of_batch:
            begin = time.perf_counter()
            frame = make_frame(seed, batch)
            begin = tally.timed("making", begin)
            results: dict[str, FrameResult] = {}
            for name, runner in list(runners.items()):
                results[name] = run_frame(runner, frame, name)
                begin = tally.timed(name, begin)
                if results[name].crash is not None:
                    runners[name] = FramesOnEngine(batch, engines[name])  # Its state is not what it was.
            results[REVM] = machine.run(frame, results[names[0]])
            begin = tally.timed(REVM, begin)
            tally.endings["succeeded" if results[names[0]].succeeded else "failed"] += 1
            other = next((name for name in names[1:] if frame_differences(results[names[0]], results[name])), None)
            tally.timed("comparing", begin)
            yield (
                None
                if other is None
                else frame_finding(frame, batch, (names[0], other), engines, is_reduced=is_reduced)
            )


def _run_pair(frame: Frame, batch: Batch, pair: tuple[str, str], engines: dict[str, Engine]) -> list[str]:
    """What differs between the two, each in a state of its own."""
    first = run_frame(FramesOnEngine(batch, engines[pair[0]]), frame, pair[0])
    if pair[1] == REVM:
        return frame_differences(first, FramesOnRevm(batch).run(frame, first))
    return frame_differences(first, run_frame(FramesOnEngine(batch, engines[pair[1]]), frame, pair[1]))


def run_frame(runner: FramesOnEngine, frame: Frame, name: str) -> FrameResult:
    try:
        return runner.run(frame)
    except Exception as error:
        return FrameResult(crash=_crash(name, error))


def frame_finding(
    frame: Frame, batch: Batch, pair: tuple[str, str], engines: dict[str, Engine], *, is_reduced: bool
) -> Finding:
    found = _run_pair(frame, batch, pair, engines)
    lines = [f"{pair[0]} and {pair[1]} differ ({batch.fork.name.lower()}):"]
    if not found:
        lines.append("    only after the frames before it in its batch, which left something behind")
        return Finding(frame.seed, "\n".join(lines), count=frame.seed - batch.first_seed + 1)
    kinds = {sentence.split()[0] for sentence in found}

    def still_differs(code: bytes) -> bool:
        found = _run_pair(replace(frame, code=code), batch, pair, engines)
        return bool(found) and {sentence.split()[0] for sentence in found} <= kinds

    if is_reduced:
        frame = replace(frame, code=minimised_code(frame.code, still_differs))
    lines += [f"    {sentence}" for sentence in _run_pair(frame, batch, pair, engines)]
    lines.append(f"  block: {show(batch.environment)}")
    lines.append(f"  calldata 0x{frame.data.hex()}, value {frame.value}, gas {frame.gas_limit}")
    lines.append(f"  program at 0x{frame.to.hex()}: 0x{frame.code.hex()}")
    lines.append(f"    {one_line(frame.code)}")
    for account in make_batch(batch.number, batch.fork).accounts:
        if account.code and account.address != frame.to and account.address in frame.code:
            lines.append(f"  account 0x{account.address.hex()}: storage {dict(account.storage)}")
            lines.append(f"    {one_line(account.code)}")
    return Finding(frame.seed, "\n".join(lines))
