"""
G1 of BN254: the points of y^2 = x^3 + 3 over Fp, and the kernels of the contracts that add and multiply them.

A point is (x, y), infinity (0, 0), which is not on the curve; while it is being multiplied, it has Jacobian
coordinates (X / Z^2, Y / Z^3), infinity with Z = 0. No point has y = 0, as the order of the group is odd.
"""

# mypy: allow-untyped-calls

from typing import Final, TypeAlias

from evm_jit.precompiles.bn254.field import (
    MODULUS_WORD,
    ONE,
    WORD_SIZE_BYTES,
    ZERO,
    Fp,
    add,
    element,
    from_word,
    halve,
    invert,
    multiply,
    negate,
    square,
    store_number,
    subtract,
)
from evm_jit.precompiles.bn254.parameters import BASIS, BETA, ORDER, B
from evm_jit.precompiles.weierstrass import ODD_MULTIPLES, WINDOW_BITS, Field, curve_over, write_digits
from primitives.kernels_cache import njit
from primitives.memory import scratch
from primitives.u256 import is_negative, load_big_endian, load_limbs, store_limbs
from primitives.wide_integers import Constant, choose, u256, u512

# What a kernel makes of its input.
OK: Final = 0
COORDINATE_TOO_LARGE: Final = 1
NOT_ON_CURVE: Final = 2
NOT_IN_SUBGROUP: Final = 3

Affine: TypeAlias = tuple[Fp, Fp]
Jacobian: TypeAlias = tuple[Fp, Fp, Fp]

