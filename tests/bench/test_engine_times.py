"""Four engines on one workload, and the plot of it."""

import io
from pathlib import Path

import pytest
from rich.console import Console

from bench import engine_times, interpreter_bench
from bench.engine_times import EngineTimes, measure_engines, print_engine_times, reference_time, write_engines_plot
from bench.interpreter_bench import Comparison, DifferentResult
from evm_jit.engines import make_engine
from tests import public_data

REFERENCE = make_engine("reference")


def times(name: str, interpreter: float, compiled: float, is_extended: bool = False) -> EngineTimes:
    def compared(ratio: float) -> Comparison:
        return Comparison(name, 1, 1_000, 10_000.0 / ratio, 10_000.0, ratio, ratio)

    return EngineTimes(compared(interpreter), compared(compiled), 2e6, is_extended)


@pytest.fixture
def transfer() -> Path:
    return public_data.data("bench-contracts/oz.erc20-transfer.json")


def test_all_engines_are_measured(transfer: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("pyrevm")
    monkeypatch.setattr(interpreter_bench, "CALLS_MAX", 3)
    ticks: list[None] = []
    [found] = measure_engines([transfer], 1, lambda: ticks.append(None))
    assert len(ticks) == engine_times.RUNS_OF_A_FILE
    assert found.workload == "oz.erc20-transfer"
    assert found.interpreter.gas_used == found.compiled.gas_used == 29_948
    assert found.reference_ns > found.revm_ns > 0
    assert not found.is_extended


def test_the_reference_engine_executes_a_part_of_what_is_long(transfer: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    taken, is_extended = reference_time(REFERENCE, transfer, 29_948)
    assert taken > 0
    assert not is_extended
    monkeypatch.setattr(engine_times, "REFERENCE_GAS_MAX", 20_000)
    _, is_extended = reference_time(REFERENCE, transfer, 29_948)
    assert is_extended
    with pytest.raises(DifferentResult, match="ended with None"):
        monkeypatch.setattr(engine_times, "REFERENCE_GAS_MAX", 60_000)
        reference_time(REFERENCE, transfer, 100_000)


def test_what_is_slower_compiled_is_named() -> None:
    screen = io.StringIO()
    print_engine_times([times("a", 2.0, 8.0, True), times("b", 2.0, 1.8)], Console(file=screen, width=200))
    assert "Compiled against revm: geometric mean 3.79 (wanted: 4.0), worst 1.80 in b." in screen.getvalue()
    assert "Slower compiled than interpreted: b (0.90)." in screen.getvalue()
    assert "2,000*" in screen.getvalue()


def test_the_plot_is_the_same_for_the_same_figures(tmp_path: Path) -> None:
    both = [times("a", 2.0, 8.0, True), times("b", 2.0, 1.8)]
    first, second = (write_engines_plot(both, tmp_path / "docs" / name).read_text() for name in ("1.svg", "2.svg"))
    assert first == second
    assert "<svg" in first
