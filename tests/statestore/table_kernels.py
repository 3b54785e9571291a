"""
A state whose transactions are run by kernels, as the native engine runs them.

Each method is one kernel, called with the row of the account or slot that it names; a table that is full grows and the
kernel is called again.
"""

from collections.abc import Callable
from functools import cache

from primitives.compiled_calls import INT, POINTER, compile_call
from primitives.kernels_cache import njit
from primitives.u256 import load_address, load_limbs, store_limbs
from primitives.wide_integers import low_int64, low_uint64
from statestore import access_list, accounts, code, storage, transient
from statestore.state import State, WordBuffer
from statestore.table import Capacities, as_tables

ACCOUNT_WRITES = ("balance", "nonce", "code", "remove", "warm", "created", "destroyed", "touched", "clear", "clear_new")
BALANCE, NONCE, CODE, REMOVE, WARM, CREATED, DESTROYED, TOUCHED, CLEAR, CLEAR_NEW = range(len(ACCOUNT_WRITES))
SLOT_WRITES = ("slot", "touch_slot", "transient")
SLOT, TOUCH_SLOT, TRANSIENT = range(len(SLOT_WRITES))


def find_row(tables, address):  # type: ignore[no-untyped-def]
    return accounts.find_account(as_tables(tables), load_address(address))


def find_slot_row(tables, address, key):  # type: ignore[no-untyped-def]
    tables = as_tables(tables)
    return storage.find_slot(tables, accounts.find_account(tables, load_address(address)), load_limbs(key))


def write_account(tables, what, address, value):  # type: ignore[no-untyped-def]
    tables, value = as_tables(tables), load_limbs(value)
    row = accounts.intern_account(tables, load_address(address))
    if row < 0:
        return row
    if what == BALANCE:
        return accounts.write_balance(tables, row, value)
    if what == NONCE:
        return accounts.write_nonce(tables, row, low_uint64(value))
    if what == CODE:
        return accounts.write_code(tables, row, low_int64(value))
    if what == REMOVE:
        return accounts.remove_account(tables, row)
    return mark_account(tables, what, row)


@njit
def mark_account(tables, what, row):  # type: ignore[no-untyped-def]
    """One of the marks of an account."""
    if what == WARM:
        return access_list.warm_account(tables, row)
    if what == CREATED:
        return access_list.mark_created(tables, row)
    if what == DESTROYED:
        return access_list.mark_destroyed(tables, row)
    if what == TOUCHED:
        return access_list.mark_touched(tables, row)
    if what == CLEAR:
        return storage.clear_storage(tables, row)
    return storage.clear_new_storage(tables, row)


def write_slot(tables, what, address, key, value):  # type: ignore[no-untyped-def]
    tables, key, value = as_tables(tables), load_limbs(key), load_limbs(value)
    account = accounts.intern_account(tables, load_address(address))
    if account < 0:
        return account
    if what == TRANSIENT:
        return transient.write_transient(tables, account, key, value)
    row = storage.intern_slot(tables, account, key)
    if row < 0:
        return row
    return access_list.touch_slot(tables, row) if what == TOUCH_SLOT else storage.write_slot(tables, row, value)


def read_transient(tables, address, key, out):  # type: ignore[no-untyped-def]
    tables = as_tables(tables)
    account = accounts.find_account(tables, load_address(address))
    store_limbs(out, transient.read_transient(tables, account, load_limbs(key)))
    return 0


def read_delegation(tables, row, out):  # type: ignore[no-untyped-def]
    store_limbs(out, code.delegation_of(as_tables(tables), row))
    return 0


SIGNATURES = {
    find_row: (POINTER,),
    find_slot_row: (POINTER, POINTER),
    write_account: (INT, POINTER, POINTER),
    write_slot: (INT, POINTER, POINTER, POINTER),
    read_transient: (POINTER, POINTER, POINTER),
    read_delegation: (INT, POINTER),
}


@cache
def compiled(function: Callable[..., int]) -> Callable[..., int]:
    return compile_call(function, POINTER, *SIGNATURES[function], holds_lock=True)


def limbs(word: int) -> bytes:
    return word.to_bytes(32, "little")


class EngineState(State):
    """A `State` with the writes that only an engine in kernels makes."""

    def __init__(self, seed: int = 0, capacities: Capacities = Capacities()) -> None:  # noqa: B008
        super().__init__(seed, capacities)
        self.grown: list[int] = []

    def grow(self, status: int) -> None:
        self.grown.append(status)
        super().grow(status)

    def on_account(self, what: int, address: bytes, value: int = 0) -> int:
        """What `write_account` answers."""
        return self._until_done(write_account, what, address, limbs(value))

    def on_slot(self, what: int, address: bytes, key: int, value: int = 0) -> int:
        """What `write_slot` answers."""
        return self._until_done(write_slot, what, address, limbs(key), limbs(value))

    def once(self, function: Callable[..., int], *arguments: int | bytes) -> int:
        """What a kernel answers to a first call: a status is not acted on."""
        return compiled(function)(self.tables.address, *arguments)

    def transient(self, address: bytes, key: int) -> int:
        out = WordBuffer()
        compiled(read_transient)(self.tables.address, address, limbs(key), out)
        return int.from_bytes(out.raw, "little")

    def delegation(self, code_row: int) -> int:
        out = WordBuffer()
        compiled(read_delegation)(self.tables.address, code_row, out)
        return int.from_bytes(out.raw, "little")

    def code_row(self, address: bytes) -> int:
        return self.mark(address, "code")

    def mark(self, address: bytes, name: str) -> int:
        """A field, that is a number, of an account's record; row 0 is all zeros."""
        return int(self.tables.accounts[name][compiled(find_row)(self.tables.address, address)])

    def is_marked(self, address: bytes, name: str) -> bool:
        return self.mark(address, name) == self.counter("transaction")

    def warm_original(self, address: bytes, key: int) -> int | None:
        """The original value of a slot that is warm, else None."""
        row = compiled(find_slot_row)(self.tables.address, address, limbs(key))
        slot = self.tables.slots[row]
        if slot["transaction"] != self.counter("transaction"):
            return None
        return int.from_bytes(slot["original"].tobytes(), "little")

    def counter(self, name: str) -> int:
        return int(self.tables.counters[name][0])

    def _until_done(self, function: Callable[..., int], *arguments: int | bytes) -> int:
        while (status := self.once(function, *arguments)) < 0:
            self.grow(status)
        return status
