"""
The pairing check (0x08) on alt_bn128: whether the product of e(a, b) over pairs of points is 1.

G1 is on y^2 = x^3 + 3 over Fp, G2 on the twist y^2 = x^3 + 3 / (9 + i) over Fp2 = Fp[i], i^2 = -1. Fp12 is
Fp[w] / (w^12 - 18 w^6 + 82), so that w^6 = 9 + i: twelve coefficients, multiplied as two long integers in which each
has its own 544 bits (Kronecker substitution), because GMP does that in one go.

Source: EIP-197; Vercauteren, Optimal Pairings (2008), for the loop.
"""

from typing import Final, TypeAlias

import gmpy2

from evm_jit.precompiles import PrecompileFailed
from evm_jit.precompiles.alt_bn128 import P, decode_point

GAS_BASE_BYZANTIUM: Final = 100_000
GAS_PAIR_BYZANTIUM: Final = 80_000
GAS_BASE: Final = 45_000
GAS_PAIR: Final = 34_000
PAIR_SIZE_BYTES: Final = 192

TRUE: Final = (1).to_bytes(32, "big")
FALSE: Final = bytes(32)

ORDER: Final = gmpy2.mpz(
    21_888_242_871_839_275_222_246_405_745_257_275_088_548_364_400_416_034_343_698_204_186_575_808_495_617
)
U: Final = 4_965_661_367_192_848_881  # The parameter of the Barreto-Naehrig family.
LOOP: Final = 6 * U + 2

COEFFICIENT_BITS: Final = 544
assert 12 * P * P < 2**COEFFICIENT_BITS, "a coefficient of a product keeps to its bits"

Fp: TypeAlias = gmpy2.mpz
Fp2 = tuple[Fp, Fp]
Fp12 = list[Fp]
PointG1 = tuple[Fp, Fp]
PointG2 = tuple[Fp2, Fp2] | None  # None for infinity.

ONE: Final[Fp12] = [gmpy2.mpz(1)] + [gmpy2.mpz(0)] * 11


