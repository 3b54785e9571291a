"""What cells of threaded code do that bytecode does in another way, or in several instructions."""

# mypy: allow-untyped-defs, allow-untyped-calls

from evm_jit.halt_codes import INVALID_JUMP
from primitives.kernels_cache import njit
from primitives.memory import load_int64, load_uint32
from primitives.u256 import load_limbs, store_limbs
from primitives.wide_integers import low_int64, u256

HEADER_SIZE_BYTES = 16


@njit
def pay_block(frame, begin, gas_left, top):
    """
    The gas left behind the BEGIN at an address; below 0 if its block can't be paid, the stack does not do, or it is
    time to look for machine code.
    """
    cell, height = load_int64(begin), (top - frame.stack) >> 5
    if height < (cell >> 16) & 0x7FF or height >= (cell >> 27) & 0x7FF:
        return -1
    left = gas_left - (cell >> 38)
    return left if left >= frame.look else -1


@njit
def keep_frame(frame, pc, gas_left, end):
    """Keep where a frame is that ends, or opens another."""
    frame.pc, frame.gas_left, frame.top = pc, gas_left, end


@njit
def duplicate_from(top, operand):
    """DUP1 to DUP16: a copy of the word that is so many bytes below the stack's end."""
    store_limbs(top, load_limbs(top - operand))


@njit
def swap_with(top, operand):
    """SWAP1 to SWAP16: the topmost word and the one so many bytes below it change places."""
    upper = top - 32
    lower = upper - operand
    word = load_limbs(upper)
    store_limbs(upper, load_limbs(lower))
    store_limbs(lower, word)


@njit
def threaded_destination(machine, frame, word):
    """The address of a jump's cell; -1, and the frame stops, if no JUMPDEST is there."""
    if word < u256(frame.code_size):
        target = load_uint32(frame.threaded + HEADER_SIZE_BYTES + (low_int64(word) << 2))
        if target:
            return frame.threaded + low_int64(u256(target))
    machine.halt = INVALID_JUMP
    return -1


@njit
def jump(machine, frame, pc, destination):
    """JUMP to a destination from the stack."""
    return threaded_destination(machine, frame, destination)


@njit
def jump_if(machine, frame, pc, destination, condition):
    """JUMPI to a destination from the stack."""
    if condition == 0:
        return pc
    return threaded_destination(machine, frame, destination)
