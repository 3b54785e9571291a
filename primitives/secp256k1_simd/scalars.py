"""
Arithmetic modulo the order n of secp256k1, and what becomes of the two scalars of a recovery.

The order is 2^256 less a number of 129 bits, so folding takes three limbs, and is done three times. All of this is for
one group of eight lanes, and small beside the work on points.

A scalar is written with odd digits alone: k = sum of (2 b_j - 1) 2^j with bits b_j of (k + 2^m - 1) / 2. A window of w
bits is then an odd number between -2^w and 2^w, so there are neither zeros nor signs to treat apart.
"""

from itertools import pairwise
from typing import Final, NamedTuple

from primitives.secp256k1 import N
from primitives.secp256k1_simd.curve import LATTICE, N_COMPLEMENT
from primitives.secp256k1_simd.ir_writer import VECTOR_SIZE_BYTES, ZERO, Function, Lanes, constant
from primitives.secp256k1_simd.limbs import (
    LIMB_BITS,
    LIMB_COUNT,
    TOP_BITS,
    TOP_MAX,
    Limbs,
    canonical,
    carried,
    constant_limbs,
    multiply_columns,
    to_words,
)

FOLD_LIMBS: Final = 3
_FOLD_256 = constant_limbs(N_COMPLEMENT, FOLD_LIMBS)
_FOLD_260 = constant_limbs(N_COMPLEMENT << 4, FOLD_LIMBS)
assert N_COMPLEMENT << 4 < 2 ** (FOLD_LIMBS * LIMB_BITS), "a fold has three limbs"
SCALAR_TOP_MAX: Final = TOP_MAX + 2**4  # Of the uppermost limb of what `multiply` returns.
HALF: Final = pow(2, -1, N)
SCALAR_SIZE_BYTES: Final = LIMB_COUNT * VECTOR_SIZE_BYTES  # Of eight lanes.
QUOTIENT_SHIFT: Final = 384
INVERSE_SLOTS: Final = 15  # Scalars that an inversion remembers.


class Split(NamedTuple):
    """k = k1 + k2 lambda mod n: words of (k1 + 2^bits - 1) / 2, and of the same of k2."""

    first: list[Lanes]
    second: list[Lanes]


def load(f: Function, pointer: str, offset: int = 0) -> Limbs:
    """A scalar that was stored: all limbs clean."""
    limbs = [f.load(pointer, offset + VECTOR_SIZE_BYTES * index) for index in range(LIMB_COUNT)]
    return as_scalar(limbs)


def as_scalar(limbs: Limbs) -> Limbs:
    """With the bounds of what `multiply` returns."""
    return [*(limb.known(0, 2**LIMB_BITS - 1) for limb in limbs[:-1]), limbs[-1].known(0, SCALAR_TOP_MAX)]


def store(f: Function, limbs: Limbs, pointer: str, offset: int = 0) -> None:
    """Within the bounds of `load`."""
    assert all(limb.is_factor and not limb.is_raw for limb in limbs), limbs
    assert limbs[-1].high <= SCALAR_TOP_MAX, limbs[-1]
    for index, limb in enumerate(limbs):
        f.store(limb, pointer, offset + VECTOR_SIZE_BYTES * index)


def multiply(f: Function, a: Limbs, b: Limbs, plus: int = 0) -> Limbs:
    """`a b + plus` mod n, at most a little above 2^256, with clean limbs."""
    columns = _carried_from(f, multiply_columns(f, a, b), LIMB_COUNT)
    # From 512 bits to 400: the upper five columns come back, times 2^260 mod n.
    middle = multiply_columns(f, columns[LIMB_COUNT:], _FOLD_260, columns[:LIMB_COUNT], LIMB_COUNT + FOLD_LIMBS)
    if plus:
        middle[:LIMB_COUNT] = [f.add(*pair) for pair in zip(middle, constant_limbs(plus), strict=False)]
    middle = _carried_from(f, middle, LIMB_COUNT)
    # To 264: the upper three.
    *low, rest = multiply_columns(f, middle[LIMB_COUNT:], _FOLD_260, middle[:LIMB_COUNT], LIMB_COUNT + 1)
    # To 257: what is above bit 256, one limb.
    assert rest.high == 0, "nothing is above the fifth limb"
    above = f.shift_right(low[4], TOP_BITS)
    low[4] = f.low_bits(low[4], TOP_BITS)
    low = multiply_columns(f, [above], _FOLD_256, low, LIMB_COUNT)
    return carried(f, low, is_masked=True)


