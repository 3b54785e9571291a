import contextlib

import pytest
from eth_account import Account
from hypothesis import given
from hypothesis import strategies as st

from primitives.errors import InvalidSignature
from primitives.keccak import keccak256
from primitives.signature import SECP256K1_HALF_N, SECP256K1_N, address_of, check_ranges, recover, sign

KEYS = st.integers(1, SECP256K1_N - 1).map(lambda number: number.to_bytes(32, "big"))
DIGESTS = st.binary(min_size=32, max_size=32)


@given(KEYS, DIGESTS)
def test_recovery_undoes_signing_and_both_agree_with_eth_account(key, digest):
    y_parity, r, s = sign(key, digest)
    assert s <= SECP256K1_HALF_N
    assert recover(digest, y_parity, r, s) == address_of(key)
    signed = Account.unsafe_sign_hash(digest, key)
    assert (signed.v - 27, signed.r, signed.s) == (y_parity, r, s)


@given(st.integers(0, 3), st.integers(0, 2**256 - 1), st.integers(0, 2**256 - 1), DIGESTS)
def test_any_numbers_recover_an_address_or_are_an_invalid_signature(y_parity, r, s, digest):
    with contextlib.suppress(InvalidSignature):
        assert len(recover(digest, y_parity, r, s, low_s=False)) == 20


@pytest.mark.parametrize(
    ("y_parity", "r", "s"),
    [
        (2, 1, 1),
        (-1, 1, 1),
        (0, 0, 1),
        (0, SECP256K1_N, 1),
        (0, 1, 0),
        (0, 1, SECP256K1_N),
        (0, 1, SECP256K1_HALF_N + 1),
    ],
)
def test_values_out_of_range_are_refused(y_parity, r, s):
    with pytest.raises(InvalidSignature):
        check_ranges(y_parity, r, s)


def test_the_edges_of_the_ranges_are_taken():
    check_ranges(0, 1, 1)
    check_ranges(1, SECP256K1_N - 1, SECP256K1_HALF_N)
    check_ranges(1, 1, SECP256K1_N - 1, low_s=False)


def test_keccak_is_the_one_from_before_sha3():
    assert keccak256(b"").hex() == "c5d2460186f7233c927e7db2dcc703c0e500b653ca82273b7bfad8045d85a470"
    assert keccak256(b"abc").hex() == "4e03657aea45a94fc7d47ba826c8d667c0d1e6e33a64a036ec44f58fa12d6c45"
    assert keccak256(bytearray(b"abc")) == keccak256(memoryview(b"abc")) == keccak256(b"abc")
