"""
Random programs on two or more implementations: `python -m tests.differential --engines native,reference,eels`.

With revm among them (`--engines native,revm`) single frames are compared, at thousands a second. Without `--engines`,
`--count` frames are, and then a hundredth as many whole transactions, on whatever is installed. Exits with 1 when
something differs, after printing for each finding the seed, the command that shows it again, and a smaller case.
"""

import argparse
import mmap
import os
import signal
import sys
import time
import traceback
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from primitives.errors import LeveretError
from primitives.forks import Fork, fork_by_name

if TYPE_CHECKING:
    from tests.differential.comparison import Tally

FINDINGS_MAX: Final = 5
SEED_SIZE_BYTES: Final = 8
FRAMES_PER_CASE: Final = 100  # A case is some transactions, some of them on engines that are slow.


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.differential", description=__doc__.split("\n\n")[0])
    parser.add_argument("--engines", help="of native, reference, eels, revm; the first is compared with the others")
    parser.add_argument("--count", type=int, default=1_000, help="how many seeds")
    parser.add_argument("--seed", type=int, default=0, help="the first seed")
    parser.add_argument("--fork", help="one fork; otherwise each seed chooses its own")
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
        print(f"{revm.ABSENCE}: no frames are compared.")
    elif fork is None or fork in frames.FORKS:
        runs.append((f"{LEADING},revm", count))
    engines = dict.fromkeys((LEADING, "reference"))
    if eels.IS_INSTALLED:
        engines["eels"] = None
    else:
        print(f"{eels.ABSENCE}: transactions are compared without it.")
    if len(engines) > 1:
        runs.append((",".join(engines), max(1, count // FRAMES_PER_CASE)))
    return runs


def _run(options: argparse.Namespace, engines: str, count: int, fork: Fork | None) -> int:
    """
    Compare, in a child: if compiled code ends the process, the parent still knows the seed.

    Returns the exit code.
    """
    current = mmap.mmap(-1, SEED_SIZE_BYTES)
    sys.stdout.flush()
    child = os.fork()
    if child == 0:
        code = 2
        try:
            code = _compare(options, engines, range(options.seed, options.seed + count), fork, current)
        except LeveretError as error:
            print(f"differential: {error}", file=sys.stderr)
        except KeyboardInterrupt:
            code = 130
        except BaseException:
            traceback.print_exc()
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)
    interrupted = signal.signal(signal.SIGINT, signal.SIG_IGN)
    _, status = os.waitpid(child, 0)
    signal.signal(signal.SIGINT, interrupted)
    code = os.waitstatus_to_exitcode(status)
    if code >= 0:
        return code
    seed = int.from_bytes(current[:], "little")
    command = _command(engines, seed, 1, fork)
    print(f"Signal {-code} ended the process at seed {seed}: {command}", file=sys.stderr)
    return 1


def _compare(
    options: argparse.Namespace, engine_names: str, seeds: range, fork: Fork | None, current: mmap.mmap
) -> int:
    from sequencer.progress import progress
    from tests.differential.comparison import REVM, Tally, compare_cases, compare_frames, make_engines

    names = engine_names.split(",")
    engines = make_engines(names)
    compare = compare_frames if REVM in names else compare_cases
    tally = Tally()
    began = time.perf_counter()
    found = done = 0
    current[:] = seeds.start.to_bytes(SEED_SIZE_BYTES, "little")
    with progress(f"{engine_names}, seeds from {seeds.start}") as show:
        for finding in compare(names, engines, seeds, fork, tally, is_reduced=not options.as_is):
            done += 1
            current[:] = (seeds.start + done).to_bytes(SEED_SIZE_BYTES, "little")
            show(done, len(seeds))
            if finding is not None:
                found += 1
                command = _command(engine_names, finding.first_seed, finding.count, fork)
                print(f"Seed {finding.seed}: {command}\n{finding.report}\n")
            if found >= options.findings:
                break
    print(_summary(names, tally, done, found, time.perf_counter() - began))
    return 1 if found or not done else 0


def _command(engines: str, seed: int, count: int, fork: Fork | None) -> str:
    """What shows a finding again."""
    tail = "" if fork is None else f" --fork {fork.name.lower()}"
    return f"python -m tests.differential --engines {engines} --seed {seed} --count {count}{tail}"


def _summary(names: Sequence[str], tally: "Tally", done: int, found: int, seconds: float) -> str:
    what = "frames" if "revm" in names else "transactions"
    endings = ", ".join(f"{count:,} {ending}" for ending, count in sorted(tally.endings.items(), reverse=True))
    times = ", ".join(f"{name} {spent:.1f}" for name, spent in tally.seconds.items())
    return (
        f"{done:,} seeds on {' and '.join(names)}: {found} differ.\n"
        f"{tally.count:,} {what}: {endings} ({tally.success_share:.0%} succeeded).\n"
        f"{seconds:.1f} s, {done / max(seconds, 1e-9):,.0f} seeds/s; seconds in {times}."
    )


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except LeveretError as error:
        print(f"differential: {error}", file=sys.stderr)
        sys.exit(2)
