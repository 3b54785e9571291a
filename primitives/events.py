"""
What the sequencer tells its listeners, in the order in which it happened.

An event speaks only of what may be shown: a mini-block or a block is announced after its record is in the log.
"""

from dataclasses import dataclass

from primitives.block import SealedBlock
from primitives.errors import InvalidTransaction, LeveretError
from primitives.mini_block import MiniBlock
from primitives.transaction import Transaction


@dataclass(frozen=True, slots=True)
class TransactionQueued:
    """The mempool took a transaction; it may still wait for an earlier nonce."""

    transaction: Transaction


@dataclass(frozen=True, slots=True)
class TransactionRefused:
    """A transaction that had been queued left the mempool without being executed, and why."""

    hash: bytes
    error: InvalidTransaction


@dataclass(frozen=True, slots=True)
class MiniBlockSealed:
    """A mini-block is in the log; `latest` now includes it."""

    mini_block: MiniBlock


@dataclass(frozen=True, slots=True)
class BlockSealed:
    """A block is in the log; every mini-block of it was announced before."""

    block: SealedBlock


@dataclass(frozen=True, slots=True)
class SequencerFailed:
    """The last event: nothing that is not in the log by now will ever be. `error` is what clients are told."""

    error: LeveretError


Event = TransactionQueued | TransactionRefused | MiniBlockSealed | BlockSealed | SequencerFailed
