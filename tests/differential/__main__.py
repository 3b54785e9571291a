"""
Random programs on two or more implementations: `python -m tests.differential --engines native,reference,eels`.

With revm among them (`--engines native,revm`) single frames are compared, at thousands a second; with machine code
(`--engines machine-code,interpreter`) too, compiled by the hundred. Without `--engines`, `--count` frames are compared
with both, and then a hundredth as many whole transactions, on whatever is installed. Exits with 1 when something
differs, after printing for each finding the seed, the command that shows it again, and a smaller case.
"""

import argparse
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING, Final

from primitives.errors import LeveretError
from primitives.forks import Fork, fork_by_name
from tests.differential.child_processes import Progress, run_in_children, seed_that_ends

if TYPE_CHECKING:
    from tests.differential.comparison import Compared, Finding

FINDINGS_MAX: Final = 5
FRAMES_PER_CASE: Final = 100  # A case is some transactions, some of them on engines that are slow.


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.differential", description=__doc__.split("\n\n")[0])
    parser.add_argument(
        "--engines", help="of native, reference, eels, revm, machine-code; the first is compared with the others"
    )
    parser.add_argument("--count", type=int, default=1_000, help="how many seeds")
    parser.add_argument("--seed", type=int, default=0, help="the first seed")
    parser.add_argument("--fork", help="one fork; otherwise each seed chooses its own")
    parser.add_argument("--jobs", type=int, default=1, help="how many processes share the seeds")
    parser.add_argument("--findings", type=int, default=FINDINGS_MAX, help="stop after so many differences")
    parser.add_argument("--as-is", action="store_true", help="show what differs without making it smaller")
    options = parser.parse_args(arguments)
    fork = None if options.fork is None else fork_by_name(options.fork)
    if options.engines is not None:
        return _run(options, options.engines, options.count, fork)
    return max((_run(options, engines, count, fork) for engines, count in _everything(options.count, fork)), default=0)


def _everything(count: int, fork: Fork | None) -> list[tuple[str, int]]:
    """What is compared when nothing is asked for: engines, and how many seeds."""
    from tests.differential import eels, frames, revm
    from tests.differential.engines import LEADING

    runs = []
    if not revm.IS_INSTALLED:
        print(f"{revm.ABSENCE}: no frames are compared with it.")
    elif fork is None or fork in frames.FORKS:
        runs.append((f"{LEADING},revm", count))
    runs.append(("machine-code,interpreter", count))
    engines = dict.fromkeys((LEADING, "reference"))
    if eels.IS_INSTALLED:
        engines["eels"] = None
    else:
        print(f"{eels.ABSENCE}: transactions are compared without it.")
    if len(engines) > 1:
        runs.append((",".join(engines), max(1, count // FRAMES_PER_CASE)))
    return runs


def _run(options: argparse.Namespace, engines: str, count: int, fork: Fork | None) -> int:
    """Compare, in children: if compiled code ends one, its parent still knows the seed. Returns the exit code."""
    from sequencer.progress import progress

    seeds, began = range(options.seed, options.seed + count), time.perf_counter()
    work = partial(_compare, options, engines, fork)
    with progress(f"{engines}, seeds from {seeds.start}") as show:
        children = run_in_children(work, seeds, options.jobs, show)
    for child in children:
        if child.code < 0:
            killers = seed_that_ends(work, child.under_way)
            where = (
                f"seed {killers.start}" if len(killers) == 1 else f"one of {len(killers)} seeds from {killers.start}"
            )
            command = _command(engines, killers.start, len(killers), fork)
            print(f"Signal {-child.code} ended the process at {where}: {command}", file=sys.stderr)
    results = [child.result for child in children if child.result is not None]
    if results:
        print(_summary(engines.split(","), results, time.perf_counter() - began))
    if any(child.code > 0 for child in children):
        return max(child.code for child in children)
    all_done = len(results) == len(children) and all(result.done and not result.found for result in results)
    return 0 if all_done else 1


def _compare(
    options: argparse.Namespace, engine_names: str, fork: Fork | None, seeds: range, under_way: Progress
) -> "Compared":
    from tests.differential.comparison import MACHINE_CODE, REVM, Compared, compare_cases, compare_frames, make_engines
    from tests.differential.compiled_comparison import compare_compiled

    names = engine_names.split(",")
    engines = make_engines(names)
    compare: Callable[..., Iterator[Finding | None]] = compare_frames if REVM in names else compare_cases
    if MACHINE_CODE in names:
        compare = partial(compare_compiled, watch=under_way.watch)
    compared = Compared()
    under_way.watch(range(seeds.start, seeds.start + 1))
    for finding in compare(names, engines, seeds, fork, compared.tally, is_reduced=not options.as_is):
        compared.done += 1
        under_way.count()
        if MACHINE_CODE not in names:
            under_way.watch(range(seeds.start + compared.done, seeds.start + compared.done + 1))
        if finding is not None:
            compared.found += 1
            command = _command(engine_names, finding.first_seed, finding.count, fork)
            print(f"Seed {finding.seed}: {command}\n{finding.report}\n", flush=True)
        if compared.found >= options.findings:
            break
    return compared


def _command(engines: str, seed: int, count: int, fork: Fork | None) -> str:
    """What shows a finding again."""
    tail = "" if fork is None else f" --fork {fork.name.lower()}"
    return f"python -m tests.differential --engines {engines} --seed {seed} --count {count}{tail}"


def _summary(names: Sequence[str], results: Sequence["Compared"], seconds: float) -> str:
    done, found = sum(result.done for result in results), sum(result.found for result in results)
    tally = results[0].tally
    for result in results[1:]:
        tally.add(result.tally)
    what = "transactions" if {"revm", "machine-code"}.isdisjoint(names) else "frames"
    endings = ", ".join(f"{count:,} {ending}" for ending, count in sorted(tally.endings.items(), reverse=True))
    times = ", ".join(f"{name} {spent:.1f}" for name, spent in tally.seconds.items())
    lines = [
        f"{done:,} seeds on {' and '.join(names)}: {found} differ.",
        f"{tally.count:,} {what}: {endings} ({tally.success_share:.0%} succeeded).",
        *([_machine_code(tally.machine_code)] if tally.machine_code else []),
        f"{seconds:.1f} s, {done / max(seconds, 1e-9):,.0f} seeds/s; seconds in {times}.",
    ]
    return "\n".join(lines)


def _machine_code(counted: Counter[str]) -> str:
    """What was compiled and how much of it ran."""
    tiers = ", ".join(f"{count:,} in the {name}" for name, count in sorted(counted.items()) if "tier" in name)
    return (
        f"Programs by tier: {tiers}. Machine code of {counted['entered']:,} was entered, and of "
        f"{counted['created codes']:,} codes that they created; {counted['refused']:,} were not compiled.\n"
        f"Of {counted['watched']:,} that were watched, {counted['watched'] - counted['idle']:,} executed blocks of "
        f"machine code, {counted['reached blocks']:,} of {counted['watched blocks']:,} blocks in all; "
        f"{counted['watched with trees']:,} have loops written as trees, {counted['reached trees']:,} executed one."
    )


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except LeveretError as error:
        print(f"differential: {error}", file=sys.stderr)
        sys.exit(2)
