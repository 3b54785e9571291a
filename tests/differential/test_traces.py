"""Random transactions are traced alike by every engine, and by EELS where its tracer means the same."""

import io
import json
from importlib import import_module
from typing import Any

import pytest

from evm_jit.engine import Engine
from evm_jit.statetest import write_accounts
from evm_jit.trace import Step, StepList, first_difference, step_line
from primitives.forks import Fork
from statestore.state import State
from tests.differential import eels
from tests.differential.cases import Case, make_case
from tests.differential.eels import run_on_eels
from tests.differential.engines import LEADING, engine, seeds
from tests.differential.scenes import FORKS

CASES_PER_FORK = 6


def traced(case: Case, traced_by: Engine) -> list[Step]:
    state = State()
    write_accounts(case.accounts, state)
    state.seal_genesis()
    tracer = StepList()
    traced_by.execute(case.transactions(), case.environment, state, 0, tracer)
    return tracer.steps


def traced_by_eels(case: Case) -> list[dict[str, Any]]:
    lines = io.StringIO()
    tracer = import_module("ethereum_spec_tools.evm_tools.t8n.evm_trace.eip3155").Eip3155Tracer(output_basedir=lines)
    set_tracer = import_module("ethereum.trace").set_evm_trace
    before = set_tracer(tracer)
    try:
        run_on_eels(case)
    finally:
        set_tracer(before)
    found = (json.loads(line) for line in lines.getvalue().splitlines())
    return [line for line in found if "pc" in line]


def comparable(line: dict[str, Any], fork: Fork) -> dict[str, Any]:
    """
    What EELS says as well.

    Left out: names; what a failing instruction costs and refunds; from Prague on all refunds, for EELS counts those of
    authorizations apart from the rest.
    """
    has_failed = line.get("error") not in (None, "execution reverted", "Revert")
    left_out = {"opName", "error"} | ({"op", "gasCost", "refund"} if has_failed else set())
    left_out |= {"refund"} if fork >= Fork.PRAGUE else set()
    return {name: value for name, value in line.items() if name not in left_out} | {"stops": "error" in line}


@pytest.mark.skipif(not eels.IS_INSTALLED, reason=eels.ABSENCE)
@pytest.mark.parametrize("fork", FORKS, ids=lambda fork: fork.name.lower())
def test_steps_are_those_of_eels(fork: Fork) -> None:
    step_count = 0
    for seed in seeds(CASES_PER_FORK):
        case = make_case(seed, fork)
        ours = [json.loads(step_line(step)) for step in traced(case, engine(LEADING))]
        theirs = traced_by_eels(case)
        for index, (one, other) in enumerate(zip(ours, theirs, strict=True)):
            assert comparable(one, fork) == comparable(other, fork), f"seed {seed}, step {index}: {one} {other}"
        step_count += len(ours)
    assert step_count > 500


@pytest.mark.skipif(LEADING == "reference", reason="there is no other engine")
@pytest.mark.parametrize("fork", FORKS, ids=lambda fork: fork.name.lower())
def test_steps_are_those_of_the_reference(fork: Fork) -> None:
    for seed in seeds(2 * CASES_PER_FORK):
        case = make_case(seed, fork)
        found = first_difference(traced(case, engine(LEADING)), traced(case, engine("reference")))
        assert found is None, f"seed {seed}: {found}"
