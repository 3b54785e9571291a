"""
eth_subscribe over WebSocket: new heads, logs, queued transactions.

Each socket has a bounded queue of what is to be sent. A client that does not read fast enough is disconnected with
close code 1013, never left with a hole in what it was told.
"""

import asyncio
import secrets
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, field
from typing import Any, Final, Literal

import msgspec

from primitives.block import SealedBlock
from primitives.events import BlockSealed, Event, MiniBlockSealed, TransactionQueued
from primitives.mini_block import MiniBlock
from primitives.transaction import Transaction
from rpc.blocks import Blocks
from rpc.encoding import data, quantity
from rpc.errors import METHOD_NOT_FOUND, RpcError, ServerError
from rpc.feed import Feed
from rpc.json_objects import header_object, pending_transaction_object
from rpc.logs import LogCriteria
from rpc.settings import RpcSettings
from statestore.chain_blocks import ChainTransaction

CLOSE_TRY_AGAIN_LATER: Final = 1013
EVENTS_BEHIND_MAX: Final = 10_000  # Sealed blocks and mini-blocks that wait to be told: over a minute of them.

Kind = Literal["newHeads", "logs", "newPendingTransactions", "syncing"]

_encode = msgspec.json.Encoder().encode


@dataclass(eq=False)
class Subscription:
    """One eth_subscribe: to what comes from `first_mini_block` on; `full` is for transactions instead of hashes."""

    id: str
    kind: Kind
    socket: "Socket"
    first_mini_block: int
    criteria: LogCriteria = field(default_factory=LogCriteria)
    full: bool = False

    def tell(self, result: bytes) -> None:
        """Send a notification; `result` is JSON."""
        head = f'{{"jsonrpc":"2.0","method":"eth_subscription","params":{{"subscription":"{self.id}","result":'
        self.socket.put(head.encode() + result + b"}}")


class Socket:
    """What waits to be sent to one client; `overrun` is set when that is too much. Used on the event loop only."""

    def __init__(self, settings: RpcSettings) -> None:
        self._settings = settings
        self._waiting: deque[bytes] = deque()
        self._waiting_bytes = 0
        self._changed = asyncio.Event()
        self.overrun = asyncio.Event()
        self.subscriptions: dict[str, Subscription] = {}

    def put(self, message: bytes) -> None:
        """Queue a message; past the limits the socket is given up."""
        if self.overrun.is_set():
            return
        # One message alone is not too much: a reply may be larger than what may wait.
        is_too_much = self._waiting and (
            len(self._waiting) >= self._settings.socket_queue_messages_max
            or self._waiting_bytes + len(message) > self._settings.socket_queue_bytes_max
        )
        if is_too_much:
            self.give_up()
            return
        self._waiting.append(message)
        self._waiting_bytes += len(message)
        self._changed.set()

    def give_up(self) -> None:
        """Have the socket closed: something could not be sent."""
        self._waiting.clear()
        self.overrun.set()

    async def send_all(self, send: Callable[[dict[str, Any]], Awaitable[None]]) -> None:
        """Send what is queued, for ever."""
        while True:
            await self._changed.wait()
            self._changed.clear()
            while self._waiting:
                message = self._waiting.popleft()
                self._waiting_bytes -= len(message)
                await send({"type": "websocket.send", "text": message.decode()})


