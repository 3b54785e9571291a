"""The chain on disk: appended atomically, found again by number and by hash, never with a hole."""

import threading
from pathlib import Path

import pytest

import statestore.history as history_module
from primitives import rlp
from primitives.errors import DatadirCorrupt, StorageUnavailable
from primitives.receipt import bloom_bits
from statestore.disk import LevelDisk, MemoryDisk
from statestore.history import History
from statestore.recent import Recent
from statestore.recovery import OpenChain, open_chain
from tests.statestore.chain_builder import GENESIS, ChainBuilder, hashes


class RecordingDisk(MemoryDisk):
    """Remembers its batches and whether they had to last."""

    def __init__(self) -> None:
        super().__init__()
        self.batches: list[tuple[list[bytes], bool]] = []

    def put_many(self, items, durable: bool) -> None:
        super().put_many(items, durable)
        self.batches.append(([key for key, _ in items], durable))


def in_memory(disk: MemoryDisk | None = None, durability="fsync") -> OpenChain:
    return open_chain(None, GENESIS, disk=disk or MemoryDisk(), durability=durability)


def keys_of(disk: MemoryDisk, prefix: bytes) -> list[bytes]:
    return [key for key, _ in disk.iterate(prefix, bytes((prefix[0] + 1,)))]


@pytest.mark.parametrize(("durability", "durable"), [("fsync", True), ("write", False), ("none", False)])
def test_an_append_is_one_batch_as_durable_as_was_asked(durability, durable: bool) -> None:
    disk = RecordingDisk()
    builder = ChainBuilder(in_memory(disk, durability))
    mini_block = builder.mini_block(3)
    block = builder.block()
    _, of_mini_block, of_block = disk.batches
    number = (0).to_bytes(8, "big")
    places = [b"t" + each.hash for each in mini_block.transactions]
    assert of_mini_block == ([b"m" + number, *places, b"h" + mini_block.hash], durable)
    assert of_block[0][:2] == [b"b" + (1).to_bytes(8, "big"), b"h" + block.hash]
    assert of_block[1] == durable


def test_what_is_told_of_a_durable_mini_block_comes_before_readers_can_find_it() -> None:
    disk = MemoryDisk()
    chain = in_memory(disk)
    mini_block = ChainBuilder(in_memory()).mini_block()
    seen = []

    def look() -> None:
        seen.append((len(keys_of(disk, b"m")), chain.history.transaction(mini_block.transactions[0].hash)))

    chain.history.append_mini_block(mini_block, on_durable=look)
    assert seen == [(1, None)]
    assert chain.history.transaction(mini_block.transactions[0].hash) is not None


def test_nothing_is_told_of_a_mini_block_that_could_not_be_written() -> None:
    disk = MemoryDisk()
    chain = in_memory(disk)
    mini_block = ChainBuilder(in_memory()).mini_block()
    disk.writes_left = 0
    with pytest.raises(StorageUnavailable):
        chain.history.append_mini_block(mini_block, on_durable=lambda: pytest.fail("it is not durable"))


def test_a_failed_append_adds_nothing() -> None:
    disk = MemoryDisk()
    chain = in_memory(disk)
    builder, history = ChainBuilder(chain), chain.history
    builder.block(2)
    builder.mini_block()
    before = (history.head, history.open_mini_blocks(), history.last_mini_block_hash, history.body(2))
    disk.writes_left = 0
    nonce = builder.nonce
    with pytest.raises(StorageUnavailable):
        builder.mini_block()
    with pytest.raises(StorageUnavailable):
        builder.block()
    assert (history.head, history.open_mini_blocks(), history.last_mini_block_hash, history.body(2)) == before
    assert builder.nonce > nonce
    assert len(keys_of(disk, b"m")) == 3
    assert History(disk, "write").open_mini_blocks() == history.open_mini_blocks()


@pytest.mark.parametrize("failing_write", range(1, 9))
def test_whichever_write_fails_what_was_acknowledged_is_found_again(failing_write: int) -> None:
    disk = MemoryDisk()
    builder = ChainBuilder(in_memory(disk))
    disk.writes_left = failing_write - 1
    acknowledged: list[bytes] = []
    with pytest.raises(StorageUnavailable):
        while True:
            acknowledged.append(builder.mini_block().hash)
            acknowledged.append(builder.mini_block().hash)
            builder.block()
    disk.writes_left = None
    assert hashes(open_chain(None, GENESIS, disk=disk).history)[1] == acknowledged


@pytest.mark.parametrize(("first", "last"), [(5, 10**30), (-9, -1), (3, -5), (10**30, 10**31)])
def test_ranges_beyond_the_chain_are_empty(first: int, last: int) -> None:
    chain = in_memory()
    ChainBuilder(chain).blocks(2)
    assert list(chain.history.bodies_with_bloom(first, last, lambda bloom: True)) == []
    assert (chain.history.body(last), chain.history.mini_block(last), chain.history.sealed_block(last)) == (None,) * 3


