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
