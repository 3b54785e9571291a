"""
The tables of the state: records, their declared layouts, and how they grow.

Accounts, storage slots and codes are fixed-size records in NumPy arrays; a record is named by its row and a row is
permanent: it is never moved, removed or given to another key. Row 0 of accounts and slots means "none" (row 0 of the
codes is the empty code), so memory of zeros is a valid empty table. Integers of 160 and 256 bits are limbs of 64,
least significant first.

A `TableSet` is immutable: an array that grows is copied into a new set, and the old arrays, to which nobody writes any
more, live as long as a reader holds them. The counters alone are shared by all sets. `counters.generation` tells a
reader that its set is no longer the one being written.
"""

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

CACHE_LINE_SIZE_BYTES = 64

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
        ("reserved", np.uint64, 5),  # fills the second line; room for stamps
    ]
)
SLOT = np.dtype(
    [
        ("key", np.uint64, 4),
        ("value", np.uint64, 4),
        ("original", np.uint64, 4),  # the value when `transaction` began
        ("transaction", np.int64),  # the last one that wrote it
        ("version", np.int64),
        ("account", np.uint32),
        ("next_slot", np.uint32),  # of the same account; never changes
        ("older", np.uint32),
        ("reserved", np.uint32),
    ]
)
CODE = np.dtype(
    [
        ("hash", np.uint64, 4),
        ("offset", np.int64),  # of the first byte, in the code arena
        ("size_bytes", np.int64),
        ("version", np.int64),  # of the first mini-block whose diff holds it, 0 while none does
        ("reserved", np.uint64),
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
COUNTERS = np.dtype(
    [
        ("hash_key", np.uint64, 2),  # of the indexes
        ("generation", np.int64),
        ("account_count", np.int64),  # rows in use, row 0 included
        ("slot_count", np.int64),
        ("code_count", np.int64),
        ("code_size_bytes", np.int64),
        ("transaction", np.int64),  # number of the running one, from 1
        ("undo_count", np.int64),
        ("writing", np.int64),  # version being written
        ("oldest", np.int64),  # version that can still be read
        ("older_accounts_end", np.int64),  # entries ever pushed
        ("older_accounts_start", np.int64),  # entries ever reclaimed
        ("older_slots_end", np.int64),
        ("older_slots_start", np.int64),
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

ROWS_MAX = 1 << 31  # Rows and positions of older values are stored in 32 bits.


class Tables(NamedTuple):
    """
    What a kernel works on. Each index has twice as many entries as its table has records, both powers of two.

    index entry : uint64, 0 if free, else 32 bits of the hash above 32 bits of row
    """

    account_index: npt.NDArray[np.uint64]
    accounts: npt.NDArray[Any]  # ACCOUNT[n]
    older_accounts: npt.NDArray[Any]  # OLDER_ACCOUNT[n], a ring
    slot_index: npt.NDArray[np.uint64]
    slots: npt.NDArray[Any]  # SLOT[n]
    older_slots: npt.NDArray[Any]  # OLDER_SLOT[n], a ring
    code_index: npt.NDArray[np.uint64]
    codes: npt.NDArray[Any]  # CODE[n]
    code_bytes: npt.NDArray[np.uint8]
    undo: npt.NDArray[Any]  # UNDO[n]
    counters: npt.NDArray[Any]  # COUNTERS[1]
    generation: int  # of this set


ARRAY_COUNT = len(Tables._fields) - 1

# The array, and the index that goes with it, of each status above.
GROWN_BY = {
    ACCOUNTS_FULL: ("accounts", "account_index"),
    SLOTS_FULL: ("slots", "slot_index"),
    CODES_FULL: ("codes", "code_index"),
    CODE_BYTES_FULL: ("code_bytes", None),
    UNDO_FULL: ("undo", None),
    OLDER_ACCOUNTS_FULL: ("older_accounts", None),
    OLDER_SLOTS_FULL: ("older_slots", None),
}
RINGS = ("older_accounts", "older_slots")


class Capacities(NamedTuple):
    """How many records a new state has room for; each doubles when it is met. Memory is taken as it is written."""

    accounts: int = 1 << 16
    slots: int = 1 << 18
    codes: int = 1 << 10
    code_bytes: int = 1 << 22
    undo: int = 1 << 14
    older_accounts: int = 1 << 16
    older_slots: int = 1 << 17


class TableSet:
    """Tables, and where they are, for compiled code that is called with one pointer."""

    def __init__(self, tables: Tables) -> None:
        self.tables = tables
        arrays: tuple[npt.NDArray[Any], ...] = tables[:ARRAY_COUNT]  # type: ignore[assignment]
        self.size_bytes = sum(array.nbytes for array in arrays)  # Reserved; what was never written takes none.
        numbers = [array.ctypes.data for array in arrays] + [len(array) for array in arrays] + [tables.generation]
        self._pointers = np.array(numbers, dtype=np.int64)
        self.address = self._pointers.ctypes.data


def zeros(count: int, dtype: npt.DTypeLike) -> npt.NDArray[Any]:
    """`count` records of zeros that begin on a cache line."""
    size_bytes = count * np.dtype(dtype).itemsize
    memory = np.zeros(size_bytes + CACHE_LINE_SIZE_BYTES, dtype=np.uint8)
    start = -memory.ctypes.data % CACHE_LINE_SIZE_BYTES
    return memory[start : start + size_bytes].view(dtype)


def make_tables(capacities: Capacities, hash_key: tuple[int, int]) -> Tables:
    """Empty tables; each capacity is a power of two of at least 2."""
    for capacity in capacities:
        assert 2 <= capacity <= ROWS_MAX and capacity & (capacity - 1) == 0, "capacities are powers of two"
    counters = zeros(1, COUNTERS)
    counters["hash_key"] = hash_key
    for name in ("account_count", "slot_count", "code_count", "transaction", "writing"):
        counters[name] = 1
    return Tables(
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
        generation=0,
    )


def grow(tables: Tables, status: int) -> Tables:
    """
    A set of the next generation in which the array that `status` names is twice as large.

    Its index, if it has one, is left empty for the caller to fill. Published by the caller, who then stores the
    generation in the counters.
    """
    name, index_name = GROWN_BY[status]
    old = getattr(tables, name)
    if 2 * len(old) > ROWS_MAX and name != "code_bytes":
        raise MemoryError(f"the state has no room for more {name.replace('_', ' ')}: {len(old)} are the most")
    new = zeros(2 * len(old), old.dtype)
    if name in RINGS:
        counters = tables.counters[0]
        live = np.arange(counters[f"{name}_start"], counters[f"{name}_end"])
        new[live & (len(new) - 1)] = old[live & (len(old) - 1)]
    else:
        new[: len(old)] = old
    changed: dict[str, Any] = {name: new, "generation": tables.generation + 1}
    if index_name is not None:
        changed[index_name] = zeros(2 * len(new), np.uint64)
    return tables._replace(**changed)
