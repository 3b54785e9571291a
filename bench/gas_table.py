"""
`make bench-gas`: what a unit of gas of every opcode and every precompile costs in time.

A row is an opcode or a precompile with the slowest of its cases. Gas must bound time, so what is far above the median
is a way to slow the chain down for little money: rows above `RATIO_MAX` times the median of all rows are named at the
end.

Each case is first run on the engine that is measured and on the reference engine: gas, output, halt and state diff must
be the same. Times are of the CPU, of one thread; measured program and control alternate.
"""

import gc
import json
import statistics
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Final

from rich.console import Console
from rich.table import Table

from bench.compute_cases import compute_cases
from bench.gas_case import GasCase, environment
from bench.precompile_cases import precompile_cases
from bench.state_cases import state_cases
from evm_jit.engine import CallResult, Engine
from evm_jit.engines import make_engine
from primitives.block import BlockEnvironment
from primitives.errors import LeveretError
from statestore.state import State

RATIO_MAX: Final = 5
RUN_NS: Final = 3_000_000  # How long one run should take.


class WrongResult(LeveretError):
    """An engine did something else than the reference engine."""


@dataclass(frozen=True)
class GasFigure:
    """Gas and nanoseconds of one operation."""

    subject: str
    variant: str
    gas: float
    ns: float

    @property
    def is_precompile(self) -> bool:
        """A precompile is named with its address."""
        return " 0x" in self.subject

    @property
    def ns_per_gas(self) -> float | None:
        """None for what costs no gas."""
        return self.ns / self.gas if self.gas else None


def all_cases() -> Iterator[GasCase]:
    """Every case, opcodes before precompiles."""
    yield from compute_cases()
    yield from state_cases()
    yield from precompile_cases()


def measure_gas(
    engine: Engine, cases: Iterable[GasCase], repetitions: int, tick: Callable[[], None] = lambda: None
) -> list[GasFigure]:
    """The figure of each case; WrongResult when one does not end as on the reference engine."""
    reference = make_engine("reference")
    block = environment()
    figures = []
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        for case in cases:
            if engine.name != reference.name:
                check(case, engine, reference, block)
            figures.append(_measure(case, engine, block, repetitions))
            gc.collect()
            tick()
    finally:
        if was_enabled:
            gc.enable()
    return figures


def check(case: GasCase, engine: Engine, reference: Engine, block: BlockEnvironment) -> None:
    """WrongResult when a frame of the case ends otherwise than on the reference engine."""
    ends = []
    for each in (engine, reference):
        state = case.state(1, is_control=False)
        result = each.call(case.call, block, state)
        diff = state.seal()
        changes = sorted((change.address, change.account, sorted(change.storage)) for change in diff.accounts)
        ends.append((result.gas_used, result.output, result.halt, changes, sorted(diff.codes)))
    for what, ours, theirs in zip(("gas", "output", "halt", "state diff", "codes"), *ends, strict=True):
        if ours != theirs:
            raise WrongResult(f"{case.name}: {what} is {ours!r} on the {engine.name} engine, expected {theirs!r}.")


