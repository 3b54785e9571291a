"""
P256VERIFY (0x100): whether an ECDSA signature over the curve secp256r1 is valid.

Source: EIP-7951; the curve from SEC 2, 2.4.2. Points are Jacobian triples (X, Y, Z) for (X / Z^2, Y / Z^3).
"""

from typing import Final

import gmpy2

GAS: Final = 6_900
INPUT_SIZE_BYTES: Final = 160
VALID: Final = (1).to_bytes(32, "big")
NOT_VALID: Final = b""

P: Final = gmpy2.mpz(0xFFFFFFFF00000001000000000000000000000000FFFFFFFFFFFFFFFFFFFFFFFF)
N: Final = gmpy2.mpz(0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551)
A: Final = P - 3
B: Final = gmpy2.mpz(0x5AC635D8AA3A93E7B3EBBD55769886BC651D06B0CC53B0F63BCE3C3E27D2604B)
GENERATOR: Final = (
    gmpy2.mpz(0x6B17D1F2E12C4247F8BCE6E563A440F277037D812DEB33A0F4A13945D898C296),
    gmpy2.mpz(0x4FE342E2FE1A7F9B8EE7EB4A7C0F9E162BCE33576B315ECECBB6406837BF51F5),
)

Affine = tuple[gmpy2.mpz, gmpy2.mpz]
Jacobian = tuple[gmpy2.mpz, gmpy2.mpz, gmpy2.mpz]
INFINITY: Final[Jacobian] = (gmpy2.mpz(1), gmpy2.mpz(1), gmpy2.mpz(0))


def gas(data: bytes) -> int:
    """The same for every input."""
    return GAS


def run(data: bytes) -> bytes:
    """One in 32 bytes if the signature is valid, nothing otherwise. Input: digest, r, s, key x, key y."""
    if len(data) != INPUT_SIZE_BYTES:
        return NOT_VALID
    digest, r, s, x, y = (gmpy2.mpz(int.from_bytes(data[at : at + 32], "big")) for at in range(0, 160, 32))
    return VALID if _is_valid(digest, r, s, (x, y)) else NOT_VALID


def _is_valid(digest: gmpy2.mpz, r: gmpy2.mpz, s: gmpy2.mpz, key: Affine) -> bool:
    if not (0 < r < N and 0 < s < N and _is_on_curve(key)):
        return False
    s_inverse = gmpy2.invert(s, N)
    total = _double_multiply(digest * s_inverse % N, GENERATOR, r * s_inverse % N, key)
    if total[2] == 0:
        return False
    return bool(to_affine(total)[0] % N == r)


def to_affine(point: Jacobian) -> Affine:
    """The coordinates of a point that is not infinity."""
    x, y, z = point
    inverse = gmpy2.invert(z, P)
    return x * inverse**2 % P, y * inverse**3 % P


def _is_on_curve(point: Affine) -> bool:
    """False for coordinates out of range and for (0, 0), which stands for the point at infinity."""
    x, y = point
    return bool(x < P and y < P and (x, y) != (0, 0) and (y * y - (x * x + A) * x - B) % P == 0)


def _double_multiply(u: gmpy2.mpz, first: Affine, v: gmpy2.mpz, second: Affine) -> Jacobian:
    """The sum u * first + v * second, both bit by bit from the top at once."""
    both = add((first[0], first[1], gmpy2.mpz(1)), (second[0], second[1], gmpy2.mpz(1)))
    result = INFINITY
    for bit in range(max(u.bit_length(), v.bit_length()) - 1, -1, -1):
        result = _double(result)
        in_first, in_second = u.bit_test(bit), v.bit_test(bit)
        if in_first and in_second:
            result = add(result, both)
        elif in_first:
            result = add(result, (first[0], first[1], gmpy2.mpz(1)))
        elif in_second:
            result = add(result, (second[0], second[1], gmpy2.mpz(1)))
    return result


def _double(point: Jacobian) -> Jacobian:
    x, y, z = point
    if z == 0 or y == 0:
        return INFINITY
    z_squared = z * z % P
    slope = 3 * (x - z_squared) * (x + z_squared) % P  # a = -3.
    y_squared = y * y % P
    beta = 4 * x * y_squared % P
    new_x = (slope * slope - 2 * beta) % P
    new_y = (slope * (beta - new_x) - 8 * y_squared * y_squared) % P
    return new_x, new_y, 2 * y * z % P


def add(first: Jacobian, second: Jacobian) -> Jacobian:
    """The sum of two points."""
    if first[2] == 0:
        return second
    if second[2] == 0:
        return first
    z1_squared, z2_squared = first[2] * first[2] % P, second[2] * second[2] % P
    u1, u2 = first[0] * z2_squared % P, second[0] * z1_squared % P
    s1, s2 = first[1] * z2_squared * second[2] % P, second[1] * z1_squared * first[2] % P
    if u1 == u2:
        return _double(first) if s1 == s2 else INFINITY
    h, slope = (u2 - u1) % P, (s2 - s1) % P
    h_squared = h * h % P
    h_cubed = h * h_squared % P
    x = (slope * slope - h_cubed - 2 * u1 * h_squared) % P
    y = (slope * (u1 * h_squared - x) - s1 * h_cubed) % P
    return x, y, h * first[2] * second[2] % P
