"""Input of contracts in kernels, where what lies behind its end is zero."""

# mypy: allow-untyped-defs, allow-untyped-calls

from typing import Final

from primitives.kernels_cache import njit
from primitives.memory import clear_bytes, copy_bytes, scratch
from primitives.u256 import load_big_endian, store_limbs
from primitives.wide_integers import u256

HEAD_SIZE_BYTES: Final = 128  # As much as any contract reads that takes input of every length.

head_scratch = scratch(HEAD_SIZE_BYTES)
_word_scratch = scratch(32)


@njit
def padded_head(data, size_bytes, room):
    """
    Where the first HEAD_SIZE_BYTES of input are: at `data` if it has so many, else copied to `room`, zeros after them.

    All int64; `room` is an address that `head_scratch` made.
    """
    if size_bytes >= HEAD_SIZE_BYTES:
        return data
    copy_bytes(room, data, size_bytes)
    clear_bytes(room + size_bytes, HEAD_SIZE_BYTES - size_bytes)
    return room


@njit
def padded_word(data, size_bytes, offset):
    """The U256 in 32 bytes of input from `offset`, not negative, on; all int64."""
    if size_bytes - offset >= 32:
        return load_big_endian(data + offset)
    room = _word_scratch()
    store_limbs(room, u256(0))
    copy_bytes(room, data + offset, max(size_bytes - offset, 0))
    return load_big_endian(room)
