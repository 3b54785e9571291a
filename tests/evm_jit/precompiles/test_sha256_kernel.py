"""Both ways of SHA-256 are hashlib's: by the processor's instructions, where there are any, and by words."""

import hashlib
import random

import numpy as np
import pytest
from numba import types

from evm_jit.precompiles.message_padding import END_SIZE_BYTES, write_end
from evm_jit.precompiles.sha256_kernel import (
    HAS_INSTRUCTIONS,
    INITIAL_HASH,
    ROUND_CONSTANTS,
    compress_by_instructions,
    compress_by_words,
)
from primitives.kernels_cache import njit
from primitives.wide_integers import operation

by_words = operation(types.void, (types.int64, types.int64), compress_by_words)
by_instructions = operation(types.void, (types.int64, types.int64), compress_by_instructions)


@njit
def compress_words(state, blocks):
    """Take in blocks : uint8[n, 64]; state : uint32[8] is modified."""
    for index in range(blocks.shape[0]):
        by_words(state.ctypes.data, blocks[index].ctypes.data)


@njit
def compress_instructions(state, blocks):
    """The same."""
    for index in range(blocks.shape[0]):
        by_instructions(state.ctypes.data, blocks[index].ctypes.data)


@njit
def padding(end, data, size, length):
    """The padding of data : uint8[n] into end : uint8[128]."""
    return write_end(end.ctypes.data, data.ctypes.data, size, length)


def padded(message: bytes) -> np.ndarray:
    """FIPS 180-4, 5.1.1, as it is written there."""
    zeros = b"\x00" * ((55 - len(message)) % 64)
    whole = message + b"\x80" + zeros + (8 * len(message)).to_bytes(8, "big")
    return np.frombuffer(whole, dtype=np.uint8).reshape(-1, 64)


@pytest.mark.parametrize("way", ["words", "instructions"])
def test_blocks_are_taken_in_as_hashlib_does(way):
    if way == "instructions" and not HAS_INSTRUCTIONS:
        pytest.skip("this processor has no instructions for SHA-256")
    kernel = compress_words if way == "words" else compress_instructions
    generator = random.Random(256)
    for size in [*range(130), 1_000, 10_000]:
        message = generator.randbytes(size)
        state = np.array(INITIAL_HASH, dtype=np.uint32)
        kernel(state, padded(message))
        assert state.astype(">u4").tobytes() == hashlib.sha256(message).digest(), size


def test_the_constants_are_those_of_the_standard():
    assert INITIAL_HASH[0] == 0x6A09E667
    assert INITIAL_HASH[-1] == 0x5BE0CD19
    assert ROUND_CONSTANTS[0] == 0x428A2F98
    assert ROUND_CONSTANTS[-1] == 0xC67178F2


def test_the_end_of_a_message_is_padded_as_the_standard_says():
    generator = random.Random(1)
    for size in range(200):
        message = generator.randbytes(size)
        data = np.frombuffer(message + b"\xff", dtype=np.uint8)
        end = np.full(END_SIZE_BYTES + 8, 0xEE, dtype=np.uint8)
        length = np.frombuffer((8 * size).to_bytes(8, "big"), dtype=np.uint64)[0]
        count = padding(end, data, size, length)
        expected = padded(message)[size // 64 :]
        assert count == len(expected)
        assert end[: 64 * count].tobytes() == expected.tobytes()
        assert np.all(end[64 * count :] == 0xEE)
