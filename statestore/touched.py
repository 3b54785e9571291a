"""
What the running transaction has touched and changed, as its undo journal tells: for comparing engines with one another.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from statestore.journal import BALANCE, CODE, EXISTS, NONCE, STORAGE, TRANSIENT, WARM_SLOT
from statestore.table import TableSet
from statestore.view import Touched

_FIELDS = {BALANCE: "balance", NONCE: "nonce", CODE: "code", EXISTS: "exists"}


def touched_now(tables: TableSet) -> Touched:
    """Every account and slot with an entry in the journal, of a value or of a mark."""
    entries = tables.undo[: int(tables.counters["undo_count"][0])]
    kinds, rows = entries["kind"], entries["row"]
    is_slot = (kinds == STORAGE) | (kinds == WARM_SLOT)
    return _named(tables, np.unique(rows[~is_slot & (kinds != TRANSIENT)]), np.unique(rows[is_slot]))


def changed_now(tables: TableSet) -> Touched:
    """Every account and slot that is not what it was when the transaction began."""
    entries = tables.undo[: int(tables.counters["undo_count"][0])]
    was = {}
    for entry in entries[::-1]:  # The oldest entry of each counts.
        if entry["kind"] <= STORAGE:
            was[int(entry["kind"]), int(entry["row"])] = entry["previous"].tobytes()
    accounts, slots = set(), set()
    for (kind, row), previous in was.items():
        if kind == STORAGE:
            if tables.slots["value"][row].tobytes() != previous:
                slots.add(row)
        elif tables.accounts[_FIELDS[kind]][row].tobytes().ljust(32, b"\0") != previous:
            accounts.add(row)
    return _named(tables, np.array(sorted(accounts), np.int64), np.array(sorted(slots), np.int64))


def _named(tables: TableSet, accounts: npt.NDArray[Any], slot_rows: npt.NDArray[Any]) -> Touched:
    slots = tables.slots[slot_rows]
    return Touched(
        accounts=frozenset(_addresses(tables, accounts)),
        slots=frozenset(zip(_addresses(tables, slots["account"]), _numbers(slots["key"]), strict=True)),
    )


def _addresses(tables: TableSet, rows: npt.NDArray[Any]) -> Iterator[bytes]:
    return (number.to_bytes(20, "big") for number in _numbers(tables.accounts["address"][rows]))


def _numbers(limbs: npt.NDArray[Any]) -> Iterator[int]:
    return (int.from_bytes(row.tobytes(), "little") for row in limbs)
