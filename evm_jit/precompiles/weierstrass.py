"""
Points of y^2 = x^3 + a x + b over any field, a 0 or -3, and sums of their multiples, as kernels made for a field.

While it is computed with, a point has Jacobian coordinates (X / Z^2, Y / Z^3), infinity with Z = 0. The groups here
have odd order, so that no point has y = 0. No formula knows b, and additions do not know a.

A multiple is taken by signed digits of five bits, every other one of which is odd or more zeros follow (wNAF): a table
of the odd multiples up to 15, one doubling a bit, one addition for about six.
Source: Hankerson, Menezes and Vanstone, Guide to Elliptic Curve Cryptography (2004), algorithms 3.36 and 3.51.
"""

# mypy: allow-untyped-defs, allow-untyped-calls

from collections.abc import Callable
from typing import Any, Final, NamedTuple

import numpy as np

from primitives.kernels_cache import njit
from primitives.memory import clear_bytes, load_byte, load_uint64, store_byte

WINDOW_BITS: Final = 5
ODD_MULTIPLES: Final = 1 << (WINDOW_BITS - 2)  # 1, 3, ... 15
DIGIT_SIGN, DIGIT_VALUES = 1 << (WINDOW_BITS - 1), 1 << WINDOW_BITS
BYTE_VALUES, BYTE_SIGN = 256, 128


class Field(NamedTuple):
    """Functions for kernels on elements, which are scalars or tuples, and on addresses (int64) of `size_bytes`."""

    multiply: Callable[..., Any]
    square: Callable[..., Any]
    add: Callable[..., Any]
    subtract: Callable[..., Any]
    halve: Callable[..., Any]
    invert: Callable[..., Any]
    is_zero: Callable[..., Any]
    load: Callable[..., Any]
    store: Callable[..., Any]
    zero: Callable[..., Any]
    one: Callable[..., Any]
    size_bytes: int


class Curve(NamedTuple):
    """Kernels on tuples of Jacobian coordinates, or of affine ones where it says so; described where they are made."""

    double: Callable[..., Any]
    add_affine: Callable[..., Any]
    add: Callable[..., Any]
    to_affine: Callable[..., Any]
    odd_multiples: Callable[..., Any]
    make_affine: Callable[..., Any]
    add_digit: Callable[..., Any]
    sum_of_terms: Callable[..., Any]
    infinity: Callable[..., Any]


@njit
def write_digits(scalar, bit_count, digits):
    """
    The signed digits of a number, the lowest first, as one byte each.

    scalar : int64, the address of the number, the lowest byte first, with eight zeros behind it
    bit_count : int64, how many bits it has at most
    digits : int64, the address of bit_count + WINDOW_BITS bytes, written; each holds 0 or an odd number from -15 to 15

    Source: Bosma, Signed Bits and Fast Exponentiation (2001).
    """
    clear_bytes(digits, bit_count + WINDOW_BITS)
    carry, place = np.int64(0), np.int64(0)
    while place <= bit_count:
        window = np.int64(load_uint64(scalar + (place >> 3)) >> np.uint64(place & 7)) & (DIGIT_VALUES - 1)
        if (window & 1) == carry:
            place += 1
            continue
        digit = window + carry
        carry = np.int64(digit >= DIGIT_SIGN)
        store_byte(digits + place, digit - DIGIT_VALUES * carry)
        place += WINDOW_BITS


def curve_over(field: Field, *, a_is_minus_three: bool = False) -> Curve:
    """The kernels for a field, and a curve with a = 0 unless told."""
    infinity, double = doubling_over(field, a_is_minus_three=a_is_minus_three)
    add_affine, add, to_affine = additions_over(field, infinity, double)
    odd_multiples, make_affine = tables_over(field, double, add_affine)
    add_digit, sum_of_terms = sums_over(field, infinity, double, add_affine, add)
    return Curve(double, add_affine, add, to_affine, odd_multiples, make_affine, add_digit, sum_of_terms, infinity)


def doubling_over(field: Field, *, a_is_minus_three: bool) -> tuple[Any, Any]:
    """The kernels `infinity` and `double`."""
    multiply, square, sum_of, subtract, halve = field.multiply, field.square, field.add, field.subtract, field.halve
    zero, one = field.zero, field.one

    @njit
    def infinity():
        """A tuple of Jacobian coordinates."""
        return one(), one(), zero()

    @njit
    def double(point):
        """
        Twice a tuple of Jacobian coordinates; infinity stays infinity.

        L = (3 X^2 + a Z^4) / 2, T = X Y^2
        X3 = L^2 - 2 T, Y3 = L (T - X3) - Y^4, Z3 = Y Z
        """
        x, y, z = point
        if a_is_minus_three:
            z_squared = square(z)
            third = multiply(subtract(x, z_squared), sum_of(x, z_squared))
        else:
            third = square(x)
        slope = halve(sum_of(sum_of(third, third), third))
        y_squared = square(y)
        t = multiply(x, y_squared)
        new_x = subtract(subtract(square(slope), t), t)
        new_y = subtract(multiply(slope, subtract(t, new_x)), square(y_squared))
        return new_x, new_y, multiply(y, z)

    return infinity, double


