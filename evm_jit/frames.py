"""
Frames: opened for calls and creations, left with what they did kept or undone.

There is no recursion: a frame that calls another is behind it in the machine's array, and `machine.frame` says which
one runs. Whoever opens a frame has filled what is said of `prepare_frame`.
"""

# mypy: allow-untyped-defs, allow-untyped-calls

from evm_jit.gas import CODE_SIZE_BYTES_MAX, GAS_CODE_DEPOSIT_PER_BYTE
from evm_jit.halt_codes import (
    CODE_DEPOSIT_OUT_OF_GAS,
    CODE_RESERVED,
    CODE_TOO_LARGE,
    FINISHED,
    REVERTED,
    RUNNING,
    UNSUPPORTED,
)
from evm_jit.machine import FRAME_SIZE_BYTES, NEVER, as_frame
from evm_jit.threaded_cache import entry_of, forget_all, heat, threaded_code_of
from evm_jit.tiers import count_heat, end_of_slice, use_machine_code
from primitives.forks import Fork
from primitives.keccak_kernels import keccak256_at
from primitives.kernels_cache import njit
from primitives.memory import clear_bytes, copy_bytes, load_byte, load_int64
from primitives.records import address_of
from primitives.u256 import store_limbs
from primitives.wide_integers import u256
from statestore.accounts import write_code
from statestore.code import intern_code
from statestore.journal import revert, snapshot
from statestore.jump_destinations import bitmap_size, mark_jump_destinations
from statestore.table import account_row, as_tables, code_row

CODE_PADDING_BYTES = 40  # A cut-off PUSH32 reads 32 bytes of zeros, and a STOP must follow.
MEMORY_ALIGNMENT = 64
RESERVED_FIRST_BYTE = 0xEF  # EIP-3541
LONDON = int(Fork.LONDON)


@njit
def aligned(address):
    """The next address (int64) that a cache line begins at."""
    return (address + (MEMORY_ALIGNMENT - 1)) & ~(MEMORY_ALIGNMENT - 1)


@njit
def mark_start(machine, frame):
    """Remember what the end of a frame goes back to if what it did is undone."""
    frame.snapshot = snapshot(as_tables(machine.tables))
    frame.log_top = machine.log_top
    frame.refund = machine.refund


@njit
def undo(machine, frame):
    """Undo what a frame did."""
    revert(as_tables(machine.tables), frame.snapshot)
    machine.log_top = frame.log_top
    machine.refund = frame.refund


@njit
def frame_above(machine, frame):
    """The record of the frame that `frame` opens: its stack and memory begin where those of `frame` end."""
    child = as_frame(machine.frame + FRAME_SIZE_BYTES)
    child.stack = frame.top
    child.memory = aligned(frame.memory + frame.memory_size)
    child.depth = frame.depth + 1
    return child


@njit
def enter(machine, frame, address):
    """Let a frame run, whose code, calldata and gas are set."""
    frame.pc = load_int64(frame.threaded) if frame.threaded != 0 else frame.code
    frame.gas_start = frame.gas_left
    frame.gas_counted, frame.look = 0, end_of_slice(frame.gas_left)
    frame.top = frame.stack
    frame.memory_size = 0
    machine.frame = address
    machine.return_data_size = 0
    return RUNNING


@njit
def set_code(machine, frame, code_row_number):
    """Have a frame run a code of the state."""
    tables = as_tables(machine.tables)
    code = code_row(tables, code_row_number)
    frame.code = tables.code_bytes + code.offset
    frame.code_size = code.size_bytes
    frame.jump_destinations = tables.code_bytes + code.jump_destinations
    frame.code_row = code_row_number
    tier = use_machine_code(machine, frame)
    frame.threaded, frame.entry = 0, 0
    if machine.translates != NEVER and frame.compiled == 0 and tier.heat <= machine.heat_max:
        if machine.threaded_is_full != 0 and frame.depth == 0:
            forget_all(machine)
        entry = entry_of(machine, code.hash)
        frame.threaded = threaded_code_of(machine, entry, frame.code, frame.code_size, frame.jump_destinations)
        frame.entry = address_of(entry)


