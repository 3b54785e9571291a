"""
Checkpoints: the whole state at the end of a block, in a LevelDB directory of its own.

    checkpoints/<block number>/    a<address 20>          nonce 8, balance 32, code hash 32
                                   a<address 20><key 32>  value of the slot, without leading zeros
                                   c<code hash 32>        code
                                   manifest               what it is a checkpoint of, counts, checksum over all entries

One is written beside the running chain, from a pinned version, by a thread that rests between its batches. It is
written as `<block number>.tmp`, its manifest last, then every file is synced, then it is renamed: a checkpoint with
its final name is complete. Before that the records that lead to it are made durable, so that a checkpoint is never
ahead of the chain. The newest two are kept.

A checkpoint only shortens the way: the records alone rebuild the same state, so that a damaged one is passed over.
"""

import hashlib
import shutil
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path
from typing import Final

from primitives import rlp
from primitives.block import SealedBlock
from primitives.errors import DecodingError, StorageError, StorageUnavailable
from primitives.keccak import keccak256
from primitives.state_diff import Account, AccountChange, StateDiff
from statestore.datadir import Datadir
from statestore.disk import LevelDisk, sync_file
from statestore.history import History
from statestore.state import State
from statestore.trie import StateTrie

FORMAT_VERSION: Final = 1
CHECKPOINTS_KEPT: Final = 2
# A restart replays up to twice as many blocks, at about 0.5 ms a mini-block and 0.1 ms a transaction.
INTERVAL_BLOCKS_DEFAULT: Final = 64
# Going through this many empty blocks at a restart takes about as long as replaying a full one.
EMPTY_BLOCKS_PER_BLOCK: Final = 64

_UNFINISHED: Final = ".tmp"
_ACCOUNT: Final = b"a"
_CODE: Final = b"c"
_MANIFEST: Final = b"manifest"
_BATCH_ENTRIES: Final = 1_024
_REST_S: Final = 0.002  # After each batch, so that the thread that seals mini-blocks finds the interpreter free.
_CHECKSUM_BYTES: Final = 16
_CHECKSUM_MODULUS: Final = 1 << 8 * _CHECKSUM_BYTES
_ADDRESS_KEY_BYTES: Final = 1 + 20
_SLOT_KEY_BYTES: Final = 1 + 20 + 32
_ACCOUNT_VALUE_BYTES: Final = 8 + 32 + 32


@dataclass(frozen=True)
class Manifest:
    """
    What a checkpoint is of.

    `version` is the state's, `entry_count` that of all accounts, slots and codes, `checksum` the sum of the hashes
    of all entries, which does not depend on their order.
    """

    chain_id: int
    genesis_hash: bytes
    block_number: int
    block_hash: bytes
    state_root: bytes
    version: int
    entry_count: int
    checksum: int

    def encode(self) -> bytes:
        """RLP behind the format version, and a hash over both."""
        number = rlp.encode_int
        items: list[rlp.Item] = [number(self.chain_id), self.genesis_hash, number(self.block_number), self.block_hash]
        items += [self.state_root, number(self.version), number(self.entry_count), number(self.checksum)]
        body = bytes((FORMAT_VERSION,)) + rlp.encode(items)
        return body + _digest(body)

    @classmethod
    def decode(cls, data: bytes) -> "Manifest":
        """The manifest that `data` encodes; DecodingError if it is none."""
        body = data[:-_CHECKSUM_BYTES]
        if not body or _digest(body) != data[-_CHECKSUM_BYTES:]:
            raise DecodingError("manifest: checksum does not match")
        if body[0] != FORMAT_VERSION:
            raise DecodingError(f"manifest: format version {body[0]}, expected {FORMAT_VERSION}")
        items = rlp.as_list(rlp.decode(body[1:]), "manifest", 8)
        return cls(
            chain_id=rlp.as_int(items[0], "chain id"),
            genesis_hash=rlp.as_bytes(items[1], "genesis hash", 32),
            block_number=rlp.as_int(items[2], "block number", 8),
            block_hash=rlp.as_bytes(items[3], "block hash", 32),
            state_root=rlp.as_bytes(items[4], "state root", 32),
            version=rlp.as_int(items[5], "version", 8),
            entry_count=rlp.as_int(items[6], "entry count", 8),
            checksum=rlp.as_int(items[7], "checksum"),
        )