_B: Final = element(B)
_ORDER_WORD: Final = Constant(ORDER)
_BETA: Final = element(BETA)
_BASIS: Final = tuple(tuple(Constant(number % (1 << 256)) for number in row) for row in BASIS)
# What a scalar is near to: the first row -BASIS[1][1] / r times the scalar, and the second BASIS[0][1] / r times.
_NEARNESS_BITS: Final = 256
_NEARNESS: Final = tuple(Constant((number << _NEARNESS_BITS) // ORDER) for number in (-BASIS[1][1], BASIS[0][1]))


@njit
def one() -> Fp:
    """A scalar of Fp."""
    return ONE


@njit
def zero() -> Fp:
    """A scalar of Fp."""
    return ZERO


@njit
def is_zero(a: Fp) -> bool:
    """Whether a scalar of Fp is 0."""
    return not a


G1: Final = curve_over(
    Field(
        *(multiply, square, add, subtract, halve, invert, is_zero, load_limbs, store_limbs, zero, one),
        size_bytes=WORD_SIZE_BYTES,
    )
)
add_affine, to_affine, sum_of_terms = G1.add_affine, G1.to_affine, G1.sum_of_terms
odd_multiples, make_affine, infinity = G1.odd_multiples, G1.make_affine, G1.infinity
HALF_BITS: Final = 128  # Of either part of a scalar, at most.
_TABLE_SIZE_BYTES: Final = ODD_MULTIPLES * 2 * WORD_SIZE_BYTES
_entries_scratch, _tables_scratch = scratch(2 * _TABLE_SIZE_BYTES), scratch(2 * _TABLE_SIZE_BYTES)
_digits_scratch, _number_scratch = (
    scratch((2 * (HALF_BITS + WINDOW_BITS) + 15) // 16 * 16),
    scratch(2 * WORD_SIZE_BYTES),
)


@njit
def read_point(address: int) -> tuple[int, Affine]:
    """
    The point in two words at an address, as contracts get it.

    Returns OK, COORDINATE_TOO_LARGE or NOT_ON_CURVE, and the point (a tuple of Fp), which is infinity unless OK.
    """
    x_word, y_word = load_big_endian(address), load_big_endian(address + WORD_SIZE_BYTES)
    if x_word >= MODULUS_WORD or y_word >= MODULUS_WORD:
        return COORDINATE_TOO_LARGE, (ZERO, ZERO)
    point = from_word(x_word), from_word(y_word)
    if is_infinity(point):
        return OK, point
    x, y = point
    if multiply(y, y) != add(multiply(multiply(x, x), x), _B):
        return NOT_ON_CURVE, (ZERO, ZERO)
    return OK, point


@njit
def is_infinity(point: Affine) -> bool:
    """Whether a tuple of two coordinates is the point at infinity."""
    return not point[0] and not point[1]


@njit
def write_point(point: Jacobian, address: int) -> None:
    """Write a tuple of Jacobian coordinates as a point, two words, to an address; the inverse of 0 is 0."""
    x, y = to_affine(point)
    store_number(x, address)
    store_number(y, address + WORD_SIZE_BYTES)


@njit
def add_points(address: int, result: int) -> int:
    """
    Add two points.

    address : int64, of four words as the contract gets them: x1, y1, x2, y2
    result : int64, the address of two words, written if OK comes back

    Returns OK, COORDINATE_TOO_LARGE or NOT_ON_CURVE.
    """
    first_status, first = read_point(address)
    second_status, second = read_point(address + 2 * WORD_SIZE_BYTES)
    if first_status != OK:
        return first_status
    if second_status != OK:
        return second_status
    total = (ONE, ONE, ZERO) if is_infinity(first) else (first[0], first[1], ONE)
    if not is_infinity(second):
        total = add_affine(total, second)
    write_point(total, result)
    return OK


@njit
def split(scalar: Fp) -> tuple[int, Fp, int, Fp]:
    """
    Numbers below 2^HALF_BITS whose sum, the second one times `EIGENVALUE`, is a scalar below r, modulo r.

    Returns for each whether it is below 0, and its magnitude, a U256.

    The lattice of the pairs (a, b) with a + b `EIGENVALUE` = 0 (mod r) has the basis `BASIS`; the scalar less a point
    of the lattice near it is short. Source: Gallant, Lambert and Vanstone (2001), section 4.
    """
    product = u512(scalar)
    first = u256((product * u512(_NEARNESS[0])) >> _NEARNESS_BITS)
    second = u256((product * u512(_NEARNESS[1])) >> _NEARNESS_BITS)
    low = scalar - first * _BASIS[0][0] - second * _BASIS[1][0]
    high = -(first * _BASIS[0][1] + second * _BASIS[1][1])
    is_low_negative, is_high_negative = is_negative(low), is_negative(high)
    return is_low_negative, choose(is_low_negative, -low, low), is_high_negative, choose(is_high_negative, -high, high)


@njit
def multiply_point(address: int, result: int) -> int:
    """
    Multiply a point by a scalar.

    address : int64, of three words as the contract gets them: x, y, scalar
    result : int64, the address of two words, written if OK comes back

    The multiples by both parts of the scalar share their doublings, and the second one's table is the image of the
    first one's under (x, y) -> (beta x, y), which multiplies by `EIGENVALUE`.
    Returns OK, COORDINATE_TOO_LARGE or NOT_ON_CURVE.
    """
    status, point = read_point(address)
    if status != OK:
        return status
    scalar = load_big_endian(address + 2 * WORD_SIZE_BYTES)
    while scalar >= _ORDER_WORD:  # At most 5 times.
        scalar = scalar - _ORDER_WORD
    total = infinity()
    if not is_infinity(point):
        is_low_negative, low, is_high_negative, high = split(scalar)
        x, y = point
        entries, tables, digits, number = _entries_scratch(), _tables_scratch(), _digits_scratch(), _number_scratch()
        odd_multiples((x, negate(y) if is_low_negative else y), entries)
        make_affine(entries, ODD_MULTIPLES, tables)
        for place in range(tables, tables + _TABLE_SIZE_BYTES, 2 * WORD_SIZE_BYTES):
            image_y = load_limbs(place + WORD_SIZE_BYTES)
            store_limbs(place + _TABLE_SIZE_BYTES, multiply(load_limbs(place), _BETA))
            if is_low_negative != is_high_negative:
                image_y = negate(image_y)
            store_limbs(place + _TABLE_SIZE_BYTES + WORD_SIZE_BYTES, image_y)
        store_limbs(number + WORD_SIZE_BYTES, u256(0))
        store_limbs(number, low)
        write_digits(number, HALF_BITS, digits)
        store_limbs(number, high)
        write_digits(number, HALF_BITS, digits + HALF_BITS + WINDOW_BITS)
        total = sum_of_terms(tables, digits, 2, HALF_BITS, total)
    write_point(total, result)
    return OK
