"""
The tables of the state: records, their declared layouts, and how they grow.

Accounts, storage slots and codes are fixed-size records in NumPy arrays; a record is named by its row. Within a set
of tables a row is never moved, nor given to another key once it has one. Row 0 of accounts and slots means "none" (row
0 of the codes is the empty code), so memory of zeros is a valid empty table. Integers of 160 and 256 bits are limbs of
64, least significant first.

A `TableSet` is immutable: an array that is full is copied into a new set, and the old arrays, to which nobody writes
any more, live as long as a reader holds them. The counters alone are shared by all sets. `counters.generation` tells a
reader that its set is no longer the one being written.

Whatever a transaction names gets a row, also what does not exist: its marks are there. So an account or a slot may be
vacant: it is nothing in every version that can still be read, and the running transaction has not met it. In the new
set vacant rows are in no index and in no list of an account's slots; they are given to new keys. If they are half of
the table or more, the new array is as large as the old one, else twice as large; so it is for a transaction that needs
more rows than were vacant.

Kernels get a set as `tables`: the address of one record that says where the arrays are and how long. Of the three
tables with an index, the index has twice as many entries as the table has records.
"""

# mypy: allow-untyped-defs, allow-untyped-calls

from dataclasses import dataclass, field, fields, replace
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from primitives.kernels_cache import njit_inlined
from primitives.records import record_at, row_of

CACHE_LINE_SIZE_BYTES = 64
Array = npt.NDArray[Any]

# `transaction`, `warm`, `created`, `destroyed` and `touched` are numbers of transactions; see access_list.py.
ACCOUNT = np.dtype(
    [
        ("address", np.uint64, 3),  # 160 bits used
        ("balance", np.uint64, 4),  # wei
        ("nonce", np.uint64),
        ("version", np.int64),  # of the mini-block that last wrote the record
        ("older", np.uint32),  # where its previous value is: see versions.py
        ("code", np.uint32),  # row in the codes
        ("exists", np.uint32),  # 0 or 1; an empty account that exists is not one that does not
        ("first_slot", np.uint32),  # head of the list of its slots, 0 for none
        ("warm", np.int64),  # in which it is warm
        ("created", np.int64),  # that created it (EIP-6780)
        ("destroyed", np.int64),  # in which it destroyed itself
        ("touched", np.int64),  # in which it was touched while empty (EIP-161)
        ("filled_slots", np.int64),  # how many of its slots are not zero now
    ]
)
SLOT = np.dtype(
    [
        ("key", np.uint64, 4),
        ("value", np.uint64, 4),
        ("original", np.uint64, 4),  # the value when `transaction` began
        ("transaction", np.int64),  # the last one in which it was warm or written
        ("version", np.int64),
        ("account", np.uint32),
        ("next_slot", np.uint32),  # of the same account; never changes in a set
        ("older", np.uint32),
        ("reserved", np.uint32),
    ]
)
CODE = np.dtype(
    [
        ("hash", np.uint64, 4),
        ("offset", np.int64),  # of the first byte, in the code arena
        ("size_bytes", np.int64),
        ("jump_destinations", np.int64),  # offset of their bitmap in the code arena: see code.py
        ("version", np.int64),  # of the first mini-block whose diff holds it, 0 while none does
    ]
)
OLDER_ACCOUNT = np.dtype(
    [
        ("balance", np.uint64, 4),
        ("nonce", np.uint64),
        ("version", np.int64),
        ("row", np.uint32),
        ("older", np.uint32),
        ("code", np.uint32),
        ("exists", np.uint32),
    ]
)
OLDER_SLOT = np.dtype([("value", np.uint64, 4), ("version", np.int64), ("row", np.uint32), ("older", np.uint32)])
UNDO = np.dtype([("previous", np.uint64, 4), ("kind", np.uint32), ("row", np.uint32)])
TRANSIENT_SLOT = np.dtype(
    [
        ("key", np.uint64, 4),
        ("value", np.uint64, 4),
        ("account", np.int64),
        ("transaction", np.int64),  # the record is free in every other one
    ]
)
COUNTERS = np.dtype(
    [
        # What readers look at, on a cache line that is seldom written.
        ("hash_key", np.uint64, 2),  # of the indexes
        ("generation", np.int64),
        ("oldest", np.int64),  # version that can still be read
        ("writing", np.int64),  # version being written
        ("account_count", np.int64),  # rows in use, row 0 included
        ("slot_count", np.int64),
        ("code_count", np.int64),
        # The writer's own.
        ("code_size_bytes", np.int64),  # of the arena, in use
        ("transaction", np.int64),  # number of the running one, from 1
        ("undo_count", np.int64),
        ("older_accounts_end", np.int64),  # entries ever pushed
        ("older_accounts_start", np.int64),  # entries ever reclaimed
        ("older_slots_end", np.int64),
        ("older_slots_start", np.int64),
        ("destroyed_count", np.int64),  # accounts, by the running transaction
        ("touched_count", np.int64),  # empty ones that exist
        ("transient_count", np.int64),  # transient slots in use
        ("vacant_account", np.int64),  # first row of those to be given to new keys, linked by `older`; 0 for none
        ("vacant_slot", np.int64),
        ("is_partial", np.int64),  # whether rows that are missing have to be fetched: see partial_state.py
        ("wanted_address", np.uint64, 3),  # of the account, or the slot's
        ("wanted_key", np.uint64, 4),
    ]
)
assert ACCOUNT.itemsize == 2 * CACHE_LINE_SIZE_BYTES, "an account fills two cache lines"
assert ACCOUNT.fields is not None
assert ACCOUNT.fields["nonce"][1] + 8 == CACHE_LINE_SIZE_BYTES, "a transfer touches the first line and the version"
assert SLOT.itemsize == 2 * CACHE_LINE_SIZE_BYTES, "a slot fills two cache lines"
assert CODE.itemsize == CACHE_LINE_SIZE_BYTES
assert OLDER_ACCOUNT.itemsize == CACHE_LINE_SIZE_BYTES
assert OLDER_SLOT.itemsize == 48
assert UNDO.itemsize == 40
assert TRANSIENT_SLOT.itemsize == 80
assert COUNTERS.fields is not None
assert COUNTERS.fields["code_size_bytes"][1] == CACHE_LINE_SIZE_BYTES

