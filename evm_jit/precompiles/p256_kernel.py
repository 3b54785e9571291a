"""
P256VERIFY (0x100) in kernels: an ECDSA signature over secp256r1, y^2 = x^3 - 3 x + b over Fp, of order n.

Coordinates are U256 in Montgomery form. A point is Jacobian, (X / Z^2, Y / Z^3), infinity with Z = 0; none has y = 0,
as the order of the group is odd. Source: EIP-7951; SEC 1, 4.1.4; the curve from SEC 2, 2.4.2.
"""

# mypy: allow-untyped-defs, allow-untyped-calls

from typing import Final

import numpy as np
from numpy.typing import NDArray

from evm_jit.precompiles import p256verify
from evm_jit.precompiles.binary_inverse import almost_inverse, inverse_scales
from evm_jit.precompiles.montgomery import difference_modulo, product_modulo, sum_modulo
from evm_jit.precompiles.weierstrass import ODD_MULTIPLES, WINDOW_BITS, Field, curve_over, write_digits
from primitives.kernels_cache import njit
from primitives.memory import load_byte, scratch
from primitives.u256 import load_big_endian, load_limbs, store_limbs
from primitives.wide_integers import Constant, choose, low_int64, u256, u320

P, N = int(p256verify.P), int(p256verify.N)
RADIX: Final = 1 << 256
WORD_SIZE_BYTES: Final = 32


def element(value: int) -> Constant:
    """An element of Fp that kernels can use as a global."""
    return Constant(value * RADIX % P)


def generator_multiples(count: int) -> NDArray[np.uint64]:
    """uint64[count, 2, 4]: the coordinates of 0 G (as zeros), 1 G, 2 G and so on, in Montgomery form."""
    table = np.zeros((count, 2, 4), dtype=np.uint64)
    multiple = p256verify.INFINITY
    for index in range(1, count):
        multiple = p256verify.add(multiple, (*p256verify.GENERATOR, 1))
        for row, value in enumerate(p256verify.to_affine(multiple)):
            word = element(int(value)).value
            table[index, row] = [word >> 64 * limb & (2**64 - 1) for limb in range(4)]
    return table


