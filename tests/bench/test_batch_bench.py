"""A batch counts only when every transaction succeeded and the state is as it must be."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from bench import batch_bench
from bench.batch_bench import Ground, measure_batch
from bench.batches import Batch, ether_batch, swap_batch, token_batch
from evm_jit.engines import make_engine
from statestore.state import State
from tests import public_data

REFERENCE = make_engine("reference")
COUNT = 4
A, B, C = (bytes(19) + bytes((number,)) for number in (1, 2, 3))


@pytest.fixture(autouse=True)
def few_checked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batch_bench, "CHECKED", 2)


def tokens() -> Batch:
    public_data.data("bench-contracts/oz.erc20-transfer.json")
    return token_batch(COUNT, 11)


def swaps() -> Batch:
    public_data.data("bench-contracts/uniswap.v2-router-swap.json")
    return swap_batch(COUNT)


@pytest.mark.parametrize("make", [lambda: ether_batch(COUNT), tokens, swaps])
def test_a_batch_runs_and_is_counted(make: Callable[[], Batch]) -> None:
    ticks: list[None] = []
    measured = measure_batch(REFERENCE, make(), 2, lambda: ticks.append(None))
    assert (measured.transaction_count, len(measured.seconds), len(ticks)) == (COUNT, 2, 2)
    assert measured.gas_used >= COUNT * 21_000
    assert measured.median_permutations is not None
    assert measured.median_permutations > 0


def test_a_transfer_costs_what_it_costs_between_holders() -> None:
    assert measure_batch(REFERENCE, tokens(), 1).gas_used in range(COUNT * 34_000, COUNT * 35_000)


def test_a_wrong_sender_ends_the_benchmark() -> None:
    batch = ether_batch(COUNT)
    with pytest.raises(AssertionError, match="refused"):
        measure_batch(REFERENCE, replace(batch, senders=[A] * COUNT), 1)


def test_a_result_that_is_missing_ends_the_benchmark() -> None:
    batch = ether_batch(COUNT)
    with pytest.raises(AssertionError, match=r"nonce has not moved|balance is wrong"):
        measure_batch(REFERENCE, replace(batch, transactions=batch.transactions[:-1]), 1)


def test_the_ground_is_the_state_as_it_was() -> None:
    state = State()
    state.set_balance(A, 5)
    state.set_code(A, b"\x00")
    state.set_storage(A, 1, 7)
    state.set_balance(B, 6)
    state.seal_genesis()
    ground = Ground(state)
    before = [(state.account(address), state.storage(address, 1)) for address in (A, B, C)]
    written = []
    for _ in range(3):
        state.set_balance(A, 50)
        state.set_nonce(A, 1)
        state.set_storage(A, 1, 0)
        state.set_storage(A, 2, 3)
        state.delete_account(B)
        state.set_balance(C, 1)
        written.append(ground.restore())
        assert [(state.account(address), state.storage(address, 1)) for address in (A, B, C)] == before
        assert state.storage(A, 2) == 0
    assert written[0] == written[1] == written[2]
    assert written[0][B] == (None, {})
    assert written[0][A][1] == {1: 0, 2: 3}
