"""
The map from Fp2 to G2 of BLS12-381 (0x11) in a kernel: that of `bls12_381_map`, over Fp2.

A root in Fp2 takes two powers in Fp, and endomorphisms lead into the subgroup by two multiples.
Source: EIP-2537; RFC 9380, sections 6.6.2, 6.6.3, 8.8.2 and appendices F.2 and G.3; Budroni and Pintore, Efficient Hash
Maps to G2 on BLS Curves (2017).
"""

# mypy: allow-untyped-defs, allow-untyped-calls

from typing import Final

import numpy as np

from evm_jit.precompiles.bls12_381 import ELEMENT_SIZE_BYTES, G2_SIZE_BYTES
from evm_jit.precompiles.bls12_381_isogeny import (
    A_2,
    B_2,
    X_DENOMINATOR_2,
    X_NUMERATOR_2,
    Y_DENOMINATOR_2,
    Y_NUMERATOR_2,
)
from evm_jit.precompiles.bls12_381_kernel import (
    MODULUS,
    NUMBER_SIZE_BYTES,
    ONE,
    RADIX,
    ZERO,
    add,
    add_2,
    element,
    halve,
    invert_2,
    is_element,
    is_zero_2,
    load_element,
    multiply,
    multiply_2,
    square_2,
    store_point,
    subtract,
    subtract_2,
)
from evm_jit.precompiles.bls12_381_map import is_odd, power_for_root
from evm_jit.precompiles.bls12_381_msm import G2, load_2, psi, square, times_parameter_g2, zero_2
from evm_jit.precompiles.statuses import FAILED
from primitives.kernels_cache import njit

