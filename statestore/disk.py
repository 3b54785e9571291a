"""
Where records last: an ordered map from bytes to bytes whose batches are atomic.

`LevelDisk` is LevelDB through plyvel; `MemoryDisk` forgets, and fails on demand. Both keep these promises:

1. `put_many` applies all of its items or none; with `durable` it returns after they would survive a power cut.
2. A failed write is final. LevelDB may have left half a record in its log, and a later one behind it would make
   a hole, so that nothing more is written (or acknowledged) until the directory is opened again. Reads go on.
3. Damage is never read as data: LevelDB runs with `paranoid_checks`, and each read verifies checksums.

Any thread may read; one writes.
"""

import errno
import os
import sys
import threading
from bisect import bisect_left
from collections.abc import Callable, Iterator, Sequence
from itertools import chain
from pathlib import Path
from typing import Any, Final, Protocol

from primitives.errors import DatadirCorrupt, DatadirInUse, DatadirUnreadable, StorageError, StorageUnavailable

# The same library under two names: plyvel has no wheel past Python 3.12, plyvel-next none before 3.13.
if sys.version_info >= (3, 13):
    import plyvel_next as plyvel
else:
    import plyvel

WRITE_BUFFER_BYTES: Final = 4 * 1024 * 1024  # LevelDB keeps at most two logs of about this size.
_BLOOM_FILTER_BITS: Final = 10  # Per key: wallets poll for transactions that are not there yet.
_OPEN_FILES_MAX: Final = 128

# The end of a table file: two block handles of two varints each, padding to 40 bytes, a magic number.
_TABLE_FOOTER_BYTES: Final = 48
_TABLE_MAGIC: Final = bytes.fromhex("57fb808b247547db")
_BLOCK_TRAILER_BYTES: Final = 5


class Disk(Protocol):
    """An ordered map that lasts."""

    def get(self, key: bytes) -> bytes | None:
        """The value under `key`."""
        ...

    def put_many(self, items: Sequence[tuple[bytes, bytes]], durable: bool) -> None:
        """One atomic batch; StorageUnavailable when it fails, and then none of it counts as written."""
        ...

    def delete_many(self, keys: Sequence[bytes]) -> None:
        """One atomic batch of deletions; StorageUnavailable when it fails."""
        ...

    def iterate(self, start: bytes, stop: bytes, reverse: bool = False) -> Iterator[tuple[bytes, bytes]]:
        """The items with start <= key < stop as they are now, in order of their keys or against it."""
        ...

    def sync(self) -> None:
        """Make everything written so far durable."""
        ...

    def damaged(self, detail: str) -> DatadirCorrupt:
        """The refusal to go on from what was read here."""
        ...

    def close(self) -> None:
        """Let go of it; harmless when done twice."""
        ...


