"""What a benchmark leaves: a table on the screen, figures as JSON, a plot."""

import json
import os
import platform
import subprocess
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console
from rich.table import Table

from bench.engine_bench import Measurement
from bench.engine_times import EngineTimes
from bench.interpreter_bench import Comparison
from bench.tier_bench import TierComparison


def print_table(measurements: Sequence[Measurement], console: Console) -> None:
    """One row a measurement: the median repetition, and the tx/s of the slowest and the fastest one."""
    table = Table(title="leveret bench, results checked")
    for title in ("workload", "path", "tx", "tx/s", "Mgas/s", "µs/tx", "keccak-f/tx", "slowest", "fastest"):
        table.add_column(title, justify="left" if title in ("workload", "path") else "right")
    for each in measurements:
        slowest = each.transaction_count / max(each.seconds)
        fastest = each.transaction_count / min(each.seconds)
        table.add_row(
            each.workload,
            each.path,
            f"{each.transaction_count:,}",
            f"{each.transactions_per_second:,.0f}",
            f"{each.mgas_per_second:,.1f}",
            f"{1e6 / each.transactions_per_second:,.1f}",
            "" if each.median_permutations is None else f"{each.median_permutations:.1f}",
            f"{slowest:,.0f}",
            f"{fastest:,.0f}",
        )
    console.print(table)


def machine() -> str:
    """Processor, cores and Python, in one line."""
    model = platform.processor() or platform.machine()
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        names = [line.split(":", 1)[1].strip() for line in cpuinfo.read_text().splitlines() if "model name" in line]
        model = names[0] if names else model
    return f"{model}, {os.cpu_count()} cores, Python {platform.python_version()}"


def heading(command: str) -> dict[str, object]:
    """What a file of figures begins with: command, machine, commit, date."""
    commit = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"],  # noqa: S607
        capture_output=True,
        text=True,
        check=False,
        cwd=Path(__file__).parent,
    ).stdout.strip()
    return {
        "command": command,
        "machine": machine(),
        "commit": commit,
        "date": datetime.now(UTC).strftime("%Y-%m-%d"),
    }


def write_json(
    measurements: Sequence[Measurement], times: Sequence[EngineTimes], blocks: Sequence[TierComparison], folder: Path
) -> Path:
    """The figures of `make bench`: `latest.json` in `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    document = heading("make bench") | {
        "figures": [_measured(each) for each in measurements],
        "interpreters": [_compared(each.interpreter) for each in times],
        "compiled": [_compared(each.compiled) for each in times],
        "reference": [_executed_once(each) for each in times],
        "tiers": [_tiered(each) for each in blocks],
    }
    path = folder / "latest.json"
    path.write_text(json.dumps(document, indent=2) + "\n")
    return path


def _measured(each: Measurement) -> dict[str, object]:
    return {
        "workload": each.workload,
        "path": each.path,
        "transactions": each.transaction_count,
        "gasUsed": each.gas_used,
        "seconds": list(each.seconds),
        "transactionsPerSecond": round(each.transactions_per_second, 1),
        "mgasPerSecond": round(each.mgas_per_second, 2),
        "permutationsPerTransaction": [round(ratio, 2) for ratio in each.permutations],
    }


def _compared(each: Comparison) -> dict[str, object]:
    return {
        "workload": each.workload,
        "callsInOne": each.call_count,
        "gasUsed": each.gas_used,
        "engineNs": round(each.engine_ns),
        "revmNs": round(each.revm_ns),
        "ratio": round(each.ratio, 3),
        "singleCallRatio": round(each.single_ratio, 3),
    }


def _executed_once(each: EngineTimes) -> dict[str, object]:
    return {"workload": each.workload, "engineNs": round(each.reference_ns), "isExtended": each.is_extended}


def _tiered(each: TierComparison) -> dict[str, object]:
    return {
        "workload": each.workload,
        "transactions": each.transaction_count,
        "gasUsed": each.gas_used,
        "coldNs": list(each.cold_ns),
        "interpreterNs": list(each.interpreter_ns),
        "tiersNs": list(each.tiers_ns),
        "coldRatio": round(each.cold_ratio, 3),
        "warmRatio": round(each.warm_ratio, 3),
        "objects": each.object_count,
        "compilerNs": each.compiler_ns,
    }


def write_plot(measurements: Sequence[Measurement], folder: Path) -> Path:
    """A bar for each measurement: `throughput.svg` in `folder`."""
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot

    folder.mkdir(parents=True, exist_ok=True)
    figure, axes = pyplot.subplots(figsize=(8, 0.7 * len(measurements) + 1.5))
    labels = [f"{each.workload}\n{each.path}" for each in measurements]
    bars = axes.barh(labels, [each.transactions_per_second for each in measurements], color="#4c72b0")
    axes.bar_label(bars, fmt="{:,.0f}", padding=3)
    axes.set_xlabel("transactions per second (median)")
    axes.invert_yaxis()
    axes.margins(x=0.15)
    figure.tight_layout()
    path = folder / "throughput.svg"
    figure.savefig(path)
    pyplot.close(figure)
    return path
