"""
The kernels as Python calls them: C functions that take pointers.

A call through Numba's dispatcher takes 1.5 us where arguments are arrays; a C function takes the address of a table
set (0.35 us) and `bytes` objects as they are. Integers of 256 bits go as 32 bytes, least significant first; an address
as its 20 bytes. Calls of a few hundred nanoseconds keep Python's lock, for giving it up would hand the processor to
another thread; long ones (streams, filling an index) release it.

Compiled once for all states, or loaded from the disk cache if no source changed; `compile_kernels` does it at a moment
of the caller's choice and reports progress, the first `State` does it otherwise.
"""

# mypy: allow-untyped-defs, allow-untyped-calls

from collections.abc import Callable
from threading import Lock
from typing import Any, NamedTuple

from primitives.compiled_calls import INT, NONCE, POINTER, compile_call
from primitives.u256 import load_address, load_limbs
from statestore import accounts, code, journal, storage, versions
from statestore.ordered_trie import root_call
from statestore.table import ACCOUNTS_FULL, SLOTS_FULL, as_tables, counters_of
from statestore.trie import trie_calls


class KernelCall(NamedTuple):
    """A function to compile: what it takes after the table set, and whether Python's lock is kept."""

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


@kernel_call(POINTER)
def touch(tables, address):
    """Create an account that does not exist."""
    tables = as_tables(tables)
    row = accounts.intern_account(tables, load_address(address))
    return row if row < 0 else accounts.touch(tables, row)


@kernel_call(POINTER, POINTER)
def set_balance(tables, address, balance):
    """Replace a balance."""
    tables = as_tables(tables)
    row = accounts.intern_account(tables, load_address(address))
    return row if row < 0 else accounts.write_balance(tables, row, load_limbs(balance))


@kernel_call(POINTER, NONCE)
def set_nonce(tables, address, nonce):
    """Replace a nonce."""
    tables = as_tables(tables)
    row = accounts.intern_account(tables, load_address(address))
    return row if row < 0 else accounts.write_nonce(tables, row, nonce)


@kernel_call(POINTER, INT)
def set_code(tables, address, code_row):
    """Replace a code by a row of the codes."""
    tables = as_tables(tables)
    row = accounts.intern_account(tables, load_address(address))
    return row if row < 0 else accounts.write_code(tables, row, code_row)


@kernel_call(POINTER, POINTER, POINTER)
def set_storage(tables, address, key, value):
    """Replace a slot's value, creating the account if it does not exist."""
    tables = as_tables(tables)
    row = accounts.intern_account(tables, load_address(address))
    if row < 0:
        return row
    status = accounts.touch(tables, row)
    return status if status < 0 else storage.write_storage(tables, row, load_limbs(key), load_limbs(value))


@kernel_call(POINTER, INT)
def clear(tables, address, with_account):
    """Set an account's slots to 0, and remove it too if asked to."""
    tables = as_tables(tables)
    row = accounts.find_account(tables, load_address(address))
    if row == 0:
        return 0
    status = storage.clear_storage(tables, row)
    return accounts.remove_account(tables, row) if status == 0 and with_account != 0 else status


@kernel_call(POINTER, POINTER, INT)
def intern_code(tables, code_hash, code_bytes, size_bytes):
    """The row of a code, by its hash."""
    return code.intern_code(as_tables(tables), load_limbs(code_hash), code_bytes, size_bytes)


@kernel_call(POINTER)
def find_code(tables, code_hash):
    """The row of a code, 0 if it is unknown."""
    return code.find_code(as_tables(tables), load_limbs(code_hash))


@kernel_call(POINTER, INT, POINTER)
def read_account(tables, address, version, out):
    """An account at a version."""
    return accounts.read_account(as_tables(tables), load_address(address), version, out)


@kernel_call(POINTER, POINTER, INT, POINTER)
def read_storage(tables, address, key, version, out):
    """A slot's value at a version."""
    return storage.read_storage(as_tables(tables), load_address(address), load_limbs(key), version, out)


@kernel_call(POINTER, POINTER, POINTER)
def read_original(tables, address, key, out):
    """A slot's value when the running transaction began."""
    return storage.read_original(as_tables(tables), load_address(address), load_limbs(key), out)


@kernel_call(POINTER)
def has_storage(tables, address):
    """Whether a slot of an account is not zero."""
    return storage.has_storage(as_tables(tables), load_address(address))


@kernel_call(POINTER)
def first_slot(tables, address):
    """Where an account's list of slots begins."""
    return storage.first_slot(as_tables(tables), load_address(address))


@kernel_call(INT, POINTER, POINTER, INT, holds_lock=False)
def read_accounts(tables, version, cursor, out, limit):
    """The next accounts of a stream."""
    return accounts.read_accounts(as_tables(tables), version, cursor, out, limit)


@kernel_call(INT, POINTER, POINTER, INT, holds_lock=False)
def read_slots(tables, version, cursor, out, limit):
    """The next slots of a stream."""
    return storage.read_slots(as_tables(tables), version, cursor, out, limit)


@kernel_call()
def begin_transaction(tables):
    """Forget the journal."""
    journal.begin_transaction(as_tables(tables))
    return 0


@kernel_call()
def snapshot(tables):
    """How many entries the journal has."""
    return journal.snapshot(as_tables(tables))


@kernel_call(INT)
def revert(tables, kept):
    """Undo down to `kept` entries; 0 if the journal has fewer, else 1."""
    tables = as_tables(tables)
    if kept > counters_of(tables).undo_count:
        return 0
    journal.revert(tables, kept)
    return 1


@kernel_call(INT, POINTER)
def changed_accounts(tables, first, rows):
    """The accounts that the open mini-block changed."""
    return versions.changed_accounts(as_tables(tables), first, rows)


@kernel_call(INT, POINTER)
def changed_slots(tables, first, rows):
    """The slots that it changed."""
    return versions.changed_slots(as_tables(tables), first, rows)


@kernel_call(INT, INT, INT)
def discard(tables, oldest, accounts_start, slots_start):
    """Let older values go."""
    versions.discard(as_tables(tables), oldest, accounts_start, slots_start)
    return 0


@kernel_call(INT, holds_lock=False)
def count_vacant(tables, which):
    """How many rows are vacant in the table that a status names."""
    if which == ACCOUNTS_FULL:
        return accounts.count_vacant_accounts(as_tables(tables))
    return storage.count_vacant_slots(as_tables(tables)) if which == SLOTS_FULL else 0


@kernel_call(INT, holds_lock=False)
def fill_index(tables, which):
    """Fill the empty index of the table that a status names, after it was copied."""
    tables = as_tables(tables)
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
    count_vacant: Callable[..., int]
    fill_index: Callable[..., int]

    def __init__(self, progress: Callable[[str, int, int], None]) -> None:
        for done, (name, call) in enumerate(CALLS.items()):
            progress(name, done, len(CALLS))
            setattr(self, name, compile_call(call.function, POINTER, *call.parameters, holds_lock=call.holds_lock))
        progress("", len(CALLS), len(CALLS))


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
            root_call()
            trie_calls()
        return _kernels[0]
