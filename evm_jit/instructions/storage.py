"""0x54, 0x55, 0x5c, 0x5d: storage that lasts, and storage that lasts as long as the transaction."""

# mypy: allow-untyped-defs, allow-untyped-calls

import numpy as np

from evm_jit.frame_memory import stop
from evm_jit.gas import (
    GAS_COLD_SLOAD,
    GAS_STORAGE_RESET,
    GAS_STORAGE_SENTRY,
    GAS_STORAGE_SET,
    GAS_WARM_ACCESS,
    REFUND_STORAGE_CLEAR,
    REFUND_STORAGE_CLEAR_BERLIN,
)
from evm_jit.halt_codes import WRITE_PROTECTION
from evm_jit.machine import SLOT_MEMO_COUNT, SLOT_MEMO_SIZE_BYTES, as_slot_memo
from primitives.forks import Fork
from primitives.kernels_cache import njit
from primitives.wide_integers import low_uint64
from statestore.access_list import touch_slot
from statestore.storage import intern_slot, write_slot
from statestore.table import as_tables, slot_row
from statestore.transient import read_transient, write_transient

LONDON = int(Fork.LONDON)
# A multiplicative hash: its highest bits are a place in the memo.
GOLDEN, PLACE_SHIFT = np.uint64(0x9E3779B97F4A7C15), np.uint64(65 - SLOT_MEMO_COUNT.bit_length())
assert SLOT_MEMO_COUNT.bit_count() == 1


@njit
def row_of_slot(machine, tables, account, key):
    """
    The row of a slot of the account in this row, a new one if need be, or SLOTS_FULL.

    Rows that were found last are in a memo of fixed size. An entry holds the slot's whole name, and the epoch in which
    it was made, which ends where the machine may get another state or other tables.
    """
    folded = low_uint64(key ^ (key >> 64) ^ (key >> 128) ^ (key >> 192)) + np.uint64(account)
    place = np.int64((folded * GOLDEN) >> PLACE_SHIFT)
    entry = as_slot_memo(machine.slot_memo + place * SLOT_MEMO_SIZE_BYTES)
    if entry.key == key and entry.account == account and entry.epoch == machine.slots_epoch:
        return entry.row
    row = intern_slot(tables, account, key)
    if row >= 0:
        entry.key, entry.account, entry.row, entry.epoch = key, account, row, machine.slots_epoch
    return row


@njit
def sload(machine, frame, gas_left, key):
    """SLOAD (0x54): the word stored under a key; 2,100 gas when it is cold, 100 when warm (EIP-2929)."""
    tables = as_tables(machine.tables)
    row = row_of_slot(machine, tables, frame.account, key)
    if row < 0:
        return stop(machine, row), key
    was_cold = touch_slot(tables, row)
    if was_cold < 0:
        return stop(machine, was_cold), key
    gas_left -= GAS_COLD_SLOAD if was_cold == 1 else GAS_WARM_ACCESS
    return gas_left, slot_row(tables, row).value


@njit
def refund_of(fork, original, current, value):
    """What storing a value adds to the refund, when it differs from the current one (EIP-2200, EIP-3529)."""
    refund = 0
    clear = REFUND_STORAGE_CLEAR if fork >= LONDON else REFUND_STORAGE_CLEAR_BERLIN
    if original != 0:
        if current == 0:
            refund -= clear
        elif value == 0:
            refund += clear
    if original == value:
        if original == 0:
            refund += GAS_STORAGE_SET - GAS_WARM_ACCESS
        else:
            refund += GAS_STORAGE_RESET - GAS_WARM_ACCESS
    return refund


@njit
def sstore(machine, frame, gas_left, key, value):
    """SSTORE (0x55): keep a word under a key (EIP-2200, EIP-2929, EIP-3529)."""
    if frame.is_static != 0:
        return stop(machine, WRITE_PROTECTION)
    if gas_left <= GAS_STORAGE_SENTRY:
        return -1
    tables = as_tables(machine.tables)
    row = row_of_slot(machine, tables, frame.account, key)
    if row < 0:
        return stop(machine, row)
    was_cold = touch_slot(tables, row)
    if was_cold < 0:
        return stop(machine, was_cold)
    slot = slot_row(tables, row)
    original, current = slot.original, slot.value
    if was_cold == 1:
        gas_left -= GAS_COLD_SLOAD
    if current == value or original != current:
        gas_left -= GAS_WARM_ACCESS
    else:
        gas_left -= GAS_STORAGE_SET if original == 0 else GAS_STORAGE_RESET
    if gas_left < 0 or current == value:
        return gas_left
    machine.refund += refund_of(machine.fork, original, current, value)
    status = write_slot(tables, row, value)
    return gas_left if status == 0 else stop(machine, status)


@njit
def tload(machine, frame, key):
    """TLOAD (0x5c): the word kept under a key for this transaction (EIP-1153)."""
    return read_transient(as_tables(machine.tables), frame.account, key)


@njit
def tstore(machine, frame, gas_left, key, value):
    """TSTORE (0x5d): keep a word under a key for this transaction (EIP-1153)."""
    if frame.is_static != 0:
        return stop(machine, WRITE_PROTECTION)
    status = write_transient(as_tables(machine.tables), frame.account, key, value)
    return gas_left if status == 0 else stop(machine, status)