# What a kernel answers when it can't go on; good answers are rows and counts, from 0. Nothing was written, or what
# was written is part of the same operation, which is called again as it was.
ACCOUNTS_FULL = -1
SLOTS_FULL = -2
CODES_FULL = -3
CODE_BYTES_FULL = -4
UNDO_FULL = -5
OLDER_ACCOUNTS_FULL = -6
OLDER_SLOTS_FULL = -7
DISCARDED = -8  # The version asked for is no longer kept.
MOVED = -9  # The tables have grown: read from the new ones.
TRANSIENT_FULL = -10  # The transaction must be undone, for the larger table is empty.
ACCOUNT_WANTED = -11  # The row that the counters name has to be fetched.
SLOT_WANTED = -12

VACANT_SHARE = 2  # A table of which half is vacant does not grow.
ROWS_MAX = 1 << 31  # Rows and positions of older values are stored in 32 bits.

# The array, and the index that goes with it, of each status above.
GROWN_BY = {
    ACCOUNTS_FULL: ("accounts", "account_index"),
    SLOTS_FULL: ("slots", "slot_index"),
    CODES_FULL: ("codes", "code_index"),
    CODE_BYTES_FULL: ("code_bytes", None),
    UNDO_FULL: ("undo", None),
    OLDER_ACCOUNTS_FULL: ("older_accounts", None),
    OLDER_SLOTS_FULL: ("older_slots", None),
    TRANSIENT_FULL: ("transient_slots", None),
}
RINGS = ("older_accounts", "older_slots")
FORGETFUL = ("transient_slots",)

# Where the arrays are, then how many records each has, and the generation of the set.
ARRAYS = {
    "account_index": None,
    "accounts": "account_capacity",
    "older_accounts": "older_account_capacity",
    "slot_index": None,
    "slots": "slot_capacity",
    "older_slots": "older_slot_capacity",
    "code_index": None,
    "codes": "code_capacity",
    "code_bytes": "code_bytes_capacity",  # bytes
    "undo": "undo_capacity",
    "counters": None,
    "transient_slots": "transient_capacity",
}
TABLE_SET = np.dtype(
    [(name, np.int64) for name in (*ARRAYS, *(capacity for capacity in ARRAYS.values() if capacity), "generation")]
)


class Capacities(NamedTuple):
    """How many records a new state has room for; each doubles when it is met. Memory is taken as it is written."""

    accounts: int = 1 << 16
    slots: int = 1 << 18
    codes: int = 1 << 10
    code_bytes: int = 1 << 22
    undo: int = 1 << 14
    older_accounts: int = 1 << 16
    older_slots: int = 1 << 17
    transient_slots: int = 1 << 12


@dataclass(frozen=True, eq=False)
class TableSet:
    """
    The arrays, and in `record` where they are, for kernels, which get its `address`.

    index entry : uint64, 0 if free, else 32 bits of the hash above 32 bits of row
    """

    account_index: npt.NDArray[np.uint64]
    accounts: Array  # ACCOUNT[n]
    older_accounts: Array  # OLDER_ACCOUNT[n], a ring
    slot_index: npt.NDArray[np.uint64]
    slots: Array  # SLOT[n]
    older_slots: Array  # OLDER_SLOT[n], a ring
    code_index: npt.NDArray[np.uint64]
    codes: Array  # CODE[n]
    code_bytes: npt.NDArray[np.uint8]
    undo: Array  # UNDO[n]
    counters: Array  # COUNTERS[1]
    transient_slots: Array  # TRANSIENT_SLOT[n]
    generation: int
    record: Array = field(init=False)  # TABLE_SET[1]
    address: int = field(init=False)
    size_bytes: int = field(init=False)  # Reserved; what was never written takes none.

    def __post_init__(self) -> None:
        record = zeros(1, TABLE_SET)
        size_bytes = 0
        for name, capacity in ARRAYS.items():
            array = getattr(self, name)
            record[name] = array.ctypes.data
            if capacity is not None:
                record[capacity] = len(array)
            size_bytes += array.nbytes
        record["generation"] = self.generation
        for name, value in (("record", record), ("address", record.ctypes.data), ("size_bytes", size_bytes)):
            object.__setattr__(self, name, value)


