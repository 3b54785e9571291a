"""
The padding of SHA-256 and RIPEMD-160 (after MD4): a one bit, zeros, and the length in 64 bits, to whole blocks.

Source: FIPS 180-4, section 5.1.1; RFC 1320, section 3.
"""

# mypy: allow-untyped-defs, allow-untyped-calls

from typing import Final

from primitives.kernels_cache import njit
from primitives.memory import clear_bytes, copy_bytes, store_byte, store_uint64

BLOCK_SIZE_BYTES: Final = 64
LENGTH_SIZE_BYTES: Final = 8
END_SIZE_BYTES: Final = 2 * BLOCK_SIZE_BYTES
END_MARK: Final = 0x80


@njit
def write_end(end, data, size_bytes, length):
    """
    Write the blocks that hold what is left of a message behind its whole blocks, and the padding.

    end : int64, the address of END_SIZE_BYTES, written
    data, size_bytes : int64, the whole message
    length : uint64, its size in bits, in the order of bytes that the hash wants

    Returns how many blocks there are: 1 or 2.
    """
    rest = size_bytes % BLOCK_SIZE_BYTES
    count = 1 if rest < BLOCK_SIZE_BYTES - LENGTH_SIZE_BYTES else 2
    clear_bytes(end, count * BLOCK_SIZE_BYTES)
    copy_bytes(end, data + size_bytes - rest, rest)
    store_byte(end + rest, END_MARK)
    store_uint64(end + count * BLOCK_SIZE_BYTES - LENGTH_SIZE_BYTES, length)
    return count
