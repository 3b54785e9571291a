"""
The block that is open: its environment, fixed when it opens, and the mini-blocks sealed into it so far.

A mini-block names the environment of its block, so that `OpenBlock.resume` continues a block where the process
ended and seals the same one.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Final

from primitives.block import BlockEnvironment, Header, SealedBlock, header_of_fork
from primitives.chain import ChainConfig
from primitives.constants import ZERO_HASH
from primitives.forks import Fork
from primitives.keccak import keccak256
from primitives.mini_block import MiniBlock
from primitives.receipt import merge_blooms
from primitives.state_diff import AccountChange, StateDiff
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
        trie.apply(net_diff(mini_block.state_diff for mini_block in self.mini_blocks))
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


def net_diff(diffs: Iterable[StateDiff]) -> StateDiff:
    """One diff with the effect of `diffs` in order: of each account, slot and code the last value counts."""
    accounts: dict[bytes, AccountChange] = {}
    slots: dict[bytes, dict[int, int]] = {}
    codes: set[bytes] = set()
    for diff in diffs:
        for change in diff.accounts:
            accounts[change.address] = change
            if change.storage:
                slots.setdefault(change.address, {}).update(change.storage)
        codes.update(diff.codes)
    return StateDiff(
        accounts=tuple(
            change._replace(storage=tuple(sorted(slots.get(address, {}).items())))
            for address, change in sorted(accounts.items())
        ),
        codes=tuple(sorted(codes, key=keccak256)),
    )
