"""
One transaction in compiled code, around its frames (Yellow Paper, section 6):

1. checks, all before the first change (`evm_jit.entry_checks`);
2. the sender pays for all its gas and blobs, its nonce moves;
3. delegations of a set-code transaction are written (EIP-7702), the warm set is filled;
4. the outermost frame is opened; the interpreter runs it;
5. gas left and refunds go back, the priority fee goes to the coinbase;
6. accounts that destroyed themselves, and empty ones that were touched (EIP-161), are removed.
"""

# mypy: allow-untyped-defs, allow-untyped-calls

from evm_jit.accounts import access_account, touch, transfer
from evm_jit.creation_address import address_of_create
from evm_jit.delegations import write_delegations
from evm_jit.entry_checks import intrinsic_gas, may_enter
from evm_jit.frames import enter, mark_start, set_code, undo
from evm_jit.gas import (
    REFUND_QUOTIENT,
    REFUND_QUOTIENT_BERLIN,
    REFUND_SELF_DESTRUCT_BERLIN,
)
from evm_jit.halt_codes import (
    COLLISION,
    FINISHED,
    OUT_OF_GAS,
    PRECOMPILE_FAILED,
    REFUSED,
    SUSPENDED,
    UNSUPPORTED,
)
from evm_jit.instructions.system import begin_creation
from evm_jit.machine import FRAME_ONLY, TRANSACTION, as_frame
from evm_jit.precompiles.native import (
    FAILED,
    IN_PYTHON,
    precompile_gas,
    precompile_number,
    precompile_output_room,
    run_precompile,
)
from primitives.forks import Fork
from primitives.kernels_cache import njit
from primitives.transaction_kernels import HASH_STRIDE, access_list_entry, storage_key
from primitives.validity import GAS_PER_BLOB
from primitives.wide_integers import low_uint64, u256
from statestore.access_list import touch_slot, warm_account
from statestore.accounts import intern_account, remove_account, write_balance, write_nonce
from statestore.code import delegation_of
from statestore.journal import DESTROYED, TOUCHED
from statestore.journal import begin_transaction as forget_journal
from statestore.storage import clear_new_storage, clear_storage, intern_slot
from statestore.table import account_row, as_tables, counters_of, undo_row

LONDON, SHANGHAI, PRAGUE = int(Fork.LONDON), int(Fork.SHANGHAI), int(Fork.PRAGUE)


@njit
def begin_transaction(machine, transaction):
    """
    Steps 1 to 4.

    Returns RUNNING with a frame open, the halt code of a transaction that needs none, REFUSED, or a status: then what
    was done is to be undone.
    """
    tables = as_tables(machine.tables)
    forget_journal(tables)
    machine.refund, machine.return_data_size, machine.output_size, machine.halt = 0, 0, 0, 0
    machine.log_start = machine.log_top
    sender = intern_account(tables, transaction.sender)
    if sender < 0:
        return sender
    if machine.mode == TRANSACTION:
        if not may_enter(machine, transaction, account_row(tables, sender)):
            return REFUSED
    else:
        price_call(machine, transaction)
    status = pay(machine, transaction, sender)
    if status < 0:
        return status
    status = write_delegations(machine, transaction)
    if status < 0:
        return status
    status = fill_warm_set(machine, transaction, sender)
    if status < 0:
        return status
    return open_outermost(machine, transaction, sender)


@njit
def effective_gas_price(machine, transaction):
    """What the transaction pays for a unit of gas, in wei (EIP-1559)."""
    if machine.fork < LONDON:
        return transaction.max_fee
    price = machine.base_fee + transaction.max_priority_fee
    return price if price < transaction.max_fee and price >= machine.base_fee else transaction.max_fee


@njit
def price_call(machine, transaction):
    """What is charged around the frame of a call that nobody signed."""
    gas, floor = intrinsic_gas(machine, transaction)
    if machine.mode == FRAME_ONLY:
        gas, floor = 0, 0
    machine.intrinsic_gas, machine.floor_gas = gas, floor


