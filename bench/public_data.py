"""Where workloads that are not part of the project lie: contracts of others, with the state they need."""

import os
from pathlib import Path
from typing import Final

from primitives.errors import ConfigError

ROOT: Final = Path(__file__).resolve().parents[1]
CONTRACTS: Final = "bench-contracts"


def contracts_folder() -> Path:
    """`bench-contracts` under LEVERET_TESTS if that is set, else beside the project; ConfigError if it is not there."""
    named = os.environ.get("LEVERET_TESTS")
    folder = (Path(named) if named else ROOT.parent / "shared") / CONTRACTS
    if not folder.is_dir():
        raise ConfigError(f"{CONTRACTS} is not here: set LEVERET_TESTS to the folder that holds it.")
    return folder


def contract_files() -> list[Path]:
    """Every workload there, sorted."""
    return sorted(contracts_folder().rglob("*.json"))
