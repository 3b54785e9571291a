"""
The state in RAM: one writer, and readers that never wait for it nor it for them.

`State` is the Python face of the tables and kernels (table.py, accounts.py, storage.py, code.py, journal.py); how
readers are kept apart from the writer is told in versions.py. One thread writes; `view`, `view_at`, `pin`,
`accounts_at` and what they return may be used by any thread at any time.
"""

import ctypes
import hashlib
from collections import deque
from collections.abc import Callable, Iterator
from threading import Lock
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from primitives.constants import KECCAK_EMPTY
from primitives.errors import DecodingError, UnknownBlock
from primitives.keccak import keccak256
from primitives.state_diff import Account, StateDiff
from statestore.accounts import STREAMED_ACCOUNT_SIZE_BYTES
from statestore.kernel_calls import compile_kernels
from statestore.net_diff import all_rows, changed_rows, code_bytes, diff_of
from statestore.overlay import EmptyView
from statestore.storage import STREAMED_SLOT_SIZE_BYTES
from statestore.table import (
    DISCARDED,
    GROWN_BY,
    MOVED,
    Capacities,
    TableSet,
    grow,
    make_tables,
)
from statestore.touched import changed_now, touched_now
from statestore.versions import LATEST, LOADING
from statestore.view import StateView, Touched

STREAM_CHUNK_ROWS = 1_024  # Looked at in one call, without Python's lock: about 0.1 ms.

AccountBuffer = ctypes.c_char * 72
WordBuffer = ctypes.c_char * 32


class Mark(NamedTuple):
    """A seal: the version, and how many older values its mini-block and those before had pushed."""

    version: int
    accounts_end: int
    slots_end: int


def account_from(words: bytes) -> Account:
    """The account that 72 bytes hold: balance, nonce, code hash, least significant byte first."""
    return Account(int.from_bytes(words[32:40], "little"), int.from_bytes(words[:32], "little"), words[:39:-1])


