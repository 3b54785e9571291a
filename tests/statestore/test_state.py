"""The tables against the naive twin, on random operations and at the edges."""

import random
from collections.abc import Callable

import pytest

from primitives.compiled_calls import POINTER, compile_call
from primitives.constants import KECCAK_EMPTY, U256_MAX
from primitives.errors import DecodingError, UnknownBlock
from primitives.state_diff import EMPTY_ACCOUNT, Account, AccountChange, StateDiff
from primitives.u256 import load_address, load_limbs
from statestore.access_list import touch_slot, warm_account
from statestore.accounts import intern_account
from statestore.state import State
from statestore.storage import intern_slot
from statestore.table import Capacities, as_tables
from tests.naive.state import NaiveState

TINY = Capacities(2, 2, 2, 8, 8, 2, 2, 2)
ADDRESSES = [bytes([n]) * 20 for n in range(1, 9)]
KEYS = [0, 1, 2, 3, 1 << 64, 1 << 128, 1 << 255, U256_MAX]
CODES = [b"", *(bytes([n]) * n for n in range(1, 30))]
ALICE, BOB = ADDRESSES[:2]


def random_write(rng: random.Random) -> tuple[str, tuple[object, ...]]:
    address = rng.choice(ADDRESSES)
    word = rng.choice([0, 0, 1, 2, rng.getrandbits(256)])
    return rng.choice(
        [
            *[("set_storage", (address, rng.choice(KEYS), word))] * 8,
            *[("set_balance", (address, word))] * 4,
            ("set_nonce", (address, rng.choice([0, 1, 2**64 - 1]))),
            ("set_code", (address, rng.choice(CODES))),
            ("touch", (address,)),
            ("clear_storage", (address,)),
            ("delete_account", (address,)),
        ]
    )


def meet_both(tables, address, key):  # type: ignore[no-untyped-def]
    tables = as_tables(tables)
    account = intern_account(tables, load_address(address))
    if account < 0:
        return account
    status = warm_account(tables, account)
    if status < 0:
        return status
    slot = intern_slot(tables, account, load_limbs(key))
    return slot if slot < 0 else touch_slot(tables, slot)


meet_both_call = compile_call(meet_both, POINTER, POINTER, POINTER, holds_lock=True)


def meet(state: State, address: bytes, key: int) -> None:
    """Make an account and a slot of it warm, as an instruction does that reads them; neither has to exist."""
    while (status := meet_both_call(state.tables.address, address, key.to_bytes(32, "little"))) < 0:
        state.grow(status)


