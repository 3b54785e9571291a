"""0x30 to 0x3f, 0x47: the frame, the transaction, and other accounts."""

# mypy: allow-untyped-defs, allow-untyped-calls

from evm_jit.accounts import access_account, code_of, is_empty
from evm_jit.frame_memory import copy_gas, copy_padded, expand, size_of, stop
from evm_jit.halt_codes import RETURN_DATA_OUT_OF_BOUNDS
from primitives.kernels_cache import njit
from primitives.memory import copy_bytes, scratch
from primitives.u256 import load_big_endian
from primitives.wide_integers import u256
from statestore.table import account_row, as_tables, code_row

word_buffer = scratch(32)


@njit
def address(frame):
    """ADDRESS (0x30): of the running account."""
    return frame.address


@njit
def balance(machine, gas_left, account_word):
    """BALANCE (0x31): of an account, in wei."""
    row, cost = access_account(machine, account_word)
    if row < 0:
        return stop(machine, row), account_word
    return gas_left - cost, account_row(as_tables(machine.tables), row).balance


@njit
def origin(machine):
    """ORIGIN (0x32): who signed the transaction."""
    return machine.origin


@njit
def caller(frame):
    """CALLER (0x33): whose call this frame runs."""
    return frame.caller


@njit
def call_value(frame):
    """CALLVALUE (0x34): wei that came with the call."""
    return frame.value


@njit
def calldata_load(frame, offset_word):
    """CALLDATALOAD (0x35): 32 bytes of the calldata, zeros behind its end."""
    offset = size_of(offset_word)
    if offset + 32 <= frame.data_size:
        return load_big_endian(frame.data + offset)
    if offset >= frame.data_size:
        return u256(0)
    buffer = word_buffer()
    copy_padded(buffer, frame.data, frame.data_size, offset, 32)
    return load_big_endian(buffer)


@njit
def calldata_size(frame):
    """CALLDATASIZE (0x36): in bytes."""
    return u256(frame.data_size)


@njit
def calldata_copy(machine, frame, gas_left, target_word, source_word, size_word):
    """CALLDATACOPY (0x37): calldata to memory."""
    target, size = size_of(target_word), size_of(size_word)
    gas_left = expand(machine, frame, gas_left - copy_gas(size), target, size)
    if gas_left >= 0:
        copy_padded(frame.memory + target, frame.data, frame.data_size, size_of(source_word), size)
    return gas_left


@njit
def code_size(frame):
    """CODESIZE (0x38): of the running code, in bytes."""
    return u256(frame.code_size)


@njit
def code_copy(machine, frame, gas_left, target_word, source_word, size_word):
    """CODECOPY (0x39): the running code to memory."""
    target, size = size_of(target_word), size_of(size_word)
    gas_left = expand(machine, frame, gas_left - copy_gas(size), target, size)
    if gas_left >= 0:
        copy_padded(frame.memory + target, frame.code, frame.code_size, size_of(source_word), size)
    return gas_left


@njit
def gas_price(machine):
    """GASPRICE (0x3a): what the transaction pays for a unit of gas, in wei."""
    return machine.gas_price


@njit
def external_code_size(machine, gas_left, account_word):
    """EXTCODESIZE (0x3b): of an account's code, in bytes."""
    row, cost = access_account(machine, account_word)
    if row < 0:
        return stop(machine, row), account_word
    return gas_left - cost, u256(code_of(as_tables(machine.tables), row)[1])


@njit
def external_code_copy(machine, frame, gas_left, account_word, target_word, source_word, size_word):
    """EXTCODECOPY (0x3c): an account's code to memory."""
    row, cost = access_account(machine, account_word)
    if row < 0:
        return stop(machine, row)
    target, size = size_of(target_word), size_of(size_word)
    gas_left = expand(machine, frame, gas_left - cost - copy_gas(size), target, size)
    if gas_left >= 0:
        code, code_size = code_of(as_tables(machine.tables), row)
        copy_padded(frame.memory + target, code, code_size, size_of(source_word), size)
    return gas_left


@njit
def return_data_size(machine):
    """RETURNDATASIZE (0x3d): what the last call gave back, in bytes (EIP-211)."""
    return u256(machine.return_data_size)


@njit
def return_data_copy(machine, frame, gas_left, target_word, source_word, size_word):
    """RETURNDATACOPY (0x3e): what the last call gave back to memory; nothing lies behind its end (EIP-211)."""
    target, source, size = size_of(target_word), size_of(source_word), size_of(size_word)
    gas_left = expand(machine, frame, gas_left - copy_gas(size), target, size)
    if gas_left >= 0 and source + size > machine.return_data_size:
        return stop(machine, RETURN_DATA_OUT_OF_BOUNDS)
    if gas_left >= 0 and size > 0:
        copy_bytes(frame.memory + target, machine.return_data + source, size)
    return gas_left


@njit
def external_code_hash(machine, gas_left, account_word):
    """EXTCODEHASH (0x3f): of an account's code, 0 for an empty account (EIP-1052)."""
    row, cost = access_account(machine, account_word)
    if row < 0:
        return stop(machine, row), account_word
    tables = as_tables(machine.tables)
    account = account_row(tables, row)
    if is_empty(account):
        return gas_left - cost, u256(0)
    return gas_left - cost, code_row(tables, account.code).hash


@njit
def self_balance(machine, frame):
    """SELFBALANCE (0x47): of the running account, in wei (EIP-1884)."""
    return account_row(as_tables(machine.tables), frame.account).balance
