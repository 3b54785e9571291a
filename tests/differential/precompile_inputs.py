"""
Inputs that precompiles take: mostly right ones, some cut off, some with a byte changed.

Points and signatures are made once a process, from fixed keys, with libraries that no engine uses for them.
"""

import hashlib
from collections.abc import Callable, Sequence
from functools import cache
from random import Random
from typing import Any, Final, NamedTuple

import coincurve

from primitives.forks import Fork
from tests.differential.edge_words import random_word

POINT_COUNT: Final = 4
SLOW_SHARE: Final = 0.02
BLS_G1_FIRST: Final = 0x0B

P256_PRIME: Final = 0xFFFFFFFF00000001000000000000000000000000FFFFFFFFFFFFFFFFFFFFFFFF
P256_ORDER: Final = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
P256_GENERATOR: Final = (
    0x6B17D1F2E12C4247F8BCE6E563A440F277037D812DEB33A0F4A13945D898C296,
    0x4FE342E2FE1A7F9B8EE7EB4A7C0F9E162BCE33576B315ECECBB6406837BF51F5,
)


class PrecompileCall(NamedTuple):
    """`output_size` is what the precompile answers with, if it does."""

    address: int
    data: bytes
    output_size: int


def addresses(fork: Fork) -> tuple[int, ...]:
    """The precompiles that a fork has."""
    last = 0x11 if fork >= Fork.PRAGUE else 0x0A if fork >= Fork.CANCUN else 0x09
    return (*range(1, last + 1), *((0x100,) if fork >= Fork.OSAKA else ()))


def precompile_call(rng: Random, fork: Fork) -> PrecompileCall:
    """A call of one of the fork's precompiles; rarely of those that take a second on some implementations."""
    kinds = _QUICK if rng.random() > SLOW_SHARE else _SLOW
    call = rng.choice([make for first_fork, make in kinds if first_fork <= fork])(rng)
    chance = rng.random()
    if chance < 0.75:
        return call
    data = bytearray(call.data)
    if chance < 0.85 or not data:
        return call._replace(data=bytes(data[: rng.randrange(len(data) + 1)]))
    if chance < 0.9:
        return call._replace(data=bytes(data) + rng.randbytes(rng.randrange(1, 70)))
    data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
    return call._replace(data=bytes(data))


def _word(value: int) -> bytes:
    return value.to_bytes(32, "big")


def _ecrecover(rng: Random) -> PrecompileCall:
    digest, signature = rng.choice(_signatures())
    v = 27 + signature[64] if rng.random() < 0.9 else random_word(rng)
    return PrecompileCall(1, digest + _word(v) + signature[:64], 32)


@cache
def _signatures() -> list[tuple[bytes, bytes]]:
    made = []
    for index in range(1, 9):
        digest = hashlib.sha256(bytes((index,))).digest()
        made.append((digest, coincurve.PrivateKey(_word(index)).sign_recoverable(digest, hasher=None)))
    return made


def _hashing(address: int, output_size: int) -> Callable[[Random], PrecompileCall]:
    def make(rng: Random) -> PrecompileCall:
        size = rng.choice((0, 1, 32, 55, 56, 63, 64, 65, 119, 120, 128, 200))
        return PrecompileCall(address, rng.randbytes(size), output_size or size)

    return make


def _modexp(rng: Random) -> PrecompileCall:
    sizes = [rng.choice((0, 1, 1, 8, 16, 31, 32, 33, 64)) for _ in range(3)]
    operands = [bytearray(rng.randbytes(size)) for size in sizes]
    if rng.random() < 0.3:
        operands[rng.randrange(3)][:] = bytes(sizes[0])  # A size that is not the one said, or zeros.
    if rng.random() < 0.05:
        sizes[rng.randrange(3)] = random_word(rng)
    data = b"".join(_word(size) for size in sizes) + b"".join(operands)
    return PrecompileCall(5, data, sizes[2] if sizes[2] <= 1024 else 32)


def _bn254_add(rng: Random) -> PrecompileCall:
    return PrecompileCall(6, _bn254_g1(rng) + _bn254_g1(rng), 64)


def _bn254_multiply(rng: Random) -> PrecompileCall:
    return PrecompileCall(7, _bn254_g1(rng) + _word(random_word(rng)), 64)


def _bn254_pairing(rng: Random) -> PrecompileCall:
    """No pairs, one, or two whose product is 1."""
    points = _bn254_points()
    count = rng.randrange(3)
    g1, g2 = rng.choice(points.g1), rng.choice(points.g2)
    negated = g1[:32] + _word((points.prime - int.from_bytes(g1[32:], "big")) % points.prime)
    return PrecompileCall(8, b"".join((g1 + g2, negated + g2)[:count]), 32)


def _bn254_g1(rng: Random) -> bytes:
    return rng.choice(_bn254_points().g1)


class _Points(NamedTuple):
    """Encoded points, infinity among them."""

    g1: Sequence[bytes]
    g2: Sequence[bytes]
    prime: int


@cache
def _bn254_points() -> _Points:
    from py_ecc import bn128

    g1 = [bytes(64)]
    g2 = [bytes(128)]
    for scalar in range(1, POINT_COUNT):
        x, y = _affine(bn128.multiply(bn128.G1, scalar))
        g1.append(_word(x.n) + _word(y.n))
        x2, y2 = _affine(bn128.multiply(bn128.G2, scalar))
        g2.append(b"".join(_word(int(value.coeffs[index])) for value in (x2, y2) for index in (1, 0)))
    return _Points(g1, g2, bn128.field_modulus)