class Checkpointer:
    """
    Writes a checkpoint when the newest one is `interval_blocks` blocks old, and at a clean stop from half of that on.
    Only blocks that changed the state count in full: of empty ones, which are cheap to go through again, many count
    as one. `age_blocks` is the age of the newest checkpoint at the start, counted like this.

    Failing to write one endangers nothing, so that the chain goes on: `on_error` is told (in the writing thread), and
    `close` raises what became of the last attempt.
    """

    def __init__(
        self,
        datadir: Datadir,
        state: State,
        history: History,
        *,
        age_blocks: float = 0.0,
        interval_blocks: int = INTERVAL_BLOCKS_DEFAULT,
        on_error: Callable[[StorageError], None] | None = None,
    ) -> None:
        self._datadir = datadir
        self._state = state
        self._history = history
        self._interval_blocks = interval_blocks
        self._age_blocks = age_blocks
        self._on_error = on_error
        self._thread: threading.Thread | None = None
        self._is_stopping = threading.Event()
        self._error: BaseException | None = None

    def block_sealed(self, block: SealedBlock) -> None:
        """To be called after each block, by the thread that seals, while the state of its end is still kept."""
        if self._error is not None and not isinstance(self._error, StorageError):
            self.wait()  # Raises it: it is a mistake of ours.
        self._age_blocks += age_of(block)
        if self._age_blocks >= self._interval_blocks and not self.is_writing:
            self.start(block)

    def start(self, block: SealedBlock) -> None:
        """Begin to write the checkpoint of `block`, whose state is still kept; called by the thread that seals."""
        assert not self.is_writing, "one checkpoint is written at a time"
        self._age_blocks = 0.0
        self._error = None  # `on_error` was told; this attempt replaces the one that failed.
        self._state.pin(block.version)
        codes = tuple(self._state.codes())
        self._thread = threading.Thread(target=self._write, args=(block, codes), name="checkpoint", daemon=True)
        self._thread.start()

    @property
    def is_writing(self) -> bool:
        """Whether a checkpoint is being written."""
        return self._thread is not None and self._thread.is_alive()

    def wait(self) -> None:
        """Until the one being written is complete; raises what went wrong since the last call."""
        if self._thread is not None:
            self._thread.join()
            self._thread = None
        error, self._error = self._error, None
        if error is not None:
            raise error

    def close(self) -> None:
        """A clean stop, after the last block was sealed and before the data directory is closed."""
        if self._age_blocks >= self._interval_blocks / 2 and not self.is_writing:
            self.start(self._history.head)
        self.wait()

    def abandon(self) -> None:
        """Stop without a checkpoint: what is half written is left for the next start to remove."""
        self._is_stopping.set()
        if self._thread is not None:
            self._thread.join()

    def _write(self, block: SealedBlock, codes: Sequence[bytes]) -> None:
        try:
            write_checkpoint(self._datadir, self._state, self._history, block, codes, self._is_stopping)
        except StorageError as error:
            self._error = error
            if self._on_error is not None:
                self._on_error(error)
        except BaseException as error:  # Ours: it is raised in `wait`.
            self._error = error
        finally:
            self._state.unpin(block.version)


def age_of(block: SealedBlock) -> float:
    """By how much `block` makes the checkpoints before it older."""
    # A block without transactions may have a mini-block, too, with what system calls wrote.
    return 1.0 if block.header.gas_used else 1 / EMPTY_BLOCKS_PER_BLOCK


def checkpoint_numbers(directory: Path) -> list[int]:
    """Block numbers of the complete checkpoints, ascending."""
    names = [path.name for path in directory.iterdir()]
    return sorted(int(name) for name in names if name.isascii() and name.isdecimal() and name == str(int(name)))


