"""Roots of a block's tries, against a trie that is built node by node, and py-trie."""

import random

import pytest
from trie import HexaryTrie

from primitives import rlp
from primitives.constants import EMPTY_TRIE_ROOT
from statestore.ordered_trie import ordered_trie_root
from tests.naive.trie import Trie

# Around every number at which the shape of the trie changes.
COUNTS = [*range(1, 40), 126, 127, 128, 129, 130, 143, 144, 145, 255, 256, 257, 258, 272, 273, 511, 512, 513, 4_095]
LARGE_COUNTS = [4_096, 4_097, 4_352, 4_353, 65_535, 65_536, 65_537, 65_552]


def expected_root(items: list[bytes]) -> bytes:
    trie = Trie()
    for index, item in enumerate(items):
        trie.set(rlp.encode(rlp.encode_int(index)), item)
    return trie.root()


@pytest.mark.parametrize("count", COUNTS)
@pytest.mark.parametrize("size_max", [1, 8, 40, 300], ids=lambda size: f"up to {size} bytes")
def test_roots_of_items_of_every_size(count: int, size_max: int):
    """Short ones are parts of the nodes above them."""
    rng = random.Random(count * size_max)
    items = [rng.randbytes(rng.randint(1, size_max)) for _ in range(count)]
    assert ordered_trie_root(items) == expected_root(items)


@pytest.mark.parametrize("count", LARGE_COUNTS)
def test_roots_of_many_items(count: int):
    items = [index.to_bytes(3, "big") * (1 + index % 20) for index in range(count)]
    assert ordered_trie_root(items) == expected_root(items)


@pytest.mark.parametrize("size", [0x37, 0x38, 255, 256, 0xFFFF, 0x10000])
def test_items_whose_headers_differ(size: int):
    items = [bytes((1,)) * size, bytes(size), b"\x7f", b"\x80"]
    assert ordered_trie_root(items) == expected_root(items)


def test_the_same_as_py_trie():
    rng = random.Random(5)
    items = [rng.randbytes(rng.randint(1, 120)) for _ in range(300)]
    reference = HexaryTrie({})
    for index, item in enumerate(items):
        reference[rlp.encode(rlp.encode_int(index))] = item
    assert ordered_trie_root(items) == reference.root_hash


def test_nothing_has_the_root_of_nothing():
    assert ordered_trie_root([]) == EMPTY_TRIE_ROOT
