"""What is public and not part of the project (bench/public_data.py), for every test that reads it."""

from pathlib import Path

import pytest

from bench.public_data import ETHEREUM_TESTS, find

__all__ = ["ETHEREUM_TESTS", "data", "find"]


def data(path: str) -> Path:
    """Where it is; if it is missing the test that asks is skipped."""
    found = find(path)
    if found is None:
        download = "`make fetch-tests` downloads it, or " if path.startswith(ETHEREUM_TESTS) else ""
        pytest.skip(f"{path} is not here: {download}set LEVERET_TESTS to the folder that holds it")
    return found