class MemoryDisk:
    """
    A disk that is gone with the process.

    `writes_left` counts down with each batch: at 0 all writing fails, as on a full disk.
    """

    def __init__(self, writes_left: int | None = None) -> None:
        self.writes_left = writes_left
        self._values: dict[bytes, bytes] = {}
        self._keys: dict[int, list[bytes]] = {}  # By first byte; in order unless the byte is in `_unsorted`.
        self._unsorted: set[int] = set()
        self._lock = threading.Lock()

    def get(self, key: bytes) -> bytes | None:
        """The value under `key`."""
        return self._values.get(key)

    def put_many(self, items: Sequence[tuple[bytes, bytes]], durable: bool) -> None:
        """One atomic batch; never durable."""
        with self._lock:
            self._count_write()
            for key, value in items:
                if key not in self._values:
                    self._insert(key)
                self._values[key] = value

    def delete_many(self, keys: Sequence[bytes]) -> None:
        """One atomic batch of deletions."""
        with self._lock:
            self._count_write()
            gone = {key for key in keys if self._values.pop(key, None) is not None}
            for first in {key[0] for key in gone}:
                self._keys[first] = [key for key in self._keys[first] if key not in gone]

    def iterate(self, start: bytes, stop: bytes, reverse: bool = False) -> Iterator[tuple[bytes, bytes]]:
        """The items with start <= key < stop."""
        with self._lock:
            spans = [self._span(first, start, stop) for first in sorted(self._keys) if start[:1] <= bytes((first,))]
            keys = [key for key in chain.from_iterable(spans) if key in self._values]
            items = [(key, self._values[key]) for key in keys]
        return reversed(items) if reverse else iter(items)

    def sync(self) -> None:
        """Nothing to do: nothing lasts."""

    def damaged(self, detail: str) -> DatadirCorrupt:
        """The refusal to go on from what was read here."""
        return DatadirCorrupt(f"the chain in memory is damaged ({detail}): start leveret again")

    def close(self) -> None:
        """Nothing to let go of."""

    def _count_write(self) -> None:
        if self.writes_left is None:
            return
        if self.writes_left <= 0:
            raise StorageUnavailable("storage unavailable: the memory disk takes no more writes")
        self.writes_left -= 1

    def _insert(self, key: bytes) -> None:
        keys = self._keys.setdefault(key[0], [])
        if keys and key < keys[-1]:
            self._unsorted.add(key[0])
        keys.append(key)

    def _span(self, first: int, start: bytes, stop: bytes) -> list[bytes]:
        keys = self._keys[first]
        if first in self._unsorted:
            keys.sort()
            self._unsorted.discard(first)
        return keys[bisect_left(keys, start) : bisect_left(keys, stop)]


class LevelDisk:
    """
    A LevelDB directory.

    `create` makes one where there is none; without it a missing database is damage. Opening raises DatadirInUse,
    DatadirUnreadable, DatadirCorrupt or StorageUnavailable.
    """

    def __init__(self, path: Path, *, create: bool) -> None:
        self.path = path
        self._failure: str | None = None
        try:
            _check_table_footers(path)
            if create:
                path.mkdir(exist_ok=True)
            self._database: Any = plyvel.DB(
                str(path),
                create_if_missing=create,
                paranoid_checks=True,
                write_buffer_size=WRITE_BUFFER_BYTES,
                max_open_files=_OPEN_FILES_MAX,
                bloom_filter_bits=_BLOOM_FILTER_BITS,
            )
        except (plyvel.Error, OSError) as error:
            raise _why_it_does_not_open(path, error) from error

    def get(self, key: bytes) -> bytes | None:
        """The value under `key`; DatadirCorrupt when what is stored there is damaged."""
        try:
            value: bytes | None = self._database.get(key, verify_checksums=True)
        except (plyvel.Error, RuntimeError) as error:
            raise self._why_it_does_not_read(error) from error
        return value

    def put_many(self, items: Sequence[tuple[bytes, bytes]], durable: bool) -> None:
        """One atomic batch; StorageUnavailable when it fails, and for every write after that."""

        def fill(batch: Any) -> None:
            for key, value in items:
                batch.put(key, value)

        self._write(fill, durable)

    def delete_many(self, keys: Sequence[bytes]) -> None:
        """One atomic batch of deletions, not durable by itself."""

        def fill(batch: Any) -> None:
            for key in keys:
                batch.delete(key)

        self._write(fill, False)

    def iterate(self, start: bytes, stop: bytes, reverse: bool = False) -> Iterator[tuple[bytes, bytes]]:
        """The items with start <= key < stop as they were at the first step, a few at a time in RAM."""
        try:
            with self._database.iterator(start=start, stop=stop, reverse=reverse, verify_checksums=True) as iterator:
                yield from iterator
        except (plyvel.Error, RuntimeError) as error:
            raise self._why_it_does_not_read(error) from error

    def sync(self) -> None:
        """Make everything written so far durable, logs that LevelDB has left behind but not yet merged too."""
        self._write(lambda batch: None, True)
        try:
            for log in self.path.glob("*.log"):
                sync_file(log)
        except OSError as error:
            self._failure = f"{error.filename or self.path}: {error.strerror}"
            raise self._unavailable() from error

    def damaged(self, detail: str) -> DatadirCorrupt:
        """The refusal to go on from what was read here."""
        return damaged(self.path, detail)

    def close(self) -> None:
        """Close the database and release its lock."""
        self._database.close()

    def _write(self, fill: Callable[[Any], None], durable: bool) -> None:
        if self._failure is not None:
            raise self._unavailable()
        try:
            batch = self._database.write_batch(sync=durable)
            fill(batch)
            batch.write()
        except (plyvel.Error, RuntimeError) as error:
            self._failure = _text(error)
            raise self._unavailable() from error

    def _unavailable(self) -> StorageUnavailable:
        return StorageUnavailable(
            f"storage unavailable: writing to {self.path} failed ({self._failure}): make room or mend the disk, "
            "then start leveret again"
        )

    def _why_it_does_not_read(self, error: Exception) -> StorageError:
        if isinstance(error, plyvel.CorruptionError):
            return damaged(_named_file(error) or self.path, _text(error))
        return StorageUnavailable(f"storage unavailable: reading {self.path} failed ({_text(error)})")


