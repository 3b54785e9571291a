"""Records, indexes and growth."""

import random
from dataclasses import replace

import numpy as np
import pytest

from primitives.compiled_calls import INT, POINTER, compile_call
from primitives.memory import store_uint64
from primitives.records import IS_CHECKED
from primitives.u256 import load_limbs
from statestore import table
from statestore.hash_index import hash_address, hash_code_hash, hash_slot
from statestore.kernel_calls import compile_kernels
from statestore.state import AccountBuffer, State, WordBuffer
from statestore.table import ACCOUNTS_FULL, GROWN_BY, MOVED, Capacities, account_row, as_tables, grow, make_tables

TINY = Capacities(2, 2, 2, 8, 8, 2, 2, 2)
ALICE = b"\xaa" * 20
MASK = (1 << 64) - 1


def naive_sip_hash(hash_key: tuple[int, int], words: tuple[int, ...]) -> int:
    """SipHash-1-3 without the length word, from the paper."""
    k0, k1 = hash_key
    v = [0x736F6D6570736575 ^ k0, 0x646F72616E646F6D ^ k1, 0x6C7967656E657261 ^ k0, 0x7465646279746573 ^ k1]

    def rotate(word: int, bits: int) -> int:
        return (word << bits | word >> (64 - bits)) & MASK

    def sip_round() -> None:
        for a, b, bits, turn_a in ((0, 1, 13, True), (2, 3, 16, False), (0, 3, 21, False), (2, 1, 17, True)):
            v[a] = (v[a] + v[b]) & MASK
            v[b] = rotate(v[b], bits) ^ v[a]
            if turn_a:
                v[a] = rotate(v[a], 32)

    for word in words:
        v[3] ^= word
        sip_round()
        v[0] ^= word
    v[2] ^= 0xFF
    for _ in range(3):
        sip_round()
    return v[0] ^ v[1] ^ v[2] ^ v[3]


def hash_all(tables, row, word, out):  # type: ignore[no-untyped-def]
    tables, word = as_tables(tables), load_limbs(word)
    store_uint64(out, hash_address(tables, word))
    store_uint64(out + 8, hash_code_hash(tables, word))
    store_uint64(out + 16, hash_slot(tables, row, word))
    return 0


def test_the_hash_is_siphash() -> None:
    rng, hashes = random.Random(1), compile_call(hash_all, POINTER, INT, POINTER, POINTER, holds_lock=True)
    for _ in range(50):
        key = rng.getrandbits(64), rng.getrandbits(64)
        row, words = rng.getrandbits(31), tuple(rng.choice([0, MASK, rng.getrandbits(64)]) for _ in range(4))
        out = np.zeros(3, np.uint64)
        hashes(make_tables(TINY, key).address, row, np.array(words, np.uint64).tobytes(), out.ctypes.data)
        assert out.tolist() == [naive_sip_hash(key, named) for named in (words[:3], words, (row, *words))]


def test_places_in_an_index_depend_on_the_seed() -> None:
    def index_of(seed: int) -> list[int]:
        state = State(seed)
        for number in range(20):
            state.touch(number.to_bytes(20, "big"))
        return np.flatnonzero(state.tables.account_index).tolist()

    assert index_of(1) == index_of(1)
    assert len({tuple(index_of(seed)) for seed in (0, 1, -1, 1 << 200)}) == 4


def test_tables_begin_on_a_cache_line() -> None:
    tables = make_tables(TINY, (1, 2))
    assert [name for name in table.ARRAYS if getattr(tables, name).ctypes.data % 64 != 0] == []


@pytest.mark.parametrize("capacity", [0, 1, 3])
def test_capacities_are_powers_of_two(capacity: int) -> None:
    with pytest.raises(AssertionError, match="powers of two"):
        State(0, TINY._replace(slots=capacity))


