from dataclasses import fields, replace

import pytest

from primitives.mini_block import MiniBlock
from primitives.receipt import Log, Receipt
from primitives.signature import address_of
from primitives.state_diff import Account, AccountChange, StateDiff
from primitives.transaction import LEGACY, Transaction

KEY = bytes(31) + b"\x05"
TRANSACTION = Transaction(
    type=LEGACY,
    chain_id=1,
    nonce=0,
    max_priority_fee_per_gas=1,
    max_fee_per_gas=1,
    gas_limit=21_000,
    to=bytes(20),
    value=0,
    data=b"",
    y_parity=0,
    r=0,
    s=0,
).signed_by(KEY)
RECEIPT = Receipt(LEGACY, True, 21_000, 21_000, (), 1)
MINI_BLOCK = MiniBlock(
    number=1,
    block_number=2,
    index=3,
    timestamp_us=4,
    parent_hash=b"\x05" * 32,
    block_timestamp=6,
    gas_limit=7,
    coinbase=b"\x08" * 20,
    base_fee_per_gas=9,
    prev_randao=b"\x0a" * 32,
    transactions=(TRANSACTION,),
    receipts=(RECEIPT,),
    state_diff=StateDiff(),
)
CHANGES = {
    "number": 11,
    "block_number": 11,
    "index": 11,
    "timestamp_us": 11,
    "parent_hash": b"\x0b" * 32,
    "block_timestamp": 11,
    "gas_limit": 11,
    "coinbase": b"\x0b" * 20,
    "base_fee_per_gas": 11,
    "prev_randao": b"\x0b" * 32,
    "transactions": (replace(TRANSACTION, value=1).signed_by(KEY),),
    "receipts": (replace(RECEIPT, succeeded=False),),
    "state_diff": StateDiff((AccountChange(bytes(20), Account(1, 1), ()),)),
}


@pytest.mark.parametrize(("name", "value"), CHANGES.items())
def test_the_hash_commits_to_every_field(name, value):
    assert replace(MINI_BLOCK, **{name: value}).hash != MINI_BLOCK.hash


def test_no_field_but_the_signature_is_left_out_of_the_hash():
    assert {field.name for field in fields(MiniBlock)} == {*CHANGES, "signature"}
    assert replace(MINI_BLOCK, signature=bytes(65)).hash == MINI_BLOCK.hash


@pytest.mark.parametrize(
    "changes",
    [
        {"gas_used": 1},
        {"cumulative_gas_used": 1},
        {"effective_gas_price": 2},
        {"contract_address": bytes(20)},
        {"logs": (Log(bytes(20), (), b""),)},
        {"type": 1},
    ],
)
def test_the_hash_commits_to_every_field_of_a_receipt(changes):
    assert replace(MINI_BLOCK, receipts=(replace(RECEIPT, **changes),)).hash != MINI_BLOCK.hash


def test_the_signer_is_who_signed_and_the_hash_stays():
    signed = MINI_BLOCK.signed_by(KEY)
    assert signed.hash == MINI_BLOCK.hash == replace(signed).hash
    assert signed.signer() == address_of(KEY)
    assert len(signed.signature) == 65


@pytest.mark.parametrize("signature", [b"", bytes(64), bytes(65), b"\xff" * 65])
def test_no_signature_or_a_bad_one_has_no_signer(signature):
    assert replace(MINI_BLOCK, signature=signature).signer() is None


def test_a_signature_over_another_mini_block_names_somebody_else():
    signed = MINI_BLOCK.signed_by(KEY)
    assert replace(signed, number=99).signer() != address_of(KEY)


def test_the_gas_used_is_that_of_all_receipts():
    assert replace(MINI_BLOCK, receipts=(RECEIPT, RECEIPT)).gas_used == 42_000
