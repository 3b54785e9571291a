"""Readers at one version beside a writer, and the window of versions that are kept."""

import random
import threading

import numpy as np
import pytest

from primitives.compiled_calls import INT, POINTER, compile_call
from primitives.errors import UnknownBlock
from primitives.memory import load_int64, load_uint64, store_int64
from primitives.wide_integers import low_uint64, u256
from statestore import accounts, storage, versions
from statestore.memory_order import fence_acquire, fence_release
from statestore.state import State
from statestore.table import Capacities, account_row, as_tables, counters_of, slot_row

TINY = Capacities(2, 2, 2, 8, 8, 2, 2, 2)
ALICE, BOB = b"\xaa" * 20, b"\xbb" * 20
HOLDERS = [bytes([1, n]) * 10 for n in range(64)]
TOTAL = 64 * 1_000_000


def test_each_of_thousands_of_views_sees_its_own_version() -> None:
    state, rng = State(3, TINY), random.Random(3)
    balances, slots = [0], [0]
    state.touch(ALICE)
    state.seal_genesis()
    views = [state.view()]
    for _ in range(5_000):
        balance, value = balances[-1], slots[-1]
        if rng.random() < 0.5:
            balance = rng.getrandbits(256)
            state.set_balance(ALICE, balance)
        if rng.random() < 0.5:
            value = rng.getrandbits(256)
            state.set_storage(ALICE, 9, value)
        state.seal()
        views.append(state.view())
        balances.append(balance)
        slots.append(value)
    state.set_balance(ALICE, 1)
    state.set_storage(ALICE, 9, 1)
    for version in rng.sample(range(5_001), 2_000):
        account = views[version].account(ALICE)
        assert account is not None
        assert account.balance == balances[version]
        assert views[version].storage(ALICE, 9) == slots[version]


def test_a_view_of_a_discarded_version_stops() -> None:
    state = State()
    for balance in range(10):
        state.set_balance(ALICE, balance)
        state.seal()
    view, stream = state.view_at(4), state.accounts_at(4)
    state.discard_before(5)
    assert state.oldest_version == 5
    for read in (
        lambda: view.account(ALICE),
        lambda: view.account(BOB),
        lambda: view.storage(ALICE, 0),
        lambda: view.has_storage(ALICE),
        lambda: next(stream),
        lambda: state.view_at(4),
        lambda: state.pin(4),
        lambda: state.accounts_at(4),
        lambda: state.storage_at(4, ALICE),
        lambda: state.view_at(11),
    ):
        with pytest.raises(UnknownBlock, match="is not among those kept"):
            read()
    assert state.view_at(5).account(ALICE).balance == 4  # type: ignore[union-attr]


def test_a_pinned_version_outlives_discarding() -> None:
    state = State()
    for balance in range(10):
        state.set_balance(ALICE, balance)
        state.seal()
    view = state.view_at(3)
    state.pin(3)
    state.pin(3)
    state.discard_before(9)
    assert state.oldest_version == 3
    assert view.account(ALICE).balance == 2  # type: ignore[union-attr]
    state.unpin(3)
    state.seal()
    assert state.oldest_version == 3
    state.unpin(3)
    state.seal()
    assert state.oldest_version == 9
    with pytest.raises(UnknownBlock):
        view.account(ALICE)


def test_the_newest_version_is_never_discarded() -> None:
    state = State()
    state.set_balance(ALICE, 1)
    state.seal()
    state.discard_before(100)
    assert state.oldest_version == 1
    assert state.view().account(ALICE).balance == 1  # type: ignore[union-attr]
    state.set_balance(ALICE, 2)
    state.seal()
    assert state.view_at(1).account(ALICE).balance == 1  # type: ignore[union-attr]


