"""
BLAKE2F (0x09): the compression function of BLAKE2b with any number of rounds, at 1 gas a round.

Source: EIP-152; RFC 7693, section 3. Compiled: in Python a round takes fifty times as long as its gas should.
"""

import struct
from typing import Final

import numpy as np
from numpy.typing import NDArray

from evm_jit.precompiles import PrecompileFailed
from primitives.kernels_cache import njit, njit_without_lock

INPUT_SIZE_BYTES: Final = 213

IV: Final = np.array(
    [
        0x6A09E667F3BCC908,
        0xBB67AE8584CAA73B,
        0x3C6EF372FE94F82B,
        0xA54FF53A5F1D36F1,
        0x510E527FADE682D1,
        0x9B05688C2B3E6C1F,
        0x1F83D9ABFB41BD6B,
        0x5BE0CD19137E2179,
    ],
    dtype=np.uint64,
)

# Which words of the message a round mixes in, in order; the ten rounds repeat (RFC 7693, 2.7).
SIGMA: Final = np.array(
    [
        [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15],
        [14, 10, 4, 8, 9, 15, 13, 6, 1, 12, 0, 2, 11, 7, 5, 3],
        [11, 8, 12, 0, 5, 2, 15, 13, 10, 14, 3, 6, 7, 1, 9, 4],
        [7, 9, 3, 1, 13, 12, 11, 14, 2, 6, 5, 10, 4, 0, 15, 8],
        [9, 0, 5, 7, 2, 4, 10, 15, 14, 1, 11, 12, 6, 8, 3, 13],
        [2, 12, 6, 10, 0, 11, 8, 3, 4, 13, 7, 5, 15, 14, 1, 9],
        [12, 5, 1, 15, 14, 13, 4, 10, 0, 7, 6, 3, 9, 2, 8, 11],
        [13, 11, 7, 14, 12, 1, 3, 9, 5, 0, 15, 4, 8, 6, 2, 10],
        [6, 15, 14, 9, 11, 3, 0, 8, 12, 2, 13, 7, 1, 4, 10, 5],
        [10, 2, 8, 4, 7, 6, 1, 5, 15, 11, 9, 14, 3, 12, 13, 0],
    ],
    dtype=np.int64,
)

# The four words of each of a round's eight mixings: columns, then diagonals.
LANES: Final = np.array(
    [
        [0, 4, 8, 12],
        [1, 5, 9, 13],
        [2, 6, 10, 14],
        [3, 7, 11, 15],
        [0, 5, 10, 15],
        [1, 6, 11, 12],
        [2, 7, 8, 13],
        [3, 4, 9, 14],
    ],
    dtype=np.int64,
)

_WORD_BITS: Final = np.uint64(64)
_R1, _R2, _R3, _R4 = np.uint64(32), np.uint64(24), np.uint64(16), np.uint64(63)


def gas(data: bytes) -> int:
    """One for each round."""
    return int.from_bytes(data[:4], "big")


def run(data: bytes) -> bytes:
    """The state after compression. Input: rounds, state, message, two offset counters, final flag."""
    if len(data) != INPUT_SIZE_BYTES:
        raise PrecompileFailed("invalid input length")
    if data[-1] > 1:
        raise PrecompileFailed("invalid final flag")
    words = np.array(struct.unpack("<26Q", data[4:212]), dtype=np.uint64)
    compress(words[:8], words[8:24], words[24:26], data[-1] == 1, gas(data))
    return words[:8].astype("<u8").tobytes()


@njit_without_lock  # One call may ask for as many rounds as a transaction has gas: a second.
def compress(
    state: NDArray[np.uint64], message: NDArray[np.uint64], offset: NDArray[np.uint64], is_final: bool, round_count: int
) -> None:
    """
    The compression function F.

    state : uint64[8]      modified in place
    message : uint64[16]
    offset : uint64[2]     bytes compressed so far, low word first
    round_count : int64    below 2^32

    Source: RFC 7693, section 3.2.
    """
    v = np.empty(16, dtype=np.uint64)
    v[:8] = state
    v[8:] = IV
    v[12] ^= offset[0]
    v[13] ^= offset[1]
    if is_final:
        v[14] = ~v[14]
    for number in range(round_count):
        order = SIGMA[number % 10]
        for mixing in range(8):
            a, b, c, d = LANES[mixing]
            v[a] = v[a] + v[b] + message[order[2 * mixing]]
            v[d] = rotate_right(v[d] ^ v[a], _R1)
            v[c] = v[c] + v[d]
            v[b] = rotate_right(v[b] ^ v[c], _R2)
            v[a] = v[a] + v[b] + message[order[2 * mixing + 1]]
            v[d] = rotate_right(v[d] ^ v[a], _R3)
            v[c] = v[c] + v[d]
            v[b] = rotate_right(v[b] ^ v[c], _R4)
    for index in range(8):
        state[index] ^= v[index] ^ v[index + 8]


@njit
def rotate_right(word: np.uint64, bits: np.uint64) -> np.uint64:
    """Scalars: `word` turned right by `bits`, 0 < bits < 64."""
    return np.uint64((word >> bits) | (word << (_WORD_BITS - bits)))