assert {entry.name for entry in fields(TableSet) if entry.init} == {*ARRAYS, "generation"}


def zeros(count: int, dtype: npt.DTypeLike) -> Array:
    """`count` records of zeros that begin on a cache line."""
    size_bytes = count * np.dtype(dtype).itemsize
    memory = np.zeros(size_bytes + CACHE_LINE_SIZE_BYTES, dtype=np.uint8)
    start = -memory.ctypes.data % CACHE_LINE_SIZE_BYTES
    return memory[start : start + size_bytes].view(dtype)


def make_tables(capacities: Capacities, hash_key: tuple[int, int]) -> TableSet:
    """Empty tables; each capacity is a power of two of at least 2."""
    for capacity in capacities:
        assert 2 <= capacity <= ROWS_MAX and capacity & (capacity - 1) == 0, "capacities are powers of two"
    counters = zeros(1, COUNTERS)
    counters["hash_key"] = hash_key
    for name in ("account_count", "slot_count", "code_count", "transaction", "writing"):
        counters[name] = 1
    return TableSet(
        account_index=zeros(2 * capacities.accounts, np.uint64),
        accounts=zeros(capacities.accounts, ACCOUNT),
        older_accounts=zeros(capacities.older_accounts, OLDER_ACCOUNT),
        slot_index=zeros(2 * capacities.slots, np.uint64),
        slots=zeros(capacities.slots, SLOT),
        older_slots=zeros(capacities.older_slots, OLDER_SLOT),
        code_index=zeros(2 * capacities.codes, np.uint64),
        codes=zeros(capacities.codes, CODE),
        code_bytes=zeros(capacities.code_bytes, np.uint8),
        undo=zeros(capacities.undo, UNDO),
        counters=counters,
        transient_slots=zeros(capacities.transient_slots, TRANSIENT_SLOT),
        generation=0,
    )


def grow(tables: TableSet, status: int, vacant_count: int = 0) -> TableSet:
    """
    A set of the next generation in which the array that `status` names has room.

    Its index, if it has one, is left empty for the caller to fill. Published by the caller, who then stores the
    generation in the counters.

    vacant_count : rows of the array that are vacant
    """
    name, index_name = GROWN_BY[status]
    old = getattr(tables, name)
    size = len(old) if VACANT_SHARE * vacant_count >= len(old) else 2 * len(old)
    if size > ROWS_MAX and name != "code_bytes":
        raise MemoryError(f"the state has no room for more {name.replace('_', ' ')}: {len(old)} are the most")
    new = zeros(size, old.dtype)
    if name in RINGS:
        counters = tables.counters[0]
        live = np.arange(counters[f"{name}_start"], counters[f"{name}_end"])
        new[live & (len(new) - 1)] = old[live & (len(old) - 1)]
    elif name not in FORGETFUL:
        new[: len(old)] = old
    changed: dict[str, Any] = {name: new, "generation": tables.generation + 1}
    if index_name is not None:
        changed[index_name] = zeros(2 * len(new), np.uint64)
    return replace(tables, **changed)


# In kernels: the set at an address; the counters of a set; a record by its row, which is below the capacity.
as_tables, as_counters = record_at(TABLE_SET), record_at(COUNTERS)
_account, _slot, _code, _undo = row_of(ACCOUNT), row_of(SLOT), row_of(CODE), row_of(UNDO)
_older_account, _older_slot, _transient = row_of(OLDER_ACCOUNT), row_of(OLDER_SLOT), row_of(TRANSIENT_SLOT)


@njit_inlined
def counters_of(tables):
    """The COUNTERS that all sets share."""
    return as_counters(tables.counters)


@njit_inlined
def account_row(tables, row):
    """An ACCOUNT."""
    return _account(tables.accounts, row, tables.account_capacity)


@njit_inlined
def slot_row(tables, row):
    """A SLOT."""
    return _slot(tables.slots, row, tables.slot_capacity)


@njit_inlined
def code_row(tables, row):
    """A CODE."""
    return _code(tables.codes, row, tables.code_capacity)


@njit_inlined
def undo_row(tables, row):
    """An UNDO, entry of the journal."""
    return _undo(tables.undo, row, tables.undo_capacity)


@njit_inlined
def transient_row(tables, row):
    """A TRANSIENT_SLOT."""
    return _transient(tables.transient_slots, row, tables.transient_capacity)


@njit_inlined
def older_account_row(tables, number):
    """An OLDER_ACCOUNT, by its number or the lowest 32 bits of it."""
    capacity = tables.older_account_capacity
    return _older_account(tables.older_accounts, number & (capacity - 1), capacity)


@njit_inlined
def older_slot_row(tables, number):
    """An OLDER_SLOT, by its number or the lowest 32 bits of it."""
    capacity = tables.older_slot_capacity
    return _older_slot(tables.older_slots, number & (capacity - 1), capacity)
