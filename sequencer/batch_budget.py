"""
How much the engine gets in one call: what has arrived, as long as it is expected to take half of a mini-block's
interval.

Nothing is sealed while a batch runs, and how long one takes is known afterwards. Two bounds follow the time that
batches took: one on their transactions and one on their gas limits. What transactions cost up to now says little about
one that uses all of its gas, so the gas bound is never above what a few of the largest transactions have (on a slow
engine: one of them), and a slow batch lowers both at once.
"""

from typing import Final

from primitives.constants import MINI_BLOCK_INTERVAL_MS, TRANSACTION_GAS_CAP_OSAKA

TARGET_NS: Final = MINI_BLOCK_INTERVAL_MS * 1_000_000 // 2  # A seal is never late by more than a batch.
TRANSACTIONS_FIRST: Final = 16  # Until it is known how fast the engine is.
TRANSACTIONS_MAX: Final = 8_192
GAS_FIRST: Final = TRANSACTION_GAS_CAP_OSAKA  # And never less: one transaction may have that much anyway.
# For an engine that executes thousands of transactions in the target time: as many token transfers, as wallets bound
# their gas, as it executes in that time.
GAS_MAX_FAST: Final = 4 * TRANSACTION_GAS_CAP_OSAKA
assert TRANSACTIONS_FIRST <= TRANSACTIONS_MAX


class BatchBudget:
    """`transactions` and `gas` (the sum of gas limits) bound the next batch; a single transaction may have more gas."""

    def __init__(self, gas_max: int = GAS_FIRST) -> None:
        assert gas_max >= GAS_FIRST
        self.transactions = TRANSACTIONS_FIRST
        self.gas = GAS_FIRST
        self._gas_max = gas_max

    def follow(self, transactions: int, gas: int, elapsed_ns: int) -> None:
        """Learn from a batch: how many transactions it had, their gas limits, and the time that the engine took."""
        if elapsed_ns > TARGET_NS:
            self.transactions = max(1, transactions * TARGET_NS // elapsed_ns)
            self.gas = max(GAS_FIRST, min(self.gas, gas * TARGET_NS // elapsed_ns))
        elif 2 * elapsed_ns < TARGET_NS:
            # Only what held the batch back is raised.
            if transactions == self.transactions:
                self.transactions = min(TRANSACTIONS_MAX, 2 * self.transactions)
            elif 2 * gas > self.gas:
                self.gas = min(self._gas_max, 2 * self.gas)
