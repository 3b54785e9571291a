"""
The extensions of Fp: Fp2 = Fp[i], Fp6 = Fp2[v], Fp12 = Fp6[w], with i^2 = -1, v^3 = xi = 9 + i, w^2 = v.

An element is a tuple of coefficients, the constant one first. The digits of a function's name say where it works.
Source: Beuchat et al., High-Speed Software Implementation of the Optimal Ate Pairing over Barreto-Naehrig Curves
(2010), whose algorithms are named below; products by Karatsuba's method.
"""

from typing import Final, TypeAlias

from evm_jit.precompiles.bn254.field import ONE, ZERO, Fp, add, element, invert, multiply, negate, subtract
from evm_jit.precompiles.bn254.parameters import FROBENIUS_SQUARED_W, FROBENIUS_W, MODULUS, Complex, complex_power
from primitives.kernels_cache import njit

Fp2: TypeAlias = tuple[Fp, Fp]
Fp6: TypeAlias = tuple[Fp2, Fp2, Fp2]
Fp12: TypeAlias = tuple[Fp6, Fp6]


def constant_2(value: Complex) -> Fp2:
    """An element of Fp2 that kernels can use as a global."""
    return element(value[0]), element(value[1])


ZERO_2: Final = (ZERO, ZERO)
ONE_2: Final = (ONE, ZERO)
ZERO_6: Final = (ZERO_2, ZERO_2, ZERO_2)
ONE_6: Final = (ONE_2, ZERO_2, ZERO_2)
ONE_12: Final = (ONE_6, ZERO_6)

# The powers w^(k (p - 1)) and w^(k (p^2 - 1)), k = 1 to 5.
_W1, _W2, _W3, _W4, _W5 = (constant_2(complex_power(FROBENIUS_W, power)) for power in range(1, 6))
_S1, _S2, _S3, _S4, _S5 = (element(pow(FROBENIUS_SQUARED_W, power, MODULUS)) for power in range(1, 6))


# Fp2


@njit
def add_2(a: Fp2, b: Fp2) -> Fp2:
    """The sum of two elements, each a tuple of Fp2."""
    return add(a[0], b[0]), add(a[1], b[1])


@njit
def subtract_2(a: Fp2, b: Fp2) -> Fp2:
    """The difference of two elements, each a tuple of Fp2."""
    return subtract(a[0], b[0]), subtract(a[1], b[1])


@njit
def negate_2(a: Fp2) -> Fp2:
    """The negative of a tuple of Fp2."""
    return negate(a[0]), negate(a[1])


@njit
def conjugate_2(a: Fp2) -> Fp2:
    """a^p of a tuple of Fp2, which is a0 - a1 i."""
    return a[0], negate(a[1])


@njit
def double_2(a: Fp2) -> Fp2:
    """2 a of a tuple of Fp2."""
    return add(a[0], a[0]), add(a[1], a[1])


@njit
def triple_2(a: Fp2) -> Fp2:
    """3 a of a tuple of Fp2."""
    return add_2(double_2(a), a)


@njit
def multiply_2(a: Fp2, b: Fp2) -> Fp2:
    """
    The product of two elements, each a tuple of Fp2.

    (a0 b0 - a1 b1) + ((a0 + a1) (b0 + b1) - a0 b0 - a1 b1) i
    """
    low = multiply(a[0], b[0])
    high = multiply(a[1], b[1])
    cross = multiply(add(a[0], a[1]), add(b[0], b[1]))
    return subtract(low, high), subtract(subtract(cross, low), high)


@njit
def square_2(a: Fp2) -> Fp2:
    """The square of a tuple of Fp2: (a0 + a1) (a0 - a1) + 2 a0 a1 i."""
    product = multiply(a[0], a[1])
    return multiply(add(a[0], a[1]), subtract(a[0], a[1])), add(product, product)


@njit
def scale_2(a: Fp2, factor: Fp) -> Fp2:
    """A tuple of Fp2 times a scalar of Fp."""
    return multiply(a[0], factor), multiply(a[1], factor)


@njit
def multiply_by_xi(a: Fp2) -> Fp2:
    """A tuple of Fp2 times xi: (9 a0 - a1) + (9 a1 + a0) i."""
    eight_times = double_2(double_2(double_2(a)))
    nine_times = add_2(eight_times, a)
    return subtract(nine_times[0], a[1]), add(nine_times[1], a[0])


@njit
def invert_2(a: Fp2) -> Fp2:
    """The inverse of a tuple of Fp2, (a0 - a1 i) / (a0^2 + a1^2), and 0 for 0."""
    norm_inverse = invert(add(multiply(a[0], a[0]), multiply(a[1], a[1])))
    return multiply(a[0], norm_inverse), negate(multiply(a[1], norm_inverse))


