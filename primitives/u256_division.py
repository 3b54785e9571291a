"""
Division of 256-bit words, and what rests on it: DIV, MOD, SDIV, SMOD, ADDMOD, MULMOD; and EXP.

Schoolbook division in digits of 64 bits (Knuth, TAOCP 2, 4.3.1, algorithm D) with the divisor's highest bit moved to
the top. A digit is estimated from the three upper limbs of the rest and the two of the divisor by two multiplications
with a reciprocal (Moeller and Granlund, "Improved division by invariant integers", 2011); the estimate is right or one
too big. LLVM's own division of such integers goes bit by bit: ten times as long. By zero the EVM divides to 0.
"""

# mypy: allow-untyped-defs, allow-untyped-calls

import numpy as np

from primitives.kernels_cache import njit
from primitives.u256 import is_negative
from primitives.wide_integers import choose, leading_zeros, low_int64, low_uint64, u64, u128, u256, u320, u512, u576

# floor((2^19 - 3 * 2^8) / i) for i in [256, 512): eleven bits of a reciprocal (ibid., section 4.1).
RECIPROCAL_TABLE = np.array([(2**19 - 3 * 2**8) // i for i in range(256, 512)], dtype=np.uint64)
DIGIT_MAX = np.uint64(2**64 - 1)
ONE_60 = np.uint64(2**60)


@njit
def upper_half(product):
    """Bits 64 to 127 of a U128 scalar, as a U64."""
    return u64(product >> 64)


@njit
def reciprocal_of_limb(divisor):
    """
    Of a limb with its highest bit set: floor((2^128 - 1) / divisor) - 2^64.

    divisor : U64 scalar; so is the result

    Four steps, each doubling the bits that are right. Source: Moeller and Granlund, algorithm 2.
    """
    v0 = u64(RECIPROCAL_TABLE[low_int64(divisor >> 55) - 256])
    d40 = (divisor >> 24) + 1
    v1 = (v0 << 11) - ((v0 * v0 * d40) >> 40) - 1
    v2 = (v1 << 13) + ((v1 * (ONE_60 - v1 * d40)) >> 47)
    d0 = divisor & 1
    d63 = (divisor >> 1) + d0
    error = ((v2 >> 1) & -d0) - v2 * d63
    v3 = (upper_half(u128(v2) * u128(error)) >> 1) + (v2 << 31)
    return v3 - upper_half(u128(v3) * u128(divisor) + u128(divisor)) - divisor


@njit
def reciprocal_of_limbs(divisor):
    """
    Of two limbs with the highest bit set: floor((2^192 - 1) / divisor) - 2^64.

    divisor : U128 scalar; the result is a U64

    Source: Moeller and Granlund, algorithm 6.
    """
    d1, d0 = u64(divisor >> 64), u64(divisor)
    v = reciprocal_of_limb(d1)
    p = d1 * v + d0
    if p < d0:
        v -= 1
        if p >= d1:
            v -= 1
            p -= d1
        p -= d1
    product = u128(v) * u128(d0)
    p += upper_half(product)
    if p < upper_half(product):
        v -= 1
        if (u128(p) << 64) | u128(u64(product)) >= divisor:
            v -= 1
    return v


@njit
def digit_of_limb(rest, divisor, reciprocal):
    """
    One digit of a division by a limb, and what is left of the two limbs that it divides.

    rest : U128, below 2^64 * divisor
    divisor, reciprocal : U64 scalars; the divisor has its highest bit set

    Returns floor(rest / divisor) and rest mod divisor, U64. Source: Moeller and Granlund, algorithm 4.
    """
    estimate = u128(reciprocal) * u128(u64(rest >> 64)) + rest
    digit = u64(estimate >> 64) + 1
    left = u64(rest) - digit * divisor
    is_above = left > u64(estimate)
    digit = choose(is_above, digit - 1, digit)
    left = choose(is_above, left + divisor, left)
    if left >= divisor:
        digit += 1
        left -= divisor
    return digit, left


@njit
def digit_of_word(rest, divisor, reciprocal):
    """
    One digit of a division by two limbs or more, and what is left.

    rest : U320, below 2^64 * divisor
    divisor : U256 scalar with its highest bit set
    reciprocal : U64, of the divisor's two upper limbs

    Returns floor(rest / divisor), U64, and rest mod divisor, U256.
    Source: Moeller and Granlund, algorithm 5, for the estimate; Knuth, steps D3 to D6.
    """
    upper = u128(divisor >> 128)
    if u128(rest >> 192) >= upper:
        digit = u64(DIGIT_MAX)  # They are equal, and the quotient of the upper limbs would be 2^64.
    else:
        estimate = u128(reciprocal) * u128(u64(rest >> 256)) + u128(rest >> 192)
        digit = u64(estimate >> 64)
        left = u128(rest >> 128) - (u128(digit) * upper) - upper
        digit += 1
        is_above = u64(left >> 64) >= u64(estimate)
        digit = choose(is_above, digit - 1, digit)
        left = choose(is_above, left + upper, left)
        if left >= upper:
            digit += 1
    product = u320(digit) * u320(divisor)
    difference = rest - product
    if rest < product:  # One too big, once in 2^62 divisions.
        digit -= 1
        difference += u320(divisor)
    return digit, u256(difference)


@njit
def divide(dividend, divisor):
    """
    The quotient and the remainder: DIV (0x04) and MOD (0x06) in one; both 0 for a divisor of 0.

    dividend, divisor : U256 scalars; so are the results
    """
    if divisor > dividend:
        return u256(0), dividend
    if not divisor:
        return u256(0), u256(0)
    shift = leading_zeros(divisor)
    if shift >= 192:
        return divide_by_limb(dividend, u64(divisor))
    normalized = divisor << shift
    reciprocal = reciprocal_of_limbs(u128(normalized >> 128))
    # Moved by less than a limb first, then by whole ones, each of which gives a digit.
    digit, rest = digit_of_word(u320(dividend) << (shift & 63), normalized, reciprocal)
    quotient = u256(digit)
    for _ in range(shift >> 6):
        digit, rest = digit_of_word(u320(rest) << 64, normalized, reciprocal)
        quotient = (quotient << 64) | u256(digit)
    return quotient, rest >> shift


@njit
def divide_by_limb(dividend, divisor):
    """
    The quotient and the remainder of a division by a number below 2^64.

    dividend : U256 scalar; so are the results
    divisor : U64, not 0
    """
    if dividend <= DIGIT_MAX:
        small_dividend, small_divisor = low_uint64(dividend), low_uint64(divisor)
        return u256(small_dividend // small_divisor), u256(small_dividend % small_divisor)
    shift = leading_zeros(divisor)
    normalized = divisor << shift
    reciprocal = reciprocal_of_limb(normalized)
    moved = u320(dividend) << shift
    quotient, rest = u256(0), u64(moved >> 256)
    for position in range(192, -1, -64):
        digit, rest = digit_of_limb((u128(rest) << 64) | u128(u64(moved >> position)), normalized, reciprocal)
        quotient = (quotient << 64) | u256(digit)
    return quotient, u256(rest >> shift)


@njit
def magnitude(word):
    """The absolute value of a U256 scalar as a signed number; -2^255 stays itself, which is right unsigned."""
    return choose(is_negative(word), -word, word)


@njit
def signed_quotient(dividend, divisor):
    """
    SDIV (0x05): rounded toward zero; 0 for a divisor of 0, and -2^255 / -1 is -2^255.

    dividend, divisor : U256 scalars; so is the result
    """
    quotient = divide(magnitude(dividend), magnitude(divisor))[0]
    return choose(is_negative(dividend) != is_negative(divisor), -quotient, quotient)


@njit
def signed_remainder(dividend, divisor):
    """
    SMOD (0x07): the remainder has the sign of the dividend; 0 for a divisor of 0.

    dividend, divisor : U256 scalars; so is the result
    """
    rest = divide(magnitude(dividend), magnitude(divisor))[1]
    return choose(is_negative(dividend), -rest, rest)


@njit
def add_modulo(x, y, modulus):
    """
    ADDMOD (0x08): (x + y) mod modulus, where the sum may have 257 bits; 0 for a modulus of 0.

    x, y, modulus : U256 scalars; so is the result
    """
    if not modulus:
        return modulus
    if x >= modulus:
        x = divide(x, modulus)[1]
    if y >= modulus:
        y = divide(y, modulus)[1]
    total = x + y
    if total < x or total >= modulus:
        total -= modulus
    return total


@njit
def multiply_modulo(x, y, modulus):
    """
    MULMOD (0x09): (x * y) mod modulus, where the product may have 512 bits; 0 for a modulus of 0.

    x, y, modulus : U256 scalars; so is the result
    """
    product = u512(x) * u512(y)
    if not product >> 256:
        return divide(u256(product), modulus)[1]
    if not modulus:
        return modulus
    shift = leading_zeros(modulus)
    normalized = modulus << shift
    reciprocal = reciprocal_of_limbs(u128(normalized >> 128))
    # Above bit 256 the product moved by less than a limb is below 2^320, as the first step wants it below
    # 2^64 * normalized: from the second on that is so because the rest is below the divisor.
    moved = u576(product) << (shift & 63)
    rest = digit_of_word(u320(moved >> 256), normalized, reciprocal)[1]
    for position in range(192, -1, -64):
        rest = digit_of_word((u320(rest) << 64) | u320(u64(moved >> position)), normalized, reciprocal)[1]
    for _ in range(shift >> 6):
        rest = digit_of_word(u320(rest) << 64, normalized, reciprocal)[1]
    return rest >> shift


@njit
def power(base, exponent):
    """
    EXP (0x0a): base^exponent mod 2^256, with 0^0 = 1.

    base, exponent : U256 scalars; so is the result

    From the lowest bit of the exponent up: the two multiplications of a step do not wait for each other.
    """
    result = u256(1)
    while exponent:
        result = choose((u64(exponent) & 1) == 1, result * base, result)
        base = base * base
        exponent = exponent >> 1
    return result
