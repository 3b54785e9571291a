"""
Where the public Ethereum tests lie, and workloads that are not part of the project: contracts of others.

A place holds the folders `ethereum-tests`, `execution-apis` and `bench-contracts`, or, as `make fetch-tests` leaves
it, just what is in `ethereum-tests`.
"""

import os
from pathlib import Path
from typing import Final

from primitives.errors import ConfigError

ROOT: Final = Path(__file__).resolve().parents[1]
PLACES: Final = (ROOT.parent / "shared", ROOT / ".tools" / "tests")
ETHEREUM_TESTS: Final = "ethereum-tests"
CONTRACTS: Final = "bench-contracts"


def find(path: str) -> Path | None:
    """`path` under LEVERET_TESTS if that is set, else beside or inside the project; None if it is not there."""
    named = os.environ.get("LEVERET_TESTS")
    places = (Path(named),) if named else PLACES
    candidates = [candidate for place in places for candidate in _candidates(place, path)]
    return next((candidate for candidate in candidates if candidate.exists()), None)


def contracts_folder() -> Path:
    """`bench-contracts`; ConfigError if it is not there."""
    folder = find(CONTRACTS)
    if folder is None:
        raise ConfigError(f"{CONTRACTS} is not here: set LEVERET_TESTS to the folder that holds it.")
    return folder


def contract_files() -> list[Path]:
    """Every workload there, sorted."""
    return sorted(contracts_folder().rglob("*.json"))


def _candidates(place: Path, path: str) -> list[Path]:
    candidates = [place / path]
    folder, _, rest = path.partition("/")
    if folder == ETHEREUM_TESTS and (place / "GeneralStateTests").is_dir():
        candidates.append(place / rest)
    return candidates
