"""
Additions on BLS12-381 (0x0b, 0x0d) in kernels; the library takes several times as long as their gas should.

Both curves are y^2 = x^3 + b over Fp2 = Fp[i], i^2 = -1: G2 has b = 4 + 4 i, and G1 is where b = 4 and no coordinate
has an imaginary part. An element of Fp is in Montgomery form in 384 bits, one of Fp2 a tuple, real part first. A point
is (x, y), infinity (0, 0), which is not on the curves; none has y = 0, as both curves have an odd number of points.
Source: EIP-2537.
"""

# mypy: allow-untyped-defs, allow-untyped-calls

from typing import Final

import numpy as np
from llvmlite import ir
from numba import types

from evm_jit.precompiles.binary_inverse import almost_inverse, inverse_scales
from evm_jit.precompiles.bls12_381 import ELEMENT_SIZE_BYTES
from evm_jit.precompiles.contract_numbers import BLS_G1_ADD
from evm_jit.precompiles.montgomery import difference_modulo, product_modulo, sum_modulo
from evm_jit.precompiles.statuses import FAILED
from primitives.kernels_cache import njit
from primitives.memory import clear_bytes, load_uint64
from primitives.wide_integers import (
    Constant,
    UnsignedType,
    bytes_reversed,
    choose,
    load_at,
    low_int64,
    operation,
    store_at,
)

