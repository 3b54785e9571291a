"""
Sums of multiples of points on BLS12-381 (0x0c, 0x0e) in kernels.

Both groups have an endomorphism that multiplies by a number known from the curve's parameter x < 0, and costs next to
nothing. By it scalars are split, into two of 128 bits on G1 and four of 64 bits on G2, and that a point is in the
subgroup of order r is seen by one multiple:

    G1: phi(x, y) = (beta x, y) is -x^2 times the point.          phi^2 + phi + 1 = 0 on the whole curve.
    G2: psi, untwist, Frobenius, twist again, is x times it.      psi^2 - (x + 1) psi + p = 0 on the whole curve.

So phi(P) = -x^2 P gives (x^4 - x^2 + 1) P = r P = 0, and psi(P) = x P gives (p - x) P = 0, where p - x and the order of
the curve have no common factor but r.
Source: EIP-2537; Scott, A Note on Group Membership Tests for G1, G2 and GT (2021); Galbraith, Lin and Scott,
Endomorphisms for Faster Elliptic Curve Cryptography (2009).
"""

# mypy: allow-untyped-defs, allow-untyped-calls

from math import gcd
from typing import Any, Final

import numpy as np

from evm_jit.precompiles.bls12_381 import ELEMENT_SIZE_BYTES, SCALAR_SIZE_BYTES
from evm_jit.precompiles.bls12_381_kernel import (
    COFACTORS,
    MODULUS,
    NUMBER_SIZE_BYTES,
    ONE,
    ZERO,
    X,
    add,
    add_2,
    element,
    halve,
    invert,
    invert_2,
    is_infinity,
    is_zero_2,
    load_limbs,
    multiply,
    multiply_2,
    read_point,
    square_2,
    store_limbs,
    store_point,
    subtract,
    subtract_2,
)
from evm_jit.precompiles.statuses import FAILED
from evm_jit.precompiles.weierstrass import ODD_MULTIPLES, WINDOW_BITS, Curve, Field, curve_over, write_digits
from primitives.kernels_cache import njit
from primitives.memory import scratch
from primitives.u256 import load_big_endian
from primitives.u256 import load_limbs as load_word
from primitives.u256 import store_limbs as store_word
from primitives.u256_division import divide
from primitives.wide_integers import Constant

ORDER: Final = X**4 - X**2 + 1
assert gcd(MODULUS - X, COFACTORS[1] * ORDER) == ORDER
PARAMETER_BITS: Final = np.array([int(bit) for bit in bin(-X)[3:]], dtype=np.int8)  # Of -x, behind the first.
TERMS_MAX: Final = 8  # Points whose multiples share their doublings.

