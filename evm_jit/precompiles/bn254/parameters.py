"""
What BN254 is, derived from its one parameter u, as Python integers.

A Barreto-Naehrig curve has its modulus, order and trace by polynomials in u (Barreto and Naehrig, Pairing-Friendly
Elliptic Curves of Prime Order, 2005). The tower is Fp2 = Fp[i], i^2 = -1, then Fp12 = Fp2[w], w^6 = xi = 9 + i.
G1 is y^2 = x^3 + 3 over Fp, G2 lies on the twist y^2 = x^3 + 3 / xi over Fp2. Source: EIP-196, EIP-197.
"""

from typing import Final

U: Final = 4_965_661_367_192_848_881
MODULUS: Final = 36 * U**4 + 36 * U**3 + 24 * U**2 + 6 * U + 1
ORDER: Final = 36 * U**4 + 36 * U**3 + 18 * U**2 + 6 * U + 1
TRACE: Final = 6 * U**2 + 1
B: Final = 3
assert MODULUS + 1 - TRACE == ORDER, "the order of the curve over Fp is that of its subgroup"
assert MODULUS % 4 == 3, "-1 has no root in Fp"
assert MODULUS % 6 == 1, "w^(p - 1) is in Fp2"

Complex = tuple[int, int]  # An element of Fp2: real and imaginary part.
XI: Final[Complex] = (9, 1)


def complex_product(a: Complex, b: Complex) -> Complex:
    """In Fp2."""
    return (a[0] * b[0] - a[1] * b[1]) % MODULUS, (a[0] * b[1] + a[1] * b[0]) % MODULUS


def complex_power(a: Complex, exponent: int) -> Complex:
    """In Fp2, exponent >= 0."""
    result = (1, 0)
    for bit in bin(exponent)[2:]:
        result = complex_product(result, result)
        if bit == "1":
            result = complex_product(result, a)
    return result


def signed_digits(value: int) -> list[int]:
    """
    The non-adjacent form of value > 0: digits -1, 0, 1 of powers of two, the highest first.

    Of two neighbours one is zero. Source: Reitwiesner, Binary Arithmetic (1960).
    """
    digits = []
    while value:
        digit = 2 - value % 4 if value % 2 else 0
        digits.append(digit)
        value = (value - digit) // 2
    return digits[::-1]


TWIST_B: Final = complex_product((B, 0), complex_power(XI, MODULUS**2 - 2))
# w^p = FROBENIUS_W * w. The twist sends (x, y) to (x w^2, y w^3), so that on it Frobenius multiplies by these.
FROBENIUS_W: Final = complex_power(XI, (MODULUS - 1) // 6)
FROBENIUS_X: Final = complex_power(FROBENIUS_W, 2)
FROBENIUS_Y: Final = complex_power(FROBENIUS_W, 3)
# w^(p^2) = FROBENIUS_SQUARED_W * w, and this one is in Fp.
FROBENIUS_SQUARED_W: Final = complex_power(XI, (MODULUS**2 - 1) // 6)[0]
assert complex_power(XI, (MODULUS**2 - 1) // 6)[1] == 0

# (x, y) -> (beta x, y), with beta^3 = 1, multiplies the points over Fp by EIGENVALUE. BASIS spans the pairs (a, b) with
# a + b EIGENVALUE = 0 (mod r). Source: Nogami et al., Integer Variable chi-Based Ate Pairing (2008).
BETA: Final = 18 * U**3 + 18 * U**2 + 9 * U + 1
EIGENVALUE: Final = 36 * U**3 + 18 * U**2 + 6 * U + 1
BASIS: Final = ((6 * U**2 + 4 * U + 1, 2 * U + 1), (2 * U + 1, -(6 * U**2 + 2 * U)))
assert (BETA**2 + BETA + 1) % MODULUS == 0
assert (EIGENVALUE**2 + EIGENVALUE + 1) % ORDER == 0
assert BASIS[0][1] * BASIS[1][0] - BASIS[0][0] * BASIS[1][1] == ORDER
assert all((a + b * EIGENVALUE) % ORDER == 0 for a, b in BASIS)