@pytest.mark.parametrize("is_reopened", [False, True])
def test_everything_appended_is_found(tmp_path: Path, is_reopened: bool) -> None:
    chain = open_chain(tmp_path / "data", GENESIS, durability="write")
    builder = ChainBuilder(chain)
    blocks = [chain.history.head, *builder.blocks(4, 3), builder.block(0)]
    mini_blocks = [mini_block for block in blocks for mini_block in builder.chain.history.stored_mini_blocks(
        block.first_mini_block, block.version - 1)]  # fmt: skip
    mini_blocks += [builder.mini_block(), builder.mini_block()]
    history = chain.history
    if is_reopened:
        chain.close()
        chain = open_chain(tmp_path / "data", GENESIS)
        history = chain.history
    assert history.head == blocks[-1]
    assert history.next_mini_block_number == len(mini_blocks) == 14
    for block in blocks:
        assert history.sealed_block(block.number) == block
        assert history.block_hash(block.number) == block.hash
        assert history.number_of_hash(block.hash) == block.number
    for mini_block in mini_blocks:
        assert history.mini_block(mini_block.number) == mini_block
    for number in (-1, 6, 7):
        assert history.sealed_block(number) is None
    assert history.mini_block(-1) is None
    assert history.mini_block(14) is None
    assert history.number_of_hash(bytes(32)) is None
    assert history.transaction(bytes(32)) is None
    assert history.body(7) is None
    for number in range(7):
        members = [each for each in mini_blocks if each.block_number == number]
        body = history.body(number)
        assert body is not None
        assert [each.transaction for each in body.transactions] == [t for each in members for t in each.transactions]
        assert [each.receipt for each in body.transactions] == [r for each in members for r in each.receipts]
        assert list(body.mini_blocks) == [each.number for each in members]
        logs = 0
        for index, entry in enumerate(body.transactions):
            assert (entry.index, entry.first_log_index) == (index, logs)
            logs += len(entry.receipt.logs)
            assert entry.block_hash == (history.block_hash(number) or mini_blocks[entry.mini_block_number].hash)
            assert (entry.block_number, entry.block_timestamp) == (number, number)
            assert entry.transaction in mini_blocks[entry.mini_block_number].transactions
            assert history.transaction(entry.transaction.hash) == entry
    chain.close()


def test_the_size_of_a_block_is_that_of_its_rlp() -> None:
    chain = in_memory()
    builder = ChainBuilder(chain)
    for count in (0, 1, 5):
        block = builder.block(count)
        body = chain.history.body(block.number)
        assert body is not None
        transactions = [
            rlp.decode(each.transaction.raw) if each.transaction.type == 0 else each.transaction.raw
            for each in body.transactions
        ]
        assert body.size_bytes == len(rlp.encode([rlp.decode(block.header.encode()), transactions, [], []]))


def test_the_open_block_grows_and_then_gets_its_hash() -> None:
    chain = in_memory()
    builder, history = ChainBuilder(chain), chain.history
    assert history.body(1) is None
    for count in range(1, 4):
        mini_block = builder.mini_block(2)
        last = mini_block.transactions[-1]
        body = history.body(1)
        assert body is not None
        assert body.header is None
        assert (len(body.transactions), body.mini_blocks) == (2 * count, range(count))
        entry = history.transaction(last.hash)
        assert entry == body.transactions[-1]
        assert (entry.block_hash, entry.is_sealed) == (mini_block.hash, False)
        assert history.number_of_hash(mini_block.hash) == 1
    block = builder.block()
    sealed, entry = history.body(1), history.transaction(last.hash)
    assert sealed is not None
    assert entry is not None
    assert sealed.header == block.header
    assert entry == sealed.transactions[-1]
    assert (entry.block_hash, entry.is_sealed) == (block.hash, True)
    assert history.number_of_hash(mini_block.hash) == history.number_of_hash(block.hash) == 1


def test_blooms_lead_to_the_blocks_with_a_topic() -> None:
    chain = in_memory()
    builder, history = ChainBuilder(chain), chain.history
    builder.blocks(30)
    builder.mini_block()
    for number in range(1, 31):
        block = history.sealed_block(number)
        assert block is not None
        body = history.body(number)
        assert body is not None
        for topic in [log.topics[0] for entry in body.transactions for log in entry.receipt.logs][:1]:
            bits = bloom_bits(topic)
            found = list(history.bodies_with_bloom(0, 30, lambda bloom, bits=bits: bloom & bits == bits))
            assert body in found
            assert len(found) < 5
            assert (
                list(history.bodies_with_bloom(number + 1, 30, lambda bloom, bits=bits: bloom & bits == bits)) != found
            )
    every = [
        body.header.number if body.header else None for body in history.bodies_with_bloom(5, 40, lambda bloom: True)
    ]
    with_logs = [number for number in range(5, 31) if any(history.sealed_block(number).header.bloom)]  # type: ignore[union-attr]
    assert every == [*with_logs, None]


