"""RLP in kernels reads what `primitives.rlp` decodes, refuses what it refuses, and writes what it encodes."""

import random
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from primitives import rlp
from primitives.errors import DecodingError
from primitives.kernels_cache import njit
from primitives.rlp_kernels import (
    BAD,
    LIST,
    STRING,
    header_size,
    number_size,
    read_bytes,
    read_item,
    read_list,
    read_number,
    write_header,
    write_number,
)
from primitives.u256 import load_big_endian, store_big_endian

BEHIND = 32
SIZES = [*range(60), 254, 255, 256, 257, 65_535, 65_536, 70_000]


@njit
def item_at(at, size):
    """Of the first item at `at` (int64): where its payload begins, the size of that, is it a list, what follows."""
    payload, payload_size, is_list, following = read_item(at, at + size)
    return payload - at, payload_size, is_list, following if following < 0 else following - at


@njit
def readers_at(at, size):
    """Where the next item begins, from `at` (int64) on, according to either reader; below 0 if there is none."""
    _, _, after_bytes = read_bytes(at, at + size)
    _, _, after_list = read_list(at, at + size)
    return min(after_bytes - at, after_bytes), min(after_list - at, after_list)


@njit
def number_at(at, size, size_max, word):
    """The first integer, as 32 bytes at `word`; what follows, from `at` on."""
    value, following = read_number(at, at + size, size_max)
    store_big_endian(word, value)
    return following if following < 0 else following - at


@njit
def number_out(word, target):
    """Write the integer of 32 bytes at `word` as an item; its size, and what the size should be."""
    value = load_big_endian(word)
    return write_number(target, value) - target, number_size(value)


@njit
def header_out(payload_size, kind, target):
    """Write a header at `target` (int64); its size, and what the size should be."""
    return write_header(target, payload_size, kind) - target, header_size(payload_size)


def buffer(source: random.Random, data: bytes) -> Any:
    return np.frombuffer(data + source.randbytes(BEHIND), np.uint8).copy()


def shallow(data: bytes) -> tuple[bool, int, bytes] | None:
    """Is the first item in `data` a list, where does it end, what is its payload; None if it is not canonical."""
    if not data:
        return None
    try:
        if data[0] < LIST:
            item, end = rlp.decode_prefix(data)
            return False, end, item if isinstance(item, bytes) else b""
        # As bytes with the same payload, of which no member is looked at: a list's header differs by 64.
        as_string, end = rlp.decode_prefix(bytes((data[0] - LIST + STRING,)) + data[1:])
        return True, end, as_string if isinstance(as_string, bytes) else b""
    except DecodingError:
        if data[0] == LIST + 1 and len(data) > 1:
            return True, 2, data[1:2]  # A payload of one byte below 0x80 is right in a list alone.
        return None


def check_item(source: random.Random, data: bytes) -> bool:
    copied = buffer(source, data)
    payload, size, is_list, following = item_at(copied.ctypes.data, len(data))
    bytes_following, list_following = readers_at(copied.ctypes.data, len(data))
    expected = shallow(data)
    if expected is None:
        assert following == BAD, data[:80].hex()
        assert bytes_following < 0 > list_following
        return False
    assert (bool(is_list), following) == expected[:2], data[:80].hex()
    assert data[payload : payload + size] == expected[2], data[:80].hex()
    assert (bytes_following, list_following)[is_list] == following
    assert (bytes_following, list_following)[not is_list] < 0
    return True


def test_items_of_every_size_are_found_and_nothing_shorter_than_they_are():
    source = random.Random(1)
    for size in SIZES:
        for item in (source.randbytes(size), [source.randbytes(1)] * size):
            data = rlp.encode(item)
            assert check_item(source, data + source.randbytes(source.randrange(3)))
            assert not check_item(source, data[:-1])
            for cut in range(min(len(data), 12)):
                check_item(source, data[:cut])


