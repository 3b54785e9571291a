"""An engine that is wrong is found, and what it is wrong about is made small enough to read."""

from collections.abc import Sequence
from dataclasses import replace

import pytest

from evm_jit.engine import Call, CallResult, Engine, Outcome
from primitives.block import BlockEnvironment
from primitives.errors import ConfigError
from primitives.forks import Fork
from primitives.transaction import Transaction
from statestore.view import WorldState
from tests.differential import eels, revm
from tests.differential.comparison import Finding, Tally, compare_cases, compare_frames, make_engines
from tests.differential.engines import engine


class Wrong:
    """The reference engine, but for one thing: what has an output of more than a word costs a gas too little."""

    name = "wrong"

    def __init__(self, right: Engine) -> None:
        self._right = right

    def warm_up(self) -> None:
        self._right.warm_up()

    def execute(
        self,
        transactions: Sequence[Transaction],
        environment: BlockEnvironment,
        state: WorldState,
        gas_used_before: int = 0,
    ) -> list[Outcome]:
        outcomes = self._right.execute(transactions, environment, state, gas_used_before)
        return [
            replace(outcome, receipt=replace(outcome.receipt, gas_used=outcome.receipt.gas_used - 1))
            if outcome.receipt is not None and len(outcome.output) > 32
            else outcome
            for outcome in outcomes
        ]

    def call(self, call: Call, environment: BlockEnvironment, state: WorldState) -> CallResult:
        result = self._right.call(call, environment, state)
        return replace(result, gas_used=result.gas_used - 1) if len(result.output) > 32 else result


class Broken(Wrong):
    """It raises where the other is wrong."""

    def execute(
        self,
        transactions: Sequence[Transaction],
        environment: BlockEnvironment,
        state: WorldState,
        gas_used_before: int = 0,
    ) -> list[Outcome]:
        outcomes = self._right.execute(transactions, environment, state, gas_used_before)
        assert all(len(outcome.output) <= 32 for outcome in outcomes), "a long output"
        return outcomes

    def call(self, call: Call, environment: BlockEnvironment, state: WorldState) -> CallResult:
        result = self._right.call(call, environment, state)
        assert len(result.output) <= 32, "a long output"
        return result


def first_finding(names: list[str], kind: type[Wrong] = Wrong, first_seed: int = 0) -> Finding:
    """The first one among a hundred seeds."""
    reference = engine("reference")
    engines = {"wrong": kind(reference), "reference": reference}
    compare = compare_frames if "revm" in names else compare_cases
    found = compare(names, engines, range(first_seed, first_seed + 100), Fork.CANCUN, Tally())
    return next(finding for finding in found if finding is not None)


def test_a_wrong_cost_is_found_in_whole_transactions() -> None:
    # The program of seed 2 can do without using memory before it returns some.
    finding = first_finding(["wrong", "reference"], first_seed=2)
    assert "transaction 0: gas_used" in finding.report
    assert finding.report.count("transaction: ") == 1, "one transaction is enough"
    assert finding.report.count("PUSH") <= 2, "and hardly any code"


@pytest.mark.skipif(not eels.IS_INSTALLED, reason=eels.ABSENCE)
def test_a_wrong_cost_is_found_by_eels() -> None:
    assert "transaction 0: gas_used" in first_finding(["wrong", "eels"]).report


@pytest.mark.skipif(not revm.IS_INSTALLED, reason=revm.ABSENCE)
def test_a_wrong_cost_is_found_in_frames() -> None:
    finding = first_finding(["wrong", "revm"])
    assert "gas_used" in finding.report
    assert finding.count == 1
    assert finding.report.count("PUSH") <= 3


def test_what_an_engine_raises_is_found() -> None:
    finding = first_finding(["wrong", "reference"], Broken)
    assert "crash: wrong: AssertionError: a long output" in finding.report
    assert finding.report.count("transaction: ") == 1


@pytest.mark.skipif(not revm.IS_INSTALLED, reason=revm.ABSENCE)
def test_what_an_engine_raises_is_found_in_frames() -> None:
    finding = first_finding(["wrong", "revm"], Broken)
    assert "crash: wrong: AssertionError: a long output" in finding.report
    assert finding.count == 1


def test_a_name_that_nobody_has_is_refused() -> None:
    with pytest.raises(ConfigError, match="no engine is called 'geth'"):
        make_engines(["geth"])


@pytest.mark.skipif(not (revm.IS_INSTALLED and eels.IS_INSTALLED), reason=revm.ABSENCE)
def test_frames_and_transactions_are_not_mixed() -> None:
    for names in (["reference", "revm", "eels"], ["revm", "reference"]):
        with pytest.raises(ConfigError, match="revm runs single frames"):
            make_engines(names)
