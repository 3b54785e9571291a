"""An overlay does what the naive state does, and leaves its base alone."""

import random

import pytest

from primitives.state_diff import EMPTY_ACCOUNT, Account
from statestore.overlay import EmptyView, Overlay
from statestore.state import State
from statestore.view import StateView, Touched, WorldState
from tests.naive.state import NaiveState

ADDRESSES = [bytes([n]) * 20 for n in range(1, 6)]
ALICE, BOB = ADDRESSES[:2]


def random_write(rng: random.Random) -> tuple[str, tuple[object, ...]]:
    address, key, word = rng.choice(ADDRESSES), rng.randrange(5), rng.choice([0, 1, 2**255])
    return rng.choice(
        [
            *[("set_storage", (address, key, word))] * 8,
            ("set_balance", (address, word)),
            ("set_nonce", (address, key)),
            ("set_code", (address, bytes(key))),
            ("touch", (address,)),
            ("clear_storage", (address,)),
            ("delete_account", (address,)),
        ]
    )


def write_both(rng: random.Random, one: WorldState, other: NaiveState, count: int) -> None:
    for _ in range(count):
        name, arguments = random_write(rng)
        getattr(one, name)(*arguments)
        getattr(other, name)(*arguments)


@pytest.mark.parametrize("over", ["nothing", "state", "overlay"])
@pytest.mark.parametrize("seed", range(3))
def test_overlay_does_what_the_naive_state_does(seed: int, over: str) -> None:
    rng, naive, state = random.Random(seed), NaiveState(), State()
    base: StateView = EmptyView()
    if over != "nothing":
        write_both(rng, state, naive, 60)
        state.seal_genesis()
        base = state.view()
    if over == "overlay":
        base = Overlay(base)
        write_both(rng, base, naive, 60)
    overlay = Overlay(base)
    before = naive.seal_genesis()
    snapshots: list[tuple[int, int]] = []
    for _ in range(6_000):
        kind = rng.random()
        if kind < 0.8:
            write_both(rng, overlay, naive, 1)
        elif kind < 0.9:
            snapshots.append((overlay.snapshot(), naive.snapshot()))
        elif kind < 0.96 and snapshots:
            index = rng.randrange(len(snapshots))
            overlay.revert(snapshots[index][0])
            naive.revert(snapshots[index][1])
            del snapshots[index:]
        elif kind >= 0.96:
            snapshots.clear()
            overlay.begin_transaction()
            naive.begin_transaction()
        address = rng.choice(ADDRESSES)
        account = naive.account(address)
        assert overlay.account(address) == account
        assert account is None or overlay.code(account.code_hash) == naive.code(account.code_hash)
        assert overlay.has_storage(address) or not naive.has_storage(address)
        for key in range(5):
            assert overlay.storage(address, key) == naive.storage(address, key)
            assert overlay.original_storage(address, key) == naive.original_storage(address, key)
    for change in before.accounts:
        assert base.account(change.address) == change.account
        assert all(base.storage(change.address, key) == value for key, value in change.storage)


def test_original_storage_outlives_a_clear_and_a_new_write() -> None:
    state = State()
    state.set_storage(ALICE, 1, 7)
    state.seal_genesis()
    overlay = Overlay(state.view())
    overlay.begin_transaction()
    overlay.clear_storage(ALICE)
    overlay.set_storage(ALICE, 1, 9)
    assert overlay.original_storage(ALICE, 1) == 7


def test_override_replaces_the_whole_storage() -> None:
    state = State()
    state.set_storage(ALICE, 1, 7)
    state.seal_genesis()
    overlay = Overlay(state.view())
    assert overlay.has_storage(ALICE)
    overlay.override(ALICE, {2: 5})
    assert (overlay.storage(ALICE, 1), overlay.storage(ALICE, 2)) == (0, 5)
    overlay.override(ALICE, {})
    assert not overlay.has_storage(ALICE)
    assert state.storage(ALICE, 1) == 7


def test_a_deleted_account_hides_that_of_the_base() -> None:
    state = State()
    state.set_balance(BOB, 1)
    state.seal_genesis()
    overlay = Overlay(state.view())
    overlay.delete_account(BOB)
    assert overlay.account(BOB) is None
    overlay.touch(BOB)
    assert overlay.account(BOB) == EMPTY_ACCOUNT
    assert state.view().account(BOB) == Account(balance=1)


def test_what_was_written_over_the_base_can_be_listed():
    base = Overlay(EmptyView())
    base.set_storage(ALICE, 1, 2)
    overlay = Overlay(base)
    assert overlay.written() == Touched(frozenset(), frozenset())
    overlay.set_balance(BOB, 0)
    overlay.set_storage(ALICE, 3, 4)
    start = overlay.snapshot()
    overlay.set_storage(ALICE, 5, 6)
    overlay.delete_account(ADDRESSES[2])
    overlay.revert(start)
    assert overlay.written() == Touched(frozenset({BOB}), frozenset({(ALICE, 3)}))
    overlay.clear_storage(ALICE)
    assert overlay.written() == Touched(frozenset({ALICE, BOB}), frozenset())
