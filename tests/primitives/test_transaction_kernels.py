"""Compiled code takes the transactions that `decode_transaction` takes, and finds in them what it finds."""

import json
import random
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from primitives import rlp
from primitives.errors import InvalidTransaction
from primitives.kernels_cache import njit
from primitives.memory import copy_bytes
from primitives.transaction import (
    LEGACY,
    SET_CODE,
    AccessList,
    Authorization,
    Transaction,
    decode_transaction,
)
from primitives.transaction_kernels import (
    AUTHORIZATION,
    DECODED,
    DECODED_TRANSACTION,
    HASH_STRIDE,
    MALFORMED,
    READABLE_BYTES_BEHIND,
    SIGNING_EXTRA_BYTES,
    access_list_entry,
    as_authorization,
    as_transaction,
    blob_hash_at,
    decode_many,
    decode_transaction_at,
    read_authorization,
    storage_key,
)
from primitives.u256 import store_big_endian
from tests import public_data
from tests.primitives.random_transactions import KINDS, damaged, random_transaction

GUARD = bytes(range(100, 164))
SAMPLES = 200  # Of each type.
DAMAGES = 30_000
DAMAGES_AT_ONCE = 1_000


@njit
def access_list_of(record, target):
    """For each entry, in rows of 32 bytes at `target` (int64): address, how many keys, the keys. How many rows."""
    transaction = as_transaction(record)
    at, end = transaction.access_list, transaction.access_list + transaction.access_list_size
    row = 0
    while at < end:
        address, key, keys_end = access_list_entry(at)
        store_big_endian(target + 32 * row, address)
        store_big_endian(target + 32 * row + 32, (keys_end - key) // HASH_STRIDE)
        row += 2
        while key < keys_end:
            store_big_endian(target + 32 * row, storage_key(key))
            row += 1
            key += HASH_STRIDE
        at = keys_end
    return row


@njit
def blob_hashes_of(record, target):
    """The hashes, 32 bytes each, at `target` (int64)."""
    transaction = as_transaction(record)
    for index in range(transaction.blob_hash_count):
        copy_bytes(target + 32 * index, blob_hash_at(transaction.blob_hashes, index), 32)


@njit
def authorizations_of(record, target, size):
    """AUTHORIZATION records, `size` bytes each, at `target` (int64); how much of the list lies behind the last one."""
    transaction = as_transaction(record)
    at = transaction.authorizations
    for index in range(transaction.authorization_count):
        at = read_authorization(at, as_authorization(target + index * size))
    return transaction.authorizations + transaction.authorizations_size - at


@njit
def decode_one(raw, size, record, signing):
    """`decode_transaction_at`, with the address (int64) of the record."""
    return decode_transaction_at(raw, size, as_transaction(record), signing)


class Decoded:
    """What compiled code makes of transactions in a row, with what lies behind the last one chosen by a seed."""

    def __init__(self, raws: Sequence[bytes], seed: int = 0) -> None:
        count = len(raws)
        behind = random.Random(seed).randbytes(READABLE_BYTES_BEHIND)
        self.raw = np.frombuffer(b"".join(raws) + behind, np.uint8).copy()
        self.starts = np.zeros(count + 1, np.int64)
        np.cumsum([len(raw) for raw in raws], out=self.starts[1:])
        self.records = np.zeros(count, DECODED_TRANSACTION)
        room = len(self.raw) - READABLE_BYTES_BEHIND + SIGNING_EXTRA_BYTES * count
        signing = np.frombuffer(bytes(room) + GUARD, np.uint8).copy()
        places = self.starts.ctypes.data, count, self.records.ctypes.data, signing.ctypes.data
        self.malformed_count = decode_many(self.raw.ctypes.data, *places)
        assert signing[room:].tobytes() == GUARD, "a payload was written past its room"

    def bytes_at(self, address: int, size: int) -> bytes:
        start = address - self.raw.ctypes.data
        assert 0 <= start <= start + size <= self.starts[-1]
        return self.raw[start : start + size].tobytes()

    def compare(self, index: int, expected: Transaction) -> None:
        """The record at `index` holds what Python decoded."""
        record = self.records[index]
        assert record["status"] == DECODED
        numbers = {name: int(record[name]) for name in ("type", "nonce", "gas_limit", "y_parity", "has_chain_id")}
        assert numbers == {
            "type": expected.type,
            "nonce": expected.nonce,
            "gas_limit": min(expected.gas_limit, 2**63 - 1),
            "y_parity": min(expected.y_parity, 2),
            "has_chain_id": expected.chain_id is not None,
        }
        words = ("value", "max_fee", "max_priority_fee", "max_fee_per_blob_gas", "chain_id", "r", "s")
        assert {name: number(record[name]) for name in words} == {
            "value": expected.value,
            "max_fee": expected.max_fee_per_gas,
            "max_priority_fee": expected.max_priority_fee_per_gas,
            "max_fee_per_blob_gas": expected.max_fee_per_blob_gas,
            "chain_id": expected.chain_id or 0,
            "r": expected.r,
            "s": expected.s,
        }
        assert record["is_creation"] == (expected.to is None)
        assert number(record["to"]) == int.from_bytes(expected.to or b"", "big")
        assert self.bytes_at(int(record["data"]), int(record["data_size"])) == expected.data
        assert self.bytes_at(int(record["raw"]), int(record["raw_size"])) == expected.raw
        assert record["hash"].tobytes() == expected.hash
        assert record["signing_hash"].tobytes() == expected.signing_hash
        assert self.access_list(index) == expected.access_list
        assert self.blob_hashes(index) == expected.blob_versioned_hashes
        assert self.authorizations(index) == [
            (replace(entry, y_parity=min(entry.y_parity, 2)), entry.signing_hash())
            for entry in expected.authorization_list
        ]

    def access_list(self, index: int) -> AccessList:
        record = self.records[index]
        row_count = int(2 * record["access_list_count"] + record["storage_key_count"])
        target = np.zeros((row_count, 32), np.uint8)
        assert access_list_of(self.place(index), target.ctypes.data) == row_count
        rows = [row.tobytes() for row in target]
        entries = []
        while rows:
            (address, count), rows = rows[:2], rows[2:]
            assert address[:12] == bytes(12)
            key_count = int.from_bytes(count, "big")
            keys, rows = rows[:key_count], rows[key_count:]
            entries.append((address[12:], tuple(keys)))
        assert len(entries) == record["access_list_count"]
        return tuple(entries)

    def blob_hashes(self, index: int) -> tuple[bytes, ...]:
        target = np.zeros((int(self.records[index]["blob_hash_count"]), 32), np.uint8)
        blob_hashes_of(self.place(index), target.ctypes.data)
        return tuple(row.tobytes() for row in target)

    def authorizations(self, index: int) -> list[tuple[Authorization, bytes]]:
        """The entries and their digests."""
        entries = np.zeros(int(self.records[index]["authorization_count"]), AUTHORIZATION)
        assert authorizations_of(self.place(index), entries.ctypes.data, AUTHORIZATION.itemsize) == 0
        return [
            (
                Authorization(
                    chain_id=number(entry["chain_id"]),
                    address=number(entry["address"]).to_bytes(20, "big"),
                    nonce=int(entry["nonce"]),
                    y_parity=int(entry["y_parity"]),
                    r=number(entry["r"]),
                    s=number(entry["s"]),
                ),
                entry["signing_hash"].tobytes(),
            )
            for entry in entries
        ]

    def place(self, index: int) -> int:
        return int(self.records.ctypes.data) + index * DECODED_TRANSACTION.itemsize


def number(limbs: Any) -> int:
    return int.from_bytes(limbs.tobytes(), "little")


def compare_all(raws: Sequence[bytes], seed: int = 0) -> int:
    """Same verdict and same fields; how many are transactions."""
    decoded = Decoded(raws, seed)
    taken = 0
    for index, raw in enumerate(raws):
        try:
            expected = decode_transaction(raw)
        except InvalidTransaction:
            assert decoded.records[index]["status"] == MALFORMED, (seed, raw.hex())
            continue
        assert decoded.records[index]["status"] == DECODED, (seed, raw.hex())
        try:
            decoded.compare(index, expected)
        except AssertionError as error:
            raise AssertionError((seed, raw.hex())) from error
        taken += 1
    assert decoded.malformed_count == len(raws) - taken
    return taken


def samples(seed: int, count: int = SAMPLES) -> list[bytes]:
    source = random.Random(seed)
    return [random_transaction(source, kind).raw for _ in range(count) for kind in KINDS]


def test_random_transactions_of_every_type_have_the_fields_and_hashes_of_the_codec():
    raws = samples(1)
    assert compare_all(raws, 1) == len(raws)


@pytest.mark.parametrize("seed", range(DAMAGES // DAMAGES_AT_ONCE))
def test_damaged_transactions_are_judged_as_the_codec_judges_them(seed: int):
    source = random.Random(f"damage {seed}")
    originals = samples(seed, 20)
    taken = compare_all([damaged(source, source.choice(originals)) for _ in range(DAMAGES_AT_ONCE)], seed)
    assert 20 < taken < DAMAGES_AT_ONCE / 2


def test_every_public_transaction_test_is_judged_as_the_codec_judges_it():
    raws = []
    for path in sorted(Path(public_data.data("ethereum-tests/TransactionTests")).rglob("*.json")):
        raws += [bytes.fromhex(case["txbytes"][2:]) for case in json.loads(path.read_text()).values()]
    assert len(raws) > 100
    assert compare_all(raws) > 50


def test_every_cut_of_a_transaction_is_refused():
    for kind in KINDS:
        raw = random_transaction(random.Random(f"cut {kind}"), kind).raw
        assert compare_all([raw[:size] for size in range(len(raw))]) == 0
        assert compare_all([raw + bytes((byte,)) for byte in range(256)]) == 0
        assert compare_all([raw]) == 1


def test_every_first_byte_is_judged_alike():
    raw = random_transaction(random.Random(3), SET_CODE).raw
    assert compare_all([bytes((first,)) + raw[1:] for first in range(256)]) == 1
    compare_all([bytes((first,)) for first in range(256)])


def fields_of(raw: bytes) -> tuple[bytes, list[rlp.Item]]:
    """What stands before the list, and the list."""
    prefix = b"" if raw[0] >= 0xC0 else raw[:1]
    fields = rlp.decode(raw[len(prefix) :])
    assert isinstance(fields, list)
    return prefix, fields


# Each in the place of each field: too long, not canonical, of another kind.
REPLACEMENTS: list[rlp.Item] = [
    b"",
    b"\x00",
    b"\x01",
    b"\x7f",
    b"\x80",
    b"\x00\x01",
    b"\x01" * 8,
    b"\x01" * 9,
    b"\x11" * 19,
    b"\x11" * 20,
    b"\x11" * 21,
    b"\xff" * 31,
    b"\xff" * 32,
    b"\x01" * 33,
    b"\xee" * 56,
    [],
    [b""],
    [[]],
    [b"\x11" * 20],
    [b"\x11" * 32],
    [b"\x11" * 31],
    [b"\x11" * 32, b"\x11" * 33],
    [[b"\x11" * 20, []]],
    [[b"\x11" * 20, [b"\x22" * 32] * 2]],
    [[b"\x11" * 20, b"\x22" * 32]],
    [[b"\x11" * 20, [b"\x22" * 31]]],
    [[b"\x11" * 20, [[b"\x22" * 32]]]],
    [[b"\x11" * 19, []]],
    [[b"\x11" * 20, [], b""]],
    [[b"\x11" * 20]],
    [[b"", b"\x11" * 20, b"", b"", b"\x01", b"\x01"]],
    [[b"", b"\x11" * 20, b"", b"", b"\x01", b"\x01", b""]],
    [[b"", b"\x11" * 20, b"", b"", b"\x01"]],
    [[b"\x01" * 32, b"\x11" * 20, b"\x01" * 8, b"\xff", b"\x01" * 32, b"\x01" * 32]],
    [[b"\x01" * 33, b"\x11" * 20, b"\x01", b"", b"\x01", b"\x01"]],
    [[b"\x01", b"\x11" * 21, b"\x01", b"", b"\x01", b"\x01"]],
    [[b"\x01", b"\x11" * 20, b"\x01" * 9, b"", b"\x01", b"\x01"]],
    [[b"\x01", b"\x11" * 20, b"\x01", b"\x01\x00", b"\x01", b"\x01"]],
    [[b"\x01", b"\x11" * 20, b"\x01", b"\x00", b"\x01", b"\x01"]],
    [[b"\x01", b"\x11" * 20, b"\x01", b"", b"\x01" * 33, b"\x01"]],
    [[b"\x01", b"\x11" * 20, b"\x01", b"", b"\x01", b"\x00\x01"]],
    [[b"\x01", [b"\x11" * 20], b"\x01", b"", b"\x01", b"\x01"]],
]


@pytest.mark.parametrize("kind", KINDS)
def test_each_field_takes_what_it_takes_in_the_codec_and_nothing_else(kind: int):
    prefix, fields = fields_of(random_transaction(random.Random(f"fields {kind}"), kind).raw)
    raws = []
    for place in range(len(fields)):
        for replacement in REPLACEMENTS:
            raws.append(prefix + rlp.encode([*fields[:place], replacement, *fields[place + 1 :]]))
            raws.append(prefix + rlp.encode([*fields[:place], replacement, *fields[place:]]))
        raws.append(prefix + rlp.encode([*fields[:place], *fields[place + 1 :]]))
    assert 0 < compare_all(raws) < len(raws) / 2


def test_v_of_legacy_transactions_says_parity_and_chain():
    prefix, fields = fields_of(random_transaction(random.Random(5), LEGACY).raw)
    values = [*range(48), *((1 << bits) + offset for bits in range(6, 258) for offset in (-1, 0, 1))]
    raws = [prefix + rlp.encode([*fields[:6], rlp.encode_int(v), *fields[7:]]) for v in values]
    assert compare_all(raws) == 2 + sum(35 <= v < 1 << 256 for v in values)


def test_what_lies_behind_the_bytes_does_not_matter():
    raws = [random_transaction(random.Random(f"behind {kind}"), kind).raw for kind in KINDS]
    for raw in [*raws, *(raw[:-1] for raw in raws)]:
        records = []
        for behind in (bytes(READABLE_BYTES_BEHIND), b"\xff" * READABLE_BYTES_BEHIND):
            held = np.frombuffer(raw + behind, np.uint8).copy()
            record, signing = np.zeros(1, DECODED_TRANSACTION), np.zeros(len(raw) + SIGNING_EXTRA_BYTES, np.uint8)
            size = decode_one(held.ctypes.data, len(raw), record.ctypes.data, signing.ctypes.data)
            for name in ("data", "access_list", "blob_hashes", "authorizations", "raw"):
                record[name] -= held.ctypes.data if record[name][0] else 0
            records.append((size, record.tobytes(), signing[: max(0, size)].tobytes()))
        assert records[0] == records[1], raw.hex()


def test_a_batch_may_be_empty():
    assert Decoded([]).malformed_count == 0


def test_transactions_without_bytes_are_malformed():
    raw = samples(6, 1)[0]
    assert compare_all([b"", raw, b"", b""]) == 1


def test_a_long_transaction_is_decoded():
    source = random.Random(7)
    transaction = random_transaction(source, SET_CODE)
    long_list = tuple((source.randbytes(20), (source.randbytes(32),) * 40) for _ in range(60))
    fields = {**vars(transaction), "data": source.randbytes(70_000), "access_list": long_list}
    fields["authorization_list"] = transaction.authorization_list * 300
    fields.pop("raw", None)
    assert compare_all([Transaction(**fields).raw]) == 1
