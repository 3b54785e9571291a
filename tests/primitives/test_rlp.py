import json

import pytest
import rlp as reference
from hypothesis import given, settings
from hypothesis import strategies as st
from rlp.exceptions import RLPException

from primitives import rlp
from primitives.errors import DecodingError
from tests import public_data

ITEMS = st.recursive(st.binary(max_size=80), lambda children: st.lists(children, max_size=6), max_leaves=30)


def item_of(value: object) -> rlp.Item:
    """An `in` of RLPTests as an item."""
    if isinstance(value, list):
        return [item_of(member) for member in value]
    if isinstance(value, int):
        return rlp.encode_int(value)
    assert isinstance(value, str)
    return rlp.encode_int(int(value[1:])) if value.startswith("#") else value.encode()


def vectors(name: str) -> dict[str, dict[str, object]]:
    return json.loads(public_data.data(f"ethereum-tests/RLPTests/{name}").read_text())


def octets(text: object) -> bytes:
    return bytes.fromhex(str(text).removeprefix("0x"))


def test_every_public_vector_is_encoded_and_decoded():
    cases = vectors("rlptest.json")
    assert cases
    for name, case in cases.items():
        item = item_of(case["in"])
        assert rlp.encode(item) == octets(case["out"]), name
        assert rlp.decode(octets(case["out"])) == item, name


def test_every_invalid_public_vector_is_refused():
    cases = vectors("invalidRLPTest.json")
    assert cases
    for name, case in cases.items():
        with pytest.raises(DecodingError):
            rlp.decode(octets(case["out"]))
            pytest.fail(f"{name} was decoded")


def test_every_random_public_vector_is_judged_as_announced():
    for name, case in vectors("RandomRLPTests/example.json").items():
        assert case["in"] == "VALID", name
        assert rlp.encode(rlp.decode(octets(case["out"]))) == octets(case["out"]), name


@given(ITEMS)
def test_encoding_agrees_with_the_rlp_library(item):
    encoded = rlp.encode(item)
    assert encoded == reference.encode(item)
    assert rlp.decode(encoded) == item


@given(st.lists(ITEMS, max_size=5))
def test_join_makes_the_list_of_encoded_members(items):
    assert rlp.join([rlp.encode(item) for item in items]) == rlp.encode(items)


@settings(max_examples=1_000)
@given(st.one_of(st.binary(max_size=70), ITEMS.map(rlp.encode)), st.integers(0, 2**16), st.integers(0, 255))
def test_decoding_takes_and_refuses_what_the_rlp_library_does(data, where, byte):
    damaged = bytearray(data)
    if damaged:
        damaged[where % len(damaged)] = byte
    for candidate in (data, bytes(damaged), bytes(damaged[:-1])):
        try:
            expected = reference.decode(candidate, strict=True)
        except RLPException:
            with pytest.raises(DecodingError):
                rlp.decode(candidate)
        else:
            assert rlp.encode(rlp.decode(candidate)) == candidate == reference.encode(expected)


@pytest.mark.parametrize("size", [0, 1, 55, 56, 255, 256, 65_535, 65_536])
def test_lengths_around_the_edges_of_a_form_are_encoded_as_by_the_library(size):
    for item in (b"\xff" * size, [b"\x01"] * size):
        assert rlp.encode(item) == reference.encode(item)
        assert rlp.decode(rlp.encode(item)) == item


@given(st.integers(0, 2**256 - 1))
def test_integers_come_back(value):
    assert rlp.as_int(rlp.decode(rlp.encode(rlp.encode_int(value))), "value") == value


@pytest.mark.parametrize(
    "data", ["8100", "817f", "b800", "b837" + "00" * 55, "b90038" + "00" * 56, "f800", "c2", "8000"]
)
def test_a_form_that_is_not_minimal_or_not_complete_is_refused(data):
    with pytest.raises(DecodingError):
        rlp.decode(bytes.fromhex(data))


def test_lists_nested_too_deeply_are_refused_and_not_recursed_into():
    item = b""
    for _ in range(rlp.NESTING_MAX):
        item = rlp.join([item])
    assert rlp.encode(rlp.decode(item)) == item
    with pytest.raises(DecodingError, match="nested deeper"):
        rlp.decode(rlp.join([rlp.join([item])]))
    for _ in range(5_000):
        item = rlp.join([item])
    with pytest.raises(DecodingError, match="nested deeper"):
        rlp.decode(item)


def test_a_list_is_not_an_integer_and_bytes_are_not_a_list():
    with pytest.raises(DecodingError, match="expected bytes"):
        rlp.as_int([], "nonce")
    with pytest.raises(DecodingError, match="expected a list"):
        rlp.as_list(b"", "access list")
    with pytest.raises(DecodingError, match="leading zeros"):
        rlp.as_int(b"\x00", "nonce")
    with pytest.raises(DecodingError, match="at most 8"):
        rlp.as_int(b"\x01" + bytes(8), "nonce", 8)


def test_any_bytes_like_input_is_decoded_to_bytes():
    assert rlp.decode(bytearray(b"\xc2\x80\x01")) == [b"", b"\x01"]
    assert rlp.decode(memoryview(b"\x82ab")) == b"ab"


def test_items_that_follow_one_another_are_read_in_turn():
    data = rlp.encode(b"one") + rlp.encode([b"two"])
    first, end = rlp.decode_prefix(data)
    second, last = rlp.decode_prefix(data, end)
    assert (first, second, last) == (b"one", [b"two"], len(data))
    with pytest.raises(DecodingError):
        rlp.decode_prefix(data, last)
