"""
The optimal ate pairing on BN254, and the kernel that checks whether a product of pairings is 1.

G2 is the subgroup of order r on the twist y^2 = x^3 + 3 / xi over Fp2. A point of it is (x, y); the one that walks
through the Miller loop has homogeneous coordinates (X / Z, Y / Z), and the untwisted curve has it at (x w^2, y w^3).

Source: EIP-197; Vercauteren, Optimal Pairings (2008); Aranha et al., Faster Explicit Formulas for Computing Pairings
over Ordinary Curves (2010), for the steps.
"""

from math import gcd
from typing import Final, TypeAlias

import numpy as np

from evm_jit.precompiles.bn254.curve import (
    COORDINATE_TOO_LARGE,
    NOT_IN_SUBGROUP,
    NOT_ON_CURVE,
    OK,
    Affine,
    is_infinity,
    read_point,
)
from evm_jit.precompiles.bn254.field import MODULUS_WORD, WORD_SIZE_BYTES, from_word, halve
from evm_jit.precompiles.bn254.parameters import (
    FROBENIUS_X,
    FROBENIUS_Y,
    MODULUS,
    ORDER,
    TRACE,
    TWIST_B,
    U,
    signed_digits,
)
from evm_jit.precompiles.bn254.tower import (
    ONE_2,
    ONE_12,
    ZERO_2,
    Fp2,
    Fp12,
    add_2,
    conjugate_2,
    conjugate_12,
    constant_2,
    double_2,
    frobenius_12,
    frobenius_squared_12,
    invert_2,
    invert_12,
    is_equal_2,
    is_one_12,
    multiply_2,
    multiply_12,
    multiply_12_by_line,
    negate_2,
    scale_2,
    square_2,
    square_12,
    square_cyclotomic,
    subtract_2,
    triple_2,
)
from evm_jit.precompiles.weierstrass import Field, curve_over
from primitives.kernels_cache import njit, njit_without_lock
from primitives.u256 import load_big_endian, load_limbs, store_limbs

PAIR_SIZE_BYTES: Final = 6 * WORD_SIZE_BYTES
NOT_ONE: Final = 4  # The points are what they should be, but the product is not 1.

PointG2: TypeAlias = tuple[Fp2, Fp2]
Homogeneous: TypeAlias = tuple[Fp2, Fp2, Fp2]
Jacobian2: TypeAlias = tuple[Fp2, Fp2, Fp2]
Line: TypeAlias = tuple[Fp2, Fp2, Fp2]

_TWIST_B: Final = constant_2(TWIST_B)
_FROBENIUS_X: Final = constant_2(FROBENIUS_X)
_FROBENIUS_Y: Final = constant_2(FROBENIUS_Y)
_INFINITY_G2: Final = (ZERO_2, ZERO_2)

# a + b psi is (u + 1) + u psi + u psi^2 - 2 u psi^3.
_A: Final = U + 1 - U * MODULUS + 2 * U * TRACE * MODULUS
_B: Final = U + U * TRACE - 2 * U * (TRACE**2 - MODULUS)
assert gcd(_A**2 + _A * _B * TRACE + _B**2 * MODULUS, ORDER * (2 * MODULUS - ORDER)) == ORDER

# Signed digits after the leading 1, highest first.
_LOOP: Final = np.array(signed_digits(6 * U + 2)[1:], dtype=np.int8)
_U: Final = np.array(signed_digits(U)[1:], dtype=np.int8)

