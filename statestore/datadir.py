"""
A data directory: whose it is, who uses it, and where its parts lie.

    leveret.json     identity: format version, chain id, genesis hash, forks, and a checksum over them
    leveret.lock     locked while a process uses the directory; holds its process id
    sequencer.key    of whoever seals mini-blocks here: kept by the sequencer, only let be
    chain/           LevelDB: mini-blocks, blocks and their indexes (`statestore.history`)
    checkpoints/N/   LevelDB: the whole state at the end of block N (`statestore.checkpoint`)

The identity is written after the database exists and before anything is in it. So an interrupted first start is
begun again, and from then on a missing database or identity is damage.

Forks are in it because a genesis block does not name them: those of Prague and Osaka have the same hash. They may
change for blocks to come, never for those that are there.
"""

import errno
import fcntl
import hashlib
import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from primitives.errors import (
    ConfigError,
    DatadirInUse,
    DatadirUnreadable,
    GenesisMismatch,
    StorageError,
    StorageUnavailable,
)
from primitives.forks import ForkSchedule, fork_by_name
from statestore.disk import LevelDisk, damaged, sync_file

FORMAT_VERSION: Final = 1

_IDENTITY: Final = "leveret.json"
_IDENTITY_UNFINISHED: Final = "leveret.json.tmp"
_LOCK: Final = "leveret.lock"
_CHAIN: Final = "chain"
_CHECKPOINTS: Final = "checkpoints"
_SEQUENCERS: Final = frozenset({"sequencer.key", "sequencer.tmp"})
_OURS: Final = _SEQUENCERS | {_IDENTITY, _IDENTITY_UNFINISHED, _LOCK, _CHAIN, _CHECKPOINTS}
_IDENTITY_BYTES_MAX: Final = 4_096


@dataclass(frozen=True)
class ChainIdentity:
    """What tells one chain from another; `schedule` may differ where no block is yet."""

    chain_id: int
    genesis_hash: bytes
    schedule: ForkSchedule


class Datadir:
    """
    A data directory that this process alone uses until `close`.

    Opening creates what is missing. Raises DatadirInUse, DatadirUnreadable, DatadirCorrupt, GenesisMismatch or
    StorageUnavailable; a directory that is not leveret's is left as it is.
    """

    def __init__(self, path: Path, identity: ChainIdentity) -> None:
        self.path = path
        self.identity = identity
        self._schedule_before: ForkSchedule | None = None  # Until `check_schedule`; None if the identity names none.
        self._lock: int | None = None
        try:
            path.mkdir(parents=True, exist_ok=True)
            _refuse_foreign_content(path)
            self._lock = _lock(path)
            found = _read_identity(path)
            if found is not None:
                _check_identity(path, found, identity)
                self._schedule_before = _schedule_of(path, found)
            self.chain_disk = self._open_chain(is_new=found is None)
            self.checkpoints_path.mkdir(exist_ok=True)
        except OSError as error:
            self._unlock()
            raise _why_it_does_not_open(path, error) from error
        except StorageError:
            self._unlock()
            raise

    @property
    def checkpoints_path(self) -> Path:
        """The directory of the checkpoints."""
        return self.path / _CHECKPOINTS

    def check_schedule(self, first_timestamp: int, last_number: int, last_timestamp: int) -> None:
        """
        Refuse other forks for the blocks that are there: GenesisMismatch. New ones for later blocks are remembered.

        first_timestamp : of the genesis block, in seconds
        last_number, last_timestamp : of the last block, the open one included
        """
        before, schedule = self._schedule_before, self.identity.schedule
        if before == schedule:
            return
        if before is not None:
            place = before.first_difference(schedule, first_timestamp, last_number, last_timestamp)
            if place is not None:
                old, new = (each.fork_at(*place).name.lower() for each in (before, schedule))
                raise GenesisMismatch(
                    f"{self.path} holds a chain that is {old} from block {place[0]} on, not {new}: give the --fork or "
                    "the genesis file it was made with, or another --datadir"
                )
        _write_identity(self.path, self.identity)
        self._schedule_before = schedule

    def close(self) -> None:
        """Close the database and let other processes in."""
        self.chain_disk.close()
        self._unlock()

    def _open_chain(self, is_new: bool) -> LevelDisk:
        disk = LevelDisk(self.path / _CHAIN, create=is_new)
        try:
            if is_new:
                if next(disk.iterate(b"", b"\xff"), None) is not None:
                    raise damaged(self.path / _IDENTITY, "it is missing though there is a chain")
                sync_file(self.path / _CHAIN)
                _write_identity(self.path, self.identity)
                self._schedule_before = self.identity.schedule
        except BaseException:
            disk.close()
            raise
        return disk

    def _unlock(self) -> None:
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None