class Subscriptions:
    """All subscriptions of a node."""

    def __init__(self, blocks: Blocks, feed: Feed, threads: Executor, settings: RpcSettings) -> None:
        self._blocks = blocks
        self._feed = feed
        self._threads = threads
        self._settings = settings
        self._by_kind: dict[Kind, dict[str, Subscription]] = {
            "newHeads": {},
            "logs": {},
            "newPendingTransactions": {},
            "syncing": {},
        }
        self._sealed: asyncio.Queue[BlockSealed | MiniBlockSealed] = asyncio.Queue(EVENTS_BEHIND_MAX)
        self._teller: asyncio.Task[None] | None = None
        self._open_block = OpenBlock(blocks)
        feed.listen(self._hear)

    def add(self, socket: Socket, kind: str, criteria: LogCriteria, *, full: bool) -> str:
        """Subscribe a socket; the id of the subscription."""
        if kind not in self._by_kind:
            raise RpcError(METHOD_NOT_FOUND, f'no "{kind[:100]}" subscription in eth namespace')
        if len(socket.subscriptions) >= self._settings.socket_subscriptions_max:
            raise ServerError(f"too many subscriptions: at most {self._settings.socket_subscriptions_max} for a socket")
        first = self._blocks.backend.history.next_mini_block_number
        new = Subscription("0x" + secrets.token_hex(16), kind, socket, first, criteria, full)
        socket.subscriptions[new.id] = new
        self._by_kind[new.kind][new.id] = new
        self._feed.wants_queued += new.kind == "newPendingTransactions"
        if new.kind == "syncing":
            # After the reply to eth_subscribe, which must come first.
            asyncio.get_running_loop().call_soon(new.tell, b"false")
        return new.id

    def remove(self, socket: Socket, subscription_id: str) -> None:
        """End one subscription of a socket."""
        gone = socket.subscriptions.pop(subscription_id, None)
        if gone is None:
            raise ServerError("subscription not found")
        del self._by_kind[gone.kind][gone.id]
        self._feed.wants_queued -= gone.kind == "newPendingTransactions"

    def remove_all(self, socket: Socket) -> None:
        """End all subscriptions of a socket that is gone."""
        for subscription_id in list(socket.subscriptions):
            self.remove(socket, subscription_id)

    def stop(self) -> None:
        """Tell nothing more."""
        if self._teller is not None:
            self._teller.cancel()

    def _hear(self, event: Event) -> None:
        if isinstance(event, TransactionQueued):
            self._tell_queued(event.transaction)
        elif isinstance(event, BlockSealed | MiniBlockSealed) and (self._by_kind["newHeads"] or self._by_kind["logs"]):
            if self._teller is None or self._teller.done():
                self._teller = asyncio.get_running_loop().create_task(self._tell_sealed())
            try:
                self._sealed.put_nowait(event)
            except asyncio.QueueFull:
                # The machine can't keep up at all; give up the subscribers rather than lie to them.
                for subscription in [*self._by_kind["newHeads"].values(), *self._by_kind["logs"].values()]:
                    subscription.socket.give_up()

    async def _tell_sealed(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            event = await self._sealed.get()
            if isinstance(event, MiniBlockSealed):
                wanted = [item for item in self._by_kind["logs"].values() if item.criteria.wants_open_block]
                if wanted:
                    entries = await loop.run_in_executor(self._threads, self._open_block.entries_of, event.mini_block)
                    self._tell_logs(wanted, entries)
                continue
            if self._by_kind["newHeads"]:
                head = _encode(_head_object(event.block))
                for subscription in self._by_kind["newHeads"].values():
                    subscription.tell(head)
            bloom = int.from_bytes(event.block.header.bloom)
            wanted = [
                item
                for item in self._by_kind["logs"].values()
                if not item.criteria.wants_open_block and item.criteria.may_be_in(bloom)
            ]
            if wanted and event.block.mini_block_count:
                body = await loop.run_in_executor(self._threads, self._blocks.backend.history.body, event.block.number)
                assert body is not None, "a block is announced after it is in the log"
                self._tell_logs(wanted, body.transactions)

    def _tell_logs(self, wanted: Iterable[Subscription], entries: Sequence[ChainTransaction]) -> None:
        for subscription in wanted:
            new = [entry for entry in entries if entry.mini_block_number >= subscription.first_mini_block]
            for log in subscription.criteria.select(new):
                subscription.tell(_encode(log))

    def _tell_queued(self, transaction: Transaction) -> None:
        subscriptions = self._by_kind["newPendingTransactions"]
        if not subscriptions:
            return
        short = _encode(data(transaction.hash))
        full = b""
        for subscription in subscriptions.values():
            if subscription.full and not full:
                full = _encode(pending_transaction_object(transaction))
            subscription.tell(full if subscription.full else short)


class OpenBlock:
    """
    Where the transactions of a mini-block stand in the block being built.

    Mini-blocks come in order, so two running counts are enough; after a gap they are read from the history again.
    """

    def __init__(self, blocks: Blocks) -> None:
        self._blocks = blocks
        self._next_mini_block = -1
        self._transaction_count = 0
        self._log_count = 0

    def entries_of(self, mini_block: MiniBlock) -> tuple[ChainTransaction, ...]:
        """The transactions of a mini-block as clients see them before the block is sealed."""
        if mini_block.index == 0:
            self._transaction_count = self._log_count = 0
        elif mini_block.number != self._next_mini_block:
            self._count_before(mini_block)
        entries = []
        for transaction, receipt in zip(mini_block.transactions, mini_block.receipts, strict=True):
            entries.append(
                ChainTransaction(
                    transaction=transaction,
                    receipt=receipt,
                    block_number=mini_block.block_number,
                    block_hash=mini_block.hash,
                    is_sealed=False,
                    block_timestamp=mini_block.block_timestamp,
                    base_fee_per_gas=mini_block.base_fee_per_gas,
                    index=self._transaction_count,
                    first_log_index=self._log_count,
                    mini_block_number=mini_block.number,
                )
            )
            self._transaction_count += 1
            self._log_count += len(receipt.logs)
        self._next_mini_block = mini_block.number + 1
        return tuple(entries)

    def _count_before(self, mini_block: MiniBlock) -> None:
        body = self._blocks.backend.history.body(mini_block.block_number)
        before = [] if body is None else [e for e in body.transactions if e.mini_block_number < mini_block.number]
        self._transaction_count = len(before)
        self._log_count = sum(len(entry.receipt.logs) for entry in before)


def _head_object(block: SealedBlock) -> dict[str, Any]:
    """A header and, as MegaETH shows it, which mini-blocks the block is made of."""
    return {
        **header_object(block.header),
        "miniBlockCount": quantity(block.mini_block_count),
        "miniBlockOffset": quantity(block.first_mini_block),
    }