def remove_unfinished(directory: Path) -> None:
    """Remove what an interrupted process left half written or half removed."""
    for path in directory.glob("*" + _UNFINISHED):
        shutil.rmtree(path, ignore_errors=True)  # One that stays is in nobody's way until it is written anew.


def write_checkpoint(
    datadir: Datadir,
    state: State,
    history: History,
    block: SealedBlock,
    codes: Sequence[bytes],
    is_stopping: threading.Event | None = None,
) -> None:
    """
    Write the checkpoint of `block`, whose version the caller has pinned, and remove the ones no longer kept.

    `codes` are all that the chain ever had up to this version: later diffs leave out what they can name by its hash,
    also where no account has it any more.

    Raises StorageUnavailable. Gives up without a word once `is_stopping` is set.
    """
    final = datadir.checkpoints_path / str(block.number)
    unfinished = final.with_name(final.name + _UNFINISHED)
    stopping = threading.Event() if is_stopping is None else is_stopping
    try:
        shutil.rmtree(unfinished, ignore_errors=True)
        if not _write_entries(unfinished, datadir, _entries(state, block.version, codes), block, stopping):
            return
        for file in unfinished.iterdir():
            sync_file(file)
        sync_file(unfinished)
        history.sync()
        if final.exists():  # A damaged one that was passed over.
            _remove(final)
        unfinished.replace(final)
        sync_file(datadir.checkpoints_path)
        for number in checkpoint_numbers(datadir.checkpoints_path)[:-CHECKPOINTS_KEPT]:
            _remove(datadir.checkpoints_path / str(number))
    except OSError as error:
        raise StorageUnavailable(
            f"storage unavailable: writing the checkpoint {final} failed ({error.strerror}): make room or mend the disk"
        ) from error


def read_manifest(datadir: Datadir, number: int) -> Manifest | None:
    """The manifest of a checkpoint of this chain, None if it is damaged or another chain's."""
    try:
        with _Opened(datadir.checkpoints_path / str(number)) as disk:
            manifest = Manifest.decode(disk.get(_MANIFEST) or b"")
    except (StorageError, DecodingError, OSError):
        return None
    is_ours = (manifest.chain_id, manifest.genesis_hash) == (datadir.identity.chain_id, datadir.identity.genesis_hash)
    return manifest if is_ours and manifest.block_number == number else None


def load_checkpoint(datadir: Datadir, manifest: Manifest, seed: int) -> tuple[State, StateTrie] | None:
    """
    State and trie as they were at the end of the manifest's block, None if the checkpoint is damaged.

    The checksum, the count of the entries and the state root computed anew must all fit.
    """
    state, trie = State(seed), StateTrie()
    try:
        with _Opened(datadir.checkpoints_path / str(manifest.block_number)) as disk:
            entries = _Summed(chain(disk.iterate(_CODE, _after(_CODE)), disk.iterate(_ACCOUNT, _after(_ACCOUNT))))
            for diff in _diffs(entries):
                state.apply(diff)
                trie.apply(diff)
    except (StorageError, DecodingError, OSError):
        return None
    if (entries.count, entries.checksum) != (manifest.entry_count, manifest.checksum):
        return None
    if trie.root() != manifest.state_root:
        return None
    state.restore_version(manifest.version)
    return state, trie


class _Summed:
    """Entries on their way from or to the disk, counted and summed."""

    def __init__(self, entries: Iterable[tuple[bytes, bytes]]) -> None:
        self._entries = entries
        self.count = 0
        self.checksum = 0  # Of the hashes of the entries, modulo 2^128.

    def __iter__(self) -> Iterator[tuple[bytes, bytes]]:
        for key, value in self._entries:
            self.count += 1
            digest = _digest(len(key).to_bytes(1, "big") + key + value)
            self.checksum = (self.checksum + int.from_bytes(digest, "big")) % _CHECKSUM_MODULUS
            yield key, value


