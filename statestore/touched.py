"""
What the running transaction has touched, as its undo journal names it: for comparing engines with one another.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from statestore.journal import STORAGE, TRANSIENT, WARM_SLOT
from statestore.table import TableSet
from statestore.view import Touched


def touched_now(tables: TableSet) -> Touched:
    """Every account and slot with an entry in the journal, of a value or of a mark."""
    entries = tables.undo[: int(tables.counters["undo_count"][0])]
    kinds, rows = entries["kind"], entries["row"]
    is_slot = (kinds == STORAGE) | (kinds == WARM_SLOT)
    slots = tables.slots[np.unique(rows[is_slot])]
    accounts = np.unique(rows[~is_slot & (kinds != TRANSIENT)])
    return Touched(
        accounts=frozenset(_addresses(tables, accounts)),
        slots=frozenset(zip(_addresses(tables, slots["account"]), _numbers(slots["key"]), strict=True)),
    )


def _addresses(tables: TableSet, rows: npt.NDArray[Any]) -> Iterator[bytes]:
    return (number.to_bytes(20, "big") for number in _numbers(tables.accounts["address"][rows]))


def _numbers(limbs: npt.NDArray[Any]) -> Iterator[int]:
    return (int.from_bytes(row.tobytes(), "little") for row in limbs)
