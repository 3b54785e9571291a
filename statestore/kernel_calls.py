"""
The kernels as Python calls them: C functions that take pointers.

A call through Numba's dispatcher unpacks a dozen arrays each time (1.5 us); a C function takes the address of a table
of pointers (0.35 us) and `bytes` objects as they are. Integers of 256 bits go as 32 bytes, least significant first;
an address as its 20 bytes. Calls of a few hundred nanoseconds keep Python's lock, for giving it up would hand the
processor to another thread; long ones (streams, filling an index) release it.

Compiled once for all states, or loaded from the disk cache if no source changed; `compile_kernels` does it at a moment
of the caller's choice and reports progress, the first `State` does it otherwise.
"""

# mypy: allow-untyped-defs, allow-untyped-calls

import ctypes
from collections.abc import Callable
from threading import Lock
from typing import Any, NamedTuple

import numpy as np
from numba import carray, types  # type: ignore[attr-defined]

from primitives.kernels_cache import compile_function, njit
from statestore import accounts, code, journal, storage, versions
from statestore.memory_order import pointer_at
from statestore.table import (
    ACCOUNT,
    ACCOUNTS_FULL,
    ARRAY_COUNT,
    CODE,
    COUNTERS,
    OLDER_ACCOUNT,
    OLDER_SLOT,
    SLOT,
    SLOTS_FULL,
    UNDO,
    Tables,
)

POINTER_COUNT = 2 * ARRAY_COUNT + 1
ACCOUNT_ROW_WORDS = 3 + versions.ACCOUNT_WORDS
NUMBERS, WORDS, BYTES = types.CPointer(types.int64), types.CPointer(types.uint64), types.CPointer(types.uint8)
INT = types.int64
EIGHT = np.uint64(8)


@njit
def tables_at(pointers):
    """The tables of a `TableSet`, from the pointer that it hands out."""
    p = carray(pointers, (POINTER_COUNT,))
    n = p[ARRAY_COUNT:]
    return Tables(
        carray(pointer_at(p[0]), (n[0],), np.uint64),
        carray(pointer_at(p[1]), (n[1],), ACCOUNT),
        carray(pointer_at(p[2]), (n[2],), OLDER_ACCOUNT),
        carray(pointer_at(p[3]), (n[3],), np.uint64),
        carray(pointer_at(p[4]), (n[4],), SLOT),
        carray(pointer_at(p[5]), (n[5],), OLDER_SLOT),
        carray(pointer_at(p[6]), (n[6],), np.uint64),
        carray(pointer_at(p[7]), (n[7],), CODE),
        carray(pointer_at(p[8]), (n[8],), np.uint8),
        carray(pointer_at(p[9]), (n[9],), UNDO),
        carray(pointer_at(p[10]), (n[10],), COUNTERS),
        n[ARRAY_COUNT],
    )


@njit
def word_at(pointer):
    """A 256-bit integer as a tuple of four uint64."""
    return pointer[0], pointer[1], pointer[2], pointer[3]


@njit
def limb_of(pointer, start, stop):
    """Bytes `start` to `stop`, most significant first, as a uint64."""
    limb = np.uint64(0)
    for position in range(start, stop):
        limb = (limb << EIGHT) | np.uint64(pointer[position])
    return limb


@njit
def address_at(pointer):
    """The 20 bytes of an address as a tuple of three uint64."""
    return limb_of(pointer, 12, 20), limb_of(pointer, 4, 12), limb_of(pointer, 0, 4)


class KernelCall(NamedTuple):
    """A function to compile: what it takes after the table of pointers, and whether Python's lock is kept."""

    function: Callable[..., int]
    parameters: tuple[Any, ...]
    holds_lock: bool


CALLS: dict[str, KernelCall] = {}


def kernel_call(*parameters: Any, holds_lock: bool = True) -> Callable[[Callable[..., int]], Callable[..., int]]:
    """Declare a function that `Kernels` has as an attribute once it is compiled; all return int64."""

    def declare(function: Callable[..., int]) -> Callable[..., int]:
        CALLS[function.__name__] = KernelCall(function, parameters, holds_lock)
        return function

    return declare


