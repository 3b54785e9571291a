"""
Open addressing with linear probing, and the keyed hash that places a key.

The hash is SipHash-1-3: without the key, chosen addresses or storage keys can't be made to collide. A table is at most
half full. Nothing is ever removed, so a probe ends at a free entry.

One thread inserts while others look up. A record is whole before its entry is stored (`fence_release`), and an entry
is stored once, whole, so a reader sees no entry or a valid one. A reader with an outgrown set of tables may meet a row
beyond its records; kernels treat that row as absent, since it is younger than any version that the reader asks for,
and then see that their tables have moved.
"""

# mypy: allow-untyped-defs, allow-untyped-calls

import numpy as np

from primitives.kernels_cache import njit
from statestore.memory_order import fence_release

ZERO, ONE, FINALIZER = np.uint64(0), np.uint64(1), np.uint64(0xFF)
ROW_MASK = np.uint64(0xFFFFFFFF)
R13, R16, R17, R21, R32 = (np.uint64(bits) for bits in (13, 16, 17, 21, 32))
R51, R48, R47, R43 = (np.uint64(64 - bits) for bits in (13, 16, 17, 21))
V0, V1, V2, V3 = (
    np.uint64(int.from_bytes(word, "big")) for word in (b"somepseu", b"dorandom", b"lygenera", b"tedbytes")
)


@njit
def sip_round(v0, v1, v2, v3):
    """One round of SipHash on its four words."""
    v0 += v1
    v2 += v3
    v1 = ((v1 << R13) | (v1 >> R51)) ^ v0
    v3 = ((v3 << R16) | (v3 >> R48)) ^ v2
    v0 = (v0 << R32) | (v0 >> R32)
    v2 += v1
    v0 += v3
    v1 = ((v1 << R17) | (v1 >> R47)) ^ v2
    v3 = ((v3 << R21) | (v3 >> R43)) ^ v0
    v2 = (v2 << R32) | (v2 >> R32)
    return v0, v1, v2, v3


@njit
def hash_words(hash_key, words):
    """
    SipHash-1-3 of whole words, without the length word: keys of one index have one length.

    hash_key : uint64[2]
    words : tuple of uint64

    Returns uint64. Source: Aumasson and Bernstein, "SipHash: a fast short-input PRF".
    """
    v0, v1 = V0 ^ hash_key[0], V1 ^ hash_key[1]
    v2, v3 = V2 ^ hash_key[0], V3 ^ hash_key[1]
    for word in words:
        v3 ^= word
        v0, v1, v2, v3 = sip_round(v0, v1, v2, v3)
        v0 ^= word
    v2 ^= FINALIZER
    for _ in range(3):
        v0, v1, v2, v3 = sip_round(v0, v1, v2, v3)
    return v0 ^ v1 ^ v2 ^ v3


@njit
def place(index, hashed, row):
    """
    Put a row whose key is not there into an index.

    index : uint64[n], n a power of two, an entry free; modified in place
    hashed : uint64     hash of the row's key
    row : int64         whose record is whole
    """
    mask = np.uint64(len(index)) - ONE
    position = hashed & mask
    while index[position] != ZERO:
        position = (position + ONE) & mask
    fence_release()
    index[position] = (hashed & ~ROW_MASK) | np.uint64(row)
