"""
A frame's memory as instructions use it: paying for more of it, and copying into it.

Offsets and sizes come as words; all above `SIZE_MAX` are alike, for no gas buys so much memory.
"""

# mypy: allow-untyped-defs, allow-untyped-calls

from evm_jit.gas import GAS_COPY_PER_WORD, GAS_MEMORY_PER_WORD, MEMORY_QUADRATIC_BITS
from evm_jit.halt_codes import UNSUPPORTED
from primitives.kernels_cache import njit
from primitives.memory import clear_bytes, copy_bytes
from primitives.u256 import at_most

SIZE_MAX = 1 << 40
# Beyond it memory costs more than 2^53 gas. Below it the square of its words fits into 64 bits.
MEMORY_END_MAX = 1 << 36


@njit
def size_of(word):
    """A word as an offset or a size: int64, at most SIZE_MAX."""
    return at_most(word, SIZE_MAX)


@njit
def words_of(size):
    """How many words hold so many bytes."""
    return (size + 31) >> 5


@njit
def stop(machine, halt):
    """The gas left of a frame that must stop: none; `halt` says why."""
    machine.halt = halt
    return -1


@njit
def memory_gas(word_count):
    """What memory of so many words has cost in all (Yellow Paper, appendix H, C_mem)."""
    return GAS_MEMORY_PER_WORD * word_count + ((word_count * word_count) >> MEMORY_QUADRATIC_BITS)


@njit
def grow_memory(machine, frame, gas_left, end):
    """Pay for memory up to `end`, which is beyond what there is, and clear it. Returns the gas left."""
    if end > MEMORY_END_MAX:
        return -1
    size = words_of(end) << 5
    gas_left -= memory_gas(size >> 5) - memory_gas(frame.memory_size >> 5)
    if gas_left < 0:
        return gas_left
    if frame.memory + size > machine.memory_end:
        return stop(machine, UNSUPPORTED)
    clear_bytes(frame.memory + frame.memory_size, size - frame.memory_size)
    frame.memory_size = size
    return gas_left


@njit
def expand(machine, frame, gas_left, offset, size):
    """
    Make sure that memory has bytes `offset` to `offset + size`, none for a size of 0.

    offset, size : int64, at most SIZE_MAX

    Returns the gas left, negative if it did not do.
    """
    if size == 0 or offset + size <= frame.memory_size or gas_left < 0:
        return gas_left
    return grow_memory(machine, frame, gas_left, offset + size)


@njit
def copy_gas(size):
    """What copying so many bytes (int64) costs beside memory."""
    return GAS_COPY_PER_WORD * words_of(size)


@njit
def copy_padded(target, source, source_size, offset, size):
    """Copy `size` bytes from `offset` in the source, zeros for what lies behind its end; int64 scalars all."""
    present = min(max(source_size - offset, 0), size)
    copy_bytes(target, source + offset, present)
    clear_bytes(target + present, size - present)
