"""
Where code may jump to: the positions of JUMPDEST (0x5b) that are not data of a PUSH (Yellow Paper, section 9.4.3).

The answer is a bitmap: bit (position & 7) of byte (position >> 3). Code is taken in blocks of 64 bytes, all compared
at once with what matters, which gives one bit a byte; then only the PUSHes of a block are looked at one by one.
"""

# mypy: allow-untyped-defs, allow-untyped-calls

import numpy as np
from llvmlite import ir
from numba import types

from primitives.kernels_cache import njit, njit_inlined
from primitives.memory import clear_bytes, copy_bytes, load_byte, scratch, store_uint64
from primitives.wide_integers import operation, trailing_zeros, u64

BLOCK_SIZE_BYTES = 64
JUMPDEST, PUSH1, PUSH_COUNT = 0x5B, 0x60, 32
BLOCK = ir.VectorType(ir.IntType(8), BLOCK_SIZE_BYTES)
ZERO, ONE, ALL = np.uint64(0), np.uint64(1), np.uint64(0xFFFFFFFFFFFFFFFF)


def _constant(byte):
    return ir.Constant(BLOCK, [byte] * BLOCK_SIZE_BYTES)


def _load_block(builder, address):
    block = builder.load(builder.inttoptr(address, BLOCK.as_pointer()))
    block.align = 1
    return block


def _push_mask(builder, address):
    number = builder.sub(_load_block(builder, address), _constant(PUSH1))
    return builder.bitcast(builder.icmp_unsigned("<", number, _constant(PUSH_COUNT)), ir.IntType(64))


def _jumpdest_mask(builder, address):
    block = _load_block(builder, address)
    return builder.bitcast(builder.icmp_unsigned("==", block, _constant(JUMPDEST)), ir.IntType(64))


# Of the 64 bytes at an address, which are a PUSH1 to PUSH32, and which a JUMPDEST: bit i of a uint64 is that of byte i.
push_mask = operation(types.uint64, (types.int64,), _push_mask)
jumpdest_mask = operation(types.uint64, (types.int64,), _jumpdest_mask)
last_bytes = scratch(BLOCK_SIZE_BYTES)


@njit_inlined
def bitmap_size(size):
    """How many bytes the bitmap of a code takes: a multiple of 8. Scalars, int64."""
    return ((size + (BLOCK_SIZE_BYTES - 1)) >> 6) << 3


@njit_inlined
def bits_from(position):
    """A uint64 with the bits from `position`, int64 from 0 to 63, on."""
    return ALL << np.uint64(position)


@njit_inlined
def block_destinations(block, start):
    """
    The destinations in a block of code.

    block : int64 scalar    address of 64 bytes
    start : int64 scalar    where its first instruction begins, which may be behind it

    Returns a uint64, and where the next block's first instruction begins.
    """
    if start >= BLOCK_SIZE_BYTES:
        return ZERO, start - BLOCK_SIZE_BYTES
    left = bits_from(start)
    instructions = left
    pushes = push_mask(block)
    while pushes & left != ZERO:
        push = trailing_zeros(u64(pushes & left))
        start = push + load_byte(block + push) - (PUSH1 - 2)
        data = bits_from(push) ^ (ONE << np.uint64(push))
        left = bits_from(start) if start < BLOCK_SIZE_BYTES else ZERO
        instructions &= left | ~data
    return jumpdest_mask(block) & instructions, max(start - BLOCK_SIZE_BYTES, 0)


@njit
def mark_jump_destinations(code, size, bitmap):
    """
    Find the jump destinations of a code.

    code : int64 scalar     address
    size : int64 scalar     in bytes
    bitmap : int64 scalar   address of `bitmap_size(size)` bytes, all written
    """
    start, position = 0, 0
    while position + BLOCK_SIZE_BYTES <= size:
        destinations, start = block_destinations(code + position, start)
        store_uint64(bitmap + (position >> 3), destinations)
        position += BLOCK_SIZE_BYTES
    if position < size:
        block = last_bytes()
        clear_bytes(block, BLOCK_SIZE_BYTES)
        copy_bytes(block, code + position, size - position)
        destinations, start = block_destinations(block, start)
        store_uint64(bitmap + (position >> 3), destinations)
