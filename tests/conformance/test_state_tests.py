"""A sample of every folder of the public state tests; `make conformance` runs them all."""

from fnmatch import fnmatchcase

import pytest

from evm_jit.engine import Engine
from evm_jit.engines import make_engine
from evm_jit.statetest import run_case
from tests import public_data
from tests.conformance import corpus
from tests.conformance.known_failures import KNOWN_FAILURES


@pytest.fixture(scope="module")
def engine() -> Engine:
    return make_engine("reference")


@pytest.mark.parametrize("folder", corpus.folders() or [pytest.param("", id="none")])
def test_sample_of_a_folder_of_state_tests_passes(folder: str, engine: Engine) -> None:
    root = public_data.data("ethereum-tests")
    cases = corpus.sample(root / folder, folder)
    assert cases, "the folder has state tests on forks that leveret knows"
    failures = [
        f"{case.name}: {verdict.error}"
        for case in cases
        if not (verdict := run_case(case, engine)).passed and not _is_known(case.name)
    ]
    assert not failures, "\n".join(failures)


def _is_known(name: str) -> bool:
    return any(fnmatchcase(name, pattern) for pattern in KNOWN_FAILURES)
