"""
Storage slots by (account, key): find, intern, write, and the list of each account's slots.

The list is threaded through the records, newest first: a slot enters it once, when it is interned, and stays though
its value may be 0, until the table is copied while the slot is vacant (table.py). So clearing an account, and reading
all of its storage, walk its own slots only. How many of them are not zero now is kept in the account.

Accounts and slots are named by rows, int64; keys and values are U256.
"""

# mypy: allow-untyped-defs, allow-untyped-calls

import numpy as np

from primitives.kernels_cache import njit
from primitives.memory import load_int64, store_int64
from primitives.u256 import store_limbs
from primitives.wide_integers import u256
from statestore.accounts import find_account
from statestore.hash_index import ZERO, entry_at, hash_slot, may_match, place, row_in
from statestore.journal import STORAGE, count_filled, remember, undo_room
from statestore.memory_order import fence_acquire, fence_release
from statestore.table import MOVED, SLOT_WANTED, SLOTS_FULL, account_row, counters_of, slot_row, undo_row
from statestore.versions import LATEST, first_version, is_not_zero, keep_slot, slot_at, verdict

STREAMED_SLOT_SIZE_BYTES = 32 + 32  # Of one slot that is read in a stream: key, value.


@njit
def find_slot(tables, account, key):
    """The row of a slot, 0 if it never had one."""
    hashed = hash_slot(tables, account, key)
    mask = 2 * tables.slot_capacity - 1
    position = np.int64(hashed) & mask
    while True:
        entry = entry_at(tables.slot_index, position)
        if entry == ZERO:
            return 0
        if may_match(entry, hashed):
            fence_acquire()
            row = row_in(entry)
            if row < tables.slot_capacity:
                slot = slot_row(tables, row)
                if slot.key == key and slot.account == account:
                    return row
        position = (position + 1) & mask


@njit
def add_slot(tables, account, key):
    """A new row for a slot that has none, or SLOTS_FULL; SLOT_WANTED where rows are fetched."""
    counters = counters_of(tables)
    if counters.is_partial != 0:
        counters.wanted_address = account_row(tables, account).address
        counters.wanted_key = key
        return SLOT_WANTED
    row = counters.vacant_slot
    if row != 0:
        counters.vacant_slot = slot_row(tables, row).older
    else:
        row = counters.slot_count
        if row == tables.slot_capacity:
            return SLOTS_FULL
    slot, owner = slot_row(tables, row), account_row(tables, account)
    slot.key = key
    slot.account = account
    slot.version = first_version(tables)
    slot.next_slot = owner.first_slot
    place(tables.slot_index, tables.slot_capacity, hash_slot(tables, account, key), row)
    fence_release()
    owner.first_slot = row
    counters.slot_count = max(counters.slot_count, row + 1)
    return row


@njit
def intern_slot(tables, account, key):
    """The row of a slot, a new one if need be, or what `add_slot` answers."""
    row = find_slot(tables, account, key)
    return row if row != 0 else add_slot(tables, account, key)


@njit
def is_vacant_slot(tables, row):
    """Whether a slot was never anything but zero as far as anybody can tell; see table.py."""
    counters, slot = counters_of(tables), slot_row(tables, row)
    return slot.value == 0 and slot.version <= counters.oldest and slot.transaction != counters.transaction


@njit
def count_vacant_slots(tables):
    """How many slots are vacant."""
    count = 0
    for row in range(1, counters_of(tables).slot_count):
        count += is_vacant_slot(tables, row)
    return count


@njit
def next_kept_slot(tables, row):
    """The first slot that is not vacant in a list from this row on, 0 if there is none."""
    while row != 0 and is_vacant_slot(tables, row):
        row = slot_row(tables, row).next_slot
    return row


@njit
def unlink_vacant_slots(tables):
    """Take the vacant slots of a copied table out of the lists of their accounts; readers of the old one see theirs."""
    for row in range(1, counters_of(tables).account_count):
        account = account_row(tables, row)
        account.first_slot = next_kept_slot(tables, account.first_slot)
    for row in range(1, counters_of(tables).slot_count):
        if not is_vacant_slot(tables, row):
            slot = slot_row(tables, row)
            slot.next_slot = next_kept_slot(tables, slot.next_slot)


@njit
def index_slots(tables):
    """Fill the empty index of a copied table, and have its vacant rows be given to new slots."""
    unlink_vacant_slots(tables)
    counters = counters_of(tables)
    for row in range(counters.slot_count - 1, 0, -1):
        slot = slot_row(tables, row)
        if is_vacant_slot(tables, row):
            slot.older = counters.vacant_slot
            counters.vacant_slot = row
        else:
            place(tables.slot_index, tables.slot_capacity, hash_slot(tables, slot.account, slot.key), row)
    return 0