# A root of beta^2 + beta + 1; the other one belongs to the eigenvalue x^2 - 1.
BETA: Final = (pow(-3, (MODULUS + 1) // 4, MODULUS) - 1) * pow(2, -1, MODULUS) % MODULUS


def complex_power(a: tuple[int, int], exponent: int) -> tuple[int, int]:
    """In Fp2, of numbers of Python."""
    result = (1, 0)
    for bit in bin(exponent)[2:]:
        result = (result[0] ** 2 - result[1] ** 2) % MODULUS, 2 * result[0] * result[1] % MODULUS
        if bit == "1":
            result = (result[0] * a[0] - result[1] * a[1]) % MODULUS, (result[0] * a[1] + result[1] * a[0]) % MODULUS
    return result


# (1 + i)^(-(p - 1) / 3) and (1 + i)^(-(p - 1) / 2): by these psi multiplies conjugated coordinates.
PSI_X, PSI_Y = (complex_power((1, 1), MODULUS**2 - 1 - (MODULUS - 1) // root) for root in (3, 2))
_BETA, _PSI_X, _PSI_Y = element(BETA), (element(PSI_X[0]), element(PSI_X[1])), (element(PSI_Y[0]), element(PSI_Y[1]))
_ORDER: Final = Constant(ORDER)


@njit
def square(a):
    """The square of a scalar of Fp."""
    return multiply(a, a)


@njit
def zero_2():
    """A tuple of Fp2."""
    return ZERO, ZERO


@njit
def one_2():
    """A tuple of Fp2."""
    return ONE, ZERO


@njit
def halve_2(a):
    """Half a tuple of Fp2."""
    return halve(a[0]), halve(a[1])


@njit
def load_2(address):
    """A tuple of Fp2 as `store_2` kept it at an address (int64)."""
    return load_limbs(address), load_limbs(address + NUMBER_SIZE_BYTES)


@njit
def store_2(address, a):
    """Keep a tuple of Fp2 at an address (int64)."""
    store_limbs(address, a[0])
    store_limbs(address + NUMBER_SIZE_BYTES, a[1])


@njit
def zero_1():
    """A scalar of Fp."""
    return ZERO


@njit
def one_1():
    """A scalar of Fp."""
    return ONE


@njit
def is_zero_1(a):
    """Whether a scalar of Fp is 0."""
    return not a


FP: Final = Field(
    *(multiply, square, add, subtract, halve, invert, is_zero_1, load_limbs, store_limbs, zero_1, one_1),
    size_bytes=NUMBER_SIZE_BYTES,
)
FP2: Final = Field(
    *(multiply_2, square_2, add_2, subtract_2, halve_2, invert_2, is_zero_2, load_2, store_2, zero_2, one_2),
    size_bytes=2 * NUMBER_SIZE_BYTES,
)
G1, G2 = curve_over(FP), curve_over(FP2)


@njit
def image_g1(point):
    """The point x^2 P, -phi(P), of one of G1; tuples of two scalars of Fp."""
    return multiply(point[0], _BETA), subtract(ZERO, point[1])


@njit
def psi(x, y, z):
    """The image, in coordinates of the same kind, of the Jacobian ones of a point of the twist, tuples of Fp2."""
    return multiply_2(conjugate(x), _PSI_X), multiply_2(conjugate(y), _PSI_Y), conjugate(z)


@njit
def conjugate(a):
    """a^p of a tuple of Fp2."""
    return a[0], subtract(ZERO, a[1])


@njit
def image_g2(point):
    """The point -x P, -psi(P), of one of G2; tuples of two tuples of Fp2."""
    x, y, _ = psi(point[0], point[1], one_2())
    return x, subtract_2(zero_2(), y)


def multiplication_by_parameter(field: Field, curve: Curve) -> Any:
    """A kernel: -x times a point, a tuple of Jacobian coordinates."""
    double, add_affine, multiply, one = curve.double, curve.add_affine, field.multiply, field.one

    @njit
    def times_parameter(point):
        """See above; a tuple of three elements."""
        x, y, z = point
        # On the curve on which Z is 1.
        running = x, y, one()
        for bit in PARAMETER_BITS:
            running = double(running)
            if bit:
                running = add_affine(running, (x, y))
        return running[0], running[1], multiply(running[2], z)

    return times_parameter


times_parameter_g1, times_parameter_g2 = multiplication_by_parameter(FP, G1), multiplication_by_parameter(FP2, G2)


def subgroup_check(field: Field, image: Any, times_parameter: Any, steps: int) -> Any:
    """A kernel: whether a point of the curve, a tuple of two coordinates, is in the subgroup: its image |x|^steps P."""
    multiply, subtract, is_zero, square, one = field.multiply, field.subtract, field.is_zero, field.square, field.one

    @njit
    def is_in_subgroup(point):
        """See above; a tuple of two elements."""
        multiple = point[0], point[1], one()
        for _ in range(steps):
            multiple = times_parameter(multiple)
        x, y, z = multiple
        image_x, image_y = image(point)
        z_squared = square(z)
        has_x = is_zero(subtract(multiply(image_x, z_squared), x))
        has_y = is_zero(subtract(multiply(image_y, multiply(z, z_squared)), y))
        return has_x and has_y and not is_zero(z)

    return is_in_subgroup


def terms_kernel(field: Field, curve: Curve, image: Any, steps: int) -> Any:
    """The kernel that adds the multiples of several points; image : of a point P, its |x|^steps P."""
    base, dimensions, bit_count = Constant(X**steps if steps == 2 else -X), 4 // steps, 64 * steps
    size, affine_size, digits_size = field.size_bytes, 2 * field.size_bytes, bit_count + WINDOW_BITS
    load, store, make_affine, sum_of_terms = field.load, field.store, curve.make_affine, curve.sum_of_terms
    tables_scratch = scratch(dimensions * TERMS_MAX * ODD_MULTIPLES * affine_size)
    digits_scratch = scratch((dimensions * TERMS_MAX * digits_size + 15) // 16 * 16)

    @njit
    def add_terms(entries, scalars, count, total):
        """`total`, a tuple of Jacobian coordinates, and `count` points times scalars, given by int64 addresses."""
        tables, digits = tables_scratch(), digits_scratch()
        make_affine(entries, count * ODD_MULTIPLES, tables)
        for index in range((dimensions - 1) * count * ODD_MULTIPLES):
            place = tables + affine_size * index
            x, y = image((load(place), load(place + size)))
            place += affine_size * count * ODD_MULTIPLES
            store(place, x)
            store(place + size, y)
        number = scalars + SCALAR_SIZE_BYTES * TERMS_MAX
        for index in range(count):
            scalar = load_word(scalars + SCALAR_SIZE_BYTES * index)
            for dimension in range(dimensions):
                scalar, rest = divide(scalar, base)
                store_word(number, rest)
                write_digits(number, bit_count, digits + digits_size * (count * dimension + index))
        return sum_of_terms(tables, digits, count * dimensions, bit_count, total)

    return add_terms


def sum_kernel(field: Field, curve: Curve, image: Any, steps: int, degree: int, narrow: Any, widen: Any) -> Any:
    """
    The kernel of a contract.

    image : of a point P, as a tuple of two coordinates: |x|^steps P
    degree : of the field over Fp
    narrow, widen : of a tuple of two coordinates in Fp2 the one that the field has, and back
    """
    point_size, entry_size = 2 * degree * ELEMENT_SIZE_BYTES, 4 * field.size_bytes
    term_size = point_size + SCALAR_SIZE_BYTES
    odd_multiples, infinity, to_affine = curve.odd_multiples, curve.infinity, curve.to_affine
    is_in_subgroup = subgroup_check(field, image, times_parameter_g1 if degree == 1 else times_parameter_g2, steps)
    add_terms = terms_kernel(field, curve, image, steps)
    entries_scratch = scratch(TERMS_MAX * ODD_MULTIPLES * entry_size)
    scalars_scratch = scratch((TERMS_MAX + 1) * SCALAR_SIZE_BYTES)

    @njit
    def sum_at(data, size_bytes, output):
        """
        The sum of points times scalars.

        data, size_bytes : int64, the input: points, each with its scalar behind it
        output : int64, the address of a point, written

        Returns the size of the output, or FAILED for what is no point of the subgroup.
        """
        if size_bytes == 0 or size_bytes % term_size != 0:
            return FAILED
        entries, scalars = entries_scratch(), scalars_scratch()
        total, count = infinity(), np.int64(0)
        for place in range(data, data + size_bytes, term_size):
            is_point, both = read_point(place, degree)
            if not is_point:
                return FAILED
            if is_infinity(both):
                continue
            point = narrow(both)
            if not is_in_subgroup(point):
                return FAILED
            odd_multiples(point, entries + entry_size * ODD_MULTIPLES * count)
            scalar = load_big_endian(place + point_size)
            while scalar >= _ORDER:  # At most twice.
                scalar = scalar - _ORDER
            store_word(scalars + SCALAR_SIZE_BYTES * count, scalar)
            count += 1
            if count == TERMS_MAX:
                total = add_terms(entries, scalars, count, total)
                count = np.int64(0)
        if count:
            total = add_terms(entries, scalars, count, total)
        store_point(output, widen(to_affine(total)), degree)
        return point_size

    return sum_at


@njit
def narrow_g1(point):
    """The coordinates, scalars, of a point of G1 as one over Fp2."""
    return point[0][0], point[1][0]


@njit
def widen_g1(point):
    """A point over Fp2 of two scalars."""
    return (point[0], ZERO), (point[1], ZERO)


@njit
def same(point):
    """The point itself, a tuple of two coordinates."""
    return point


g1_sum_at = sum_kernel(FP, G1, image_g1, 2, 1, narrow_g1, widen_g1)
g2_sum_at = sum_kernel(FP2, G2, image_g2, 1, 2, same, same)
