"""
The undo journal of the running transaction: what each write replaced, oldest first.

An entry is (kind, row, previous value). A snapshot is a number of entries; `revert` puts values back, newest first.
Every row named here was written in the mini-block that is still open, so its value at the last seal is already kept
(see versions.py), and putting a value back needs no more than that.
"""

# mypy: allow-untyped-defs, allow-untyped-calls

import numpy as np

from primitives.kernels_cache import njit
from statestore.table import UNDO_FULL

ZERO = np.uint64(0)

BALANCE, NONCE, CODE, EXISTS, STORAGE = range(5)
UNDO_PER_WRITE_MAX = 4  # Deleting an account makes one entry of each kind but storage.


@njit
def undo_room(tables):
    """UNDO_FULL if the journal has no room for one more write, else 0."""
    return UNDO_FULL if tables.counters[0].undo_count + UNDO_PER_WRITE_MAX > len(tables.undo) else 0


@njit
def remember(tables, kind, row, previous):
    """
    Append an entry; the caller has checked the room.

    kind, row : int64
    previous : tuple of four uint64
    """
    counters = tables.counters[0]
    entry = tables.undo[counters.undo_count]
    entry.kind = kind
    entry.row = row
    for limb in range(4):
        entry.previous[limb] = previous[limb]
    counters.undo_count += 1


@njit
def remember_number(tables, kind, row, previous):
    """Append an entry whose previous value is one uint64."""
    remember(tables, kind, row, (previous, ZERO, ZERO, ZERO))


@njit
def revert(tables, snapshot):
    """
    Undo every write made after `snapshot`, newest first.

    snapshot : int64    entries to keep, 0 <= snapshot <= counters.undo_count
    """
    counters = tables.counters[0]
    for index in range(counters.undo_count - 1, snapshot - 1, -1):
        entry = tables.undo[index]
        if entry.kind == STORAGE:
            slot = tables.slots[entry.row]
            for limb in range(4):
                slot.value[limb] = entry.previous[limb]
            continue
        account = tables.accounts[entry.row]
        if entry.kind == BALANCE:
            for limb in range(4):
                account.balance[limb] = entry.previous[limb]
        elif entry.kind == NONCE:
            account.nonce = entry.previous[0]
        elif entry.kind == CODE:
            account.code = np.uint32(entry.previous[0])
        else:
            account.exists = np.uint32(entry.previous[0])
    counters.undo_count = snapshot


@njit
def begin_transaction(tables):
    """Forget the journal: what was written holds, and original values are those of now."""
    counters = tables.counters[0]
    counters.undo_count = 0
    counters.transaction += 1