Z: Final = (-2 % MODULUS, -1 % MODULUS)  # No square.
NORM_OF_Z: Final = 5
ROOT_OF_MINUS_NORM: Final = pow(-NORM_OF_Z, (MODULUS + 1) // 4, MODULUS)
assert ROOT_OF_MINUS_NORM**2 % MODULUS == MODULUS - NORM_OF_Z
DEGREE_MAX: Final = 3

# uint64[4, 4, 2, 6]: coefficients of four polynomials in Montgomery form, the highest first, behind zeros.
COEFFICIENTS: Final = np.array(
    [
        [
            [[part * RADIX % MODULUS >> place & (2**64 - 1) for place in range(0, 384, 64)] for part in value]
            for value in [(0, 0)] * (DEGREE_MAX + 1 - len(polynomial)) + list(reversed(polynomial))
        ]
        for polynomial in (X_NUMERATOR_2, X_DENOMINATOR_2, Y_NUMERATOR_2, Y_DENOMINATOR_2)
    ],
    dtype=np.uint64,
)
ELEMENT_2_SIZE_BYTES: Final = 2 * NUMBER_SIZE_BYTES

_A, _B, _Z = ((element(value[0]), element(value[1])) for value in (A_2, B_2, Z))
_ONE_2: Final = (ONE, ZERO)
_ROOT_OF_MINUS_NORM: Final = element(ROOT_OF_MINUS_NORM)
_add, _double, _to_affine = G2.add, G2.double, G2.to_affine


@njit
def root_of_square(a, norm_root):
    """
    A root of a tuple of Fp2 that has one.

    norm_root : scalar of Fp, a root of a0^2 + a1^2

    With d = (a0 + n) / 2 and t a root of 1 / d: d t + (a1 t / 2) i. If d has no root, t is one of -1 / d, and the root
    is -a1 t / 2 + d t i.
    """
    d = halve(add(a[0], norm_root))
    if not d:
        d = a[0]
    t = power_for_root(d)
    whole, half = multiply(d, t), halve(multiply(a[1], t))
    if square(whole) == d:
        return whole, half
    return subtract(ZERO, half), whole


@njit
def root_or_root_times_z(a):
    """Whether a tuple of Fp2 is a square, which its norm a0^2 + a1^2 tells, and a root of it, or else of Z a."""
    norm = add(square(a[0]), square(a[1]))
    norm_root = multiply(norm, power_for_root(norm))
    if square(norm_root) == norm:
        return True, root_of_square(a, norm_root)
    # It is a root of -norm, and the norm of Z a is NORM_OF_Z times as large.
    return False, root_of_square(multiply_2(_Z, a), multiply(norm_root, _ROOT_OF_MINUS_NORM))


@njit
def is_odd_2(a):
    """The sign of a tuple of Fp2: sgn0 of RFC 9380, section 4.1."""
    return is_odd(a[0]) if a[0] else is_odd(a[1])


@njit
def map_to_isogenous(u):
    """The point of the isogenous curve for a tuple of Fp2: two of them. Source: RFC 9380, section 6.6.2."""
    z_u_squared = multiply_2(_Z, square_2(u))
    both = add_2(square_2(z_u_squared), z_u_squared)
    numerator = multiply_2(_B, add_2(both, _ONE_2))
    denominator = multiply_2(_A, _Z if is_zero_2(both) else subtract_2(zero_2(), both))
    denominator_squared = square_2(denominator)
    cube = multiply_2(denominator_squared, denominator)
    inverse_of_cube = invert_2(cube)
    # x^3 + A x + B at x = numerator / denominator, times the cube.
    right = multiply_2(add_2(square_2(numerator), multiply_2(_A, denominator_squared)), numerator)
    right = multiply_2(add_2(right, multiply_2(_B, cube)), inverse_of_cube)
    x = multiply_2(multiply_2(numerator, denominator_squared), inverse_of_cube)
    is_square, y = root_or_root_times_z(right)
    if not is_square:
        x = multiply_2(z_u_squared, x)
        y = multiply_2(multiply_2(z_u_squared, u), y)
    if is_odd_2(u) != is_odd_2(y):
        y = subtract_2(zero_2(), y)
    return x, y


@njit
def evaluate(index, x):
    """The polynomial with a number (int64) in COEFFICIENTS, at a tuple of Fp2."""
    place = np.int64(COEFFICIENTS.ctypes.data) + (DEGREE_MAX + 1) * ELEMENT_2_SIZE_BYTES * index
    result = load_2(place)
    for _ in range(DEGREE_MAX):
        place += ELEMENT_2_SIZE_BYTES
        result = add_2(multiply_2(result, x), load_2(place))
    return result


@njit
def map_along_isogeny(point):
    """The image of a point of the isogenous curve, a tuple of two of Fp2, in Jacobian coordinates."""
    x, y = point
    x_numerator, x_denominator, y_numerator, y_denominator = (
        evaluate(0, x),
        evaluate(1, x),
        evaluate(2, x),
        evaluate(3, x),
    )
    z = multiply_2(x_denominator, y_denominator)
    new_x = multiply_2(multiply_2(x_numerator, y_denominator), z)
    return new_x, multiply_2(multiply_2(y, y_numerator), multiply_2(x_denominator, square_2(z))), z


@njit
def negate(point):
    """The negative of a tuple of Jacobian coordinates."""
    return point[0], subtract_2(zero_2(), point[1]), point[2]


@njit
def into_subgroup(point):
    """
    (x^2 - x - 1) P + (x - 1) psi(P) + 2 psi(psi(P)) for a point of the twist, a tuple of Jacobian coordinates.

    That is x T - T - P + psi(psi(2 P)) with T = x P + psi(P), where x is below 0. Source: RFC 9380, appendix G.3.
    """
    t = _add(negate(times_parameter_g2(point)), psi(*point))
    twice = _double(point)
    last = psi(*twice)
    rest = _add(psi(*last), negate(_add(t, point)))
    return _add(negate(times_parameter_g2(t)), rest)


@njit
def map_to_g2_at(data, size_bytes, output):
    """
    The point of G2 for an element of Fp2.

    data, size_bytes : int64, the input: its real and its imaginary part
    output : int64, the address of a point, written

    Returns the size of the output, or FAILED for what is no element.
    """
    if size_bytes != 2 * ELEMENT_SIZE_BYTES or not (is_element(data) and is_element(data + ELEMENT_SIZE_BYTES)):
        return FAILED
    u = load_element(data), load_element(data + ELEMENT_SIZE_BYTES)
    store_point(output, _to_affine(into_subgroup(map_along_isogeny(map_to_isogenous(u)))), 2)
    return G2_SIZE_BYTES
