"""
Searching logs: what a client looks for, and the walk over blocks that finds it.

Sealed blocks are skipped by their bloom. Blocks, results, addresses and topics of one search are limited.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final, NamedTuple

from primitives.receipt import Log, bloom_bits
from rpc.blocks import Blocks
from rpc.encoding import read_address, read_block_number, read_hash, read_list, read_object
from rpc.errors import InvalidParams, InvalidValue, ServerError
from rpc.json_objects import Json, log_object
from rpc.settings import RpcSettings
from statestore.chain_blocks import ChainTransaction

TOPICS_MAX: Final = 4
CHOICES_MAX: Final = 1_000  # Addresses, or alternatives for one topic.


@dataclass(frozen=True)
class LogCriteria:
    """
    Which logs are meant: emitted by one of `addresses` (by any if empty), with a topic of `topics[i]` at each
    position i (any topic where that is empty), in one block or between two; a bound not given is None.
    """

    addresses: frozenset[bytes] = frozenset()
    topics: tuple[frozenset[bytes], ...] = ()
    from_block: str | int | None = None
    to_block: str | int | None = None
    block_hash: bytes | None = None

    @property
    def wants_open_block(self) -> bool:
        """Whether logs are wanted before their block is sealed."""
        return "pending" in (self.from_block, self.to_block)

    def match(self, log: Log) -> bool:
        """Whether a log is meant, wherever it is."""
        if self.addresses and log.address not in self.addresses:
            return False
        if len(self.topics) > len(log.topics):
            return False
        return all(not wanted or topic in wanted for wanted, topic in zip(self.topics, log.topics, strict=False))

    @cached_property
    def _masks(self) -> list[list[int]]:
        """For each condition, the bloom bits of its choices."""
        return [[bloom_bits(choice) for choice in choices] for choices in (self.addresses, *self.topics) if choices]

    def may_be_in(self, bloom: int) -> bool:
        """False if the bloom of a block (read as a big-endian integer) says that no log in it is meant."""
        return all(any(bloom & mask == mask for mask in masks) for masks in self._masks)

    def select(self, transactions: Iterable[ChainTransaction]) -> Iterator[Json]:
        """The logs that are meant among those of `transactions`, as clients see them."""
        for entry in transactions:
            for index, log in enumerate(entry.receipt.logs):
                if self.match(log):
                    yield log_object(entry, index, log)


def read_log_criteria(value: Any) -> LogCriteria:
    """A filter object."""
    members = read_object(value, "filters.input")
    block_hash = members.get("blockHash")
    from_block, to_block = members.get("fromBlock"), members.get("toBlock")
    if block_hash is not None and (from_block is not None or to_block is not None):
        raise InvalidValue("cannot specify both BlockHash and FromBlock/ToBlock, choose one or the other")
    return LogCriteria(
        addresses=_read_addresses(members.get("address")),
        topics=_read_topics(members.get("topics")),
        from_block=None if from_block in (None, "") else read_block_number(from_block),
        to_block=None if to_block in (None, "") else read_block_number(to_block),
        block_hash=None if block_hash is None else read_hash(block_hash),
    )


def _read_addresses(value: Any) -> frozenset[bytes]:
    if value is None:
        return frozenset()
    addresses = value if isinstance(value, list) else [value]
    _check_choices(addresses)
    return frozenset(read_address(address) for address in addresses)


def _read_topics(value: Any) -> tuple[frozenset[bytes], ...]:
    if value is None:
        return ()
    topics = read_list(value, "[]interface {}")
    if len(topics) > TOPICS_MAX:
        raise InvalidValue("exceed max topics")
    return tuple(_read_topic(topic) for topic in topics)


def _read_topic(value: Any) -> frozenset[bytes]:
    if value is None:
        return frozenset()
    choices = value if isinstance(value, list) else [value]
    _check_choices(choices)
    if None in choices:
        return frozenset()  # A null among the choices stands for any.
    return frozenset(read_hash(choice) for choice in choices)


def _check_choices(choices: list[Any]) -> None:
    if len(choices) > CHOICES_MAX:
        raise InvalidValue("exceed max addresses or topics per search position")


class LogPosition(NamedTuple):
    """A mini-block, and how many of the logs in it that are meant lie before."""

    mini_block: int
    told: int = 0


@dataclass(frozen=True)
class LogSearch:
    """Finds logs on this chain."""

    blocks: Blocks
    settings: RpcSettings

    def find(self, criteria: LogCriteria) -> list[Json]:
        """Everything that is meant, in the order of the chain; an error if that is too much or makes no sense."""
        if criteria.block_hash is not None:
            number = self.blocks.backend.history.number_of_hash(criteria.block_hash)
            if number is None:
                raise ServerError("unknown block")
            return self.between(criteria, number, number)
        first, last = self._bounds(criteria)
        return self.between(criteria, first, last) if first <= last else []

    def portion(
        self, criteria: LogCriteria, first: int, last: int, begin: LogPosition, end: int
    ) -> tuple[list[Json], LogPosition]:
        """
        What is meant in mini-blocks from `begin` to before `end`, all of them in blocks `first` to `last`, and where to
        go on: behind them, or behind as many results, or blocks, as one search may have.
        """
        found: list[Json] = []
        last_here = min(last, first + self.settings.logs_blocks_max - 1)
        behind = self.blocks.sealed(last_here) if last_here < last else None
        stop = LogPosition(end if behind is None else min(end, behind.version))
        here, told = begin.mini_block, 0
        next_mini_block = -1
        for body in self.blocks.backend.history.bodies_with_bloom(first, last_here, criteria.may_be_in):
            if body.mini_blocks.start < next_mini_block:
                continue  # The open block, which was sealed during the search and is already read.
            next_mini_block = body.mini_blocks.stop
            for entry in body.transactions:
                if not begin.mini_block <= entry.mini_block_number < stop.mini_block:
                    continue
                if entry.mini_block_number != here:
                    here, told = entry.mini_block_number, 0
                for log in criteria.select([entry]):
                    if len(found) == self.settings.logs_results_max:
                        return found, LogPosition(here, told)
                    told += 1
                    if here != begin.mini_block or told > begin.told:
                        found.append(log)
        return found, stop

    def between(self, criteria: LogCriteria, first: int, last: int) -> list[Json]:
        """What is meant in blocks `first` to `last`, sealed or being built."""
        if last - first >= self.settings.logs_blocks_max:
            limit = self.settings.logs_blocks_max
            raise InvalidParams(f"exceed maximum block range: {limit}; ask for smaller ranges")
        found: list[Json] = []
        next_mini_block = -1
        for body in self.blocks.backend.history.bodies_with_bloom(first, last, criteria.may_be_in):
            if body.mini_blocks.start < next_mini_block:
                continue  # The open block, which was sealed during the search and is already read.
            next_mini_block = body.mini_blocks.stop
            found.extend(criteria.select(body.transactions))
            if len(found) > self.settings.logs_results_max:
                limit = self.settings.logs_results_max
                raise InvalidParams(f"query returned more than {limit} results; ask for smaller ranges")
        return found

    def _bounds(self, criteria: LogCriteria) -> tuple[int, int]:
        """The first and the last block meant; the last may be the one being built."""
        head = self.blocks.head.number
        newest = head + 1 if self.blocks.open_body() is not None else head

        def number_of(bound: str | int | None) -> int:
            if isinstance(bound, int):
                return bound
            if bound == "earliest":
                return 0
            if bound in (None, "latest", "pending"):
                return newest
            return head

        first = number_of(criteria.from_block)
        last = number_of(criteria.to_block)
        if isinstance(criteria.from_block, int) and isinstance(criteria.to_block, int) and first > last:
            raise InvalidParams("invalid block range params")
        if isinstance(criteria.to_block, int) and last > newest:
            raise InvalidParams("block range extends beyond current head block")
        return first, last
