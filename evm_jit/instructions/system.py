"""0xf1 to 0xfa: calls; 0xf0, 0xf5: creations; 0xff: the end of an account."""

# mypy: allow-untyped-defs, allow-untyped-calls

from evm_jit.accounts import access_account, address_of, is_empty, transfer
from evm_jit.creation_address import address_of_create, address_of_create2
from evm_jit.frame_memory import expand, size_of, words_of
from evm_jit.frames import (
    deliver,
    enter,
    frame_above,
    is_collision,
    mark_start,
    push,
    set_code,
    set_init_code,
    undo,
)
from evm_jit.gas import (
    ALL_BUT_ONE_SHIFT,
    CALL_DEPTH_MAX,
    GAS_CALL_STIPEND,
    GAS_CALL_VALUE,
    GAS_COLD_ACCOUNT_ACCESS,
    GAS_INIT_CODE_PER_WORD,
    GAS_KECCAK256_PER_WORD,
    GAS_NEW_ACCOUNT,
)
from evm_jit.halt_codes import (
    FINISHED,
    INIT_CODE_TOO_LARGE,
    OUT_OF_GAS,
    RUNNING,
    SUSPENDED,
    UNSUPPORTED,
    WRITE_PROTECTION,
)
from evm_jit.machine import FRAME_SIZE_BYTES
from evm_jit.precompiles.native import (
    FAILED,
    IN_PYTHON,
    precompile_gas,
    precompile_number,
    precompile_output_room,
    run_precompile,
)
from primitives.constants import INIT_CODE_SIZE_BYTES_MAX
from primitives.forks import Fork
from primitives.kernels_cache import njit
from primitives.u256 import at_most
from primitives.wide_integers import low_uint64, u256
from statestore.access_list import mark_created, mark_destroyed, warm_account
from statestore.accounts import intern_account, write_balance, write_nonce
from statestore.code import delegation_of
from statestore.table import account_row, as_tables, counters_of

GAS_MAX = 1 << 62
NONCE_LAST = (1 << 64) - 1
SHANGHAI, CANCUN, PRAGUE = int(Fork.SHANGHAI), int(Fork.CANCUN), int(Fork.PRAGUE)


@njit
def halt_of(machine):
    """The halt code of a frame that can't pay, or for which `machine.halt` says more."""
    return machine.halt if machine.halt != 0 else OUT_OF_GAS


@njit
def call(machine, frame, gas, to, value, input_offset, input_size, output_offset, output_size):
    """CALL (0xf1): run an account's code on its own storage, with wei."""
    if frame.is_static != 0 and value != 0:
        return WRITE_PROTECTION
    row, gas_left = pay_access(machine, frame, to, input_offset, input_size, output_offset, output_size)
    if gas_left < 0:
        return row
    if value != 0:
        gas_left -= GAS_CALL_VALUE
        if is_empty(account_row(as_tables(machine.tables), row)):
            gas_left -= GAS_NEW_ACCOUNT
    return open_call(
        machine, frame, gas_left, gas, row, row, address_of(to), frame.address, value, value, frame.is_static
    )


@njit
def call_code(machine, frame, gas, to, value, input_offset, input_size, output_offset, output_size):
    """CALLCODE (0xf2): run another account's code on this one's storage, with wei to itself."""
    row, gas_left = pay_access(machine, frame, to, input_offset, input_size, output_offset, output_size)
    if gas_left < 0:
        return row
    if value != 0:
        gas_left -= GAS_CALL_VALUE
    return open_call(
        machine, frame, gas_left, gas, frame.account, row, frame.address, frame.address, value, value, frame.is_static
    )


@njit
def delegate_call(machine, frame, gas, to, input_offset, input_size, output_offset, output_size):
    """DELEGATECALL (0xf4): run another account's code as if it were this one's, for the same caller (EIP-7)."""
    row, gas_left = pay_access(machine, frame, to, input_offset, input_size, output_offset, output_size)
    if gas_left < 0:
        return row
    account, value, moved = frame.account, frame.value, u256(0)
    return open_call(
        machine, frame, gas_left, gas, account, row, frame.address, frame.caller, value, moved, frame.is_static
    )


@njit
def static_call(machine, frame, gas, to, input_offset, input_size, output_offset, output_size):
    """STATICCALL (0xfa): run an account's code, which must not change anything (EIP-214)."""
    row, gas_left = pay_access(machine, frame, to, input_offset, input_size, output_offset, output_size)
    if gas_left < 0:
        return row
    return open_call(machine, frame, gas_left, gas, row, row, address_of(to), frame.address, u256(0), u256(0), 1)


