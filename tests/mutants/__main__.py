"""
Mutants: `python -m tests.mutants [--count 20] [--seed 1]`. Each is a copy of the project with one small wrong in what
executes transactions; the suite must fail on every one of them. Takes about two minutes a mutant.

Exits with 1 when one survives, and with 2 when the project itself does not pass.
"""

import argparse
import shutil
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from tests.differential.engines import LEADING
from tests.mutants.mutations import chosen
from tests.mutants.suite import KERNELS, copy_project, first_failure, steps


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.mutants", description="Is a wrong engine found?")
    parser.add_argument("--count", type=int, default=20)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--engine", default=LEADING)
    parser.add_argument("--list", action="store_true", help="say which mutants there would be, and stop")
    parser.add_argument("--no-control", action="store_true", help="do not check first that the project itself passes")
    options = parser.parse_args(arguments)
    planned = steps(options.engine)
    with tempfile.TemporaryDirectory(prefix="leveret-mutants-") as folder:
        original = Path(folder) / "original"
        copy_project(original)
        mutants = chosen(original, options.seed, options.count)
        if options.list:
            print("\n".join(map(str, mutants)))
            return 0
        if not options.no_control:
            failure = first_failure(original, planned)
            if failure is not None:
                print(f"The project itself fails in {failure.step}:\n{failure.output}")
                return 2
            print("The project itself passes.", flush=True)
        survivors = []
        for index, mutation in enumerate(mutants, 1):
            began = time.monotonic()
            with tempfile.TemporaryDirectory(dir=folder) as place:
                mutant = Path(place) / "mutant"
                shutil.copytree(original, mutant, ignore=shutil.ignore_patterns(KERNELS))
                mutation.apply(mutant)
                failure = first_failure(mutant, planned)
            verdict = "SURVIVED" if failure is None else f"caught by {failure.step}"
            print(f"{index:3} of {len(mutants)}  {verdict}  {mutation}  ({time.monotonic() - began:.0f} s)", flush=True)
            if failure is None:
                survivors.append(mutation)
    print(f"{len(mutants) - len(survivors)} of {len(mutants)} mutants caught (seed {options.seed}).")
    return 1 if survivors else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