@pytest.mark.parametrize("prefix", [b"m", b"b"])
def test_a_hole_is_refused_and_a_missing_tail_is_not(prefix: bytes) -> None:
    disk = MemoryDisk()
    builder = ChainBuilder(in_memory(disk))
    builder.blocks(4)
    keys = keys_of(disk, prefix)
    for index in range(len(keys) - (prefix == b"b")):  # Without its record the last block is only not sealed yet.
        damaged = MemoryDisk()
        damaged.put_many(list(disk.iterate(b"", b"\xff")), durable=False)
        damaged.delete_many([keys[index]])
        with pytest.raises(DatadirCorrupt, match=r"damaged \((mini-)?block|damaged \(there are records"):
            History(damaged, "write")
    order = [(b"m", 7), (b"m", 6), (b"b", 3), (b"m", 5), (b"m", 4), (b"b", 2)]
    disk.delete_many([b"b" + (4).to_bytes(8, "big")])
    for kind, number in order:
        disk.delete_many([kind + number.to_bytes(8, "big")])
        open_chain(None, GENESIS, disk=disk)
    assert open_chain(None, GENESIS, disk=disk).history.head.number == 1


def test_a_hole_is_found_below_what_a_start_reads(monkeypatch: pytest.MonkeyPatch) -> None:
    disk = MemoryDisk()
    builder = ChainBuilder(in_memory(disk))
    builder.blocks(50)
    disk.delete_many([b"m" + (50).to_bytes(8, "big")])
    with pytest.raises(DatadirCorrupt, match="mini-block 50 is missing"):
        History(disk, "write")
    monkeypatch.setattr(history_module, "TAIL_CHECKED_BYTES", 100)
    history = History(disk, "write")
    with pytest.raises(DatadirCorrupt, match="mini-block 50 is missing"):
        history.mini_block(50)


def test_a_record_under_a_wrong_number_is_refused() -> None:
    disk = MemoryDisk()
    chain = in_memory(disk)
    ChainBuilder(chain).blocks(3)
    record = disk.get(b"m" + (1).to_bytes(8, "big"))
    assert record is not None
    disk.put_many(
        [(b"m" + (0).to_bytes(8, "big"), record), (b"m" + (5).to_bytes(8, "big"), record[:-1])], durable=False
    )
    with pytest.raises(DatadirCorrupt, match="mini-block 5: record"):
        History(disk, "write")
    disk.put_many([(b"m" + (5).to_bytes(8, "big"), record)], durable=False)
    with pytest.raises(DatadirCorrupt, match="mini-block 5 is stored as mini-block 1"):
        History(disk, "write")


def test_readers_never_see_a_block_that_is_half_there(tmp_path: Path) -> None:
    chain = open_chain(tmp_path / "data", GENESIS, durability="none")
    builder, history = ChainBuilder(chain), chain.history
    is_done = threading.Event()
    faults: list[BaseException] = []

    def read() -> None:
        try:
            while not is_done.is_set():
                head = history.head
                for number in (head.number, head.number + 1):
                    body = history.body(number)
                    if body is None:
                        continue
                    indexes = [entry.index for entry in body.transactions]
                    assert indexes == list(range(2 * len(body.mini_blocks)))
                    for entry in body.transactions[-1:]:
                        found = history.transaction(entry.transaction.hash)
                        assert found is not None
                        assert found.index == entry.index
                        assert history.number_of_hash(found.block_hash) == number
                assert history.sealed_block(head.number) == head
                assert history.number_of_hash(head.hash) == head.number
        except BaseException as fault:
            faults.append(fault)

    readers = [threading.Thread(target=read) for _ in range(3)]
    for reader in readers:
        reader.start()
    builder.blocks(40, 3)
    is_done.set()
    for reader in readers:
        reader.join()
    chain.close()
    assert faults == []


def test_an_empty_disk_has_no_head(tmp_path: Path) -> None:
    disk = LevelDisk(tmp_path / "db", create=True)
    assert History(disk, "write").is_empty
    disk.close()


def test_recent_values_are_kept_up_to_a_weight() -> None:
    recent: Recent[str, int] = Recent(10)
    recent.put("a", 1, 4)
    recent.put("b", 2, 4)
    assert recent.get("a") == 1
    recent.put("c", 3, 4)
    assert [recent.get(key) for key in "abc"] == [1, None, 3]
    recent.put("c", 4, 6)
    assert [recent.get(key) for key in "ac"] == [1, 4]
    recent.put("d", 5, 100)
    assert [recent.get(key) for key in "acd"] == [None, None, 5]