def test_every_beginning_of_three_bytes_is_judged_alike():
    source = random.Random(2)
    taken = 0
    for first in range(256):
        for second in (*range(0, 256, 5), 55, 56, 127, 128, 255):
            rest = source.randbytes(source.choice([0, 1, 54, 57, 60, 300]))
            taken += check_item(source, bytes((first, second)) + rest)
        taken += check_item(source, bytes((first,)))
    assert taken > 5_000


@pytest.mark.parametrize("size_of_size", range(1, 9))
@pytest.mark.parametrize("base", [0xB7, 0xF7])
def test_sizes_that_no_memory_has_are_refused(base: int, size_of_size: int):
    source = random.Random(3)
    for first in (1, 0x7F, 0x80, 0xFF):
        size = bytes((first,)) + b"\xff" * (size_of_size - 1)
        check_item(source, bytes((base + size_of_size,)) + size + source.randbytes(40))
        check_item(source, bytes((base + size_of_size,)) + size.rjust(8, b"\0") + source.randbytes(40))


def test_no_item_begins_at_the_end():
    behind = buffer(random.Random(4), b"")
    assert item_at(behind.ctypes.data, 0)[3] == BAD


@pytest.mark.parametrize("size_max", [1, 8, 32])
def test_a_number_is_read_if_it_is_canonical_and_not_too_long(size_max: int):
    source = random.Random(f"5 {size_max}")
    encodings = [rlp.encode(rlp.encode_int(1 << bits)) for bits in range(0, 272, 3)]
    encodings += [rlp.encode(rlp.encode_int((1 << bits) - 1)) for bits in range(0, 272, 3)]
    encodings += [rlp.encode(bytes(size) + b"\x01") for size in range(34)]
    encodings += [b"\x00", b"\x81\x01", b"\xc0", b"\xc1\x80", b"\xb8\x01\x01", b"\xb8\x20" + b"\x11" * 32, b""]
    encodings += [encoding[:-1] for encoding in encodings]
    for data in encodings:
        word, copied = np.zeros(32, np.uint8), buffer(source, data)
        following = number_at(copied.ctypes.data, len(data), size_max, word.ctypes.data)
        try:
            item, end = rlp.decode_prefix(data)
            expected = rlp.as_int(item, "number", size_max)
        except DecodingError:
            assert following == BAD, data.hex()
            continue
        assert (following, int.from_bytes(word.tobytes(), "big")) == (end, expected), data.hex()


def test_numbers_are_written_as_they_are_encoded():
    source = random.Random(6)
    values = [0, *((1 << bits) + offset for bits in range(256) for offset in (-1, 0, 1))]
    for value in [*values, *(source.getrandbits(source.randrange(257)) for _ in range(500))]:
        if value < 1 << 256:
            word, target = np.frombuffer(value.to_bytes(32, "big"), np.uint8), np.zeros(33, np.uint8)
            size, expected_size = number_out(word.ctypes.data, target.ctypes.data)
            encoding = rlp.encode(rlp.encode_int(value))
            assert target[:size].tobytes() == encoding
            assert expected_size == len(encoding)


def test_headers_are_written_as_they_are_encoded():
    cases: list[tuple[int, Callable[[int], bytes]]] = [
        (STRING, lambda size: rlp.encode(b"\xff" * size)),
        (LIST, lambda size: rlp.join([b"\xff" * size])),
    ]
    for size in [*SIZES, 2**24 - 1, 2**24]:
        for kind, encoding in cases:
            if (kind, size) == (STRING, 1):
                target = np.zeros(9, np.uint8)
                header_out(size, kind, target.ctypes.data)
                assert target[0] == 0x81
                continue
            target = np.zeros(9, np.uint8)
            written, expected_size = header_out(size, kind, target.ctypes.data)
            whole = encoding(size)
            assert target[:written].tobytes() == whole[: len(whole) - size]
            assert expected_size == len(whole) - size
