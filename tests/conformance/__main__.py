"""
Every public state and block test, in parallel: `python -m tests.conformance [--jobs N] [--engine NAME] [FOLDER...]`.

Exits with 1 when a case fails that is not known to, when something is refused for the wrong reason, or when
the list of known failures is out of date.
"""

import argparse
import os
import sys
from collections.abc import Sequence
from fnmatch import fnmatchcase
from pathlib import Path

from evm_jit.case_pool import Suite, plan_batches, run_batches
from evm_jit.state_tests import CaseFile
from evm_jit.statetest import Verdict
from evm_jit.verdict_report import progress, summary
from primitives.errors import LeveretError
from tests import public_data
from tests.conformance import corpus
from tests.conformance.known_failures import KNOWN_FAILURES
from tests.conformance.refusals import wrong_reason


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="conformance", description="Run every public state test and block test.")
    parser.add_argument("folders", nargs="*", metavar="FOLDER", help="only folders whose path has one of these in it")
    parser.add_argument("--engine", default="reference")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    options = parser.parse_args(arguments)
    root = public_data.find("ethereum-tests")
    if root is None:
        print("ethereum-tests is not here: set LEVERET_TESTS to the folder that holds it.", file=sys.stderr)
        return 2
    plans = [plan_batches(_files(suite, root, options.folders), None, suite) for suite in corpus.CORPORA]
    batches = [batch for plan in plans for batch in plan.batches]
    case_count = sum(plan.case_count for plan in plans)
    unknown_count = sum(plan.unknown_count for plan in plans)
    with progress(run_batches(batches, options.engine, options.jobs), case_count, "test") as results:
        done = list(results)
    print(summary(done))
    if unknown_count:
        print(f"Cases on forks that leveret does not have, left out: {unknown_count:,}.")
    verdicts = [verdict for result in done for verdict in result.verdicts]
    return judge(verdicts, KNOWN_FAILURES, is_whole=not options.folders)


def _files(suite: Suite, root: Path, folders: Sequence[str]) -> list[CaseFile]:
    """The files of the suite in folders whose path has one of `folders` in it, in all folders if there are none."""
    wanted = [name for name in corpus.folders(suite) if not folders or any(part in name for part in folders)]
    return [file for name in wanted for file in corpus.files(suite, root / name, name)]


def judge(verdicts: Sequence[Verdict], known_failures: dict[str, str], *, is_whole: bool) -> int:
    """The exit code, after saying what was not expected; a list can be out of date only if all cases ran."""
    failed = [verdict.name for verdict in verdicts if not verdict.passed]
    surprises = [name for name in failed if not any(fnmatchcase(name, pattern) for pattern in known_failures)]
    wrong = [f"{verdict.name}: {reason}" for verdict in verdicts if (reason := wrong_reason(verdict))]
    stale = []
    for pattern, reason in known_failures.items():
        count = sum(fnmatchcase(name, pattern) for name in failed)
        print(f"known to fail: {count:,} cases of {pattern}: {reason}")
        if is_whole and not count:
            stale.append(pattern)
    for line in wrong:
        print(f"wrong reason: {line}")
    for pattern in stale:
        print(f"passes, and must leave the list of known failures: {pattern}")
    print(f"{len(verdicts):,} cases, {len(failed):,} failed, {len(surprises):,} of them not known to.")
    return 1 if surprises or wrong or stale or not verdicts else 0


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except LeveretError as error:
        sys.exit(f"conformance: {error}")
