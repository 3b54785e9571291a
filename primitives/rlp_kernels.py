"""
RLP in kernels: items read where they lie, in canonical form only; headers and integers written.

A reader takes where it is and where the data end, and gives back where the next item begins: below 0 if there is none,
or it is not canonical. It takes such an answer too, and passes it on, so that many items are read with one check.
Behind the end of the data 32 more bytes can be read, whatever they are.

Source: Yellow Paper, appendix B. `primitives.rlp` says the same in Python.
"""

# mypy: allow-untyped-defs, allow-untyped-calls

from primitives.kernels_cache import njit
from primitives.memory import load_byte, store_byte
from primitives.u256 import load_big_endian, store_big_endian
from primitives.wide_integers import leading_zeros, low_int64, u256

STRING, LONG_STRING, LIST, LONG_LIST = 0x80, 0xB7, 0xC0, 0xF7
SHORT_SIZE_MAX = 55
SIZE_BYTES_MAX = 4  # Of the size of a long item: more than any message has.
BAD = -1


@njit
def read_item(at, end):
    """
    The item that begins at an address.

    at, end : int64 addresses

    Returns where its payload is, the size of that in bytes, whether it is a list, and where the next item begins.
    """
    if at < 0 or at >= end:
        return at, 0, False, BAD
    first = load_byte(at)
    if first < STRING:
        return at, 1, False, at + 1
    is_list = first >= LIST
    short, long = (LIST, LONG_LIST) if is_list else (STRING, LONG_STRING)
    if first <= long:
        payload, size = at + 1, first - short
        if size > end - payload or (not is_list and size == 1 and load_byte(payload) < STRING):
            return at, 0, False, BAD
        return payload, size, is_list, payload + size
    size_of_size = first - long
    payload = at + 1 + size_of_size
    if size_of_size > SIZE_BYTES_MAX or payload > end or load_byte(at + 1) == 0:
        return at, 0, False, BAD
    size = 0
    for position in range(at + 1, payload):
        size = (size << 8) | load_byte(position)
    if size <= SHORT_SIZE_MAX or size > end - payload:
        return at, 0, False, BAD
    return payload, size, is_list, payload + size


@njit
def read_bytes(at, end):
    """An item that is bytes: where they are (int64), how many, and where the next item begins."""
    payload, size, is_list, following = read_item(at, end)
    return payload, size, BAD if is_list else following


@njit
def read_list(at, end):
    """A list: where (int64) its first item begins, where the last one ends, and where the item behind it begins."""
    payload, size, is_list, following = read_item(at, end)
    return payload, payload + size, following if is_list else BAD


@njit
def word_of_bytes(address, size):
    """Up to 32 bytes, the most significant first, as a U256; from the address (int64) on 32 can be read."""
    return load_big_endian(address) >> (256 - 8 * size)


@njit
def read_number(at, end, size_max):
    """An integer of at most `size_max` bytes, 32 or fewer: a U256, and where the next item begins (int64)."""
    payload, size, following = read_bytes(at, end)
    if following < 0 or size > size_max or (size > 0 and load_byte(payload) == 0):
        return u256(0), BAD
    return word_of_bytes(payload, size), following


@njit
def header_size(payload_size):
    """How many bytes (int64) stand before a payload of so many: a list's, or of bytes that need a prefix."""
    if payload_size <= SHORT_SIZE_MAX:
        return 1
    return 1 + ((64 - leading_zeros_of(payload_size) + 7) >> 3)


@njit
def leading_zeros_of(number):
    """How many of the 64 bits of a number (int64, not negative) stand before its first 1."""
    return leading_zeros(u256(number)) - 192


@njit
def write_header(target, payload_size, kind):
    """Write what stands before a payload; all int64, `kind` is STRING or LIST. Returns where the payload belongs."""
    size = header_size(payload_size)
    if size == 1:
        store_byte(target, kind + payload_size)
        return target + 1
    store_byte(target, kind + SHORT_SIZE_MAX + size - 1)
    for index in range(1, size):
        store_byte(target + index, payload_size >> (8 * (size - 1 - index)))
    return target + size


@njit
def number_size(number):
    """How many bytes (int64) an integer, a U256, takes as an item."""
    if number < 128:
        return 1
    return 1 + ((256 - leading_zeros(number) + 7) >> 3)


@njit
def write_number(target, number):
    """Write an integer, a U256, as an item at an int64 address, touching 33 bytes at most. Returns where it ends."""
    if number < 128:
        store_byte(target, STRING if number == 0 else low_int64(number))
        return target + 1
    size = number_size(number) - 1
    store_byte(target, STRING + size)
    store_big_endian(target + 1, number << (256 - 8 * size))
    return target + 1 + size
