"""
What a person sees of a run of tests: progress while it goes on, a summary by folder and by fork at its end.

Progress is a bar on a terminal. Elsewhere it is a line every ten seconds, none if the run is over before.
"""

import time
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from evm_jit.case_pool import STATE_TESTS, Result

LINE_INTERVAL_S: Final = 10


@dataclass
class Tally:
    """Counts of one folder or fork, and the CPU seconds that its cases took."""

    passed: int = 0
    failed: int = 0
    seconds: float = 0.0


def summary(results: Iterable[Result]) -> str:
    """Passed and failed by folder and by fork, then every failure with its reason."""
    folders: dict[str, Tally] = defaultdict(Tally)
    forks: dict[str, Tally] = defaultdict(Tally)
    total = Tally()
    failures: list[str] = []
    for result in results:
        for verdict in result.verdicts:
            for tally in (folders[result.batch.file.folder], forks[verdict.fork_name], total):
                tally.passed += verdict.passed
                tally.failed += not verdict.passed
                tally.seconds += verdict.seconds
            if not verdict.passed:
                failures.append(f"FAIL  {verdict.name}\n      {verdict.error}")
    width = max([len(name) for name in (*folders, *forks)], default=0)
    lines = [
        *_table("folder", sorted(folders.items()), width),
        "",
        *_table("fork", sorted(forks.items()), width),
        *_rows([("all", total)], width),
    ]
    return "\n".join([*lines, *["", *sorted(failures)][: len(failures) + bool(failures)]])


def _table(title: str, rows: Sequence[tuple[str, Tally]], width: int) -> list[str]:
    return [f"{title:{width}}  {'passed':>7}  {'failed':>7}  {'seconds':>8}", *_rows(rows, width)]


def _rows(rows: Sequence[tuple[str, Tally]], width: int) -> list[str]:
    return [f"{name:{width}}  {tally.passed:7,}  {tally.failed:7,}  {tally.seconds:8.1f}" for name, tally in rows]


@contextmanager
def progress(results: Iterator[Result], case_count: int, title: str = STATE_TESTS.title) -> Iterator[Iterator[Result]]:
    """`results` unchanged, while progress is shown on stderr."""
    console = Console(stderr=True)
    if not console.is_terminal:
        yield _with_lines(results, case_count, console)
        return
    columns = (
        TextColumn(f"{title}s"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[failed]} failed"),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task("", total=case_count, failed=0)

        def shown() -> Iterator[Result]:
            failed = 0
            for result in results:
                failed += sum(not verdict.passed for verdict in result.verdicts)
                bar.update(task, advance=len(result.verdicts), failed=failed)
                yield result

        yield shown()


def _with_lines(results: Iterator[Result], case_count: int, console: Console) -> Iterator[Result]:
    done = failed = 0
    next_line = time.monotonic() + LINE_INTERVAL_S
    for result in results:
        done += len(result.verdicts)
        failed += sum(not verdict.passed for verdict in result.verdicts)
        if time.monotonic() >= next_line:
            next_line = time.monotonic() + LINE_INTERVAL_S
            console.print(f"{done:,} of {case_count:,} cases, {failed:,} failed", highlight=False, soft_wrap=True)
        yield result
