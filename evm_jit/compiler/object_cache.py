"""
Compiled contracts on disk: one file for each object, read only if it is ours, whole, and meant.

An object is machine code that runs when it is loaded: the directory is ours alone (mode 0700), and so is every file in
it; what belongs to somebody else, or could have been written by others, is refused. A file is named after what it was
compiled from and for (`ObjectKey`), and begins with a hash of the rest, in which that is told again: one that was torn
by a loss of power, altered or renamed is removed and compiled anew. Files are written under another name and renamed.

An object that gave a result other than the interpreter's is condemned: an empty one takes its place, for as long as the
compiler stays the same.
"""

import contextlib
import hashlib
import logging
import os
import stat
import tempfile
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import Final

from primitives.errors import ObjectCacheUntrusted
from primitives.forks import Fork

OBJECTS_SIZE_BYTES_MAX: Final = 256 * 1024 * 1024  # Of all files together: 3,600 objects like an ERC-20 token's.
OBJECT_SIZE_BYTES_MAX: Final = 8 * 1024 * 1024  # The largest contract of 24 KB gives less than 1 MB.
DIGEST_SIZE_BYTES: Final = 32
assert OBJECT_SIZE_BYTES_MAX < OBJECTS_SIZE_BYTES_MAX, "there is room for more than one object"

_SUFFIX: Final = ".object"
_FOREIGN_MODES: Final = stat.S_IRWXG | stat.S_IRWXO
log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class ObjectKey:
    """
    What an object was compiled from and for.

    code_hash : Keccak-256 of the code
    fingerprint : of all else that decides the machine code, see `fingerprint.py`
    """

    code_hash: bytes
    fork: Fork
    tier: int
    fingerprint: str

    def __str__(self) -> str:
        return f"{self.code_hash.hex()} {self.fork.name.lower()} tier {self.tier} {self.fingerprint}"

    @property
    def file_name(self) -> str:
        """Where the object is kept."""
        return hashlib.blake2b(str(self).encode(), digest_size=20).hexdigest() + _SUFFIX


class ObjectCache:
    """
    The objects in a directory, of which the ones used last are kept. Threads and processes may share it.

    ObjectCacheUntrusted if others can get at the directory, or it can't be made.
    """

    def __init__(self, directory: Path, size_bytes_max: int = OBJECTS_SIZE_BYTES_MAX) -> None:
        self._directory = directory
        self._size_bytes_max = size_bytes_max
        self._lock = Lock()
        _own_directory(directory)
        self._sizes = self._list()

    def __contains__(self, key: ObjectKey) -> bool:
        """Whether `load` would find something, as far as this process knows without looking at the disk."""
        return key.file_name in self._sizes

    def load(self, key: ObjectKey) -> bytes | None:
        """The object, empty if it is condemned; None if it has to be compiled."""
        path = self._directory / key.file_name
        try:
            content = _read_own(path)
            if content is not None:
                found = _unpacked(content, key)
                if found is not None:
                    os.utime(path)
                    return found
            log.warning("%s is not the object that its name says, or not ours alone: it is removed", path)
        except FileNotFoundError:
            pass
        except OSError as error:
            log.warning("%s can't be read: %s", path, error.strerror)
        self._remove(key.file_name)
        return None

    def store(self, key: ObjectKey, object_bytes: bytes) -> None:
        """Keep an object, if the disk takes it."""
        assert 0 < len(object_bytes) <= OBJECT_SIZE_BYTES_MAX
        self._write(key, object_bytes)

    def condemn(self, key: ObjectKey) -> None:
        """Have `load` answer that there will be no object, instead of the one that gave a wrong result."""
        self._write(key, b"")

    def _write(self, key: ObjectKey, object_bytes: bytes) -> None:
        content = _packed(key, object_bytes)
        path = self._directory / key.file_name
        try:
            descriptor, temporary = tempfile.mkstemp(dir=self._directory, suffix=".tmp")  # Mode 0600.
            try:
                with os.fdopen(descriptor, "wb") as file:
                    file.write(content)
                Path(temporary).replace(path)
            except OSError:
                Path(temporary).unlink(missing_ok=True)
                raise
        except OSError as error:
            log.warning("%s can't be written: %s", path, error.strerror)
            self._remove(key.file_name)
            return
        with self._lock:
            self._sizes[key.file_name] = len(content)
            is_full = sum(self._sizes.values()) > self._size_bytes_max
        if is_full:
            self._make_room(key.file_name)

    def _make_room(self, newest: str) -> None:
        """Remove the files that were used longest ago, but not `newest`."""
        with self._lock:
            self._sizes = self._list()
            ages = []
            for name in self._sizes.keys() - {newest}:
                with contextlib.suppress(FileNotFoundError):  # Another process removes it too.
                    ages.append(((self._directory / name).lstat().st_mtime_ns, name))
            excess_bytes = sum(self._sizes.values()) - self._size_bytes_max
            for _, name in sorted(ages):
                if excess_bytes <= 0:
                    break
                excess_bytes -= self._sizes.pop(name)
                with contextlib.suppress(OSError):
                    (self._directory / name).unlink()

    def _remove(self, name: str) -> None:
        with self._lock:
            self._sizes.pop(name, None)
        with contextlib.suppress(OSError):
            (self._directory / name).unlink()

    def _list(self) -> dict[str, int]:
        """The sizes of the files, by name."""
        sizes = {}
        with os.scandir(self._directory) as entries:
            for entry in entries:
                if entry.name.endswith(_SUFFIX):
                    with contextlib.suppress(FileNotFoundError):
                        sizes[entry.name] = entry.stat(follow_symlinks=False).st_size
        return sizes


def _own_directory(path: Path) -> None:
    """Make `path`, for this user alone; ObjectCacheUntrusted if others can get at it."""
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        status = path.lstat()
    except OSError as error:
        raise ObjectCacheUntrusted(path, f"can't be made ({error.strerror})") from error
    if not stat.S_ISDIR(status.st_mode):
        raise ObjectCacheUntrusted(path, "is not a directory")
    if status.st_uid != os.getuid():
        raise ObjectCacheUntrusted(path, "belongs to another user")
    if status.st_mode & _FOREIGN_MODES:
        raise ObjectCacheUntrusted(path, f"is open to other users (mode {stat.S_IMODE(status.st_mode):04o})")


def _read_own(path: Path) -> bytes | None:
    """The content of a file; None if it is not this user's alone, or no file."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    with os.fdopen(descriptor, "rb") as file:
        status = os.fstat(descriptor)
        is_ours = stat.S_ISREG(status.st_mode) and status.st_uid == os.getuid()
        if not is_ours or status.st_mode & _FOREIGN_MODES or status.st_size > 2 * OBJECT_SIZE_BYTES_MAX:
            return None
        return file.read()


def _digest(content: bytes) -> bytes:
    return hashlib.blake2b(content, digest_size=DIGEST_SIZE_BYTES).digest()


def _packed(key: ObjectKey, object_bytes: bytes) -> bytes:
    """The content of a file: a digest of the rest, what the object is, the end of a line, the object."""
    rest = f"{key}\n".encode() + object_bytes
    return _digest(rest) + rest


def _unpacked(content: bytes, key: ObjectKey) -> bytes | None:
    digest, rest = content[:DIGEST_SIZE_BYTES], content[DIGEST_SIZE_BYTES:]
    meant, _, object_bytes = rest.partition(b"\n")
    return object_bytes if _digest(rest) == digest and meant == str(key).encode() else None
