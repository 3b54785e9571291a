"""
An engine's interpreter against revm's, on contracts of others: the same call from the same state in both.

Gas and output must be equal in both, and those that the file of the workload expects. Times are of the CPU, of one
thread; the state is restored before each run. The two alternate, and the figure of a workload is the median of the
ratios of its pairs.

A call from Python costs some microseconds on either side, as much as some workloads take, and ours makes Python objects
of the logs. So the call is made from inside, as often as takes some milliseconds, each time from the same state
(`repeated`); `single_ratio` is that of the call alone, with what Python adds.
"""

import gc
import math
import statistics
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from rich.console import Console
from rich.table import Table

from bench.bytecode import (
    ADDRESS,
    CALL,
    CALLDATASIZE,
    CALLER,
    EQ,
    GAS,
    INVALID,
    JUMPDEST,
    JUMPI,
    POP,
    RETURN,
    RETURNDATACOPY,
    RETURNDATASIZE,
    REVERT,
    copy_calldata,
    operands,
    push,
    repeat,
)
from bench.public_data import contract_files
from bench.revm import Revm
from evm_jit.engine import Engine
from evm_jit.state_tests import PreAccount
from evm_jit.statetest import write_accounts
from evm_jit.workload import Workload, read_workload
from primitives.constants import WEI_PER_ETHER
from primitives.errors import LeveretError
from primitives.forks import Fork
from statestore.state import State

FORK: Final = Fork.CANCUN  # What the contracts were compiled for.
GAS_LIMIT: Final = 1 << 48
REPEATED_NS: Final = 20_000_000  # How long one run should take: what Python adds is a hundredth of it.
CALLS_MAX: Final = 10_000
OUTSIDER: Final = bytes.fromhex("00000000000000000000000000000000000d00d1")
RATIO_MEAN_MIN, RATIO_MIN = 1.3, 0.9


class DifferentResult(LeveretError):
    """An engine and revm did not end a workload alike."""


@dataclass(frozen=True)
class Comparison:
    """One workload: `ratio` is the time of revm over that of the engine, nanoseconds are of one of `call_count`."""

    workload: str
    call_count: int
    gas_used: int
    engine_ns: float
    revm_ns: float
    ratio: float
    single_ratio: float


def compare_interpreters(
    engine: Engine, pairs: int, files: Sequence[Path] | None = None, tick: Callable[[], None] = lambda: None
) -> list[Comparison]:
    """A comparison for each file, by default all; ConfigError when they or pyrevm are missing."""
    comparisons = []
    for file in contract_files() if files is None else files:
        comparisons.append(_compare(file, engine, pairs))
        tick()
    return comparisons


def repeated(workload: Workload, count: int) -> Workload:
    """
    The same call `count` times in one, each from the same state, with the output of the last.

    Code at the caller's address makes the call, so that the contract sees the same sender. There, a call from an
    outsider calls itself `count` times; a call from itself calls the contract and reverts, with what the contract gave
    back. A call that fails uses up all gas.
    """
    (call,) = workload.calls
    assert call.to is not None
    head = CALLER + ADDRESS + EQ
    make = copy_calldata() + operands(GAS, int.from_bytes(call.to, "big"), 0, 0, CALLDATASIZE, 0, 0) + CALL
    copy_output = operands(0, 0, RETURNDATASIZE) + RETURNDATACOPY + operands(0, RETURNDATASIZE)
    outside = len(head) + 4  # Behind a PUSH2 and a JUMPI.
    again = operands(GAS, ADDRESS, 0, 0, CALLDATASIZE, 0, 0) + CALL + POP
    loop = repeat(count, copy_calldata(), again, copy_output + RETURN, start=outside)
    inside = outside + len(loop)
    succeeded = inside + 1 + len(make) + 5
    inner = JUMPDEST + make + push(succeeded, 2) + JUMPI + INVALID + JUMPDEST + copy_output + REVERT
    caller = PreAccount(call.sender, 1, WEI_PER_ETHER, head + push(inside, 2) + JUMPI + loop + inner, {})
    accounts = [account for account in workload.accounts if account.address != call.sender]
    accounts += [caller, PreAccount(OUTSIDER, 0, WEI_PER_ETHER, b"", {})]
    return replace(
        workload, calls=[replace(call, sender=OUTSIDER, to=call.sender)], accounts=accounts, gas_expected=None
    )


def fresh_state(workload: Workload) -> State:
    """That in which a workload begins."""
    state = State()
    write_accounts(workload.accounts, state)
    state.seal_genesis()
    return state


