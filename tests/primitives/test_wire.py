import hashlib
import random
from dataclasses import replace
from typing import Any

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from primitives import wire
from primitives.block import SealedBlock, header_of_fork
from primitives.errors import DecodingError
from primitives.forks import Fork
from primitives.keccak import keccak256
from primitives.mini_block import MiniBlock
from primitives.receipt import Log, Receipt
from primitives.signature import SECP256K1_N, address_of
from primitives.state_diff import Account, AccountChange, StateDiff
from primitives.transaction import DYNAMIC_FEE, LEGACY, Transaction, decode_transaction
from primitives.wire import decode_mini_block, decode_sealed_block, encode_mini_block, encode_sealed_block

KEY = bytes(31) + b"\x05"
U64 = st.integers(0, 2**64 - 1)
U256 = st.integers(0, 2**256 - 1)
ADDRESSES = st.binary(min_size=20, max_size=20)
HASHES = st.binary(min_size=32, max_size=32)
SIGNED = Transaction(
    type=LEGACY,
    chain_id=1,
    nonce=3,
    max_priority_fee_per_gas=9,
    max_fee_per_gas=9,
    gas_limit=21_000,
    to=b"\x01" * 20,
    value=5,
    data=b"",
    y_parity=0,
    r=0,
    s=0,
).signed_by(KEY)
# Signing in every example would be most of the time.
POOL = [
    SIGNED,
    replace(SIGNED, to=None, data=b"\x60\x00" * 50).signed_by(KEY),
    replace(
        SIGNED, type=DYNAMIC_FEE, max_priority_fee_per_gas=2, access_list=((b"\x02" * 20, (bytes(32),)),)
    ).signed_by(KEY),
]

LOGS = st.builds(Log, ADDRESSES, st.lists(HASHES, max_size=4).map(tuple), st.binary(max_size=70))
RECEIPTS = st.builds(
    Receipt,
    type=st.integers(0, 4),
    succeeded=st.booleans(),
    cumulative_gas_used=U64,
    gas_used=U64,
    logs=st.lists(LOGS, max_size=3).map(tuple),
    effective_gas_price=U256,
    contract_address=st.none() | ADDRESSES,
)
ACCOUNTS = st.builds(Account, U64, U256, st.just(Account().code_hash) | HASHES)
STORAGES = st.dictionaries(U256, U256, max_size=4).map(lambda slots: tuple(sorted(slots.items())))
CHANGES = st.dictionaries(ADDRESSES, st.tuples(st.none() | ACCOUNTS, STORAGES), max_size=4).map(
    lambda changes: tuple(AccountChange(address, *changes[address]) for address in sorted(changes))
)
CODES = st.sets(st.binary(max_size=60), max_size=3).map(lambda codes: tuple(sorted(codes, key=keccak256)))
DIFFS = st.builds(StateDiff, CHANGES, CODES)


@st.composite
def mini_blocks(draw: st.DrawFn) -> MiniBlock:
    transactions = draw(st.lists(st.sampled_from(POOL), max_size=4))
    mini_block = MiniBlock(
        number=draw(U64),
        block_number=draw(U64),
        index=draw(U64),
        timestamp_us=draw(U64),
        parent_hash=draw(HASHES),
        block_timestamp=draw(U64),
        gas_limit=draw(U64),
        coinbase=draw(ADDRESSES),
        base_fee_per_gas=draw(U256),
        prev_randao=draw(HASHES),
        transactions=tuple(transactions),
        receipts=tuple(draw(RECEIPTS) for _ in transactions),
        state_diff=draw(DIFFS),
    )
    return mini_block.signed_by(KEY) if draw(st.booleans()) else mini_block


def example() -> MiniBlock:
    """A small mini-block with something in every column."""
    log = Log(b"\x07" * 20, (b"\x08" * 32, b"\x09" * 32), b"data")
    receipts = (
        Receipt(0, True, 30_000, 30_000, (log, log), 9),
        Receipt(0, False, 130_000, 100_000, (), 9, b"\x0a" * 20),
        Receipt(2, True, 151_000, 21_000, (), 8),
    )
    diff = StateDiff(
        (
            AccountChange(b"\x01" * 20, None, ((1, 0), (2, 0))),
            AccountChange(b"\x02" * 20, Account(1, 10**18, keccak256(b"code")), ((2**255, 7),)),
            AccountChange(b"\x03" * 20, Account(2, 0), ()),
        ),
        (b"code",),
    )
    return MiniBlock(
        number=17,
        block_number=4,
        index=2,
        timestamp_us=1_700_000_000_000_000,
        parent_hash=b"\x0b" * 32,
        block_timestamp=1_700_000_000,
        gas_limit=10**9,
        coinbase=b"\x0c" * 20,
        base_fee_per_gas=10**6,
        prev_randao=b"\x0d" * 32,
        transactions=tuple(POOL),
        receipts=receipts,
        state_diff=diff,
    ).signed_by(KEY)


