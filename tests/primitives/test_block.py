from collections.abc import Iterator
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from primitives import rlp
from primitives.block import EMPTY_REQUESTS_HASH, Header, SealedBlock, header_of_fork
from primitives.constants import EMPTY_TRIE_ROOT, ZERO_HASH
from primitives.errors import DecodingError
from primitives.forks import Fork, ForkSchedule
from primitives.transaction import decode_transaction
from statestore.genesis import read_genesis
from statestore.ordered_trie import ordered_trie_root
from tests import public_data

HASHES = st.binary(min_size=32, max_size=32)
U64 = st.integers(0, 2**64 - 1)
U256 = st.integers(0, 2**256 - 1)


@st.composite
def headers(draw: st.DrawFn) -> Header:
    fork = draw(st.sampled_from(list(Fork)))
    later: dict[str, object] = {}
    if fork >= Fork.LONDON:
        later["base_fee_per_gas"] = draw(U256)
    if fork >= Fork.SHANGHAI:
        later["withdrawals_root"] = draw(HASHES)
    if fork >= Fork.CANCUN:
        later |= {"blob_gas_used": draw(U64), "excess_blob_gas": draw(U64), "parent_beacon_block_root": draw(HASHES)}
    if fork >= Fork.PRAGUE:
        later["requests_hash"] = draw(HASHES)
    return header_of_fork(
        fork,
        parent_hash=draw(HASHES),
        coinbase=draw(st.binary(min_size=20, max_size=20)),
        state_root=draw(HASHES),
        transactions_root=draw(HASHES),
        receipts_root=draw(HASHES),
        bloom=draw(st.binary(min_size=256, max_size=256)),
        number=draw(U64),
        gas_limit=draw(U64),
        gas_used=draw(U64),
        timestamp=draw(U64),
        extra_data=draw(st.binary(max_size=32)),
        prev_randao=draw(HASHES),
        nonce=draw(st.binary(min_size=8, max_size=8)),
        difficulty=draw(U256),
        **later,
    )


@given(headers())
def test_decoding_a_header_undoes_encoding(header):
    decoded = Header.decode(header.encode())
    assert decoded == header
    assert decoded.hash == header.hash


@given(headers(), st.integers(0, 2**16), st.integers(0, 255))
def test_a_damaged_header_is_refused_or_encodes_to_the_same_bytes(header, where, byte):
    data = bytearray(header.encode())
    data[where % len(data)] = byte
    try:
        decoded = Header.decode(bytes(data))
    except DecodingError:
        return
    assert decoded.encode() == data


def neutral(fork: Fork) -> Header:
    """A header of this fork with nothing in it."""
    hashes = dict.fromkeys(("parent_hash", "state_root", "transactions_root", "receipts_root"), ZERO_HASH)
    return header_of_fork(
        fork, **hashes, coinbase=bytes(20), bloom=bytes(256), number=0, gas_limit=0, gas_used=0, timestamp=0
    )


@pytest.mark.parametrize(
    ("fork", "count"),
    [(Fork.BERLIN, 15), (Fork.LONDON, 16), (Fork.PARIS, 16), (Fork.SHANGHAI, 17), (Fork.CANCUN, 20), (Fork.OSAKA, 21)],
)
def test_a_header_has_the_fields_of_its_fork(fork, count):
    assert len(rlp.as_list(rlp.decode(neutral(fork).encode()), "header")) == count


def test_what_a_fork_adds_is_neutral_unless_given():
    header = neutral(Fork.OSAKA)
    assert header.withdrawals_root == EMPTY_TRIE_ROOT
    assert header.parent_beacon_block_root == ZERO_HASH
    assert header.requests_hash == EMPTY_REQUESTS_HASH
    assert (header.base_fee_per_gas, header.blob_gas_used, header.excess_blob_gas) == (0, 0, 0)


@pytest.mark.parametrize("count", [0, 14, 18, 19, 22])
def test_a_header_that_no_fork_has_is_refused(count):
    items = rlp.as_list(rlp.decode(neutral(Fork.OSAKA).encode()), "header")
    members = ([*items, bytes(32)])[:count]
    with pytest.raises(DecodingError):
        Header.decode(rlp.encode(members))


def test_a_header_with_a_hole_among_its_later_fields_is_our_own_mistake():
    with pytest.raises(AssertionError):
        replace(neutral(Fork.OSAKA), base_fee_per_gas=None).encode()


def test_the_version_of_a_sealed_block_counts_the_mini_blocks_up_to_its_end():
    assert SealedBlock(neutral(Fork.OSAKA), first_mini_block=7, mini_block_count=0).version == 7
    assert SealedBlock(neutral(Fork.OSAKA), first_mini_block=7, mini_block_count=3).version == 10


def blocks(chain: bytes) -> Iterator[list[rlp.Item]]:
    position = 0
    while position < len(chain):
        block, position = rlp.decode_prefix(chain, position)
        yield rlp.as_list(block, "block")


@pytest.mark.parametrize("folder", ["tests", "tests-prague"])
def test_every_block_of_a_public_chain_is_decoded_hashed_and_rooted_as_it_was(folder):
    place = public_data.data(f"execution-apis/{folder}")
    schedule = read_genesis(place / "genesis.json").config.schedule
    parent_hash = None
    kinds, forks = set(), set()
    for header_item, transactions, *_ in blocks((place / "chain.rlp").read_bytes()):
        header = Header.decode(rlp.encode(header_item))
        assert header.encode() == rlp.encode(header_item)
        assert parent_hash in (None, header.parent_hash)
        parent_hash = header.hash
        fork = schedule.fork_at(header.number, header.timestamp)
        assert count_of_fields(fork) == len(rlp.as_list(header_item, "header"))
        raws = [item if isinstance(item, bytes) else rlp.encode(item) for item in rlp.as_list(transactions, "body")]
        assert ordered_trie_root(raws) == header.transactions_root
        decoded = [decode_transaction(raw) for raw in raws]
        assert [replace(transaction).raw for transaction in decoded] == raws
        assert all(len(transaction.sender) == 20 for transaction in decoded)
        kinds |= {transaction.type for transaction in decoded}
        forks.add(fork)
    assert kinds == {0, 1, 2, 3, 4}
    assert len(forks) > 9


def count_of_fields(fork: Fork) -> int:
    return len(rlp.as_list(rlp.decode(neutral(fork).encode()), "header"))


def test_one_fork_for_all_blocks_is_a_schedule_too():
    schedule = ForkSchedule.always(Fork.PRAGUE)
    assert schedule.fork_at(0, 0) == schedule.fork_at(10**9, 10**10) == Fork.PRAGUE
