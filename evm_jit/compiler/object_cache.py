"""
Compiled contracts on disk: one file for each object, read only if it is ours, whole, and meant.

An object is machine code that runs when it is loaded: the directory is ours alone (mode 0700), and so is every file in
it; what belongs to somebody else, or could have been written by others, is refused. A file is named after what it was
compiled from and for (`ObjectKey`), and begins with a hash of the rest, in which that is told again: one that was torn
by a loss of power, altered or renamed is removed and compiled anew. Files are written under another name and renamed.

Why a contract has no object is kept in the same way, for as long as the compiler stays the same: code that costs the
compiler its ten seconds costs them once, not at each start of a node, and an object that gave a result other than the
interpreter's is never loaded again.
"""

import contextlib
import hashlib
import logging
import os
import stat
import time
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import Final

from primitives.errors import ObjectCacheUntrusted
from primitives.forks import Fork
from primitives.own_files import FOREIGN_MODES, TEMPORARY_SUFFIX, read_own_file, write_own_file

OBJECTS_SIZE_BYTES_MAX: Final = 256 * 1024 * 1024  # Of all files together: 3,600 objects like an ERC-20 token's.
OBJECT_SIZE_BYTES_MAX: Final = 8 * 1024 * 1024  # The largest contract of 24 KB gives less than 1 MB.
REFUSALS_COUNT_MAX: Final = 4_096  # Those that were looked up last.
REASON_SIZE_BYTES_MAX: Final = 2_000
DIGEST_SIZE_BYTES: Final = 32
WRITING_S_MAX: Final = 3_600  # A file that is still under its other name then is nobody's any more.
assert OBJECT_SIZE_BYTES_MAX < OBJECTS_SIZE_BYTES_MAX, "there is room for more than one object"

_OBJECT: Final = ".object"
_REFUSAL: Final = ".refusal"
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
        return self._name + _OBJECT

    @property
    def refusal_name(self) -> str:
        """Where it is kept why there is none."""
        return self._name + _REFUSAL

    @property
    def _name(self) -> str:
        return hashlib.blake2b(str(self).encode(), digest_size=20).hexdigest()


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
        self._remove_unfinished()
        self._sizes = self._list()

    def __contains__(self, key: ObjectKey) -> bool:
        """Whether `load` would find something, as far as this process knows without looking at the disk."""
        return key.file_name in self._sizes

    def load(self, key: ObjectKey) -> bytes | None:
        """The object; None if it has to be compiled."""
        return self._load(key, key.file_name)

    def store(self, key: ObjectKey, object_bytes: bytes) -> None:
        """Keep an object, if the disk takes it."""
        assert 0 < len(object_bytes) <= OBJECT_SIZE_BYTES_MAX
        self._write(key, key.file_name, object_bytes)

    def refusal(self, key: ObjectKey) -> str | None:
        """Why there will be no object; None if nothing is known against it."""
        if key.refusal_name not in self._sizes:
            return None  # What another process refuses it may refuse for itself.
        kept = self._load(key, key.refusal_name)
        return None if kept is None else kept.decode(errors="replace")

    def refuse(self, key: ObjectKey, reason: str) -> None:
        """Keep why there will be no object, instead of one."""
        self._write(key, key.refusal_name, reason.encode()[:REASON_SIZE_BYTES_MAX])
        self._remove(key.file_name)

    def _load(self, key: ObjectKey, name: str) -> bytes | None:
        path = self._directory / name
        try:
            content = read_own_file(path, 2 * OBJECT_SIZE_BYTES_MAX)
            if content is not None:
                found = _unpacked(content, key)
                if found is not None:
                    with contextlib.suppress(OSError):  # A disk that takes nothing, or another process has removed it.
                        os.utime(path)
                    return found
            log.warning("%s is not what its name says, or not ours alone: it is removed", path)
        except FileNotFoundError:
            pass
        except OSError as error:
            log.warning("%s can't be read: %s", path, error.strerror)
        self._remove(name)
        return None

    def _write(self, key: ObjectKey, name: str, rest: bytes) -> None:
        content = _packed(key, rest)
        path = self._directory / name
        try:
            write_own_file(path, content)
        except OSError as error:
            log.warning("%s can't be written: %s", path, error.strerror)
            self._remove(name)
            return
        with self._lock:
            self._sizes[name] = len(content)
            is_full = sum(self._sizes.values()) > self._size_bytes_max
            refusal_count = sum(each.endswith(_REFUSAL) for each in self._sizes)
        if is_full or refusal_count > REFUSALS_COUNT_MAX:
            self._make_room(name)

    def _make_room(self, newest: str) -> None:
        """Remove the files that were used longest ago, but not `newest`."""
        with self._lock:
            self._sizes = self._list()
            ages = []
            for name in self._sizes.keys() - {newest}:
                with contextlib.suppress(FileNotFoundError):  # Another process removes it too.
                    ages.append(((self._directory / name).lstat().st_mtime_ns, name))
            excess_bytes = sum(self._sizes.values()) - self._size_bytes_max
            excess_count = sum(name.endswith(_REFUSAL) for name in self._sizes) - REFUSALS_COUNT_MAX
            for _, name in sorted(ages):
                is_refusal = name.endswith(_REFUSAL)
                if excess_bytes > 0 or (excess_count > 0 and is_refusal):
                    excess_bytes -= self._sizes.pop(name)
                    excess_count -= is_refusal
                    with contextlib.suppress(OSError):
                        (self._directory / name).unlink()

    def _remove(self, name: str) -> None:
        with self._lock:
            self._sizes.pop(name, None)
        with contextlib.suppress(OSError):
            (self._directory / name).unlink()

    def _remove_unfinished(self) -> None:
        """Remove what processes that were killed have left half written."""
        oldest_s = time.time() - WRITING_S_MAX
        with os.scandir(self._directory) as entries:
            for entry in entries:
                with contextlib.suppress(OSError):
                    if entry.name.endswith(TEMPORARY_SUFFIX) and entry.stat(follow_symlinks=False).st_mtime < oldest_s:
                        (self._directory / entry.name).unlink()

    def _list(self) -> dict[str, int]:
        """The sizes of the files, by name."""
        sizes = {}
        with os.scandir(self._directory) as entries:
            for entry in entries:
                if entry.name.endswith((_OBJECT, _REFUSAL)):
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
    if status.st_mode & FOREIGN_MODES:
        raise ObjectCacheUntrusted(path, f"is open to other users (mode {stat.S_IMODE(status.st_mode):04o})")


def _digest(content: bytes) -> bytes:
    return hashlib.blake2b(content, digest_size=DIGEST_SIZE_BYTES).digest()


def _packed(key: ObjectKey, kept: bytes) -> bytes:
    """The content of a file: a digest of the rest, what it is about, the end of a line, the object or the reason."""
    rest = f"{key}\n".encode() + kept
    return _digest(rest) + rest


def _unpacked(content: bytes, key: ObjectKey) -> bytes | None:
    digest, rest = content[:DIGEST_SIZE_BYTES], content[DIGEST_SIZE_BYTES:]
    meant, _, kept = rest.partition(b"\n")
    return kept if _digest(rest) == digest and meant == str(key).encode() else None
