"""
The map from Fp to G1 of BLS12-381 (0x10) in a kernel.

An element goes to a point of an isogenous curve E': y^2 = x^3 + A x + B by the simplified map of Shallue, van de
Woestijne and Ulas, from there to the curve by the isogeny, and into the subgroup by a multiple.
Source: EIP-2537; RFC 9380, sections 6.6.2, 6.6.3, 8.8.1 and appendix F.2.
"""

# mypy: allow-untyped-defs, allow-untyped-calls

from typing import Final

import numpy as np

from evm_jit.precompiles.bls12_381 import ELEMENT_SIZE_BYTES, G1_SIZE_BYTES
from evm_jit.precompiles.bls12_381_isogeny import X_DENOMINATOR, X_NUMERATOR, Y_DENOMINATOR, Y_NUMERATOR, A, B
from evm_jit.precompiles.bls12_381_kernel import (
    MODULUS,
    NUMBER_ONE,
    NUMBER_SIZE_BYTES,
    ONE,
    RADIX,
    ZERO,
    add,
    element,
    invert,
    is_element,
    load_element,
    load_limbs,
    multiply,
    store_limbs,
    store_point,
    subtract,
)
from evm_jit.precompiles.bls12_381_msm import G1, square, times_parameter_g1, widen_g1
from evm_jit.precompiles.statuses import FAILED
from primitives.kernels_cache import njit
from primitives.memory import scratch
from primitives.wide_integers import low_int64