@njit
def pay(machine, transaction, sender):
    """The sender, named by its row, pays for all the gas and blobs, and its nonce moves. 0 or a status."""
    tables = as_tables(machine.tables)
    price = effective_gas_price(machine, transaction)
    machine.gas_price, machine.origin = price, transaction.sender
    machine.blob_hashes, machine.blob_hash_count = transaction.blob_hashes, transaction.blob_hash_count
    if machine.mode == FRAME_ONLY and transaction.is_creation == 0:
        return 0
    status = write_nonce(tables, sender, low_uint64(u256(transaction.nonce) + 1))
    if status < 0 or machine.mode == FRAME_ONLY:
        return status
    cost = price * u256(transaction.gas_limit)
    if machine.mode == TRANSACTION and transaction.blob_hash_count > 0:
        cost += machine.blob_base_fee * u256(transaction.blob_hash_count * GAS_PER_BLOB)
    return write_balance(tables, sender, account_row(tables, sender).balance - cost)


@njit
def fill_warm_set(machine, transaction, sender):
    """Accounts and slots that are warm from the start (EIP-2929, EIP-2930, EIP-3651). 0 or a status."""
    tables = as_tables(machine.tables)
    status = warm_account(tables, sender)
    if status >= 0 and machine.fork >= SHANGHAI:
        status = warm_account(tables, machine.coinbase_account)
    if status < 0 or transaction.access_list_size == 0:
        return min(status, 0)
    at, end = transaction.access_list, transaction.access_list + transaction.access_list_size
    while at < end:
        address, keys, keys_end = access_list_entry(at)
        account = intern_account(tables, address)
        if account < 0:
            return account
        status = warm_account(tables, account)
        while keys < keys_end and status >= 0:
            slot = intern_slot(tables, account, storage_key(keys))
            if slot < 0:
                return slot
            status = touch_slot(tables, slot)
            keys += HASH_STRIDE
        if status < 0:
            return status
        at = keys_end
    return 0


@njit
def open_outermost(machine, transaction, sender):
    """Step 4: what `begin_transaction` says."""
    frame = as_frame(machine.frames)
    machine.frame = machine.frames
    frame.stack, frame.memory = machine.stack, machine.memory
    frame.depth, frame.is_static, frame.is_creation = 0, 0, 0
    frame.gas_left = transaction.gas_limit - machine.intrinsic_gas
    if transaction.is_creation != 0:
        address = address_of_create(transaction.sender, transaction.nonce)
        status = begin_creation(
            machine,
            frame,
            sender,
            transaction.sender,
            address,
            transaction.value,
            transaction.data,
            transaction.data_size,
        )
        if status == FINISHED:
            frame.gas_left = 0
            return COLLISION
        return status if status < 0 else enter(machine, frame, machine.frames)
    return open_message(machine, frame, transaction, sender)


@njit
def open_message(machine, frame, transaction, sender):
    """Open the outermost frame of a transaction that calls an account, or run the precompiled contract there."""
    tables = as_tables(machine.tables)
    target = intern_account(tables, transaction.to)
    if target < 0:
        return target
    status = warm_account(tables, target)
    if status < 0:
        return status
    code = account_row(tables, target).code
    delegate = delegation_of(tables, code) if machine.fork >= PRAGUE else u256(0)
    if delegate != 0:
        row, _ = access_account(machine, delegate)
        if row < 0:
            return row
        code = account_row(tables, row).code
    mark_start(machine, frame)
    status = transfer(tables, sender, target, transaction.value)
    if status < 0:
        return status
    frame.data, frame.data_size = transaction.data, transaction.data_size
    if delegate == 0:
        number = precompile_number(transaction.to, machine.fork)
        if number != 0:
            return call_outermost_precompile(machine, frame, number)
    if code == 0:
        return FINISHED
    frame.account = target
    frame.address, frame.caller, frame.value = transaction.to, transaction.sender, transaction.value
    set_code(machine, frame, code)
    return enter(machine, frame, machine.frames)


