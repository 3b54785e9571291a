"""
The state trie in RAM, and its root, which a block header carries.

Writes only change the tree (trie_writes.py); hashes are computed when a root is asked for, once for each node that
changed since the last time (trie_hashes.py). Nodes are records in tables (trie_nodes.py), of which rows are used again,
so memory follows the size of the state and not the number of writes. Not thread-safe: one thread writes and asks for
roots. Source: Yellow Paper, 4.1 and appendix D.
"""

import ctypes
import struct
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from primitives.compiled_calls import INT, POINTER, compile_call
from primitives.constants import EMPTY_TRIE_ROOT
from primitives.state_diff import EMPTY_ACCOUNT, Account, AccountChange, StateDiff
from statestore.trie_hashes import write_root
from statestore.trie_nodes import BRANCH, LEAF, TRIE
from statestore.trie_paths import HASH_SIZE_BYTES
from statestore.trie_writes import CHANGE, write_changes

_CHANGE = struct.Struct("<20sIQ32s32sq")
assert _CHANGE.size == CHANGE.itemsize
_ROWS_AT_FIRST = 64
_BATCH_ACCOUNTS = 4_096  # Whose changes are encoded at a time.


class _Calls(NamedTuple):
    """The kernels, as Python calls them."""

    write_changes: Callable[..., int]
    write_root: Callable[..., int]


def _write_changes(trie: int, changes: int, count: int, slots: int) -> int:
    """`write_changes`."""
    return write_changes(trie, changes, count, slots)  # type: ignore[no-any-return, no-untyped-call]


def _write_root(trie: int, root: int) -> int:
    """`write_root`."""
    return write_root(trie, root)  # type: ignore[no-any-return, no-untyped-call]


@cache
def trie_calls() -> _Calls:
    """Them, compiled or loaded from the disk cache."""
    return _Calls(compile_call(_write_changes, INT, POINTER, INT, POINTER), compile_call(_write_root, INT, POINTER))


class NodeTables:
    """The tables of a trie's nodes, and the TRIE[1] `record` that kernels get by its `address`."""

    def __init__(self) -> None:
        self.record: npt.NDArray[Any] = np.zeros(1, TRIE)
        self._leaves, self._branches = np.zeros(_ROWS_AT_FIRST, LEAF), np.zeros(_ROWS_AT_FIRST, BRANCH)
        self.record["leaf_count"] = self.record["branch_count"] = 1  # Row 0 is none.
        self.record["empty_root"][0] = np.frombuffer(EMPTY_TRIE_ROOT, np.uint64)
        self.address = self.record.ctypes.data
        self.reserve(0)

    def reserve(self, count: int) -> None:
        """Have room for so many more leaves, and as many branches."""
        self._leaves = self._with_room(self._leaves, "leaf", count)
        self._branches = self._with_room(self._branches, "branch", count)
        self.record["leaves"], self.record["branches"] = self._leaves.ctypes.data, self._branches.ctypes.data

    def _with_room(self, rows: npt.NDArray[Any], name: str, count: int) -> npt.NDArray[Any]:
        needed = int(self.record[f"{name}_count"][0]) + count
        if needed > len(rows):
            grown = np.zeros(1 << (needed - 1).bit_length(), rows.dtype)
            grown[: len(rows)] = rows
            rows = grown
        self.record[f"{name}_capacity"] = len(rows)
        return rows


class StateTrie:
    """The secure trie of all accounts with one secure trie for the storage of each, kept up to date by diffs."""

    def __init__(self) -> None:
        self._calls = trie_calls()
        self._tables = NodeTables()

    def apply(self, diff: StateDiff) -> None:
        """Take in the final values of one more diff."""
        self.write(diff.accounts)

    def write(self, changes: Sequence[AccountChange]) -> None:
        """Take in the final values of accounts and of their slots."""
        for start in range(0, len(changes), _BATCH_ACCOUNTS):
            self._write(changes[start : start + _BATCH_ACCOUNTS])

    def root(self) -> bytes:
        """The state root after everything written."""
        root = ctypes.create_string_buffer(HASH_SIZE_BYTES)
        self._calls.write_root(self._tables.address, root)
        return root.raw

    def _write(self, changes: Sequence[AccountChange]) -> None:
        records, slots = [], []
        for address, account, storage in changes:
            for key, value in storage:
                slots.append(key.to_bytes(32, "big"))
                slots.append(value.to_bytes(32, "little"))
            nonce, balance, code_hash = account or EMPTY_ACCOUNT
            balance_bytes = balance.to_bytes(32, "little")
            slots_end = len(slots) // 2
            records.append(_CHANGE.pack(address, account is not None, nonce, balance_bytes, code_hash, slots_end))
        self._tables.reserve(len(records) + len(slots) // 2)
        self._calls.write_changes(self._tables.address, b"".join(records), len(records), b"".join(slots))


def state_root(accounts: Iterable[tuple[bytes, Account, Mapping[int, int]]]) -> bytes:
    """The state root of (address, account, storage) in any order, computed from nothing."""
    trie = StateTrie()
    trie.write([AccountChange(address, account, tuple(slots.items())) for address, account, slots in accounts])
    return trie.root()
