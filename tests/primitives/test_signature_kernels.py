"""Many signers recovered in one call are those that `recover` finds one by one."""

import random
import threading

import numpy as np
import pytest

from primitives.errors import InvalidSignature
from primitives.signature import SECP256K1_HALF_N, SECP256K1_N, address_of, recover, recover_many, sign

Signature = tuple[bytes, int, int, int]  # digest, y parity, r, s


def recovered(signatures: list[Signature], *, low_s: bool = True) -> list[bytes | None]:
    """Of each, the address, or None."""
    addresses, is_valid = recover_many(
        b"".join(digest for digest, *_ in signatures),
        b"".join(r.to_bytes(32, "big") + s.to_bytes(32, "big") for *_, r, s in signatures),
        bytes(y_parity for _, y_parity, *_ in signatures),
        low_s=low_s,
    )
    assert (addresses.shape, addresses.dtype) == ((len(signatures), 20), np.uint8)
    assert (is_valid.shape, is_valid.dtype) == ((len(signatures),), np.bool_)
    assert not addresses[~is_valid].any()
    return [address.tobytes() if valid else None for address, valid in zip(addresses, is_valid, strict=True)]


def expected(signature: Signature, *, low_s: bool = True) -> bytes | None:
    try:
        return recover(*signature, low_s=low_s)
    except InvalidSignature:
        return None


def signed(source: random.Random) -> tuple[bytes, Signature]:
    """A key and what it signed."""
    key, digest = source.randbytes(32), source.randbytes(32)
    return key, (digest, *sign(key, digest))


EDGES = [0, 1, 2, SECP256K1_HALF_N, SECP256K1_HALF_N + 1, SECP256K1_N - 1, SECP256K1_N, SECP256K1_N + 1, 2**256 - 1]


@pytest.mark.parametrize("count", [0, 1, 2, 7, 8, 9, 65, 300])
def test_batches_of_every_size_keep_their_order(count: int):
    source = random.Random(count)
    pairs = [signed(source) for _ in range(count)]
    assert recovered([signature for _, signature in pairs]) == [address_of(key) for key, _ in pairs]


@pytest.mark.parametrize("low_s", [True, False])
def test_numbers_at_the_edges_of_their_ranges_are_judged_as_by_recover(low_s: bool):
    source = random.Random(1)
    _, (digest, y_parity, good_r, good_s) = signed(source)
    numbers = [(r, s) for r in [*EDGES, good_r] for s in [*EDGES, good_s, SECP256K1_N - good_s]]
    signatures = [(digest, parity, r, s) for parity in (0, 1, y_parity) for r, s in numbers]
    answers = recovered(signatures, low_s=low_s)
    assert answers == [expected(signature, low_s=low_s) for signature in signatures]
    assert None in answers
    assert set(answers) != {None}


def test_high_s_is_refused_only_when_asked():
    key, (digest, y_parity, r, s) = signed(random.Random(2))
    twin = (digest, 1 - y_parity, r, SECP256K1_N - s)
    assert recovered([twin], low_s=False) == [address_of(key)]
    assert recovered([twin]) == [None]


def test_only_a_parity_of_zero_or_one_has_a_signer():
    _, (digest, _, r, s) = signed(random.Random(3))
    signatures = [(digest, parity, r, s) for parity in range(256)]
    assert recovered(signatures) == [expected(signature) for signature in signatures]


def test_an_invalid_signature_between_others_disturbs_none():
    source = random.Random(4)
    pairs = [signed(source) for _ in range(40)]
    signatures = [signature for _, signature in pairs]
    wanted: list[bytes | None] = [address_of(key) for key, _ in pairs]
    for index in source.sample(range(40), 15):
        digest, y_parity, _, s = signatures[index]
        signatures[index] = (digest, y_parity, source.choice([0, SECP256K1_N, 5]), s)
        wanted[index] = expected(signatures[index])
    assert wanted.count(None) > 5
    assert recovered(signatures) == wanted


def test_random_numbers_are_judged_as_by_recover():
    source = random.Random(5)
    signatures = [
        (source.randbytes(32), source.randrange(3), source.getrandbits(256), source.getrandbits(256))
        for _ in range(300)
    ]
    assert recovered(signatures, low_s=False) == [expected(signature, low_s=False) for signature in signatures]


def test_arrays_are_taken_like_bytes():
    source = random.Random(6)
    key, (digest, y_parity, r, s) = signed(source)
    numbers = np.frombuffer(r.to_bytes(32, "big") + s.to_bytes(32, "big"), np.uint8).reshape(1, 64)
    digests = np.frombuffer(digest, np.uint8).reshape(1, 32)
    addresses, is_valid = recover_many(digests, numbers, np.array([y_parity], np.uint8))
    assert is_valid.all()
    assert addresses.tobytes() == address_of(key)


def test_threads_recover_at_the_same_time_without_mixing_up():
    source = random.Random(7)
    shares = [[signed(source) for _ in range(100)] for _ in range(4)]
    answers: list[list[bytes | None]] = [[] for _ in shares]
    start = threading.Barrier(len(shares))

    def work(index: int) -> None:
        start.wait()
        for _ in range(3):
            answers[index] = recovered([signature for _, signature in shares[index]])

    threads = [threading.Thread(target=work, args=(index,)) for index in range(len(shares))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == [[address_of(key) for key, _ in share] for share in shares]
