"""
Everything that a chain on disk claims, checked: `leveret state verify`.

Opening a chain checks the records after a checkpoint. Here all of them are checked, from genesis: each mini-block
follows the one before it, each block too and has the transactions and receipts that its header says, and the state at
the end of the last block, hashed from nothing, has the root in its header.
"""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import islice

from primitives.block import SealedBlock
from primitives.mini_block import MiniBlock
from statestore.ordered_trie import ordered_trie_root
from statestore.recovery import OpenChain
from statestore.trie import state_root

Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class VerifiedChain:
    """What was found: the last sealed block, counts of the whole chain, and of the state at the end of that block."""

    head: SealedBlock
    mini_block_count: int
    transaction_count: int
    account_count: int
    slot_count: int


def verify_chain(chain: OpenChain, on_progress: Progress | None = None) -> VerifiedChain:
    """
    Check the records and the state of an open chain that nobody writes; DatadirCorrupt where they contradict.

    `on_progress(done, total)` counts blocks.
    """
    history, head = chain.history, chain.history.head
    mini_blocks = history.stored_mini_blocks(0, history.next_mini_block_number - 1)
    mini_block_hash = parent_hash = chain.genesis_header.hash
    transaction_count = 0
    for block in history.stored_blocks(0, head.number):
        if block.number > 0 and block.header.parent_hash != parent_hash:
            raise history.damaged(f"block {block.number} does not follow block {block.number - 1}")
        if block.number == 0 and block.hash != parent_hash:
            raise history.damaged("block 0 is not the genesis block")
        members = list(islice(mini_blocks, block.mini_block_count))
        for mini_block in members:
            mini_block_hash = _follow(chain, mini_block, mini_block_hash)
            transaction_count += len(mini_block.transactions)
        if block.number > 0:
            _check_roots(chain, block, members)
        parent_hash = block.hash
        if on_progress is not None:
            on_progress(block.number, head.number)
    for mini_block in mini_blocks:
        mini_block_hash = _follow(chain, mini_block, mini_block_hash)
        transaction_count += len(mini_block.transactions)
    account_count, slot_count = _check_state(chain, head)
    return VerifiedChain(head, history.next_mini_block_number, transaction_count, account_count, slot_count)


def _follow(chain: OpenChain, mini_block: MiniBlock, parent_hash: bytes) -> bytes:
    """The hash of a mini-block, which must name `parent_hash` as that of the one before it."""
    if mini_block.parent_hash != parent_hash:
        raise chain.history.damaged(f"mini-block {mini_block.number} does not follow the one before it")
    return mini_block.hash


def _check_roots(chain: OpenChain, block: SealedBlock, mini_blocks: list[MiniBlock]) -> None:
    transactions = [transaction.raw for mini_block in mini_blocks for transaction in mini_block.transactions]
    receipts = [receipt.raw for mini_block in mini_blocks for receipt in mini_block.receipts]
    if ordered_trie_root(transactions) != block.header.transactions_root:
        raise chain.history.damaged(f"block {block.number} has other transactions than its header says")
    if ordered_trie_root(receipts) != block.header.receipts_root:
        raise chain.history.damaged(f"block {block.number} has other receipts than its header says")


def _check_state(chain: OpenChain, head: SealedBlock) -> tuple[int, int]:
    """The number of accounts and of slots that are not zero."""
    state, version = chain.state, head.version
    accounts = [
        (address, account, dict(state.storage_at(version, address))) for address, account in state.accounts_at(version)
    ]
    root = state_root(accounts)
    if root != head.header.state_root:
        raise chain.history.damaged(
            f"the state at the end of block {head.number} has the root 0x{root.hex()}, "
            f"its header says 0x{head.header.state_root.hex()}"
        )
    return len(accounts), sum(len(slots) for _, _, slots in accounts)
