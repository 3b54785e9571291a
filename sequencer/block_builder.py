"""
The block that is open: its environment, fixed when it opens, and the mini-blocks sealed into it so far.

A mini-block names the environment of its block, so that `OpenBlock.resume` continues a block where the process
ended and seals the same one.
"""

from collections.abc import Callable, Sequence
from typing import Final

from primitives.block import BlockEnvironment, Header, SealedBlock, header_of_fork
from primitives.chain import ChainConfig
from primitives.constants import ZERO_HASH
from primitives.forks import Fork
from primitives.mini_block import MiniBlock
from primitives.receipt import merge_blooms
from sequencer.fees import base_fee_after
from statestore.ordered_trie import ordered_trie_root
from statestore.trie import StateTrie

BlockHash = Callable[[int], bytes]

PARENT_BEACON_BLOCK_ROOT: Final = ZERO_HASH  # There is no beacon chain below this one.


class OpenBlock:
    """The successor of `parent`, not yet sealed."""

    def __init__(self, parent: Header, environment: BlockEnvironment, first_mini_block: int) -> None:
        self.parent = parent
        self.environment = environment
        self.first_mini_block = first_mini_block
        self.mini_blocks: list[MiniBlock] = []
        self.gas_used = 0

    @classmethod
    def after(
        cls,
        parent: Header,
        chain: ChainConfig,
        block_hash: BlockHash,
        now_s: int,
        prev_randao: bytes,
        first_mini_block: int,
    ) -> "OpenBlock":
        """A new block that opens now. Its timestamp is never below the parent's, whatever the clock says."""
        number = parent.number + 1
        timestamp = max(parent.timestamp, now_s)
        fork = chain.schedule.fork_at(number, timestamp)
        environment = BlockEnvironment(
            fork=fork,
            chain_id=chain.chain_id,
            number=number,
            timestamp=timestamp,
            gas_limit=chain.gas_limit,
            coinbase=chain.coinbase,
            base_fee_per_gas=base_fee_after(parent, chain) if fork >= Fork.LONDON else 0,
            prev_randao=prev_randao if fork >= Fork.PARIS else ZERO_HASH,
            block_hash=block_hash,
        )
        return cls(parent, environment, first_mini_block)

    @classmethod
    def resume(
        cls, parent: Header, chain: ChainConfig, block_hash: BlockHash, mini_blocks: Sequence[MiniBlock]
    ) -> "OpenBlock":
        """The block that `mini_blocks` (at least one) had been sealed into when the process ended."""
        first = mini_blocks[0]
        assert first.block_number == parent.number + 1, "open mini-blocks belong to the block after the last sealed"
        environment = BlockEnvironment(
            fork=chain.schedule.fork_at(first.block_number, first.block_timestamp),
            chain_id=chain.chain_id,
            number=first.block_number,
            timestamp=first.block_timestamp,
            gas_limit=first.gas_limit,
            coinbase=first.coinbase,
            base_fee_per_gas=first.base_fee_per_gas,
            prev_randao=first.prev_randao,
            block_hash=block_hash,
        )
        block = cls(parent, environment, first.number)
        for mini_block in mini_blocks:
            block.add(mini_block)
        return block

    def add(self, mini_block: MiniBlock) -> None:
        """Append the next mini-block."""
        assert mini_block.block_number == self.environment.number, "a mini-block never spans blocks"
        assert mini_block.index == len(self.mini_blocks), "mini-blocks of a block are consecutive"
        self.mini_blocks.append(mini_block)
        self.gas_used += mini_block.gas_used

    def seal(self, trie: StateTrie) -> SealedBlock:
        """The finished block. `trie` holds the parent's state and afterwards this block's."""
        transactions = [transaction for mini_block in self.mini_blocks for transaction in mini_block.transactions]
        receipts = [receipt for mini_block in self.mini_blocks for receipt in mini_block.receipts]
        for mini_block in self.mini_blocks:
            trie.apply(mini_block.state_diff)
        environment = self.environment
        fields: dict[str, object] = {}
        if environment.fork >= Fork.CANCUN:
            fields["parent_beacon_block_root"] = PARENT_BEACON_BLOCK_ROOT
        if environment.fork >= Fork.LONDON:
            fields["base_fee_per_gas"] = environment.base_fee_per_gas
        header = header_of_fork(
            environment.fork,
            parent_hash=self.parent.hash,
            coinbase=environment.coinbase,
            state_root=trie.root(),
            transactions_root=ordered_trie_root([transaction.raw for transaction in transactions]),
            receipts_root=ordered_trie_root([receipt.raw for receipt in receipts]),
            bloom=merge_blooms(receipt.bloom for receipt in receipts),
            number=environment.number,
            gas_limit=environment.gas_limit,
            gas_used=self.gas_used,
            timestamp=environment.timestamp,
            prev_randao=environment.prev_randao,
            **fields,
        )
        return SealedBlock(header, self.first_mini_block, len(self.mini_blocks))