class Pair:
    """The tables and the twin, driven alike."""

    def __init__(self, seed: int, capacities: Capacities) -> None:
        self.rng = random.Random(seed)
        self.state, self.naive = State(seed, capacities), NaiveState()
        self.snapshots: list[tuple[int, int]] = []
        self.pinned: list[int] = []
        self.views: list[tuple[int, object]] = []

    def step(self) -> None:
        rng, state, naive = self.rng, self.state, self.naive
        kind = rng.random()
        if kind < 0.10:
            meet(state, rng.choice([*ADDRESSES, rng.randbytes(20)]), rng.choice([*KEYS, rng.getrandbits(256)]))
        elif kind < 0.80:
            name, arguments = random_write(rng)
            getattr(state, name)(*arguments)
            getattr(naive, name)(*arguments)
        elif kind < 0.87:
            self.snapshots.append((state.snapshot(), naive.snapshot()))
        elif kind < 0.92 and self.snapshots:
            index = rng.randrange(len(self.snapshots))
            ours, theirs = self.snapshots[index]
            del self.snapshots[index:]
            state.revert(ours)
            naive.revert(theirs)
        elif kind < 0.96:
            self.snapshots.clear()
            state.begin_transaction()
            naive.begin_transaction()
        elif kind < 0.99:
            self.snapshots.clear()
            assert state.seal() == naive.seal()
            self.views.append((state.version, state.view()))
        elif kind < 0.995:
            version = rng.randint(state.oldest_version, state.version + 2)
            state.discard_before(version)
            naive.discard_before(version)
        elif self.pinned and rng.random() < 0.6:
            version = self.pinned.pop(rng.randrange(len(self.pinned)))
            state.unpin(version)
            naive.unpin(version)
        else:
            version = rng.randint(state.oldest_version, state.version)
            self.pinned.append(version)
            state.pin(version)
            naive.pin(version)

    def check_writer(self) -> None:
        address, key = self.rng.choice(ADDRESSES), self.rng.choice(KEYS)
        state, naive = self.state, self.naive
        account = state.account(address)
        assert account == naive.account(address)
        assert state.storage(address, key) == naive.storage(address, key)
        assert state.original_storage(address, key) == naive.original_storage(address, key)
        assert state.has_storage(address) == naive.has_storage(address)
        if account is not None:
            assert state.code(account.code_hash) == naive.code(account.code_hash)

    def check_view(self, version: int) -> None:
        state, expected = self.state, self.naive.view_at(version)
        view = state.view_at(version)
        for address in ADDRESSES:
            assert view.account(address) == expected.account(address)
            assert view.has_storage(address) == expected.has_storage(address)
            assert {key: view.storage(address, key) for key in KEYS} == {
                key: expected.storage(address, key) for key in KEYS
            }
            assert dict(state.storage_at(version, address)) == expected.storage_of(address)
        assert dict(state.accounts_at(version)) == expected.accounts

    def check_window(self) -> None:
        state, naive = self.state, self.naive
        assert (state.version, state.oldest_version) == (naive.version, naive.oldest_version)
        for version in (state.oldest_version - 1, state.version + 1):
            with pytest.raises(UnknownBlock):
                state.view_at(version)
        kept = []
        for version, view in self.views:
            if version >= state.oldest_version:
                kept.append((version, view))
                continue
            for read in (lambda view=view: view.account(ALICE), lambda view=view: view.storage(BOB, 1)):
                with pytest.raises(UnknownBlock):
                    read()
        self.views = kept


@pytest.mark.parametrize("capacities", [TINY, Capacities()], ids=["tiny", "default"])
@pytest.mark.parametrize("seed", range(5))
def test_state_does_what_its_naive_twin_does(seed: int, capacities: Capacities) -> None:
    pair = Pair(seed, capacities)
    for _ in range(20):
        name, arguments = random_write(pair.rng)
        getattr(pair.state, name)(*arguments)
        getattr(pair.naive, name)(*arguments)
    if seed % 2:
        assert pair.state.seal_genesis() == pair.naive.seal_genesis()
    for step in range(10_000):
        pair.step()
        pair.check_writer()
        if step % 50 == 0:
            pair.check_window()
            pair.check_view(pair.rng.randint(pair.state.oldest_version, pair.state.version))
    for version in range(pair.state.oldest_version, pair.state.version + 1):
        pair.check_view(version)


def test_state_grows_from_tiny_tables() -> None:
    state, rng = State(1, TINY), random.Random(1)
    addresses = [rng.randbytes(20) for _ in range(300)]
    for number, address in enumerate(addresses):
        state.set_balance(address, number)
        state.set_code(address, b"\x60" * number)
        for key in range(number % 7):
            state.set_storage(address, key << 64, number)
    state.seal_genesis()
    for number, address in enumerate(addresses):
        account = state.view().account(address)
        assert account is not None
        assert (account.balance, state.code(account.code_hash)) == (number, b"\x60" * number)
        assert dict(state.storage_at(0, address)) == {key << 64: number for key in range(number % 7) if number}
    assert state.account_rows == 300
    assert state.slot_rows == sum(number % 7 for number in range(300))


def test_what_is_only_read_does_not_fill_the_memory() -> None:
    state, rng = State(1, Capacities(1 << 8, 1 << 9)), random.Random(1)
    state.set_storage(ALICE, 1, 2)
    state.seal_genesis()
    sizes = []
    for _ in range(2):
        for _ in range(100):
            for _ in range(20):
                meet(state, rng.randbytes(20), rng.getrandbits(256))
                meet(state, ALICE, rng.getrandbits(256))
            state.begin_transaction()
        sizes.append((len(state.tables.accounts), len(state.tables.slots)))
    assert sizes[1] == sizes[0] <= (1 << 9, 1 << 9)
    assert dict(state.storage_at(0, ALICE)) == {1: 2}


