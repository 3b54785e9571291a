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

from primitives.kernels_cache import njit, njit_inlined
from primitives.memory import load_uint64, store_uint64
from primitives.u256 import to_limbs
from primitives.wide_integers import low_uint64
from statestore.memory_order import fence_release
from statestore.table import counters_of

ZERO, FINALIZER = np.uint64(0), np.uint64(0xFF)
ROW_MASK = np.uint64(0xFFFFFFFF)
ENTRY_SIZE_BYTES = 8
R13, R16, R17, R21, R32 = (np.uint64(bits) for bits in (13, 16, 17, 21, 32))
R51, R48, R47, R43 = (np.uint64(64 - bits) for bits in (13, 16, 17, 21))
V0, V1, V2, V3 = (
    np.uint64(int.from_bytes(word, "big")) for word in (b"somepseu", b"dorandom", b"lygenera", b"tedbytes")
)


@njit_inlined
def sip_round(v0, v1, v2, v3):
    """One round of SipHash on its four words, uint64."""
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

    hash_key : U256, two limbs
    words : tuple of uint64

    Returns uint64. Source: Aumasson and Bernstein, "SipHash: a fast short-input PRF".
    """
    k0, k1 = low_uint64(hash_key), low_uint64(hash_key >> 64)
    v0, v1, v2, v3 = V0 ^ k0, V1 ^ k1, V2 ^ k0, V3 ^ k1
    for word in words:
        v3 ^= word
        v0, v1, v2, v3 = sip_round(v0, v1, v2, v3)
        v0 ^= word
    v2 ^= FINALIZER
    for _ in range(3):
        v0, v1, v2, v3 = sip_round(v0, v1, v2, v3)
    return v0 ^ v1 ^ v2 ^ v3


@njit_inlined
def hash_address(tables, address):
    """The hash of an address, a U256."""
    words = (low_uint64(address), low_uint64(address >> 64), low_uint64(address >> 128))
    return hash_words(counters_of(tables).hash_key, words)


@njit_inlined
def hash_slot(tables, account, key):
    """The hash of a slot's name: the row of its account, int64, and its key, a U256."""
    words = (np.uint64(account), *to_limbs(key))  # type: ignore[call-arg]
    return hash_words(counters_of(tables).hash_key, words)


@njit_inlined
def hash_code_hash(tables, code_hash):
    """The hash of a code's hash, a U256."""
    return hash_words(counters_of(tables).hash_key, to_limbs(code_hash))  # type: ignore[call-arg]


@njit_inlined
def entry_at(index, position):
    """The entry, uint64, at a position of the index at an address, int64."""
    return load_uint64(index + ENTRY_SIZE_BYTES * position)


@njit_inlined
def may_match(entry, hashed):
    """Whether an entry, uint64, may be that of a key with this hash, uint64."""
    return (entry ^ hashed) & ~ROW_MASK == ZERO


@njit_inlined
def row_in(entry):
    """The row, int64, that an entry, uint64, names."""
    return np.int64(entry & ROW_MASK)


@njit
def place(index, capacity, hashed, row):
    """
    Put a row whose key is not there into an index.

    index : int64       address; an entry is free
    capacity : int64    of the table, half that of the index; a power of two
    hashed : uint64     hash of the row's key
    row : int64         whose record is whole
    """
    mask = 2 * capacity - 1
    position = np.int64(hashed) & mask
    while entry_at(index, position) != ZERO:
        position = (position + 1) & mask
    fence_release()
    store_uint64(index + ENTRY_SIZE_BYTES * position, (hashed & ~ROW_MASK) | np.uint64(row))
