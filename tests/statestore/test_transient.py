"""Transient storage (EIP-1153)."""

import pytest

from primitives.constants import U256_MAX
from statestore.table import TRANSIENT_FULL, Capacities
from tests.statestore.table_kernels import TRANSIENT, EngineState, limbs, write_slot

ALICE, BOB = b"\xaa" * 20, b"\xbb" * 20


def test_it_is_forgotten_when_the_next_transaction_begins() -> None:
    state = EngineState()
    state.on_slot(TRANSIENT, ALICE, U256_MAX, U256_MAX)
    assert state.transient(ALICE, U256_MAX) == U256_MAX
    state.begin_transaction()
    assert state.transient(ALICE, U256_MAX) == 0
    assert state.counter("transient_count") == 0


def test_it_belongs_to_one_account() -> None:
    state = EngineState()
    state.on_slot(TRANSIENT, ALICE, 1, 5)
    state.on_slot(TRANSIENT, BOB, 1, 6)
    assert [state.transient(address, 1) for address in (ALICE, BOB)] == [5, 6]
    assert state.transient(b"\xcc" * 20, 1) == 0


def test_it_is_no_storage() -> None:
    state = EngineState()
    state.on_slot(TRANSIENT, ALICE, 1, 5)
    assert state.storage(ALICE, 1) == 0
    state.set_storage(ALICE, 2, 5)
    assert state.transient(ALICE, 2) == 0


def test_a_revert_puts_values_back() -> None:
    state = EngineState()
    state.on_slot(TRANSIENT, ALICE, 1, 5)
    before = state.snapshot()
    state.on_slot(TRANSIENT, ALICE, 1, 6)
    state.on_slot(TRANSIENT, ALICE, 1, 0)
    state.on_slot(TRANSIENT, ALICE, 2, 7)
    state.revert(before)
    assert [state.transient(ALICE, key) for key in (1, 2)] == [5, 0]
    state.on_slot(TRANSIENT, ALICE, 2, 8)
    assert state.transient(ALICE, 2) == 8


def test_a_write_of_what_is_there_leaves_no_entry() -> None:
    state = EngineState()
    state.on_slot(TRANSIENT, ALICE, 1, 0)
    assert (state.snapshot(), state.counter("transient_count")) == (0, 0)
    state.on_slot(TRANSIENT, ALICE, 1, 5)
    state.on_slot(TRANSIENT, ALICE, 1, 5)
    assert (state.snapshot(), state.counter("transient_count")) == (1, 1)


@pytest.mark.parametrize("capacity", [2, 4, 64])
def test_half_of_the_table_can_be_used(capacity: int) -> None:
    state = EngineState(0, Capacities(transient_slots=capacity))
    for _ in range(3):
        for key in range(capacity // 2):
            assert state.once(write_slot, TRANSIENT, ALICE, limbs(key), limbs(key + 1)) == 0
        assert state.once(write_slot, TRANSIENT, ALICE, limbs(capacity), limbs(1)) == TRANSIENT_FULL
        assert state.once(write_slot, TRANSIENT, ALICE, limbs(0), limbs(9)) == 0
        assert state.transient(ALICE, capacity) == 0
        assert [state.transient(ALICE, key) for key in range(1, capacity // 2)] == list(range(2, capacity // 2 + 1))
        state.begin_transaction()


def test_a_table_that_has_grown_is_empty() -> None:
    state = EngineState(0, Capacities(transient_slots=2))
    state.on_slot(TRANSIENT, ALICE, 1, 5)
    state.revert(0)
    state.grow(TRANSIENT_FULL)
    state.begin_transaction()
    assert len(state.tables.transient_slots) == 4
    assert state.transient(ALICE, 1) == 0