def _carried_from(f: Function, columns: Limbs, first: int) -> Limbs:
    """Columns from `first` on as raw limbs; the others as they are."""
    return [*columns[:first], *carried(f, columns[first:], is_masked=False)]


def routines(group_count: int) -> str:
    """
    The text of what is called, for numbers of some groups, the limbs of one group behind those of the other.

    scalar_multiply(target, a, b); scalar_squarings(target, source, count), for source^(2^count); scalar_inverse(target,
    source, scratch), with room for INVERSE_SLOTS numbers.
    """
    multiplied = Function("scalar_multiply", "ptr %target, ptr %a, ptr %b")
    for group in range(group_count):
        a, b = (load(multiplied, pointer, group * SCALAR_SIZE_BYTES) for pointer in ("%a", "%b"))
        store(multiplied, multiply(multiplied, a, b), "%target", group * SCALAR_SIZE_BYTES)
    squared = Function("scalar_squarings", "ptr %target, ptr %source, i64 %count")
    first = [limb for group in range(group_count) for limb in load(squared, "%source", group * SCALAR_SIZE_BYTES)]
    with squared.loop("%count", first) as loop:
        groups = [loop.carried[LIMB_COUNT * group :][:LIMB_COUNT] for group in range(group_count)]
        groups = [multiply(squared, limbs, limbs) for limbs in groups]
        loop.carry([limb for limbs in groups for limb in limbs])
    for group, limbs in enumerate(groups):
        store(squared, limbs, "%target", group * SCALAR_SIZE_BYTES)
    return multiplied.text() + squared.text() + _inverse(group_count)


def _inverse(group_count: int) -> str:
    """The power n - 2, four bits at a time."""
    f = Function("scalar_inverse", "ptr %target, ptr %source, ptr %scratch")
    slots = [f.place("%scratch", group_count * SCALAR_SIZE_BYTES * slot) for slot in range(INVERSE_SLOTS)]
    powers, total = ["", "%source", *slots[:-1]], slots[-1]
    for exponent in range(2, 16):
        f.call("scalar_multiply", powers[exponent], powers[exponent - 1], "%source")
    digits = [(N - 2) >> (4 * index) & 15 for index in range(63, -1, -1)]
    assert digits[0] != 0, "the first power is there"
    f.call("scalar_squarings", total, powers[digits[0]], "i64 4")
    for digit in digits[1:-1]:
        if digit:
            f.call("scalar_multiply", total, total, powers[digit])
        f.call("scalar_squarings", total, total, "i64 4")
    f.call("scalar_multiply", "%target", total, powers[digits[-1]])
    return f.text()


def comb_scalar(f: Function, r_inverse: Limbs, digest: Limbs, bits: int) -> list[Lanes]:
    """Words of (u1 + 2^bits - 1) / 2 mod n, for u1 = -digest / r; then u1 is a sum of odd digits, mod n."""
    quotient = multiply(f, r_inverse, digest)
    halved = multiply(f, quotient, constant_limbs(N - HALF), (2**bits - 1) * HALF % N)
    return to_words(f, canonical(f, halved, N_COMPLEMENT))