def gas_byzantium(data: bytes) -> int:
    """By pairs."""
    return GAS_BASE_BYZANTIUM + GAS_PAIR_BYZANTIUM * (len(data) // PAIR_SIZE_BYTES)


def gas(data: bytes) -> int:
    """By pairs, from Istanbul on (EIP-1108)."""
    return GAS_BASE + GAS_PAIR * (len(data) // PAIR_SIZE_BYTES)


def run(data: bytes) -> bytes:
    """One in 32 bytes if the product of the pairings is 1, else zero; PrecompileFailed for what is no point."""
    if len(data) % PAIR_SIZE_BYTES:
        raise PrecompileFailed("bad elliptic curve pairing size")
    product = ONE
    for start in range(0, len(data), PAIR_SIZE_BYTES):
        first = decode_point(data[start : start + 64])
        second = _decode_g2(data[start + 64 : start + PAIR_SIZE_BYTES])
        if first != (0, 0) and second is not None:
            product = multiply_12(product, _miller_loop(first, second))
    return TRUE if _is_one_in_the_target_group(product) else FALSE


def _decode_g2(data: bytes) -> PointG2:
    """A point of G2; the imaginary part of a coordinate comes first."""
    words = [gmpy2.mpz(int.from_bytes(data[start : start + 32], "big")) for start in range(0, 128, 32)]
    if max(words) >= P:
        raise PrecompileFailed("bn256: coordinate exceeds modulus")
    x, y = (words[1], words[0]), (words[3], words[2])
    if not any(words):
        return None
    if square_2(y) != add_2(multiply_2(square_2(x), x), TWIST_B):
        raise PrecompileFailed("bn256: malformed point")
    if _multiply_g2((x, y), ORDER) is not None:
        raise PrecompileFailed("bn256: point is not in the subgroup")
    return x, y


# Fp2


def add_2(a: Fp2, b: Fp2) -> Fp2:
    """The sum."""
    return (a[0] + b[0]) % P, (a[1] + b[1]) % P


def subtract_2(a: Fp2, b: Fp2) -> Fp2:
    """The difference."""
    return (a[0] - b[0]) % P, (a[1] - b[1]) % P


def multiply_2(a: Fp2, b: Fp2) -> Fp2:
    """The product."""
    return (a[0] * b[0] - a[1] * b[1]) % P, (a[0] * b[1] + a[1] * b[0]) % P


def square_2(a: Fp2) -> Fp2:
    """The square."""
    return (a[0] + a[1]) * (a[0] - a[1]) % P, 2 * a[0] * a[1] % P


def invert_2(a: Fp2) -> Fp2:
    """The inverse; `a` is not 0."""
    norm_inverse = gmpy2.invert(a[0] * a[0] + a[1] * a[1], P)
    return a[0] * norm_inverse % P, -a[1] * norm_inverse % P


def power_2(a: Fp2, exponent: int) -> Fp2:
    """The power, exponent > 0."""
    result = a
    for bit in bin(exponent)[3:]:
        result = square_2(result)
        if bit == "1":
            result = multiply_2(result, a)
    return result


XI: Final[Fp2] = (gmpy2.mpz(9), gmpy2.mpz(1))
TWIST_B: Final = multiply_2((gmpy2.mpz(3), gmpy2.mpz(0)), invert_2(XI))
FROBENIUS_X: Final = power_2(XI, int(P - 1) // 3)
FROBENIUS_Y: Final = power_2(XI, int(P - 1) // 2)
# w^(p^2) = FROBENIUS_W * w; it is in Fp because p = 1 (mod 6).
FROBENIUS_W: Final = power_2(XI, int(P * P - 1) // 6)[0]
HARD_EXPONENT: Final = int((P**4 - P**2 + 1) // ORDER)


# G2, affine


def _slope(a: tuple[Fp2, Fp2], b: tuple[Fp2, Fp2]) -> Fp2 | None:
    """Of the line through two points, or of the tangent; None if it is vertical."""
    if a == b and a[1] != (0, 0):
        x_squared = square_2(a[0])
        return multiply_2((3 * x_squared[0], 3 * x_squared[1]), invert_2((2 * a[1][0], 2 * a[1][1])))
    if a[0] == b[0]:
        return None
    return multiply_2(subtract_2(b[1], a[1]), invert_2(subtract_2(b[0], a[0])))


def _third(a: tuple[Fp2, Fp2], b: tuple[Fp2, Fp2], slope: Fp2) -> tuple[Fp2, Fp2]:
    """The sum a + b, given the slope of their line."""
    x = subtract_2(subtract_2(square_2(slope), a[0]), b[0])
    return x, subtract_2(multiply_2(slope, subtract_2(a[0], x)), a[1])


def _add_g2(a: PointG2, b: PointG2) -> PointG2:
    if a is None or b is None:
        return a or b
    slope = _slope(a, b)
    return None if slope is None else _third(a, b, slope)


def _multiply_g2(point: PointG2, scalar: int) -> PointG2:
    result: PointG2 = None
    for bit in bin(scalar)[2:]:
        result = _add_g2(result, result)
        if bit == "1":
            result = _add_g2(result, point)
    return result


def _frobenius_g2(point: tuple[Fp2, Fp2]) -> tuple[Fp2, Fp2]:
    """The p-th power of both coordinates, on the twist."""
    (x0, x1), (y0, y1) = point
    return multiply_2((x0, -x1 % P), FROBENIUS_X), multiply_2((y0, -y1 % P), FROBENIUS_Y)


# Fp12


def multiply_12(a: Fp12, b: Fp12) -> Fp12:
    """The product of two elements with coefficients in [0, P)."""
    product = gmpy2.pack(a, COEFFICIENT_BITS) * gmpy2.pack(b, COEFFICIENT_BITS)
    c = gmpy2.unpack(product, COEFFICIENT_BITS)
    c += [gmpy2.mpz(0)] * (24 - len(c))
    for power in range(23, 11, -1):  # w^12 = 18 w^6 - 82
        c[power - 6] += 18 * c[power]
        c[power - 12] -= 82 * c[power]
    return [coefficient % P for coefficient in c[:12]]


def _line(through: tuple[Fp2, Fp2], slope: Fp2, at: PointG1) -> Fp12:
    """The line on the untwisted curve, at a point of G1: y - slope x w + (slope x' - y') w^3."""
    linear = multiply_2(slope, (-at[0], gmpy2.mpz(0)))
    cubic = subtract_2(multiply_2(slope, through[0]), through[1])
    value = [gmpy2.mpz(0)] * 12
    value[0] = at[1]
    for power, (real, imaginary) in ((1, linear), (3, cubic)):  # i = w^6 - 9
        value[power] = (real - 9 * imaginary) % P
        value[power + 6] = imaginary
    return value


def _miller_loop(first: PointG1, second: tuple[Fp2, Fp2]) -> Fp12:
    """The optimal ate pairing before the final exponentiation; no line is vertical, as the order is prime."""
    value, running = ONE, second

    def step(other: tuple[Fp2, Fp2]) -> None:
        nonlocal value, running
        slope = _slope(running, other)
        assert slope is not None
        value = multiply_12(value, _line(running, slope, first))
        running = _third(running, other, slope)

    for bit in bin(LOOP)[3:]:
        value = multiply_12(value, value)
        step(running)
        if bit == "1":
            step(second)
    once = _frobenius_g2(second)
    x, y = _frobenius_g2(once)
    step(once)
    step((x, (-y[0] % P, -y[1] % P)))
    return value


def _is_one_in_the_target_group(value: Fp12) -> bool:
    """
    Whether value^((p^12 - 1) / r) = 1.

    (p^12 - 1) / r = (p^6 - 1) h with h = (p^2 + 1) (p^4 - p^2 + 1) / r, and z^(p^6 - 1) = 1 says that z is in Fp6:
    that its odd coefficients are 0. So no inverse is needed.
    """
    frobenius = [coefficient * gmpy2.powmod(FROBENIUS_W, power, P) % P for power, coefficient in enumerate(value)]
    easy = multiply_12(frobenius, value)
    hard = easy
    for bit in bin(HARD_EXPONENT)[3:]:
        hard = multiply_12(hard, hard)
        if bit == "1":
            hard = multiply_12(hard, easy)
    return not any(hard[1::2])
