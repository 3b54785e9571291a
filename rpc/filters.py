"""
Polled filters: eth_newFilter and its kin.

A filter holds no results, only where its last poll ended; a poll reads on from there. So a filter costs the same
however much happens, and nothing is computed for a filter that nobody polls. When more has piled up than one search
may find or read, a poll tells the oldest part, and the next one goes on behind it: nothing is left out.
"""

import asyncio
import secrets
import time
from collections import Counter, deque
from collections.abc import Callable
from concurrent.futures import Executor
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final, Literal

from primitives.events import Event, TransactionQueued
from rpc.blocks import Blocks
from rpc.encoding import data
from rpc.errors import ServerError
from rpc.feed import Feed
from rpc.logs import LogCriteria, LogPosition, LogSearch
from rpc.settings import RpcSettings

REMEMBERED_TRANSACTIONS_MAX: Final = 20_000  # Hashes that a pending-transaction filter can still be told.


@dataclass(slots=True)
class Filter:
    """
    `position` is the first block, mini-block or queued transaction that was not reported yet, `told` how many logs of
    that mini-block were. Polls of logs wait for one another, for each says where the next begins.
    """

    kind: Literal["logs", "blocks", "transactions"]
    owner: str
    position: int
    polled_s: float
    criteria: LogCriteria | None = None
    told: int = 0
    polling: asyncio.Lock = field(default_factory=asyncio.Lock)


class Filters:
    """All filters of a node; they belong to nobody in particular, as in geth, but each address may have only some."""

    def __init__(
        self,
        blocks: Blocks,
        search: LogSearch,
        feed: Feed,
        threads: Executor,
        settings: RpcSettings,
        now_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self._blocks = blocks
        self._search = search
        self._feed = feed
        self._threads = threads
        self._settings = settings
        self._now_s = now_s
        self._filters: dict[str, Filter] = {}
        self._owned: Counter[str] = Counter()
        self._queued: deque[bytes] = deque(maxlen=REMEMBERED_TRANSACTIONS_MAX)
        self._queued_count = 0  # Ever; the last of them are in `_queued`.
        feed.listen(self._hear)

    def new_logs(self, owner: str, criteria: LogCriteria) -> str:
        """A filter for logs from now on; its id."""
        if criteria.block_hash is not None:
            raise ServerError("cannot use blockHash in a filter")
        first = self._blocks.backend.history.next_mini_block_number
        return self._add(Filter("logs", owner, first, self._now_s(), criteria))

    def new_blocks(self, owner: str) -> str:
        """A filter for hashes of blocks sealed from now on; its id."""
        return self._add(Filter("blocks", owner, self._blocks.head.number + 1, self._now_s()))

    def new_transactions(self, owner: str) -> str:
        """A filter for hashes of transactions queued from now on; its id."""
        self._feed.wants_queued += 1
        try:
            return self._add(Filter("transactions", owner, self._queued_count, self._now_s()))
        except ServerError:
            self._feed.wants_queued -= 1
            raise

    def remove(self, filter_id: str) -> bool:
        """Whether there was such a filter."""
        self._expire()
        gone = self._filters.pop(filter_id, None)
        if gone is None:
            return False
        self._owned[gone.owner] -= 1
        if not self._owned[gone.owner]:
            del self._owned[gone.owner]
        self._feed.wants_queued -= gone.kind == "transactions"
        return True

    async def changes(self, filter_id: str) -> list[Any]:
        """What is new since the last poll."""
        asked = self._find(filter_id)
        if asked.kind == "transactions":
            forgotten = self._queued_count - len(self._queued)
            first, asked.position = max(asked.position - forgotten, 0), self._queued_count
            return [data(item) for item in list(self._queued)[first:]]
        if asked.kind == "blocks":
            head = self._blocks.head.number
            first, asked.position = max(asked.position, head + 1 - self._settings.logs_blocks_max), head + 1
            hashes = [self._blocks.backend.history.block_hash(number) for number in range(first, head + 1)]
            return [data(item) for item in hashes if item is not None]
        async with asked.polling:
            return await self._new_logs_of(asked)

    def criteria(self, filter_id: str) -> LogCriteria:
        """What a log filter looks for."""
        criteria = self._find(filter_id).criteria
        if criteria is None:
            raise ServerError("filter not found")
        return criteria

    async def _new_logs_of(self, asked: Filter) -> list[Any]:
        assert asked.criteria is not None, "only log filters come here"
        history = self._blocks.backend.history
        first, head = asked.position, self._blocks.head.number
        end = history.next_mini_block_number
        if end == first:
            return []
        oldest = history.mini_block(first)
        # The newest may be in a block that was sealed just now, or in the one after it.
        first_block, last_block = (oldest.block_number if oldest else head + 1), self._blocks.head.number + 1
        criteria = asked.criteria
        if isinstance(criteria.from_block, int):
            first_block = max(first_block, criteria.from_block)
        if isinstance(criteria.to_block, int):
            last_block = min(last_block, criteria.to_block)
        begin = LogPosition(first, asked.told)
        search = partial(self._search.portion, criteria, first_block, last_block, begin, end)
        found, (asked.position, asked.told) = await asyncio.get_running_loop().run_in_executor(self._threads, search)
        return found

    def _add(self, new: Filter) -> str:
        self._expire()
        if len(self._filters) >= self._settings.filters_max:
            raise ServerError(f"too many filters: this node keeps at most {self._settings.filters_max}")
        if self._owned[new.owner] >= self._settings.filters_per_address_max:
            raise ServerError(f"too many filters: at most {self._settings.filters_per_address_max} for one client")
        filter_id = "0x" + secrets.token_hex(16)
        self._filters[filter_id] = new
        self._owned[new.owner] += 1
        return filter_id

    def _find(self, filter_id: str) -> Filter:
        self._expire()
        found = self._filters.pop(filter_id, None)
        if found is None:
            raise ServerError("filter not found")
        found.polled_s = self._now_s()
        self._filters[filter_id] = found  # At the end: the order is that of the last polls.
        return found

    def _expire(self) -> None:
        """Forget filters that were not polled for long; they are the first ones."""
        deadline = self._now_s() - self._settings.filter_idle_s
        while self._filters:
            filter_id, oldest = next(iter(self._filters.items()))
            if oldest.polled_s >= deadline:
                return
            self._filters.pop(filter_id)
            self._owned[oldest.owner] -= 1
            self._feed.wants_queued -= oldest.kind == "transactions"

    def _hear(self, event: Event) -> None:
        if isinstance(event, TransactionQueued):
            self._queued.append(event.transaction.hash)
            self._queued_count += 1