def _blake2f(rng: Random) -> PrecompileCall:
    rounds = rng.choice((0, 1, 2, 9, 10, 11, 12, 13, 40))
    is_last = rng.choice((0, 1)) if rng.random() < 0.95 else 2
    return PrecompileCall(9, rounds.to_bytes(4, "big") + rng.randbytes(208) + bytes((is_last,)), 64)


def _point_evaluation(rng: Random) -> PrecompileCall:
    """The polynomial 0: commitment and proof are the point at infinity, and its value is 0 everywhere."""
    infinity = b"\xc0" + bytes(47)
    versioned_hash = b"\x01" + hashlib.sha256(infinity).digest()[1:]
    data = versioned_hash + _word(rng.getrandbits(250)) + _word(rng.random() < 0.2) + infinity + infinity
    return PrecompileCall(0x0A, data, 64)


@cache
def _bls_points() -> _Points:
    from py_ecc import bls12_381

    def field(value: int) -> bytes:
        return value.to_bytes(64, "big")

    g1 = [bytes(128)]
    g2 = [bytes(256)]
    for scalar in range(1, POINT_COUNT):
        x, y = _affine(bls12_381.multiply(bls12_381.G1, scalar))
        g1.append(field(x.n) + field(y.n))
        x2, y2 = _affine(bls12_381.multiply(bls12_381.G2, scalar))
        g2.append(b"".join(field(int(value.coeffs[index])) for value in (x2, y2) for index in (0, 1)))
    return _Points(g1, g2, bls12_381.field_modulus)


def _bls(rng: Random) -> PrecompileCall:
    """One of the seven of EIP-2537."""
    points = _bls_points()
    kind = rng.randrange(7)
    g1 = [rng.choice(points.g1) for _ in range(2)]
    g2 = [rng.choice(points.g2) for _ in range(2)]
    scalars = [_word(random_word(rng)) for _ in range(2)]
    count = rng.randrange(1, 3)
    y = int.from_bytes(g1[0][64:], "big")
    negated = g1[0][:64] + ((points.prime - y) % points.prime).to_bytes(64, "big")
    field = [rng.randrange(points.prime).to_bytes(64, "big") for _ in range(2)]
    data, size = (
        (g1[0] + g1[1], 128),
        (b"".join(p + k for p, k in zip(g1[:count], scalars, strict=False)), 128),
        (g2[0] + g2[1], 256),
        (b"".join(p + k for p, k in zip(g2[:count], scalars, strict=False)), 256),
        (b"".join((g1[0] + g2[0], negated + g2[0])[:count]), 32),
        (field[0], 128),
        (field[0] + field[1], 256),
    )[kind]
    return PrecompileCall(BLS_G1_FIRST + kind, data, size)


def _affine(point: Any) -> tuple[Any, Any]:
    assert point is not None, "a small multiple of a generator is not infinity"
    return point[0], point[1]


def _p256verify(rng: Random) -> PrecompileCall:
    return PrecompileCall(0x100, rng.choice(_p256_signatures()), 32)


@cache
def _p256_signatures() -> list[bytes]:
    made = []
    for key in (1, 2, 0xDEADBEEF):
        digest = hashlib.sha256(bytes((key & 0xFF,))).digest()
        nonce = key + 12_345
        r = _p256_multiply(nonce)[0] % P256_ORDER
        s = pow(nonce, -1, P256_ORDER) * (int.from_bytes(digest, "big") + r * key) % P256_ORDER
        x, y = _p256_multiply(key)
        made.append(digest + _word(r) + _word(s) + _word(x) + _word(y))
    return made


def _p256_multiply(scalar: int) -> tuple[int, int]:
    """The generator times `scalar`, by doubling and adding from the top bit."""
    point = P256_GENERATOR
    for bit in bin(scalar)[3:]:
        point = _p256_add(point, point)
        if bit == "1":
            point = _p256_add(point, P256_GENERATOR)
    return point


def _p256_add(first: tuple[int, int], second: tuple[int, int]) -> tuple[int, int]:
    (x1, y1), (x2, y2) = first, second
    if first == second:
        slope = (3 * x1 * x1 - 3) * pow(2 * y1, -1, P256_PRIME)
    else:
        slope = (y2 - y1) * pow(x2 - x1, -1, P256_PRIME)
    x = (slope * slope - x1 - x2) % P256_PRIME
    return x, (slope * (x1 - x) - y1) % P256_PRIME


_Kind = tuple[Fork, Callable[[Random], PrecompileCall]]
_QUICK: Final[list[_Kind]] = [
    (Fork.BERLIN, _ecrecover),
    (Fork.BERLIN, _hashing(2, 32)),
    (Fork.BERLIN, _hashing(3, 32)),
    (Fork.BERLIN, _hashing(4, 0)),
    (Fork.BERLIN, _modexp),
    (Fork.BERLIN, _bn254_add),
    (Fork.BERLIN, _bn254_multiply),
    (Fork.BERLIN, _blake2f),
    (Fork.OSAKA, _p256verify),
]
_SLOW: Final[list[_Kind]] = [
    (Fork.BERLIN, _bn254_pairing),
    (Fork.CANCUN, _point_evaluation),
    (Fork.PRAGUE, _bls),
]
