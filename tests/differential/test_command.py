"""`python -m tests.differential` as it is run: what it prints, and what it exits with."""

import subprocess
import sys

import pytest

from tests.differential import eels, revm
from tests.differential.engines import LEADING
from tests.tidy.source_files import ROOT

WRONG = """
import sys
from tests.differential import comparison
from tests.differential.__main__ import main

def compare(names, engines, seeds, fork, tally, *, is_reduced):
    for seed in seeds:
        if seed == 42:
            {what}
        yield None

comparison.compare_cases = compare
sys.exit(main(["--engines", "reference", "--seed", "40", "--count", "5"]))
"""

ABORTING = """
import os, sys
from tests.differential import compiled_comparison
from tests.differential.__main__ import main

def compare(names, engines, seeds, fork, tally, *, is_reduced, watch):
    watch(seeds)
    if 342 in seeds:
        os.abort()
    yield from (None for seed in seeds)

compiled_comparison.compare_compiled = compare
sys.exit(main(["--engines", "machine-code,interpreter", "--count", "512", "--jobs", "2"]))
"""


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *arguments], cwd=ROOT, capture_output=True, text=True, check=False, timeout=250
    )


def test_without_engines_named_all_that_is_installed_is_compared() -> None:
    done = run("-m", "tests.differential", "--count", "200")
    assert done.returncode == 0, done.stderr
    if revm.IS_INSTALLED:
        assert f"200 seeds on {LEADING} and revm: 0 differ." in done.stdout
    else:
        assert f"{revm.ABSENCE}: no frames are compared with it." in done.stdout
    assert "200 seeds on machine-code and interpreter: 0 differ." in done.stdout
    assert "Machine code of 200 was entered" in done.stdout
    if eels.IS_INSTALLED:
        assert " and eels: 0 differ." in done.stdout
    else:
        assert f"{eels.ABSENCE}: transactions are compared without it." in done.stdout


def test_a_difference_is_told_with_the_command_that_shows_it() -> None:
    done = run("-c", WRONG.format(what="yield comparison.Finding(42, 'they differ'); return"))
    assert done.returncode == 1
    assert "Seed 42: python -m tests.differential --engines reference --seed 42 --count 1\nthey differ" in done.stdout
    assert "1 differ" in done.stdout


def test_the_seed_that_ends_the_process_is_told() -> None:
    done = run("-c", WRONG.format(what="import os, signal; os.kill(os.getpid(), signal.SIGKILL)"))
    assert done.returncode == 1
    assert "Signal 9 ended the process at seed 42: python -m tests.differential" in done.stderr


def test_the_seed_of_a_batch_that_ends_the_process_is_found_by_halving() -> None:
    done = run("-c", ABORTING)
    assert done.returncode == 1
    assert "Signal 6 ended the process at seed 342: python -m tests.differential" in done.stderr
    assert "256 seeds on machine-code and interpreter: 0 differ." in done.stdout, "what the other process compared"


@pytest.mark.parametrize("arguments", [["--engines", "geth"], ["--fork", "tokyo"]])
def test_what_can_not_be_meant_is_said_in_a_sentence(arguments: list[str]) -> None:
    done = run("-m", "tests.differential", *arguments)
    assert done.returncode == 2
    assert done.stderr.startswith("differential: no ")
    assert "Traceback" not in done.stderr
