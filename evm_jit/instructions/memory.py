"""0x51 to 0x53, 0x59, 0x5e: the memory of the frame."""

# mypy: allow-untyped-defs, allow-untyped-calls

from evm_jit.frame_memory import copy_gas, expand, size_of
from primitives.kernels_cache import njit
from primitives.memory import copy_bytes, store_byte
from primitives.u256 import load_big_endian, store_big_endian
from primitives.wide_integers import low_int64, u256


@njit
def mload(machine, frame, gas_left, offset_word):
    """MLOAD (0x51): the 32 bytes from an offset."""
    offset = size_of(offset_word)
    gas_left = expand(machine, frame, gas_left, offset, 32)
    if gas_left < 0:
        return gas_left, offset_word
    return gas_left, load_big_endian(frame.memory + offset)


@njit
def mstore(machine, frame, gas_left, offset_word, value):
    """MSTORE (0x52): 32 bytes at an offset."""
    offset = size_of(offset_word)
    gas_left = expand(machine, frame, gas_left, offset, 32)
    if gas_left >= 0:
        store_big_endian(frame.memory + offset, value)
    return gas_left


@njit
def mstore8(machine, frame, gas_left, offset_word, value):
    """MSTORE8 (0x53): the lowest byte of a word at an offset."""
    offset = size_of(offset_word)
    gas_left = expand(machine, frame, gas_left, offset, 1)
    if gas_left >= 0:
        store_byte(frame.memory + offset, low_int64(value))
    return gas_left


@njit
def msize(frame):
    """MSIZE (0x59): how many bytes of memory there are."""
    return u256(frame.memory_size)


@njit
def mcopy(machine, frame, gas_left, target_word, source_word, size_word):
    """MCOPY (0x5e): bytes from one offset to another; they may overlap (EIP-5656)."""
    target, source, size = size_of(target_word), size_of(source_word), size_of(size_word)
    gas_left = expand(machine, frame, gas_left - copy_gas(size), max(target, source), size)
    if gas_left >= 0 and size > 0:
        copy_bytes(frame.memory + target, frame.memory + source, size)
    return gas_left
