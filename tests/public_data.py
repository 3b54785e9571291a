"""
Where the public Ethereum tests and workloads lie, for every test that reads them.

A place holds the folders `ethereum-tests`, `execution-apis` and `bench-contracts`, or, as `make fetch-tests` leaves
it, just what is in `ethereum-tests`.
"""

import os
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PLACES = (ROOT.parent / "shared", ROOT / ".tools" / "tests")
ETHEREUM_TESTS = "ethereum-tests"


def find(path: str) -> Path | None:
    """`path` under LEVERET_TESTS if that is set, else beside or inside the project; None if it is not there."""
    named = os.environ.get("LEVERET_TESTS")
    places = (Path(named),) if named else PLACES
    candidates = [candidate for place in places for candidate in _candidates(place, path)]
    return next((candidate for candidate in candidates if candidate.exists()), None)


def data(path: str) -> Path:
    """The same; where it is missing the test that asks is skipped."""
    found = find(path)
    if found is None:
        download = "`make fetch-tests` downloads it, or " if path.startswith(ETHEREUM_TESTS) else ""
        pytest.skip(f"{path} is not here: {download}set LEVERET_TESTS to the folder that holds it")
    return found


def _candidates(place: Path, path: str) -> list[Path]:
    candidates = [place / path]
    folder, _, rest = path.partition("/")
    if folder == ETHEREUM_TESTS and (place / "GeneralStateTests").is_dir():
        candidates.append(place / rest)
    return candidates