Z: Final = 11  # The least non-square fit for the map.
WINDOW_BITS: Final = 4
POWER_COUNT: Final = 1 << WINDOW_BITS
assert MODULUS % 4 == 3
ROOT_OF_MINUS_Z: Final = pow(-Z, (MODULUS + 1) // 4, MODULUS)
assert ROOT_OF_MINUS_Z**2 % MODULUS == MODULUS - Z


def exponent_digits(exponent: int) -> list[int]:
    """In digits of WINDOW_BITS, the highest first."""
    digits = []
    while exponent:
        digits.append(exponent % POWER_COUNT)
        exponent >>= WINDOW_BITS
    return digits[::-1]


EXPONENT: Final = np.array(exponent_digits((MODULUS - 3) // 4), dtype=np.int64)
# uint64[count, 6]: coefficients of all four polynomials one behind another, in Montgomery form, the highest first.
_POLYNOMIALS: Final = (X_NUMERATOR, X_DENOMINATOR, Y_NUMERATOR, Y_DENOMINATOR)
COEFFICIENTS: Final = np.array(
    [
        [value * RADIX % MODULUS >> place & (2**64 - 1) for place in range(0, 8 * NUMBER_SIZE_BYTES, 64)]
        for polynomial in _POLYNOMIALS
        for value in reversed(polynomial)
    ],
    dtype=np.uint64,
)
X_NUMERATOR_AT, X_DENOMINATOR_AT, Y_NUMERATOR_AT, Y_DENOMINATOR_AT = (
    NUMBER_SIZE_BYTES * sum(len(earlier) for earlier in _POLYNOMIALS[:index]) for index in range(4)
)
X_NUMERATOR_DEGREE, X_DENOMINATOR_DEGREE, Y_NUMERATOR_DEGREE, Y_DENOMINATOR_DEGREE = (
    len(polynomial) - 1 for polynomial in _POLYNOMIALS
)

_A, _B, _Z, _ROOT_OF_MINUS_Z = element(A), element(B), element(Z), element(ROOT_OF_MINUS_Z)
_powers_scratch = scratch(POWER_COUNT * NUMBER_SIZE_BYTES)
_add_affine, _to_affine = G1.add_affine, G1.to_affine


@njit
def power_for_root(a):
    """a^((p - 3) / 4) of a scalar of Fp: times a, a root of a or of -a."""
    powers, power = _powers_scratch(), ONE
    for index in range(POWER_COUNT):
        store_limbs(powers + NUMBER_SIZE_BYTES * index, power)
        power = multiply(power, a)
    result = ONE
    for digit in EXPONENT:
        for _ in range(WINDOW_BITS):
            result = square(result)
        if digit:
            result = multiply(result, load_limbs(powers + NUMBER_SIZE_BYTES * digit))
    return result


@njit
def root_of_ratio(u, v):
    """
    Whether u / v is a square, and a root of it, or else of Z u / v; u and v, not 0, are scalars of Fp.

    Source: RFC 9380, appendix F.2.1.2.
    """
    product = multiply(u, v)
    root = multiply(power_for_root(multiply(square(v), product)), product)
    is_square = multiply(square(root), v) == u
    return is_square, root if is_square else multiply(root, _ROOT_OF_MINUS_Z)


@njit
def is_odd(a):
    """Whether the number that a scalar of Fp stands for is odd: its sign, sgn0 of RFC 9380."""
    return low_int64(multiply(a, NUMBER_ONE)) & 1 == 1


@njit
def map_to_isogenous(u):
    """
    The point of E' for a scalar of Fp, a tuple of two.

    Source: RFC 9380, appendix F.2, whose names for the steps are tv1 to tv6.
    """
    z_u_squared = multiply(_Z, square(u))  # tv1
    both = add(square(z_u_squared), z_u_squared)  # tv2
    numerator = multiply(_B, add(both, ONE))  # tv3
    denominator = multiply(_A, _Z if not both else subtract(ZERO, both))  # tv4
    denominator_squared = square(denominator)
    cube = multiply(denominator_squared, denominator)
    # x^3 + A x + B at x = numerator / denominator, times the cube.
    right = multiply(add(square(numerator), multiply(_A, denominator_squared)), numerator)
    is_square, y = root_of_ratio(add(right, multiply(_B, cube)), cube)
    if not is_square:
        numerator = multiply(z_u_squared, numerator)
        y = multiply(multiply(z_u_squared, u), y)
    if is_odd(u) != is_odd(y):
        y = subtract(ZERO, y)
    return multiply(numerator, invert(denominator)), y


@njit
def evaluate(offset, degree, x):
    """The polynomial whose coefficients begin at an offset (int64) in COEFFICIENTS, at a scalar of Fp."""
    place = np.int64(COEFFICIENTS.ctypes.data) + offset
    result = load_limbs(place)
    for _ in range(degree):
        place += NUMBER_SIZE_BYTES
        result = add(multiply(result, x), load_limbs(place))
    return result


@njit
def map_along_isogeny(point):
    """The image of a point of E', a tuple of two scalars of Fp, in Jacobian coordinates."""
    x, y = point
    x_denominator = evaluate(X_DENOMINATOR_AT, X_DENOMINATOR_DEGREE, x)
    y_denominator = evaluate(Y_DENOMINATOR_AT, Y_DENOMINATOR_DEGREE, x)
    z = multiply(x_denominator, y_denominator)
    new_x = multiply(multiply(evaluate(X_NUMERATOR_AT, X_NUMERATOR_DEGREE, x), y_denominator), z)
    new_y = multiply(multiply(y, evaluate(Y_NUMERATOR_AT, Y_NUMERATOR_DEGREE, x)), multiply(x_denominator, square(z)))
    return new_x, new_y, z


@njit
def into_subgroup(point):
    """1 - x times a point of the curve, a tuple of Jacobian coordinates. Source: RFC 9380, section 8.8.1."""
    x, y, z = point
    # On the curve on which z is 1.
    new_x, new_y, new_z = _add_affine(times_parameter_g1((x, y, ONE)), (x, y))
    return new_x, new_y, multiply(new_z, z)


@njit
def map_to_g1_at(data, size_bytes, output):
    """
    The point of G1 for an element.

    data, size_bytes : int64, the input: an element
    output : int64, the address of a point, written

    Returns the size of the output, or FAILED for what is no element.
    """
    if size_bytes != ELEMENT_SIZE_BYTES or not is_element(data):
        return FAILED
    point = into_subgroup(map_along_isogeny(map_to_isogenous(load_element(data))))
    store_point(output, widen_g1(_to_affine(point)), 1)
    return G1_SIZE_BYTES