@njit
def set_init_code(machine, frame, source, size):
    """Have a frame run init code: a copy of it, with zeros behind it and its jump destinations, below its memory."""
    code = frame.memory
    bitmap = aligned(code + size + CODE_PADDING_BYTES)
    end = bitmap + bitmap_size(size)
    if end > machine.memory_end:
        return UNSUPPORTED
    copy_bytes(code, source, size)
    clear_bytes(code + size, CODE_PADDING_BYTES)
    mark_jump_destinations(code, size, bitmap)
    frame.code, frame.code_size, frame.jump_destinations = code, size, bitmap
    frame.code_row, frame.compiled = -1, 0
    frame.memory = aligned(end)
    frame.threaded, frame.entry = 0, 0
    return RUNNING


@njit
def deposit_code(machine, frame):
    """The end of a creation: its output becomes the account's code (EIP-170, EIP-3541). A halt code, or a status."""
    size, output = machine.output_size, machine.output
    if size == 0:
        return FINISHED
    if load_byte(output) == RESERVED_FIRST_BYTE and machine.fork >= LONDON:
        return CODE_RESERVED
    if size > CODE_SIZE_BYTES_MAX:
        return CODE_TOO_LARGE
    if GAS_CODE_DEPOSIT_PER_BYTE * size > frame.gas_left:
        return CODE_DEPOSIT_OUT_OF_GAS
    frame.gas_left -= GAS_CODE_DEPOSIT_PER_BYTE * size
    tables = as_tables(machine.tables)
    row = intern_code(tables, keccak256_at(output, size), output, size)
    if row < 0:
        return row
    status = write_code(tables, frame.account, row)
    return status if status < 0 else FINISHED


@njit
def end_frame(machine, frame, halt):
    """
    Undo a frame if it must be, and settle its gas and output.

    frame.gas_left : is what goes back to the caller afterwards
    machine.output, .output_size : of FINISHED and REVERTED frames

    Returns the halt code, which the end of a creation may change, or a status.
    """
    if halt == FINISHED and frame.is_creation != 0:
        halt = deposit_code(machine, frame)
        if halt < 0:
            return halt
        if halt == FINISHED and frame.depth > 0:
            machine.output_size = 0
    if halt != FINISHED:
        undo(machine, frame)
        if halt != REVERTED:
            frame.gas_left = 0
            machine.output_size = 0
    return halt


@njit
def leave_frame(machine, halt):
    """
    End the running frame, and go on in the one that opened it.

    Returns RUNNING, the halt code of the outermost frame, or a status.
    """
    frame = as_frame(machine.frame)
    machine.last_halt = halt
    halt = end_frame(machine, frame, halt)
    machine.halt = 0
    used = frame.gas_start - frame.gas_left
    heat(frame, used)
    if frame.threaded != 0:
        count_heat(machine, frame, used)
    if halt < 0 or frame.depth == 0:
        return halt
    caller = as_frame(machine.frame - FRAME_SIZE_BYTES)
    machine.frame -= FRAME_SIZE_BYTES
    caller.gas_left += frame.gas_left
    caller.gas_start -= used
    if machine.return_data + machine.output_size > machine.return_data_end:
        return UNSUPPORTED
    copy_bytes(machine.return_data, machine.output, machine.output_size)
    machine.return_data_size = machine.output_size
    if frame.is_creation != 0:
        push(caller, frame.address if halt == FINISHED else u256(0))
    else:
        deliver(machine, caller, frame.return_offset, frame.return_size)
        push(caller, u256(halt == FINISHED))
    return RUNNING


@njit
def deliver(machine, caller, offset, size):
    """Copy what a call gave back to where its caller wanted it, which is in its memory already."""
    size = min(size, machine.return_data_size)
    if size > 0:
        copy_bytes(caller.memory + offset, machine.return_data, size)


@njit
def push(frame, word):
    """Put a word on the stack of a frame that does not run right now; a call has taken more words than that."""
    store_limbs(frame.top, word)
    frame.top += 32


@njit
def is_collision(machine, row):
    """Whether no contract can be created here: there is code, or a nonce, or storage (EIP-684, EIP-7610)."""
    account = account_row(as_tables(machine.tables), row)
    return account.code != 0 or u256(account.nonce) != 0 or account.filled_slots != 0
