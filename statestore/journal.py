"""
The undo journal of the running transaction: what each write replaced, oldest first.

An entry is (kind, row, previous value). A snapshot is a number of entries; `revert` puts values back, newest first.
Every account or slot whose value an entry holds was written in the mini-block that is still open, so its value at the
last seal is already kept (see versions.py), and putting a value back needs no more than that. The other entries are of
marks that no reader sees.
"""

# mypy: allow-untyped-defs, allow-untyped-calls

from primitives.kernels_cache import njit, njit_inlined
from primitives.wide_integers import low_int64, low_uint64, u256
from statestore.table import UNDO_FULL, account_row, counters_of, slot_row, transient_row, undo_row

# What an entry is of, and what its row is one of.
BALANCE, NONCE, CODE, EXISTS = range(4)  # accounts
STORAGE = 4  # slots
WARM_ACCOUNT, CREATED, DESTROYED, TOUCHED = range(5, 9)  # accounts
WARM_SLOT = 9  # slots
TRANSIENT = 10  # transient slots
UNDO_PER_WRITE_MAX = 4  # Deleting an account makes one entry of each kind of the first line.


@njit_inlined
def undo_room(tables):
    """UNDO_FULL if the journal has no room for one more write, else 0."""
    return UNDO_FULL if counters_of(tables).undo_count + UNDO_PER_WRITE_MAX > tables.undo_capacity else 0


@njit_inlined
def remember(tables, kind, row, previous):
    """
    Append an entry; the caller has checked the room.

    kind, row : int64
    previous : U256
    """
    counters = counters_of(tables)
    count = counters.undo_count
    entry = undo_row(tables, count)
    entry.previous = previous
    entry.kind = kind
    entry.row = row
    counters.undo_count = count + 1


@njit_inlined
def remember_mark(tables, kind, row):
    """Append an entry of a mark, which had no value of this transaction before. 0, or UNDO_FULL."""
    status = undo_room(tables)
    if status == 0:
        remember(tables, kind, row, u256(0))
    return status


@njit
def count_filled(tables, account, previous, value):
    """Keep the count of an account's slots that are not zero: one of them, a U256, was replaced by another."""
    if (previous == 0) != (value == 0):
        record = account_row(tables, account)
        record.filled_slots += 1 if previous == 0 else -1


@njit
def revert_mark(tables, kind, row):
    """Undo an entry that holds no value, and is of an account."""
    counters, account = counters_of(tables), account_row(tables, row)
    if kind == WARM_ACCOUNT:
        account.warm = 0
    elif kind == CREATED:
        account.created = 0
    elif kind == DESTROYED:
        account.destroyed = 0
        counters.destroyed_count -= 1
    else:
        account.touched = 0
        counters.touched_count -= 1


@njit
def revert_account(tables, kind, row, previous):
    """Put back a field, a U256, of an account."""
    account = account_row(tables, row)
    if kind == BALANCE:
        account.balance = previous
    elif kind == NONCE:
        account.nonce = low_uint64(previous)
    elif kind == CODE:
        account.code = low_int64(previous)
    else:
        account.exists = low_int64(previous)


@njit
def revert(tables, snapshot):
    """
    Undo every write made after `snapshot`, newest first.

    snapshot : int64    entries to keep, 0 <= snapshot <= counters.undo_count
    """
    counters = counters_of(tables)
    for index in range(counters.undo_count - 1, snapshot - 1, -1):
        entry = undo_row(tables, index)
        kind, row = entry.kind, entry.row
        if kind < STORAGE:
            revert_account(tables, kind, row, entry.previous)
        elif kind == STORAGE:
            slot = slot_row(tables, row)
            count_filled(tables, slot.account, slot.value, entry.previous)
            slot.value = entry.previous
        elif kind == WARM_SLOT:
            slot_row(tables, row).transaction = 0
        elif kind == TRANSIENT:
            transient_row(tables, row).value = entry.previous
        else:
            revert_mark(tables, kind, row)
    counters.undo_count = snapshot


@njit_inlined
def snapshot(tables):
    """A position in the journal, to revert to."""
    return counters_of(tables).undo_count


@njit
def begin_transaction(tables):
    """Forget the journal: what was written holds, original values are those of now, all is cold and unmarked."""
    counters = counters_of(tables)
    counters.undo_count = 0
    counters.destroyed_count = 0
    counters.touched_count = 0
    counters.transient_count = 0
    counters.transaction += 1
