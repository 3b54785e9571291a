"""
The part of the suite that a mutant must not pass: what finds most comes first.

Each step is a command in a copy of the project, with kernels compiled anew: the mutant's are nobody else's.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests import public_data
from tests.differential import eels, revm
from tests.tidy.source_files import ROOT, tracked

MINUTE_S: Final = 60
OUTPUT_LINES_SHOWN: Final = 12
KERNELS: Final = ".kernels"  # The folder of a copy where its compiled kernels are.


@dataclass(frozen=True)
class Step:
    """A command, what a report calls it, and how long it may take: a mutant that loops for ever is caught too."""

    name: str
    arguments: tuple[str, ...]
    timeout_s: int


def steps(engine: str) -> list[Step]:
    """What is run of the suite, for `engine`."""
    found = []
    oracle = "eels" if eels.IS_INSTALLED else "reference"
    until_found = ("--findings", "1", "--as-is")
    transactions = ("-m", "tests.differential", "--engines", f"{engine},{oracle}", "--count", "400")
    found.append(Step("transactions", (*transactions, *until_found), 6 * MINUTE_S))
    if revm.IS_INSTALLED:
        frames = ("-m", "tests.differential", "--engines", f"{engine},revm", "--count", "10000")
        found.append(Step("frames", (*frames, *until_found), 6 * MINUTE_S))
    pytest = ("-m", "pytest", "-q", "-x", "-p", "no:cacheprovider")
    # A copy keeps its kernels in a place of its own, so where they are kept is not what it is tested for.
    folders = ("tests/differential/test_whole_transactions.py", "tests/evm_jit", "tests/primitives")
    unit_tests = (*folders, "--ignore=tests/primitives/test_kernels_cache.py")
    found.append(Step("unit tests", (*pytest, *unit_tests), 15 * MINUTE_S))
    found.append(Step("state tests", (*pytest, "tests/conformance"), 30 * MINUTE_S))
    return found


@dataclass(frozen=True)
class Failure:
    """Which step failed first, and the end of what it said."""

    step: str
    output: str


def copy_project(to: Path) -> None:
    """Every file that git knows or would take, as it is in the working tree."""
    for source in tracked():
        target = to / source.relative_to(ROOT)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, target)


def public_tests() -> dict[str, str]:
    """Where a copy finds the public tests, which lie beside the project or in it."""
    found = public_data.find(public_data.ETHEREUM_TESTS)
    if found is None:
        return {}
    return {"LEVERET_TESTS": str(found.parent if found.name == public_data.ETHEREUM_TESTS else found)}


def first_failure(project: Path, planned: Sequence[Step]) -> Failure | None:
    """Run the steps in the copy at `project` until one fails; None if all pass."""
    settings = {"NUMBA_CACHE_DIR": str(project / KERNELS), "PYTHONDONTWRITEBYTECODE": "1"}
    environment = {**os.environ, **public_tests(), **settings}
    for step in planned:
        try:
            done = subprocess.run(
                [sys.executable, *step.arguments],
                cwd=project,
                env=environment,
                timeout=step.timeout_s,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                check=False,
            )
        except subprocess.TimeoutExpired:
            return Failure(step.name, f"not over after {step.timeout_s} s")
        if done.returncode != 0:
            lines = done.stdout.decode(errors="replace").splitlines()
            return Failure(step.name, "\n".join(lines[-OUTPUT_LINES_SHOWN:]))
    return None
