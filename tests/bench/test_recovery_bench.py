"""Measurements of recovery check what they measure."""

import pytest
from rich.console import Console

from bench import recovery_bench
from bench.recovery_bench import RecoveryMeasurement, measure_recovery, measurement_count, recovery_table
from primitives.secp256k1_simd.switch import LANES


def test_every_kind_and_every_size_is_measured_both_ways(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recovery_bench, "SIGNATURES", 32)
    ticks: list[int] = []
    found = measure_recovery(1, lambda: ticks.append(1))
    assert len(found) == len(ticks) == measurement_count()
    assert {each.kind for each in found if each.kind.startswith("invalid")} == set(list(recovery_bench._MAKERS)[1:])
    for each in found:
        assert len(each.libsecp256k1_us) == 1
        assert (each.lanes_us is not None) == LANES.is_on()
        assert (each.ratio is not None) == LANES.is_on()


def test_the_table_shows_medians_and_the_ratio() -> None:
    console = Console(width=150)
    with console.capture() as capture:
        console.print(recovery_table([RecoveryMeasurement("signed", 16, (2.0, 4.0, 3.0), (30.0, 20.0, 30.0))]))
        console.print(recovery_table([RecoveryMeasurement("signed", 16, None, (25.0,))]))
    shown = capture.get()
    assert all(text in shown for text in ("3.00", "30.00", "10.00", "333,333", "25.00", "40,000"))