class State:
    """
    A `WorldState` over tables in RAM, with a view of every version that is kept.

    seed : of the hash indexes; who knows it can choose keys that collide
    capacities : how much there is room for at first
    """

    def __init__(self, seed: int = 0, capacities: Capacities = Capacities()) -> None:  # noqa: B008
        digest = hashlib.blake2b(b"leveret index" + str(seed).encode(), digest_size=16).digest()
        hash_key = int.from_bytes(digest[:8], "big"), int.from_bytes(digest[8:], "big")
        self._kernels = compile_kernels()
        self._tables = make_tables(capacities, hash_key)
        self._tables.codes["hash"][0] = np.frombuffer(KECCAK_EMPTY[::-1], np.uint64)
        self.version = 0
        self.oldest_version = 0
        self._marks: deque[Mark] = deque()
        self._sealed = Mark(0, 0, 0)
        self._pins: dict[int, int] = {}
        self._grown: dict[int, int] = {}  # By status, the transaction that ran when it was met last.
        self._kept_from = 0
        self._window = Lock()  # Of pins and discarding, not of reads.

    # Reads of what is being written.

    def account(self, address: bytes) -> Account | None:
        """The account, or None if it does not exist."""
        return self.account_in(LATEST, address)

    def storage(self, address: bytes, key: int) -> int:
        """The value in a slot, 0 if it was never written."""
        return self.storage_in(LATEST, address, key)

    def has_storage(self, address: bytes) -> bool:
        """Whether a slot of the account is not zero."""
        assert len(address) == 20
        return self._kernels.has_storage(self._tables.address, address) == 1

    def code(self, code_hash: bytes) -> bytes:
        """The bytecode with this hash."""
        if code_hash == KECCAK_EMPTY:
            return b""
        tables = self._tables
        row = self._kernels.find_code(tables.address, code_hash[::-1])
        assert row > 0, "the code is that of an account"
        return code_bytes(tables, row)

    def code_row(self, code_hash: bytes) -> int:
        """The row of a code, 0 if the state has none with this hash."""
        return max(0, self._kernels.find_code(self._tables.address, code_hash[::-1]))

    def original_storage(self, address: bytes, key: int) -> int:
        """The value that the slot had when the transaction began."""
        assert len(address) == 20
        out = WordBuffer()
        found = self._kernels.read_original(self._tables.address, address, key.to_bytes(32, "little"), out)
        return int.from_bytes(out.raw, "little") if found else 0

    # Writes.

    def begin_transaction(self) -> None:
        """Make what was written so far permanent; earlier snapshots end."""
        self._kernels.begin_transaction(self._tables.address)

    def touch(self, address: bytes) -> None:
        """Create the account, empty, if it does not exist."""
        self._write(self._kernels.touch, address)

    def set_balance(self, address: bytes, balance_wei: int) -> None:
        """Replace the balance."""
        self._write(self._kernels.set_balance, address, balance_wei.to_bytes(32, "little"))

    def set_nonce(self, address: bytes, nonce: int) -> None:
        """Replace the nonce."""
        assert 0 <= nonce < 1 << 64
        self._write(self._kernels.set_nonce, address, nonce)

    def set_code(self, address: bytes, code: bytes) -> None:
        """Replace the bytecode."""
        self._write(self._kernels.set_code, address, self._intern_code(code))

    def set_storage(self, address: bytes, key: int, value: int) -> None:
        """Replace the value of a slot; 0 removes it."""
        self._write(self._kernels.set_storage, address, key.to_bytes(32, "little"), value.to_bytes(32, "little"))

    def clear_storage(self, address: bytes) -> None:
        """Set every slot of the account to 0."""
        self._write(self._kernels.clear, address, 0)

    def delete_account(self, address: bytes) -> None:
        """Remove the account with its storage."""
        self._write(self._kernels.clear, address, 1)

    def snapshot(self) -> int:
        """A position in the journal."""
        return self._kernels.snapshot(self._tables.address)

    def revert(self, snapshot: int) -> None:
        """Undo every write made since `snapshot`."""
        is_ours = self._kernels.revert(self._tables.address, snapshot)
        assert is_ours, "the snapshot belongs to an earlier transaction"

    def touched(self) -> Touched:
        """What the running transaction wrote or made warm and no revert took back, also where nothing differs now."""
        return touched_now(self._tables)

    def changed(self) -> Touched:
        """What is not as it was when the running transaction began."""
        return changed_now(self._tables)

    # Versions.

    def seal(self) -> StateDiff:
        """End the mini-block being written and return what it changed; the version rises by one."""
        return self._seal(self.version + 1)

    def seal_genesis(self) -> StateDiff:
        """End the writing of genesis, which becomes version 0; the diff holds everything."""
        assert self._is_loading, "genesis is sealed first, and once"
        return self._seal(0)

    def restore_version(self, version: int) -> None:
        """Make everything written so far, from a checkpoint, the state at `version`."""
        assert self._is_loading, "a checkpoint is loaded first, and once"
        self._tables.codes["version"][1 : self._counter("code_count")] = LOADING
        self._open(version)

    def apply(self, diff: StateDiff) -> None:
        """Write the final values of a diff; DecodingError if it names a code that nobody has."""
        self.begin_transaction()
        for code in diff.codes:
            self._intern_code(code)
        for address, account, slots in diff.accounts:
            if account is None:
                self.delete_account(address)
                if any(value for _, value in slots):
                    raise DecodingError(f"state diff: account 0x{address.hex()} is gone but has storage")
                continue
            code_row = 0
            if account.code_hash != KECCAK_EMPTY:
                code_row = self._kernels.find_code(self._tables.address, account.code_hash[::-1])
                if code_row == 0:
                    raise DecodingError(f"state diff: nobody has the code 0x{account.code_hash.hex()}")
            self.set_balance(address, account.balance)
            self.set_nonce(address, account.nonce)
            self._write(self._kernels.set_code, address, code_row)
            for key, value in slots:
                self.set_storage(address, key, value)
        self.begin_transaction()

    def view(self) -> StateView:
        """The state at the last seal."""
        return self.view_at(self.version)

    def view_at(self, version: int) -> StateView:
        """The state at a version that is kept; UnknownBlock for any other."""
        self._require(version)
        return EmptyView() if self._is_loading else View(self, version)

    def discard_before(self, version: int) -> None:
        """Let go of versions before `version`, except from the oldest pinned one on."""
        with self._window:
            self._kept_from = max(self._kept_from, min(version, self.version))
            self._discard()

    def pin(self, version: int) -> None:
        """Keep a version until it is unpinned as often as it was pinned; UnknownBlock if it is not kept now."""
        with self._window:
            self._require(version)
            self._pins[version] = self._pins.get(version, 0) + 1

    def unpin(self, version: int) -> None:
        """Take back one `pin`."""
        with self._window:
            self._pins[version] -= 1
            if not self._pins[version]:
                del self._pins[version]

    def accounts_at(self, version: int) -> Iterator[tuple[bytes, Account]]:
        """Every account at a version, in no particular order; UnknownBlock when the version is not kept."""
        self._require(version)
        return iter(()) if self._is_loading else self._stream_accounts(version)

    def storage_at(self, version: int, address: bytes) -> Iterator[tuple[int, int]]:
        """Every slot of an account that is not zero at a version, as (key, value), in no particular order."""
        self._require(version)
        return iter(()) if self._is_loading else self._stream_slots(version, address)

    def codes(self) -> Iterator[bytes]:
        """Every code that a sealed state had, also those that no account has now."""
        tables = self._tables
        for row in range(1, self._counter("code_count")):
            if tables.codes["version"][row] > 0:
                yield code_bytes(tables, row)

    @property
    def tables(self) -> TableSet:
        """The tables as they are now, for an engine that runs in kernels; `grow` replaces them."""
        return self._tables

    @property
    def size_bytes(self) -> int:
        """Memory reserved for the tables; what was never written takes none."""
        return self._tables.size_bytes

    @property
    def account_rows(self) -> int:
        """Accounts that have, or had, a row: whether or not they exist, vacant ones too."""
        return self._counter("account_count") - 1

    @property
    def slot_rows(self) -> int:
        """Slots that have, or had, a row: whether or not they are zero, vacant ones too."""
        return self._counter("slot_count") - 1

    # Reads at a version, for views.

    def account_in(self, version: int, address: bytes) -> Account | None:
        """An account at a version as the tables count them."""
        assert len(address) == 20
        out = AccountBuffer()
        status = MOVED
        while status == MOVED:
            tables = self._tables  # Held while the kernel reads.
            status = self._kernels.read_account(tables.address, address, version, out)
        if status == DISCARDED:
            raise self._unknown(version - 1)
        return account_from(out.raw) if status else None

    def storage_in(self, version: int, address: bytes, key: int) -> int:
        """A slot's value at a version as the tables count them."""
        assert len(address) == 20
        out, key_bytes = WordBuffer(), key.to_bytes(32, "little")
        status = MOVED
        while status == MOVED:
            tables = self._tables
            status = self._kernels.read_storage(tables.address, address, key_bytes, version, out)
        if status == DISCARDED:
            raise self._unknown(version - 1)
        return int.from_bytes(out.raw, "little") if status else 0

    def _stream_accounts(self, version: int) -> Iterator[tuple[bytes, Account]]:
        out = np.empty((STREAM_CHUNK_ROWS, STREAMED_ACCOUNT_SIZE_BYTES), np.uint8)
        cursor = np.ones(1, np.int64)
        while cursor[0]:
            for words in self._read_rows(self._kernels.read_accounts, self._tables, version, cursor, out):
                yield words[19::-1], account_from(words[24:])

    def _stream_slots(self, version: int, address: bytes) -> Iterator[tuple[int, int]]:
        """See `storage_at`. Tables that are new may have other rows in the list, but what is told is in one order."""
        assert len(address) == 20
        out = np.empty((STREAM_CHUNK_ROWS, STREAMED_SLOT_SIZE_BYTES), np.uint8)
        cursor, told, tables = np.ones(1, np.int64), 0, None
        while cursor[0]:
            if tables is not self._tables:
                tables, passed = self._tables, 0
                cursor[0] = self._kernels.first_slot(tables.address, address)
            for words in self._read_rows(self._kernels.read_slots, tables, version, cursor, out):
                passed += 1
                if passed > told:
                    told = passed
                    yield int.from_bytes(words[:32], "little"), int.from_bytes(words[32:], "little")

    def _read_rows(
        self,
        kernel: Callable[..., int],
        tables: TableSet,
        version: int,
        cursor: npt.NDArray[np.int64],
        out: npt.NDArray[np.uint8],
    ) -> Iterator[bytes]:
        """The next rows that a streaming kernel fills; none, and the cursor stays, if the tables have moved."""
        count = kernel(tables.address, version + 1, cursor.ctypes.data, out.ctypes.data, len(out))
        if count == DISCARDED:
            raise self._unknown(version)
        size_bytes = out.shape[1]
        filled = out[: max(count, 0)].tobytes()
        for start in range(0, len(filled), size_bytes):
            yield filled[start : start + size_bytes]

    # What is behind the writes.

    def _write(self, kernel: Callable[..., int], address: bytes, *values: bytes | int) -> None:
        assert len(address) == 20
        while (status := kernel(self._tables.address, address, *values)) < 0:
            self.grow(status)

    def _intern_code(self, code: bytes) -> int:
        """The row of a code."""
        if not code:
            return 0
        code_hash = keccak256(code)[::-1]
        while (row := self._kernels.intern_code(self._tables.address, code_hash, code, len(code))) < 0:
            self.grow(row)
        return row

    def grow(self, status: int) -> None:
        """Make room in what a kernel found full; readers go on with the tables that they hold. Called by who writes."""
        vacant_count = self._kernels.count_vacant(self._tables.address, status)
        transaction = self._counter("transaction")
        if transaction <= self._grown.get(status, -1) + 1:
            vacant_count = 0  # A transaction that began again has met it again: it needs more rows than were vacant.
        self._grown[status] = transaction
        grown = grow(self._tables, status, vacant_count)
        if GROWN_BY[status][1] is not None:
            self._kernels.fill_index(grown.address, status)
        self._tables = grown
        grown.counters["generation"] = grown.generation

    def _counter(self, name: str) -> int:
        return int(self._tables.counters[name][0])

    @property
    def _is_loading(self) -> bool:
        return self._counter("writing") == LOADING

    def _seal(self, version: int) -> StateDiff:
        tables = self._tables
        if self._is_loading:
            rows = all_rows(tables)
        else:
            rows = changed_rows(self._kernels, tables, self._sealed.accounts_end, self._sealed.slots_end)
        diff = diff_of(tables, *rows, version + 1)
        self._open(version)
        return diff

    def _open(self, version: int) -> None:
        """Make what was written so far the state at `version`, and begin to write the next one."""
        counters = self._tables.counters
        if self._is_loading:
            self._kept_from = self.oldest_version = version
            counters["oldest"] = version + 1
        self.begin_transaction()
        self._sealed = Mark(version, self._counter("older_accounts_end"), self._counter("older_slots_end"))
        self._marks.append(self._sealed)
        counters["writing"] = version + 2
        self.version = version  # Last: from here on views are made of it.
        with self._window:
            self._discard()

    def _discard(self) -> None:
        """Let go of what neither a pin nor the version asked for keeps."""
        floor = min(self._kept_from, *self._pins) if self._pins else self._kept_from
        if floor <= self.oldest_version:
            return
        self.oldest_version = floor  # First: no more views are made of what is about to go.
        mark = self._marks[0]
        while self._marks and self._marks[0].version <= floor:
            mark = self._marks.popleft()
        self._kernels.discard(self._tables.address, floor + 1, mark.accounts_end, mark.slots_end)

    def _require(self, version: int) -> None:
        if not self.oldest_version <= version <= self.version:
            raise self._unknown(version)

    def _unknown(self, version: int) -> UnknownBlock:
        return UnknownBlock(f"state {version} is not among those kept, {self.oldest_version} to {self.version}")


class View:
    """The state at the end of one mini-block; any thread may read it. UnknownBlock once that version is discarded."""

    def __init__(self, state: State, version: int) -> None:
        self.version = version
        self._state = state
        self._internal = version + 1

    def account(self, address: bytes) -> Account | None:
        """The account, or None if it did not exist."""
        return self._state.account_in(self._internal, address)

    def storage(self, address: bytes, key: int) -> int:
        """The value in a slot, 0 if it was never written."""
        return self._state.storage_in(self._internal, address, key)

    def code(self, code_hash: bytes) -> bytes:
        """The bytecode with this hash."""
        return self._state.code(code_hash)

    def has_storage(self, address: bytes) -> bool:
        """Whether a slot of the account was not zero."""
        return next(self._state.storage_at(self.version, address), None) is not None