def sealed_block() -> SealedBlock:
    header = header_of_fork(
        Fork.OSAKA,
        parent_hash=b"\x01" * 32,
        coinbase=b"\x02" * 20,
        state_root=b"\x03" * 32,
        transactions_root=b"\x04" * 32,
        receipts_root=b"\x05" * 32,
        bloom=bytes(256),
        number=9,
        gas_limit=10**9,
        gas_used=21_000,
        timestamp=1_700_000_000,
    )
    return SealedBlock(header, first_mini_block=30, mini_block_count=12)


@given(mini_blocks())
def test_a_mini_block_comes_back_equal_with_hash_signature_and_senders(mini_block):
    decoded = decode_mini_block(encode_mini_block(mini_block))
    assert decoded == mini_block
    assert decoded.hash == replace(mini_block).hash
    assert decoded.signature == mini_block.signature
    assert decoded.signer() == (address_of(KEY) if mini_block.signature else None)
    assert [transaction.raw for transaction in decoded.transactions] == [
        transaction.raw for transaction in mini_block.transactions
    ]
    assert all(transaction.known_sender == address_of(KEY) for transaction in decoded.transactions)


def test_a_transaction_without_a_sender_by_todays_rules_comes_back_without_one():
    high = replace(SIGNED, y_parity=1 - SIGNED.y_parity, s=SECP256K1_N - SIGNED.s)
    mini_block = replace(example(), transactions=(SIGNED, high, SIGNED))
    decoded = decode_mini_block(encode_mini_block(mini_block))
    assert decoded.transactions == mini_block.transactions
    assert [transaction.known_sender for transaction in decoded.transactions] == [
        address_of(KEY),
        None,
        address_of(KEY),
    ]


@pytest.mark.parametrize(
    ("record", "decode"),
    [(encode_mini_block(example()), decode_mini_block), (encode_sealed_block(sealed_block()), decode_sealed_block)],
)
def test_a_flipped_bit_anywhere_is_found(record, decode):
    decode(record)
    for position in range(len(record)):
        for bit in range(8):
            damaged = bytearray(record)
            damaged[position] ^= 1 << bit
            with pytest.raises(DecodingError):
                decode(bytes(damaged))


@pytest.mark.parametrize(
    ("record", "decode"),
    [(encode_mini_block(example()), decode_mini_block), (encode_sealed_block(sealed_block()), decode_sealed_block)],
)
def test_a_record_cut_or_prolonged_anywhere_is_refused(record, decode):
    for size in range(len(record)):
        with pytest.raises(DecodingError):
            decode(record[:size])
        with pytest.raises(DecodingError):
            decode(record[size:] + record[:size] if size else record + b"\x00")


def payload_of(record: bytes) -> bytes:
    return zstandard.ZstdDecompressor().decompress(record[1 : -wire.CHECKSUM_SIZE_BYTES])


def record_of(payload: bytes, kind: bytes = b"leveret-mini", frame: bytes | None = None) -> bytes:
    """A record with a right checksum around anything."""
    body = bytes((wire.FORMAT_VERSION,)) + (zstandard.compress(payload) if frame is None else frame)
    return body + hashlib.blake2b(body, digest_size=wire.CHECKSUM_SIZE_BYTES, person=kind).digest()


