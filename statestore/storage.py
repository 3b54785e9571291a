"""
Storage slots by (account, key): find, intern, write, and the list of each account's slots.

The list is threaded through the records, newest first, and static: a slot enters it once, when it is interned, and
stays though its value may be 0. So clearing an account, and reading all of its storage, walk its own slots only.
"""

# mypy: allow-untyped-defs, allow-untyped-calls

import numpy as np

from primitives.kernels_cache import njit
from statestore.accounts import find_account, touch
from statestore.hash_index import ONE, ROW_MASK, ZERO, hash_words, place
from statestore.journal import STORAGE, remember, undo_room
from statestore.memory_order import fence_acquire, fence_release
from statestore.table import MOVED, SLOTS_FULL
from statestore.versions import LATEST, first_version, is_not_zero, keep_slot, slot_at, verdict

STORAGE_WORDS = 8  # Of one slot that is read in a stream: key, value.


@njit
def key_of(slot):
    """The key of a record: tuple of four uint64."""
    return slot.key[0], slot.key[1], slot.key[2], slot.key[3]


@njit
def value_of(slot):
    """The value of a record: tuple of four uint64."""
    return slot.value[0], slot.value[1], slot.value[2], slot.value[3]


@njit
def hash_slot(tables, account, key):
    """The hash of a slot's name."""
    return hash_words(tables.counters[0].hash_key, (np.uint64(account), key[0], key[1], key[2], key[3]))


@njit
def find_slot(tables, account, key):
    """
    The row of a slot, 0 if it never had one.

    account : int64     row of the account
    key : tuple of four uint64
    """
    hashed = hash_slot(tables, account, key)
    mask = np.uint64(len(tables.slot_index)) - ONE
    position = hashed & mask
    while True:
        entry = tables.slot_index[position]
        if entry == ZERO:
            return 0
        if (entry ^ hashed) & ~ROW_MASK == ZERO:
            fence_acquire()
            row = np.int64(entry & ROW_MASK)
            if row < len(tables.slots) and tables.slots[row].account == account and key_of(tables.slots[row]) == key:
                return row
        position = (position + ONE) & mask


@njit
def intern_slot(tables, account, key):
    """The row of a slot, a new one if need be; SLOTS_FULL if there is no room."""
    row = find_slot(tables, account, key)
    if row != 0:
        return row
    counters = tables.counters[0]
    row = counters.slot_count
    if row == len(tables.slots):
        return SLOTS_FULL
    slot = tables.slots[row]
    for limb in range(4):
        slot.key[limb] = key[limb]
    slot.account = account
    slot.version = first_version(tables)
    slot.next_slot = tables.accounts[account].first_slot
    place(tables.slot_index, hash_slot(tables, account, key), row)
    fence_release()
    tables.accounts[account].first_slot = row
    counters.slot_count = row + 1
    return row


@njit
def index_slots(tables):
    """Fill the empty index of a table that has grown."""
    for row in range(1, tables.counters[0].slot_count):
        slot = tables.slots[row]
        place(tables.slot_index, hash_slot(tables, slot.account, key_of(slot)), row)
    return 0


@njit
def write_slot(tables, row, value):
    """Replace the value, a tuple of four uint64, of a slot. 0 or a status."""
    slot = tables.slots[row]
    if value_of(slot) == value:
        return 0
    status = undo_room(tables)
    if status < 0:
        return status
    status = keep_slot(tables, row)
    if status < 0:
        return status
    counters = tables.counters[0]
    if slot.transaction != counters.transaction:
        slot.transaction = counters.transaction
        for limb in range(4):
            slot.original[limb] = slot.value[limb]
    remember(tables, STORAGE, row, value_of(slot))
    for limb in range(4):
        slot.value[limb] = value[limb]
    return 0


@njit
def write_storage(tables, address, key, value):
    """Replace a slot's value, creating the account if it does not exist. 0 or a status."""
    account = touch(tables, address)
    if account < 0:
        return account
    if find_slot(tables, account, key) == 0 and value == (ZERO, ZERO, ZERO, ZERO):
        return 0
    row = intern_slot(tables, account, key)
    return row if row < 0 else write_slot(tables, row, value)


@njit
def clear_storage(tables, account):
    """Set every slot of an account, named by its row, to 0. 0 or a status."""
    row = np.int64(tables.accounts[account].first_slot)
    while row != 0:
        status = write_slot(tables, row, (ZERO, ZERO, ZERO, ZERO))
        if status < 0:
            return status
        row = np.int64(tables.slots[row].next_slot)
    return 0


@njit
def read_storage(tables, address, key, version, out):
    """
    A slot's value at a version.

    out : uint64[4]     written if the answer is 1

    Returns 1 if it was not zero, 0 if it was, DISCARDED or MOVED.
    """
    account = find_account(tables, address)
    row = find_slot(tables, account, key) if account != 0 else 0
    return slot_at(tables, row, version, out, 0) if row != 0 else verdict(tables, version)


@njit
def read_original(tables, address, key, out):
    """A slot's value, uint64[4], when the running transaction began. Returns 1 if it was not zero, else 0."""
    account = find_account(tables, address)
    row = find_slot(tables, account, key) if account != 0 else 0
    if row == 0:
        return 0
    slot = tables.slots[row]
    if slot.transaction != tables.counters[0].transaction:
        return slot_at(tables, row, LATEST, out, 0)
    for limb in range(4):
        out[limb] = slot.original[limb]
    return is_not_zero(out, 0)


@njit
def first_slot(tables, address):
    """The row that an account's list begins with, 0 if it is empty."""
    account = find_account(tables, address)
    return np.int64(tables.accounts[account].first_slot) if account != 0 else 0


@njit
def read_slots(tables, version, cursor, out, limit):
    """
    The next slots of an account that were not zero at a version, in the order of its list.

    cursor : int64[1]       the row to begin at, then the row to go on at, 0 at the end
    out : uint64[limit, STORAGE_WORDS]      key, value
    limit : int64           slots to look at

    Returns how many were written, DISCARDED or MOVED.
    """
    count = 0
    row = cursor[0]
    for _ in range(limit):
        if row == 0:
            break
        fence_acquire()
        if row >= len(tables.slots):
            return MOVED
        status = slot_at(tables, row, version, out[count], 4)
        if status < 0:
            return status
        if status == 1:
            for limb in range(4):
                out[count, limb] = tables.slots[row].key[limb]
            count += 1
        row = np.int64(tables.slots[row].next_slot)
    cursor[0] = row
    status = verdict(tables, version)
    return status if status < 0 else count


@njit
def has_storage(tables, address, version, out):
    """
    Whether a slot of an account was not zero at a version.

    out : uint64[4]     scratch

    Returns 1 or 0, DISCARDED or MOVED.
    """
    row = first_slot(tables, address)
    while row != 0:
        fence_acquire()
        if row >= len(tables.slots):
            return MOVED
        status = slot_at(tables, row, version, out, 0)
        if status != 0:
            return status
        row = np.int64(tables.slots[row].next_slot)
    return verdict(tables, version)