@njit
def pay_access(machine, frame, to, input_offset, input_size, output_offset, output_size):
    """
    What all calls pay for: memory for input and output, and access to the account that has the code.

    Where input and output are is left in `machine.input`, `.input_size` and the record of the frame above.

    Returns the account's row and the gas left; a halt code or status and less than 0 if the frame can't go on.
    """
    offset, size = size_of(input_offset), size_of(input_size)
    gas_left = expand(machine, frame, frame.gas_left, offset, size)
    to_offset, to_size = size_of(output_offset), size_of(output_size)
    gas_left = expand(machine, frame, gas_left, to_offset, to_size)
    if gas_left < 0:
        return halt_of(machine), -1
    row, cost = access_account(machine, to)
    if row < 0:
        return row, -1
    if gas_left < cost:
        return OUT_OF_GAS, -1
    machine.input, machine.input_size = frame.memory + offset, size
    child = frame_above(machine, frame)
    child.return_offset, child.return_size = to_offset, to_size
    return row, gas_left - cost


@njit
def open_call(machine, frame, gas_left, gas_word, account, code_account, address, caller, value, moved, is_static):
    """
    The common end of all calls: hand over gas, move wei, run a precompiled contract or open a frame.

    gas_left : of the calling frame, what the call costs taken off
    gas_word : what it offers, as on the stack
    account : row, whose storage the code works on
    code_account : row, whose code it is
    address, caller, value : as the callee sees them
    moved : wei that go from the running account to `account`
    """
    tables = as_tables(machine.tables)
    code_row_number = account_row(tables, code_account).code
    delegate = delegation_of(tables, code_row_number) if machine.fork >= PRAGUE else u256(0)
    is_delegated = delegate != 0
    if is_delegated:
        delegate_row, cost = access_account(machine, delegate)
        if delegate_row < 0:
            return delegate_row
        gas_left -= cost
        code_row_number = account_row(tables, delegate_row).code
    if gas_left < 0:
        return OUT_OF_GAS
    gas = min(at_most(gas_word, GAS_MAX), gas_left - (gas_left >> ALL_BUT_ONE_SHIFT))
    gas_left -= gas
    machine.gas_charged = gas_left
    if moved != 0:
        gas += GAS_CALL_STIPEND
    machine.return_data_size = 0
    if frame.depth + 1 > CALL_DEPTH_MAX or account_row(tables, frame.account).balance < moved:
        frame.gas_left = gas_left + gas
        push(frame, u256(0))
        return RUNNING
    frame.gas_left = gas_left
    child = frame_above(machine, frame)
    child.gas_left, child.account = gas, account
    child.is_creation, child.is_static = 0, is_static
    mark_start(machine, child)
    status = transfer(tables, frame.account, account, moved)
    if status < 0:
        return status
    if not is_delegated:
        number = precompile_number(code_address(machine, code_account), machine.fork)
        if number != 0:
            return call_precompile(machine, frame, child, number)
    if code_row_number == 0:
        frame.gas_left += gas
        push(frame, u256(1))
        return RUNNING
    set_code(machine, child, code_row_number)
    child.data, child.data_size = machine.input, machine.input_size
    child.address, child.caller, child.value = address, caller, value
    return enter(machine, child, machine.frame + FRAME_SIZE_BYTES)


@njit
def code_address(machine, row):
    """The address of an account."""
    return account_row(as_tables(machine.tables), row).address


@njit
def call_precompile(machine, frame, child, number):
    """Run a precompiled contract on `machine.input` for a call whose child frame is marked but never entered."""
    gas = precompile_gas(number, machine.fork, machine.input, machine.input_size)
    if gas < 0 or gas > child.gas_left:
        return finish_precompile(machine, frame, child, FAILED)
    child.gas_left -= gas
    room = precompile_output_room(number, machine.input, machine.input_size)
    if machine.return_data + room > machine.return_data_end:
        return UNSUPPORTED
    size = run_precompile(
        number, machine.fork, machine.input, machine.input_size, machine.return_data, machine.libsecp256k1
    )
    if size == IN_PYTHON:
        machine.contract = number
        return SUSPENDED
    return finish_precompile(machine, frame, child, size)


@njit
def finish_precompile(machine, frame, child, size):
    """End the call of a precompiled contract that gave back `size` bytes, or FAILED: all of its gas is gone."""
    if size == FAILED:
        undo(machine, child)
        machine.return_data_size = 0
        push(frame, u256(0))
        return RUNNING
    frame.gas_left += child.gas_left
    machine.return_data_size = size
    deliver(machine, frame, child.return_offset, child.return_size)
    push(frame, u256(1))
    return RUNNING


