"""Which engines the tests compare, and how many seeds: `LEVERET_DIFFERENTIAL` multiplies what `make test` runs."""

import os
from collections.abc import Iterator
from functools import cache
from typing import Final

from evm_jit.engine import Engine
from evm_jit.engines import ENGINE_NAMES
from tests.differential.comparison import Finding, make_engines

# The native engine leads as soon as there is one.
LEADING: Final = "native" if "native" in ENGINE_NAMES else "reference"
FACTOR: Final = float(os.environ.get("LEVERET_DIFFERENTIAL", "1"))


@cache
def engine(name: str) -> Engine:
    return make_engines([name])[name]


def seeds(count: int) -> range:
    return range(max(1, int(count * FACTOR)))


def reports(findings: Iterator[Finding | None]) -> list[str]:
    """The first finding, if there is one."""
    return [f"seed {finding.seed}: {finding.report}" for finding in findings if finding is not None][:1]
