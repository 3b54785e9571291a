"""
Every public state test, in parallel: `python -m tests.conformance [--jobs N] [--engine NAME] [FOLDER...]`.

Exits with 1 when a case fails that is not known to, or when one that is known to passes.
"""

import argparse
import os
import sys
from fnmatch import fnmatchcase

from evm_jit.case_pool import Result, plan_batches, run_batches
from evm_jit.verdict_report import progress, summary
from tests import public_data
from tests.conformance import corpus
from tests.conformance.known_failures import KNOWN_FAILURES


def main() -> int:
    parser = argparse.ArgumentParser(prog="conformance", description="Run every public state test.")
    parser.add_argument("folders", nargs="*", help="only folders whose path has one of these in it")
    parser.add_argument("--engine", default="reference")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    arguments = parser.parse_args()
    root = public_data.find("ethereum-tests")
    if root is None:
        print("ethereum-tests is not here: set LEVERET_TESTS to the folder that holds it.", file=sys.stderr)
        return 2
    folders = [
        name for name in corpus.folders() if not arguments.folders or any(part in name for part in arguments.folders)
    ]
    files = [file for name in folders for file in corpus.files(root / name, name)]
    batches = plan_batches(files, None)
    case_count = sum(batch.stop - batch.start for batch in batches)
    with progress(run_batches(batches, arguments.engine, arguments.jobs), case_count) as results:
        done = list(results)
    print(summary(done))
    return _judge(done, is_whole=not arguments.folders)


def _judge(results: list[Result], *, is_whole: bool) -> int:
    """The exit code, after saying which failures were known and which known ones no longer fail."""
    verdicts = [verdict for result in results for verdict in result.verdicts]
    failed = [verdict.name for verdict in verdicts if not verdict.passed]
    known = {pattern: [name for name in failed if fnmatchcase(name, pattern)] for pattern in KNOWN_FAILURES}
    for pattern, names in known.items():
        print(f"known: {len(names):,} of {pattern}: {KNOWN_FAILURES[pattern]}")
    surprises = [name for name in failed if not any(name in names for names in known.values())]
    # A pattern that matches no failure is out of date, but only if its cases ran.
    stale = [pattern for pattern, names in known.items() if is_whole and not names]
    for pattern in stale:
        print(f"passes, and must leave the list of known failures: {pattern}")
    print(f"{len(verdicts):,} cases, {len(failed):,} failed, {len(surprises):,} of them not known to.")
    return 1 if surprises or stale else 0


if __name__ == "__main__":
    sys.exit(main())
