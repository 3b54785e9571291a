"""
SHA-256 in kernels: by the processor's own instructions where it has them, by LLVM's integers elsewhere.

The compression function is LLVM code made here, its 64 steps one after another.
Source: FIPS 180-4, sections 4.1.2, 4.2.2, 5 and 6.2; Gulley et al., Intel SHA Extensions (2013).
"""

# mypy: allow-untyped-defs, allow-untyped-calls

from math import isqrt
from typing import Any, Final

import gmpy2
import llvmlite.binding
from llvmlite import ir
from numba import types

from evm_jit.precompiles.message_padding import BLOCK_SIZE_BYTES, END_SIZE_BYTES, write_end
from primitives.kernels_cache import njit
from primitives.memory import scratch
from primitives.wide_integers import bytes_reversed, llvm_function, load_at, operation, store_at

DIGEST_SIZE_BYTES: Final = 32
ROUND_COUNT: Final = 64

PRIMES: Final = [number for number in range(2, 312) if all(number % factor for factor in range(2, number))]
assert len(PRIMES) == ROUND_COUNT
# The first 32 bits of the fractions of square roots and cube roots of primes.
INITIAL_HASH: Final = [isqrt(prime << 64) % 2**32 for prime in PRIMES[:8]]
ROUND_CONSTANTS: Final = [int(gmpy2.iroot(prime << 96, 3)[0]) % 2**32 for prime in PRIMES]

_FEATURES: Final = llvmlite.binding.get_host_cpu_features()
HAS_INSTRUCTIONS, HAS_AVX = bool(_FEATURES.get("sha")), bool(_FEATURES.get("avx"))
WORD, ADDRESS = ir.IntType(32), ir.IntType(64)
FOUR = ir.VectorType(WORD, 4)


def _rotated(builder: Any, word: Any, bits: int) -> Any:
    return builder.call(llvm_function(builder, "llvm.fshr.i32", WORD, WORD, WORD, WORD), [word, word, WORD(bits)])


def _mixed(builder: Any, word: Any, first: int, second: int, third: int, is_shift: bool = False) -> Any:
    """Three turns of a word, xored: the functions Sigma; with a shift for the last, the functions sigma."""
    last = builder.lshr(word, WORD(third)) if is_shift else _rotated(builder, word, third)
    return builder.xor(builder.xor(_rotated(builder, word, first), _rotated(builder, word, second)), last)


def _total(builder: Any, *words: Any) -> Any:
    result = words[0]
    for word in words[1:]:
        result = builder.add(result, word)
    return result


def compress_by_words(builder: Any, state: Any, block: Any) -> None:
    """IR: one block (its address) into the state, uint32[8] at an address, by operations on 32 bits."""
    places = [builder.add(state, ADDRESS(4 * index)) for index in range(8)]
    before = [load_at(builder, place, WORD) for place in places]
    schedule = [
        bytes_reversed(builder, load_at(builder, builder.add(block, ADDRESS(4 * index)), WORD)) for index in range(16)
    ]
    for t in range(16, ROUND_COUNT):
        older = _mixed(builder, schedule[t - 15], 7, 18, 3, is_shift=True)
        newer = _mixed(builder, schedule[t - 2], 17, 19, 10, is_shift=True)
        schedule.append(_total(builder, schedule[t - 16], older, schedule[t - 7], newer))
    a, b, c, d, e, f, g, h = before
    for constant, word in zip(ROUND_CONSTANTS, schedule, strict=True):
        chosen = builder.xor(builder.and_(e, f), builder.and_(builder.not_(e), g))
        majority = builder.xor(builder.and_(a, builder.xor(b, c)), builder.and_(b, c))
        t1 = _total(builder, h, _mixed(builder, e, 6, 11, 25), chosen, WORD(constant), word)
        t2 = builder.add(_mixed(builder, a, 2, 13, 22), majority)
        a, b, c, d, e, f, g, h = builder.add(t1, t2), a, b, c, builder.add(d, t1), e, f, g
    for place, old, new in zip(places, before, (a, b, c, d, e, f, g, h), strict=True):
        store_at(builder, place, builder.add(old, new))


