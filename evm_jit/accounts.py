"""Accounts as instructions meet them: found by the word that names them, cold or warm, empty or not, with code."""

# mypy: allow-untyped-defs, allow-untyped-calls

from evm_jit.gas import GAS_COLD_ACCOUNT_ACCESS, GAS_WARM_ACCESS
from evm_jit.precompiles.native import precompile_number
from primitives.kernels_cache import njit
from primitives.wide_integers import u256
from statestore.access_list import mark_touched, warm_account
from statestore.accounts import intern_account, write_balance
from statestore.table import account_row, as_tables, code_row

ADDRESS_BITS = 160


@njit
def address_of(word):
    """The address that a word names: its lowest 160 bits."""
    return (word << (256 - ADDRESS_BITS)) >> (256 - ADDRESS_BITS)


@njit
def access_account(machine, word):
    """
    The account that a word names, which is warm from now on.

    Returns its row, or a status below 0; and what the access costs (EIP-2929).
    """
    tables = as_tables(machine.tables)
    row = intern_account(tables, address_of(word))
    if row < 0:
        return row, 0
    was_cold = warm_account(tables, row)
    if was_cold < 0:
        return was_cold, 0
    if was_cold == 0 or precompile_number(address_of(word), machine.fork) != 0:
        return row, GAS_WARM_ACCESS  # Precompiled contracts are warm from the start.
    return row, GAS_COLD_ACCOUNT_ACCESS


@njit
def is_empty(account):
    """Whether a record has no nonce, no balance and no code (EIP-161)."""
    return account.code == 0 and account.balance == 0 and u256(account.nonce) == 0


@njit
def transfer(tables, sender, receiver, value):
    """
    Move wei from one account to another, both named by rows; the sender has it.

    Even nothing touches the receiver: if it is empty it goes at the end of the transaction (EIP-161). 0 or a status.
    """
    if value == 0:
        return touch(tables, receiver)
    if sender == receiver:
        return 0
    status = write_balance(tables, sender, account_row(tables, sender).balance - value)
    if status == 0:
        status = write_balance(tables, receiver, account_row(tables, receiver).balance + value)
    return status


@njit
def touch(tables, row):
    """Have an account go at the end of the transaction if it exists and is empty then (EIP-161). 0 or a status."""
    account = account_row(tables, row)
    if account.exists != 0 and is_empty(account):
        return min(mark_touched(tables, row), 0)
    return 0


@njit
def code_of(tables, row):
    """The code of an account: address, size."""
    code = code_row(tables, account_row(tables, row).code)
    return tables.code_bytes + code.offset, code.size_bytes
