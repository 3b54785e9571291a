"""Keccak-256 in kernels gives what the library gives, for one message and for many."""

import random
from itertools import pairwise

import numpy as np
import pytest

from primitives.keccak import keccak256
from primitives.keccak_kernels import (
    keccak256_at,
    keccak256_many,
    keccak256_of_32,
    keccak256_of_64,
    lanes_of,
    permutation,
)
from primitives.kernels_cache import njit
from primitives.u256 import store_big_endian

SEED = 20_260_702
SIZES = [*range(301), 532, 543, 544, 545, 1000]


@njit
def one_by_one(data, starts, sizes_bytes, digests):
    """data uint8[m], starts int64[n], sizes_bytes int64[n], digests uint8[n, 32]: as keccak256_many takes them."""
    for row in range(len(starts)):
        digest = keccak256_at(data.ctypes.data + starts[row], sizes_bytes[row])
        store_big_endian(digests.ctypes.data + 32 * row, digest)


def digests_of(kernel, messages: list[bytes]) -> list[bytes]:
    """With 8 bytes of something else before, between and after the messages."""
    data = np.frombuffer(b"between!" + b"".join(message + b"between!" for message in messages), dtype=np.uint8)
    sizes = np.array([len(message) for message in messages], dtype=np.int64)
    starts = 8 + np.cumsum(sizes + 8) - (sizes + 8)
    digests = np.zeros((len(messages) + 1, 32), dtype=np.uint8)
    kernel(data.copy(), starts, sizes, digests[:-1])
    assert not digests[-1].any()
    return [digest.tobytes() for digest in digests[:-1]]


@njit
def of_words(data, starts, sizes_bytes, digests):
    """The same, of messages of 32 or 64 bytes."""
    for row in range(len(starts)):
        start = data.ctypes.data + starts[row]
        digest = keccak256_of_32(start) if sizes_bytes[row] == 32 else keccak256_of_64(start)
        store_big_endian(digests.ctypes.data + 32 * row, digest)


def test_messages_of_one_and_two_words_have_the_digests_of_the_library() -> None:
    source = random.Random(SEED)
    messages = [source.randbytes(32 + 32 * (index % 2)) for index in range(200)]
    messages += [octet * size for octet in (b"\0", b"\xff", b"\x80", b"\x01") for size in (32, 64)]
    assert digests_of(of_words, messages) == [keccak256(message) for message in messages]


@pytest.mark.parametrize("kernel", [one_by_one, keccak256_many])
def test_messages_of_every_size_have_the_digests_of_the_library(kernel) -> None:
    source = random.Random(SEED)
    messages = [source.randbytes(size) for size in SIZES]
    assert digests_of(kernel, messages) == [keccak256(message) for message in messages]


@pytest.mark.parametrize("count", [0, 1, 2, 7, 8, 9, 17, 1003])
def test_a_batch_of_mixed_sizes_keeps_its_order(count: int) -> None:
    source = random.Random(f"{SEED} {count}")
    messages = [source.randbytes(source.choice([0, 32, 64, 110, 135, 136, 137, 271, 272, 532])) for _ in range(count)]
    assert digests_of(keccak256_many, messages) == [keccak256(message) for message in messages]


permute_1, permute_2, permute_4, permute_8 = (permutation(lanes) for lanes in (1, 2, 4, 8))


@njit
def permute_all(one, two, four, eight):
    """one uint64[25, 1], two uint64[25, 2], four uint64[25, 4], eight uint64[25, 8]: permuted in place."""
    permute_1(one.ctypes.data)
    permute_2(two.ctypes.data)
    permute_4(four.ctypes.data)
    permute_8(eight.ctypes.data)


def test_a_state_is_permuted_alike_in_a_lane_of_every_width() -> None:
    states = np.random.default_rng(SEED).integers(0, 2**64, (25, 8), dtype=np.uint64)
    kept = [states[:, :lanes].copy() for lanes in (1, 2, 4, 8)]
    permute_all(*kept)
    for one, wider in pairwise(kept):
        assert (wider[:, : one.shape[1]] == one).all()
    assert not (kept[0] == states[:, :1]).any()


def test_the_widest_vectors_of_the_processor_are_used() -> None:
    assert lanes_of({"avx512f": True, "avx2": True, "sse2": True}) == 8
    assert lanes_of({"avx512f": False, "avx2": True, "sse2": True}) == 4
    assert lanes_of({"neon": True}) == 2
    assert lanes_of({}) == 1
