"""
Addition (0x06) and multiplication (0x07) on the curve alt_bn128, y^2 = x^3 + 3.

A point is two words, the point at infinity (0, 0); input is padded by zeros. Source: EIP-196; gas from EIP-1108.
The pairing (0x08) is in `alt_bn128_pairing`.
"""

from typing import Final

import gmpy2

from evm_jit.precompiles import PrecompileFailed

P: Final = gmpy2.mpz(
    21_888_242_871_839_275_222_246_405_745_257_275_088_696_311_157_297_823_662_689_037_894_645_226_208_583
)
B: Final = 3

GAS_ADD_BYZANTIUM: Final = 500
GAS_MULTIPLY_BYZANTIUM: Final = 40_000
GAS_ADD: Final = 150
GAS_MULTIPLY: Final = 6_000

Affine = tuple[gmpy2.mpz, gmpy2.mpz]
Jacobian = tuple[gmpy2.mpz, gmpy2.mpz, gmpy2.mpz]  # (X / Z^2, Y / Z^3); infinity has Z = 0.

INFINITY: Final = (gmpy2.mpz(0), gmpy2.mpz(0))
_INFINITY: Final = (gmpy2.mpz(1), gmpy2.mpz(1), gmpy2.mpz(0))


def gas_add_byzantium(data: bytes) -> int:
    """The same for every input."""
    return GAS_ADD_BYZANTIUM


def gas_add(data: bytes) -> int:
    """The same for every input, from Istanbul on."""
    return GAS_ADD


def gas_multiply_byzantium(data: bytes) -> int:
    """The same for every input."""
    return GAS_MULTIPLY_BYZANTIUM


def gas_multiply(data: bytes) -> int:
    """The same for every input, from Istanbul on."""
    return GAS_MULTIPLY


def run_add(data: bytes) -> bytes:
    """The sum of two points."""
    x1, y1, x2, y2 = _words(data, 4)
    return _encode(_add(_jacobian(_point(x1, y1)), _jacobian(_point(x2, y2))))


def run_multiply(data: bytes) -> bytes:
    """A point times a scalar."""
    x, y, scalar = _words(data, 3)
    point = _jacobian(_point(x, y))
    result = _INFINITY
    for bit in range(scalar.bit_length() - 1, -1, -1):
        result = _double(result)
        if scalar.bit_test(bit):
            result = _add(result, point)
    return _encode(result)


def decode_point(data: bytes) -> Affine:
    """The point that 64 bytes stand for; PrecompileFailed if it is none of the curve's."""
    x, y = _words(data, 2)
    return _point(x, y)


def _words(data: bytes, count: int) -> list[gmpy2.mpz]:
    padded = data[: 32 * count].ljust(32 * count, b"\x00")
    return [gmpy2.mpz(int.from_bytes(padded[start : start + 32], "big")) for start in range(0, 32 * count, 32)]


def _point(x: gmpy2.mpz, y: gmpy2.mpz) -> Affine:
    if x >= P or y >= P:
        raise PrecompileFailed("bn256: coordinate exceeds modulus")
    if (x, y) != INFINITY and (y * y - x * x * x - B) % P:
        raise PrecompileFailed("bn256: malformed point")
    return x, y


def _jacobian(point: Affine) -> Jacobian:
    return _INFINITY if point == INFINITY else (point[0], point[1], gmpy2.mpz(1))


def _encode(point: Jacobian) -> bytes:
    x, y = INFINITY
    if point[2]:
        inverse = gmpy2.invert(point[2], P)
        x = point[0] * inverse * inverse % P
        y = point[1] * inverse * inverse * inverse % P
    return int(x).to_bytes(32, "big") + int(y).to_bytes(32, "big")


def _double(point: Jacobian) -> Jacobian:
    x, y, z = point
    if z == 0:
        return _INFINITY  # No point has y = 0: the order of the group is odd.
    y_squared = y * y % P
    beta = 4 * x * y_squared % P
    slope = 3 * x * x % P
    new_x = (slope * slope - 2 * beta) % P
    return new_x, (slope * (beta - new_x) - 8 * y_squared * y_squared) % P, 2 * y * z % P


def _add(first: Jacobian, second: Jacobian) -> Jacobian:
    if first[2] == 0:
        return second
    if second[2] == 0:
        return first
    z1_squared, z2_squared = first[2] * first[2] % P, second[2] * second[2] % P
    u1, u2 = first[0] * z2_squared % P, second[0] * z1_squared % P
    s1, s2 = first[1] * z2_squared * second[2] % P, second[1] * z1_squared * first[2] % P
    if u1 == u2:
        return _double(first) if s1 == s2 else _INFINITY
    h, slope = (u2 - u1) % P, (s2 - s1) % P
    h_squared = h * h % P
    h_cubed = h * h_squared % P
    x = (slope * slope - h_cubed - 2 * u1 * h_squared) % P
    return x, (slope * (u1 * h_squared - x) - s1 * h_cubed) % P, h * first[2] * second[2] % P
