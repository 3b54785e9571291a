import random
from contextlib import suppress
from dataclasses import fields, replace
from typing import Any

import pytest
from eth_account import Account
from hypothesis import given, settings
from hypothesis import strategies as st

from primitives import rlp
from primitives.errors import (
    DecodingError,
    InvalidSignature,
    InvalidTransaction,
    MalformedTransaction,
    TypeNotSupported,
)
from primitives.keccak import keccak256
from primitives.signature import SECP256K1_N, address_of
from primitives.transaction import (
    ACCESS_LIST,
    BLOB,
    DYNAMIC_FEE,
    LEGACY,
    SET_CODE,
    Authorization,
    Transaction,
    decode_transaction,
)

KEY = bytes.fromhex("ac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80")
OTHER_KEY = bytes(31) + b"\x07"
U64 = st.integers(0, 2**64 - 2)
U256 = st.integers(0, 2**256 - 1)
ADDRESSES = st.binary(min_size=20, max_size=20)
HASHES = st.binary(min_size=32, max_size=32)
ACCESS_LISTS = st.lists(st.tuples(ADDRESSES, st.lists(HASHES, max_size=3).map(tuple)), max_size=3).map(tuple)


@st.composite
def transactions(draw: st.DrawFn) -> Transaction:
    """Signed transactions of every type, each with the fields that its type has."""
    kind = draw(st.sampled_from([LEGACY, ACCESS_LIST, DYNAMIC_FEE, BLOB, SET_CODE]))
    max_fee = draw(U256)
    extra: dict[str, Any] = {}
    if kind == BLOB:
        extra = {"max_fee_per_blob_gas": draw(U256), "blob_versioned_hashes": tuple(draw(st.lists(HASHES, max_size=3)))}
    if kind == SET_CODE:
        authorizations = [authorization(draw(U256), draw(ADDRESSES), draw(U64)) for _ in range(draw(st.integers(0, 2)))]
        extra = {"authorization_list": tuple(authorizations)}
    unsigned = Transaction(
        type=kind,
        chain_id=draw(st.integers(0, 2**200) if kind else st.none() | st.integers(0, 2**200)),
        nonce=draw(U64),
        max_priority_fee_per_gas=draw(U256) if kind >= DYNAMIC_FEE else max_fee,
        max_fee_per_gas=max_fee,
        gas_limit=draw(U64),
        to=draw(st.none() | ADDRESSES),
        value=draw(U256),
        data=draw(st.binary(max_size=100)),
        access_list=draw(ACCESS_LISTS) if kind else (),
        y_parity=0,
        r=0,
        s=0,
        **extra,
    )
    return unsigned.signed_by(KEY)


def authorization(chain_id: int, address: bytes, nonce: int) -> Authorization:
    signed = Account.sign_authorization({"chainId": chain_id % 2**64, "address": address, "nonce": nonce}, OTHER_KEY)
    return Authorization(chain_id % 2**64, address, nonce, signed.y_parity, signed.r, signed.s)


def sample(kind: int) -> dict[str, Any]:
    """A transaction of this type as eth_account takes it."""
    fields_of_all = {"nonce": 7, "gas": 90_000, "to": "0x" + "12" * 20, "value": 10**18, "data": "0xdeadbeef00"}
    if kind == LEGACY:
        return {**fields_of_all, "gasPrice": 10**9, "chainId": 125_671}
    accesses = [{"address": "0x" + "34" * 20, "storageKeys": ["0x" + "56" * 32, "0x" + "00" * 32]}]
    typed = {**fields_of_all, "chainId": 125_671, "accessList": accesses, "type": kind}
    if kind == ACCESS_LIST:
        return {**typed, "gasPrice": 10**9}
    typed |= {"maxFeePerGas": 3 * 10**9, "maxPriorityFeePerGas": 10**9}
    if kind == BLOB:
        return {**typed, "maxFeePerBlobGas": 5, "blobVersionedHashes": ["0x01" + "78" * 31]}
    if kind == SET_CODE:
        signed = Account.sign_authorization({"chainId": 0, "address": "0x" + "9a" * 20, "nonce": 1}, OTHER_KEY)
        return {**typed, "authorizationList": [signed]}
    return typed


def encoded_anew(transaction: Transaction) -> bytes:
    """The encoding computed from the fields, not the bytes that decoding kept."""
    return replace(transaction).raw