@njit
def write_slot(tables, row, value):
    """Replace the value of a slot. 0 or a status."""
    slot = slot_row(tables, row)
    previous = slot.value
    if previous == value:
        return 0
    status = undo_room(tables)
    if status < 0:
        return status
    status = keep_slot(tables, row)
    if status < 0:
        return status
    transaction = counters_of(tables).transaction
    if slot.transaction != transaction:
        slot.transaction = transaction
        slot.original = previous
    count_filled(tables, slot.account, previous, value)
    remember(tables, STORAGE, row, previous)
    slot.value = value
    return 0


@njit
def write_storage(tables, account, key, value):
    """Replace a slot's value; one that has no row and gets no value needs none. 0 or a status."""
    row = find_slot(tables, account, key)
    if row == 0:
        if value == 0:
            return 0
        row = add_slot(tables, account, key)
    return row if row < 0 else write_slot(tables, row, value)


@njit
def clear_storage(tables, account):
    """Set every slot of an account to 0. 0 or a status."""
    row = account_row(tables, account).first_slot
    while row != 0 and account_row(tables, account).filled_slots != 0:
        status = write_slot(tables, row, u256(0))
        if status < 0:
            return status
        row = slot_row(tables, row).next_slot
    return 0


@njit
def clear_new_storage(tables, account):
    """
    Set every slot of an account to 0 that the running transaction created. 0 or a status.

    An account may have been created and destroyed at one address again and again, and have a longer list of slots than
    this transaction paid for. So the journal is walked, once: what it holds of any account that the transaction created
    and destroyed is cleared together, and the next of them has no storage any more.
    """
    if account_row(tables, account).filled_slots == 0:
        return 0
    transaction = counters_of(tables).transaction
    for index in range(counters_of(tables).undo_count):
        entry = undo_row(tables, index)
        if entry.kind != STORAGE:
            continue
        slot = slot_row(tables, entry.row)
        owner = account_row(tables, slot.account)
        if slot.account == account or (owner.created == transaction and owner.destroyed == transaction):
            status = write_slot(tables, entry.row, u256(0))
            if status < 0:
                return status
    return 0


@njit
def read_storage(tables, address, key, version, out):
    """
    A slot's value at a version.

    out : int64     address of four limbs, which mean something if the answer is 1

    Returns 1 if it was not zero, 0 if it was, DISCARDED or MOVED.
    """
    account = find_account(tables, address)
    row = find_slot(tables, account, key) if account != 0 else 0
    return slot_at(tables, row, version, out) if row != 0 else verdict(tables, version)


@njit
def read_original(tables, address, key, out):
    """
    A slot's value when the running transaction began.

    out : int64     address of four limbs

    Returns 1 if it was not zero, else 0.
    """
    account = find_account(tables, address)
    row = find_slot(tables, account, key) if account != 0 else 0
    if row == 0:
        return 0
    slot = slot_row(tables, row)
    if slot.transaction != counters_of(tables).transaction:
        return slot_at(tables, row, LATEST, out)
    store_limbs(out, slot.original)
    return is_not_zero(out)


@njit
def first_slot(tables, address):
    """The row that an account's list begins with, 0 if it is empty."""
    account = find_account(tables, address)
    return account_row(tables, account).first_slot if account != 0 else 0


@njit
def read_slots(tables, version, cursor, out, limit):
    """
    The next slots of an account that were not zero at a version, in the order of its list.

    cursor : int64      address of the row to begin at, then the row to go on at, 0 at the end
    out : int64         address of `limit` times STREAMED_SLOT_SIZE_BYTES: key, value
    limit : int64       slots to look at

    Returns how many were written, DISCARDED or MOVED.
    """
    count = 0
    row = load_int64(cursor)
    for _ in range(limit):
        if row == 0:
            break
        fence_acquire()
        if row >= tables.slot_capacity:
            return MOVED
        status = slot_at(tables, row, version, out + 32)
        if status < 0:
            return status
        slot = slot_row(tables, row)
        store_limbs(out, slot.key)
        out += STREAMED_SLOT_SIZE_BYTES * status
        count += status
        row = slot.next_slot
    status = verdict(tables, version)
    if status < 0:
        return status
    store_int64(cursor, row)
    return count


@njit
def has_storage(tables, address):
    """Whether a slot of an account is not zero now: 1 or 0."""
    account = find_account(tables, address)
    return 1 if account != 0 and account_row(tables, account).filled_slots != 0 else 0
