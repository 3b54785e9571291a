"""
Inverses modulo odd primes in kernels, of any width of `primitives.wide_integers`, by shifts and subtractions.

Source: Kaliski, The Montgomery Inverse and Its Applications (1995): phase 1; phase 2 is a product by a table.
"""

# mypy: allow-untyped-defs, allow-untyped-calls

from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numpy.typing import NDArray

from primitives.kernels_cache import njit
from primitives.wide_integers import llvm_function, low_int64, operation, trailing_zeros, u64

LIMB = ir.IntType(64)


def _shift(name: str) -> Any:
    """A shift by 0 to 63, limb by limb: half as long as LLVM's of any length."""

    def emit(builder: Any, word: Any, count: Any) -> Any:
        funnel = llvm_function(builder, f"llvm.{name}.i64", LIMB, LIMB, LIMB, LIMB)
        places = range(0, word.type.width, 64)
        limbs = [builder.trunc(builder.lshr(word, word.type(place)), LIMB) for place in places]
        # A limb gets bits from its lower neighbour or from its upper one.
        upper, lower = (limbs, [LIMB(0), *limbs[:-1]]) if name == "fshl" else ([*limbs[1:], LIMB(0)], limbs)
        shifted = word.type(0)
        for place, high, low in zip(places, upper, lower, strict=True):
            part = builder.zext(builder.call(funnel, [high, low, count]), word.type)
            shifted = builder.or_(shifted, builder.shl(part, word.type(place)))
        return shifted

    return operation(None, (None, types.int64), emit)


shift_left, shift_right = _shift("fshl"), _shift("fshr")


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