@pytest.mark.parametrize("kind", [LEGACY, ACCESS_LIST, DYNAMIC_FEE, BLOB, SET_CODE])
def test_what_eth_account_signs_is_decoded_with_its_fields_hash_and_sender(kind):
    fields_given = sample(kind)
    signed = Account.sign_transaction(fields_given, KEY)
    raw = bytes(signed.raw_transaction)
    transaction = decode_transaction(raw)
    assert transaction.type == kind
    assert transaction.hash == bytes(signed.hash)
    assert transaction.sender == address_of(KEY) == bytes.fromhex(Account.from_key(KEY).address[2:])
    assert (transaction.r, transaction.s, transaction.v) == (signed.r, signed.s, signed.v)
    assert encoded_anew(transaction) == raw
    assert transaction.chain_id == 125_671
    assert transaction.nonce == 7
    assert transaction.gas_limit == 90_000
    assert transaction.to == b"\x12" * 20
    assert transaction.value == 10**18
    assert transaction.data == bytes.fromhex("deadbeef00")
    if kind != LEGACY:
        assert transaction.access_list == ((b"\x34" * 20, (b"\x56" * 32, bytes(32))),)
    price = fields_given.get("gasPrice")
    assert transaction.max_fee_per_gas == (price or 3 * 10**9)
    assert transaction.max_priority_fee_per_gas == 10**9
    if kind == BLOB:
        assert transaction.max_fee_per_blob_gas == 5
        assert transaction.blob_versioned_hashes == (b"\x01" + b"\x78" * 31,)
    if kind == SET_CODE:
        assert transaction.authorization_list[0].authority() == address_of(OTHER_KEY)
        assert transaction.authorization_list[0].address == b"\x9a" * 20


def test_a_legacy_transaction_without_replay_protection_has_no_chain_id():
    unprotected = {name: value for name, value in sample(LEGACY).items() if name != "chainId"}
    signed = Account.sign_transaction(unprotected, KEY)
    transaction = decode_transaction(bytes(signed.raw_transaction))
    assert transaction.chain_id is None
    assert transaction.v in (27, 28)
    assert transaction.sender == address_of(KEY)


@given(transactions())
def test_decoding_undoes_encoding(transaction):
    decoded = decode_transaction(transaction.raw)
    assert decoded == transaction
    assert decoded.hash == keccak256(transaction.raw)
    assert decoded.sender == address_of(KEY)


@given(transactions(), ADDRESSES)
def test_a_known_sender_is_believed_and_is_no_part_of_the_transaction(transaction, sender):
    decoded = decode_transaction(transaction.raw, sender)
    assert decoded.sender == sender
    assert decoded == transaction
    assert decoded.recover_sender() == address_of(KEY)


def test_signing_again_replaces_signature_sender_and_hash():
    first = decode_transaction(bytes(Account.sign_transaction(sample(DYNAMIC_FEE), KEY).raw_transaction))
    second = first.signed_by(OTHER_KEY)
    assert second.sender == address_of(OTHER_KEY) != first.sender
    assert second.hash == bytes(Account.sign_transaction(sample(DYNAMIC_FEE), OTHER_KEY).hash)


def mutated(raw: bytes, rng: random.Random) -> bytes:
    """One to three small damages: a bit, a byte, a cut, an insertion, a repetition, an end."""
    data = bytearray(raw)
    for _ in range(rng.choice((1, 1, 1, 2, 3))):
        at = rng.randrange(len(data)) if data else 0
        match rng.randrange(6):
            case 0 if data:
                data[at] ^= 1 << rng.randrange(8)
            case 1 if data:
                data[at] = rng.choice((0, 1, 0x7F, 0x80, 0x81, 0xB7, 0xB8, 0xC0, 0xF7, 0xF8, 0xFF))
            case 2:
                del data[at : at + rng.randrange(1, 4)]
            case 3:
                data[at:at] = rng.randbytes(rng.randrange(1, 4))
            case 4:
                data[at:at] = data[at : at + rng.randrange(1, 33)]
            case 5:
                del data[at:]
    return bytes(data)


