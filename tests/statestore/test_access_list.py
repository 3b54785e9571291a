"""What a transaction touched, beside what it wrote: marks and transient storage, snapshots and reverts of all of it."""

import random

import pytest

from statestore.table import TRANSIENT_FULL, UNDO_FULL, Capacities
from tests.naive.state import NaiveState
from tests.naive.touched import NaiveTouched
from tests.statestore.table_kernels import (
    CREATED,
    DESTROYED,
    SLOT,
    TOUCH_SLOT,
    TOUCHED,
    TRANSIENT,
    WARM,
    EngineState,
    limbs,
    write_account,
    write_slot,
)

ALICE, BOB = b"\xaa" * 20, b"\xbb" * 20
MARKS = ((WARM, "warm"), (CREATED, "created"), (DESTROYED, "destroyed"), (TOUCHED, "touched"))


@pytest.mark.parametrize(("mark", "name"), MARKS)
def test_an_account_is_marked_once_a_transaction(mark: int, name: str) -> None:
    state = EngineState()
    for _ in range(3):
        assert not state.is_marked(ALICE, name)
        assert [state.on_account(mark, ALICE) for _ in range(3)] == [1, 0, 0]
        assert state.is_marked(ALICE, name)
        assert not state.is_marked(BOB, name)
        assert [other for _, other in MARKS if state.is_marked(ALICE, other)] == [name]
        state.begin_transaction()
    assert state.account(ALICE) is None


@pytest.mark.parametrize(("mark", "name"), MARKS)
def test_a_mark_goes_with_the_frame_that_made_it(mark: int, name: str) -> None:
    state = EngineState()
    before = state.snapshot()
    state.on_account(mark, ALICE)
    marked = state.snapshot()
    state.on_account(mark, BOB)
    state.revert(marked)
    assert state.is_marked(ALICE, name)
    assert not state.is_marked(BOB, name)
    assert state.on_account(mark, ALICE) == 0
    assert state.on_account(mark, BOB) == 1
    state.revert(before)
    assert not state.is_marked(ALICE, name)


@pytest.mark.parametrize(("mark", "counter"), [(DESTROYED, "destroyed_count"), (TOUCHED, "touched_count")])
def test_marks_that_end_a_transaction_are_counted(mark: int, counter: str) -> None:
    state = EngineState()
    state.on_account(mark, ALICE)
    before = state.snapshot()
    state.on_account(mark, ALICE)
    state.on_account(mark, BOB)
    assert state.counter(counter) == 2
    state.revert(before)
    assert state.counter(counter) == 1
    state.begin_transaction()
    assert state.counter(counter) == 0


def test_a_slot_is_cold_once_and_again_after_a_revert() -> None:
    state = EngineState()
    state.set_storage(ALICE, 1, 5)
    state.begin_transaction()
    before = state.snapshot()
    assert [state.on_slot(TOUCH_SLOT, ALICE, 1) for _ in range(2)] == [1, 0]
    state.on_slot(SLOT, ALICE, 1, 6)
    assert state.warm_original(ALICE, 1) == 5
    state.revert(before)
    assert state.warm_original(ALICE, 1) is None
    assert state.on_slot(TOUCH_SLOT, ALICE, 1) == 1
    state.on_slot(SLOT, ALICE, 1, 7)
    assert state.warm_original(ALICE, 1) == 5
    assert state.original_storage(ALICE, 1) == 5
    state.begin_transaction()
    assert state.on_slot(TOUCH_SLOT, ALICE, 1) == 1
    assert state.warm_original(ALICE, 1) == 7


def test_the_key_of_a_slot_is_warm_for_its_account_alone() -> None:
    state = EngineState()
    assert state.on_slot(TOUCH_SLOT, ALICE, 1) == 1
    assert state.on_slot(TOUCH_SLOT, BOB, 1) == 1
    assert state.on_slot(TOUCH_SLOT, ALICE, 2) == 1
    assert state.on_slot(TOUCH_SLOT, ALICE, 1) == 0


def test_a_full_journal_leaves_no_mark() -> None:
    state = EngineState(0, Capacities(undo=8))
    for number in range(5):
        assert state.on_account(WARM, number.to_bytes(20, "big")) == 1
    assert state.grown == []
    for mark, name in MARKS:
        assert state.once(write_account, mark, ALICE, limbs(0)) == UNDO_FULL
        assert not state.is_marked(ALICE, name)
    assert state.once(write_slot, TOUCH_SLOT, ALICE, limbs(1), limbs(0)) == UNDO_FULL
    assert state.warm_original(ALICE, 1) is None
    assert state.once(write_slot, TRANSIENT, ALICE, limbs(1), limbs(1)) == UNDO_FULL
    assert (state.transient(ALICE, 1), state.counter("transient_count")) == (0, 0)
    assert (state.counter("destroyed_count"), state.counter("touched_count"), state.snapshot()) == (0, 0, 5)


