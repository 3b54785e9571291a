"""Every transaction of the public TransactionTests has the sender that libsecp256k1 finds for it alone."""

import json
from pathlib import Path

import pytest

from primitives.errors import InvalidTransaction
from primitives.secp256k1_simd.kernels import BATCH_MIN
from primitives.transaction import Transaction, decode_transaction
from primitives.transaction_batch import TransactionBatch
from tests import public_data


def decoded(raw: str) -> Transaction | None:
    try:
        return decode_transaction(bytes.fromhex(raw.removeprefix("0x")))
    except (InvalidTransaction, ValueError):
        return None


def sender_of(transaction: Transaction) -> bytes | None:
    try:
        return transaction.sender
    except InvalidTransaction:
        return None


def test_transaction_tests_have_the_senders_that_they_have_alone():
    folder = Path(public_data.data("ethereum-tests/TransactionTests"))
    raws = [
        case["txbytes"] for path in sorted(folder.rglob("*.json")) for case in json.loads(path.read_text()).values()
    ]
    together = [transaction for raw in raws if (transaction := decoded(raw)) is not None]
    if not together:
        pytest.skip("TransactionTests are not there")
    assert len(together) > 10 * BATCH_MIN
    alone = [decode_transaction(transaction.raw) for transaction in together]
    batch = TransactionBatch([transaction.raw for transaction in together])
    assert [vars(each).get("sender") for each in batch] == [sender_of(each) for each in alone]
    assert any(sender_of(each) is None for each in alone)