X: Final = -0xD201000000010000  # The curve's parameter.
MODULUS: Final = (X - 1) ** 2 * (X**4 - X**2 + 1) // 3 + X
COFACTORS: Final = ((X - 1) ** 2 // 3, (X**8 - 4 * X**7 + 5 * X**6 - 4 * X**4 + 6 * X**3 - 4 * X**2 - 4 * X + 13) // 9)
assert all(cofactor % 2 for cofactor in COFACTORS), "so no point has y = 0, since r is an odd prime"
assert MODULUS % 4 == 3, "-1 has no root in Fp"

U384: Final = UnsignedType(384)
NUMBER_SIZE_BYTES: Final = 48
PADDING_SIZE_BYTES: Final = ELEMENT_SIZE_BYTES - NUMBER_SIZE_BYTES
assert PADDING_SIZE_BYTES == 2 * 8
RADIX: Final = 1 << U384.bits


def element(value: int) -> Constant:
    """An element of Fp that kernels can use as a global."""
    return Constant(value * RADIX % MODULUS, U384)


ZERO, ONE, FOUR = element(0), element(1), element(4)
FROM_NUMBER: Final = element(RADIX)  # Times it, a number x becomes x 2^384.
MODULUS_NUMBER, NUMBER_ONE = Constant(MODULUS, U384), Constant(1, U384)
INFINITY: Final = ((ZERO, ZERO), (ZERO, ZERO))
B_G1, B_G2 = (FOUR, ZERO), (FOUR, FOUR)
INVERSE_SCALES: Final = inverse_scales(MODULUS, U384.bits)

add, subtract, _product = sum_modulo(MODULUS, U384), difference_modulo(MODULUS, U384), product_modulo(MODULUS, U384)


def _load_number(builder, address):
    return bytes_reversed(builder, load_at(builder, address, ir.IntType(U384.bits)))


def _store_number(builder, address, number):
    store_at(builder, address, bytes_reversed(builder, number))


_load_big_endian = operation(U384, (types.int64,), _load_number)
_store_big_endian = operation(types.void, (types.int64, U384), _store_number)
# load_limbs(address), store_limbs(address, a): a scalar of Fp as it is, 48 bytes.
load_limbs = operation(U384, (types.int64,), lambda builder, address: load_at(builder, address, ir.IntType(U384.bits)))
store_limbs = operation(types.void, (types.int64, U384), store_at)


@njit
def multiply(a, b):
    """The product of two scalars of Fp."""
    return _product(a, b)


@njit
def halve(a):
    """Half a scalar of Fp."""
    return choose(low_int64(a) & 1 == 1, a + MODULUS_NUMBER, a) >> 1


@njit
def invert(a):
    """The inverse of a scalar of Fp, and 0 for 0."""
    if not a:
        return ZERO
    rest, k = almost_inverse(a, MODULUS_NUMBER)
    return multiply(rest, load_limbs(np.int64(INVERSE_SCALES.ctypes.data) + NUMBER_SIZE_BYTES * k))


@njit
def add_2(a, b):
    """The sum of two tuples of Fp2."""
    return add(a[0], b[0]), add(a[1], b[1])


@njit
def subtract_2(a, b):
    """The difference of two tuples of Fp2."""
    return subtract(a[0], b[0]), subtract(a[1], b[1])


@njit
def multiply_2(a, b):
    """The product of two tuples of Fp2: (a0 b0 - a1 b1) + ((a0 + a1) (b0 + b1) - a0 b0 - a1 b1) i."""
    low, high = multiply(a[0], b[0]), multiply(a[1], b[1])
    cross = multiply(add(a[0], a[1]), add(b[0], b[1]))
    return subtract(low, high), subtract(subtract(cross, low), high)


@njit
def square_2(a):
    """The square of a tuple of Fp2: (a0 + a1) (a0 - a1) + 2 a0 a1 i."""
    product = multiply(a[0], a[1])
    return multiply(add(a[0], a[1]), subtract(a[0], a[1])), add(product, product)


@njit
def invert_2(a):
    """The inverse of a tuple of Fp2: (a0 - a1 i) / (a0^2 + a1^2)."""
    inverse = invert(add(multiply(a[0], a[0]), multiply(a[1], a[1])))
    return multiply(a[0], inverse), subtract(ZERO, multiply(a[1], inverse))


@njit
def is_zero_2(a):
    """Whether a tuple of Fp2 is 0."""
    return not a[0] and not a[1]


@njit
def is_infinity(point):
    """Whether a tuple of two coordinates is the point at infinity."""
    return is_zero_2(point[0]) and is_zero_2(point[1])


@njit
def add_points(first, second):
    """
    The sum of two points of one curve, tuples of two coordinates.

    slope = (y2 - y1) / (x2 - x1), or 3 x1^2 / 2 y1 for a point and itself
    x3 = slope^2 - x1 - x2, y3 = slope (x1 - x3) - y1
    """
    if is_infinity(first):
        return second
    if is_infinity(second):
        return first
    x1, y1 = first
    x2, y2 = second
    run, rise = subtract_2(x2, x1), subtract_2(y2, y1)
    if is_zero_2(run):
        if not is_zero_2(rise):
            return INFINITY
        x_squared = square_2(x1)
        run, rise = add_2(y1, y1), add_2(add_2(x_squared, x_squared), x_squared)
    slope = multiply_2(rise, invert_2(run))
    x = subtract_2(subtract_2(square_2(slope), x1), x2)
    return x, subtract_2(multiply_2(slope, subtract_2(x1, x)), y1)


@njit
def is_element(address):
    """Whether 64 bytes at an address (int64) are an element of Fp: 16 zeros, and a number below p."""
    padding = load_uint64(address) | load_uint64(address + 8)
    return padding == 0 and _load_big_endian(address + PADDING_SIZE_BYTES) < MODULUS_NUMBER


@njit
def load_element(address):
    """A scalar of Fp from 64 bytes at an address (int64)."""
    return multiply(_load_big_endian(address + PADDING_SIZE_BYTES), FROM_NUMBER)


@njit
def store_element(address, a):
    """Write a scalar of Fp as 64 bytes to an address (int64)."""
    clear_bytes(address, PADDING_SIZE_BYTES)
    _store_big_endian(address + PADDING_SIZE_BYTES, multiply(a, NUMBER_ONE))


@njit
def load_point(address, degree):
    """Two coordinates of `degree` elements each, from an address (int64)."""
    step = degree * ELEMENT_SIZE_BYTES
    real = load_element(address), load_element(address + step)
    if degree == 1:
        return (real[0], ZERO), (real[1], ZERO)
    x_imaginary, y_imaginary = (
        load_element(address + ELEMENT_SIZE_BYTES),
        load_element(address + 3 * ELEMENT_SIZE_BYTES),
    )
    return (real[0], x_imaginary), (real[1], y_imaginary)


@njit
def store_point(address, point, degree):
    """Write a tuple of two coordinates, of which `degree` elements each count, to an address (int64)."""
    step = degree * ELEMENT_SIZE_BYTES
    store_element(address, point[0][0])
    store_element(address + step, point[1][0])
    if degree == 2:
        store_element(address + ELEMENT_SIZE_BYTES, point[0][1])
        store_element(address + step + ELEMENT_SIZE_BYTES, point[1][1])


@njit
def read_point(address, degree):
    """Whether a point is at an address (int64), and a tuple of two coordinates, infinity unless so."""
    for index in range(2 * degree):
        if not is_element(address + ELEMENT_SIZE_BYTES * index):
            return False, INFINITY
    point = load_point(address, degree)
    if not is_on_curve(point, degree):
        return False, INFINITY
    return True, point


@njit
def is_on_curve(point, degree):
    """Whether a tuple of two coordinates is on the curve, or infinity."""
    x, y = point
    b = B_G1 if degree == 1 else B_G2
    right = add_2(multiply_2(square_2(x), x), b)
    return is_zero_2(subtract_2(square_2(y), right)) or is_infinity(point)


@njit
def add_at(number, data, size_bytes, output):
    """
    Add two points of G1 or G2; that they are in the subgroup is not asked.

    number : int64, BLS_G1_ADD or BLS_G2_ADD
    data, size_bytes : int64, the input: two points
    output : int64, the address of a point, written

    Returns the size of the output, or FAILED for what is no point.
    """
    degree = 1 if number == BLS_G1_ADD else 2
    point_size = 2 * degree * ELEMENT_SIZE_BYTES
    if size_bytes != 2 * point_size:
        return FAILED
    is_first, first = read_point(data, degree)
    is_second, second = read_point(data + point_size, degree)
    if not (is_first and is_second):
        return FAILED
    store_point(output, add_points(first, second), degree)
    return point_size
