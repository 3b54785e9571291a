"""
Inverses modulo odd primes in kernels, of any width of `primitives.wide_integers`, by shifts and subtractions.

Source: Kaliski, The Montgomery Inverse and Its Applications (1995): phase 1; phase 2 is a product by a table.
"""

# mypy: allow-untyped-defs, allow-untyped-calls

import numpy as np
from numpy.typing import NDArray

from primitives.kernels_cache import njit
from primitives.wide_integers import low_int64, shift_left, shift_right, trailing_zeros, u64


def inverse_scales(prime: int, width_bits: int) -> NDArray[np.uint64]:
    """
    What Montgomery's product with the result of `almost_inverse` takes to make it the inverse, by k, in limbs.

    That is 2^(3 w - k) mod p: times it, (x 2^w)^-1 2^k becomes x^-1 2^w.
    """
    scales = (pow(2, 3 * width_bits - k, prime) for k in range(2 * prime.bit_length() + 1))
    return np.array(
        [[scale >> place & (2**64 - 1) for place in range(0, width_bits, 64)] for scale in scales], dtype=np.uint64
    )


@njit
def almost_inverse(a, prime):
    """
    Numbers x and k, x below the prime p, with a x = 2^k mod p: a scalar of the width of `a`, and an int64.

    a, prime : scalars of one width, 0 < a < p, 4 p within the width

    It keeps a r = -u 2^k and a s = v 2^k (mod p) and ends with u = 1 and v = 0. Shifting out all zeros at once, it
    takes at most twice as many steps as p has bits, and two thirds of these bits as a rule.
    """
    u, v, r, s = prime, a, a - a, a - a + 1
    k = trailing_zeros(v)
    v = v >> k
    while True:
        if v < u:
            u, r = u - v, r + s
            while not low_int64(u) & 1:
                zeros = min(trailing_zeros(u64(u)), 63)
                u, s = shift_right(u, zeros), shift_left(s, zeros)
                k += zeros
        else:
            v, s = v - u, r + s
            if not v:
                break
            while not low_int64(v) & 1:
                zeros = min(trailing_zeros(u64(v)), 63)
                v, r = shift_right(v, zeros), shift_left(r, zeros)
                k += zeros
    return prime - (r - prime if r >= prime else r), k