# What `exponentiate` raises to is a multiple of (p^12 - 1) / r, and as r is prime, powers are 1 for the same elements.
_LAMBDA: Final = (
    12 * U**3 + 12 * U**2 + 6 * U + 1,
    12 * U**3 + 6 * U**2 + 4 * U,
    12 * U**3 + 6 * U**2 + 6 * U,
    12 * U**3 + 6 * U**2 + 4 * U - 1,
)
_CYCLOTOMIC: Final = MODULUS**4 - MODULUS**2 + 1
_HARD: Final = sum(factor * MODULUS**power for power, factor in enumerate(_LAMBDA))
assert _HARD % (_CYCLOTOMIC // ORDER) == 0, "the hard part is a multiple of what it should be"
assert _HARD // (_CYCLOTOMIC // ORDER) % ORDER != 0, "and the factor is prime to r"


# G2


@njit
def load_2(address: int) -> Fp2:
    """A tuple of Fp2 as `store_2` kept it at an address."""
    return load_limbs(address), load_limbs(address + WORD_SIZE_BYTES)


@njit
def store_2(address: int, a: Fp2) -> None:
    """Keep a tuple of Fp2 at an address."""
    store_limbs(address, a[0])
    store_limbs(address + WORD_SIZE_BYTES, a[1])


@njit
def zero_2() -> Fp2:
    """A tuple of Fp2."""
    return ZERO_2


@njit
def one_2() -> Fp2:
    """A tuple of Fp2."""
    return ONE_2


@njit
def is_zero_2(a: Fp2) -> bool:
    """Whether a tuple of Fp2 is 0."""
    return is_equal_2(a, ZERO_2)


@njit
def halve_2(a: Fp2) -> Fp2:
    """Half a tuple of Fp2."""
    return halve(a[0]), halve(a[1])


_TWIST: Final = curve_over(
    Field(
        *(multiply_2, square_2, add_2, subtract_2, halve_2, invert_2, is_zero_2, load_2, store_2, zero_2, one_2),
        size_bytes=2 * WORD_SIZE_BYTES,
    )
)
_double, _add_affine, _add = _TWIST.double, _TWIST.add_affine, _TWIST.add


@njit
def read_point_g2(address: int) -> tuple[int, PointG2]:
    """
    The point in four words at an address, as contracts get it; the imaginary part of a coordinate comes first.

    Returns OK, COORDINATE_TOO_LARGE, NOT_ON_CURVE or NOT_IN_SUBGROUP, and the point, which is infinity unless OK.
    """
    for place in range(address, address + 4 * WORD_SIZE_BYTES, WORD_SIZE_BYTES):
        if load_big_endian(place) >= MODULUS_WORD:
            return COORDINATE_TOO_LARGE, _INFINITY_G2
    x_imaginary, x_real = from_word(load_big_endian(address)), from_word(load_big_endian(address + WORD_SIZE_BYTES))
    y_at = address + 2 * WORD_SIZE_BYTES
    y_imaginary, y_real = from_word(load_big_endian(y_at)), from_word(load_big_endian(y_at + WORD_SIZE_BYTES))
    x, y = (x_real, x_imaginary), (y_real, y_imaginary)
    if is_infinity_g2((x, y)):
        return OK, _INFINITY_G2
    if not is_equal_2(square_2(y), add_2(multiply_2(square_2(x), x), _TWIST_B)):
        return NOT_ON_CURVE, _INFINITY_G2
    if not is_in_subgroup((x, y)):
        return NOT_IN_SUBGROUP, _INFINITY_G2
    return OK, (x, y)


@njit
def is_infinity_g2(point: PointG2) -> bool:
    """Whether a tuple of two coordinates is the point at infinity."""
    return is_equal_2(point[0], ZERO_2) and is_equal_2(point[1], ZERO_2)


@njit
def frobenius_g2(point: PointG2) -> PointG2:
    """The endomorphism psi, a tuple of coordinates: untwist, take the p-th power of both, twist again."""
    return multiply_2(conjugate_2(point[0]), _FROBENIUS_X), multiply_2(conjugate_2(point[1]), _FROBENIUS_Y)


@njit
def frobenius_jacobian(point: Jacobian2) -> Jacobian2:
    """The endomorphism psi, on a tuple of Jacobian coordinates."""
    x, y = frobenius_g2((point[0], point[1]))
    return x, y, conjugate_2(point[2])


@njit
def is_in_subgroup(point: PointG2) -> bool:
    """
    Whether r times a point of the twist, a tuple of coordinates, is infinity.

    It is if (u + 1) Q + psi(u Q) + psi^2(u Q) = 2 psi^3(u Q). As psi^2 - t psi + p = 0, that is (a + b psi) Q = 0 with
    integers a and b, and so (a + b psi) (a + b (t - psi)) = a^2 + a b t + b^2 p times Q is infinity; this number and
    the order of the curve have no common factor but r. Conversely, psi is p on the subgroup.
    Source: Dai, Lin, Zhao and Zhou, Fast Subgroup Membership Testings for G1, G2 and GT (2022).
    """
    negative = point[0], negate_2(point[1])
    multiple = point[0], point[1], ONE_2
    for digit in _U:
        multiple = _double(multiple)
        if digit == 1:
            multiple = _add_affine(multiple, point)
        elif digit == -1:
            multiple = _add_affine(multiple, negative)
    once = frobenius_jacobian(multiple)
    twice = frobenius_jacobian(once)
    x, y, z = frobenius_jacobian(_double(twice))
    total = _add(_add(_add_affine(multiple, point), once), twice)
    return is_zero_2(_add(total, (x, negate_2(y), z))[2])


# The Miller loop. A line through points of G2 is c0 y_P + c1 x_P w + c3 w^3 at the point P of G1, up to a factor of
# Fp2, which the final exponentiation makes 1: y_P - slope x_P w + (slope x - y) w^3 for (x, y) on it.


@njit
def double_step(point: Homogeneous) -> tuple[Homogeneous, Line]:
    """
    Twice a tuple of homogeneous coordinates, and the tangent there.

    B = Y^2, E = 3 b Z^2, F = 3 E, slope = 3 X^2 / (2 Y Z)
    X3 = 2 X Y (B - F), Y3 = (B + F)^2 - 12 E^2, Z3 = 8 B Y Z
    line, times 2 Y Z: 2 Y Z, -3 X^2, B - E
    Source: Aranha et al., section 4, with its coordinates times 4.
    """
    x, y, z = point
    b = square_2(y)
    e = triple_2(multiply_2(square_2(z), _TWIST_B))
    f = triple_2(e)
    y_z = double_2(multiply_2(y, z))
    new_x = multiply_2(double_2(multiply_2(x, y)), subtract_2(b, f))
    new_y = subtract_2(square_2(add_2(b, f)), triple_2(double_2(double_2(square_2(e)))))
    new_z = double_2(double_2(multiply_2(b, y_z)))
    return (new_x, new_y, new_z), (y_z, negate_2(triple_2(square_2(x))), subtract_2(b, e))


@njit
def add_step(point: Homogeneous, other: PointG2) -> tuple[Homogeneous, Line]:
    """
    The sum of a tuple of homogeneous coordinates and a point, and the chord through the two.

    T = Y - y2 Z, L = X - x2 Z, slope = T / L, H = L^3 + Z T^2 - 2 X L^2
    X3 = L H, Y3 = T (X L^2 - H) - L^3 Y, Z3 = Z L^3
    line, times L: L, -T, T x2 - L y2
    Source: Aranha et al., section 4.
    """
    x, y, z = point
    t = subtract_2(y, multiply_2(other[1], z))
    l = subtract_2(x, multiply_2(other[0], z))  # noqa: E741 - the letter of the formula.
    l_squared = square_2(l)
    l_cubed = multiply_2(l, l_squared)
    x_l_squared = multiply_2(x, l_squared)
    h = subtract_2(add_2(l_cubed, multiply_2(z, square_2(t))), double_2(x_l_squared))
    new_y = subtract_2(multiply_2(t, subtract_2(x_l_squared, h)), multiply_2(l_cubed, y))
    constant = subtract_2(multiply_2(t, other[0]), multiply_2(l, other[1]))
    return (multiply_2(l, h), new_y, multiply_2(z, l_cubed)), (l, negate_2(t), constant)


@njit
def multiply_by_line_at(value: Fp12, line: Line, at: Affine) -> Fp12:
    """A tuple of Fp12 times a line at a point of G1."""
    return multiply_12_by_line(value, scale_2(line[0], at[1]), scale_2(line[1], at[0]), line[2])


@njit
def miller_loop(first: Affine, second: PointG2) -> Fp12:
    """
    f_(6u+2) times the lines through (6u+2) Q, psi(Q) and -psi^2(Q), a tuple of Fp12; neither point is infinity.

    Source: Vercauteren, section IV; Beuchat et al. (2010), algorithm 1.
    """
    value = ONE_12
    running = second[0], second[1], ONE_2
    negative = second[0], negate_2(second[1])
    for digit in _LOOP:
        running, line = double_step(running)
        value = multiply_by_line_at(square_12(value), line, first)
        if digit != 0:
            running, line = add_step(running, second if digit == 1 else negative)
            value = multiply_by_line_at(value, line, first)
    once = frobenius_g2(second)
    running, line = add_step(running, once)
    value = multiply_by_line_at(value, line, first)
    x, y = frobenius_g2(once)
    running, line = add_step(running, (x, negate_2(y)))
    return multiply_by_line_at(value, line, first)


# The final exponentiation.


@njit
def power_u(a: Fp12) -> Fp12:
    """a^u of a tuple of Fp12 with a^(p^4 - p^2 + 1) = 1, whose inverse is its conjugate."""
    inverse = conjugate_12(a)
    result = a
    for digit in _U:
        result = square_cyclotomic(result)
        if digit == 1:
            result = multiply_12(result, a)
        elif digit == -1:
            result = multiply_12(result, inverse)
    return result


@njit
def exponentiate(a: Fp12) -> Fp12:
    """
    A power of a tuple of Fp12, not 0, that is 1 if and only if a^((p^12 - 1) / r) is.

    The easy part is (p^6 - 1) (p^2 + 1); after it the inverse is the conjugate. The hard part has the exponent
    l0 + l1 p + l2 p^2 + l3 p^3 with the numbers of `_LAMBDA`.
    Source: Fuentes-Castaneda, Knapp and Rodriguez-Henriquez, Faster Hashing to G2 (2011), section 5.
    """
    unitary = multiply_12(conjugate_12(a), invert_12(a))
    f = multiply_12(frobenius_squared_12(unitary), unitary)

    f_2u = square_cyclotomic(power_u(f))
    f_6u = multiply_12(square_cyclotomic(f_2u), f_2u)
    f_6u2 = power_u(f_6u)
    f_12u3 = power_u(square_cyclotomic(f_6u2))
    l2 = multiply_12(multiply_12(f_12u3, f_6u2), f_6u)
    l1 = multiply_12(l2, conjugate_12(f_2u))
    l0 = multiply_12(multiply_12(l2, f_6u2), f)
    l3 = multiply_12(l1, conjugate_12(f))
    upper = frobenius_squared_12(multiply_12(l2, frobenius_12(l3)))
    return multiply_12(multiply_12(l0, frobenius_12(l1)), upper)


@njit_without_lock  # A transaction may pay for hundreds of pairs: tenths of a second.
def check_pairing(address: int, count: int) -> int:
    """
    Whether the product of the pairings of pairs of points is 1.

    address : int64, of `count` pairs of PAIR_SIZE_BYTES as the contract gets them: x and y of G1, then x and y of G2,
        each with its imaginary part first

    Returns OK if it is 1, NOT_ONE if not, or what is wrong with the first point that is none.
    """
    product, is_any = ONE_12, False
    for pair in range(count):
        place = address + PAIR_SIZE_BYTES * pair
        status, first = read_point(place)
        if status != OK:
            return status
        status, second = read_point_g2(place + 2 * WORD_SIZE_BYTES)
        if status != OK:
            return status
        if not (is_infinity(first) or is_infinity_g2(second)):
            product, is_any = multiply_12(product, miller_loop(first, second)), True
    if not is_any:
        return OK
    return OK if is_one_12(exponentiate(product)) else NOT_ONE