@pytest.mark.parametrize("status", GROWN_BY)
def test_growing_keeps_what_was_there(status: int) -> None:
    tables = make_tables(Capacities(4, 4, 4, 4, 4, 4, 4, 4), (1, 2))
    name = GROWN_BY[status][0]
    old = getattr(tables, name)
    old.view(np.uint8)[:] = np.arange(old.nbytes, dtype=np.uint8)
    if name in table.RINGS:
        tables.counters[f"{name}_start"], tables.counters[f"{name}_end"] = 5, 9
    new = grow(tables, status)
    array = getattr(new, name)
    assert (len(array), new.generation) == (8, 1)
    assert new.counters is tables.counters
    if name in table.RINGS:
        assert all(array[number & 7] == old[number & 3] for number in range(5, 9))
    elif name in table.FORGETFUL:
        assert not array.view(np.uint8).any()
    else:
        assert (array[:4] == old).all()


def test_a_table_that_rows_can_no_longer_name_does_not_grow(monkeypatch: pytest.MonkeyPatch) -> None:
    state = State(0, TINY)
    monkeypatch.setattr(table, "ROWS_MAX", 4)
    with pytest.raises(MemoryError, match="no room for more accounts: 4 are the most"):
        for number in range(10):
            state.touch(number.to_bytes(20, "big"))


def test_a_reader_with_outgrown_tables_is_told() -> None:
    state, kernels = State(0, TINY), compile_kernels()
    state.set_balance(ALICE, 1)
    state.set_storage(ALICE, 1, 1)
    state.seal_genesis()
    outgrown = state.tables
    for number in range(10):
        state.set_storage(number.to_bytes(20, "big"), number, 1)
    key, cursor, out = (1).to_bytes(32, "little"), np.ones(1, np.int64), np.empty((4, 12), np.uint64)
    assert kernels.read_account(outgrown.address, ALICE, 1, AccountBuffer()) == MOVED
    assert kernels.read_account(outgrown.address, bytes(20), 1, AccountBuffer()) == MOVED
    assert kernels.read_storage(outgrown.address, ALICE, key, 1, WordBuffer()) == MOVED
    assert kernels.read_accounts(outgrown.address, 1, cursor.ctypes.data, out.ctypes.data, 4) == MOVED
    assert kernels.read_slots(outgrown.address, 1, cursor.ctypes.data, out.ctypes.data, 4) == MOVED
    assert cursor[0] == 1


def test_a_row_beyond_outgrown_tables_is_not_read() -> None:
    """The index is still live, the records are not: what a reader meets between two growths."""
    state, kernels = State(0, TINY), compile_kernels()
    state.touch(ALICE)
    state.seal_genesis()
    before = state.tables
    for number in range(10):
        state.set_storage(number.to_bytes(20, "big"), number, 1)
    mixed = replace(state.tables, accounts=before.accounts, slots=before.slots, generation=0)
    cursor, out = np.ones(1, np.int64), np.empty((16, 12), np.uint64)
    for number in range(10):
        address, key = number.to_bytes(20, "big"), number.to_bytes(32, "little")
        assert kernels.read_account(mixed.address, address, 1, AccountBuffer()) == MOVED
        assert kernels.read_storage(mixed.address, address, key, 1, WordBuffer()) == MOVED
    assert kernels.read_accounts(mixed.address, 1, cursor.ctypes.data, out.ctypes.data, 16) == MOVED
    cursor[0] = 5
    assert kernels.read_slots(mixed.address, 1, cursor.ctypes.data, out.ctypes.data, 16) == MOVED


def test_statuses_name_distinct_tables() -> None:
    assert len({name for name, _ in GROWN_BY.values()}) == len(GROWN_BY)
    assert GROWN_BY[ACCOUNTS_FULL] == ("accounts", "account_index")


def read_row(tables, row):  # type: ignore[no-untyped-def]
    return account_row(as_tables(tables), row).exists


@pytest.mark.skipif(not IS_CHECKED, reason="only the build with checks (NUMBA_BOUNDSCHECK=1) looks at rows")
@pytest.mark.parametrize("row", [-1, 2, 1 << 40])
def test_a_row_beyond_the_table_is_not_read(row: int, monkeypatch: pytest.MonkeyPatch) -> None:
    raised: list[str] = []
    monkeypatch.setattr("sys.unraisablehook", lambda unraisable: raised.append(str(unraisable.exc_value)))
    tables, read = make_tables(TINY, (1, 2)), compile_call(read_row, POINTER, INT, holds_lock=True)
    assert [read(tables.address, inside) for inside in (0, 1)] == [0, 0]
    assert raised == []
    read(tables.address, row)
    assert raised == ["a row beyond the table"]