class _Opened:
    """A checkpoint's database, closed at the end of the block."""

    def __init__(self, path: Path) -> None:
        self._disk = LevelDisk(path, create=False)

    def __enter__(self) -> LevelDisk:
        return self._disk

    def __exit__(self, *exception: object) -> None:
        self._disk.close()


def _write_entries(
    path: Path,
    datadir: Datadir,
    source: Iterable[tuple[bytes, bytes]],
    block: SealedBlock,
    is_stopping: threading.Event,
) -> bool:
    """Fill a new database with the entries of the state at the end of `block`; whether it got to the manifest."""
    disk = LevelDisk(path, create=True)
    try:
        entries = _Summed(source)
        for batch in _batches(entries):
            disk.put_many(batch, durable=False)
            if is_stopping.wait(_REST_S):
                return False
        manifest = Manifest(
            chain_id=datadir.identity.chain_id,
            genesis_hash=datadir.identity.genesis_hash,
            block_number=block.number,
            block_hash=block.hash,
            state_root=block.header.state_root,
            version=block.version,
            entry_count=entries.count,
            checksum=entries.checksum,
        )
        disk.put_many([(_MANIFEST, manifest.encode())], durable=True)
    finally:
        disk.close()
    return True


def _entries(state: State, version: int, codes: Iterable[bytes]) -> Iterator[tuple[bytes, bytes]]:
    """The codes, and every account and slot at `version`, each once."""
    for code in codes:
        yield _CODE + keccak256(code), code
    for address, account in state.accounts_at(version):
        numbers = account.nonce.to_bytes(8, "big") + account.balance.to_bytes(32, "big")
        yield _ACCOUNT + address, numbers + account.code_hash
        for key, value in state.storage_at(version, address):
            yield _ACCOUNT + address + key.to_bytes(32, "big"), rlp.encode_int(value)


def _diffs(entries: Iterable[tuple[bytes, bytes]]) -> Iterator[StateDiff]:
    """
    Diffs that write the entries, which are in the order of their keys; DecodingError for what is no entry.

    An account with many slots stands in several of them.
    """
    address, account = b"", None
    for batch in _batches(entries):
        codes: list[bytes] = []
        storage: dict[bytes, tuple[Account | None, list[tuple[int, int]]]] = {}
        for key, value in batch:
            if key.startswith(_CODE) and key[1:] == keccak256(value):
                codes.append(value)
            elif len(key) == _ADDRESS_KEY_BYTES and len(value) == _ACCOUNT_VALUE_BYTES:
                address, account = key[1:], _decode_account(value)
                storage[address] = account, []
            elif len(key) == _SLOT_KEY_BYTES and key[1:_ADDRESS_KEY_BYTES] == address and 0 < len(value) <= 32:
                slot = int.from_bytes(key[_ADDRESS_KEY_BYTES:], "big"), int.from_bytes(value, "big")
                storage.setdefault(address, (account, []))[1].append(slot)
            else:
                raise DecodingError("checkpoint: an entry is neither account, slot nor code")
        changes = [AccountChange(address, account, tuple(slots)) for address, (account, slots) in storage.items()]
        yield StateDiff(tuple(changes), tuple(codes))


def _decode_account(value: bytes) -> Account:
    return Account(int.from_bytes(value[:8], "big"), int.from_bytes(value[8:40], "big"), value[40:])


def _batches(entries: Iterable[tuple[bytes, bytes]]) -> Iterator[list[tuple[bytes, bytes]]]:
    iterator = iter(entries)
    while batch := list(islice(iterator, _BATCH_ENTRIES)):
        yield batch


def _after(prefix: bytes) -> bytes:
    return bytes((prefix[0] + 1,))


def _digest(data: bytes) -> bytes:
    return hashlib.blake2b(data, digest_size=_CHECKSUM_BYTES).digest()


def _remove(path: Path) -> None:
    """Remove a checkpoint so that an interruption leaves none that looks complete."""
    doomed = path.with_name(path.name + _UNFINISHED)
    shutil.rmtree(doomed, ignore_errors=True)
    path.replace(doomed)
    shutil.rmtree(doomed)
