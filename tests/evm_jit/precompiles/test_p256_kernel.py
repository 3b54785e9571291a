"""P256VERIFY in a kernel says what the plain function says: on signatures, on edges, on what is no signature."""

import random

import gmpy2

from evm_jit.precompiles import p256verify
from evm_jit.precompiles.p256verify import GENERATOR, INFINITY, Affine, add, to_affine
from primitives.forks import Fork
from tests.evm_jit.precompiles import native_call

P, N, B = int(p256verify.P), int(p256verify.N), int(p256verify.B)
NUMBER = 0x100
VALID = (1).to_bytes(32, "big")


def words(*values: int) -> bytes:
    return b"".join(int(value).to_bytes(32, "big") for value in values)


def multiply(scalar: int, point: Affine = GENERATOR) -> Affine:
    result = INFINITY
    for bit in bin(scalar % N)[2:]:
        result = add(result, result)
        if bit == "1":
            result = add(result, (*point, gmpy2.mpz(1)))
    return to_affine(result)


def signature(digest: int, key: int, nonce: int) -> tuple[int, int]:
    r = int(multiply(nonce)[0]) % N
    return r, pow(nonce, -1, N) * (digest + r * key) % N


def verdict(data: bytes) -> bytes:
    ran = native_call.run(NUMBER, Fork.OSAKA, data)
    assert not ran.was_in_python
    assert ran.output == p256verify.run(data), data.hex()
    return ran.output


def test_signatures_are_valid():
    generator = random.Random(256)
    edges = [1, 2, 3, 15, 16, 17, 255, 256, 257, N - 1, N - 2, N // 2]
    for number in range(80):
        pick = lambda: generator.choice(edges) if generator.random() < 0.4 else generator.randrange(1, N)  # noqa: E731
        digest = generator.choice((0, 1, N - 1, N, 2**256 - 1, generator.randrange(2**256)))
        key, nonce = pick(), pick()
        r, s = signature(digest, key, nonce)
        if s:
            assert verdict(words(digest, r, s, *multiply(key))) == VALID, number


def test_a_changed_bit_makes_a_signature_invalid():
    generator = random.Random(1)
    data = words(5, *signature(5, 77, 99), *multiply(77))
    assert verdict(data) == VALID
    for bit in generator.sample(range(8 * len(data)), 100):
        changed = bytearray(data)
        changed[bit // 8] ^= 1 << bit % 8
        assert verdict(bytes(changed)) == b""


def test_numbers_out_of_range_are_invalid():
    digest, (x, y) = 5, multiply(77)
    r, s = signature(digest, 77, 99)
    for edge in (0, N, N + 1, P, 2**256 - 1):
        assert verdict(words(digest, edge, s, x, y)) == b""
        assert verdict(words(digest, r, edge, x, y)) == b""
    assert verdict(words(digest, r + N, s, x, y) if r + N < 2**256 else b"") == b""
    assert verdict(words(digest, r, N - s, x, y)) == VALID
    for bad_x, bad_y in ((0, 0), (P, y), (x, P), (x, P - 1), (1, 1), (2**256 - 1, 2**256 - 1)):
        assert verdict(words(digest, r, s, bad_x, bad_y)) == b""


def test_an_x_between_n_and_p_is_taken_modulo_n():
    """No random signature meets that: the point is chosen first, and the key that makes it valid is found."""
    x = N
    while pow((x**3 - 3 * x + B) % P, (P - 1) // 2, P) != 1:
        x += 1
    assert x < P
    point = gmpy2.mpz(x), gmpy2.mpz(pow((x**3 - 3 * x + B) % P, (P + 1) // 4, P))
    u, v = 12_345, 67_890
    minus_u_g = multiply(N - u)
    difference = add((*point, gmpy2.mpz(1)), (*minus_u_g, gmpy2.mpz(1)))
    key = multiply(pow(v, -1, N), to_affine(difference))
    r = x - N
    s = r * pow(v, -1, N) % N
    assert r > 0
    assert verdict(words(u * s % N, r, s, *key)) == VALID
    assert verdict(words(u * s % N, r + 1, s, *key)) == b""


def test_a_sum_at_infinity_is_invalid():
    """With the key G, u + v = 0: the digest is -r."""
    r, s = 1_234_567, 89
    assert verdict(words(N - r, r, s, *GENERATOR)) == b""
    assert verdict(words(0, r, s, *GENERATOR)) == p256verify.run(words(0, r, s, *GENERATOR))


def test_only_inputs_of_160_bytes_are_looked_at():
    data = words(5, *signature(5, 77, 99), *multiply(77))
    for size in (0, 1, 96, 159):
        assert verdict(data[:size]) == b""
    assert verdict(data + b"\x00") == b""