@kernel_call(BYTES)
def touch(pointers, address):
    """Create an account that does not exist; its row."""
    return accounts.touch(tables_at(pointers), address_at(address))


@kernel_call(BYTES, WORDS)
def set_balance(pointers, address, balance):
    """Replace a balance."""
    tables = tables_at(pointers)
    row = accounts.touch(tables, address_at(address))
    return row if row < 0 else accounts.write_balance(tables, row, word_at(balance))


@kernel_call(BYTES, types.uint64)
def set_nonce(pointers, address, nonce):
    """Replace a nonce."""
    tables = tables_at(pointers)
    row = accounts.touch(tables, address_at(address))
    return row if row < 0 else accounts.write_nonce(tables, row, nonce)


@kernel_call(BYTES, INT)
def set_code(pointers, address, code_row):
    """Replace a code by a row of the codes."""
    tables = tables_at(pointers)
    row = accounts.touch(tables, address_at(address))
    return row if row < 0 else accounts.write_code(tables, row, code_row)


@kernel_call(BYTES, WORDS, WORDS)
def set_storage(pointers, address, key, value):
    """Replace a slot's value."""
    return storage.write_storage(tables_at(pointers), address_at(address), word_at(key), word_at(value))


@kernel_call(BYTES, INT)
def clear(pointers, address, with_account):
    """Set an account's slots to 0, and remove it too if asked to."""
    tables = tables_at(pointers)
    row = accounts.find_account(tables, address_at(address))
    if row == 0:
        return 0
    status = storage.clear_storage(tables, row)
    return accounts.remove_account(tables, row) if status == 0 and with_account else status


@kernel_call(WORDS, BYTES, INT)
def intern_code(pointers, code_hash, code_bytes, size_bytes):
    """The row of a code, by its hash."""
    return code.intern_code(tables_at(pointers), word_at(code_hash), carray(code_bytes, (size_bytes,)))


@kernel_call(WORDS)
def find_code(pointers, code_hash):
    """The row of a code, 0 if it is unknown."""
    return code.find_code(tables_at(pointers), word_at(code_hash))


@kernel_call(BYTES, INT, WORDS)
def read_account(pointers, address, version, out):
    """An account at a version."""
    words = carray(out, (versions.ACCOUNT_WORDS,))
    return accounts.read_account(tables_at(pointers), address_at(address), version, words)


@kernel_call(BYTES, WORDS, INT, WORDS)
def read_storage(pointers, address, key, version, out):
    """A slot's value at a version."""
    return storage.read_storage(tables_at(pointers), address_at(address), word_at(key), version, carray(out, (4,)))


@kernel_call(BYTES, WORDS, WORDS)
def read_original(pointers, address, key, out):
    """A slot's value when the running transaction began."""
    return storage.read_original(tables_at(pointers), address_at(address), word_at(key), carray(out, (4,)))


@kernel_call(BYTES, INT, WORDS)
def has_storage(pointers, address, version, scratch):
    """Whether a slot of an account was not zero at a version."""
    return storage.has_storage(tables_at(pointers), address_at(address), version, carray(scratch, (4,)))


@kernel_call(BYTES)
def first_slot(pointers, address):
    """Where an account's list of slots begins."""
    return storage.first_slot(tables_at(pointers), address_at(address))


@kernel_call(INT, NUMBERS, WORDS, INT, holds_lock=False)
def read_accounts(pointers, version, cursor, out, limit):
    """The next accounts of a stream."""
    rows = carray(out, (limit, ACCOUNT_ROW_WORDS))
    return accounts.read_accounts(tables_at(pointers), version, carray(cursor, (1,)), rows, limit)


@kernel_call(INT, NUMBERS, WORDS, INT, holds_lock=False)
def read_slots(pointers, version, cursor, out, limit):
    """The next slots of a stream."""
    rows = carray(out, (limit, storage.STORAGE_WORDS))
    return storage.read_slots(tables_at(pointers), version, carray(cursor, (1,)), rows, limit)


