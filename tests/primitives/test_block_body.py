from dataclasses import replace

import pytest

from primitives import rlp
from primitives.block import header_of_fork
from primitives.block_body import Block, Withdrawal, decode_block
from primitives.errors import DecodingError, MalformedTransaction
from primitives.forks import Fork
from primitives.transaction import DYNAMIC_FEE, LEGACY, Transaction

HEADER = header_of_fork(
    Fork.SHANGHAI,
    parent_hash=bytes(32),
    coinbase=bytes(20),
    state_root=bytes(32),
    transactions_root=bytes(32),
    receipts_root=bytes(32),
    bloom=bytes(256),
    number=4,
    gas_limit=30_000_000,
    gas_used=0,
    timestamp=9,
)
WITHDRAWAL = Withdrawal(2**64 - 1, 7, b"\x0a" * 20, 32 * 10**9)
TYPED = Transaction(
    type=DYNAMIC_FEE,
    chain_id=1,
    nonce=3,
    max_priority_fee_per_gas=1,
    max_fee_per_gas=10,
    gas_limit=21_000,
    to=b"\x0b" * 20,
    value=5,
    data=b"",
    y_parity=0,
    r=0,
    s=0,
).signed_by(b"\x07" * 32)
PLAIN = replace(TYPED, type=LEGACY, max_priority_fee_per_gas=10).signed_by(b"\x07" * 32)


def encoded(*members: rlp.Item) -> bytes:
    return rlp.encode([rlp.decode(HEADER.encode()), *members])


TRANSACTIONS: rlp.Item = [rlp.decode(PLAIN.raw), TYPED.raw]
OMMERS: rlp.Item = [rlp.decode(HEADER.encode())]
WITHDRAWALS: rlp.Item = [rlp.decode(WITHDRAWAL.encode())]


def test_a_block_is_decoded_with_all_its_members():
    data = encoded(TRANSACTIONS, OMMERS, WITHDRAWALS)
    assert decode_block(data) == Block(HEADER, (PLAIN, TYPED), (HEADER,), (WITHDRAWAL,), len(data))


def test_a_block_before_shanghai_has_no_list_of_withdrawals():
    assert decode_block(encoded([], [])).withdrawals is None
    assert decode_block(encoded([], [], [])).withdrawals == ()


@pytest.mark.parametrize(
    "members",
    [
        [],
        [[]],
        [[], [], [], []],
        [b"", [], []],
        [[], b"", []],
        [[], [[b""]], []],
        [[], [], b""],
        [[], [], [[b"", b"", b"\x0a" * 20]]],
        [[], [], [[b"\x01" * 9, b"", b"\x0a" * 20, b""]]],
        [[], [], [[b"", b"\x01" * 9, b"\x0a" * 20, b""]]],
        [[], [], [[b"", b"", b"\x0a" * 19, b""]]],
        [[], [], [[b"", b"", b"\x0a" * 20, b"\x01" * 9]]],
        [[], [], [[b"", b"", b"\x0a" * 20, b"\x00"]]],
    ],
)
def test_what_is_not_a_block_is_refused(members):
    with pytest.raises(DecodingError):
        decode_block(encoded(*members))


@pytest.mark.parametrize("item", [b"", [b""], rlp.encode(b"\x02"), TYPED.raw[:-1]])
def test_a_block_with_a_malformed_transaction_is_refused(item):
    with pytest.raises(MalformedTransaction):
        decode_block(encoded([item], [], []))
