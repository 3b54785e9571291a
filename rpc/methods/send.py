"""Methods that give transactions to the mempool, and those that wait for the receipt."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from primitives.errors import InvalidTransaction, LeveretError
from primitives.events import Event, MiniBlockSealed, SequencerFailed, TransactionRefused
from primitives.keccak import keccak256
from rpc.arrivals import Arrivals
from rpc.backend import Backend
from rpc.dispatch import Method, Parameter, Where
from rpc.encoding import data, read_data, read_number
from rpc.errors import SYNC_TIMEOUT, RpcError, ServerError
from rpc.feed import Feed
from rpc.json_objects import Json, without_block_hash
from rpc.methods.blocks import BlockMethods

SYNC_TIMEOUT_MS_DEFAULT: Final = 20_000
SYNC_TIMEOUT_MS_MAX: Final = 60_000
REALTIME_TIMEOUT_MS: Final = 10_000

# A future is done with None when the transaction was executed, or with why it never will be.
Outcome = asyncio.Future[LeveretError | None]


@dataclass(frozen=True)
class SendMethods:
    """`eth_sendRawTransaction`, `eth_sendRawTransactionSync`, `realtime_sendRawTransaction`."""

    backend: Backend
    blocks: BlockMethods
    feed: Feed
    arrivals: Arrivals
    waiting: dict[bytes, set[Outcome]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.feed.listen(self._hear)

    def table(self) -> dict[str, Method]:
        """The methods by name."""
        raw = Parameter(read_data)
        timeout = Parameter(read_number, SYNC_TIMEOUT_MS_DEFAULT)
        return {
            "eth_sendRawTransaction": Method(self.send, (raw,), Where.TOGETHER),
            "eth_sendRawTransactionSync": Method(self.send_and_wait, (raw, timeout), Where.TASK),
            "realtime_sendRawTransaction": Method(self.send_realtime, (raw,), Where.TASK),
        }

    async def send(self, raws: Sequence[tuple[bytes]]) -> list[str | LeveretError]:
        """The hash of each transaction that the mempool took, or why it did not."""
        outcomes = await self.arrivals.submit([raw for (raw,) in raws])
        return [data(outcome) if isinstance(outcome, bytes) else outcome for outcome in outcomes]

    async def send_and_wait(self, raw: bytes, timeout_ms: int) -> Json:
        """The receipt (EIP-7966), reverted or not; error 4 with the hash when it takes too long."""
        timeout_ms = min(timeout_ms or SYNC_TIMEOUT_MS_DEFAULT, SYNC_TIMEOUT_MS_MAX)
        receipt = await self._submit_and_wait(raw, timeout_ms)
        if isinstance(receipt, bytes):
            text = f"The transaction was added to the transaction pool but wasn't processed in {timeout_ms}ms"
            raise RpcError(SYNC_TIMEOUT, text, data(receipt))
        return receipt

    async def send_realtime(self, raw: bytes) -> Json:
        """The same in MegaETH's words."""
        receipt = await self._submit_and_wait(raw, REALTIME_TIMEOUT_MS)
        if isinstance(receipt, bytes):
            raise ServerError("realtime transaction expired")
        return receipt

    async def _submit_and_wait(self, raw: bytes, timeout_ms: int) -> Json | bytes:
        """The receipt, or the hash of the transaction when there is none in time."""
        transaction_hash = keccak256(raw)
        executed: Outcome = asyncio.get_running_loop().create_future()
        # Before it is submitted: the mini-block may be sealed before `submit` returns.
        self.waiting.setdefault(transaction_hash, set()).add(executed)
        try:
            [outcome] = await self.arrivals.submit([raw])
            if isinstance(outcome, InvalidTransaction):
                raise outcome
            await asyncio.wait([executed], timeout=timeout_ms / 1_000)
        finally:
            self._forget(transaction_hash, executed)
        if not executed.done():
            return transaction_hash
        refusal = executed.result()
        if isinstance(refusal, InvalidTransaction):
            raise refusal
        entry = self.backend.history.transaction(transaction_hash)
        if entry is None:
            assert refusal is not None, "a mini-block is announced after it is in the log"
            raise refusal
        receipt = self.blocks.receipt_of(entry)
        return receipt if entry.is_sealed else without_block_hash(receipt)

    def _forget(self, transaction_hash: bytes, executed: Outcome) -> None:
        outcomes = self.waiting.get(transaction_hash)
        if outcomes is not None:
            outcomes.discard(executed)
            if not outcomes:
                del self.waiting[transaction_hash]

    def _hear(self, event: Event) -> None:
        if not self.waiting:
            return
        if isinstance(event, MiniBlockSealed):
            for transaction in event.mini_block.transactions:
                self._done(transaction.hash, None)
        elif isinstance(event, TransactionRefused):
            self._done(event.hash, event.error)
        elif isinstance(event, SequencerFailed):
            for transaction_hash in list(self.waiting):
                self._done(transaction_hash, event.error)

    def _done(self, transaction_hash: bytes, result: LeveretError | None) -> None:
        for executed in self.waiting.pop(transaction_hash, ()):
            if not executed.done():
                executed.set_result(result)
