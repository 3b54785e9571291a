"""
RLP, strict: one encoding for each value, and only that one is decoded.

An item is `bytes` or a list of items. The decoder refuses what Ethereum refuses: lengths that are not
minimal, a single byte below 0x80 with a prefix, trailing bytes, items that run past their list.
Source: Yellow Paper, appendix B.
"""

from collections.abc import Sequence
from typing import TypeAlias

from primitives.errors import DecodingError

Item: TypeAlias = "bytes | list[Item]"

NESTING_MAX = 128  # Lists in lists; transactions and blocks need fewer than 10.
LONG_SIZE_BYTES = 56  # From here on the prefix holds the size of the size.
# The encoder runs many times a transaction.
_STRING_PREFIXES = [bytes((0x80 + size,)) for size in range(LONG_SIZE_BYTES)]
_LIST_PREFIXES = [bytes((0xC0 + size,)) for size in range(LONG_SIZE_BYTES)]


def encode(item: "bytes | bytearray | list[Item] | tuple[Item, ...]") -> bytes:
    """The encoding of bytes or of a (nested) list of bytes."""
    if isinstance(item, bytes):
        size = len(item)
        if size != 1 or item[0] >= 0x80:
            return (_STRING_PREFIXES[size] if size < LONG_SIZE_BYTES else _long_prefix(size, 0x80)) + item
        return item
    if isinstance(item, bytearray):
        return encode(bytes(item))
    return join([encode(member) for member in item])


def join(members: Sequence[bytes]) -> bytes:
    """The encoding of the list whose members are already encoded."""
    payload = b"".join(members)
    size = len(payload)
    return (_LIST_PREFIXES[size] if size < LONG_SIZE_BYTES else _long_prefix(size, 0xC0)) + payload


def encode_int(value: int) -> bytes:
    """An integer as the item that stands for it: big-endian, no leading zero, zero is empty."""
    assert value >= 0
    return value.to_bytes((value.bit_length() + 7) // 8, "big")


def decode(data: bytes) -> Item:
    """The one item that `data` encodes; DecodingError if `data` is anything else than its canonical form."""
    data = bytes(data)
    item, end = _decode_at(data, 0, len(data), 0)
    if end != len(data):
        raise DecodingError(f"rlp: {len(data) - end} bytes after the end of the item")
    return item


def decode_prefix(data: bytes, start: int = 0) -> tuple[Item, int]:
    """The item that begins at `start` and the offset behind it; for items one after another in a file."""
    return _decode_at(data, start, len(data), 0)


def as_bytes(item: Item, what: str, size: int | None = None) -> bytes:
    """`item` if it is a byte string (of `size` bytes); DecodingError otherwise."""
    if not isinstance(item, bytes):
        raise DecodingError(f"rlp: {what} is a list, expected bytes")
    if size is not None and len(item) != size:
        raise DecodingError(f"rlp: {what} has {len(item)} bytes, expected {size}")
    return item


def as_int(item: Item, what: str, size_max: int = 32) -> int:
    """`item` read as a canonical integer of at most `size_max` bytes; DecodingError otherwise."""
    data = as_bytes(item, what)
    if len(data) > size_max:
        raise DecodingError(f"rlp: {what} has {len(data)} bytes, at most {size_max} allowed")
    if data[:1] == b"\x00":
        raise DecodingError(f"rlp: {what} has leading zeros")
    return int.from_bytes(data, "big")


def as_list(item: Item, what: str, count: int | None = None) -> list[Item]:
    """`item` if it is a list (of `count` members); DecodingError otherwise."""
    if not isinstance(item, list):
        raise DecodingError(f"rlp: {what} is bytes, expected a list")
    if count is not None and len(item) != count:
        raise DecodingError(f"rlp: {what} has {len(item)} members, expected {count}")
    return item


def _long_prefix(size: int, offset: int) -> bytes:
    digits = encode_int(size)
    return bytes((offset + LONG_SIZE_BYTES - 1 + len(digits),)) + digits


def _decode_at(data: bytes, start: int, end: int, depth: int) -> tuple[Item, int]:
    """Decode the item at `start`; nothing at or past `end` belongs to it."""
    if start >= end:
        raise DecodingError("rlp: item expected, found the end")
    if depth > NESTING_MAX:
        raise DecodingError(f"rlp: lists nested deeper than {NESTING_MAX}")
    prefix = data[start]
    if prefix < 0x80:
        return data[start : start + 1], start + 1
    is_list = prefix >= 0xC0
    first, last = _payload(data, start, end, prefix - (0xC0 if is_list else 0x80))
    if is_list:
        members: list[Item] = []
        position = first
        while position < last:
            member, position = _decode_at(data, position, last, depth + 1)
            members.append(member)
        return members, last
    if last - first == 1 and data[first] < 0x80:
        raise DecodingError("rlp: a byte below 0x80 stands for itself")
    return data[first:last], last


def _payload(data: bytes, start: int, end: int, code: int) -> tuple[int, int]:
    """Where the payload of the item at `start` begins and ends; `code` is its prefix less 0x80 or 0xc0."""
    if code < 56:
        first, length = start + 1, code
    else:
        first = start + 1 + code - 55
        if first > end:
            raise DecodingError("rlp: length runs past the end")
        if data[start + 1] == 0:
            raise DecodingError("rlp: length has leading zeros")
        length = int.from_bytes(data[start + 1 : first], "big")
        if length < 56:
            raise DecodingError("rlp: length in long form is below 56")
    if length > end - first:
        raise DecodingError("rlp: payload runs past the end")
    return first, first + length
