"""Recovery in a kernel finds what `primitives.signature` finds, and refuses what it refuses."""

import random

import numpy as np
import pytest

from primitives.errors import InvalidSignature
from primitives.kernels_cache import njit_without_lock
from primitives.secp256k1_calls import libsecp256k1_functions, recover_address
from primitives.signature import SECP256K1_HALF_N, SECP256K1_N, address_of, recover, sign
from primitives.u256 import load_big_endian, store_big_endian

FUNCTIONS = libsecp256k1_functions()
DIGEST = bytes(range(32))
KEY = bytes(31) + b"\x05"


@njit_without_lock
def recover_record(functions, record, y_parity, answer):
    """From record : uint8[96], which is digest, r and s, to answer : uint8[32]."""
    at = record.ctypes.data
    address = recover_address(functions, at, y_parity, load_big_endian(at + 32), load_big_endian(at + 64))
    store_big_endian(answer.ctypes.data, address)


def kernel_recover(digest: bytes, y_parity: int, r: int, s: int) -> bytes:
    record = np.frombuffer(digest + r.to_bytes(32, "big") + s.to_bytes(32, "big"), dtype=np.uint8)
    answer = np.full(32, 0xEE, dtype=np.uint8)
    recover_record(FUNCTIONS.ctypes.data, record, y_parity, answer)
    assert not answer[:12].any()
    return answer[12:].tobytes()


def expected(digest: bytes, y_parity: int, r: int, s: int) -> bytes:
    try:
        return recover(digest, y_parity, r, s, low_s=False)
    except InvalidSignature:
        return bytes(20)


def test_the_signer_is_recovered():
    for seed in range(200):
        generator = random.Random(seed)
        key, digest = generator.randbytes(32), generator.randbytes(32)
        assert kernel_recover(digest, *sign(key, digest)) == address_of(key), seed


def test_a_high_s_is_recovered_too():
    y_parity, r, s = sign(KEY, DIGEST)
    assert s <= SECP256K1_HALF_N < SECP256K1_N - s
    assert kernel_recover(DIGEST, 1 - y_parity, r, SECP256K1_N - s) == address_of(KEY)


@pytest.mark.parametrize("y_parity", [-1, 0, 1, 2, 3, 27, 2**32, -(2**63)])
def test_only_a_parity_of_zero_or_one_has_a_signer(y_parity):
    _, r, s = sign(KEY, DIGEST)
    assert kernel_recover(DIGEST, y_parity, r, s) == expected(DIGEST, y_parity, r, s)


def test_numbers_out_of_range_have_no_signer():
    y_parity, good_r, good_s = sign(KEY, DIGEST)
    edges = [0, 1, SECP256K1_N - 1, SECP256K1_N, SECP256K1_N + 1, 2**256 - 1]
    for r, s in [*((r, good_s) for r in edges), *((good_r, s) for s in edges), *((edge, edge) for edge in edges)]:
        answer = kernel_recover(DIGEST, y_parity, r, s)
        assert answer == expected(DIGEST, y_parity, r, s), (r, s)
        if r in (0, SECP256K1_N) or s in (0, SECP256K1_N):
            assert answer == bytes(20)


def test_random_numbers_that_are_no_x_of_the_curve_have_no_signer():
    generator = random.Random(3)
    found = 0
    for _ in range(100):
        r, s = generator.randrange(SECP256K1_N), generator.randrange(SECP256K1_N)
        answer = kernel_recover(DIGEST, generator.randrange(2), r, s)
        found += answer != bytes(20)
        assert answer in (expected(DIGEST, 0, r, s), expected(DIGEST, 1, r, s))
    assert 20 < found < 80
