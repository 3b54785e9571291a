"""What a transaction touched, told from its journal."""

from statestore.state import State
from statestore.view import Touched

ALICE, BOB, CAROL = (bytes([n]) * 20 for n in (1, 2, 250))
NOTHING = Touched(frozenset(), frozenset())


def test_a_transaction_touches_what_it_writes_until_the_next_one_begins():
    state = State()
    state.set_balance(CAROL, 1)
    state.begin_transaction()
    assert state.touched() == NOTHING
    state.set_balance(ALICE, 5)
    state.set_nonce(ALICE, 1)
    state.set_storage(BOB, 2**255 + 7, 9)
    state.set_storage(BOB, 2**255 + 7, 0)
    assert state.touched() == Touched(frozenset({ALICE, BOB}), frozenset({(BOB, 2**255 + 7)}))
    state.begin_transaction()
    assert state.touched() == NOTHING


def test_what_is_reverted_was_not_touched():
    state = State()
    state.set_balance(ALICE, 5)
    start = state.snapshot()
    state.set_storage(BOB, 1, 1)
    state.revert(start)
    assert state.touched() == Touched(frozenset({ALICE}), frozenset())


def test_only_what_differs_from_the_beginning_is_changed():
    state = State()
    state.set_balance(ALICE, 1)
    state.set_storage(BOB, 7, 8)
    state.begin_transaction()
    state.set_balance(ALICE, 2)
    state.set_balance(ALICE, 1)
    state.set_storage(BOB, 7, 9)
    state.set_storage(BOB, 7, 8)
    state.touch(CAROL)
    assert state.changed() == Touched(frozenset({CAROL}), frozenset())
    state.set_storage(BOB, 7, 0)
    state.set_nonce(ALICE, 1)
    assert state.changed() == Touched(frozenset({ALICE, CAROL}), frozenset({(BOB, 7)}))
    state.delete_account(CAROL)
    assert CAROL not in state.changed().accounts


def test_code_and_a_deletion_are_changes():
    state = State()
    state.set_balance(ALICE, 1)
    state.set_storage(ALICE, 1, 1)
    state.begin_transaction()
    state.set_code(BOB, b"\x5b")
    state.delete_account(ALICE)
    assert state.changed() == Touched(frozenset({ALICE, BOB}), frozenset({(ALICE, 1)}))
    state.revert(0)
    assert state.changed() == NOTHING
