"""
Accounts by address: find, intern, write.

Fields of an account that does not exist are zero; whoever writes one makes the account exist. A kernel that writes
checks every capacity first and is called again, as it was, after the table that it names has grown. Addresses and
balances are U256, nonces uint64, rows int64.
"""

# mypy: allow-untyped-defs, allow-untyped-calls

import numpy as np

from primitives.kernels_cache import njit, njit_inlined
from primitives.memory import load_int64, store_int64
from primitives.u256 import store_limbs
from primitives.wide_integers import u256
from statestore.hash_index import ZERO, entry_at, hash_address, may_match, place, row_in
from statestore.journal import BALANCE, CODE, EXISTS, NONCE, remember, undo_room
from statestore.memory_order import fence_acquire
from statestore.table import ACCOUNT_WANTED, ACCOUNTS_FULL, account_row, counters_of
from statestore.versions import ACCOUNT_SIZE_BYTES, account_at, first_version, keep_account, verdict

# Of one account that is read in a stream: address, then what `account_at` writes.
STREAMED_ACCOUNT_SIZE_BYTES = 24 + ACCOUNT_SIZE_BYTES


@njit
def find_account(tables, address):
    """The row of an account, 0 if it never had one."""
    hashed = hash_address(tables, address)
    mask = 2 * tables.account_capacity - 1
    position = np.int64(hashed) & mask
    while True:
        entry = entry_at(tables.account_index, position)
        if entry == ZERO:
            return 0
        if may_match(entry, hashed):
            fence_acquire()
            row = row_in(entry)
            if row < tables.account_capacity and account_row(tables, row).address == address:
                return row
        position = (position + 1) & mask


@njit
def add_account(tables, address):
    """A new row for an address that has none, or ACCOUNTS_FULL; ACCOUNT_WANTED where rows are fetched."""
    counters = counters_of(tables)
    if counters.is_partial != 0:
        counters.wanted_address = address
        return ACCOUNT_WANTED
    row = counters.vacant_account
    if row != 0:
        counters.vacant_account = account_row(tables, row).older
    else:
        row = counters.account_count
        if row == tables.account_capacity:
            return ACCOUNTS_FULL
    account = account_row(tables, row)
    account.address = address
    account.version = first_version(tables)
    place(tables.account_index, tables.account_capacity, hash_address(tables, address), row)
    counters.account_count = max(counters.account_count, row + 1)
    return row


@njit
def intern_account(tables, address):
    """The row of an account, a new one if need be, or what `add_account` answers."""
    row = find_account(tables, address)
    return row if row != 0 else add_account(tables, address)


@njit
def is_vacant_account(tables, row):
    """Whether an account never existed as far as anybody can tell; see table.py."""
    counters, account = counters_of(tables), account_row(tables, row)
    if account.exists != 0 or account.version > counters.oldest or account.first_slot != 0:
        return False
    return counters.transaction not in (account.warm, account.created, account.destroyed, account.touched)


@njit
def count_vacant_accounts(tables):
    """How many accounts are vacant."""
    count = 0
    for row in range(1, counters_of(tables).account_count):
        count += is_vacant_account(tables, row)
    return count


@njit
def index_accounts(tables):
    """Fill the empty index of a copied table, and have its vacant rows be given to new accounts."""
    counters = counters_of(tables)
    for row in range(counters.account_count - 1, 0, -1):
        account = account_row(tables, row)
        if is_vacant_account(tables, row):
            account.older = counters.vacant_account
            counters.vacant_account = row
        else:
            place(tables.account_index, tables.account_capacity, hash_address(tables, account.address), row)
    return 0


@njit_inlined
def open_account(tables, row):
    """Make an account ready for one write: room in the journal, its value at the last seal kept. 0 or a status."""
    status = undo_room(tables)
    return status if status < 0 else keep_account(tables, row)


@njit_inlined
def create(tables, row):
    """Make an account that is open exist."""
    account = account_row(tables, row)
    if account.exists == 0:
        remember(tables, EXISTS, row, u256(0))
        account.exists = 1


@njit
def touch(tables, row):
    """Create an account, empty, if it does not exist. 0 or a status."""
    if account_row(tables, row).exists != 0:
        return 0
    status = open_account(tables, row)
    if status == 0:
        create(tables, row)
    return status


@njit
def write_balance(tables, row, balance):
    """Replace the balance of an account, which exists from then on. 0 or a status."""
    account = account_row(tables, row)
    if account.balance == balance and account.exists != 0:
        return 0
    status = open_account(tables, row)
    if status < 0:
        return status
    create(tables, row)
    remember(tables, BALANCE, row, account.balance)
    account.balance = balance
    return 0


@njit
def write_nonce(tables, row, nonce):
    """Replace the nonce of an account, which exists from then on. 0 or a status."""
    account = account_row(tables, row)
    if account.nonce == nonce and account.exists != 0:
        return 0
    status = open_account(tables, row)
    if status < 0:
        return status
    create(tables, row)
    remember(tables, NONCE, row, u256(account.nonce))
    account.nonce = nonce
    return 0


@njit
def write_code(tables, row, code):
    """Replace the code of an account, which exists from then on, by a row of the codes. 0 or a status."""
    account = account_row(tables, row)
    if account.code == code and account.exists != 0:
        return 0
    status = open_account(tables, row)
    if status < 0:
        return status
    create(tables, row)
    remember(tables, CODE, row, u256(account.code))
    account.code = code
    return 0


@njit
def remove_account(tables, row):
    """Make an account, whose storage is clear, not exist. 0 or a status."""
    account = account_row(tables, row)
    if account.exists == 0:
        return 0
    status = open_account(tables, row)
    if status < 0:
        return status
    remember(tables, BALANCE, row, account.balance)
    remember(tables, NONCE, row, u256(account.nonce))
    remember(tables, CODE, row, u256(account.code))
    remember(tables, EXISTS, row, u256(1))
    account.balance = u256(0)
    account.nonce = ZERO
    account.code = 0
    account.exists = 0
    return 0


@njit
def read_account(tables, address, version, out):
    """
    An account at a version.

    out : int64     address of ACCOUNT_SIZE_BYTES, see `account_at`

    Returns 1 if it existed, 0 if not, DISCARDED or MOVED.
    """
    row = find_account(tables, address)
    return account_at(tables, row, version, out) if row != 0 else verdict(tables, version)


@njit
def read_accounts(tables, version, cursor, out, limit):
    """
    The next accounts that existed at a version, by row.

    cursor : int64      address of the row to begin at, then the row to go on at, 0 at the end; from 1
    out : int64         address of `limit` times STREAMED_ACCOUNT_SIZE_BYTES
    limit : int64       rows to look at

    Returns how many were written, DISCARDED or MOVED.
    """
    count = 0
    row = load_int64(cursor)
    stop = min(counters_of(tables).account_count, row + limit)
    fence_acquire()
    while row < stop:
        if row >= tables.account_capacity:
            return verdict(tables, version)
        address = account_row(tables, row).address
        # Its upper eight bytes are written over by what follows.
        store_limbs(out, address)
        status = account_at(tables, row, version, out + 24)
        if status < 0:
            return status
        out += STREAMED_ACCOUNT_SIZE_BYTES * status
        count += status
        row += 1
    store_int64(cursor, 0 if row == counters_of(tables).account_count else row)
    return count