class _Runs:
    """A program of a case on an engine, run as often as one likes from the same state."""

    def __init__(self, case: GasCase, engine: Engine, block: BlockEnvironment, *, is_control: bool) -> None:
        self._case, self._engine, self._block, self._is_control = case, engine, block, is_control
        self._call = case.call
        self._state: State | None = None
        self._frame_count = 1
        self.gas = 0

    def resize(self, frame_count: int) -> None:
        """Call so many frames from now on."""
        self._frame_count = frame_count
        self._state = None
        self.gas = 0

    def run(self) -> int:
        """Nanoseconds of a run."""
        if self._state is None or self._case.writes:
            self._state = self._case.state(self._frame_count, is_control=self._is_control)
        began = time.thread_time_ns()
        result = self._engine.call(self._call, self._block, self._state)
        elapsed = time.thread_time_ns() - began
        self._check(result)
        return elapsed

    def fill(self, wanted_ns: int) -> int:
        """Call as many frames as take that long; how many that are."""
        while True:
            elapsed = min(self.run() for _ in range(2))
            count = self._frame_count
            if elapsed > wanted_ns // 2 or count == self._case.frames_max:
                return count
            self.resize(min(self._case.frames_max, 1 + count * wanted_ns // elapsed))

    def _check(self, result: CallResult) -> None:
        assert result.halt is None, f"{self._case.name}: {result.halt}"
        assert self.gas in (0, result.gas_used), f"{self._case.name}: gas differs from one run to the next"
        self.gas = result.gas_used


def _measure(case: GasCase, engine: Engine, block: BlockEnvironment, repetitions: int) -> GasFigure:
    measured = _Runs(case, engine, block, is_control=False)
    control = _Runs(case, engine, block, is_control=True)
    measured.run()  # What is done once for a code is done now, unless the case is about it.
    frame_count = measured.fill(RUN_NS)
    control.resize(frame_count)
    control.run()
    differences = []
    for index in range(repetitions):
        first, second = (measured, control) if index % 2 else (control, measured)
        times = {first: first.run(), second: second.run()}
        differences.append(times[measured] - times[control])
    count = frame_count * case.repeats
    ns = max(statistics.median(differences) / count, 0.0)
    return GasFigure(case.subject, case.variant, (measured.gas - control.gas) / count, ns)


def slowest(figures: Sequence[GasFigure]) -> list[GasFigure]:
    """One figure a subject, that of the most time for its gas; the slowest first, what is free last."""

    def cost(figure: GasFigure) -> float:
        return -1.0 if figure.ns_per_gas is None else figure.ns_per_gas

    by_subject = sorted(figures, key=lambda figure: figure.subject)
    worst = [max(group, key=cost) for _, group in groupby(by_subject, key=lambda figure: figure.subject)]
    return sorted(worst, key=cost, reverse=True)


def median_ns_per_gas(rows: Sequence[GasFigure]) -> float:
    """The middle of what costs gas."""
    return statistics.median(row.ns_per_gas for row in rows if row.ns_per_gas is not None)


def print_gas_table(figures: Sequence[GasFigure], engine: str, console: Console) -> None:
    """A row for each subject, and what is above the limit."""
    rows = slowest(figures)
    median = median_ns_per_gas(rows)
    table = Table(title=f"ns for a unit of gas, {engine} engine, results checked")
    for title in ("opcode or precompile", "slowest case", "gas", "ns", "ns/gas", "x median"):
        table.add_column(title, justify="left" if title in ("opcode or precompile", "slowest case") else "right")
    for row in rows:
        ratio = "" if row.ns_per_gas is None or not median else f"{row.ns_per_gas / median:,.2f}"
        per_gas = "free" if row.ns_per_gas is None else f"{row.ns_per_gas:,.2f}"
        table.add_row(row.subject, row.variant, f"{row.gas:,.0f}", f"{row.ns:,.1f}", per_gas, ratio)
    console.print(table)
    above = [row.subject for row in rows if row.ns_per_gas is not None and row.ns_per_gas > RATIO_MAX * median]
    opcodes = [row for row in rows if not row.is_precompile]
    precompiles = [row for row in rows if row.is_precompile]
    console.print(
        f"Median of {len(opcodes)} opcodes and {len(precompiles)} precompiles: {median:.3f} ns/gas"
        + "".join(
            f"; of the {kind} alone {median_ns_per_gas(some):.3f}"
            for kind, some in (("opcodes", opcodes), ("precompiles", precompiles))
            if some
        )
        + "."
    )
    console.print(f"More than {RATIO_MAX} times the median: {len(above)}{': ' if above else ''}{', '.join(above)}.")


def write_gas_table(figures: Sequence[GasFigure], engine: str, heading: Mapping[str, object], folder: Path) -> Path:
    """Every case as JSON: `gas.json` in `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    median = median_ns_per_gas(slowest(figures))
    ordered = sorted(figures, key=lambda figure: figure.ns_per_gas or 0.0, reverse=True)
    cases = [
        {
            "subject": figure.subject,
            "case": figure.variant,
            "gas": round(figure.gas, 2),
            "ns": round(figure.ns, 2),
            "nsPerGas": None if figure.ns_per_gas is None else round(figure.ns_per_gas, 4),
            "timesMedian": None if figure.ns_per_gas is None else round(figure.ns_per_gas / median, 3),
        }
        for figure in ordered
    ]
    document = dict(heading) | {"engine": engine, "medianNsPerGas": round(median, 4), "cases": cases}
    path = folder / "gas.json"
    path.write_text(json.dumps(document, indent=1) + "\n")
    return path
