"""
The state diff of a mini-block, from the rows that it changed.

The rows come from the older values that the mini-block pushed (versions.py), so sealing costs as much as was written,
whatever the state holds.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from primitives.constants import KECCAK_EMPTY
from primitives.state_diff import Account, AccountChange, StateDiff
from statestore.kernel_calls import Kernels
from statestore.table import TableSet

Rows = npt.NDArray[np.int64]


def code_bytes(tables: TableSet, row: int) -> bytes:
    """The code in a row."""
    record = tables.codes[row]
    start = int(record["offset"])
    return tables.code_bytes[start : start + int(record["size_bytes"])].tobytes()


def changed_rows(kernels: Kernels, tables: TableSet, accounts_start: int, slots_start: int) -> tuple[Rows, Rows]:
    """
    The rows of accounts and of slots that are not what they were at the last seal.

    accounts_start, slots_start : how many older values had been pushed then
    """
    counters = tables.counters[0]
    accounts = np.empty(int(counters["older_accounts_end"]) - accounts_start, np.int64)
    slots = np.empty(int(counters["older_slots_end"]) - slots_start, np.int64)
    account_count = kernels.changed_accounts(tables.address, accounts_start, accounts.ctypes.data)
    slot_count = kernels.changed_slots(tables.address, slots_start, slots.ctypes.data)
    return accounts[:account_count], slots[:slot_count]


def all_rows(tables: TableSet) -> tuple[Rows, Rows]:
    """The rows of all accounts that exist and of all slots that are not zero."""
    counters = tables.counters[0]
    accounts = tables.accounts["exists"][: counters["account_count"]]
    slots = tables.slots["value"][: counters["slot_count"]]
    return np.flatnonzero(accounts), np.flatnonzero(slots.any(axis=1))


def diff_of(tables: TableSet, account_rows: Rows, slot_rows: Rows, version: int) -> StateDiff:
    """
    The diff that holds the present values of these rows; codes that it is the first to hold get `version`.

    version : as the tables count it
    """
    slots = tables.slots[slot_rows]
    rows = np.union1d(account_rows, slots["account"].astype(np.int64))
    accounts = tables.accounts[rows]
    by_address = np.lexsort(accounts["address"].T)
    rank = np.empty(len(rows), np.int64)
    rank[by_address] = np.arange(len(rows))
    slot_rank = rank[np.searchsorted(rows, slots["account"])]
    by_key = np.lexsort((*slots["key"].T, slot_rank))
    bounds = np.searchsorted(slot_rank[by_key], np.arange(len(rows) + 1)).tolist()

    accounts = accounts[by_address]
    pairs = _pairs(slots[by_key])
    addresses = accounts["address"].tobytes()
    fields = zip(*(accounts[name].tolist() for name in ("exists", "nonce", "code")), strict=True)
    balances = accounts["balance"].tobytes()
    hashes = {code: tables.codes["hash"][code].tobytes()[::-1] for code in set(accounts["code"].tolist()) if code}
    hashes[0] = KECCAK_EMPTY
    changes = []
    for index, (exists, nonce, code) in enumerate(fields):
        balance = int.from_bytes(balances[32 * index : 32 * index + 32], "little")
        changes.append(
            AccountChange(
                addresses[24 * index : 24 * index + 20][::-1],
                Account(nonce, balance, hashes[code]) if exists else None,
                tuple(pairs[bounds[index] : bounds[index + 1]]),
            )
        )
    return StateDiff(tuple(changes), _new_codes(tables, hashes, version))


def _pairs(slots: npt.NDArray[Any]) -> Sequence[tuple[int, int]]:
    """(key, value) of each slot."""
    keys, values = slots["key"].tobytes(), slots["value"].tobytes()
    return [
        (int.from_bytes(keys[start : start + 32], "little"), int.from_bytes(values[start : start + 32], "little"))
        for start in range(0, len(keys), 32)
    ]


def _new_codes(tables: TableSet, hashes: dict[int, bytes], version: int) -> tuple[bytes, ...]:
    """Of the codes named, those that no diff held before, by hash; they are marked."""
    new = sorted((code_hash, row) for row, code_hash in hashes.items() if row and not tables.codes["version"][row])
    for _, row in new:
        tables.codes["version"][row] = version
    return tuple(code_bytes(tables, row) for _, row in new)
