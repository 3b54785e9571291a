"""Two interpreters are compared only where they agree."""

import io
from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console

from bench import interpreter_bench
from bench.interpreter_bench import (
    Comparison,
    DifferentResult,
    compare_interpreters,
    geometric_mean,
    print_comparisons,
    repeated,
)
from evm_jit.engine import Call, CallResult
from evm_jit.engines import make_engine
from evm_jit.workload import read_workload, run_workload
from primitives.block import BlockEnvironment
from primitives.errors import ConfigError
from statestore.view import WorldState
from tests import public_data

REFERENCE = make_engine("reference")


@pytest.fixture
def transfer() -> Path:
    return public_data.data("bench-contracts/oz.erc20-transfer.json")


class Wasteful:
    """The reference engine, which charges one gas more."""

    name = "wasteful"

    def call(self, call: Call, block: BlockEnvironment, state: WorldState) -> CallResult:
        result = REFERENCE.call(call, block, state)
        return replace(result, gas_used=result.gas_used + 1)


def test_the_engine_and_revm_agree_on_a_transfer(transfer: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("pyrevm")
    monkeypatch.setattr(interpreter_bench, "CALLS_MAX", 3)
    [comparison] = compare_interpreters(REFERENCE, 1, [transfer])
    assert (comparison.workload, comparison.call_count) == ("oz.erc20-transfer", 3)
    assert comparison.gas_used == 29_948
    assert 0 < comparison.ratio < 1


def test_an_engine_that_charges_otherwise_is_not_compared(transfer: Path) -> None:
    pytest.importorskip("pyrevm")
    with pytest.raises(DifferentResult, match="gas is 29949, and 29948 in revm"):
        compare_interpreters(Wasteful(), 1, [transfer])  # type: ignore[arg-type]


def test_repeated_calls_all_begin_from_the_same_state(transfer: Path) -> None:
    workload = read_workload(transfer)
    once, twice, many = (run_workload(repeated(workload, count), REFERENCE, 0) for count in (1, 2, 9))
    assert once.output == workload.output_expected
    assert once.error is many.error is None
    each = twice.gas_used - once.gas_used
    assert many.gas_used - once.gas_used == 8 * each
    # The contract's account stays cold, as each call reverts.
    assert workload.gas_expected is not None
    assert workload.gas_expected < each < workload.gas_expected + 2_600 + 500


def test_a_call_that_fails_is_not_repeated(transfer: Path) -> None:
    workload = read_workload(transfer)
    (call,) = workload.calls
    too_much = call.data[:-32] + b"\xff" * 32
    failing = repeated(replace(workload, calls=[replace(call, data=too_much)], output_expected=None), 3)
    assert run_workload(failing, REFERENCE, 0).output != workload.output_expected


def test_missing_workloads_are_told_in_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LEVERET_TESTS", str(tmp_path))
    with pytest.raises(ConfigError, match="set LEVERET_TESTS"):
        compare_interpreters(REFERENCE, 1)


def test_missing_revm_is_told_in_one_sentence(transfer: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bench.revm.find_spec", lambda name: None)
    with pytest.raises(ConfigError, match="pyrevm is not installed"):
        compare_interpreters(REFERENCE, 1, [transfer])


def test_mean_and_worst_stand_below_the_table() -> None:
    comparisons = [
        Comparison(name, 1, 100, 10.0, 10.0 * ratio, ratio, ratio) for name, ratio in (("a", 4.0), ("b", 1.0))
    ]
    screen = io.StringIO()
    print_comparisons(comparisons, "native", Console(file=screen, width=150))
    assert geometric_mean([4.0, 1.0]) == pytest.approx(2.0)
    assert "Geometric mean 2.00 (wanted: 1.3), worst 1.00 in b (wanted: 0.9)." in screen.getvalue()
