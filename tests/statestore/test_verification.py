"""What `leveret state verify` finds."""

import struct
from dataclasses import replace

import pytest

from primitives.block import SealedBlock
from primitives.errors import DatadirCorrupt
from primitives.state_diff import Account, AccountChange, StateDiff
from primitives.wire import encode_mini_block, encode_sealed_block
from statestore.disk import MemoryDisk
from statestore.ordered_trie import ordered_trie_root
from statestore.recovery import open_chain
from statestore.verification import verify_chain
from tests.statestore.chain_builder import ADDRESSES, GENESIS, ChainBuilder, contents


def sealed_chain(disk: MemoryDisk | None = None) -> ChainBuilder:
    """Three blocks of two mini-blocks each, and an open one. The sealed ones hold no transactions."""
    builder = ChainBuilder(open_chain(None, GENESIS, disk=disk))
    for _ in range(3):
        builder.mini_block(0)
        builder.mini_block(0)
        builder.block()
    builder.mini_block(2)
    return builder


def block_of_the_open_mini_blocks(builder: ChainBuilder) -> SealedBlock:
    """With the roots of transactions and receipts as they are, and the state root that the trie has."""
    head, opened = builder.history.head, builder.history.open_mini_blocks()
    header = replace(
        head.header,
        number=head.number + 1,
        parent_hash=head.hash,
        state_root=builder.chain.trie.root(),
        transactions_root=ordered_trie_root([each.raw for mini_block in opened for each in mini_block.transactions]),
        receipts_root=ordered_trie_root([each.raw for mini_block in opened for each in mini_block.receipts]),
    )
    return SealedBlock(header, head.version, len(opened))


def test_a_chain_that_fits_is_counted() -> None:
    builder = sealed_chain()
    told = []
    found = verify_chain(builder.chain, lambda done, total: told.append((done, total)))
    state = contents(builder.state, builder.history.head.version)
    assert found.head == builder.history.head
    assert (found.mini_block_count, found.transaction_count) == (7, 2)
    assert (found.account_count, found.slot_count) == (len(state), sum(len(slots) for _, slots in state.values()))
    assert told == [(0, 3), (1, 3), (2, 3), (3, 3)]


def test_transactions_that_the_header_does_not_know_are_found() -> None:
    builder = sealed_chain()
    builder.block()  # Of the builder's blocks the header always says that there are none.
    with pytest.raises(DatadirCorrupt, match="block 4 has other transactions than its header says"):
        verify_chain(builder.chain)


def test_a_state_with_another_root_is_found() -> None:
    builder = sealed_chain()
    builder.chain.trie.apply(StateDiff((AccountChange(ADDRESSES[9], Account(nonce=9), ()),), ()))
    builder.history.append_block(block_of_the_open_mini_blocks(builder))
    with pytest.raises(DatadirCorrupt, match="the state at the end of block 4 has the root"):
        verify_chain(builder.chain)


@pytest.mark.parametrize("number", [0, 3, 6])
def test_a_mini_block_that_does_not_follow_is_found(number: int) -> None:
    disk = MemoryDisk()
    builder = sealed_chain(disk)
    mini_block = builder.history.mini_block(number)
    assert mini_block is not None
    record = encode_mini_block(replace(mini_block, parent_hash=bytes(32)))
    disk.put_many([(b"m" + struct.pack(">Q", number), record)], durable=False)
    with pytest.raises(DatadirCorrupt, match=f"mini-block {number} does not follow the one before it"):
        verify_chain(builder.chain)


def test_a_block_that_does_not_follow_is_found() -> None:
    disk = MemoryDisk()
    builder = sealed_chain(disk)
    block = builder.history.sealed_block(2)
    assert block is not None
    other = replace(block, header=replace(block.header, parent_hash=bytes(32)))
    disk.put_many([(b"b" + struct.pack(">Q", 2), encode_sealed_block(other))], durable=False)
    with pytest.raises(DatadirCorrupt, match="block 2 does not follow block 1"):
        verify_chain(builder.chain)


def test_a_chain_of_the_genesis_block_alone_fits() -> None:
    found = verify_chain(open_chain(None, GENESIS))
    assert (found.head.number, found.mini_block_count, found.account_count) == (0, 0, len(GENESIS.alloc))