def test_discarding_lets_the_rings_be_reused() -> None:
    state = State(0, TINY._replace(slots=4, older_accounts=8, older_slots=8))
    state.touch(ALICE)
    state.seal_genesis()
    size_bytes = state.size_bytes
    for value in range(1, 1_000):
        state.set_balance(ALICE, value)
        state.set_storage(ALICE, value % 2, value)
        state.seal()
        state.discard_before(state.version - 3)
        for back in range(min(value, 4)):
            assert state.view_at(state.version - back).account(ALICE).balance == value - back  # type: ignore[union-attr]
    assert state.size_bytes == size_bytes


def test_a_stream_is_of_one_version_while_the_writer_goes_on() -> None:
    state = State(1, TINY)
    addresses = [n.to_bytes(20, "big") for n in range(1, 4_001)]
    for number, address in enumerate(addresses):
        state.set_balance(address, number)
        state.set_storage(ALICE, number, number)
    state.seal_genesis()
    state.pin(0)
    accounts_read, slots_read = state.accounts_at(0), state.storage_at(0, ALICE)
    found, slots = dict([next(accounts_read)]), dict([next(slots_read)])
    for number, address in enumerate(addresses):
        state.set_balance(address, number + 1)
        state.set_storage(ALICE, number, number + 1)
        state.set_balance(bytes([9]) + address[1:], 1)
        state.set_storage(ALICE, number << 100, 1)
    state.seal()
    state.discard_before(1)
    found.update(accounts_read)
    slots.update(slots_read)
    assert {address: account.balance for address, account in found.items() if address != ALICE} == {
        address: number for number, address in enumerate(addresses)
    }
    assert slots == {number: number for number in range(1, 4_000)}


