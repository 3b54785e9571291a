"""
secp256k1 in Python's integers: its numbers, and what the generated code needs that can be computed beforehand.

Everything is derived from what the standard chose (`primitives/secp256k1.py`), and checked. Nothing here is fast.

Source of the endomorphism and of the split of scalars: Gallant, Lambert and Vanstone, "Faster point multiplication on
elliptic curves with efficient endomorphisms" (CRYPTO 2001).
"""

from collections.abc import Iterator
from math import isqrt
from typing import Final, NamedTuple

from primitives.secp256k1 import GENERATOR, B, N, P

# 2^256 is this much more than the prime and than the order: what is above bit 256 comes back multiplied by it.
P_COMPLEMENT: Final = 2**256 - P
N_COMPLEMENT: Final = 2**256 - N
assert (GENERATOR[1] ** 2 - GENERATOR[0] ** 3 - B) % P == 0, "the generator is on the curve"
assert P % 4 == 3, "a square root is a power"
assert P % 3 == N % 3 == 1, "there are cube roots of 1"

Point = tuple[int, int] | None  # None is the point at infinity.


def add(first: Point, second: Point) -> Point:
    """The sum of two points of the curve."""
    if first is None or second is None:
        return second if first is None else first
    (x1, y1), (x2, y2) = first, second
    if x1 == x2 and (y1 + y2) % P == 0:
        return None
    slope = 3 * x1 * x1 * pow(2 * y1, -1, P) if first == second else (y2 - y1) * pow(x2 - x1, -1, P)
    x3 = (slope * slope - x1 - x2) % P
    return x3, (slope * (x1 - x3) - y1) % P


def multiply(scalar: int, point: Point) -> Point:
    """A point added to itself `scalar` times, scalar >= 0."""
    total: Point = None
    while scalar > 0:
        if scalar & 1:
            total = add(total, point)
        point = add(point, point)
        scalar >>= 1
    return total


def lift(x: int, y_parity: int) -> Point:
    """The point with this x and this parity of y; None if the curve has none."""
    y = pow(x**3 + B, (P + 1) // 4, P)
    if (y * y - x**3 - B) % P != 0:
        return None
    return x, y if y % 2 == y_parity else P - y


def _cube_root_of_one(modulus: int) -> int:
    """One of the two that are not 1."""
    powers = (pow(base, (modulus - 1) // 3, modulus) for base in range(2, modulus))
    return next(root for root in powers if root != 1)


# (BETA x, y) is LAMBDA times (x, y): of the two cube roots mod n the one that belongs to the one mod p.
BETA: Final = _cube_root_of_one(P)
assert multiply(N, GENERATOR) is None, "this is its order"
_ENDOMORPHIC: Final = (BETA * GENERATOR[0] % P, GENERATOR[1])
_SOME_ROOT: Final = _cube_root_of_one(N)
LAMBDA: Final = _SOME_ROOT if multiply(_SOME_ROOT, GENERATOR) == _ENDOMORPHIC else _SOME_ROOT**2 % N
assert multiply(LAMBDA, GENERATOR) == _ENDOMORPHIC, "one of the two is the right one"


class Lattice(NamedTuple):
    """Two short vectors (a, b) with a + b LAMBDA = 0 mod n, whose determinant is n."""

    a1: int
    b1: int
    a2: int
    b2: int


def _short_lattice() -> Lattice:
    """Guide to Elliptic Curve Cryptography, algorithm 3.74: remainders of the Euclidean algorithm around sqrt(n)."""
    rows = [(N, 0), (LAMBDA, 1)]  # remainder, and how many LAMBDA are in it
    is_last = False
    while not is_last:
        is_last = rows[-1][0] < isqrt(N)
        quotient = rows[-2][0] // rows[-1][0]
        rows.append((rows[-2][0] - quotient * rows[-1][0], rows[-2][1] - quotient * rows[-1][1]))
    (a0, t0), (a1, t1), (a2, t2) = rows[-3:]
    second = (a0, -t0) if a0**2 + t0**2 <= a2**2 + t2**2 else (a2, -t2)
    return Lattice(a1, -t1, *second)


LATTICE: Final = _short_lattice()
assert all((a + b * LAMBDA) % N == 0 for a, b in (LATTICE[:2], LATTICE[2:])), "both vectors are in the lattice"
assert LATTICE.a1 * LATTICE.b2 - LATTICE.a2 * LATTICE.b1 == N, "they span all of it"
assert min(LATTICE.a1, -LATTICE.b1, LATTICE.a2, LATTICE.b2) > 0, "the signs that the generated code counts on"


def comb_points(window_bits: int, window_count: int) -> Iterator[tuple[int, int]]:
    """Of each window the odd multiples 1, 3, 5, ... below 2^window_bits of 2^(window_bits * window) G."""
    power: Point = GENERATOR
    for _ in range(window_count):
        step, multiple = add(power, power), power
        for _ in range(1 << (window_bits - 1)):
            assert multiple is not None
            yield multiple
            multiple = add(multiple, step)
        for _ in range(window_bits):
            power = add(power, power)
