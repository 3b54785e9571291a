"""
The chain on disk: mini-blocks as they were sealed, blocks, and the indexes to find what is in them.

    m<number 8>       mini-block record            t<transaction hash 32>  where the transaction is
    b<number 8>       sealed block record          h<hash 32>              number of the block, or of the mini-block's
    l<number 8>       bloom, of blocks with logs

Numbers in keys are big-endian, so that keys are in the order of the chain. A mini-block and its index entries are
one atomic batch; so are a block and its own. Records follow one another without gaps: a tail that is missing is the
chain as it was a moment earlier, a hole in the middle is damage, and opening refuses it.

One thread appends. Any thread reads, at any time: the tip is one object that is replaced after what it names is on
the disk.
"""

import struct
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Final, Literal

from primitives.block import SealedBlock
from primitives.constants import LOGS_BLOCKS_MAX
from primitives.errors import DatadirCorrupt, DecodingError
from primitives.mini_block import MiniBlock
from primitives.wire import decode_mini_block, decode_sealed_block, encode_mini_block, encode_sealed_block
from statestore.chain_blocks import BlockBody, ChainTransaction, block_body, chain_transaction
from statestore.disk import WRITE_BUFFER_BYTES, Disk
from statestore.recent import Recent

Durability = Literal["fsync", "write", "none"]

_MINI_BLOCK: Final = b"m"
_BLOCK: Final = b"b"
_BLOOM: Final = b"l"
_TRANSACTION: Final = b"t"
_HASH: Final = b"h"

_NUMBER: Final = struct.Struct(">Q")
# Of a transaction: mini-block number, index in the mini-block, index in the block, index of its first log in the block.
_PLACE: Final = struct.Struct(">QIII")

_TRANSACTIONS_CACHED_MAX: Final = 50_000  # In each of two caches; a decoded transfer with its receipt takes about 2 KB.
_BLOCKS_CACHED_MAX: Final = 16_384  # Headers, about 2 KB each.
# How much of the newest records is checked for holes at the start. What can be lost in the middle is the tail of a
# LevelDB log behind which another log follows, or tables that a cut manifest forgot: the upper edge of such a hole is
# no deeper than two logs.
TAIL_CHECKED_BYTES: Final = 32 * 1024 * 1024

assert TAIL_CHECKED_BYTES >= 4 * WRITE_BUFFER_BYTES, "a hole has its edge in the part that is checked"
assert _BLOCKS_CACHED_MAX > LOGS_BLOCKS_MAX, "the largest search for logs can find every header in the cache"


@dataclass(frozen=True)
class _Tip:
    """Where the chain ends: `head` is None before the genesis block, counts are of the open block."""

    head: SealedBlock | None = None
    open_mini_blocks: tuple[MiniBlock, ...] = ()
    transaction_count: int = 0
    log_count: int = 0

    @property
    def next_mini_block(self) -> int:
        return (0 if self.head is None else self.head.version) + len(self.open_mini_blocks)

    def with_mini_block(self, mini_block: MiniBlock) -> "_Tip":
        return replace(
            self,
            open_mini_blocks=(*self.open_mini_blocks, mini_block),
            transaction_count=self.transaction_count + len(mini_block.transactions),
            log_count=self.log_count + sum(len(receipt.logs) for receipt in mini_block.receipts),
        )