def damaged(path: Path, detail: str) -> DatadirCorrupt:
    """The refusal to go on from a damaged file."""
    return DatadirCorrupt(
        f"{path} is damaged ({detail}): restore the data directory from a copy, or start afresh with another --datadir"
    )


def sync_file(path: Path) -> None:
    """Make a file or directory durable; one that is gone needs nothing."""
    try:
        descriptor = os.open(path, os.O_RDONLY)
    except FileNotFoundError:
        return
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _text(error: Exception) -> str:
    """What LevelDB said, on one line; plyvel hands it over as bytes."""
    text = error.args[-1] if error.args else ""
    if isinstance(text, bytes):
        text = text.decode("utf-8", "replace")
    return " ".join(str(text).split()) or type(error).__name__


def _named_file(error: Exception) -> Path | None:
    """The file that LevelDB's text names, if it names one."""
    words = _text(error).replace(": ", " ").split()
    return next((Path(word) for word in words if word.startswith("/")), None)


def _why_it_does_not_open(path: Path, error: Exception) -> StorageError:
    text = _text(error)
    if isinstance(error, OSError) and "lock " in text:
        return DatadirInUse(f"another process uses {path}: stop it or give another --datadir")
    if isinstance(error, PermissionError) or os.strerror(errno.EACCES) in text or os.strerror(errno.EPERM) in text:
        return DatadirUnreadable(f"{path} can't be read and written by this user: change its owner or mode")
    if getattr(error, "errno", None) == errno.ENOSPC or os.strerror(errno.ENOSPC) in text:
        return StorageUnavailable(f"storage unavailable: no space is left for {path}: make room and start again")
    return damaged(_named_file(error) or path, text)


def _check_table_footers(path: Path) -> None:
    """
    Refuse table files whose footers point outside of them.

    The footer is the one part of a table without a checksum, and LevelDB allocates whatever size it names: a flipped
    bit there would end the process.
    """
    for table in chain(path.glob("*.ldb"), path.glob("*.sst")):
        with table.open("rb") as file:
            size_bytes = file.seek(0, os.SEEK_END)
            file.seek(max(0, size_bytes - _TABLE_FOOTER_BYTES))
            footer = file.read()
        if not _is_table_footer(footer, size_bytes):
            raise damaged(table, "its last 48 bytes are not a table's")


def _is_table_footer(footer: bytes, size_bytes: int) -> bool:
    if len(footer) != _TABLE_FOOTER_BYTES or not footer.endswith(_TABLE_MAGIC):
        return False
    numbers: list[int] = []
    number = shift = 0
    for byte in footer[: -len(_TABLE_MAGIC)]:
        number |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            numbers.append(number)
            number = shift = 0
    offsets, sizes = numbers[0:4:2], numbers[1:4:2]
    return len(sizes) == 2 and all(
        offset + size + _BLOCK_TRAILER_BYTES <= size_bytes for offset, size in zip(offsets, sizes, strict=True)
    )
