"""
Transient storage (EIP-1153): what TSTORE keeps, forgotten at the end of the transaction.

Open addressing over the records themselves. A record is free unless its stamp is the number of the running
transaction, so that nothing has to be cleared; the table is at most half full. Keys and values are U256.
"""

# mypy: allow-untyped-defs, allow-untyped-calls

import numpy as np

from primitives.kernels_cache import njit
from primitives.wide_integers import u256
from statestore.hash_index import hash_slot
from statestore.journal import TRANSIENT, remember, undo_room
from statestore.table import TRANSIENT_FULL, counters_of, transient_row


@njit
def find_transient(tables, account, key):
    """Where the record of (account's row, key) is, or the free one where it belongs."""
    transaction = counters_of(tables).transaction
    mask = tables.transient_capacity - 1
    position = np.int64(hash_slot(tables, account, key)) & mask
    while True:
        slot = transient_row(tables, position)
        if slot.transaction != transaction or (slot.key == key and slot.account == account):
            return position
        position = (position + 1) & mask


@njit
def read_transient(tables, account, key):
    """The value under a key of the account in this row, 0 if there is none."""
    slot = transient_row(tables, find_transient(tables, account, key))
    return slot.value if slot.transaction == counters_of(tables).transaction else u256(0)


@njit
def write_transient(tables, account, key, value):
    """Replace the value under a key of the account in this row. 0, UNDO_FULL or TRANSIENT_FULL."""
    counters = counters_of(tables)
    position = find_transient(tables, account, key)
    slot = transient_row(tables, position)
    is_new = slot.transaction != counters.transaction
    if value == (u256(0) if is_new else slot.value):
        return 0
    status = undo_room(tables)
    if status < 0:
        return status
    if is_new:
        if 2 * (counters.transient_count + 1) > tables.transient_capacity:
            return TRANSIENT_FULL
        counters.transient_count += 1
        slot.key = key
        slot.account = account
        slot.value = u256(0)
        slot.transaction = counters.transaction
    remember(tables, TRANSIENT, position, slot.value)
    slot.value = value
    return 0