@njit
def is_equal_2(a: Fp2, b: Fp2) -> bool:
    """Whether two elements, each a tuple of Fp2 are the same."""
    return a[0] == b[0] and a[1] == b[1]  # type: ignore[no-any-return]


# Fp6


@njit
def add_6(a: Fp6, b: Fp6) -> Fp6:
    """The sum of two elements, each a tuple of Fp6."""
    return add_2(a[0], b[0]), add_2(a[1], b[1]), add_2(a[2], b[2])


@njit
def subtract_6(a: Fp6, b: Fp6) -> Fp6:
    """The difference of two elements, each a tuple of Fp6."""
    return subtract_2(a[0], b[0]), subtract_2(a[1], b[1]), subtract_2(a[2], b[2])


@njit
def multiply_by_v(a: Fp6) -> Fp6:
    """A tuple of Fp6 times v: xi a2 + a0 v + a1 v^2."""
    return multiply_by_xi(a[2]), a[0], a[1]


@njit
def multiply_6(a: Fp6, b: Fp6) -> Fp6:
    """
    The product of two elements, each a tuple of Fp6.

    With c_jk = (a_j + a_k) (b_j + b_k) - a_j b_j - a_k b_k: (a0 b0 + xi c12) + (c01 + xi a2 b2) v + (c02 + a1 b1) v^2.
    Source: Beuchat et al., algorithm 13.
    """
    t0 = multiply_2(a[0], b[0])
    t1 = multiply_2(a[1], b[1])
    t2 = multiply_2(a[2], b[2])
    c12 = subtract_2(multiply_2(add_2(a[1], a[2]), add_2(b[1], b[2])), add_2(t1, t2))
    c01 = subtract_2(multiply_2(add_2(a[0], a[1]), add_2(b[0], b[1])), add_2(t0, t1))
    c02 = subtract_2(multiply_2(add_2(a[0], a[2]), add_2(b[0], b[2])), add_2(t0, t2))
    return add_2(t0, multiply_by_xi(c12)), add_2(c01, multiply_by_xi(t2)), add_2(c02, t1)


@njit
def multiply_6_by_linear(a: Fp6, b0: Fp2, b1: Fp2) -> Fp6:
    """A tuple of Fp6 times b0 + b1 v, tuples of Fp2: `multiply_6` without b2."""
    t0 = multiply_2(a[0], b0)
    t1 = multiply_2(a[1], b1)
    c01 = subtract_2(multiply_2(add_2(a[0], a[1]), add_2(b0, b1)), add_2(t0, t1))
    return add_2(t0, multiply_by_xi(multiply_2(a[2], b1))), c01, add_2(t1, multiply_2(a[2], b0))


@njit
def scale_6(a: Fp6, factor: Fp2) -> Fp6:
    """A tuple of Fp6 times one of Fp2."""
    return multiply_2(a[0], factor), multiply_2(a[1], factor), multiply_2(a[2], factor)


@njit
def invert_6(a: Fp6) -> Fp6:
    """The inverse of a tuple of Fp6, and 0 for 0. Source: Beuchat et al., algorithm 17."""
    c0 = subtract_2(square_2(a[0]), multiply_by_xi(multiply_2(a[1], a[2])))
    c1 = subtract_2(multiply_by_xi(square_2(a[2])), multiply_2(a[0], a[1]))
    c2 = subtract_2(square_2(a[1]), multiply_2(a[0], a[2]))
    upper = multiply_by_xi(add_2(multiply_2(a[1], c2), multiply_2(a[2], c1)))
    return scale_6((c0, c1, c2), invert_2(add_2(multiply_2(a[0], c0), upper)))


# Fp12


@njit
def multiply_12(a: Fp12, b: Fp12) -> Fp12:
    """
    The product of two elements, each a tuple of Fp12.

    (a0 b0 + v a1 b1) + ((a0 + a1) (b0 + b1) - a0 b0 - a1 b1) w
    """
    low = multiply_6(a[0], b[0])
    high = multiply_6(a[1], b[1])
    cross = multiply_6(add_6(a[0], a[1]), add_6(b[0], b[1]))
    return add_6(low, multiply_by_v(high)), subtract_6(subtract_6(cross, low), high)


@njit
def square_12(a: Fp12) -> Fp12:
    """
    The square of a tuple of Fp12.

    With m = a0 a1: ((a0 + a1) (a0 + v a1) - m - v m) + 2 m w. Source: Beuchat et al., algorithm 22.
    """
    product = multiply_6(a[0], a[1])
    cross = multiply_6(add_6(a[0], a[1]), add_6(a[0], multiply_by_v(a[1])))
    return subtract_6(subtract_6(cross, product), multiply_by_v(product)), add_6(product, product)