def test_a_status_is_met_again_only_until_the_table_has_grown() -> None:
    state = EngineState(0, Capacities(undo=8, transient_slots=4))
    keys = range(10)
    while True:
        if all(state.once(write_slot, TRANSIENT, ALICE, limbs(key), limbs(1)) == 0 for key in keys):
            break
        status = UNDO_FULL if state.snapshot() + 4 > len(state.tables.undo) else TRANSIENT_FULL
        state.revert(0)
        state.grow(status)
        state.begin_transaction()
    assert sorted(state.grown) == [TRANSIENT_FULL] * 3 + [UNDO_FULL]
    assert [state.transient(ALICE, key) for key in keys] == [1] * 10


class Pair:
    """A state and its twins, and what was done to them."""

    def __init__(self, seed: int, capacities: Capacities) -> None:
        self.rng = random.Random(seed)
        self.state, self.naive, self.touched = EngineState(seed, capacities), NaiveState(), NaiveTouched()
        self.snapshots: list[tuple[int, int, NaiveTouched]] = []
        self.addresses = [bytes([number]) * 20 for number in range(1, 6)]
        self.keys = [0, 1, 1 << 64, (1 << 256) - 1]

    def step(self) -> None:
        rng = self.rng
        address, key, value = (
            rng.choice(self.addresses),
            rng.choice(self.keys),
            rng.choice([0, 0, 1, rng.getrandbits(256)]),
        )
        action = rng.randrange(16)
        if action < 4:
            self.mark(action, address)
        elif action < 7:
            self.use_slot(address, key, value)
        elif action < 9:
            assert self.state.on_slot(TRANSIENT, address, key, value) == 0
            self.touched.transient[address, key] = value
        elif action == 9:
            self.both("set_balance", address, value)
        elif action == 10:
            self.both("set_nonce", address, value % (1 << 64))
        elif action == 11:
            self.both("set_code", address, value.to_bytes(32, "big") if value else b"")
        elif action == 12:
            self.both("touch", address)
        elif action < 15:
            self.snapshot_or_revert()
        elif rng.random() < 0.2:
            self.begin()

    def both(self, name: str, *arguments: object) -> None:
        getattr(self.state, name)(*arguments)
        getattr(self.naive, name)(*arguments)

    def mark(self, number: int, address: bytes) -> None:
        mark, name = MARKS[number]
        marked = getattr(self.touched, name)
        assert self.state.on_account(mark, address) == (address not in marked)
        marked.add(address)

    def use_slot(self, address: bytes, key: int, value: int) -> None:
        is_cold = (address, key) not in self.touched.warm_slots
        assert self.state.on_slot(TOUCH_SLOT, address, key) == is_cold
        self.touched.warm_slots.setdefault((address, key), self.naive.storage(address, key))
        if self.rng.random() < 0.7:
            self.both("set_storage", address, key, value)

    def snapshot_or_revert(self) -> None:
        if self.rng.random() < 0.5 or not self.snapshots:
            self.snapshots.append((self.state.snapshot(), self.naive.snapshot(), self.touched.copy()))
            return
        index = self.rng.randrange(len(self.snapshots))
        mine, naive, self.touched = self.snapshots[index]
        del self.snapshots[index:]
        self.state.revert(mine)
        self.naive.revert(naive)

    def begin(self) -> None:
        if self.rng.random() < 0.3:
            assert self.state.seal() == self.naive.seal()
        else:
            self.both("begin_transaction")
        self.snapshots, self.touched = [], NaiveTouched()

    def check(self) -> None:
        state, naive, touched = self.state, self.naive, self.touched
        for address in self.addresses:
            assert state.account(address) == naive.account(address)
            for _, name in MARKS:
                assert state.is_marked(address, name) == (address in getattr(touched, name))
            assert state.mark(address, "filled_slots") == len(naive.storage_of(address))
            assert state.has_storage(address) == naive.has_storage(address)
            for key in self.keys:
                assert state.storage(address, key) == naive.storage(address, key)
                assert state.warm_original(address, key) == touched.warm_slots.get((address, key))
                assert state.transient(address, key) == touched.transient.get((address, key), 0)
        assert state.counter("destroyed_count") == len(touched.destroyed)
        assert state.counter("touched_count") == len(touched.touched)


@pytest.mark.parametrize("undo", [8, 1 << 14])
@pytest.mark.parametrize("seed", range(4))
def test_kernels_do_to_a_transaction_what_their_naive_twins_do(seed: int, undo: int) -> None:
    pair = Pair(seed, Capacities(2, 2, 2, 8, undo, 2, 2, 64))
    for _ in range(2_000):
        pair.step()
        pair.check()
    assert TRANSIENT_FULL not in pair.state.grown
