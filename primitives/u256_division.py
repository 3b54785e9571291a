"""
Division of 256-bit words, and what rests on it: DIV, MOD, SDIV, SMOD, ADDMOD, MULMOD; and EXP.

Schoolbook division in digits of 64 bits (Knuth, TAOCP 2, 4.3.1, algorithm D) with the divisor's highest bit moved to
the top. A digit is estimated from the three upper limbs of the rest and the two of the divisor by two multiplications
with a reciprocal (Moeller and Granlund, "Improved division by invariant integers", 2011), which takes one division by
the processor; the estimate is right or one too big. A divisor of one limb needs no estimates: the processor divides
two limbs by one. LLVM's own division of such integers goes bit by bit: ten times as long. By zero the EVM divides to 0.
"""

# mypy: allow-untyped-defs, allow-untyped-calls

from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from primitives.instructions import IS_X86, instructions
from primitives.kernels_cache import njit
from primitives.u256 import is_negative
from primitives.wide_integers import (
    U64,
    choose,
    funnel_left,
    leading_zeros,
    low_int64,
    rarely,
    shift_right,
    u64,
    u128,
    u256,
    u512,
)

# floor((2^19 - 3 * 2^8) / i) for i in [256, 512): eleven bits of a reciprocal (ibid., section 4.1).
RECIPROCAL_TABLE = np.array([(2**19 - 3 * 2**8) // i for i in range(256, 512)], dtype=np.uint64)
DIGIT_MAX = np.uint64(2**64 - 1)
ONE_60 = np.uint64(2**60)
PAIR_OF_LIMBS = types.UniTuple(U64, 2)


@njit
def upper_half(product):
    """Bits 64 to 127 of a U128 scalar, as a U64."""
    return u64(product >> 64)


@njit
def joined(high, low):
    """The U128 high * 2^64 + low of two U64 scalars."""
    return (u128(high) << 64) | u128(low)


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
def divide_limbs_by_reciprocal(high, low, divisor):
    """
    Two limbs by one, for processors that do not divide so: the quotient and the rest, U64.

    high, low, divisor : U64 scalars, high < divisor

    Source: Moeller and Granlund, algorithm 4.
    """
    shift = leading_zeros(divisor)
    normalized = divisor << shift
    rest = joined(funnel_left(high, low, shift), low << shift)
    estimate = u128(reciprocal_of_limb(normalized)) * u128(u64(rest >> 64)) + rest
    digit = u64(estimate >> 64) + 1
    left = u64(rest) - digit * normalized
    is_above = left > u64(estimate)
    digit = choose(is_above, digit - 1, digit)
    left = choose(is_above, left + normalized, left)
    if left >= normalized:
        digit += 1
        left -= normalized
    return digit, left >> shift


@intrinsic
def divide_limbs_by_instruction(typing_context, high, low, divisor):
    """The same by x86's instruction, in a quarter of the time."""

    def emit(context, builder, signature, values):
        limb = ir.IntType(64)
        constraints = "={rax},={rdx},{rax},{rdx},r,~{flags}"
        high, low, divisor = values
        answer = instructions(builder, ir.LiteralStructType([limb] * 2), "divq $4", constraints, low, high, divisor)
        return context.make_tuple(builder, PAIR_OF_LIMBS, [builder.extract_value(answer, index) for index in range(2)])

    return PAIR_OF_LIMBS(U64, U64, U64), emit


# The quotient and the rest, U64, of high * 2^64 + low by a divisor above high; U64 scalars.
divide_limbs: Any = divide_limbs_by_instruction if IS_X86 else divide_limbs_by_reciprocal


@njit
def reciprocal_of_limbs(divisor):
    """
    Of two limbs with the highest bit set: floor((2^192 - 1) / divisor) - 2^64.

    divisor : U128 scalar; the result is a U64

    Source: Moeller and Granlund, algorithm 6; its p is what the rest of the first division says.
    """
    d1, d0 = u64(divisor >> 64), u64(divisor)
    v, rest = divide_limbs(~d1, u64(DIGIT_MAX), d1)
    p = d0 + ~rest
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
        if joined(p, u64(product)) >= divisor:
            v -= 1
    return v


@njit
def digit_by_two(rest, low, divisor, reciprocal):
    """
    One digit of a division by two limbs: of rest * 2^64 + low, and what is left.

    rest : U128 scalar, below the divisor
    low : U64
    divisor : U128 with its highest bit set
    reciprocal : U64, of the divisor

    Returns the digit, U64, and the rest, U128. Source: Moeller and Granlund, algorithm 5.
    """
    estimate = u128(reciprocal) * u128(u64(rest >> 64)) + rest
    digit = u64(estimate >> 64)
    left = joined(u64(rest), low) - u128(digit) * divisor - divisor
    is_right = u64(left >> 64) >= u64(estimate)
    digit = choose(is_right, digit, digit + 1)
    left = choose(is_right, left + divisor, left)
    if rarely(left >= divisor):
        digit += 1
        left -= divisor
    return digit, left


@njit
def digit_by_four(rest, low, divisor, reciprocal):
    """
    One digit of a division by a word: of rest * 2^64 + low, and what is left.

    rest : U256, below the divisor
    low : U64
    divisor : U256 with its highest bit set
    reciprocal : U64, of the divisor's two upper limbs

    Returns the digit, U64, and the rest, U256. Source: Knuth, steps D3 to D6.
    """
    upper = u128(divisor >> 128)
    if rarely(u128(rest >> 128) == upper):  # The quotient of the upper limbs would be 2^64.
        return u64(DIGIT_MAX), (rest << 64) - (divisor << 64) + divisor + u256(low)
    digit, left = digit_by_two(u128(rest >> 128), u64(rest >> 64), upper, reciprocal)
    rest = (u256(left) << 128) | u256(joined(u64(rest), low))
    product = u256(digit) * u256(u128(divisor))
    difference = rest - product
    if rarely(rest < product):  # One too big, once in 2^62 divisions.
        digit -= 1
        difference += divisor
    return digit, difference


@njit
def divide(dividend, divisor):
    """
    The quotient and the remainder: DIV (0x04) and MOD (0x06) in one; both 0 for a divisor of 0.

    dividend, divisor : U256 scalars; so are the results
    """
    if divisor > dividend:
        return u256(0), dividend
    return divide_wide(u64(0), dividend, divisor)


@njit
def divide_wide(carry, dividend, divisor):
    """
    The quotient, modulo 2^256, and the remainder of carry * 2^256 + dividend; both 0 for a divisor of 0.

    carry : U64 scalar, 0 or 1
    dividend, divisor : U256 scalars; so are the results
    """
    d1, d2, d3 = u64(divisor >> 64), u64(divisor >> 128), u64(divisor >> 192)
    if not (d1 | d2 | d3):
        return divide_by_limb(carry, dividend, u64(divisor))
    top = choose(not d3, choose(not d2, d1, d2), d3)
    shift = leading_zeros(top)
    # Moved by less than a limb: from here on five limbs, of which the uppermost may be a whole divisor too much.
    x0, x1, x2, x3 = u64(dividend), u64(dividend >> 64), u64(dividend >> 128), u64(dividend >> 192)
    y4, y3, y2 = funnel_left(carry, x3, shift), funnel_left(x3, x2, shift), funnel_left(x2, x1, shift)
    y1, y0 = funnel_left(x1, x0, shift), x0 << shift
    d0 = u64(divisor)
    if not (d2 | d3):
        two = joined(funnel_left(d1, d0, shift), d0 << shift)
        reciprocal = reciprocal_of_limbs(two)
        rest = joined(y4, y3)
        rest = choose(rest >= two, rest - two, rest)
        q2, rest = digit_by_two(rest, y2, two, reciprocal)
        q1, rest = digit_by_two(rest, y1, two, reciprocal)
        q0, rest = digit_by_two(rest, y0, two, reciprocal)
        return (u256(q2) << 128) | u256(joined(q1, q0)), u256(rest >> shift)
    normalized = word_of(
        funnel_left(d3, d2, shift), funnel_left(d2, d1, shift), funnel_left(d1, d0, shift), d0 << shift
    )
    if not d3:
        normalized = normalized << 64
    reciprocal = reciprocal_of_limbs(u128(normalized >> 128))
    rest = word_of(y4, y3, y2, y1)
    rest = choose(rest >= normalized, rest - normalized, rest)
    q1, rest = digit_by_four(rest, y0, normalized, reciprocal)
    if d3:
        return u256(q1), shift_right(rest, shift)
    # The divisor was moved by a limb more, and so is the dividend.
    q0, rest = digit_by_four(rest, u64(0), normalized, reciprocal)
    return u256(joined(q1, q0)), shift_right(rest >> 64, shift)


@njit
def word_of(x3, x2, x1, x0):
    """A U256 of four U64 scalars, the highest first."""
    return (u256(joined(x3, x2)) << 128) | u256(joined(x1, x0))


@njit
def divide_by_limb(carry, dividend, divisor):
    """
    The quotient, modulo 2^256, and the remainder of carry * 2^256 + dividend by one limb; both 0 for a divisor of 0.

    carry : U64 scalar, 0 or 1
    dividend : U256 scalar; so are the results
    divisor : U64 scalar
    """
    if not divisor:
        return u256(0), u256(0)
    rest = choose(carry >= divisor, carry - divisor, carry)
    x3, x2, x1, x0 = u64(dividend >> 192), u64(dividend >> 128), u64(dividend >> 64), u64(dividend)
    q3, q2, q1 = u64(0), u64(0), u64(0)
    if rest | x3:
        q3, rest = divide_limbs(rest, x3, divisor)
    if rest | x2:
        q2, rest = divide_limbs(rest, x2, divisor)
    if rest | x1:
        q1, rest = divide_limbs(rest, x1, divisor)
    q0, rest = divide_limbs(rest, x0, divisor)
    return word_of(q3, q2, q1, q0), u256(rest)


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
    # Enough for operands that are reduced, and for a modulus with its highest bit set.
    x = choose(x >= modulus, x - modulus, x)
    y = choose(y >= modulus, y - modulus, y)
    total = x + y
    has_carry = total < x
    if x < modulus and y < modulus:
        return choose(has_carry | (total >= modulus), total - modulus, total)
    return divide_wide(u64(has_carry), total, modulus)[1]


@njit
def multiply_modulo(x, y, modulus):
    """
    MULMOD (0x09): (x * y) mod modulus, where the product may have 512 bits; 0 for a modulus of 0.

    x, y, modulus : U256 scalars; so is the result
    """
    product = u512(x) * u512(y)
    low, high = u256(product), u256(product >> 256)
    d1, d2, d3 = u64(modulus >> 64), u64(modulus >> 128), u64(modulus >> 192)
    d0 = u64(modulus)
    if not (d1 | d2 | d3):
        # A limb less of the product: the rests of both are found side by side.
        factors = u128(divide_by_limb(u64(0), x, d0)[1]) * u128(divide_by_limb(u64(0), y, d0)[1])
        return divide_by_limb(u64(0), u256(factors), d0)[1]
    if not high:
        return divide(low, modulus)[1]
    shift = leading_zeros(choose(not d3, choose(not d2, d1, d2), d3))
    # Moved by less than a limb, the product has nine.
    x0, x1, x2, x3 = u64(low), u64(low >> 64), u64(low >> 128), u64(low >> 192)
    x4, x5, x6, x7 = u64(high), u64(high >> 64), u64(high >> 128), u64(high >> 192)
    y8, y7, y6 = x7 >> 1 >> (63 - shift), funnel_left(x7, x6, shift), funnel_left(x6, x5, shift)
    y5, y4, y3 = funnel_left(x5, x4, shift), funnel_left(x4, x3, shift), funnel_left(x3, x2, shift)
    y2, y1, y0 = funnel_left(x2, x1, shift), funnel_left(x1, x0, shift), x0 << shift
    if not (d2 | d3):
        two = joined(funnel_left(d1, d0, shift), d0 << shift)
        reciprocal = reciprocal_of_limbs(two)
        rest = joined(y8, y7)
        rest = digit_by_two(rest, y6, two, reciprocal)[1]
        rest = digit_by_two(rest, y5, two, reciprocal)[1]
        rest = digit_by_two(rest, y4, two, reciprocal)[1]
        rest = digit_by_two(rest, y3, two, reciprocal)[1]
        rest = digit_by_two(rest, y2, two, reciprocal)[1]
        rest = digit_by_two(rest, y1, two, reciprocal)[1]
        rest = digit_by_two(rest, y0, two, reciprocal)[1]
        return u256(rest >> shift)
    normalized = word_of(
        funnel_left(d3, d2, shift), funnel_left(d2, d1, shift), funnel_left(d1, d0, shift), d0 << shift
    )
    if not d3:
        normalized = normalized << 64
    reciprocal = reciprocal_of_limbs(u128(normalized >> 128))
    rest = word_of(y7, y6, y5, y4)
    if y8 or rest >= normalized:
        rest = digit_by_four(word_of(y8, y7, y6, y5), y4, normalized, reciprocal)[1]
    rest = digit_by_four(rest, y3, normalized, reciprocal)[1]
    rest = digit_by_four(rest, y2, normalized, reciprocal)[1]
    rest = digit_by_four(rest, y1, normalized, reciprocal)[1]
    rest = digit_by_four(rest, y0, normalized, reciprocal)[1]
    if not d3:
        rest = digit_by_four(rest, u64(0), normalized, reciprocal)[1] >> 64
    return shift_right(rest, shift)


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