def _refuse_foreign_content(path: Path) -> None:
    foreign = sorted({entry.name for entry in path.iterdir()} - _OURS)
    if foreign and not (path / _IDENTITY).exists():
        raise DatadirUnreadable(
            f"{path} is not a leveret data directory (it holds '{foreign[0]}'): give an empty or new one as --datadir"
        )


def _lock(path: Path) -> int:
    """
    The descriptor that holds the lock, which ends with it or with the process.

    LevelDB's own lock is released when any descriptor of its file is closed, and does not say who holds it.
    """
    descriptor = os.open(path / _LOCK, os.O_RDWR | os.O_CREAT, 0o644)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        os.ftruncate(descriptor, 0)
        os.write(descriptor, f"{os.getpid()}\n".encode())
    except OSError as error:
        holder = os.pread(descriptor, 20, 0).strip()
        os.close(descriptor)
        if error.errno not in (errno.EAGAIN, errno.EACCES):
            raise
        pid = f" (pid {holder.decode()})" if holder.isdigit() else ""
        raise DatadirInUse(f"another leveret process{pid} uses {path}: stop it or give another --datadir") from error
    return descriptor


def _read_identity(path: Path) -> dict[str, Any] | None:
    """What the directory's identity says, None if it has none."""
    file = path / _IDENTITY
    if not file.exists():
        return None
    try:
        with file.open("rb") as stream:
            fields = json.loads(stream.read(_IDENTITY_BYTES_MAX))
        version, checksum = fields["format"], fields.pop("checksum")
        bytes.fromhex(fields["genesis_hash"])
        if not isinstance(version, int) or not isinstance(fields["chain_id"], int):
            raise TypeError("numbers expected")
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise damaged(file, "it is not what leveret wrote there") from error
    if version > FORMAT_VERSION:
        raise DatadirUnreadable(
            f"{path} was written by a newer leveret (format {version}, this one reads {FORMAT_VERSION}): "
            "upgrade leveret or give another --datadir"
        )
    if checksum != _checksum(fields):
        raise damaged(file, "its checksum does not fit")
    return dict(fields)


def _check_identity(path: Path, fields: dict[str, Any], identity: ChainIdentity) -> None:
    """GenesisMismatch unless the directory is that chain's."""
    chain_id, genesis_hash = fields["chain_id"], bytes.fromhex(fields["genesis_hash"])
    if chain_id != identity.chain_id:
        raise GenesisMismatch(
            f"{path} holds chain {chain_id}, not chain {identity.chain_id}: give the chain id it was made with, "
            "or another --datadir"
        )
    if genesis_hash != identity.genesis_hash:
        raise GenesisMismatch(
            f"{path} belongs to the genesis block 0x{genesis_hash.hex()}, not 0x{identity.genesis_hash.hex()}: give "
            "the genesis settings it was made with, or another --datadir"
        )


def _schedule_of(path: Path, fields: dict[str, Any]) -> ForkSchedule | None:
    """The forks of the chain; None if whoever wrote the identity did not name them."""
    if "forks" not in fields:
        return None
    try:
        by_number, by_time = (
            tuple((int(first), fork_by_name(name)) for first, name in fields["forks"][key])
            for key in ("by_number", "by_time")
        )
    except (ValueError, KeyError, TypeError, AttributeError, ConfigError) as error:
        raise damaged(path / _IDENTITY, "it is not what leveret wrote there") from error
    return ForkSchedule(by_number, by_time)


def _write_identity(path: Path, identity: ChainIdentity) -> None:
    fields: dict[str, object] = {
        "format": FORMAT_VERSION,
        "chain_id": identity.chain_id,
        "genesis_hash": identity.genesis_hash.hex(),
        "forks": {
            name: [[first, fork.name.lower()] for first, fork in part]
            for name, part in (("by_number", identity.schedule.by_number), ("by_time", identity.schedule.by_time))
        },
    }
    fields["checksum"] = _checksum(fields)
    unfinished = path / _IDENTITY_UNFINISHED
    unfinished.write_text(json.dumps(fields, indent=2) + "\n")
    sync_file(unfinished)
    unfinished.replace(path / _IDENTITY)
    sync_file(path)


def _checksum(fields: dict[str, object]) -> str:
    return hashlib.blake2b(json.dumps(fields, sort_keys=True).encode(), digest_size=16).hexdigest()


def _why_it_does_not_open(path: Path, error: OSError) -> StorageError:
    reason = error.strerror or str(error)
    if isinstance(error, FileExistsError | NotADirectoryError):
        return DatadirUnreadable(f"{path} is not a directory: give a directory as --datadir")
    if isinstance(error, PermissionError):
        return DatadirUnreadable(
            f"{path} can't be read and written by this user: change its owner or mode, or give another --datadir"
        )
    if error.errno == errno.ENOSPC:
        return StorageUnavailable(f"storage unavailable: no space is left for {path}: make room and start again")
    return DatadirUnreadable(f"{path} can't be used ({reason}): give another --datadir")
