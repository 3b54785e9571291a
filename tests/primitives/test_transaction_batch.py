"""Transactions in columns are the transactions that went in."""

import random
from dataclasses import replace

import pytest

from primitives.errors import InvalidSignature, MalformedTransaction
from primitives.signature import SECP256K1_N, address_of
from primitives.transaction import Transaction, decode_transaction
from primitives.transaction_batch import TransactionBatch
from primitives.transaction_kernels import DECODED, DECODED_TRANSACTION, MALFORMED, UNSIGNED
from tests.primitives.random_transactions import KINDS, random_transaction

KEY = bytes(31) + b"\x01"
POINTERS = ("data", "access_list", "blob_hashes", "authorizations", "raw")  # Each batch has its own bytes.


def transactions(count: int) -> list[Transaction]:
    source = random.Random(count)
    return [random_transaction(source, KINDS[index % len(KINDS)]).signed_by(KEY) for index in range(count)]


@pytest.mark.parametrize("count", [0, 1, 40])
def test_each_is_decoded_when_it_is_asked_for(count: int):
    expected = transactions(count)
    raws = [transaction.raw for transaction in expected]
    batch = TransactionBatch(raws, [address_of(KEY)] * count)
    assert len(batch) == count
    assert list(batch) == [decode_transaction(raw) for raw in raws]
    assert [each.raw for each in batch] == raws
    assert all(each.known_sender == address_of(KEY) for each in batch)
    assert batch[:2] == list(batch)[:2]


def test_objects_that_are_there_are_given_back():
    expected = transactions(3)
    batch = TransactionBatch.of(expected)
    assert all(one is other for one, other in zip(batch, expected, strict=True))
    assert TransactionBatch.of(batch) is batch


def test_records_hold_what_the_codec_says():
    expected = transactions(25)
    records = TransactionBatch.of(expected).records
    for transaction, record in zip(expected, records, strict=True):
        assert (record["status"], record["type"]) == (1, transaction.type)
        assert record["nonce"] == transaction.nonce
        assert bytes(record["hash"]) == transaction.hash
        assert record["sender"].tobytes()[:20][::-1] == address_of(KEY)


def test_what_is_no_transaction_is_so_when_it_is_asked_for():
    good = transactions(1)[0]
    batch = TransactionBatch([good.raw, good.raw[:-1]], [address_of(KEY)] * 2)
    assert batch[0] == good
    assert batch.records["status"].tolist() == [1, 0]
    with pytest.raises(MalformedTransaction):
        batch[1]


def test_an_object_is_what_the_codec_makes_and_knows_its_hashes_and_its_sender():
    source = random.Random("objects")
    expected = [random_transaction(source, KINDS[index % len(KINDS)]).signed_by(KEY) for index in range(200)]
    expected += [replace(each, y_parity=2) for each in expected[:20] if each.type]
    expected += [replace(each, gas_limit=2**63 + index).signed_by(KEY) for index, each in enumerate(expected[:20])]
    for found, transaction in zip(TransactionBatch([each.raw for each in expected]), expected, strict=True):
        decoded = decode_transaction(transaction.raw)
        assert found == decoded
        assert (found.raw, found.hash, found.signing_hash) == (decoded.raw, decoded.hash, decoded.signing_hash)
        assert found.v == decoded.v
        if transaction.y_parity < 2:
            assert vars(found)["sender"] == address_of(KEY)


@pytest.mark.parametrize("count", [0, 1, 7, 60])
def test_senders_that_are_not_given_are_recovered(count: int):
    expected = transactions(count)
    batch = TransactionBatch([each.raw for each in expected])
    given = TransactionBatch([each.raw for each in expected], [address_of(KEY)] * count)
    assert batch.senders == given.senders == address_of(KEY) * count
    for name in DECODED_TRANSACTION.names or ():
        if name not in POINTERS:
            assert batch.records[name].tolist() == given.records[name].tolist(), name
    assert [each.known_sender for each in batch] == [address_of(KEY)] * count


def test_whose_signature_is_nobodys_has_no_sender():
    good = transactions(1)[0]
    raws = [good.raw, replace(good, r=SECP256K1_N - 1).raw, replace(good, s=0).raw, good.raw[1:]]
    for batch in (TransactionBatch(raws), TransactionBatch(raws, [address_of(KEY), None, None, None])):
        assert batch.records["status"].tolist() == [DECODED, UNSIGNED, UNSIGNED, MALFORMED]
        assert batch.senders == address_of(KEY) + bytes(60)
        with pytest.raises(InvalidSignature):
            batch[1].sender  # noqa: B018
        with pytest.raises(MalformedTransaction):
            batch[3]
