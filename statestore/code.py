"""
Codes by Keccak-256 hash: records that name a run of bytes in one arena.

A code is interned once and stays. Row 0 is the empty code, which is in no index. In the arena each code begins at a
multiple of eight bytes; behind it are at least CODE_PADDING_BYTES of zeros, where a PUSH32 that is cut off finds its
data and then a STOP, and after these the bitmap of its jump destinations (see jump_destinations.py). The arena is never
written twice, so what was not written is zero.
"""

# mypy: allow-untyped-defs, allow-untyped-calls

import numpy as np

from primitives.kernels_cache import njit
from primitives.memory import copy_bytes, load_byte
from primitives.u256 import load_address
from primitives.wide_integers import u256
from statestore.hash_index import ZERO, entry_at, hash_code_hash, may_match, place, row_in
from statestore.jump_destinations import bitmap_size, mark_jump_destinations
from statestore.memory_order import fence_acquire
from statestore.table import CODE_BYTES_FULL, CODES_FULL, code_row, counters_of

CODE_PADDING_BYTES = 40
DELEGATION_SIZE_BYTES = 23  # 0xef0100, then an address (EIP-7702)


@njit
def find_code(tables, code_hash):
    """The row of a code that is not empty, by its hash, a U256; 0 if it is unknown."""
    hashed = hash_code_hash(tables, code_hash)
    mask = 2 * tables.code_capacity - 1
    position = np.int64(hashed) & mask
    while True:
        entry = entry_at(tables.code_index, position)
        if entry == ZERO:
            return 0
        if may_match(entry, hashed):
            fence_acquire()
            row = row_in(entry)
            if row < tables.code_capacity and code_row(tables, row).hash == code_hash:
                return row
        position = (position + 1) & mask


@njit
def intern_code(tables, code_hash, address, size):
    """
    The row of a code, a new one if need be.

    code_hash : U256
    address : int64     of the code
    size : int64        in bytes; > 0

    Returns CODES_FULL or CODE_BYTES_FULL if there is no room.
    """
    row = find_code(tables, code_hash)
    return row if row != 0 else add_code(tables, code_hash, address, size)


@njit
def add_code(tables, code_hash, address, size):
    """A new row for a code that has none; see `intern_code`."""
    counters = counters_of(tables)
    row, offset = counters.code_count, counters.code_size_bytes
    bitmap = (offset + size + CODE_PADDING_BYTES + 7) & ~7
    end = bitmap + bitmap_size(size)
    if row == tables.code_capacity:
        return CODES_FULL
    if end > tables.code_bytes_capacity:
        return CODE_BYTES_FULL
    copy_bytes(tables.code_bytes + offset, address, size)
    mark_jump_destinations(tables.code_bytes + offset, size, tables.code_bytes + bitmap)
    code = code_row(tables, row)
    code.hash = code_hash
    code.offset = offset
    code.size_bytes = size
    code.jump_destinations = bitmap
    counters.code_size_bytes = end
    place(tables.code_index, tables.code_capacity, hash_code_hash(tables, code_hash), row)
    counters.code_count = row + 1
    return row


@njit
def index_codes(tables):
    """Fill the empty index of a table that has grown."""
    for row in range(1, counters_of(tables).code_count):
        hashed = hash_code_hash(tables, code_row(tables, row).hash)
        place(tables.code_index, tables.code_capacity, hashed, row)
    return 0


@njit
def delegation_of(tables, row):
    """The account whose code one with this code runs (EIP-7702), a U256; 0 if the code is its own."""
    code = code_row(tables, row)
    if code.size_bytes != DELEGATION_SIZE_BYTES:
        return u256(0)
    start = tables.code_bytes + code.offset
    is_delegation = load_byte(start) == 0xEF and load_byte(start + 1) == 0x01 and load_byte(start + 2) == 0x00
    return load_address(start + 3) if is_delegation else u256(0)