ZERO, ONE = element(0), element(1)
B: Final = element(int(p256verify.B))
FROM_WORD: Final = element(RADIX)  # Times it, a word x becomes x 2^256.
P_WORD, N_WORD, WORD_ONE = Constant(P), Constant(N), Constant(1)
HALF_OF_ONE: Final = Constant((P + 1) // 2)  # In no special form: what halving an odd number adds.
INVERSE_SCALES, SCALAR_INVERSE_SCALES = inverse_scales(P, 256), inverse_scales(N, 256)
P_MINUS_N: Final = Constant(P - N)

# The scalar of G is taken in digits of eight bits, that of the key in signed ones.
GENERATOR_DIGIT_BITS: Final = 8
GENERATOR_MULTIPLES: Final = generator_multiples(1 << GENERATOR_DIGIT_BITS)
SCALAR_BITS: Final = 256
_entries_scratch = scratch(ODD_MULTIPLES * 4 * WORD_SIZE_BYTES)
_table_scratch = scratch(ODD_MULTIPLES * 2 * WORD_SIZE_BYTES)
_digits_scratch = scratch((SCALAR_BITS + WINDOW_BITS + 15) // 16 * 16)
_number_scratch = scratch(2 * WORD_SIZE_BYTES)

add_elements, subtract, _product = sum_modulo(P), difference_modulo(P), product_modulo(P)
_scalar_product = product_modulo(N)


@njit
def multiply(a, b):
    """The product of two elements of Fp, U256 scalars."""
    return _product(a, b)


@njit
def square(a):
    """The square of an element of Fp, a U256 scalar."""
    return _product(a, a)


@njit
def halve(a):
    """Half an element of Fp, a U256 scalar."""
    half = a >> 1
    return choose(low_int64(a) & 1 == 1, half + HALF_OF_ONE, half)


@njit
def invert(a):
    """The inverse of an element of Fp, a U256 scalar, and 0 for 0."""
    if not a:
        return a
    rest, k = almost_inverse(u320(a), u320(P_WORD))
    return multiply(u256(rest), load_limbs(np.int64(INVERSE_SCALES.ctypes.data) + WORD_SIZE_BYTES * k))


@njit
def zero():
    """An element of Fp."""
    return ZERO


@njit
def one():
    """An element of Fp."""
    return ONE


@njit
def is_zero(a):
    """Whether an element of Fp, a U256 scalar, is 0."""
    return not a


CURVE: Final = curve_over(
    Field(
        *(multiply, square, add_elements, subtract, halve, invert, is_zero, load_limbs, store_limbs, zero, one),
        size_bytes=WORD_SIZE_BYTES,
    ),
    a_is_minus_three=True,
)
double, add_affine, odd_multiples, make_affine, add_digit, infinity = (
    *(CURVE.double, CURVE.add_affine, CURVE.odd_multiples, CURVE.make_affine, CURVE.add_digit),
    CURVE.infinity,
)


@njit
def inverse_of_scalar(s):
    """1 / s modulo n of a U256 scalar, 0 < s < n; times 2^256."""
    rest, k = almost_inverse(u320(s), u320(N_WORD))
    scale = load_limbs(np.int64(SCALAR_INVERSE_SCALES.ctypes.data) + WORD_SIZE_BYTES * k)
    return _scalar_product(_scalar_product(u256(rest), scale), WORD_ONE)


@njit
def double_multiply(u, v, key):
    """The point u G + v Q, a tuple of Jacobian coordinates, for U256 scalars and Q, a tuple of affine ones."""
    entries, table, digits, number = _entries_scratch(), _table_scratch(), _digits_scratch(), _number_scratch()
    odd_multiples(key, entries)
    make_affine(entries, ODD_MULTIPLES, table)
    store_limbs(number + WORD_SIZE_BYTES, ZERO)
    store_limbs(number, v)
    write_digits(number, SCALAR_BITS, digits)
    store_limbs(number, u)
    total = infinity()
    for place in range(SCALAR_BITS, -1, -1):
        total = add_digit(double(total), load_byte(digits + place), table)
        if place % GENERATOR_DIGIT_BITS == 0:
            digit = load_byte(number + (place >> 3))
            if digit:
                at = np.int64(GENERATOR_MULTIPLES.ctypes.data) + 2 * WORD_SIZE_BYTES * digit
                total = add_affine(total, (load_limbs(at), load_limbs(at + WORD_SIZE_BYTES)))
    return total


@njit
def is_valid_signature(data):
    """
    Whether the signature holds that the contract's input has: digest, r, s, key x, key y, at an address (int64).

    The x coordinate of u G + v Q must be r modulo n: it is r, or r + n if that is below p.
    """
    r, s = load_big_endian(data + 32), load_big_endian(data + 64)
    x_word, y_word = load_big_endian(data + 96), load_big_endian(data + 128)
    if not r or r >= N_WORD or not s or s >= N_WORD or x_word >= P_WORD or y_word >= P_WORD:
        return False
    x, y = multiply(x_word, FROM_WORD), multiply(y_word, FROM_WORD)
    # (0, 0), which stands for infinity elsewhere, is not on the curve.
    three_x = add_elements(add_elements(x, x), x)
    if square(y) != add_elements(subtract(multiply(square(x), x), three_x), B):
        return False
    s_inverse = inverse_of_scalar(s)
    u, v = _scalar_product(load_big_endian(data), s_inverse), _scalar_product(r, s_inverse)
    sum_x, _, sum_z = double_multiply(u, v, (x, y))
    if not sum_z:
        return False
    z_squared = square(sum_z)
    if multiply(multiply(r, FROM_WORD), z_squared) == sum_x:
        return True
    return r < P_MINUS_N and multiply(multiply(r + N_WORD, FROM_WORD), z_squared) == sum_x