def test_a_hundred_thousand_mutations_are_refused_or_decoded_exactly():
    rng = random.Random(2718)
    originals = [bytes(Account.sign_transaction(sample(kind), KEY).raw_transaction) for kind in range(5)]
    accepted = 0
    for number in range(100_000):
        data = mutated(originals[number % 5], rng)
        try:
            transaction = decode_transaction(data)
        except (InvalidTransaction, DecodingError):
            continue
        accepted += 1
        assert encoded_anew(transaction) == data, data.hex()
        if accepted % 20 == 0:  # Recovery is the slow part; a sample will do.
            with suppress(InvalidSignature):
                assert len(transaction.sender) == 20
    assert accepted > 1_000, "the mutations are too coarse to test anything"


@settings(max_examples=500)
@given(st.integers(0, 4), st.data())
def test_fields_replaced_by_anything_never_decode_to_something_else(kind, data):
    raw = bytes(Account.sign_transaction(sample(kind), KEY).raw_transaction)
    items = rlp.as_list(rlp.decode(raw[1:] if kind else raw), "transaction")
    at = data.draw(st.integers(0, len(items) - 1))
    items[at] = data.draw(
        st.one_of(
            st.binary(max_size=40),
            st.lists(st.binary(max_size=34), max_size=7),
            st.lists(st.lists(st.binary(max_size=34) | st.lists(st.binary(max_size=34)), max_size=7), max_size=2),
        )
    )
    changed = (bytes((kind,)) if kind else b"") + rlp.encode(items)
    try:
        transaction = decode_transaction(changed)
    except InvalidTransaction:
        return
    assert encoded_anew(transaction) == changed


@pytest.mark.parametrize("kind", [LEGACY, ACCESS_LIST, DYNAMIC_FEE, BLOB, SET_CODE])
def test_one_member_more_or_less_is_refused(kind):
    raw = bytes(Account.sign_transaction(sample(kind), KEY).raw_transaction)
    items = rlp.as_list(rlp.decode(raw[1:] if kind else raw), "transaction")
    for members in (items[:-1], [*items, b""]):
        with pytest.raises(MalformedTransaction, match="members"):
            decode_transaction((bytes((kind,)) if kind else b"") + rlp.encode(members))


@pytest.mark.parametrize("first", [0x00, 0x05, 0x7F])
def test_a_type_that_nobody_defined_is_named_as_such(first):
    with pytest.raises(TypeNotSupported, match=f"0x{first:x}"):
        decode_transaction(bytes((first,)) + b"\xc0")


@pytest.mark.parametrize("raw", [b"", b"\x80", b"\xbf", b"\xc0", b"\x02", b"\xff"])
def test_what_is_no_transaction_at_all_is_malformed(raw):
    with pytest.raises(MalformedTransaction):
        decode_transaction(raw)


def test_a_high_s_is_refused_unless_frontier_asks():
    transaction = decode_transaction(bytes(Account.sign_transaction(sample(LEGACY), KEY).raw_transaction))
    high = replace(transaction, y_parity=1 - transaction.y_parity, s=SECP256K1_N - transaction.s)
    with pytest.raises(InvalidSignature, match="upper half"):
        _ = high.sender
    assert high.recover_sender(low_s=False) == address_of(KEY)


@pytest.mark.parametrize(
    "broken", [{"r": 0}, {"s": 0}, {"r": SECP256K1_N}, {"s": SECP256K1_N}, {"y_parity": 2}, {"r": 5}]
)
def test_a_signature_out_of_range_or_off_the_curve_has_no_sender(broken):
    transaction = decode_transaction(bytes(Account.sign_transaction(sample(DYNAMIC_FEE), KEY).raw_transaction))
    with pytest.raises(InvalidSignature):
        _ = replace(transaction, **broken).sender


def test_an_invalid_authorization_has_no_authority():
    entry = authorization(1, b"\x01" * 20, 0)
    assert entry.authority() == address_of(OTHER_KEY)
    for broken in ({"y_parity": 255}, {"r": 0}, {"s": SECP256K1_N - entry.s}):
        assert replace(entry, **broken).authority() is None


def test_the_effective_price_is_the_base_fee_and_what_the_cap_leaves_of_the_tip():
    transaction = decode_transaction(bytes(Account.sign_transaction(sample(DYNAMIC_FEE), KEY).raw_transaction))
    assert transaction.effective_gas_price(0) == 10**9
    assert transaction.effective_gas_price(10**9) == 2 * 10**9
    assert transaction.effective_gas_price(25 * 10**8) == 3 * 10**9


def test_every_field_but_the_known_sender_decides_equality():
    assert [field.name for field in fields(Transaction) if not field.compare] == ["known_sender"]
