"""
Transactions that ran machine code, undone, repeated by the interpreter, and compared.

The journal has everything that a transaction wrote, so a repetition begins where the first run did. Of the first run
there are then its halt code and its gas, and hashes of its output, its logs, and all that its journal names: the values
before and after each write, and what it touched, in this order. What the repetition leaves is what holds.
"""

# mypy: allow-untyped-defs, allow-untyped-calls

from typing import Any

import numpy as np

from evm_jit.machine import Machine
from primitives.keccak_kernels import keccak256_at
from primitives.kernels_cache import njit
from primitives.u256 import to_limbs
from primitives.wide_integers import u256
from statestore.hash_index import hash_words
from statestore.journal import BALANCE, CODE, NONCE, STORAGE, revert
from statestore.table import account_row, as_tables, counters_of, slot_row, undo_row


@njit
def value_now(tables, kind, row):
    """The value, a U256, of what an entry of the journal is of, its kind and row int64; 0 for a mark."""
    if kind > STORAGE:
        return u256(0)
    if kind == STORAGE:
        return slot_row(tables, row).value
    account = account_row(tables, row)
    if kind == BALANCE:
        return account.balance
    if kind == NONCE:
        return u256(account.nonce)
    return u256(account.code) if kind == CODE else u256(account.exists)


@njit
def hash_of_writes(tables):
    """A hash (uint64) of all that the running transaction wrote and touched."""
    counters, hashed = counters_of(tables), np.uint64(0)
    for index in range(counters.undo_count):
        entry = undo_row(tables, index)
        hashed = hash_words(counters.hash_key, (hashed, np.uint64(entry.kind), np.uint64(entry.row)))
        for value in (entry.previous, value_now(tables, entry.kind, entry.row)):
            hashed = hash_words(counters.hash_key, (hashed, *to_limbs(value)))  # type: ignore[call-arg]
    return hashed


@njit
def hash_of_logs(result):
    """A hash, U256, of what a transaction logged."""
    return keccak256_at(result.logs, result.logs_end - result.logs)


@njit
def begin_repetition(machine, result):
    """Keep what the transaction that has just ended left, of which a RESULT tells, and undo it."""
    tables = as_tables(machine.tables)
    machine.first_halt, machine.first_gas_used = result.halt, result.gas_used
    machine.first_output = keccak256_at(result.output, result.output_size)
    machine.first_logs, machine.first_writes = hash_of_logs(result), hash_of_writes(tables)
    revert(tables, 0)
    machine.gas_used -= result.gas_used
    machine.log_top, machine.output_top = result.logs, result.output
    machine.repeats, machine.repeating = 0, 1
    machine.repetitions += 1


@njit
def end_repetition(machine, result):
    """Whether the repetition, of which a RESULT tells, left what the first run did."""
    machine.repeating = 0
    is_same = machine.first_halt == result.halt and machine.first_gas_used == result.gas_used
    is_same = is_same and machine.first_output == keccak256_at(result.output, result.output_size)
    is_same = is_same and machine.first_logs == hash_of_logs(result)
    return is_same and machine.first_writes == hash_of_writes(as_tables(machine.tables))


@njit
def put_off_repetition(machine):
    """The transaction was given up. If it begins again it is with machine code, and is repeated then."""
    if machine.repeating != 0:
        machine.repeats, machine.repeating = 1, 0


def difference(machine: Machine, result: Any) -> str:
    """In what a repetition, of which a RESULT tells, was another than the first run, as a sentence."""
    for name in ("halt", "gas_used"):
        first, second = machine[f"first_{name}"], int(result[name])
        if first != second:
            return f"{name.replace('_', ' ')} is {first}, the interpreter's {second}"
    return "its output, its logs or what it wrote is not the interpreter's"
