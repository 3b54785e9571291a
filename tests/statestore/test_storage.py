"""Slots as an engine writes them, and how an account's storage is cleared."""

import pytest

from statestore.table import OLDER_SLOTS_FULL, UNDO_FULL, Capacities
from tests.statestore.table_kernels import (
    CLEAR,
    CLEAR_NEW,
    CREATED,
    DESTROYED,
    SLOT,
    TOUCH_SLOT,
    EngineState,
    limbs,
    write_account,
    write_slot,
)

ALICE, BOB, CAROL = b"\xaa" * 20, b"\xbb" * 20, b"\xcc" * 20


def write(state: EngineState, address: bytes, key: int, value: int) -> None:
    """What SSTORE does."""
    state.on_slot(TOUCH_SLOT, address, key)
    assert state.on_slot(SLOT, address, key, value) == 0


def test_an_account_counts_its_slots_that_are_not_zero() -> None:
    state = EngineState()
    counts = []
    for key, value in ((1, 5), (2, 6), (1, 7), (1, 0), (1, 0), (3, 0), (2, 0)):
        write(state, ALICE, key, value)
        counts.append(state.mark(ALICE, "filled_slots"))
    assert counts == [1, 2, 2, 1, 1, 1, 0]
    assert not state.has_storage(ALICE)
    assert state.mark(BOB, "filled_slots") == 0


def test_the_count_goes_back_with_a_revert() -> None:
    state = EngineState()
    write(state, ALICE, 1, 5)
    before = state.snapshot()
    write(state, ALICE, 1, 0)
    write(state, ALICE, 2, 1)
    write(state, ALICE, 3, 1)
    state.revert(before)
    assert state.mark(ALICE, "filled_slots") == 1
    state.revert(0)
    assert state.mark(ALICE, "filled_slots") == 0


@pytest.mark.parametrize("clear", [CLEAR, CLEAR_NEW])
def test_clearing_sets_every_slot_to_zero_and_can_be_undone(clear: int) -> None:
    state = EngineState(0, Capacities(undo=8))
    for key in range(20):
        write(state, ALICE, key, key + 1)
        write(state, BOB, key, key + 1)
    before = state.snapshot()
    assert state.on_account(clear, ALICE) == 0
    assert [state.storage(ALICE, key) for key in range(20)] == [0] * 20
    assert [state.storage(BOB, key) for key in range(20)] == list(range(1, 21))
    assert (state.has_storage(ALICE), state.has_storage(BOB)) == (False, True)
    state.revert(before)
    assert [state.storage(ALICE, key) for key in range(20)] == list(range(1, 21))


def test_accounts_that_live_for_one_transaction_are_cleared_together() -> None:
    state = EngineState()
    write(state, CAROL, 1, 1)
    state.on_account(DESTROYED, CAROL)  # It is older than this transaction.
    for address in (ALICE, BOB):
        state.on_account(CREATED, address)
        state.on_account(DESTROYED, address)
        for key in range(3):
            write(state, address, key, 1)
    assert state.on_account(CLEAR_NEW, ALICE) == 0
    assert [state.mark(address, "filled_slots") for address in (ALICE, BOB, CAROL)] == [0, 0, 1]
    count = state.snapshot()
    assert state.on_account(CLEAR_NEW, BOB) == 0
    assert state.snapshot() == count


def test_clearing_leaves_slots_that_the_account_had_at_other_times_alone() -> None:
    """The list of an account that was created and destroyed again and again is long; its slots are not written."""
    state = EngineState()
    for key in range(50):
        write(state, ALICE, key, 1)
    state.on_account(CLEAR, ALICE)
    state.seal()
    write(state, ALICE, 3, 1)
    before = state.snapshot()
    state.on_account(CLEAR_NEW, ALICE)
    assert state.snapshot() == before + 1
    assert not state.has_storage(ALICE)


@pytest.mark.parametrize("status", [UNDO_FULL, OLDER_SLOTS_FULL])
def test_a_full_table_leaves_the_slot_as_it_was(status: int) -> None:
    state = EngineState(0, Capacities(undo=8, older_slots=2))
    state.seal_genesis()
    if status == UNDO_FULL:
        state.tables.counters["undo_count"] = 5
    else:
        for key in range(2):
            assert state.once(write_slot, SLOT, BOB, limbs(key), limbs(1)) == 0
    before = state.snapshot()
    assert state.once(write_slot, SLOT, ALICE, limbs(1), limbs(7)) == status
    assert (state.storage(ALICE, 1), state.has_storage(ALICE), state.snapshot()) == (0, False, before)


@pytest.mark.parametrize("clear", [CLEAR, CLEAR_NEW])
def test_clearing_says_when_the_journal_is_full(clear: int) -> None:
    state = EngineState(0, Capacities(undo=16))
    for key in range(6):
        write(state, ALICE, key, 1)
    state.tables.counters["undo_count"] = 14
    assert state.once(write_account, clear, ALICE, limbs(0)) == UNDO_FULL
