"""Input of contracts in kernels, where what lies behind its end is zero."""

# mypy: allow-untyped-defs, allow-untyped-calls

from primitives.kernels_cache import njit
from primitives.memory import clear_bytes, copy_bytes, scratch
from primitives.u256 import load_big_endian

_word_scratch = scratch(32)


@njit
def padded(data, size_bytes, wanted_bytes, room):
    """
    Where `wanted_bytes` of input are: at `data` if it has so many, else copied to `room` with zeros after them.

    All int64; `room` is the address of `wanted_bytes`.
    """
    if size_bytes >= wanted_bytes:
        return data
    copy_bytes(room, data, size_bytes)
    clear_bytes(room + size_bytes, wanted_bytes - size_bytes)
    return room


@njit
def padded_word(data, size_bytes, offset):
    """The U256 in 32 bytes of input from `offset`, not negative, on; all int64."""
    if offset >= size_bytes:
        return load_big_endian(padded(data, 0, 32, _word_scratch()))
    return load_big_endian(padded(data + offset, size_bytes - offset, 32, _word_scratch()))
