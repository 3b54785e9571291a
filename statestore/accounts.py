"""
Accounts by address: find, intern, write.

Fields of an account that does not exist are zero. A kernel that writes checks every capacity first and is called
again, as it was, after the table that it names has grown.
"""

# mypy: allow-untyped-defs, allow-untyped-calls

import numpy as np

from primitives.kernels_cache import njit
from statestore.hash_index import ONE, ROW_MASK, ZERO, hash_words, place
from statestore.journal import BALANCE, CODE, EXISTS, NONCE, remember, remember_number, undo_room
from statestore.memory_order import fence_acquire
from statestore.table import ACCOUNTS_FULL
from statestore.versions import account_at, first_version, keep_account, verdict


@njit
def account_key(account):
    """The address of a record: tuple of three uint64."""
    return account.address[0], account.address[1], account.address[2]


@njit
def balance_of(account):
    """The balance of a record: tuple of four uint64."""
    return account.balance[0], account.balance[1], account.balance[2], account.balance[3]


@njit
def find_account(tables, address):
    """
    The row of an account, 0 if it never had one.

    address : tuple of three uint64
    """
    hashed = hash_words(tables.counters[0].hash_key, address)
    mask = np.uint64(len(tables.account_index)) - ONE
    position = hashed & mask
    while True:
        entry = tables.account_index[position]
        if entry == ZERO:
            return 0
        if (entry ^ hashed) & ~ROW_MASK == ZERO:
            fence_acquire()
            row = np.int64(entry & ROW_MASK)
            if row < len(tables.accounts) and account_key(tables.accounts[row]) == address:
                return row
        position = (position + ONE) & mask


@njit
def intern_account(tables, address):
    """The row of an account, a new one if need be; ACCOUNTS_FULL if there is no room."""
    row = find_account(tables, address)
    if row != 0:
        return row
    counters = tables.counters[0]
    row = counters.account_count
    if row == len(tables.accounts):
        return ACCOUNTS_FULL
    account = tables.accounts[row]
    for limb in range(3):
        account.address[limb] = address[limb]
    account.version = first_version(tables)
    place(tables.account_index, hash_words(counters.hash_key, address), row)
    counters.account_count = row + 1
    return row


@njit
def index_accounts(tables):
    """Fill the empty index of a table that has grown."""
    counters = tables.counters[0]
    for row in range(1, counters.account_count):
        place(tables.account_index, hash_words(counters.hash_key, account_key(tables.accounts[row])), row)
    return 0


@njit
def open_account(tables, row):
    """Make an account ready for one write: room in the journal, its value at the last seal kept. 0 or a status."""
    status = undo_room(tables)
    return status if status < 0 else keep_account(tables, row)


@njit
def touch(tables, address):
    """Create the account, empty, if it does not exist. Returns its row, or a status."""
    row = intern_account(tables, address)
    if row < 0 or tables.accounts[row].exists != 0:
        return row
    status = open_account(tables, row)
    if status < 0:
        return status
    remember_number(tables, EXISTS, row, ZERO)
    tables.accounts[row].exists = 1
    return row


@njit
def write_balance(tables, row, balance):
    """Replace the balance, a tuple of four uint64, of an account that exists. 0 or a status."""
    account = tables.accounts[row]
    if balance_of(account) == balance:
        return 0
    status = open_account(tables, row)
    if status < 0:
        return status
    remember(tables, BALANCE, row, balance_of(account))
    for limb in range(4):
        account.balance[limb] = balance[limb]
    return 0


@njit
def write_nonce(tables, row, nonce):
    """Replace the nonce, a uint64, of an account that exists. 0 or a status."""
    account = tables.accounts[row]
    if account.nonce == nonce:
        return 0
    status = open_account(tables, row)
    if status < 0:
        return status
    remember_number(tables, NONCE, row, account.nonce)
    account.nonce = nonce
    return 0


@njit
def write_code(tables, row, code):
    """Replace the code of an account that exists by a row of the codes. 0 or a status."""
    account = tables.accounts[row]
    if account.code == code:
        return 0
    status = open_account(tables, row)
    if status < 0:
        return status
    remember_number(tables, CODE, row, np.uint64(account.code))
    account.code = code
    return 0


@njit
def remove_account(tables, row):
    """Make an account, whose storage is clear, not exist. 0 or a status."""
    account = tables.accounts[row]
    if account.exists == 0:
        return 0
    status = open_account(tables, row)
    if status < 0:
        return status
    remember(tables, BALANCE, row, balance_of(account))
    remember_number(tables, NONCE, row, account.nonce)
    remember_number(tables, CODE, row, np.uint64(account.code))
    remember_number(tables, EXISTS, row, np.uint64(account.exists))
    for limb in range(4):
        account.balance[limb] = ZERO
    account.nonce = ZERO
    account.code = 0
    account.exists = 0
    return 0


@njit
def read_account(tables, address, version, out):
    """
    An account at a version.

    out : uint64[ACCOUNT_WORDS]     see account_at

    Returns 1 if it existed, 0 if not, DISCARDED or MOVED.
    """
    row = find_account(tables, address)
    return account_at(tables, row, version, out, 0) if row != 0 else verdict(tables, version)


@njit
def read_accounts(tables, version, cursor, out, limit):
    """
    The next accounts that existed at a version, by row.

    cursor : int64[1]       the row to begin at, then the row to go on at, 0 at the end; from 1
    out : uint64[limit, 3 + ACCOUNT_WORDS]      address, then see account_at
    limit : int64           rows to look at

    Returns how many were written, DISCARDED or MOVED.
    """
    count = 0
    row = cursor[0]
    stop = min(tables.counters[0].account_count, row + limit)
    fence_acquire()
    while row < stop:
        if row >= len(tables.accounts):
            return verdict(tables, version)
        status = account_at(tables, row, version, out[count], 3)
        if status < 0:
            return status
        if status == 1:
            for limb in range(3):
                out[count, limb] = tables.accounts[row].address[limb]
            count += 1
        row += 1
    cursor[0] = 0 if row == tables.counters[0].account_count else row
    return count