def additions_over(field: Field, infinity: Any, double: Any) -> tuple[Any, Any, Any]:
    """The kernels `add_affine`, `add` and `to_affine`."""
    multiply, square, subtract, invert, is_zero, one = (
        *(field.multiply, field.square, field.subtract),
        *(field.invert, field.is_zero, field.one),
    )

    @njit
    def add_affine(first, second):
        """
        The sum of a tuple of Jacobian coordinates and one of affine ones, which is not infinity.

        H = x2 Z1^2 - X1, R = y2 Z1^3 - Y1
        X3 = R^2 - H^3 - 2 X1 H^2, Y3 = R (X1 H^2 - X3) - Y1 H^3, Z3 = Z1 H
        Source: EFD, shortw/jacobian, madd, after Cohen, Miyaji and Ono (1998).
        """
        x1, y1, z1 = first
        x2, y2 = second
        if is_zero(z1):
            return x2, y2, one()
        z1_squared = square(z1)
        h = subtract(multiply(x2, z1_squared), x1)
        r = subtract(multiply(y2, multiply(z1, z1_squared)), y1)
        if is_zero(h):
            if is_zero(r):
                return double(first)
            return infinity()
        h_squared = square(h)
        h_cubed = multiply(h, h_squared)
        v = multiply(x1, h_squared)
        new_x = subtract(subtract(subtract(square(r), h_cubed), v), v)
        new_y = subtract(multiply(r, subtract(v, new_x)), multiply(y1, h_cubed))
        return new_x, new_y, multiply(z1, h)

    @njit
    def add(first, second):
        """
        The sum of two tuples of Jacobian coordinates, on a curve with a = 0.

        On the curve on which the second one's Z is 1, whose b is another, it is an affine point.
        """
        x, y, z = second
        if is_zero(z):
            return first
        z_squared = square(z)
        moved = multiply(first[0], z_squared), multiply(first[1], multiply(z, z_squared)), first[2]
        new_x, new_y, new_z = add_affine(moved, (x, y))
        return new_x, new_y, multiply(new_z, z)

    @njit
    def to_affine(point):
        """A tuple of two coordinates, zeros for infinity."""
        x, y, z = point
        inverse = invert(z)
        inverse_squared = square(inverse)
        return multiply(x, inverse_squared), multiply(y, multiply(inverse, inverse_squared))

    return add_affine, add, to_affine


def tables_over(field: Field, double: Any, add_affine: Any) -> tuple[Any, Any]:
    """The kernels `odd_multiples` and `make_affine`."""
    multiply, square, invert, load, store, one = (
        *(field.multiply, field.square, field.invert),
        *(field.load, field.store, field.one),
    )
    size, affine_size, entry_size = field.size_bytes, 2 * field.size_bytes, 4 * field.size_bytes

    @njit
    def odd_multiples(point, entries):
        """
        Write 1, 3, ... 15 times a point, a tuple of two coordinates, as entries.

        entries : int64, the address of ODD_MULTIPLES entries of four elements: X, Y, Z, and one for `make_affine`

        Where 2 P is (X2, Y2, Z2), (x, y) -> (x Z2^2, y Z2^3) leads to a curve with another b on which that is (X2, Y2),
        and back by multiplying each Z by Z2.
        """
        x, y = point
        x2, y2, z2 = double((x, y, one()))
        z2_squared = square(z2)
        running = multiply(x, z2_squared), multiply(y, multiply(z2, z2_squared)), one()
        for index in range(ODD_MULTIPLES):
            if index:
                running = add_affine(running, (x2, y2))
            place = entries + entry_size * index
            store(place, running[0])
            store(place + size, running[1])
            store(place + 2 * size, multiply(running[2], z2))

    @njit
    def make_affine(entries, count, points):
        """
        Write `count` entries, none of them infinity, as points of two elements each; both are addresses (int64).

        One inverse for all of them. Source: Montgomery, Speeding the Pollard and Elliptic Curve Methods (1987).
        """
        product = one()
        for index in range(count):
            place = entries + entry_size * index
            store(place + 3 * size, product)
            product = multiply(product, load(place + 2 * size))
        inverse = invert(product)
        for index in range(count - 1, -1, -1):
            place, point = entries + entry_size * index, points + affine_size * index
            own = multiply(inverse, load(place + 3 * size))
            inverse = multiply(inverse, load(place + 2 * size))
            own_squared = square(own)
            store(point, multiply(load(place), own_squared))
            store(point + size, multiply(load(place + size), multiply(own, own_squared)))

    return odd_multiples, make_affine


def sums_over(field: Field, infinity: Any, double: Any, add_affine: Any, add: Any) -> tuple[Any, Any]:
    """The kernels `add_digit` and `sum_of_terms`."""
    subtract, load, zero = field.subtract, field.load, field.zero
    size, affine_size = field.size_bytes, 2 * field.size_bytes

    @njit
    def add_digit(total, digit, table):
        """
        A tuple of Jacobian coordinates and the multiple of a point by a digit.

        digit : int64, a byte from `write_digits`
        table : int64, the address of the ODD_MULTIPLES points
        """
        if digit == 0:
            return total
        is_negative = digit >= BYTE_SIGN
        magnitude = BYTE_VALUES - digit if is_negative else digit
        point = table + affine_size * (magnitude >> 1)
        y = load(point + size)
        return add_affine(total, (load(point), subtract(zero(), y) if is_negative else y))

    @njit
    def sum_of_terms(tables, digits, count, bit_count, total):
        """
        A tuple of Jacobian coordinates and the sum of `count` points times their scalars, on a curve with a = 0.

        tables : int64, the address of ODD_MULTIPLES points for each term
        digits : int64, the address of the digits of each term, as `write_digits` makes them of `bit_count` bits
        """
        digits_size = bit_count + WINDOW_BITS
        result = infinity()
        for place in range(bit_count, -1, -1):
            result = double(result)
            for term in range(count):
                digit = load_byte(digits + digits_size * term + place)
                result = add_digit(result, digit, tables + affine_size * ODD_MULTIPLES * term)
        return add(result, total)

    return add_digit, sum_of_terms
