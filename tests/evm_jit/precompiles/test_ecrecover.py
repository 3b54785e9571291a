"""ECRECOVER and RIPEMD-160: known values."""

from evm_jit.precompiles import ecrecover, ripemd160
from primitives.signature import SECP256K1_N, address_of, sign

KEY = b"\x05" * 32
DIGEST = b"\x11" * 32


def call(v: int, r: int, s: int) -> bytes:
    return DIGEST + b"".join(value.to_bytes(32, "big") for value in (v, r, s))


def test_the_signers_address_comes_back():
    parity, r, s = sign(KEY, DIGEST)
    expected = bytes(12) + address_of(KEY)
    assert ecrecover.run(call(27 + parity, r, s)) == expected
    assert ecrecover.run(call(28 - parity, r, SECP256K1_N - s)) == expected  # A high s is taken here.
    assert ecrecover.run(call(27 + parity, r, s) + b"more") == expected
    assert ecrecover.gas(b"") == 3_000


def test_what_is_no_signature_gives_nothing():
    parity, r, s = sign(KEY, DIGEST)
    for data in (
        b"",
        call(26, r, s),
        call(29, r, s),
        call(2**200 + 27, r, s),
        call(27, 0, s),
        call(27, r, SECP256K1_N),
    ):
        assert ecrecover.run(data) == b""
    assert ecrecover.run(call(27 + parity, r, s)[:-1]) != bytes(12) + address_of(KEY)


def test_ripemd160_of_abc():
    assert ripemd160.run(b"abc").hex() == "00" * 12 + "8eb208f7e05d987a9b044a8e98c6b087f15a0bfc"
    assert ripemd160.gas(bytes(33)) == 600 + 2 * 120