def test_a_slot_that_was_emptied_is_given_up_when_nobody_can_read_what_it_was() -> None:
    state = State(1, TINY._replace(slots=256))
    keys = range(300)
    for key in keys:
        state.set_storage(ALICE, key, 1)
    state.seal_genesis()
    for key in keys:
        state.set_storage(ALICE, key, 0)
    state.seal()
    told = state.storage_at(0, ALICE)
    first = next(told)
    for key in range(1_000, 1_100):
        state.set_storage(ALICE, key, 3)
    assert len(state.tables.slots) == 512
    state.seal()
    assert dict([first, *told]) == dict.fromkeys(keys, 1)
    state.discard_before(2)
    for key in range(2_000, 2_250):
        state.set_storage(BOB, key, 4)
    assert len(state.tables.slots) == 512
    state.seal()
    assert dict(state.storage_at(3, ALICE)) == dict.fromkeys(range(1_000, 1_100), 3)
    assert dict(state.storage_at(3, BOB)) == dict.fromkeys(range(2_000, 2_250), 4)
    assert [state.storage(ALICE, key) for key in (0, 299, 1_000)] == [0, 0, 3]


def test_one_operation_may_outgrow_the_journal() -> None:
    state = State(1, TINY)
    for key in range(1_000):
        state.set_storage(ALICE, key, 1)
    state.seal_genesis()
    before = state.snapshot()
    state.delete_account(ALICE)
    assert not state.has_storage(ALICE)
    state.revert(before)
    assert all(state.storage(ALICE, key) == 1 for key in range(1_000))
    state.delete_account(ALICE)
    diff = state.seal()
    assert diff.accounts == (AccountChange(ALICE, None, tuple((key, 0) for key in range(1_000))),)


def test_an_empty_account_that_exists_is_not_one_that_does_not() -> None:
    state = State()
    state.touch(ALICE)
    assert state.account(ALICE) == EMPTY_ACCOUNT
    assert state.account(BOB) is None
    assert state.seal().accounts == (AccountChange(ALICE, EMPTY_ACCOUNT, ()),)
    state.delete_account(ALICE)
    assert state.seal().accounts == (AccountChange(ALICE, None, ()),)


def test_largest_values_are_kept_whole() -> None:
    state = State()
    state.set_balance(ALICE, U256_MAX)
    state.set_nonce(ALICE, 2**64 - 1)
    state.set_storage(ALICE, U256_MAX, U256_MAX - 1)
    assert state.account(ALICE) == Account(2**64 - 1, U256_MAX, KECCAK_EMPTY)
    assert state.storage(ALICE, U256_MAX) == U256_MAX - 1


def test_diff_leaves_out_what_ended_where_it_began() -> None:
    state = State()
    state.set_balance(ALICE, 1)
    state.set_storage(ALICE, 5, 6)
    state.seal()
    state.set_balance(ALICE, 2)
    state.set_storage(ALICE, 5, 7)
    state.set_balance(ALICE, 1)
    state.set_storage(ALICE, 5, 6)
    before = state.snapshot()
    state.delete_account(ALICE)
    state.set_code(BOB, b"\x00")
    state.revert(before)
    assert state.seal() == StateDiff()
    assert state.version == 2


def test_diff_names_the_account_of_a_slot_as_it_is() -> None:
    state = State()
    state.set_balance(ALICE, 3)
    state.seal()
    state.set_storage(ALICE, 1, 2)
    assert state.seal().accounts == (AccountChange(ALICE, Account(balance=3), ((1, 2),)),)


def test_diff_is_canonical() -> None:
    state = State()
    for address in reversed(ADDRESSES):
        for key in reversed(KEYS):
            state.set_storage(address, key, 1)
        state.set_code(address, address)
    diff = state.seal()
    assert [change.address for change in diff.accounts] == sorted(ADDRESSES)
    assert all([key for key, _ in change.storage] == KEYS for change in diff.accounts)
    assert set(diff.codes) == set(ADDRESSES)
    assert StateDiff.decode(diff.encode()) == diff