@dataclass
class _OpenBody:
    """The transactions of the open block as far as a reader has asked for them; guarded by its lock."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    block_number: int = -1
    mini_block_count: int = 0
    body: BlockBody | None = None


class History:
    """
    The chain on one disk.

    Opening raises DatadirCorrupt where the newest records have a hole or contradict each other. `durability` is what
    an append waits for: `fsync` for the disk, `write` for the operating system; `none` promises nothing.
    """

    def __init__(self, disk: Disk, durability: Durability) -> None:
        self._disk = disk
        self._durable = durability == "fsync"
        self._mini_blocks: Recent[int, MiniBlock] = Recent(_TRANSACTIONS_CACHED_MAX)
        self._bodies: Recent[int, BlockBody] = Recent(_TRANSACTIONS_CACHED_MAX)
        self._blocks: Recent[int, SealedBlock] = Recent(_BLOCKS_CACHED_MAX)
        self._open_body = _OpenBody()
        self._tip = self._read_tip()
        self._last_hash = self._read_last_hash()
        self._check_newest()

    # The end of the chain.

    @property
    def is_empty(self) -> bool:
        """Whether not even the genesis block is there."""
        return self._tip.head is None

    @property
    def head(self) -> SealedBlock:
        """The last sealed block."""
        head = self._tip.head
        assert head is not None, "a chain starts with its genesis block"
        return head

    @property
    def next_mini_block_number(self) -> int:
        """How many mini-blocks the chain has."""
        return self._tip.next_mini_block

    @property
    def last_mini_block_hash(self) -> bytes:
        """What the next mini-block has as its parent hash: for the first one, the hash of the genesis block."""
        return self._last_hash

    def open_mini_blocks(self) -> tuple[MiniBlock, ...]:
        """The mini-blocks since the last sealed block."""
        return self._tip.open_mini_blocks

    # Appending.

    def append_mini_block(self, mini_block: MiniBlock, on_durable: Callable[[], None] = lambda: None) -> None:
        """
        Add the next mini-block of the open block; on return it lasts as `durability` says.

        `on_durable` is called before any reader can find the mini-block here: whoever sees a receipt sees its effects.
        Raises StorageUnavailable, and then the mini-block was not added.
        """
        tip = self._tip
        assert tip.head is not None, "a chain starts with its genesis block"
        assert mini_block.number == tip.next_mini_block, "mini-blocks are appended in order"
        assert mini_block.block_number == tip.head.number + 1, "a mini-block belongs to the open block"
        assert mini_block.index == len(tip.open_mini_blocks), "mini-blocks of a block are counted from 0"
        assert mini_block.parent_hash == self._last_hash, "mini-blocks are chained by hash"
        record = encode_mini_block(mini_block)
        items = [(_key(_MINI_BLOCK, mini_block.number), record), *_places(mini_block, tip)]
        items.append((_HASH + mini_block.hash, _NUMBER.pack(mini_block.block_number)))
        self._disk.put_many(items, self._durable)
        on_durable()
        self._last_hash = mini_block.hash
        self._mini_blocks.put(mini_block.number, mini_block, 1 + len(mini_block.transactions))
        self._tip = tip.with_mini_block(mini_block)

    def append_block(self, block: SealedBlock) -> None:
        """
        Close the open block, or add the genesis block; on return it lasts as `durability` says.

        Raises StorageUnavailable, and then the block is still open.
        """
        tip = self._tip
        if tip.head is None:
            assert (block.number, block.version) == (0, 0), "a chain starts with its genesis block"
        else:
            assert block.number == tip.head.number + 1, "blocks are appended in order"
            assert block.header.parent_hash == tip.head.hash, "blocks are chained by hash"
        assert block.first_mini_block == (0 if tip.head is None else tip.head.version), "no mini-block is left out"
        assert block.version == tip.next_mini_block, "a block is made of the open mini-blocks"
        items = [(_key(_BLOCK, block.number), encode_sealed_block(block))]
        items.append((_HASH + block.hash, _NUMBER.pack(block.number)))
        if any(block.header.bloom):
            items.append((_key(_BLOOM, block.number), block.header.bloom))
        self._disk.put_many(items, self._durable)
        if tip.head is None:
            self._last_hash = block.hash
        self._blocks.put(block.number, block, 1)
        self._tip = _Tip(head=block)

    def sync(self) -> None:
        """Make everything appended so far durable, whatever `durability` is; StorageUnavailable if that fails."""
        self._disk.sync()

    # Reading.

    def sealed_block(self, number: int) -> SealedBlock | None:
        """A sealed block, None if there is none with this number."""
        head = self._tip.head
        if head is None or not 0 <= number <= head.number:
            return None
        block = self._blocks.get(number)
        if block is None:
            record = self._disk.get(_key(_BLOCK, number))
            if record is None:
                raise self._disk.damaged(f"block {number} is missing")
            block = self._decode_block(number, record)
            self._blocks.put(number, block, 1)
        return block

    def block_hash(self, number: int) -> bytes | None:
        """The hash of a sealed block."""
        block = self.sealed_block(number)
        return None if block is None else block.hash

    def number_of_hash(self, block_hash: bytes) -> int | None:
        """The number of the sealed block with this hash, or of the block that the mini-block with this hash is in."""
        value = self._disk.get(_HASH + block_hash)
        if value is None:
            return None
        if len(value) != _NUMBER.size:
            raise self._disk.damaged("an entry in the index of hashes is cut")
        number: int = _NUMBER.unpack(value)[0]
        return number

    def mini_block(self, number: int) -> MiniBlock | None:
        """A mini-block, None if there is none with this number."""
        if not 0 <= number < self._tip.next_mini_block:
            return None
        mini_block = self._mini_blocks.get(number)
        if mini_block is None:
            mini_block = self._read_mini_block(number)
            self._mini_blocks.put(number, mini_block, 1 + len(mini_block.transactions))
        return mini_block

    def transaction(self, transaction_hash: bytes) -> ChainTransaction | None:
        """The transaction with this hash; reads one mini-block at most."""
        value = self._disk.get(_TRANSACTION + transaction_hash)
        if value is None:
            return None
        if len(value) != _PLACE.size:
            raise self._disk.damaged("an entry in the index of transactions is cut")
        mini_block_number, position, index, first_log_index = _PLACE.unpack(value)
        mini_block = self.mini_block(mini_block_number)
        if mini_block is None:
            return None  # Just being appended.
        if position >= len(mini_block.transactions):
            raise self._disk.damaged(f"the index of transactions does not fit mini-block {mini_block_number}")
        block = self.sealed_block(mini_block.block_number)
        header_hash = None if block is None else block.hash
        return chain_transaction(mini_block, position, header_hash, index, first_log_index)

    def body(self, number: int) -> BlockBody | None:
        """A sealed block or, if it has mini-blocks, the open one; None if there is no such block."""
        body = self._bodies.get(number)
        if body is not None:
            return body
        tip = self._tip
        if tip.head is not None and number == tip.head.number + 1:
            return self._body_of_open(tip) if tip.open_mini_blocks else None
        block = self.sealed_block(number)
        if block is None:
            return None
        numbers = range(block.first_mini_block, block.version)
        body = block_body(block.header, numbers, self._mini_blocks_of(numbers))
        self._bodies.put(number, body, 1 + len(body.transactions))
        return body

    def bodies_with_bloom(self, first: int, last: int, may_match: Callable[[int], bool]) -> Iterator[BlockBody]:
        """
        The blocks from `first` to `last` in whose bloom (read as a big-endian integer) logs may match, and the open
        one if it is in the range. Blooms are kept apart, so that passing over a block does not decode it.
        """
        tip = self._tip
        sealed_last = -1 if tip.head is None else max(-1, min(last, tip.head.number))
        sealed_first = min(max(first, 0), sealed_last + 1)
        for key, bloom in self._disk.iterate(_key(_BLOOM, sealed_first), _key(_BLOOM, sealed_last + 1)):
            if may_match(int.from_bytes(bloom, "big")):
                body = self.body(_NUMBER.unpack(key[1:])[0])
                if body is not None:
                    yield body
        if tip.head is not None and tip.open_mini_blocks and first <= tip.head.number + 1 <= last:
            yield self._body_of_open(tip)

    def stored_mini_blocks(self, first: int, last: int) -> Iterator[MiniBlock]:
        """Mini-blocks `first` to `last` in order, past the cache; DatadirCorrupt where one is missing or damaged."""
        expected = first
        for key, record in self._disk.iterate(_key(_MINI_BLOCK, first), _key(_MINI_BLOCK, last + 1)):
            if key != _key(_MINI_BLOCK, expected):
                break
            yield self._decode_mini_block(expected, record)
            expected += 1
        if expected <= last:
            raise self._disk.damaged(f"mini-block {expected} is missing")

    def stored_blocks(self, first: int, last: int) -> Iterator[SealedBlock]:
        """Sealed blocks `first` to `last` in order, past the cache; DatadirCorrupt where one is missing or damaged."""
        expected = first
        for key, record in self._disk.iterate(_key(_BLOCK, first), _key(_BLOCK, last + 1)):
            if key != _key(_BLOCK, expected):
                break
            yield self._decode_block(expected, record)
            expected += 1
        if expected <= last:
            raise self._disk.damaged(f"block {expected} is missing")

    def damaged(self, detail: str) -> DatadirCorrupt:
        """The refusal to go on from these records."""
        return self._disk.damaged(detail)

    # Opening.

    def _read_tip(self) -> _Tip:
        newest = next(self._newest(_BLOCK), None)
        if newest is None:
            if next(self._disk.iterate(b"", b"\xff"), None) is not None:
                raise self._disk.damaged("there are records but no genesis block")
            return _Tip()
        head = self._decode_block(self._number_in(newest[0]), newest[1])
        tip = _Tip(head=head)
        last = next(self._newest(_MINI_BLOCK), None)
        count = 0 if last is None else self._number_in(last[0]) + 1
        if count < head.version:
            raise self._disk.damaged(f"block {head.number} needs mini-block {count}, which is missing")
        for mini_block in self.stored_mini_blocks(head.version, count - 1):
            if (mini_block.block_number, mini_block.index) != (head.number + 1, len(tip.open_mini_blocks)):
                raise self._disk.damaged(f"mini-block {mini_block.number} does not belong to block {head.number + 1}")
            tip = tip.with_mini_block(mini_block)
        return tip

    def _read_last_hash(self) -> bytes:
        tip = self._tip
        if tip.open_mini_blocks:
            return tip.open_mini_blocks[-1].hash
        if tip.next_mini_block:
            return self._read_mini_block(tip.next_mini_block - 1).hash
        genesis = self.sealed_block(0)
        return b"" if genesis is None else genesis.hash

    def _check_newest(self) -> None:
        """Records of either kind must follow one another, as far back as a hole can begin."""
        for prefix, count in ((_MINI_BLOCK, self._tip.next_mini_block), (_BLOCK, self._block_count())):
            checked_bytes = 0
            expected = count - 1
            for key, record in self._newest(prefix):
                if self._number_in(key) != expected:
                    break
                expected -= 1
                checked_bytes += len(record)
                if checked_bytes > TAIL_CHECKED_BYTES:
                    expected = -1
                    break
            if expected >= 0:
                raise self._disk.damaged(f"{'block' if prefix == _BLOCK else 'mini-block'} {expected} is missing")

    def _block_count(self) -> int:
        return 0 if self._tip.head is None else self._tip.head.number + 1

    def _newest(self, prefix: bytes) -> Iterator[tuple[bytes, bytes]]:
        return self._disk.iterate(prefix, bytes((prefix[0] + 1,)), reverse=True)

    # Parts of reading.

    def _read_mini_block(self, number: int) -> MiniBlock:
        record = self._disk.get(_key(_MINI_BLOCK, number))
        if record is None:
            raise self._disk.damaged(f"mini-block {number} is missing")
        return self._decode_mini_block(number, record)

    def _decode_mini_block(self, number: int, record: bytes) -> MiniBlock:
        try:
            mini_block = decode_mini_block(record)
        except DecodingError as error:
            raise self._disk.damaged(f"mini-block {number}: {error}") from error
        if mini_block.number != number:
            raise self._disk.damaged(f"mini-block {number} is stored as mini-block {mini_block.number}")
        return mini_block

    def _decode_block(self, number: int, record: bytes) -> SealedBlock:
        try:
            block = decode_sealed_block(record)
        except DecodingError as error:
            raise self._disk.damaged(f"block {number}: {error}") from error
        if block.number != number:
            raise self._disk.damaged(f"block {number} is stored as block {block.number}")
        return block

    def _number_in(self, key: bytes) -> int:
        if len(key) != 1 + _NUMBER.size:
            raise self._disk.damaged("a key is not a record's")
        number: int = _NUMBER.unpack(key[1:])[0]
        return number

    def _mini_blocks_of(self, numbers: range) -> Iterator[MiniBlock]:
        for number in numbers:
            mini_block = self._mini_blocks.get(number)
            yield self._read_mini_block(number) if mini_block is None else mini_block

    def _body_of_open(self, tip: _Tip) -> BlockBody:
        assert tip.head is not None, "a chain starts with its genesis block"
        with self._open_body.lock:
            known = self._open_body
            if known.block_number != tip.head.number + 1:
                known.block_number, known.mini_block_count, known.body = tip.head.number + 1, 0, None
            if known.body is None or known.mini_block_count < len(tip.open_mini_blocks):
                added = tip.open_mini_blocks[known.mini_block_count :]
                numbers = range(tip.head.version, tip.next_mini_block)
                known.body = block_body(None, numbers, added, known.body)
                known.mini_block_count = len(tip.open_mini_blocks)
            return known.body


def _key(prefix: bytes, number: int) -> bytes:
    return prefix + _NUMBER.pack(number)


def _places(mini_block: MiniBlock, tip: _Tip) -> Iterator[tuple[bytes, bytes]]:
    """The index entries of the transactions of a mini-block that comes next after `tip`."""
    first_log_index = tip.log_count
    for position, transaction in enumerate(mini_block.transactions):
        place = _PLACE.pack(mini_block.number, position, tip.transaction_count + position, first_log_index)
        yield _TRANSACTION + transaction.hash, place
        first_log_index += len(mini_block.receipts[position].logs)
