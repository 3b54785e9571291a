"""Blocks with and without machine code count only if both lead to the same."""

import io

import pytest
from rich.console import Console

from bench import tier_bench
from bench.batches import Batch, mixed_batch
from bench.tier_bench import TierComparison, compare_tiers, print_tiers
from evm_jit.native import NativeEngine

COUNT = 100


@pytest.fixture(autouse=True)
def few_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tier_bench, "COLD_BLOCKS", 2)
    monkeypatch.setattr(tier_bench, "HEATING_BLOCKS", 1)


def test_blocks_are_compared_cold_and_warm() -> None:
    ticks: list[None] = []
    compared = compare_tiers(mixed_batch(COUNT), 2, lambda: ticks.append(None))
    assert (compared.transaction_count, len(compared.cold_ns), len(ticks)) == (COUNT, 2, 2)
    assert len(compared.interpreter_ns) == len(compared.tiers_ns) == 2
    assert compared.gas_used > COUNT * 21_000
    assert compared.object_count > 0
    assert compared.compiler_ns > 0


def test_tiers_that_leave_something_else_end_the_benchmark(monkeypatch: pytest.MonkeyPatch) -> None:
    class Forgetful(NativeEngine):
        def execute(self, transactions, environment, state, *more):  # type: ignore[no-untyped-def]
            outcomes = super().execute(transactions, environment, state, *more)
            state.set_balance(bytes(20), 1)
            return outcomes

    monkeypatch.setattr(tier_bench, "NativeEngine", Forgetful)
    with pytest.raises(AssertionError, match="wrote otherwise"):
        compare_tiers(mixed_batch(COUNT), 1)


def test_a_transaction_that_fails_ends_the_benchmark() -> None:
    batch = mixed_batch(COUNT)
    hot = max((one.to for one in batch.transactions if one.to), key=[one.to for one in batch.transactions].count)
    batch.state.set_code(hot, b"\xfe")
    batch.state.seal()
    with pytest.raises(AssertionError, match="failed"):
        compare_tiers(Batch(batch.name, batch.transactions, batch.senders, batch.state, lambda state: None), 1)


def test_a_block_has_a_row_for_its_first_runs_and_one_for_the_last() -> None:
    compared = TierComparison("swaps", 10, 10**6, (200_000, 100_000), (90_000,) * 3, (45_000, 30_000, 90_000), 4, 10**9)
    assert compared.warm_ratio == 2.0
    assert compared.cold_ratio == pytest.approx(0.6)
    screen = io.StringIO()
    print_tiers([compared], Console(file=screen, width=200))
    lines = screen.getvalue().splitlines()
    first, warm = (next(line for line in lines if when in line) for when in ("first 2 blocks", "warm"))
    assert all(figure in first for figure in ("9.00", "15.00", "0.60", "4 objects, 1.0 s"))
    assert all(figure in warm for figure in ("9.00", "4.50", "2.00"))
