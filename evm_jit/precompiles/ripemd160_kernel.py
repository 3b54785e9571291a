"""
RIPEMD-160 in kernels: the compression function is LLVM code made here, two lines of 80 steps each.

Source: Dobbertin, Bosselaers and Preneel, RIPEMD-160: A Strengthened Version of RIPEMD (1996), appendix A.
"""

# mypy: allow-untyped-defs, allow-untyped-calls

from math import isqrt
from typing import Any, Final

import gmpy2
from llvmlite import ir
from numba import types

from evm_jit.precompiles.message_padding import BLOCK_SIZE_BYTES, END_SIZE_BYTES, write_end
from primitives.kernels_cache import njit
from primitives.memory import clear_bytes, copy_bytes, scratch
from primitives.wide_integers import llvm_function, load_at, low_uint64, operation, store_at, u64

DIGEST_SIZE_BYTES: Final = 20
OUTPUT_SIZE_BYTES: Final = 32
ROUND_COUNT: Final = 5

INITIAL_HASH: Final = [0x67452301, 0xEFCDAB89, 0x98BADCFE, 0x10325476, 0xC3D2E1F0]
# Of each round: 2^30 times the square roots, in the right line the cube roots, of small primes; and once 0.
LEFT_CONSTANTS: Final = [0, *(isqrt(prime << 60) for prime in (2, 3, 5, 7))]
RIGHT_CONSTANTS: Final = [*(int(gmpy2.iroot(prime << 90, 3)[0]) for prime in (2, 3, 5, 7)), 0]

# Which word of the block a step takes: each round permutes the choice of the one before by RHO.
RHO: Final = [7, 4, 13, 1, 10, 6, 15, 3, 12, 0, 9, 5, 2, 14, 11, 8]
# How far a step of each round turns, by the word that it takes.
TURNS: Final = [
    [11, 14, 15, 12, 5, 8, 7, 9, 11, 13, 14, 15, 6, 7, 9, 8],
    [12, 13, 11, 15, 6, 9, 9, 7, 12, 15, 11, 13, 7, 8, 7, 7],
    [13, 15, 14, 11, 7, 7, 6, 8, 13, 14, 13, 12, 5, 5, 6, 9],
    [14, 11, 12, 14, 8, 6, 5, 5, 15, 12, 15, 14, 9, 9, 8, 6],
    [15, 12, 13, 13, 9, 5, 8, 6, 14, 11, 12, 11, 8, 6, 5, 5],
]


def _orders(order: list[int]) -> list[list[int]]:
    """The choice of words in each round."""
    orders = [order]
    for _ in range(ROUND_COUNT - 1):
        orders.append([RHO[word] for word in orders[-1]])
    return orders


LEFT_ORDERS: Final = _orders(list(range(16)))
RIGHT_ORDERS: Final = _orders([(9 * step + 5) % 16 for step in range(16)])

WORD, ADDRESS = ir.IntType(32), ir.IntType(64)


def _function(builder: Any, number: int, x: Any, y: Any, z: Any) -> Any:
    """The bitwise function of a round: 0 to 4."""
    if number == 0:
        return builder.xor(builder.xor(x, y), z)
    if number == 1:
        return builder.or_(builder.and_(x, y), builder.and_(builder.not_(x), z))
    if number == 2:
        return builder.xor(builder.or_(x, builder.not_(y)), z)
    if number == 3:
        return builder.or_(builder.and_(x, z), builder.and_(y, builder.not_(z)))
    return builder.xor(x, builder.or_(y, builder.not_(z)))


def _line(builder: Any, state: list[Any], block: list[Any], is_right: bool) -> list[Any]:
    """The five words after the 80 steps of one line; the right one has the functions in the opposite order."""
    orders, constants = (RIGHT_ORDERS, RIGHT_CONSTANTS) if is_right else (LEFT_ORDERS, LEFT_CONSTANTS)
    funnel = llvm_function(builder, "llvm.fshl.i32", WORD, WORD, WORD, WORD)

    def rotated(word: Any, bits: int) -> Any:
        return builder.call(funnel, [word, word, WORD(bits)])

    a, b, c, d, e = state
    for number in range(ROUND_COUNT):
        function = ROUND_COUNT - 1 - number if is_right else number
        for word in orders[number]:
            total = builder.add(builder.add(a, block[word]), WORD(constants[number]))
            total = builder.add(total, _function(builder, function, b, c, d))
            total = builder.add(rotated(total, TURNS[number][word]), e)
            a, b, c, d, e = e, total, b, rotated(c, 10), d
    return [a, b, c, d, e]


def compress_block(builder: Any, state: Any, block: Any) -> None:
    """IR: one block (its address) into the state, uint32[5] at an address; the two lines are added crosswise."""
    places = [builder.add(state, ADDRESS(4 * index)) for index in range(5)]
    before = [load_at(builder, place, WORD) for place in places]
    words = [load_at(builder, builder.add(block, ADDRESS(4 * index)), WORD) for index in range(16)]
    left = _line(builder, before, words, is_right=False)
    right = _line(builder, before, words, is_right=True)
    for index, place in enumerate(places):
        first, second, third = before[(index + 1) % 5], left[(index + 2) % 5], right[(index + 3) % 5]
        store_at(builder, place, builder.add(builder.add(first, second), third))


def _initialize(builder: Any, state: Any) -> None:
    for index, word in enumerate(INITIAL_HASH):
        store_at(builder, builder.add(state, ADDRESS(4 * index)), WORD(word))


_compress = operation(types.void, (types.int64, types.int64), compress_block)
_start = operation(types.void, (types.int64,), _initialize)
_state_scratch, _end_scratch = scratch(DIGEST_SIZE_BYTES), scratch(END_SIZE_BYTES)


@njit
def compress(state, block):
    """Take in the block at one address (int64); the state, uint32[5] at the other, is modified."""
    _compress(state, block)


@njit
def ripemd160_at(data, size_bytes, output):
    """
    Write the RIPEMD-160 of a message behind 12 zeros.

    data, size_bytes : int64
    output : int64, the address of OUTPUT_SIZE_BYTES
    """
    state, end = _state_scratch(), _end_scratch()
    _start(state)
    for place in range(data, data + size_bytes - BLOCK_SIZE_BYTES + 1, BLOCK_SIZE_BYTES):
        compress(state, place)
    for block in range(write_end(end, data, size_bytes, low_uint64(u64(8 * size_bytes)))):
        compress(state, end + BLOCK_SIZE_BYTES * block)
    clear_bytes(output, OUTPUT_SIZE_BYTES - DIGEST_SIZE_BYTES)
    copy_bytes(output + OUTPUT_SIZE_BYTES - DIGEST_SIZE_BYTES, state, DIGEST_SIZE_BYTES)
