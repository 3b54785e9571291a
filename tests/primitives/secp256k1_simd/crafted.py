"""
Signatures made to go wrong, by kind, and random ones.

Whoever chooses R = k G, u1 and u2 has a signature: r is the x of R, s = u2 r, and the digest is -u1 r, mod n. What a
public key would be is then u1 G + u2 R, so every way in which an addition can fail can be had.
"""

import random
from collections.abc import Callable, Iterator
from typing import NamedTuple

import coincurve

from primitives.secp256k1 import N, P
from primitives.secp256k1_simd.curve import LAMBDA, LATTICE
from primitives.secp256k1_simd.work_area import COMB_BITS, COMB_PAIRS, COMB_WINDOW_BITS, HALF_BITS, WINDOW_BITS
from primitives.signature import sign


class Signature(NamedTuple):
    """Numbers of at most 256 bits; the parity is a byte."""

    digest: int
    y_parity: int
    r: int
    s: int


SMALL = [*range(1, 9), 15, 16, 17, *range(31, 34), *range(63, 66), *range(255, 258), 2**64, 2**127, 2**128 - 1, 2**128]
SPECIAL = [*SMALL, LAMBDA, LAMBDA**2 % N, LAMBDA + 1, *map(abs, LATTICE), (N + 1) // 2, N // 3]
SPECIAL += [N - number for number in SPECIAL]
EDGES = [*range(9), N - 3, N - 2, N - 1, N, N + 1, P - 1, P, P + 1, 2**256 - 1, N // 2, N // 2 + 1, N - 2**128, 2**128]
EDGES += [P - N, P - N - 1, P - N + 1, 2**52 - 1, 2**104, 2**255]
PARITIES = [0, 1, 0, 1, 0, 1, 2, 3, 4, 255]


def with_scalars(k: int, u1: int, u2: int) -> Signature:
    """The signature with R = k G and these scalars."""
    x, y = coincurve.PublicKey.from_secret((k % N).to_bytes(32, "big")).point()
    r = x % N
    return Signature(-u1 * r % N, y & 1, r, u2 * r % N)


def signed(source: random.Random) -> Signature:
    """By a random key, a quarter with a high s."""
    digest = source.randbytes(32)
    y_parity, r, s = sign(source.randbytes(32), digest)
    if source.randrange(4) == 0:
        y_parity, s = 1 - y_parity, N - s
    return Signature(int.from_bytes(digest, "big"), y_parity, r, s)


def random_numbers(source: random.Random) -> Signature:
    """Half of them have no key."""
    return Signature(source.randrange(2**256), source.randrange(2), source.randrange(1, N), source.randrange(1, N))


def at_the_edges(source: random.Random) -> Signature:
    def number() -> int:
        return source.choice(EDGES) if source.random() < 0.7 else source.randrange(1, N)

    digest = source.choice(EDGES) if source.random() < 0.5 else source.randrange(2**256)
    return Signature(digest, source.choice(PARITIES), number(), number())


def small_r(source: random.Random) -> Signature:
    """R may have the x of r or, with what others call a recovery id of 2 or 3, that of r + n."""
    r = source.choice([source.randrange(1, 600), P - N - source.randrange(1, 600)])
    return Signature(source.randrange(2**256), source.randrange(4), r, source.randrange(1, N))


def without_generator(source: random.Random) -> Signature:
    """u1 = 0, by a digest of 0 or of n."""
    digest, y_parity, r, s = with_scalars(source.randrange(1, N), 0, source.randrange(1, N))
    return Signature(source.choice([digest, N]), y_parity, r, s)


def special_scalars(source: random.Random) -> Signature:
    k = source.choice(SPECIAL) if source.random() < 0.7 else source.randrange(1, N)
    u1 = source.choice([*SPECIAL, 0]) if source.random() < 0.7 else source.randrange(N)
    return with_scalars(k, u1, source.choice(SPECIAL))


def key_at_infinity(source: random.Random) -> Signature:
    k = source.choice(SPECIAL) if source.random() < 0.3 else source.randrange(1, N)
    u2 = source.choice(SPECIAL) if source.random() < 0.3 else source.randrange(1, N)
    return with_scalars(k, -u2 * k % N, u2)


def comb_pairs(u1: int) -> list[int]:
    """What the pairs of windows of the comb stand for; together they are u1, mod n."""
    bits = (u1 + 2**COMB_BITS - 1) * pow(2, -1, N) % N
    size = 2 * COMB_WINDOW_BITS
    return [
        (2 * (bits >> (size * pair) & (1 << size) - 1) - ((1 << size) - 1)) << (size * pair)
        for pair in range(COMB_PAIRS)
    ]


def exceptional_in_the_comb(source: random.Random) -> Signature:
    """u2 R, alone or with the pairs before, is a pair of the comb, or the opposite; or one digit of it."""
    while True:
        u1 = source.choice(SPECIAL) if source.random() < 0.3 else source.randrange(N)
        k = source.choice(SPECIAL) if source.random() < 0.3 else source.randrange(1, N)
        pairs = comb_pairs(u1)
        assert (sum(pairs) - u1) % N == 0
        index = source.randrange(COMB_PAIRS)
        wanted = source.choice((1, -1)) * pairs[index] - source.choice((0, 1, 1)) * sum(pairs[:index])
        if wanted % N:
            return with_scalars(k, u1, wanted * pow(k, -1, N) % N)


def equal_sums(source: random.Random) -> Signature:
    """u1 G is u2 R, the opposite, or beside it."""
    k, u2 = source.randrange(1, N), source.randrange(1, N)
    return with_scalars(k, (u2 * k * source.choice((1, 1, -1)) + source.choice((0, 0, 1, -1, 2, 255))) % N, u2)


def odd_halves(scalar: int) -> tuple[int, int]:
    """What `scalars.split` makes of a scalar."""
    a1, b1, a2, b2 = LATTICE
    c1, c2 = ((2 * factor * scalar + N) // (2 * N) for factor in (b2, -b1))
    k1, k2 = scalar - c1 * a1 - c2 * a2, -c1 * b1 - c2 * b2
    if k1 % 2 == 0:
        k1, k2 = k1 + a1, k2 + b1
    if k2 % 2 == 0:
        k1, k2 = k1 + a2, k2 + b2
    return k1, k2


def lowest_digit(half: int) -> int:
    window = ((half + 2**HALF_BITS - 1) // 2) % 2**WINDOW_BITS
    return 2 * window - (2**WINDOW_BITS - 1)


def _met_twice() -> list[int]:
    """The scalars for which the ladder adds a point to itself in its lowest window: twice that window's point."""
    digits = range(-(2**WINDOW_BITS) + 1, 2**WINDOW_BITS, 2)
    found = []
    for first in digits:
        for second in digits:
            scalar = 2 * (first + second * LAMBDA) % N
            if tuple(map(lowest_digit, odd_halves(scalar))) == (first, second):
                found.append(scalar)
    return found


MET_TWICE = _met_twice()


def exceptional_in_the_ladder(source: random.Random) -> Signature:
    """Half of them with a key at infinity."""
    k, u2 = source.randrange(1, N), source.choice(MET_TWICE)
    return with_scalars(k, source.choice([-u2 * k % N, source.randrange(N)]), u2)


def exceptional_and_without_key(source: random.Random) -> Signature:
    """An attempt to have the comb meet a point twice on its way to infinity."""
    u1 = source.choice(SPECIAL) if source.random() < 0.5 else source.randrange(N)
    pairs = comb_pairs(u1)
    index = source.randrange(COMB_PAIRS)
    wanted = (source.choice((1, -1)) * pairs[index] - sum(pairs[:index])) % N
    k = source.randrange(1, N)
    return with_scalars(k, source.choice([-wanted % N, u1]), (wanted or 1) * pow(k, -1, N) % N)


KINDS: dict[str, Callable[[random.Random], Signature]] = {
    kind.__name__: kind
    for kind in (
        signed,
        random_numbers,
        at_the_edges,
        small_r,
        without_generator,
        special_scalars,
        key_at_infinity,
        exceptional_in_the_comb,
        equal_sums,
        exceptional_in_the_ladder,
        exceptional_and_without_key,
    )
}


def signatures(kind: str, count: int, seed: int = 1) -> list[Signature]:
    source = random.Random(f"{kind} {seed}")
    return [KINDS[kind](source) for _ in range(count)]


def of_all_kinds(count: int, seed: int = 2) -> Iterator[Signature]:
    """Mixed, so that one that goes wrong has others beside it."""
    source = random.Random(seed)
    kinds = list(KINDS.values())
    for _ in range(count):
        yield source.choice(kinds)(source)
