"""Transactions whose senders were recovered together know what they would have found out alone."""

import random
from dataclasses import replace

import pytest

from primitives.errors import InvalidSignature
from primitives.sender_recovery import SHARE_MIN, THREAD_COUNT, recover_senders
from primitives.signature import SECP256K1_N, address_of
from primitives.transaction import DYNAMIC_FEE, LEGACY, Transaction, decode_transaction
from tests.primitives.random_transactions import KINDS, random_transaction


def key_of(index: int) -> bytes:
    return (index + 1).to_bytes(32, "big")


def signed(count: int, seed: int = 0) -> list[Transaction]:
    """Of every type, each by a key of its own, as they come out of the codec."""
    source = random.Random(f"senders {seed}")
    return [
        decode_transaction(random_transaction(source, KINDS[index % len(KINDS)]).signed_by(key_of(index)).raw)
        for index in range(count)
    ]


def known(transaction: Transaction, name: str) -> bytes | None:
    """What the transaction remembers, without a computation."""
    answer: bytes | None = vars(transaction).get(name)
    return answer


@pytest.mark.parametrize("count", [0, 1, 2, SHARE_MIN, SHARE_MIN + 1, 3 * SHARE_MIN * THREAD_COUNT + 1])
def test_every_transaction_knows_its_sender_and_its_hashes(count: int):
    transactions = signed(count)
    recover_senders(transactions)
    for index, transaction in enumerate(transactions):
        assert known(transaction, "sender") == address_of(key_of(index))
        fresh = decode_transaction(transaction.raw)
        assert known(transaction, "hash") == fresh.hash
        assert known(transaction, "signing_hash") == fresh.signing_hash


def test_an_invalid_signature_is_told_to_whoever_asks_for_the_sender():
    transactions = signed(20)
    for index, changes in {
        3: {"r": 0},
        7: {"s": SECP256K1_N - transactions[7].s, "y_parity": 1 - transactions[7].y_parity},
        11: {"s": SECP256K1_N},
        12: {"y_parity": 2},
    }.items():
        transactions[index] = replace(transactions[index], **changes)
    recover_senders(transactions)
    for index, transaction in enumerate(transactions):
        if index in (3, 7, 11, 12):
            with pytest.raises(InvalidSignature):
                _ = transaction.sender
        else:
            assert known(transaction, "sender") == address_of(key_of(index))


def test_a_parity_that_is_encoded_as_another_chain_is_invalid():
    # v = 35 + 2 * 1 + 2 is that of parity 0 on chain 2.
    on_chain_2 = replace(random_transaction(random.Random(8), LEGACY), chain_id=2)
    for number in range(50):
        transaction = replace(on_chain_2, nonce=number).signed_by(key_of(0))
        if transaction.y_parity == 0:
            break
    wrong = replace(transaction, chain_id=1, y_parity=2)
    assert wrong.raw == transaction.raw
    recover_senders([wrong])
    with pytest.raises(InvalidSignature):
        _ = wrong.sender


def test_a_sender_that_is_known_is_believed():
    first, second = signed(2)
    believed = decode_transaction(first.raw, known_sender=bytes(20))
    second.__dict__["sender"] = b"\x22" * 20
    recover_senders([believed, second])
    assert believed.sender == bytes(20)
    assert second.sender == b"\x22" * 20


def test_a_transaction_may_come_twice():
    transaction = replace(random_transaction(random.Random(9), DYNAMIC_FEE), nonce=1).signed_by(key_of(0))
    recover_senders([transaction] * 3)
    assert transaction.sender == address_of(key_of(0))


def test_transactions_that_were_never_encoded_are_taken():
    transactions = [replace(transaction) for transaction in signed(10)]
    assert all(known(transaction, "raw") is None for transaction in transactions)
    recover_senders(transactions)
    assert [transaction.sender for transaction in transactions] == [address_of(key_of(index)) for index in range(10)]
