"""Every contract of the native engine: number, gas and result equal those of the plain functions."""

import hashlib
import random
from collections.abc import Callable

import pytest
from py_ecc.bn128 import G1, G2, curve_order, multiply

from evm_jit.precompiles import (
    PrecompileFailed,
    alt_bn128,
    alt_bn128_pairing,
    blake2f,
    bls12_381,
    ecrecover,
    modexp,
    p256verify,
    point_evaluation,
    ripemd160,
)
from evm_jit.precompiles.native import FAILED, PYTHON_CONTRACTS, precompile_addresses
from evm_jit.reference_precompiles import precompiles_of
from primitives.forks import Fork
from primitives.signature import SECP256K1_N, sign
from tests.evm_jit.precompiles import native_call

FORKS = [fork for fork in Fork if fork >= Fork.BERLIN]
MODULUS = 0x30644E72E131A029B85045B68181585D97816A916871CA8D3C208C16D87CFD47


def words(*values: int) -> bytes:
    return b"".join(int(value).to_bytes(32, "big") for value in values)


def by_words(base: int, word: int) -> Callable[[bytes], int]:
    return lambda data: base + word * ((len(data) + 31) // 32)


# Number: the plain gas from Berlin on, the plain result.
PLAIN = {
    0x01: (ecrecover.gas, ecrecover.run),
    0x02: (by_words(60, 12), lambda data: hashlib.sha256(data).digest()),
    0x03: (ripemd160.gas, ripemd160.run),
    0x04: (by_words(15, 3), lambda data: data),
    0x06: (alt_bn128.gas_add, alt_bn128.run_add),
    0x07: (alt_bn128.gas_multiply, alt_bn128.run_multiply),
    0x08: (alt_bn128_pairing.gas, alt_bn128_pairing.run),
    0x09: (blake2f.gas, blake2f.run),
    0x0A: (point_evaluation.gas, point_evaluation.run),
    0x0B: (bls12_381.gas_g1_add, bls12_381.run_g1_add),
    0x0C: (bls12_381.gas_g1_msm, bls12_381.run_g1_msm),
    0x0D: (bls12_381.gas_g2_add, bls12_381.run_g2_add),
    0x0E: (bls12_381.gas_g2_msm, bls12_381.run_g2_msm),
    0x0F: (bls12_381.gas_pairing, bls12_381.run_pairing),
    0x10: (bls12_381.gas_map_to_g1, bls12_381.run_map_to_g1),
    0x11: (bls12_381.gas_map_to_g2, bls12_381.run_map_to_g2),
    0x100: (p256verify.gas, p256verify.run),
}


def plain_result(number: int, data: bytes) -> bytes | None:
    try:
        return PLAIN[number][1](data)
    except PrecompileFailed:
        return None


def assert_same(number: int, data: bytes, *, in_python: bool = False) -> bytes | None:
    """Gas and result, as far as the call does not fail whatever gas it has."""
    expected = plain_result(number, data)
    gas = native_call.gas(number, Fork.OSAKA, data)
    if gas == FAILED:
        assert expected is None, data.hex()
        return None
    assert gas == PLAIN[number][0](data)
    ran = native_call.run(number, Fork.OSAKA, data)
    assert ran.output == expected, data.hex()
    assert ran.was_in_python is in_python
    return ran.output


@pytest.mark.parametrize("fork", FORKS, ids=lambda fork: fork.name)
def test_each_fork_has_the_contracts_of_the_reference_engine(fork):
    expected = {int.from_bytes(address, "big") for address in precompiles_of(fork)}
    assert set(precompile_addresses(fork)) == expected
    for address in [*range(0x120), 0x1FF, 2**32, 2**64, 2**64 + 1, 2**64 + 0x100, 2**128 - 1]:
        assert native_call.number_at(address, fork) == (address if address in expected else 0)


@pytest.mark.parametrize("number", [0x02, 0x03, 0x04])
def test_hashes_and_identity_of_every_length_around_a_block(number):
    generator = random.Random(number)
    for size in [*range(200), 1_000, 4_095, 4_096, 70_000]:
        assert_same(number, generator.randbytes(size))
        assert_same(number, bytes([0xFF]) * size)


def test_ecrecover_finds_the_signer():
    for seed in range(50):
        generator = random.Random(seed)
        digest = generator.randbytes(32)
        y_parity, r, s = sign(generator.randbytes(32), digest)
        data = digest + words(27 + y_parity, r, s)
        assert len(assert_same(1, data)) == 32
        assert len(assert_same(1, data + generator.randbytes(seed))) == 32
        assert len(assert_same(1, digest + words(28 - y_parity, r, SECP256K1_N - s))) == 32


def test_ecrecover_of_what_is_no_signature_is_empty():
    generator = random.Random(1)
    digest = generator.randbytes(32)
    y_parity, r, s = sign(generator.randbytes(32), digest)
    for v in (0, 1, 26, 29, 27 + 256, 2**64 + 27, 2**255 + 28, 2**256 - 1):
        assert assert_same(1, digest + words(v, r, s)) == b""
    edges = [0, SECP256K1_N, SECP256K1_N + 1, 2**256 - 1]
    for bad_r, bad_s in [*((edge, s) for edge in edges), *((r, edge) for edge in edges)]:
        assert assert_same(1, digest + words(27 + y_parity, bad_r, bad_s)) == b""
    data = digest + words(27 + y_parity, r, s)
    for size in range(len(data)):
        assert_same(1, data[:size])
    for _ in range(50):
        assert_same(
            1,
            words(
                generator.randrange(2**256),
                generator.choice((27, 28)),
                *(generator.randrange(2**256) for _ in range(2)),
            ),
        )


def points(count: int, seed: int) -> list[tuple[int, int]]:
    generator = random.Random(seed)
    return [tuple(map(int, multiply(G1, generator.randrange(1, curve_order)))) for _ in range(count)]


def test_additions_on_bn254():
    first, second, third = points(3, seed=6)
    opposite = (first[0], MODULUS - first[1])
    infinity = (0, 0)
    for a in (first, second, third, infinity, opposite):
        for b in (first, second, infinity):
            assert len(assert_same(6, words(*a, *b))) == 64
    bad = [(1, 1), (MODULUS, 0), (0, MODULUS), (first[0] + MODULUS, first[1]), (2**256 - 1, 2**256 - 1)]
    for point in bad:
        assert assert_same(6, words(*point, *first)) is None
        assert assert_same(6, words(*first, *point)) is None
    data = words(*first, *second)
    for size in [*range(140), 63, 64, 65]:
        assert_same(6, (data + bytes(range(100)))[:size])


def test_multiplications_on_bn254():
    (point,) = points(1, seed=7)
    scalars = [0, 1, 2, 3, curve_order - 1, curve_order, curve_order + 1, 2**255, 2**256 - 1]
    for scalar in [*scalars, *(random.Random(7).randrange(2**256) for _ in range(10))]:
        assert len(assert_same(7, words(*point, scalar))) == 64
    assert assert_same(7, words(0, 0, 5)) == bytes(64)
    assert assert_same(7, words(1, 3, 5)) is None
    data = words(*point, 2**256 - 1)
    for size in [*range(0, 96, 7), 64, 65, 95, 96, 97, 128]:
        assert_same(7, (data + bytes(range(100)))[:size])


def g2_words(point) -> tuple[int, ...]:
    (x, y) = point
    return tuple(int(value) for value in (x.coeffs[1], x.coeffs[0], y.coeffs[1], y.coeffs[0]))


def test_pairings_on_bn254():
    p, minus_p = (1, 2), (1, MODULUS - 2)
    twice = tuple(map(int, multiply(G1, 2)))
    q, two_q = g2_words(G2), g2_words(multiply(G2, 2))
    yes, no = words(1), words(0)
    assert assert_same(8, b"") == yes
    assert assert_same(8, words(*p, *q)) == no
    assert assert_same(8, words(*p, *q, *minus_p, *q)) == yes
    assert assert_same(8, words(*twice, *q, *minus_p, *two_q)) == yes
    assert assert_same(8, words(0, 0, *q, *p, 0, 0, 0, 0)) == yes
    assert assert_same(8, words(*p, *q[::-1])) is None
    assert assert_same(8, words(1, 1, *q)) is None
    assert assert_same(8, words(*p, *q[:3], MODULUS)) is None
    for size in (1, 191, 193, 383):
        assert assert_same(8, (words(*p, *q) * 3)[:size]) is None


def test_blake2f_of_a_few_rounds_and_of_many():
    generator = random.Random(9)
    for rounds in [*range(25), 100, 1_000]:
        for flag in (0, 1):
            data = rounds.to_bytes(4, "big") + generator.randbytes(208) + bytes([flag])
            assert len(assert_same(9, data)) == 64


def test_blake2f_refuses_other_lengths_and_flags():
    data = (12).to_bytes(4, "big") + bytes(208)
    for flag in (2, 3, 128, 255):
        assert assert_same(9, data + bytes([flag])) is None
    for size in (0, 1, 3, 4, 211, 212):
        assert assert_same(9, data[:size]) is None
    assert assert_same(9, data + bytes(2)) is None


@pytest.mark.parametrize("number", range(0x0A, 0x12))
def test_what_python_runs_is_refused_before_for_a_wrong_length(number):
    generator = random.Random(number)
    whole = {0x0A: 192, 0x0B: 256, 0x0C: 160, 0x0D: 512, 0x0E: 288, 0x0F: 384, 0x10: 64, 0x11: 128}[number]
    for size in (0, 1, whole - 1, whole + 1, 2 * whole - 1):
        assert native_call.gas(number, Fork.OSAKA, generator.randbytes(size)) == FAILED
        assert plain_result(number, bytes(size)) is None
    in_python = number in PYTHON_CONTRACTS
    assert in_python is (number in (0x0A, 0x0F))
    assert_same(number, generator.randbytes(whole), in_python=in_python)
    assert_same(number, bytes(whole), in_python=in_python)


@pytest.mark.parametrize(("number", "unit"), [(0x0C, 160), (0x0E, 288), (0x0F, 384)])
def test_gas_over_bls12_381_by_terms(number, unit):
    for count in [*range(1, 140), 500]:
        data = bytes(unit * count)
        assert native_call.gas(number, Fork.PRAGUE, data) == PLAIN[number][0](data)


def test_pairings_over_bls12_381_come_from_python():
    assert assert_same(0x0F, bytes(384), in_python=True) == words(1)


def test_modexp_costs_what_it_costs_on_the_reference_engine():
    generator = random.Random(5)
    edges = [0, 1, 7, 8, 9, 31, 32, 33, 63, 64, 65, 1_023, 1_024, 1_025, 2**31, 2**61, 2**64 - 1, 2**64, 2**256 - 1]
    for _ in range(3_000):
        sizes = [generator.choice(edges) if generator.random() < 0.5 else generator.randrange(100) for _ in range(3)]
        exponent = generator.choice((b"\xff", b"\x00", b"\x01", generator.randbytes(1))) * generator.randrange(70)
        body = generator.randbytes(min(sizes[0], 2_000)) + exponent + generator.randbytes(generator.randrange(40))
        data = words(*sizes) + body
        data = data[: generator.choice((len(data), generator.randrange(len(data) + 1)))]
        assert_modexp_gas(data)


def assert_modexp_gas(data: bytes) -> None:
    for fork in (Fork.BERLIN, Fork.PRAGUE):
        assert native_call.gas(5, fork, data) == min(modexp.gas_berlin(data), 2**62), data.hex()
    try:
        osaka = modexp.gas_osaka(data)
    except PrecompileFailed:
        osaka = FAILED
    assert native_call.gas(5, Fork.OSAKA, data) == osaka, data.hex()