class _Ours:
    """A workload on an engine of ours; each run begins on a fresh state."""

    def __init__(self, workload: Workload, engine: Engine) -> None:
        self._workload, self._engine = workload, engine

    def run(self) -> tuple[bytes, int, int]:
        """Output, gas of the frame, nanoseconds of this thread."""
        (call,), environment = self._workload.calls, self._workload.environment
        state = fresh_state(self._workload)
        began = time.thread_time_ns()
        result = self._engine.call(call, environment, state)
        elapsed = time.thread_time_ns() - began
        if result.halt is not None:
            raise DifferentResult(f"{self._engine.name} engine: {result.halt}.")
        return result.output, result.gas_used, elapsed


def _compare(file: Path, engine: Engine, pairs: int) -> Comparison:
    name = f"{file.parent.name}/{file.stem}" if file.parent.name == "revmc" else file.stem
    workload = workload_of(file)
    single_ratio, _, _, gas_used = _run_pairs(name, workload, engine, pairs)
    call_count = _calls_of_a_run(workload, engine)
    ratio, engine_ns, revm_ns, _ = _run_pairs(name, repeated(workload, call_count), engine, pairs)
    return Comparison(
        workload=name,
        call_count=call_count,
        gas_used=gas_used,
        engine_ns=engine_ns / call_count,
        revm_ns=revm_ns / call_count,
        ratio=ratio,
        single_ratio=single_ratio,
    )


def _calls_of_a_run(workload: Workload, engine: Engine) -> int:
    """How many calls take the faster side about as long as a run should."""
    count = 1
    while True:
        again = repeated(workload, count)
        ours = _Ours(again, engine)
        ours.run()  # What is compiled is so now.
        elapsed = min(ours.run()[2], Revm(again).run()[2])
        if elapsed > REPEATED_NS // 2 or count == CALLS_MAX:
            return count
        count = min(CALLS_MAX, 1 + count * REPEATED_NS // elapsed)


def workload_of(file: Path) -> Workload:
    """What is in a file; some give a call more gas than an engine counts with."""
    workload = read_workload(file, FORK)
    (call,) = workload.calls
    environment = replace(workload.environment, gas_limit=GAS_LIMIT)
    return replace(workload, calls=[replace(call, gas_limit=GAS_LIMIT)], environment=environment)


def _run_pairs(name: str, workload: Workload, engine: Engine, pairs: int) -> tuple[float, float, float, int]:
    """The median ratio, the median nanoseconds of the engine and of revm, and the gas."""
    ours, theirs = _Ours(workload, engine), Revm(workload)
    gas_used = _check(name, workload, ours.run(), theirs.run())
    our_times: list[int] = []
    their_times: list[int] = []
    for index in range(pairs):
        gc.collect()
        for side, times in ((ours, our_times), (theirs, their_times))[:: 1 if index % 2 else -1]:
            _, gas, elapsed = side.run()
            assert gas == gas_used, f"{name}: gas differs from one run to the next"
            times.append(elapsed)
    ratio = statistics.median(their / our for our, their in zip(our_times, their_times, strict=True))
    return ratio, statistics.median(our_times), statistics.median(their_times), gas_used


def _check(name: str, workload: Workload, ours: tuple[bytes, int, int], theirs: tuple[bytes, int, int]) -> int:
    """The gas, if both ended alike and as the workload expects."""
    for what, index, expected in (("output", 0, workload.output_expected), ("gas", 1, workload.gas_expected)):
        if ours[index] != theirs[index]:
            raise DifferentResult(f"{name}: {what} is {ours[index]!r}, and {theirs[index]!r} in revm.")
        if expected is not None and ours[index] != expected:
            raise DifferentResult(f"{name}: {what} is {ours[index]!r}, expected {expected!r}.")
    return ours[1]


def geometric_mean(ratios: Iterable[float]) -> float:
    """Of so many times as fast."""
    return math.exp(statistics.fmean(map(math.log, ratios)))


def print_comparisons(comparisons: Sequence[Comparison], engine: str, console: Console) -> None:
    """A row a workload; mean and worst below."""
    table = Table(title=f"{engine} engine against revm (pyrevm), results checked")
    for title in ("workload", "calls in one", "gas", "engine µs", "revm µs", "times as fast", "one call from Python"):
        table.add_column(title, justify="left" if title == "workload" else "right")
    for each in sorted(comparisons, key=lambda each: each.ratio):
        table.add_row(
            each.workload,
            f"{each.call_count:,}",
            f"{each.gas_used:,}",
            f"{each.engine_ns / 1e3:,.2f}",
            f"{each.revm_ns / 1e3:,.2f}",
            f"{each.ratio:.2f}",
            f"{each.single_ratio:.2f}",
        )
    console.print(table)
    worst = min(comparisons, key=lambda each: each.ratio)
    console.print(
        f"Geometric mean {geometric_mean(each.ratio for each in comparisons):.2f} (wanted: {RATIO_MEAN_MIN}), "
        f"worst {worst.ratio:.2f} in {worst.workload} (wanted: {RATIO_MIN})."
    )