@njit
def square_fourth(a: Fp2, b: Fp2) -> tuple[Fp2, Fp2]:
    """Of a + b s with s^2 = xi, tuples of Fp2: the square a^2 + xi b^2 + 2 a b s, nine products rather than twelve."""
    a_squared, b_squared = square_2(a), square_2(b)
    cross = subtract_2(subtract_2(square_2(add_2(a, b)), a_squared), b_squared)
    return add_2(a_squared, multiply_by_xi(b_squared)), cross


@njit
def square_cyclotomic(a: Fp12) -> Fp12:
    """
    The square of a tuple of Fp12 with a^(p^4 - p^2 + 1) = 1, in half the time.

    Source: Granger and Scott, Faster Squaring in the Cyclotomic Subgroup of Sixth Degree Extensions (2010).
    """
    (c0, c2, c4), (c1, c3, c5) = a
    d0, d3 = square_fourth(c0, c3)
    d1, d4 = square_fourth(c1, c4)
    d2, d5 = square_fourth(c2, c5)
    even = thrice_less_twice(d0, c0), thrice_less_twice(d1, c2), thrice_less_twice(d2, c4)
    odd = thrice_and_twice(multiply_by_xi(d5), c1), thrice_and_twice(d3, c3), thrice_and_twice(d4, c5)
    return even, odd


@njit
def thrice_less_twice(a: Fp2, b: Fp2) -> Fp2:
    """3 a - 2 b of tuples of Fp2."""
    return add_2(double_2(subtract_2(a, b)), a)


@njit
def thrice_and_twice(a: Fp2, b: Fp2) -> Fp2:
    """3 a + 2 b of tuples of Fp2."""
    return add_2(double_2(add_2(a, b)), a)


@njit
def multiply_12_by_line(a: Fp12, c0: Fp2, c1: Fp2, c3: Fp2) -> Fp12:
    """A tuple of Fp12 times the line c0 + c1 w + c3 w^3, tuples of Fp2: `multiply_12` with b = (c0) + (c1 + c3 v) w."""
    low = scale_6(a[0], c0)
    high = multiply_6_by_linear(a[1], c1, c3)
    cross = multiply_6_by_linear(add_6(a[0], a[1]), add_2(c0, c1), c3)
    return add_6(low, multiply_by_v(high)), subtract_6(subtract_6(cross, low), high)


@njit
def conjugate_12(a: Fp12) -> Fp12:
    """a^(p^6) of a tuple of Fp12, which is a0 - a1 w."""
    return a[0], subtract_6(ZERO_6, a[1])


@njit
def invert_12(a: Fp12) -> Fp12:
    """The inverse of a tuple of Fp12, (a0 - a1 w) / (a0^2 - v a1^2), and 0 for 0."""
    norm = subtract_6(multiply_6(a[0], a[0]), multiply_by_v(multiply_6(a[1], a[1])))
    norm_inverse = invert_6(norm)
    return multiply_6(a[0], norm_inverse), subtract_6(ZERO_6, multiply_6(a[1], norm_inverse))


@njit
def frobenius_12(a: Fp12) -> Fp12:
    """a^p of a tuple of Fp12: each coefficient of w^k is conjugated and multiplied by w^(k (p - 1))."""
    (c0, c2, c4), (c1, c3, c5) = a
    even = conjugate_2(c0), multiply_2(conjugate_2(c2), _W2), multiply_2(conjugate_2(c4), _W4)
    odd = (
        multiply_2(conjugate_2(c1), _W1),
        multiply_2(conjugate_2(c3), _W3),
        multiply_2(conjugate_2(c5), _W5),
    )
    return even, odd


@njit
def frobenius_squared_12(a: Fp12) -> Fp12:
    """a^(p^2) of a tuple of Fp12: each coefficient of w^k is multiplied by w^(k (p^2 - 1)), which is in Fp."""
    (c0, c2, c4), (c1, c3, c5) = a
    return (c0, scale_2(c2, _S2), scale_2(c4, _S4)), (scale_2(c1, _S1), scale_2(c3, _S3), scale_2(c5, _S5))


@njit
def is_one_12(a: Fp12) -> bool:
    """Whether a tuple of Fp12 is 1."""
    (c0, c2, c4), (c1, c3, c5) = a
    is_rest_zero = (
        is_equal_2(c1, ZERO_2)
        and is_equal_2(c2, ZERO_2)
        and is_equal_2(c3, ZERO_2)
        and is_equal_2(c4, ZERO_2)
        and is_equal_2(c5, ZERO_2)
    )
    return is_equal_2(c0, ONE_2) and is_rest_zero
