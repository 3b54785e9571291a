"""
The mini-block that is being filled: transactions that were executed, with their receipts, until it is sealed.
"""

from primitives.block import BlockEnvironment
from primitives.mini_block import MiniBlock
from primitives.receipt import Receipt
from primitives.state_diff import StateDiff
from primitives.transaction import Transaction


class MiniBlockBuilder:
    """
    Appends in the order of execution; `gas_used` counts this mini-block's transactions alone.

    `has_system_writes` says that the state diff holds what the system calls at the start of the block wrote.
    """

    def __init__(self) -> None:
        self.has_system_writes = False
        self.transactions: list[Transaction] = []
        self.receipts: list[Receipt] = []
        self.gas_used = 0

    @property
    def is_empty(self) -> bool:
        """Whether it has no transaction: then it waits for one, with what system calls wrote for the block's end."""
        return not self.transactions

    def add(self, transaction: Transaction, receipt: Receipt) -> None:
        """Append one that was executed."""
        self.transactions.append(transaction)
        self.receipts.append(receipt)
        self.gas_used += receipt.gas_used

    def seal(
        self,
        number: int,
        index: int,
        timestamp_us: int,
        parent_hash: bytes,
        environment: BlockEnvironment,
        state_diff: StateDiff,
        signing_key: bytes,
    ) -> MiniBlock:
        """The finished mini-block, chained to `parent_hash` and signed; `environment` is its block's."""
        assert self.transactions or self.has_system_writes, "a mini-block in which nothing happened is not sealed"
        return MiniBlock(
            number=number,
            block_number=environment.number,
            index=index,
            timestamp_us=timestamp_us,
            parent_hash=parent_hash,
            block_timestamp=environment.timestamp,
            gas_limit=environment.gas_limit,
            coinbase=environment.coinbase,
            base_fee_per_gas=environment.base_fee_per_gas,
            prev_randao=environment.prev_randao,
            transactions=tuple(self.transactions),
            receipts=tuple(self.receipts),
            state_diff=state_diff,
        ).signed_by(signing_key)