def fill(state: State) -> None:
    for holder in HOLDERS:
        state.set_balance(holder, TOTAL // len(HOLDERS))
    for holder in HOLDERS:
        state.set_storage(ALICE, int.from_bytes(holder, "big"), TOTAL // len(HOLDERS))
    state.seal_genesis()


def test_readers_in_other_threads_see_whole_versions() -> None:
    """
    Transfers keep the sum of balances and of slots; the tables and rings grow, versions are discarded, and rows of
    accounts and slots that are gone are given to others.
    """
    state, done, failures = State(5, TINY), threading.Event(), []
    fill(state)
    reads = [0, 0]

    def read(reader: int) -> None:
        rng = random.Random(reader)
        while not done.is_set():
            try:
                view = state.view_at(rng.randint(state.oldest_version, state.version))
                accounts_read = [view.account(holder) for holder in HOLDERS]
                balances = sum(account.balance for account in accounts_read if account is not None)
                slots = sum(view.storage(ALICE, int.from_bytes(holder, "big")) for holder in HOLDERS)
                if rng.random() < 0.5:
                    slots = sum(value for _, value in state.storage_at(view.version, ALICE))
                    streamed = {address: account.balance for address, account in state.accounts_at(view.version)}
                    balances = sum(streamed.get(holder, 0) for holder in HOLDERS)
            except UnknownBlock:
                continue
            reads[reader] += 1
            if (balances, slots) != (TOTAL, TOTAL):
                failures.append((view, balances, slots))
                return

    threads = [threading.Thread(target=read, args=(reader,)) for reader in range(2)]
    for thread in threads:
        thread.start()
    rng = random.Random(9)
    version, kept = 0, {ALICE, *HOLDERS}
    try:
        while (version < 400 or min(reads) < 50) and not failures:
            for _ in range(20):
                payer, payee = rng.sample(HOLDERS, 2)
                amount = rng.randrange(1_000)
                for address, change in ((payer, -amount), (payee, amount)):
                    account, key = state.account(address), int.from_bytes(address, "big")
                    assert account is not None
                    state.set_balance(address, account.balance + change)
                    state.set_storage(ALICE, key, state.storage(ALICE, key) + change)
                state.set_storage(BOB, rng.getrandbits(40), 1)
                state.set_storage(ALICE, rng.getrandbits(40) << 200, 0)
                state.touch(rng.randbytes(20))
            if version % 5 == 0:
                for address in [address for address, _ in state.accounts_at(version) if address not in kept]:
                    state.delete_account(address)
            state.seal()
            version = state.version
            state.discard_before(version - 20)
    finally:
        done.set()
        for thread in threads:
            thread.join()
    assert not failures


MARKS = 64


def transfer_many(tables, newest, marks, mini_blocks):  # type: ignore[no-untyped-def]
    """
    Random transfers between accounts 1 to 64 and between slots 1 to 64, 8 a mini-block; 32 versions are kept.

    newest : address of int64       the last version sealed
    marks : address of int64[128]   of the last 64 versions, how many older accounts and slots there were at their seals
    """
    tables = as_tables(tables)
    counters = counters_of(tables)
    number = np.uint64(88172645463325252)
    for _ in range(mini_blocks):
        for _ in range(8):
            number ^= number << np.uint64(13)
            number ^= number >> np.uint64(7)
            number ^= number << np.uint64(17)
            payer, payee = 1 + np.int64(number & np.uint64(63)), 1 + np.int64((number >> np.uint64(6)) & np.uint64(63))
            for row, change in ((payer, ~np.uint64(0)), (payee, np.uint64(1))):
                balance = u256(low_uint64(account_row(tables, row).balance) + change)
                value = u256(low_uint64(slot_row(tables, row).value) + change)
                if accounts.write_balance(tables, row, balance) < 0 or storage.write_slot(tables, row, value) < 0:
                    return -1
        sealed = counters.writing
        counters.undo_count = 0
        mark = marks + 16 * (sealed % MARKS)
        store_int64(mark, counters.older_accounts_end)
        store_int64(mark + 8, counters.older_slots_end)
        counters.writing += 1
        fence_release()
        store_int64(newest, sealed)
        oldest = sealed - 32
        if oldest > counters.oldest:
            mark = marks + 16 * (oldest % MARKS)
            versions.discard(tables, oldest, load_int64(mark), load_int64(mark + 8))
    return 0


def read_many(tables, newest, out, found):  # type: ignore[no-untyped-def]
    """
    Sum balances and slots at one of the last versions again and again, until `newest` is the last that will be.

    out : address of 72 bytes       scratch
    found : address of int64[4]     last version there will be; sums that were right, sums that were wrong, discarded
    """
    tables = as_tables(tables)
    lag = 0
    while load_int64(newest) < load_int64(found):
        fence_acquire()
        version = max(load_int64(newest) - lag, 1)
        lag = (lag + 1) % 4
        balances, values, status = np.uint64(0), np.uint64(0), 0
        for row in range(1, 65):
            status = min(status, versions.account_at(tables, row, version, out))
            balances += load_uint64(out)
            status = min(status, versions.slot_at(tables, row, version, out))
            values += load_uint64(out)
        if status < 0:
            kind = 3
        else:
            kind = 1 if balances == np.uint64(TOTAL) and values == np.uint64(TOTAL) else 2
        store_int64(found + 8 * kind, load_int64(found + 8 * kind) + 1)
    return 0


def test_readers_run_beside_a_writer_that_does_not_hold_pythons_lock() -> None:
    state, mini_blocks = State(6, Capacities(128, 128, 2, 128, 1 << 10, 1 << 10, 1 << 10)), 2_000_000
    fill(state)
    write = compile_call(transfer_many, POINTER, POINTER, POINTER, INT)
    read = compile_call(read_many, POINTER, POINTER, POINTER, POINTER)
    tables = state.tables
    newest, marks = np.ones(1, np.int64), np.zeros(2 * MARKS, np.int64)
    out, found = np.zeros(9, np.uint64), np.array([mini_blocks + 1, 0, 0, 0])
    reader = threading.Thread(
        target=read, args=(tables.address, newest.ctypes.data, out.ctypes.data, found.ctypes.data)
    )
    reader.start()
    assert write(tables.address, newest.ctypes.data, marks.ctypes.data, mini_blocks) == 0
    reader.join()
    assert found[1] > 0
    assert found[2] == 0