def compress_by_instructions(builder: Any, state: Any, block: Any) -> None:
    """The same by x86's instructions for SHA-256: four steps of the schedule, or two of the rest, in each."""
    index_type = ir.VectorType(ir.IntType(32), 4)

    def picked(first: Any, second: Any, order: list[int]) -> Any:
        return builder.shuffle_vector(first, second, ir.Constant(index_type, order))

    def instruction(name: str, *operands: Any) -> Any:
        return builder.call(llvm_function(builder, f"llvm.x86.{name}", FOUR, *[FOUR] * len(operands)), operands)

    if HAS_AVX:  # These instructions take fifty times as long while the upper halves of registers hold anything.
        builder.call(llvm_function(builder, "llvm.x86.avx.vzeroupper", ir.VoidType()), [])
    halves = [builder.add(state, ADDRESS(0)), builder.add(state, ADDRESS(16))]
    abcd, efgh = (load_at(builder, half, FOUR) for half in halves)
    # The instructions hold the state as FEBA and HGDC, the lowest word first.
    feba, hgdc = picked(abcd, efgh, [5, 4, 1, 0]), picked(abcd, efgh, [7, 6, 3, 2])
    before = feba, hgdc
    swap = llvm_function(builder, "llvm.bswap.v4i32", FOUR, FOUR)
    quads = [
        builder.call(swap, [load_at(builder, builder.add(block, ADDRESS(16 * index)), FOUR)]) for index in range(4)
    ]
    for first in range(0, ROUND_COUNT, 4):
        if first >= 16:
            w16, w12, w8, w4 = quads[-4:]
            w7 = picked(w8, w4, [1, 2, 3, 4])  # The words from t - 7 on.
            partial = builder.add(instruction("sha256msg1", w16, w12), w7)
            quads.append(instruction("sha256msg2", partial, w4))
        constants = ir.Constant(FOUR, ROUND_CONSTANTS[first : first + 4])
        addends = builder.add(quads[first // 4], constants)
        hgdc = instruction("sha256rnds2", hgdc, feba, addends)
        feba = instruction("sha256rnds2", feba, hgdc, picked(addends, addends, [2, 3, 2, 3]))
    feba, hgdc = builder.add(feba, before[0]), builder.add(hgdc, before[1])
    store_at(builder, halves[0], picked(feba, hgdc, [3, 2, 7, 6]))
    store_at(builder, halves[1], picked(feba, hgdc, [1, 0, 5, 4]))


def _initialize(builder: Any, state: Any) -> None:
    for index, word in enumerate(INITIAL_HASH):
        store_at(builder, builder.add(state, ADDRESS(4 * index)), WORD(word))


def _finish(builder: Any, state: Any, digest: Any) -> None:
    for place in range(0, DIGEST_SIZE_BYTES, 4):
        word = load_at(builder, builder.add(state, ADDRESS(place)), WORD)
        store_at(builder, builder.add(digest, ADDRESS(place)), bytes_reversed(builder, word))


_compress = operation(
    types.void, (types.int64, types.int64), compress_by_instructions if HAS_INSTRUCTIONS else compress_by_words
)
_start = operation(types.void, (types.int64,), _initialize)
_end = operation(types.void, (types.int64, types.int64), _finish)
_big_endian = operation(types.uint64, (types.int64,), bytes_reversed)
_state_scratch, _end_scratch = scratch(DIGEST_SIZE_BYTES), scratch(END_SIZE_BYTES)


@njit
def compress(state, block):
    """Take in the block at one address (int64); the state, uint32[8] at the other, is modified."""
    _compress(state, block)


@njit
def sha256_at(data, size_bytes, digest):
    """
    Write the SHA-256 of a message.

    data, size_bytes : int64
    digest : int64, the address of DIGEST_SIZE_BYTES
    """
    state, end = _state_scratch(), _end_scratch()
    _start(state)
    for place in range(data, data + size_bytes - BLOCK_SIZE_BYTES + 1, BLOCK_SIZE_BYTES):
        compress(state, place)
    for block in range(write_end(end, data, size_bytes, _big_endian(8 * size_bytes))):
        compress(state, end + BLOCK_SIZE_BYTES * block)
    _end(state, digest)
