"""JSON values are read as strictly as geth reads them."""

import pytest

from rpc.encoding import (
    data,
    quantity,
    read_address,
    read_block,
    read_block_number,
    read_boolean,
    read_data,
    read_hash,
    read_number,
    read_quantity,
    read_storage_key,
    word,
)
from rpc.errors import InvalidValue

NOT_STRINGS = [0, 1, -1, 1.5, True, False, [], {}, ["0x1"], 2**70]


def reason(read, value) -> str:
    with pytest.raises(InvalidValue) as caught:
        read(value)
    return caught.value.reason


@pytest.mark.parametrize(("value", "text"), [(0, "0x0"), (1, "0x1"), (255, "0xff"), (2**256 - 1, "0x" + "f" * 64)])
def test_quantities_have_no_leading_zeros(value, text):
    assert quantity(value) == text
    assert read_quantity(text, 256) == value


def test_data_keeps_its_zeros():
    assert (data(b""), data(b"\x00\x01"), word(1)) == ("0x", "0x0001", "0x" + "0" * 63 + "1")


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ("", "empty hex string"),
        ("1", "hex string without 0x prefix"),
        ("0x", 'hex string "0x"'),
        ("0x00", "hex number with leading zero digits"),
        ("0x01", "hex number with leading zero digits"),
        ("0x1" + "0" * 16, "hex number > 64 bits"),
        ("0xg", "invalid hex string"),
        ("0x1_0", "invalid hex string"),
        ("0x 1", "invalid hex string"),
        ("0x-1", "invalid hex string"),
        ("0x1\n", "invalid hex string"),
        ("0x\uff11", "invalid hex string"),
        ("0x" + "1" * 1_000_000, "hex number > 64 bits"),
        *[(value, "non-string") for value in NOT_STRINGS],
    ],
)
def test_what_is_no_quantity_is_refused(value, words):
    assert reason(read_quantity, value) == words


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ("", "empty hex string"),
        ("12", "hex string without 0x prefix"),
        ("0x1", "hex string of odd length"),
        ("0xzz", "invalid hex string"),
        ("0x 12 ", "invalid hex string"),
        ("0x\u00e9\u00e9", "invalid hex string"),
        *[(value, "non-string") for value in NOT_STRINGS],
    ],
)
def test_what_is_no_data_is_refused(value, words):
    assert reason(read_data, value) == words


def test_hashes_and_addresses_have_their_size():
    assert read_address("0x" + "aB" * 20) == b"\xab" * 20
    assert read_hash("0X" + "cd" * 32) == b"\xcd" * 32
    assert reason(read_hash, "0x12") == "hex string has length 2, want 64 for common.Hash"
    assert reason(read_address, "0x" + "11" * 21) == "hex string has length 42, want 40 for common.Address"


def test_a_number_may_be_json_or_hex_where_geth_takes_both():
    assert (read_number(5), read_number("0x5")) == (5, 5)
    for value in (True, -1, 1.5, 2**64, "5", None):
        with pytest.raises(InvalidValue):
            read_number(value)


def test_a_boolean_is_true_or_false():
    assert read_boolean(True) is True
    for value in (0, 1, "true", [], {}):
        with pytest.raises(InvalidValue):
            read_boolean(value)


@pytest.mark.parametrize("tag", ["latest", "pending", "earliest", "safe", "finalized"])
def test_a_block_may_be_a_tag(tag):
    assert read_block(tag) == read_block_number(tag) == tag


def test_a_block_may_be_a_number_a_hash_or_an_object():
    block_hash = b"\x12" * 32
    assert read_block("0x10") == 16
    assert read_block(data(block_hash)) == block_hash
    assert read_block({"blockHash": data(block_hash), "requireCanonical": True}) == block_hash
    assert read_block({"blockNumber": "0x10"}) == 16
    assert read_block({"blockNumber": "latest"}) == "latest"


@pytest.mark.parametrize(
    "value",
    [
        "Latest",
        "newest",
        "",
        "0x",
        "16",
        "0x" + "f" * 16,
        "0x" + "12" * 31,
        {},
        {"blockNumber": None},
        {"blockNumber": 5},
        {"blockNumber": "0x1", "blockHash": "0x" + "12" * 32},
        {"blockHash": "0x12"},
        {"blockHash": "0x" + "12" * 32, "requireCanonical": "yes"},
        [],
        *NOT_STRINGS,
    ],
)
def test_what_is_no_block_is_refused(value):
    with pytest.raises(InvalidValue):
        read_block(value)


def test_a_storage_key_may_be_short():
    assert read_storage_key("0x0") == read_storage_key("0x") == 0
    assert read_storage_key("0x1") == read_storage_key("0x" + "0" * 63 + "1") == 1
    assert reason(read_storage_key, "0x" + "0" * 65).startswith("storage key too long (want at most 32 bytes)")
    assert reason(read_storage_key, "0xasdf") == 'invalid hex in storage key: "0xasdf"'
    for value in NOT_STRINGS:
        with pytest.raises(InvalidValue):
            read_storage_key(value)
