"""
What the JSON-RPC service needs of a node; the node puts it together from its parts.

Every method may be called from any thread.
"""

from collections.abc import Callable, Sequence
from typing import Protocol

from evm_jit.engine import Engine
from primitives.block import BlockEnvironment
from primitives.chain import ChainConfig
from primitives.errors import InvalidTransaction
from primitives.events import Event
from primitives.transaction import Transaction
from rpc.wallet import DevWallet
from statestore.history import History
from statestore.view import StateView


class VersionedState(Protocol):
    """The part of the state that answers about the past."""

    def view_at(self, version: int) -> StateView:
        """The state after `version` mini-blocks; UnknownBlock when it is no longer kept."""
        ...


class Backend(Protocol):
    """`wallet` is None when the node holds no dev accounts."""

    @property
    def chain(self) -> ChainConfig:
        """What is fixed for the chain."""
        ...

    @property
    def state(self) -> VersionedState:
        """The state, for reads at earlier blocks."""
        ...

    @property
    def history(self) -> History:
        """Blocks, transactions and receipts."""
        ...

    @property
    def engine(self) -> Engine:
        """What executes calls."""
        ...

    @property
    def wallet(self) -> DevWallet | None:
        """Keys of the dev accounts."""
        ...

    def latest_view(self) -> StateView:
        """The state after the newest mini-block whose record is in the log."""
        ...

    def submit(self, transaction: Transaction) -> bytes:
        """Give a transaction to the mempool; its hash, or an InvalidTransaction that says why not."""
        ...

    def admit(self, raws: Sequence[bytes]) -> list[bytes | InvalidTransaction]:
        """Give many to the mempool, as they were sent and in this order; of each the hash, or why not."""
        ...

    def environment(self) -> BlockEnvironment:
        """The environment of the block being built."""
        ...

    def pending_nonce(self, address: bytes) -> int:
        """The next nonce of an account, after its transactions that wait without a gap."""
        ...

    def pending_transactions(self) -> Sequence[Transaction]:
        """What waits in the mempool."""
        ...

    def find_pending(self, transaction_hash: bytes) -> Transaction | None:
        """A transaction that waits in the mempool."""
        ...

    def suggested_tip(self) -> int:
        """A priority fee per gas that gets a transaction executed now, in wei."""
        ...

    def subscribe(self, listener: Callable[[Event], None]) -> Callable[[], None]:
        """Have every event delivered, in order, from one thread that must not be held up; returns the way out."""
        ...
