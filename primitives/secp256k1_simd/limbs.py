"""
Numbers of about 256 bits in five limbs of 52 bits, the least significant first, each limb the lanes of one vector.

A number may have several representations: limbs may exceed 52 bits, or be negative, until carries are moved on. The
uppermost limb takes what is beyond 2^260. In memory that others read a number is four words of 64 bits.
"""

from collections.abc import Sequence
from typing import Final

from primitives.secp256k1_simd.ir_writer import FACTOR_BITS, FACTOR_MAX, ZERO, Function, Lanes, constant

LIMB_BITS: Final = FACTOR_BITS
LIMB_MAX: Final = FACTOR_MAX
LIMB_COUNT: Final = 5
TOP_BITS: Final = 256 - 4 * LIMB_BITS  # Of the uppermost limb, below 2^256.
TOP_MAX: Final = 2**TOP_BITS - 1

Limbs = list[Lanes]


def limbs_of(value: int, count: int = LIMB_COUNT) -> list[int]:
    """The limbs of a number below 2^260; of any number, also a negative one, its lowest."""
    return [value >> (LIMB_BITS * index) & LIMB_MAX for index in range(count)]


def constant_limbs(value: int, count: int = LIMB_COUNT) -> Limbs:
    """A number that is the same in all lanes."""
    return [constant(limb) for limb in limbs_of(value, count)]


def greatest(limbs: Limbs) -> int:
    """No lane holds a larger number."""
    return sum(limb.high << (LIMB_BITS * index) for index, limb in enumerate(limbs))


def carried(f: Function, limbs: Limbs, *, is_masked: bool) -> Limbs:
    """
    The same number with all limbs but the uppermost below 2^52, which takes what is left over.

    is_masked : whether these limbs are cut off; else they are raw
    """
    moved = list(limbs)
    for index in range(len(limbs) - 1):
        moved[index + 1] = f.add(moved[index + 1], f.shift_right(moved[index], LIMB_BITS))
        moved[index] = f.low_bits(moved[index], LIMB_BITS) if is_masked else moved[index].raw()
    return moved


def multiply_columns(f: Function, a: Limbs, b: Limbs, onto: Limbs | None = None, count: int | None = None) -> Limbs:
    """
    The columns of a product, by the school's method: column i has the weight 2^(52 i).

    onto : columns that the product is added to; count : how many are wanted, all if None
    """
    count = len(a) + len(b) if count is None else count
    columns = list(onto or []) + [ZERO] * (count - len(onto or []))
    for i, one in enumerate(a):
        for j, other in enumerate(b):
            if i + j < count:
                columns[i + j] = f.multiply_low(columns[i + j], one, other)
            if i + j + 1 < count:
                columns[i + j + 1] = f.multiply_high(columns[i + j + 1], one, other)
    return columns


def square_columns(f: Function, a: Limbs) -> Limbs:
    """The same of a number with itself: what is there twice is computed once."""
    columns: Limbs = [ZERO] * (2 * len(a))
    for i, one in enumerate(a):
        for j in range(i + 1, len(a)):
            columns[i + j] = f.multiply_low(columns[i + j], one, a[j])
            columns[i + j + 1] = f.multiply_high(columns[i + j + 1], one, a[j])
    columns = [f.add(column, column) for column in columns]
    for i, one in enumerate(a):
        columns[2 * i] = f.multiply_low(columns[2 * i], one, one)
        columns[2 * i + 1] = f.multiply_high(columns[2 * i + 1], one, one)
    return columns


def canonical(f: Function, limbs: Limbs, complement: int) -> Limbs:
    """
    The residue mod 2^256 - complement of a number below twice that.

    With the complement added, a number that is not below the modulus reaches bit 256; without that bit it is the
    residue.
    """
    modulus = 2**256 - complement
    assert greatest(limbs) < 2 * modulus, "one subtraction is enough"
    raised = [f.add(limb, other) for limb, other in zip(limbs, constant_limbs(complement), strict=True)]
    raised = carried(f, raised, is_masked=True)
    is_over = f.is_at_least(raised[-1], constant(TOP_MAX + 1))
    raised[-1] = f.low_bits(raised[-1], TOP_BITS)
    chosen = [f.select(is_over, *pair) for pair in zip(raised, limbs, strict=True)]
    return [*chosen[:-1], chosen[-1].known(0, TOP_MAX)]  # A residue is below 2^256.


def is_zero(f: Function, limbs: Limbs) -> str:
    """The mask of the lanes whose limbs are all zero."""
    together = limbs[0]
    for limb in limbs[1:]:
        together = f.either(together, limb)
    return f.is_equal(together, ZERO)


def from_words(f: Function, words: Sequence[Lanes]) -> Limbs:
    """Raw limbs of four words of 64 bits."""
    w0, w1, w2, w3 = words
    shifted = [w0, f.funnel_left(w1, w0, 12), f.funnel_left(w2, w1, 24), f.funnel_left(w3, w2, 36)]
    return [*(word.raw() for word in shifted), f.shift_right(w3, 16)]


def to_words(f: Function, limbs: Limbs) -> list[Lanes]:
    """Four words of 64 bits of a number below 2^256 whose limbs are cut off."""
    assert all(limb.is_factor and not limb.is_raw for limb in limbs), "limbs without carries"
    assert limbs[-1].high <= TOP_MAX, "below 2^256"
    words = []
    for index in range(4):
        low, high = limbs[index], limbs[index + 1]
        part = f.shift_right(low, 12 * index) if index else low
        words.append(f.either(part, f.shift_left(high, LIMB_BITS - 12 * index, drops=True)))
    return words
