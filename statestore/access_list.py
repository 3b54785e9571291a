"""
What the running transaction has touched: accounts and slots that are warm, accounts that it created or destroyed.

Each mark is the number of the transaction, in the record; so all marks of a transaction are gone when the next one
begins. A mark made in a frame that is reverted goes with it (EIP-2929): each has its entry in the journal.

A mark is made once; the answer is 1 if it is new, 0 if it was there, UNDO_FULL with nothing done.
"""

# mypy: allow-untyped-defs, allow-untyped-calls

from primitives.kernels_cache import njit
from statestore.journal import CREATED, DESTROYED, TOUCHED, WARM_ACCOUNT, WARM_SLOT, remember_mark
from statestore.table import account_row, counters_of, slot_row


@njit
def warm_account(tables, row):
    """Make an account warm (EIP-2929)."""
    account, transaction = account_row(tables, row), counters_of(tables).transaction
    if account.warm == transaction:
        return 0
    status = remember_mark(tables, WARM_ACCOUNT, row)
    if status < 0:
        return status
    account.warm = transaction
    return 1


@njit
def touch_slot(tables, row):
    """Make a slot warm (EIP-2929), and keep its value at the beginning of the transaction as the original one."""
    slot, transaction = slot_row(tables, row), counters_of(tables).transaction
    if slot.transaction == transaction:
        return 0
    status = remember_mark(tables, WARM_SLOT, row)
    if status < 0:
        return status
    slot.original = slot.value
    slot.transaction = transaction
    return 1


@njit
def mark_created(tables, row):
    """Note that the transaction created an account (EIP-6780)."""
    account, transaction = account_row(tables, row), counters_of(tables).transaction
    if account.created == transaction:
        return 0
    status = remember_mark(tables, CREATED, row)
    if status < 0:
        return status
    account.created = transaction
    return 1


@njit
def mark_destroyed(tables, row):
    """Note that an account destroyed itself, to be removed at the end of the transaction."""
    account, counters = account_row(tables, row), counters_of(tables)
    if account.destroyed == counters.transaction:
        return 0
    status = remember_mark(tables, DESTROYED, row)
    if status < 0:
        return status
    account.destroyed = counters.transaction
    counters.destroyed_count += 1
    return 1


@njit
def mark_touched(tables, row):
    """Note that an empty account that exists was touched, to be removed at the end of the transaction (EIP-161)."""
    account, counters = account_row(tables, row), counters_of(tables)
    if account.touched == counters.transaction:
        return 0
    status = remember_mark(tables, TOUCHED, row)
    if status < 0:
        return status
    account.touched = counters.transaction
    counters.touched_count += 1
    return 1