def test_a_damaged_payload_under_a_right_checksum_is_refused_or_something_else_never_a_crash():
    rng = random.Random(314)
    original = example()
    payload = payload_of(encode_mini_block(original))
    refused = 0
    for number in range(20_000):
        data = bytearray(payload)
        position = number % len(data)
        match rng.randrange(4):
            case 0:
                data[position] ^= 1 << rng.randrange(8)
            case 1:
                data[position] = rng.choice((0, 1, 4, 8, 32, 0x7F, 0x80, 0xFF))
            case 2:
                del data[position : position + rng.randrange(1, 9)]
            case 3:
                data[position:position] = rng.choice(
                    (b"\x00", b"\xff", b"\x08" + b"\xff" * 8, b"\x08\x7f" + b"\xff" * 7)
                )
        try:
            decoded = decode_mini_block(record_of(bytes(data)))
        except DecodingError:
            refused += 1
        else:
            assert decode_mini_block(encode_mini_block(decoded)) == decoded
    assert refused > 1_000


def test_a_sealed_block_comes_back_equal():
    block = sealed_block()
    decoded = decode_sealed_block(encode_sealed_block(block))
    assert decoded == block
    assert decoded.hash == block.hash
    assert decoded.version == 42


def test_one_kind_of_record_is_not_read_as_the_other():
    with pytest.raises(DecodingError, match="checksum"):
        decode_mini_block(encode_sealed_block(sealed_block()))
    with pytest.raises(DecodingError, match="checksum"):
        decode_sealed_block(encode_mini_block(example()))


def test_a_later_format_version_is_named():
    with pytest.raises(DecodingError, match="format version 2, expected 1"):
        decode_mini_block(b"\x02" + encode_mini_block(example())[1:])


def test_a_declared_size_above_the_maximum_is_refused_before_anything_is_unpacked(monkeypatch):
    monkeypatch.setattr(wire, "PAYLOAD_SIZE_BYTES_MAX", 1_000)
    with pytest.raises(DecodingError, match="at most 1000"):
        decode_mini_block(record_of(bytes(1_001)))
    unknown = zstandard.ZstdCompressor(write_content_size=False).compress(b"payload")
    with pytest.raises(DecodingError, match="at most"):
        decode_mini_block(record_of(b"", frame=unknown))


@pytest.mark.parametrize(
    "frame",
    [b"", b"\x28\xb5\x2f\xfd", b"\x50\x2a\x4d\x18\x02\x00\x00\x00ab", zstandard.compress(b"a") + b"b", b"not a frame"],
)
def test_what_is_no_single_zstd_frame_is_refused(frame):
    with pytest.raises(DecodingError):
        decode_mini_block(record_of(b"", frame=frame))


def test_bytes_after_the_last_column_are_refused():
    with pytest.raises(DecodingError, match="after the last column"):
        decode_mini_block(record_of(payload_of(encode_mini_block(example())) + b"\x00"))


@pytest.mark.parametrize(
    "wrong",
    [
        {"receipts": ()},
        {"parent_hash": b"\x01"},
        {"coinbase": bytes(21)},
        {"number": 2**64},
        {"state_diff": StateDiff((AccountChange(bytes(20), None, ((2, 0), (1, 0))),))},
    ],
)
def test_a_mini_block_that_can_not_be_meant_is_our_own_mistake(wrong: dict[str, Any]):
    with pytest.raises(AssertionError):
        encode_mini_block(replace(example(), **wrong))


def test_a_disordered_diff_is_refused():
    change = AccountChange(b"\x02" * 20, None, ())
    good = replace(example(), state_diff=StateDiff((change, change._replace(address=b"\x03" * 20))))
    payload = payload_of(encode_mini_block(good))
    assert payload.count(b"\x02" * 20 + b"\x03" * 20) == 1
    with pytest.raises(DecodingError, match="ascend"):
        decode_mini_block(record_of(payload.replace(b"\x02" * 20 + b"\x03" * 20, b"\x03" * 20 + b"\x02" * 20)))


def test_the_record_of_transfers_holds_little_more_than_the_transactions():
    senders = [keccak256(bytes((index,)))[:20] for index in range(100)]
    raws = [replace(SIGNED, nonce=index, to=senders[index]).signed_by(KEY).raw for index in range(100)]
    transactions = tuple(decode_transaction(raw) for raw in raws)
    receipts = tuple(Receipt(0, True, 21_000 * (index + 1), 21_000, (), 9) for index in range(100))
    accounts = tuple(AccountChange(address, Account(0, 10**18 + address[0]), ()) for address in sorted(senders))
    mini_block = replace(example(), transactions=transactions, receipts=receipts, state_diff=StateDiff(accounts))
    size = len(encode_mini_block(mini_block))
    assert size < sum(map(len, raws)) + 100 * 30
