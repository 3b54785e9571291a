"""Snapshots and reverts inside a transaction."""

import pytest

from primitives.constants import U256_MAX
from primitives.keccak import keccak256
from primitives.state_diff import Account
from statestore.state import State
from statestore.table import Capacities

ALICE = b"\xaa" * 20


@pytest.fixture(params=[8, 1 << 10], ids=["tiny", "large"])
def state(request: pytest.FixtureRequest) -> State:
    return State(0, Capacities(undo=request.param))


def test_revert_restores_every_kind_of_field(state: State) -> None:
    state.set_balance(ALICE, U256_MAX)
    state.set_nonce(ALICE, 2**64 - 1)
    state.set_code(ALICE, b"code")
    state.set_storage(ALICE, U256_MAX, U256_MAX)
    before = state.snapshot()
    state.delete_account(ALICE)
    assert state.account(ALICE) is None
    assert state.storage(ALICE, U256_MAX) == 0
    state.revert(before)
    assert state.account(ALICE) == Account(2**64 - 1, U256_MAX, keccak256(b"code"))
    assert state.storage(ALICE, U256_MAX) == U256_MAX


def test_revert_undoes_newest_first(state: State) -> None:
    snapshots = []
    for value in range(1, 50):
        snapshots.append(state.snapshot())
        state.set_storage(ALICE, 1, value)
        state.set_balance(ALICE, value)
    for value in (30, 7):
        state.revert(snapshots[value])
        assert state.storage(ALICE, 1) == value
        account = state.account(ALICE)
        assert account is not None
        assert account.balance == value
    state.revert(snapshots[0])
    assert state.account(ALICE) is None


def test_reverting_to_now_changes_nothing(state: State) -> None:
    state.set_balance(ALICE, 1)
    state.revert(state.snapshot())
    assert state.account(ALICE) == Account(balance=1)


def test_a_write_of_the_same_value_leaves_no_entry(state: State) -> None:
    state.set_balance(ALICE, 1)
    state.set_storage(ALICE, 1, 1)
    before = state.snapshot()
    state.set_balance(ALICE, 1)
    state.set_storage(ALICE, 1, 1)
    state.set_storage(ALICE, 2, 0)
    state.touch(ALICE)
    assert state.snapshot() == before
    assert state.slot_rows == 1


def test_a_transaction_begins_with_an_empty_journal(state: State) -> None:
    state.set_balance(ALICE, 1)
    state.begin_transaction()
    assert state.snapshot() == 0
    state.set_balance(ALICE, 2)
    state.revert(0)
    assert state.account(ALICE) == Account(balance=1)


def test_a_seal_ends_the_transaction(state: State) -> None:
    state.set_balance(ALICE, 1)
    state.seal()
    assert state.snapshot() == 0
