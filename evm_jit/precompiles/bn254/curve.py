"""
G1 of BN254: the points of y^2 = x^3 + 3 over Fp, and the kernels of the contracts that add and multiply them.

A point is (x, y), infinity (0, 0), which is not on the curve; while it is being multiplied, it has Jacobian
coordinates (X / Z^2, Y / Z^3), infinity with Z = 0. No point has y = 0, as the order of the group is odd.
"""

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
    invert,
    multiply,
    negate,
    store_number,
    subtract,
)
from evm_jit.precompiles.bn254.parameters import ORDER, B
from primitives.kernels_cache import njit
from primitives.u256 import load_big_endian
from primitives.wide_integers import Constant, low_int64

# What a kernel makes of its input.
OK: Final = 0
COORDINATE_TOO_LARGE: Final = 1
NOT_ON_CURVE: Final = 2
NOT_IN_SUBGROUP: Final = 3

Affine: TypeAlias = tuple[Fp, Fp]
Jacobian: TypeAlias = tuple[Fp, Fp, Fp]

_B: Final = element(B)
_ORDER_WORD: Final = Constant(ORDER)
_INFINITY: Final = (ONE, ONE, ZERO)
_SCALAR_BITS: Final = (3 * (ORDER - 1)).bit_length()
assert _SCALAR_BITS <= 256, "three times a reduced scalar fits a word"


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
def double(point: Jacobian) -> Jacobian:
    """
    Twice a tuple of Jacobian coordinates; infinity stays infinity.

    A = X^2, B = Y^2, C = B^2, D = 2 ((X + B)^2 - A - C), E = 3 A
    X3 = E^2 - 2 D, Y3 = E (D - X3) - 8 C, Z3 = 2 Y Z
    Source: EFD, shortw/jacobian-0, dbl-2009-l.
    """
    x, y, z = point
    a = multiply(x, x)
    b = multiply(y, y)
    c = multiply(b, b)
    x_plus_b = add(x, b)
    half_d = subtract(subtract(multiply(x_plus_b, x_plus_b), a), c)
    d = add(half_d, half_d)
    e = add(add(a, a), a)
    new_x = subtract(multiply(e, e), add(d, d))
    c2 = add(c, c)
    c4 = add(c2, c2)
    y_z = multiply(y, z)
    return new_x, subtract(multiply(e, subtract(d, new_x)), add(c4, c4)), add(y_z, y_z)


@njit
def add_affine(first: Jacobian, second: Affine) -> Jacobian:
    """
    The sum of a tuple of Jacobian coordinates and a point that is not infinity.

    U2 = x2 Z1^2, S2 = y2 Z1^3, H = U2 - X1, R = S2 - Y1
    X3 = R^2 - H^3 - 2 X1 H^2, Y3 = R (X1 H^2 - X3) - Y1 H^3, Z3 = Z1 H
    Source: EFD, shortw/jacobian, madd, after Cohen, Miyaji and Ono (1998).
    """
    x1, y1, z1 = first
    x2, y2 = second
    if not z1:
        return x2, y2, ONE
    z1_squared = multiply(z1, z1)
    h = subtract(multiply(x2, z1_squared), x1)
    r = subtract(multiply(y2, multiply(z1, z1_squared)), y1)
    if not h:
        return double(first) if not r else _INFINITY
    h_squared = multiply(h, h)
    h_cubed = multiply(h, h_squared)
    v = multiply(x1, h_squared)
    new_x = subtract(subtract(multiply(r, r), h_cubed), add(v, v))
    return new_x, subtract(multiply(r, subtract(v, new_x)), multiply(y1, h_cubed)), multiply(z1, h)


@njit
def write_point(point: Jacobian, address: int) -> None:
    """Write a tuple of Jacobian coordinates as a point, two words, to an address; the inverse of 0 is 0."""
    x, y, z = point
    inverse = invert(z)
    inverse_squared = multiply(inverse, inverse)
    store_number(multiply(x, inverse_squared), address)
    store_number(multiply(y, multiply(inverse, inverse_squared)), address + WORD_SIZE_BYTES)


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
    total = _INFINITY if is_infinity(first) else (first[0], first[1], ONE)
    if not is_infinity(second):
        total = add_affine(total, second)
    write_point(total, result)
    return OK


@njit
def multiply_point(address: int, result: int) -> int:
    """
    Multiply a point by a scalar.

    address : int64, of three words as the contract gets them: x, y, scalar
    result : int64, the address of two words, written if OK comes back

    The non-adjacent form of k has the digits (bits of 3 k - bits of k) / 2. Source: Reitwiesner (1960).
    Returns OK, COORDINATE_TOO_LARGE or NOT_ON_CURVE.
    """
    status, point = read_point(address)
    if status != OK:
        return status
    scalar = load_big_endian(address + 2 * WORD_SIZE_BYTES)
    while scalar >= _ORDER_WORD:  # At most 5 times.
        scalar = scalar - _ORDER_WORD
    threefold = scalar + scalar + scalar
    negative = point[0], negate(point[1])
    total = _INFINITY
    if not is_infinity(point):
        for index in range(_SCALAR_BITS - 1, 0, -1):
            total = double(total)
            digit = bit(threefold, index) - bit(scalar, index)
            if digit == 1:
                total = add_affine(total, point)
            elif digit == -1:
                total = add_affine(total, negative)
    write_point(total, result)
    return OK


@njit
def bit(word: Fp, index: int) -> int:
    """The bit (int64) of a U256 with an index below 256."""
    return low_int64(word >> index) & 1  # type: ignore[no-any-return]
