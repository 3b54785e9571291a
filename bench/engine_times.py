"""
One workload on four engines: py-evm, revm, the interpreter, and machine code of the compiler's second tier.

The interpreter and machine code are each compared with revm in pairs (`interpreter_bench`). py-evm runs each workload
once. One that would take it long gets only so much gas, on which it must run out; its time is extended to the gas of
the whole, and the table and the plot say so.
"""

import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

from rich.console import Console
from rich.table import Table

from bench.interpreter_bench import (
    RATIO_MEAN_MIN,
    Comparison,
    DifferentResult,
    compare_interpreters,
    fresh_state,
    geometric_mean,
    workload_of,
)
from evm_jit.engine import Engine
from evm_jit.engines import make_engine
from evm_jit.workload import Workload

if TYPE_CHECKING:
    from matplotlib.axes import Axes

REFERENCE_GAS_MAX: Final = 8_000_000  # Two seconds, most of the time.
COMPILED_MEAN_MIN: Final = 4.0  # Times as fast as revm.
RUNS_OF_A_FILE: Final = 3
BAR_HEIGHT: Final = 0.2


@dataclass(frozen=True)
class EngineTimes:
    """Nanoseconds of one call, those of py-evm extended from a part if `is_extended`; ratios are medians of pairs."""

    interpreter: Comparison
    compiled: Comparison
    reference_ns: float
    is_extended: bool

    @property
    def workload(self) -> str:
        """Its name."""
        return self.interpreter.workload

    @property
    def compiled_gain(self) -> float:
        """How many times as fast as the interpreter machine code is."""
        return self.compiled.ratio / self.interpreter.ratio

    @property
    def revm_ns(self) -> float:
        """Of both comparisons."""
        return statistics.fmean((self.interpreter.revm_ns, self.compiled.revm_ns))


def measure_engines(files: Sequence[Path], pairs: int, tick: Callable[[], None] = lambda: None) -> list[EngineTimes]:
    """All engines, over each file; `tick` is called RUNS_OF_A_FILE times for each."""
    interpreter, compiled, reference = (make_engine(name) for name in ("interpreter", "compiled-hot", "reference"))
    found = []
    for file in files:
        [of_interpreter] = compare_interpreters(interpreter, pairs, [file], tick)
        [of_compiled] = compare_interpreters(compiled, pairs, [file], tick)
        ended = reference_time(reference, file, of_compiled.gas_used)
        found.append(EngineTimes(of_interpreter, of_compiled, *ended))
        tick()
    return found


def reference_time(engine: Engine, file: Path, gas_used: int) -> tuple[float, bool]:
    """
    Nanoseconds of the one call in a file, which uses so much gas; whether that is more than is executed.

    Then the second half of what is executed tells how long the rest would take: the first half holds what a contract
    does but once.
    """
    workload = workload_of(file)
    if gas_used <= REFERENCE_GAS_MAX:
        return _call_ns(engine, workload, None), False
    half_ns, whole_ns = (_call_ns(engine, workload, gas) for gas in (REFERENCE_GAS_MAX // 2, REFERENCE_GAS_MAX))
    return whole_ns + (whole_ns - half_ns) * (gas_used - REFERENCE_GAS_MAX) / (REFERENCE_GAS_MAX // 2), True


def _call_ns(engine: Engine, workload: Workload, gas_limit: int | None) -> int:
    """Nanoseconds of the call in a workload, with a gas limit on which it must run out if there is one."""
    [call] = workload.calls
    if gas_limit is not None:
        call = replace(call, gas_limit=gas_limit)
    state = fresh_state(workload)
    began = time.thread_time_ns()
    result = engine.call(call, workload.environment, state)
    elapsed = time.thread_time_ns() - began
    if (result.halt is None) != (gas_limit is None):
        raise DifferentResult(f"the {engine.name} engine ended with {result.halt}.")
    return elapsed


def print_engine_times(times: Sequence[EngineTimes], console: Console) -> None:
    """A row a workload; means, and where machine code is slower than the interpreter, below."""
    table = Table(title="µs of one call, results checked; * extended from a part; ratios are medians of pairs")
    for title in ("workload", "gas", "py-evm", "revm", "interpreter", "against revm", "compiled", "against revm"):
        table.add_column(title, justify="left" if title == "workload" else "right")
    for each in sorted(times, key=lambda each: each.compiled.ratio):
        table.add_row(
            each.workload,
            f"{each.interpreter.gas_used:,}",
            f"{each.reference_ns / 1e3:,.0f}{'*' if each.is_extended else ' '}",
            f"{each.revm_ns / 1e3:,.2f}",
            f"{each.interpreter.engine_ns / 1e3:,.2f}",
            f"{each.interpreter.ratio:.2f}",
            f"{each.compiled.engine_ns / 1e3:,.2f}",
            f"{each.compiled.ratio:.2f}",
        )
    console.print(table)
    for name, comparisons, mean_min in (
        ("Interpreter", [each.interpreter for each in times], RATIO_MEAN_MIN),
        ("Compiled", [each.compiled for each in times], COMPILED_MEAN_MIN),
    ):
        mean = geometric_mean(each.ratio for each in comparisons)
        worst = min(comparisons, key=lambda each: each.ratio)
        wanted = f"geometric mean {mean:.2f} (wanted: {mean_min})"
        console.print(f"{name} against revm: {wanted}, worst {worst.ratio:.2f} in {worst.workload}.")
    slower = [f"{each.workload} ({each.compiled_gain:.2f})" for each in times if each.compiled_gain < 1]
    console.print(f"Slower compiled than interpreted: {', '.join(slower) or 'none'}.")


def write_engines_plot(times: Sequence[EngineTimes], path: Path) -> Path:
    """Four bars a workload, over a logarithmic axis, as an SVG."""
    import matplotlib as mpl

    mpl.use("Agg")
    mpl.rcParams["svg.hashsalt"] = "leveret"  # The same figures give the same file.
    from matplotlib import pyplot

    ordered = sorted(times, key=lambda each: each.compiled.engine_ns)
    figure, axes = pyplot.subplots(figsize=(9, 0.55 * len(ordered) + 1.5))
    _draw_bars(ordered, axes)
    axes.set_yticks(range(len(ordered)), [each.workload for each in ordered])
    axes.set_xscale("log")
    axes.set_xlabel("µs of one call, shorter is faster (logarithmic)")
    axes.grid(axis="x", alpha=0.3)
    axes.set_axisbelow(True)
    axes.margins(y=0.01)
    axes.legend(loc="lower center", bbox_to_anchor=(0.4, 1), ncols=2)
    figure.tight_layout()
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, metadata={"Date": None})
    pyplot.close(figure)
    return path


def _draw_bars(times: Sequence[EngineTimes], axes: "Axes") -> None:
    hatched = f"py-evm (hatched: extended from the first {REFERENCE_GAS_MAX / 1e6:g} Mgas)"
    series = (
        (hatched, "#b0b0b0", [each.reference_ns for each in times]),
        ("revm (pyrevm)", "#dd8452", [each.revm_ns for each in times]),
        ("interpreter", "#4c72b0", [each.interpreter.engine_ns for each in times]),
        ("compiled", "#55a868", [each.compiled.engine_ns for each in times]),
    )
    for index, (label, color, taken_ns) in enumerate(series):
        places = [row + (1.5 - index) * BAR_HEIGHT for row in range(len(times))]
        bars = axes.barh(places, [each / 1e3 for each in taken_ns], height=BAR_HEIGHT, color=color, label=label)
        for bar, each in zip(bars, times, strict=True):
            if label == hatched and each.is_extended:
                bar.set_hatch("////")
