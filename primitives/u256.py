"""
The words of the EVM in kernels: 256 bits, and every operation on them but division (`primitives.u256_division`).

A word has the type `U256` and the operators of `primitives.wide_integers`; whether its bits mean a signed number
(two's complement) is a matter of the operation. Outside compiled code a word is four limbs, uint64, the least
significant first, or 32 bytes, the most significant first, as on the EVM's stack and in its memory.

    index, value = from_limbs(stack[top - 1]), from_limbs(stack[top - 2])
    stack[top - 2] = to_limbs(byte_at(index, value))

Source: Yellow Paper, appendix H.2; EIP-145 for shifts, EIP-7939 for CLZ.
"""

# mypy: allow-untyped-defs, allow-untyped-calls

from typing import Any

from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from primitives.kernels_cache import njit
from primitives.wide_integers import (
    U256,
    bytes_reversed,
    load_at,
    low_int64,
    operation,
    store_at,
    u256,
)

LIMB_COUNT, LIMB_BITS = 4, 64
LIMBS = types.UniTuple(types.uint64, LIMB_COUNT)
WORD = ir.IntType(256)


@intrinsic
def to_limbs(typing_context: Any, word: Any) -> Any:
    """A word as a tuple of four uint64, the least significant first."""

    def emit(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        shifted = [builder.lshr(values[0], WORD(LIMB_BITS * limb)) for limb in range(LIMB_COUNT)]
        return context.make_tuple(builder, LIMBS, [builder.trunc(part, ir.IntType(LIMB_BITS)) for part in shifted])

    return LIMBS(U256), emit


@intrinsic
def from_limbs(typing_context: Any, limbs: Any) -> Any:
    """The word whose limbs, the least significant first, a tuple of four uint64 holds."""

    def emit(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        word = WORD(0)
        for limb in range(LIMB_COUNT):
            part = builder.zext(builder.extract_value(values[0], limb), WORD)
            word = builder.or_(word, builder.shl(part, WORD(LIMB_BITS * limb)))
        return word

    return U256(LIMBS), emit


def load_limbs_at(builder, address):
    """
    IR: a word limb by limb, by loads that LLVM may not join.

    A word on the EVM's stack was mostly stored a moment ago, limb by limb. A processor hands what was just stored to a
    load that it covers; a vector load that needs four such stores waits until they are in the cache, 5 ns or so.
    """
    limb_type, word = ir.IntType(LIMB_BITS), WORD(0)
    for limb in range(LIMB_COUNT):
        place = builder.inttoptr(builder.add(address, address.type(8 * limb)), limb_type.as_pointer())
        part = builder.zext(builder.load_atomic(place, "monotonic", 8), WORD)
        word = builder.or_(word, builder.shl(part, WORD(LIMB_BITS * limb)))
    return word


def store_limbs_at(builder, address, word):
    """IR: limb by limb too. LLVM would collect limbs in a vector for one store, which takes longer than four."""
    for limb in range(LIMB_COUNT):
        place = builder.inttoptr(builder.add(address, address.type(8 * limb)), ir.IntType(LIMB_BITS).as_pointer())
        part = builder.trunc(builder.lshr(word, WORD(LIMB_BITS * limb)), ir.IntType(LIMB_BITS))
        builder.store_atomic(part, place, "monotonic", 8)


# load_limbs(address), store_limbs(address, word): 32 bytes in the machine's order, 8-byte aligned, as four limbs in a
# row of an array.
load_limbs = operation(U256, (types.int64,), load_limbs_at)
store_limbs = operation(types.void, (types.int64, U256), store_limbs_at)


def _load_big_endian(builder, address):
    return bytes_reversed(builder, load_at(builder, address, WORD))


def _store_big_endian(builder, address, word):
    store_at(builder, address, bytes_reversed(builder, word))


# load_big_endian(address), store_big_endian(address, word): 32 bytes as in the EVM's memory, of any alignment.
load_big_endian = operation(U256, (types.int64,), _load_big_endian)
store_big_endian = operation(types.void, (types.int64, U256), _store_big_endian)


def _load_address(builder, address):
    return builder.zext(bytes_reversed(builder, load_at(builder, address, ir.IntType(160))), WORD)


# load_address(address): the 20 bytes of an account's address, as a word.
load_address = operation(U256, (types.int64,), _load_address)

# Whether a word is below 0 as a signed number; whether one is less than another.
is_negative = operation(types.boolean, (U256,), lambda builder, word: builder.icmp_signed("<", word, WORD(0)))
signed_less = operation(types.boolean, (U256, U256), lambda builder, left, right: builder.icmp_signed("<", left, right))


@njit
def at_most(word, limit):
    """
    min(word, limit) as an int64: a size or an offset, where all above the limit are alike (out of gas, out of data).

    word : U256
    limit : int64, not negative
    """
    return low_int64(word) if word < u256(limit) else limit


def _arithmetic_shift_right(builder, word, shift):
    """Word >>s min(shift, 255)."""
    in_range = builder.icmp_unsigned("<", shift, WORD(256))
    return builder.ashr(word, builder.select(in_range, shift, WORD(255)))


def _byte_at(builder, index, word):
    """(word >> (248 - 8 index)) mod 256, 0 for an index of 32 or more."""
    in_range = builder.icmp_unsigned("<", index, WORD(32))
    bits = builder.select(in_range, builder.shl(index, WORD(3)), WORD(0))
    byte = builder.and_(builder.lshr(word, builder.sub(WORD(248), bits)), WORD(255))
    return builder.select(in_range, byte, WORD(0))


def _sign_extend(builder, size, word):
    """(word << s) >>s s, with s = 248 - 8 size; the word itself for a size of 31 or more."""
    in_range = builder.icmp_unsigned("<", size, WORD(31))
    bits = builder.shl(builder.select(in_range, size, WORD(31)), WORD(3))
    unused = builder.sub(WORD(248), bits)
    return builder.ashr(builder.shl(word, unused), unused)


# arithmetic_shift_right(word, shift): the operation of SAR. That of SHL and SHR is `word << shift` and `word >> shift`.
arithmetic_shift_right = operation(U256, (U256, U256), _arithmetic_shift_right)
# byte_at(index, word): the operation of BYTE; index 0 is the most significant byte.
byte_at = operation(U256, (U256, U256), _byte_at)
# sign_extend(size, word): the operation of SIGNEXTEND, from the lowest `size` + 1 bytes.
sign_extend = operation(U256, (U256, U256), _sign_extend)