def split(f: Function, scalar: Limbs, bits: int) -> Split:
    """
    Halves of a scalar below n, both odd, and short: k1 + k2 lambda = k mod n, |k1|, |k2| < 2^bits.

        c1 = b2 k / n    c2 = -b1 k / n, both to the nearest integer
        k1 = k - c1 a1 - c2 a2    k2 = -c1 b1 - c2 b2

    (a1, b1), (a2, b2) : short vectors of the lattice of (a, b) with a + b lambda = 0. Adding the first, the second,
    both or none makes both halves odd. Numbers may be negative: their lowest 156 bits are computed.

    Source: Guide to Elliptic Curve Cryptography, algorithm 3.74.
    """
    a1, b1, a2, b2 = LATTICE
    assert 2 * max(a1 + a2, -b1 + b2) < 2**bits, "halves and what is added to them are short"
    assert (a1 & 1, b1 & 1, a2 & 1, b2 & 1) == (1, 1, 0, 1), "one vector changes both parities, the other that of k2"
    c1 = _quotient(f, scalar, b2)
    c2 = _quotient(f, scalar, -b1)
    subtracted = _low_product(f, c2, a2, _low_product(f, c1, a1))
    k1 = [f.subtract(*pair) for pair in zip(scalar, subtracted, strict=False)]
    k2 = [f.subtract(*pair) for pair in zip(_low_product(f, c1, -b1), _low_product(f, c2, b2), strict=True)]
    # -1 where a half is even, and so where a vector is added.
    k1_is_even, k2_is_even = (f.subtract(f.low_bits(half[0], 1), constant(1)) for half in (k1, k2))
    adds_first, adds_second = k1_is_even, f.differing(k1_is_even, k2_is_even)
    for index, (limb_a1, limb_b1, limb_a2, limb_b2, ones) in enumerate(
        zip(*(constant_limbs(value, FOLD_LIMBS) for value in (a1, -b1, a2, b2, 2**bits - 1)), strict=True)
    ):
        k1[index] = f.add(f.add(k1[index], f.both(adds_first, limb_a1)), f.both(adds_second, limb_a2))
        k2[index] = f.add(f.subtract(k2[index], f.both(adds_first, limb_b1)), f.both(adds_second, limb_b2))
        k1[index], k2[index] = f.add(k1[index], ones), f.add(k2[index], ones)
    return Split(_halved_words(f, k1), _halved_words(f, k2))


def _quotient(f: Function, scalar: Limbs, factor: int) -> Limbs:
    """
    `factor * scalar / n` to the nearest integer, or the one beside it, in three limbs.

    Instead of dividing by n it multiplies by 2^384 / n, known to half a unit, and shifts by 384.
    """
    scaled = (2**QUOTIENT_SHIFT * factor + N // 2) // N
    columns = multiply_columns(f, scalar, constant_limbs(scaled))
    first, shift = divmod(QUOTIENT_SHIFT, LIMB_BITS)
    columns[first] = f.add(columns[first], constant(1 << (shift - 1)))  # Rounds to the nearest.
    columns = carried(f, columns, is_masked=True)[first:]
    limbs = []
    for low, high in pairwise(columns):
        upper = f.low_bits(f.shift_left(high, LIMB_BITS - shift, drops=True), LIMB_BITS)
        limbs.append(f.either(f.shift_right(low, shift), upper))
    return [*limbs, f.shift_right(columns[-1], shift)]


def _low_product(f: Function, a: Limbs, factor: int, onto: Limbs | None = None) -> Limbs:
    """The lowest three columns of a product."""
    return multiply_columns(f, a, constant_limbs(factor, FOLD_LIMBS), onto, FOLD_LIMBS)


def _halved_words(f: Function, limbs: Limbs) -> list[Lanes]:
    """Three words of half a number, of which the limbs tell the lowest 156 bits."""
    low, middle, high = carried(f, limbs, is_masked=True)
    high = f.low_bits(high, LIMB_BITS)
    words = to_words(f, [low, middle, high, ZERO, ZERO])[:3]
    return [f.funnel_left(words[1], words[0], 63), f.funnel_left(words[2], words[1], 63), f.shift_right(words[2], 1)]
