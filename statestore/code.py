"""
Codes by Keccak-256 hash: records that name a run of bytes in one arena.

A code is interned once and stays. Row 0 is the empty code, which is in no index.
"""

# mypy: allow-untyped-defs, allow-untyped-calls

import numpy as np

from primitives.kernels_cache import njit
from statestore.hash_index import ONE, ROW_MASK, ZERO, hash_words, place
from statestore.memory_order import fence_acquire
from statestore.table import CODE_BYTES_FULL, CODES_FULL


@njit
def hash_of(code):
    """The hash of a record: tuple of four uint64."""
    return code.hash[0], code.hash[1], code.hash[2], code.hash[3]


@njit
def find_code(tables, code_hash):
    """
    The row of a code that is not empty, 0 if it is unknown.

    code_hash : tuple of four uint64
    """
    hashed = hash_words(tables.counters[0].hash_key, code_hash)
    mask = np.uint64(len(tables.code_index)) - ONE
    position = hashed & mask
    while True:
        entry = tables.code_index[position]
        if entry == ZERO:
            return 0
        if (entry ^ hashed) & ~ROW_MASK == ZERO:
            fence_acquire()
            row = np.int64(entry & ROW_MASK)
            if row < len(tables.codes) and hash_of(tables.codes[row]) == code_hash:
                return row
        position = (position + ONE) & mask


@njit
def intern_code(tables, code_hash, code):
    """
    The row of a code, a new one if need be.

    code : uint8[n]     n > 0

    Returns CODES_FULL or CODE_BYTES_FULL if there is no room.
    """
    row = find_code(tables, code_hash)
    if row != 0:
        return row
    counters = tables.counters[0]
    row, offset = counters.code_count, counters.code_size_bytes
    if row == len(tables.codes):
        return CODES_FULL
    if offset + len(code) > len(tables.code_bytes):
        return CODE_BYTES_FULL
    record = tables.codes[row]
    for limb in range(4):
        record.hash[limb] = code_hash[limb]
    record.offset = offset
    record.size_bytes = len(code)
    for position in range(len(code)):
        tables.code_bytes[offset + position] = code[position]
    counters.code_size_bytes = offset + len(code)
    place(tables.code_index, hash_words(counters.hash_key, code_hash), row)
    counters.code_count = row + 1
    return row


@njit
def index_codes(tables):
    """Fill the empty index of a table that has grown."""
    counters = tables.counters[0]
    for row in range(1, counters.code_count):
        place(tables.code_index, hash_words(counters.hash_key, hash_of(tables.codes[row])), row)
    return 0