@njit
def create(machine, frame, value, offset_word, size_word):
    """CREATE (0xf0): a contract at the address that creator and nonce give."""
    return open_create(machine, frame, value, offset_word, size_word, u256(0), False)


@njit
def create2(machine, frame, value, offset_word, size_word, salt):
    """CREATE2 (0xf5): a contract at the address that creator, salt and init code give (EIP-1014)."""
    return open_create(machine, frame, value, offset_word, size_word, salt, True)


@njit
def open_create(machine, frame, value, offset_word, size_word, salt, is_create2):
    """Pay for init code, move the creator's nonce, and open a frame that runs the init code."""
    if frame.is_static != 0:
        return WRITE_PROTECTION
    offset, size = size_of(offset_word), size_of(size_word)
    if machine.fork >= SHANGHAI and size > INIT_CODE_SIZE_BYTES_MAX:
        return INIT_CODE_TOO_LARGE  # Before any gas is counted, as in geth: clients see the words.
    gas_left = expand(machine, frame, frame.gas_left, offset, size)
    if machine.fork >= SHANGHAI:
        gas_left -= GAS_INIT_CODE_PER_WORD * words_of(size)
    if is_create2:
        gas_left -= GAS_KECCAK256_PER_WORD * words_of(size)
    if gas_left < 0:
        return halt_of(machine)
    tables = as_tables(machine.tables)
    creator = account_row(tables, frame.account)
    nonce = creator.nonce
    machine.return_data_size = 0
    frame.gas_left = machine.gas_charged = gas_left
    if frame.depth + 1 > CALL_DEPTH_MAX or creator.balance < value or u256(nonce) == u256(NONCE_LAST):
        push(frame, u256(0))
        return RUNNING
    gas = gas_left - (gas_left >> ALL_BUT_ONE_SHIFT)
    frame.gas_left = gas_left - gas
    init_code = frame.memory + offset
    if is_create2:
        address = address_of_create2(frame.address, salt, init_code, size)
    else:
        address = address_of_create(frame.address, nonce)
    status = write_nonce(tables, frame.account, low_uint64(u256(nonce) + 1))
    if status < 0:
        return status
    child = frame_above(machine, frame)
    child.gas_left = gas
    status = begin_creation(machine, child, frame.account, frame.address, address, value, init_code, size)
    if status < 0:
        return status
    if status != RUNNING:
        push(frame, u256(0))
        return RUNNING
    return enter(machine, child, machine.frame + FRAME_SIZE_BYTES)


@njit
def begin_creation(machine, child, creator, creator_address, address, value, init_code, size):
    """
    Make a frame ready that runs init code at a new address, which is warm from now on.

    creator : row

    Returns RUNNING, FINISHED if the address is taken (the gas of the frame is gone), or a status.
    """
    tables = as_tables(machine.tables)
    row = intern_account(tables, address)
    if row < 0:
        return row
    status = warm_account(tables, row)
    if status < 0:
        return status
    if is_collision(machine, row):
        return FINISHED
    mark_start(machine, child)
    status = mark_created(tables, row)
    if status >= 0:
        status = write_nonce(tables, row, low_uint64(u256(1)))
    if status >= 0:
        status = transfer(tables, creator, row, value)
    if status < 0:
        return status
    child.account, child.address, child.caller, child.value = row, address, creator_address, value
    child.data, child.data_size = 0, 0
    child.is_creation, child.is_static = 1, 0
    return set_init_code(machine, child, init_code, size)


@njit
def self_destruct(machine, frame, beneficiary_word):
    """SELFDESTRUCT (0xff): all wei to another account; this one goes if it is new, before Cancun always (EIP-6780)."""
    if frame.is_static != 0:
        return WRITE_PROTECTION
    tables = as_tables(machine.tables)
    beneficiary, cost = access_account(machine, beneficiary_word)
    if beneficiary < 0:
        return beneficiary
    account = account_row(tables, frame.account)
    value = account.balance
    gas_left = frame.gas_left
    if cost == GAS_COLD_ACCOUNT_ACCESS:
        gas_left -= cost
    if value != 0 and is_empty(account_row(tables, beneficiary)):
        gas_left -= GAS_NEW_ACCOUNT
    frame.gas_left = machine.gas_charged = gas_left
    if gas_left < 0:
        return OUT_OF_GAS
    machine.output_size = 0
    status = transfer(tables, frame.account, beneficiary, value)
    if status < 0:
        return status
    if machine.fork >= CANCUN and account.created != counters_of(tables).transaction:
        return FINISHED
    status = write_balance(tables, frame.account, u256(0))
    if status == 0:
        status = min(mark_destroyed(tables, frame.account), 0)
    return FINISHED if status == 0 else status
