"""A sample of every folder of the public state tests; `make conformance` runs them all."""

import pytest

from evm_jit.case_pool import STATE_TESTS
from evm_jit.engine import Engine
from evm_jit.engines import make_engine
from tests import public_data
from tests.conformance import corpus
from tests.conformance.known_failures import is_known
from tests.conformance.refusals import wrong_reason


@pytest.fixture(scope="module", params=["reference", "interpreter", *corpus.MACHINE_CODE])
def engine(request: pytest.FixtureRequest) -> Engine:
    return make_engine(request.param)


@pytest.mark.parametrize("folder", corpus.folders(STATE_TESTS) or [pytest.param("", id="none")])
def test_sample_of_a_folder_of_state_tests_passes(folder: str, engine: Engine) -> None:
    root = public_data.data("ethereum-tests")
    cases = corpus.sample(STATE_TESTS, root / folder, folder, engine.name)
    assert cases, "the folder has state tests on forks that leveret knows"
    verdicts = [STATE_TESTS.run(case, engine) for case in cases if not is_known(case.name)]
    failures = [f"{verdict.name}: {error}" for verdict in verdicts if (error := verdict.error or wrong_reason(verdict))]
    assert not failures, "\n".join(failures)