def test_a_code_is_in_the_diff_of_the_first_mini_block_that_has_it() -> None:
    state = State()
    before = state.snapshot()
    state.set_code(ALICE, b"code")
    state.revert(before)
    assert state.seal().codes == ()
    state.set_code(ALICE, b"code")
    assert state.seal().codes == (b"code",)
    state.set_code(BOB, b"code")
    state.delete_account(ALICE)
    assert state.seal().codes == ()
    assert list(state.codes()) == [b"code"]


def test_diffs_applied_elsewhere_give_the_same_state_and_the_same_diffs() -> None:
    pair, replica = Pair(7, TINY), State(8, TINY)
    diffs = [pair.state.seal_genesis()]
    for _ in range(2_000):
        name, arguments = random_write(pair.rng)
        getattr(pair.state, name)(*arguments)
        if pair.rng.random() < 0.1:
            diffs.append(pair.state.seal())
    replica.apply(diffs[0])
    assert replica.seal_genesis() == diffs[0]
    for diff in diffs[1:]:
        replica.apply(diff)
        replica.apply(diff)
        assert replica.seal() == diff
    for version in range(len(diffs)):
        assert dict(replica.accounts_at(version)) == dict(pair.state.accounts_at(version))


def test_a_diff_with_an_unknown_code_is_refused() -> None:
    state = State()
    with pytest.raises(DecodingError, match="nobody has the code"):
        state.apply(StateDiff((AccountChange(ALICE, Account(code_hash=bytes(32)), ()),)))
    with pytest.raises(DecodingError, match="is gone but has storage"):
        state.apply(StateDiff((AccountChange(ALICE, None, ((1, 2),)),)))


def test_a_restored_state_goes_on_from_its_version() -> None:
    original = State(1)
    for address in ADDRESSES:
        original.set_balance(address, 5)
        original.set_code(address, address)
    original.seal_genesis()
    for balance in range(10):
        original.set_balance(ALICE, balance)
        original.seal()
    restored = State(2)
    for address, account in original.accounts_at(9):
        restored.apply(StateDiff((AccountChange(address, account, ()),), tuple(original.codes())))
    restored.restore_version(9)
    assert (restored.version, restored.oldest_version) == (9, 9)
    assert dict(restored.accounts_at(9)) == dict(original.accounts_at(9))
    restored.set_balance(ALICE, 9)
    restored.set_code(BOB, ALICE)
    diff = restored.seal()
    assert diff.codes == ()
    assert (restored.version, len(diff.accounts)) == (10, 2)
    with pytest.raises(UnknownBlock):
        restored.view_at(8)
    with pytest.raises(AssertionError):
        restored.restore_version(3)


def test_nothing_can_be_seen_before_the_first_seal() -> None:
    state = State()
    view = state.view()
    state.set_storage(ALICE, 1, 1)
    assert state.view().account(ALICE) is None
    assert list(state.accounts_at(0)) == []
    assert list(state.storage_at(0, ALICE)) == []
    state.seal_genesis()
    assert view.account(ALICE) is None
    assert state.view().account(ALICE) == EMPTY_ACCOUNT


def test_a_snapshot_of_an_earlier_transaction_is_our_own_mistake() -> None:
    state = State()
    state.touch(ALICE)
    late = state.snapshot()
    state.begin_transaction()
    with pytest.raises(AssertionError, match="earlier transaction"):
        state.revert(late)


def test_original_storage_is_that_of_the_transaction_not_the_mini_block() -> None:
    state = State()
    state.set_storage(ALICE, 1, 1)
    state.seal()
    state.set_storage(ALICE, 1, 2)
    assert state.original_storage(ALICE, 1) == 1
    state.begin_transaction()
    before = state.snapshot()
    state.clear_storage(ALICE)
    assert (state.storage(ALICE, 1), state.original_storage(ALICE, 1)) == (0, 2)
    state.revert(before)
    assert (state.storage(ALICE, 1), state.original_storage(ALICE, 1)) == (2, 2)


@pytest.mark.parametrize("write", [lambda state: state.set_balance(b"", 1), lambda state: state.storage(bytes(21), 0)])
def test_an_address_of_another_length_is_refused(write: Callable[[State], object]) -> None:
    with pytest.raises(AssertionError):
        write(State())