@njit
def call_outermost_precompile(machine, frame, number):
    """Run a precompiled contract that the transaction itself calls. A halt code, or SUSPENDED."""
    gas = precompile_gas(number, machine.fork, frame.data, frame.data_size)
    machine.contract, machine.input, machine.input_size = number, frame.data, frame.data_size
    if gas < 0 or gas > frame.gas_left:
        halt = finish_outermost_precompile(machine, FAILED)
        return halt if gas < 0 else OUT_OF_GAS
    if machine.return_data + precompile_output_room(number, frame.data, frame.data_size) > machine.return_data_end:
        return UNSUPPORTED
    frame.gas_left -= gas
    size = run_precompile(number, machine.fork, frame.data, frame.data_size, machine.return_data, machine.libsecp256k1)
    if size == IN_PYTHON:
        machine.frame = 0  # No frame runs: what goes on afterwards is the transaction.
        return SUSPENDED
    return finish_outermost_precompile(machine, size)


@njit
def finish_outermost_precompile(machine, size):
    """The halt code of a transaction whose precompiled contract gave back `size` bytes, or FAILED."""
    frame = as_frame(machine.frames)
    if size == FAILED:
        undo(machine, frame)
        frame.gas_left = 0
        return PRECOMPILE_FAILED
    machine.output, machine.output_size = machine.return_data, size
    return FINISHED


@njit
def finish_transaction(machine, transaction):
    """Steps 5 and 6; the outermost frame has ended. Returns the gas used, or a status."""
    tables = as_tables(machine.tables)
    used = transaction.gas_limit - as_frame(machine.frames).gas_left
    if machine.mode != FRAME_ONLY:
        used = settle(machine, transaction, used)
        if used < 0:
            return used
    counters = counters_of(tables)
    if counters.destroyed_count + counters.touched_count > 0:
        status = remove_marked_accounts(machine)
        if status < 0:
            return status
    return used


@njit
def settle(machine, transaction, used):
    """Step 5. Returns the gas used after refunds, or a status."""
    tables = as_tables(machine.tables)
    refund, quotient = machine.refund, REFUND_QUOTIENT
    if machine.fork < LONDON:
        refund += REFUND_SELF_DESTRUCT_BERLIN * counters_of(tables).destroyed_count
        quotient = REFUND_QUOTIENT_BERLIN
    used = max(used - min(refund, used // quotient), machine.floor_gas)
    sender = intern_account(tables, transaction.sender)
    balance = account_row(tables, sender).balance + machine.gas_price * u256(transaction.gas_limit - used)
    status = write_balance(tables, sender, balance)
    if status < 0:
        return status
    status = pay_coinbase(machine, used)
    return status if status < 0 else used


@njit
def pay_coinbase(machine, used):
    """The coinbase gets the priority fee; also by one of 0 it is touched. 0 or a status."""
    tables = as_tables(machine.tables)
    tip = machine.gas_price - machine.base_fee if machine.fork >= LONDON else machine.gas_price
    fee = tip * u256(used)
    if fee == 0:
        return touch(tables, machine.coinbase_account)
    account = account_row(tables, machine.coinbase_account)
    return write_balance(tables, machine.coinbase_account, account.balance + fee)


@njit
def remove_marked_accounts(machine):
    """Step 6; the marks are in the journal. 0 or a status."""
    tables = as_tables(machine.tables)
    for index in range(counters_of(tables).undo_count):
        entry = undo_row(tables, index)
        status = 0
        if entry.kind == DESTROYED:
            status = remove_destroyed(tables, entry.row)
        elif entry.kind == TOUCHED:
            account = account_row(tables, entry.row)
            if account.code == 0 and account.balance == 0 and u256(account.nonce) == 0:
                status = remove_account(tables, entry.row)
        if status < 0:
            return status
    return 0


@njit
def remove_destroyed(tables, row):
    """Remove an account that destroyed itself, with its storage. 0 or a status."""
    if account_row(tables, row).created == counters_of(tables).transaction:
        status = clear_new_storage(tables, row)
    else:
        status = clear_storage(tables, row)
    return status if status < 0 else remove_account(tables, row)
