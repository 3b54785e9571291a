"""
Powers modulo any number, of any width of `primitives.wide_integers`, for MODEXP in kernels.

An odd modulus takes Montgomery's products. An even one is 2^z times an odd one: the power is found modulo either
factor, and the two are joined by the Chinese remainder theorem.
"""

# mypy: allow-untyped-defs, allow-untyped-calls

from typing import Any, Final

from llvmlite import ir
from numba import types

from evm_jit.precompiles.montgomery import inverse_of_odd, product_modulo_odd
from primitives.kernels_cache import njit
from primitives.memory import load_byte, scratch
from primitives.wide_integers import (
    leading_zeros,
    load_at,
    low_uint64,
    operation,
    store_at,
    trailing_zeros,
)

WIDTH_BYTES_MAX: Final = 32
# Digits of an exponent: bits of a short one, since the powers up to that of the highest digit are computed first.
DIGIT_BITS, DIGIT_BITS_SHORT = 4, 1
SHORT_SIZE_BYTES: Final = 4
WRAPPING: Final = 0  # The clearing factor of no odd modulus: products are modulo 2^width.

_table_scratch = scratch(WIDTH_BYTES_MAX << DIGIT_BITS)
_store = operation(types.void, (types.int64, None), store_at)
_width_bits = operation(types.int64, (None,), lambda builder, value: ir.IntType(64)(value.type.width))


def _load_like(builder: Any, address: Any, example: Any) -> Any:
    return load_at(builder, address, example.type)


_load = operation(None, (types.int64, None), _load_like)


@njit
def product(a, b, modulus, factor):
    """Montgomery's product of scalars of one width, or a b modulo 2^width for a factor (uint64) of WRAPPING."""
    return a * b if factor == WRAPPING else product_modulo_odd(a, b, modulus, factor)


@njit
def power_of(base, one, modulus, factor, exponent, exponent_size, zero_bits):
    """
    A power by products of `product`, digit by digit of the exponent.

    base, one, modulus : scalars of one width; `one` is what leaves others as they are
    factor : uint64
    exponent, exponent_size : int64, an address and how many bytes there are, most significant first
    zero_bits : int64, the zeros that follow them
    """
    digit_bits = DIGIT_BITS_SHORT if exponent_size <= SHORT_SIZE_BYTES else DIGIT_BITS
    table, entry_size = _table_scratch(), _width_bits(base) >> 3
    power = one
    for digit in range(1, 1 << digit_bits):
        power = product(power, base, modulus, factor) if digit > 1 else base
        _store(table + entry_size * digit, power)
    result, is_one = one, True
    for index in range(exponent_size):
        byte = load_byte(exponent + index)
        for shift in range(8 - digit_bits, -1, -digit_bits):
            digit = (byte >> shift) & ((1 << digit_bits) - 1)
            if not is_one:
                for _ in range(digit_bits):
                    result = product(result, result, modulus, factor)
            if digit != 0:
                power = _load(table + entry_size * digit, base)
                result = power if is_one else product(result, power, modulus, factor)
                is_one = False
    if not is_one:
        for _ in range(zero_bits):
            result = product(result, result, modulus, factor)
    return result


@njit
def radix_modulo(modulus):
    """2^width mod a modulus, not 0: a scalar of that width."""
    shift = leading_zeros(modulus)
    rest = -(modulus << shift)
    for place in range(shift, -1, -1):
        multiple = modulus << place
        if rest >= multiple:
            rest = rest - multiple
    return rest


@njit
def double_modulo(number, modulus):
    """2 x mod m, scalars of one width."""
    doubled = number + number
    return doubled - modulus if doubled < number or doubled >= modulus else doubled


@njit
def power_modulo(base, modulus, exponent, exponent_size, zero_bits):
    """
    The power of a base, which may be above the modulus; scalars of one width, the modulus not 0. Exponent: `power_of`.

    From 2 R, with R = 2^width, Montgomery's product of a number with itself doubles the exponent of 2 each time: 2 R,
    4 R, 16 R, and R^2, which takes numbers into Montgomery form.
    """
    zeros = trailing_zeros(modulus)
    odd = modulus >> zeros
    inverse = inverse_of_odd(odd)
    factor = low_uint64(-inverse)
    one = radix_modulo(odd)
    radix_squared = double_modulo(one, odd)
    bits = 1
    while bits < _width_bits(base):
        radix_squared = product(radix_squared, radix_squared, odd, factor)
        bits += bits
    result = power_of(product(base, radix_squared, odd, factor), one, odd, factor, exponent, exponent_size, zero_bits)
    unit = one - one + 1
    result = product(result, unit, odd, factor)
    if zeros == 0:
        return result
    wrapped = power_of(base, unit, odd, low_uint64(one - one), exponent, exponent_size, zero_bits)
    difference = (wrapped - result) * inverse & ((unit << zeros) - 1)
    return result + odd * difference