@kernel_call()
def begin_transaction(pointers):
    """Forget the journal."""
    journal.begin_transaction(tables_at(pointers))
    return 0


@kernel_call()
def snapshot(pointers):
    """How many entries the journal has."""
    return tables_at(pointers).counters[0].undo_count


@kernel_call(INT)
def revert(pointers, kept):
    """Undo down to `kept` entries; 0 if the journal has fewer, else 1."""
    tables = tables_at(pointers)
    if kept > tables.counters[0].undo_count:
        return 0
    journal.revert(tables, kept)
    return 1


@kernel_call(INT, NUMBERS, INT)
def changed_accounts(pointers, first, rows, limit):
    """The accounts that the open mini-block changed."""
    return versions.changed_accounts(tables_at(pointers), first, carray(rows, (limit,)))


@kernel_call(INT, NUMBERS, INT)
def changed_slots(pointers, first, rows, limit):
    """The slots that it changed."""
    return versions.changed_slots(tables_at(pointers), first, carray(rows, (limit,)))


@kernel_call(INT, INT, INT)
def discard(pointers, oldest, accounts_start, slots_start):
    """Let older values go."""
    versions.discard(tables_at(pointers), oldest, accounts_start, slots_start)
    return 0


@kernel_call(INT, holds_lock=False)
def fill_index(pointers, which):
    """Fill the empty index of the table that a status names, after it has grown."""
    tables = tables_at(pointers)
    if which == ACCOUNTS_FULL:
        return accounts.index_accounts(tables)
    if which == SLOTS_FULL:
        return storage.index_slots(tables)
    return code.index_codes(tables)


class Kernels:
    """Every function above, compiled, under its name; each takes the address of a `TableSet` first."""

    touch: Callable[..., int]
    set_balance: Callable[..., int]
    set_nonce: Callable[..., int]
    set_code: Callable[..., int]
    set_storage: Callable[..., int]
    clear: Callable[..., int]
    intern_code: Callable[..., int]
    find_code: Callable[..., int]
    read_account: Callable[..., int]
    read_storage: Callable[..., int]
    read_original: Callable[..., int]
    has_storage: Callable[..., int]
    first_slot: Callable[..., int]
    read_accounts: Callable[..., int]
    read_slots: Callable[..., int]
    begin_transaction: Callable[..., int]
    snapshot: Callable[..., int]
    revert: Callable[..., int]
    changed_accounts: Callable[..., int]
    changed_slots: Callable[..., int]
    discard: Callable[..., int]
    fill_index: Callable[..., int]

    def __init__(self, progress: Callable[[str, int, int], None]) -> None:
        self._compiled: list[Any] = []  # Keeps the machine code.
        for done, (name, call) in enumerate(CALLS.items()):
            progress(name, done, len(CALLS))
            compiled, address = compile_function(call.function, INT(NUMBERS, *call.parameters))
            self._compiled.append(compiled)
            prototype = ctypes.PYFUNCTYPE if call.holds_lock else ctypes.CFUNCTYPE
            parameters = (ctypes.c_void_p, *map(_c_type, call.parameters))
            setattr(self, name, prototype(ctypes.c_int64, *parameters)(address))
        progress("", len(CALLS), len(CALLS))


def _c_type(parameter: Any) -> Any:
    if parameter == INT:
        return ctypes.c_int64
    return ctypes.c_uint64 if parameter == types.uint64 else ctypes.c_void_p


_lock = Lock()
_kernels: list[Kernels] = []


def compile_kernels(progress: Callable[[str, int, int], None] = lambda name, done, count: None) -> Kernels:
    """
    The compiled functions, compiled or loaded from the disk cache by the first call of the process.

    progress : called with the name of the function that comes next, how many are done, and how many there are
    """
    with _lock:
        if not _kernels:
            _kernels.append(Kernels(progress))
        return _kernels[0]
