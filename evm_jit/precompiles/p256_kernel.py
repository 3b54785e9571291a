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
from evm_jit.precompiles.modular_power import power_modulo
from evm_jit.precompiles.montgomery import difference_modulo, product_modulo, sum_modulo
from primitives.kernels_cache import njit
from primitives.memory import scratch
from primitives.u256 import load_big_endian, load_limbs, store_limbs
from primitives.wide_integers import Constant, low_int64

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
P_WORD, N_WORD = Constant(P), Constant(N)
N_MINUS_TWO: Final = np.frombuffer((N - 2).to_bytes(WORD_SIZE_BYTES, "big"), dtype=np.uint8)
SCALAR_FROM_WORD: Final = Constant(RADIX**2 % N)
P_MINUS_N: Final = Constant(P - N)

# The scalar of G is taken in digits of eight bits, that of the key in digits of four.
GENERATOR_MULTIPLES: Final = generator_multiples(256)
KEY_MULTIPLE_COUNT: Final = 16
POINT_SIZE_BYTES: Final = 3 * WORD_SIZE_BYTES
_key_multiples_scratch = scratch(KEY_MULTIPLE_COUNT * POINT_SIZE_BYTES)

add_elements, subtract, _product = sum_modulo(P), difference_modulo(P), product_modulo(P)
_scalar_product = product_modulo(N)


@njit
def multiply(a, b):
    """The product of two elements of Fp, U256 scalars."""
    return _product(a, b)


@njit
def twice(a):
    """2 a of an element of Fp, a U256 scalar."""
    return add_elements(a, a)


@njit
def double(point):
    """
    Twice a tuple of Jacobian coordinates; infinity stays infinity.

    delta = Z^2, gamma = Y^2, beta = X gamma, alpha = 3 (X - delta) (X + delta)
    X3 = alpha^2 - 8 beta, Y3 = alpha (4 beta - X3) - 8 gamma^2, Z3 = 2 Y Z
    Source: EFD, shortw/jacobian-3, dbl-2001-b.
    """
    x, y, z = point
    delta, gamma = multiply(z, z), multiply(y, y)
    beta4 = twice(twice(multiply(x, gamma)))
    third = multiply(subtract(x, delta), add_elements(x, delta))
    alpha = add_elements(twice(third), third)
    new_x = subtract(multiply(alpha, alpha), twice(beta4))
    gamma_squared = multiply(gamma, gamma)
    new_y = subtract(multiply(alpha, subtract(beta4, new_x)), twice(twice(twice(gamma_squared))))
    return new_x, new_y, twice(multiply(y, z))


@njit
def add(first, second):
    """
    The sum of two tuples of Jacobian coordinates.

    U1 = X1 Z2^2, U2 = X2 Z1^2, S1 = Y1 Z2^3, S2 = Y2 Z1^3, H = U2 - U1, R = S2 - S1
    X3 = R^2 - H^3 - 2 U1 H^2, Y3 = R (U1 H^2 - X3) - S1 H^3, Z3 = H Z1 Z2
    Source: EFD, shortw/jacobian, add-1998-cmo.
    """
    x1, y1, z1 = first
    x2, y2, z2 = second
    if not z1:
        return second
    if not z2:
        return first
    z1_squared, z2_squared = multiply(z1, z1), multiply(z2, z2)
    u1, s1 = multiply(x1, z2_squared), multiply(y1, multiply(z2, z2_squared))
    h = subtract(multiply(x2, z1_squared), u1)
    r = subtract(multiply(y2, multiply(z1, z1_squared)), s1)
    if not h:
        return double(first) if not r else (ONE, ONE, ZERO)
    h_squared = multiply(h, h)
    h_cubed = multiply(h, h_squared)
    v = multiply(u1, h_squared)
    new_x = subtract(subtract(multiply(r, r), h_cubed), twice(v))
    new_y = subtract(multiply(r, subtract(v, new_x)), multiply(s1, h_cubed))
    return new_x, new_y, multiply(h, multiply(z1, z2))


@njit
def store_point(address, point):
    """Keep a tuple of Jacobian coordinates at an address (int64)."""
    store_limbs(address, point[0])
    store_limbs(address + 32, point[1])
    store_limbs(address + 64, point[2])


@njit
def load_point(address):
    """A tuple of Jacobian coordinates from an address (int64)."""
    return load_limbs(address), load_limbs(address + 32), load_limbs(address + 64)


@njit
def generator_multiple(digit):
    """The multiple of G by an int64 in [0, 256): a tuple of Jacobian coordinates."""
    if digit == 0:
        return ONE, ONE, ZERO
    at = GENERATOR_MULTIPLES.ctypes.data + 2 * WORD_SIZE_BYTES * digit
    return load_limbs(at), load_limbs(at + WORD_SIZE_BYTES), ONE


@njit
def double_multiply(u, v, key):
    """The point u G + v Q, for U256 scalars and the point Q, all tuples of Jacobian coordinates."""
    multiples = _key_multiples_scratch()
    multiple = (ONE, ONE, ZERO)
    for digit in range(KEY_MULTIPLE_COUNT):
        store_point(multiples + POINT_SIZE_BYTES * digit, multiple)
        multiple = add(multiple, key)
    total = (ONE, ONE, ZERO)
    for place in range(252, -1, -4):
        for _ in range(4):
            total = double(total)
        digit = low_int64(v >> place) & 15
        total = add(total, load_point(multiples + POINT_SIZE_BYTES * digit))
        if place % 8 == 0:
            total = add(total, generator_multiple(low_int64(u >> place) & 255))
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
    three_x = add_elements(twice(x), x)
    if multiply(y, y) != add_elements(subtract(multiply(multiply(x, x), x), three_x), B):
        return False
    exponent, size, zero_bits = np.int64(N_MINUS_TWO.ctypes.data), np.int64(WORD_SIZE_BYTES), np.int64(0)
    s_inverse = _scalar_product(power_modulo(s, N_WORD, exponent, size, zero_bits), SCALAR_FROM_WORD)
    u, v = _scalar_product(load_big_endian(data), s_inverse), _scalar_product(r, s_inverse)
    sum_x, _, sum_z = double_multiply(u, v, (x, y, ONE))
    if not sum_z:
        return False
    z_squared = multiply(sum_z, sum_z)
    if multiply(multiply(r, FROM_WORD), z_squared) == sum_x:
        return True
    return r < P_MINUS_N and multiply(multiply(r + N_WORD, FROM_WORD), z_squared) == sum_x
