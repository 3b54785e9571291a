"""P256VERIFY: signatures made here, and every way in which one is not valid."""

import random

import gmpy2
import pytest

from evm_jit.precompiles import p256verify
from evm_jit.precompiles.p256verify import GENERATOR, NOT_VALID, VALID, A, B, N, P

KEY = 0xC9AFA9D845BA75166B5C215767B1D6934E50C3DB36E89B127B8A622B120F6721  # RFC 6979, A.2.5.
PUBLIC_X = 0x60FED4BA255A9D31C961EB74C6356D68C049B8923B61FA6CE669622E60F29FB6
PUBLIC_Y = 0x7903FE1008B8BC99A41AE9E95628BC64F2F1B20C2D7E9F5177A3C294D4462299
DIGEST = 0xAF2BDBE1AA9B6EC1E2ADE1D694F41FC71A831D0268E9891562113D8A62ADD1BF  # SHA-256 of "sample".
R = 0xEFD48B2AACB6A8FD1140DD9CD45E81D69D2C877B56AAF991C34D0EA84EAF3716
S = 0xF7CB1C942D657C41D436C7A1B6E29F65F3E900DBB9AFF4064DC4AB2F843ACDA8


def call(digest=DIGEST, r=R, s=S, x=PUBLIC_X, y=PUBLIC_Y) -> bytes:
    return b"".join(int(value).to_bytes(32, "big") for value in (digest, r, s, x, y))


def multiply(scalar, point):
    """Affine double-and-add, the obvious way."""
    result = None
    while scalar:
        if scalar & 1:
            result = add(result, point)
        point = add(point, point)
        scalar >>= 1
    return result


def add(first, second):
    if first is None or second is None:
        return first or second
    (x1, y1), (x2, y2) = first, second
    if x1 == x2 and (y1 + y2) % P == 0:
        return None
    slope = (3 * x1 * x1 + A) * gmpy2.invert(2 * y1, P) if first == second else (y2 - y1) * gmpy2.invert(x2 - x1, P)
    x = (slope * slope - x1 - x2) % P
    return x, (slope * (x1 - x) - y1) % P


def sign(key, digest, secret):
    r = multiply(secret, GENERATOR)[0] % N
    return r, gmpy2.invert(secret, N) * (digest + r * key) % N


def test_the_rfcs_signature_is_valid():
    assert p256verify.run(call()) == VALID
    assert p256verify.run(call(s=N - S)) == VALID  # A high s is as good.
    assert p256verify.gas(call()) == 6_900


def test_random_signatures_are_valid_and_changed_ones_are_not():
    generator = random.Random(7951)
    for _ in range(5):
        key, digest, secret = (generator.randrange(1, int(N)) for _ in range(3))
        x, y = multiply(key, GENERATOR)
        r, s = sign(key, digest, secret)
        assert p256verify.run(call(digest, r, s, x, y)) == VALID
        assert p256verify.run(call(digest ^ 1, r, s, x, y)) == NOT_VALID


def test_a_digest_of_zero_and_a_key_of_one_are_nothing_special():
    r, s = sign(1, 0, 5)
    assert p256verify.run(call(0, r, s, *GENERATOR)) == VALID


def test_a_sum_at_infinity_is_not_valid():
    """Digest = -r * key: u1 * G + u2 * Q is the point at infinity."""
    digest = -R * KEY % N
    assert p256verify.run(call(digest)) == NOT_VALID


@pytest.mark.parametrize(
    "data",
    [
        call(r=0),
        call(s=0),
        call(r=N),
        call(s=N),
        call(x=PUBLIC_X + 1),
        call(x=0, y=0),
        call(x=P),
        call(y=P),
        call(x=0, y=gmpy2.powmod(B, (P + 1) // 4, P)),
        call()[:-1],
        call() + b"\x00",
        b"",
    ],
)
def test_what_is_out_of_range_or_of_another_length_is_not_valid(data):
    assert p256verify.run(data) == NOT_VALID
