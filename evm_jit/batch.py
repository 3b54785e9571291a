"""
A batch of transactions in one call of compiled code, and what each left behind, as records.

The call ends with the batch, or earlier with a status; `machine.next` says with which transaction to go on:

- a status of the tables, ARENA_FULL, BLOCK_HASHES_NEEDED: what that transaction did is undone; once there is room, or
  the hashes are there, it starts again;
- SUSPENDED: its frames wait for a precompiled contract that Python runs; `resumed` says how much it gave back;
- UNSUPPORTED: it is undone, and the reference engine's;
- REFUSED: it may not enter the block; nothing has changed;
- REPEATED_OTHERWISE: the one before it has ended, and the interpreter repeated it with another result.
"""

# mypy: allow-untyped-defs, allow-untyped-calls

from typing import Final

from evm_jit.halt_codes import ARENA_FULL, COMPILATION_WANTED, REPEATED_OTHERWISE, RUNNING, SUSPENDED
from evm_jit.instructions.system import finish_precompile
from evm_jit.interpreter import interpret
from evm_jit.machine import FRAME_SIZE_BYTES, as_frame, as_machine, result_row
from evm_jit.repetition import begin_repetition, end_repetition, put_off_repetition
from evm_jit.transition import begin_transaction, finish_outermost_precompile, finish_transaction
from primitives.kernels_cache import njit
from primitives.memory import copy_bytes
from primitives.transaction_kernels import transaction_row
from statestore.accounts import intern_account
from statestore.journal import revert
from statestore.table import as_tables

DONE: Final = 0
NOT_RESUMED: Final = -3  # Nor a size, nor FAILED.
GO_ON: Final = -4  # Nothing was wanted for the frame itself.


@njit
def finish_contract(machine, size):
    """End the call of a contract that Python ran: RUNNING, or the halt code of a transaction that called it itself."""
    if machine.frame == 0:
        return finish_outermost_precompile(machine, size)
    frame, child = as_frame(machine.frame), as_frame(machine.frame + FRAME_SIZE_BYTES)
    return finish_precompile(machine, frame, child, size)


@njit
def resume(machine, size):
    """Go on, after a contract that Python ran gave back `size` bytes, or FAILED, or GO_ON. A halt code, or a status."""
    if size == GO_ON:
        return interpret(machine)
    halt = finish_contract(machine, size)
    return interpret(machine) if halt == RUNNING else halt


@njit
def begin_one(machine_address, transactions, index, count):
    """Begin one transaction of a batch (int64, as below), to be executed step by step: RUNNING, or what ends it."""
    machine = as_machine(machine_address)
    machine.coinbase_account = intern_account(as_tables(machine.tables), machine.coinbase)
    if machine.coinbase_account < 0:
        return machine.coinbase_account
    return begin_transaction(machine, transaction_row(transactions, index, count))


@njit
def end_one(machine_address, transactions, results, index, count, halt):
    """End one transaction that was executed step by step (int64, as below): DONE or a status."""
    machine = as_machine(machine_address)
    transaction, result = transaction_row(transactions, index, count), result_row(results, index, count)
    return end_transaction(machine, transaction, result, halt)


@njit
def write_result(machine, result, halt, used):
    """Keep what a transaction left behind. 0, or ARENA_FULL."""
    if machine.output_top + machine.output_size > machine.outputs_end:
        return ARENA_FULL
    machine.gas_used += used
    result.halt, result.gas_used, result.cumulative_gas_used = halt, used, machine.gas_used
    result.gas_price = machine.gas_price
    result.logs, result.logs_end = machine.log_start, machine.log_top
    result.output, result.output_size = machine.output_top, machine.output_size
    copy_bytes(machine.output_top, machine.output, machine.output_size)
    machine.output_top += (machine.output_size + 7) & ~7
    result.halt_opcode = machine.halt_opcode
    result.halt_height, result.halt_needed = machine.halt_height, machine.halt_needed
    return DONE


@njit
def give_up(machine, status):
    """Undo all that the running transaction did."""
    revert(as_tables(machine.tables), 0)
    machine.log_top = machine.log_start
    return status


@njit
def end_transaction(machine, transaction, result, halt):
    """What follows the outermost frame, or what made it stop: DONE or a status."""
    if halt in (SUSPENDED, COMPILATION_WANTED):
        return halt
    if halt < 0:
        return give_up(machine, halt)
    used = finish_transaction(machine, transaction)
    if used < 0:
        return give_up(machine, used)
    status = write_result(machine, result, halt, used)
    return status if status == DONE else give_up(machine, status)


@njit
def execute_batch(machine_address, transactions, results, count, resumed):
    """
    Execute the transactions from `machine.next` on.

    machine_address : int64
    transactions : int64    address of the decoded transactions
    results : int64         address of RESULT[count]
    resumed : int64         what a precompiled contract gave back to the transaction that waits, or NOT_RESUMED

    Returns DONE, or a status.
    """
    machine = as_machine(machine_address)
    machine.coinbase_account = intern_account(as_tables(machine.tables), machine.coinbase)
    if machine.coinbase_account < 0:
        return machine.coinbase_account
    while machine.next < count:
        transaction = transaction_row(transactions, machine.next, count)
        result = result_row(results, machine.next, count)
        if resumed != NOT_RESUMED:
            halt = resume(machine, resumed)
            resumed = NOT_RESUMED
        else:
            halt = begin_transaction(machine, transaction)
            if halt == RUNNING:
                halt = interpret(machine)
        status = end_transaction(machine, transaction, result, halt)
        if status != DONE:
            if status not in (SUSPENDED, COMPILATION_WANTED):
                put_off_repetition(machine)
            return status
        if machine.repeats != 0:
            begin_repetition(machine, result)
            continue
        machine.next += 1
        if machine.repeating != 0 and not end_repetition(machine, result):
            return REPEATED_OTHERWISE
    return DONE
