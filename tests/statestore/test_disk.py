"""Disks: ordered, atomic, and honest about what they could not write or read."""

import os
import random
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from primitives.errors import DatadirCorrupt, DatadirInUse, StorageError, StorageUnavailable
from statestore.disk import Disk, LevelDisk, MemoryDisk, plyvel


@pytest.fixture(params=["memory", "level"])
def disk(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Disk]:
    made: Disk = MemoryDisk() if request.param == "memory" else LevelDisk(tmp_path / "db", create=True)
    yield made
    made.close()


def test_a_disk_is_an_ordered_map(disk: Disk) -> None:
    rng = random.Random(5)
    model: dict[bytes, bytes] = {}
    for _ in range(60):
        items = [(rng.choice(b"abt").to_bytes(1, "big") + rng.randbytes(1), rng.randbytes(3)) for _ in range(20)]
        disk.put_many(items, durable=False)
        model.update(items)
        gone = rng.sample(sorted(model), 3)
        disk.delete_many(gone)
        for key in gone:
            del model[key]
        start, stop = sorted((rng.choice(b"abt").to_bytes(1, "big") + rng.randbytes(1), rng.randbytes(2)))
        within = sorted((key, value) for key, value in model.items() if start <= key < stop)
        assert list(disk.iterate(start, stop)) == within
        assert list(disk.iterate(start, stop, reverse=True)) == within[::-1]
        key = rng.choice(b"abt").to_bytes(1, "big") + rng.randbytes(1)
        assert disk.get(key) == model.get(key)
    disk.sync()


def test_an_iteration_does_not_see_what_is_written_after_its_first_step(disk: Disk) -> None:
    disk.put_many([(b"a1", b"x"), (b"a3", b"x")], durable=False)
    iteration = disk.iterate(b"a", b"b")
    assert next(iteration) == (b"a1", b"x")
    disk.put_many([(b"a2", b"x"), (b"a3", b"y")], durable=False)
    assert list(iteration) == [(b"a3", b"x")]


def test_a_level_disk_finds_again_what_it_wrote(tmp_path: Path) -> None:
    disk = LevelDisk(tmp_path / "db", create=True)
    disk.put_many([(b"k", b"v")], durable=True)
    disk.close()
    disk = LevelDisk(tmp_path / "db", create=False)
    assert disk.get(b"k") == b"v"
    disk.close()
    disk.close()


def test_a_full_memory_disk_writes_nothing_of_a_batch() -> None:
    disk = MemoryDisk(writes_left=1)
    disk.put_many([(b"a", b"1")], durable=True)
    with pytest.raises(StorageUnavailable, match="storage unavailable"):
        disk.put_many([(b"a", b"2"), (b"b", b"2")], durable=True)
    with pytest.raises(StorageUnavailable):
        disk.delete_many([b"a"])
    assert list(disk.iterate(b"", b"\xff")) == [(b"a", b"1")]


class FailingDatabase:
    """Stands for plyvel's database on a disk that has an error; `made` counts batches."""

    def __init__(self, error: Exception) -> None:
        self.error = error
        self.made = 0

    def write_batch(self, sync: bool) -> "FailingDatabase":
        self.made += 1
        return self

    def put(self, key: bytes, value: bytes) -> None:
        pass

    def write(self) -> None:
        raise self.error

    def get(self, key: bytes, verify_checksums: bool) -> bytes:
        assert verify_checksums
        raise self.error

    def iterator(self, **arguments: object) -> "FailingDatabase":
        assert arguments["verify_checksums"]
        raise self.error

    def close(self) -> None:
        pass


@pytest.fixture
def failing(tmp_path: Path) -> Iterator[Callable[[Exception], tuple[LevelDisk, FailingDatabase]]]:
    disk = LevelDisk(tmp_path / "db", create=True)
    database = disk._database

    def fail(error: Exception) -> tuple[LevelDisk, FailingDatabase]:
        disk._database = FailingDatabase(error)
        return disk, disk._database

    yield fail
    database.close()


def test_after_a_failed_write_nothing_more_is_written(failing) -> None:
    disk, database = failing(plyvel.IOError(b"IO error: x/000003.log: No space left on device"))
    for _ in range(2):
        with pytest.raises(StorageUnavailable, match="No space left on device"):
            disk.put_many([(b"a", b"1")], durable=True)
    with pytest.raises(StorageUnavailable):
        disk.sync()
    assert database.made == 1


def test_errors_while_reading_are_storage_errors(failing) -> None:
    disk, _ = failing(plyvel.CorruptionError(b"Corruption: block checksum mismatch: /x/000005.ldb"))
    with pytest.raises(DatadirCorrupt, match=r"^/x/000005\.ldb is damaged"):
        disk.get(b"a")
    with pytest.raises(DatadirCorrupt):
        list(disk.iterate(b"a", b"b"))
    disk, _ = failing(plyvel.IOError(b"IO error: /x/000005.ldb: Input/output error"))
    with pytest.raises(StorageUnavailable, match="Input/output error"):
        disk.get(b"a")


def test_a_closed_disk_says_so(tmp_path: Path) -> None:
    disk = LevelDisk(tmp_path / "db", create=True)
    disk.put_many([(b"a", b"1"), (b"b", b"1")], durable=False)
    iteration = disk.iterate(b"a", b"z")
    next(iteration)
    disk.close()
    for use in (lambda: disk.get(b"a"), lambda: next(iteration), lambda: disk.put_many([], durable=False)):
        with pytest.raises(StorageUnavailable, match="closed"):
            use()


def test_a_database_that_should_be_there_is_not_made_anew(tmp_path: Path) -> None:
    for _ in range(2):
        with pytest.raises(DatadirCorrupt, match="db is damaged"):
            LevelDisk(tmp_path / "db", create=False)


def test_a_second_opening_is_refused(tmp_path: Path) -> None:
    disk = LevelDisk(tmp_path / "db", create=True)
    with pytest.raises(DatadirInUse):
        LevelDisk(tmp_path / "db", create=False)
    disk.close()


def test_a_table_footer_with_any_bit_flipped_never_ends_the_process(tmp_path: Path) -> None:
    disk = LevelDisk(tmp_path / "db", create=True)
    disk.put_many([(os.urandom(8), os.urandom(2_000)) for _ in range(50)], durable=False)
    disk.close()
    LevelDisk(tmp_path / "db", create=False).close()  # Turns the log into a table.
    (table,) = (tmp_path / "db").glob("*.ldb")
    whole = table.read_bytes()
    opened = 0
    for bit in range(48 * 8):
        damaged = bytearray(whole)
        damaged[-1 - bit // 8] ^= 1 << bit % 8
        table.write_bytes(damaged)
        try:
            disk = LevelDisk(tmp_path / "db", create=False)
        except StorageError:
            continue
        opened += 1
        try:
            assert len(list(disk.iterate(b"", b"\xff" * 9))) == 50
        except StorageError:
            pass
        finally:
            disk.close()
    assert opened > 0, "padding does not matter"


def test_a_table_footer_that_names_a_huge_block_is_refused(tmp_path: Path) -> None:
    LevelDisk(tmp_path / "db", create=True).close()
    handles = bytes((1, 50, 60)) + b"\xff" * 8 + b"\x7f"  # LevelDB would try to allocate 2^63 bytes.
    (tmp_path / "db" / "000099.ldb").write_bytes(
        bytes(4_096) + handles.ljust(40, b"\0") + b"\x57\xfb\x80\x8b\x24\x75\x47\xdb"
    )
    with pytest.raises(DatadirCorrupt, match=r"000099\.ldb is damaged"):
        LevelDisk(tmp_path / "db", create=False)
