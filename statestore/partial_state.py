"""
A private state that fetches from another one what an engine asks for: how calls run in compiled code over any view.

Its tables know that they are not complete. Where compiled code meets an account or a slot that has no row yet, it
stops as it does for a table that is full, and `grow` fetches the row; what was executed is undone and begins again.
A second try takes microseconds, and all that a call needs is there after as many tries as it names things for the
first time. Who has much repeated that way is stopped after CALL_S_MAX.
"""

import time
from collections.abc import Iterable
from typing import Final

from primitives.errors import CallTimedOut
from primitives.state_diff import EMPTY_ACCOUNT
from statestore.state import State
from statestore.table import ACCOUNT_WANTED, SLOT_WANTED, Capacities
from statestore.view import StateView, WorldState

CAPACITIES: Final = Capacities(256, 1_024, 32, 1 << 18, 1 << 12, 2, 2, 64)
CALL_S_MAX: Final = 5  # As geth gives a call, `--rpc.evmtimeout`.


class PartialState(State):
    """
    What has been fetched from `base`, and what was written over it; `base` must not change meanwhile.

    accounts : addresses of those that will surely be asked for
    """

    def __init__(self, base: StateView, accounts: Iterable[bytes] = ()) -> None:
        super().__init__(capacities=CAPACITIES)
        self._base = base
        for address in accounts:
            self._fetch_account(address)
        self.begin_transaction()
        self._deadline_ns: int | None = None  # From the first time that something is wanted.
        self._tables.counters["is_partial"] = 1

    def grow(self, status: int) -> None:
        """Fetch what a kernel wanted, or double what it found full; CallTimedOut when that took too long."""
        if status not in (ACCOUNT_WANTED, SLOT_WANTED):
            super().grow(status)
            return
        now_ns = time.monotonic_ns()
        self._deadline_ns = self._deadline_ns or now_ns + CALL_S_MAX * 10**9
        if now_ns > self._deadline_ns:
            raise CallTimedOut(CALL_S_MAX)
        counters = self._tables.counters
        address = counters["wanted_address"].tobytes()[19::-1]
        counters["is_partial"] = 0
        if status == ACCOUNT_WANTED:
            self._fetch_account(address)
        else:
            self._fetch_slot(address, int.from_bytes(counters["wanted_key"].tobytes(), "little"))
        self.begin_transaction()
        counters["is_partial"] = 1

    def write_to(self, target: WorldState) -> None:
        """Write to another state what the running transaction changed here."""
        changed = self.changed()
        cleared = set()
        for address in changed.accounts:
            account = self.account(address)
            if account is None:
                target.delete_account(address)
                cleared.add(address)
                continue
            target.set_balance(address, account.balance)
            target.set_nonce(address, account.nonce)
            target.set_code(address, self.code(account.code_hash))
        for address, key in changed.slots:
            if address not in cleared:
                target.set_storage(address, key, self.storage(address, key))

    def _fetch_account(self, address: bytes) -> None:
        account = self._base.account(address)
        if account is None:
            self.touch(address)
            self.delete_account(address)
            return
        self.touch(address)
        self.set_balance(address, account.balance)
        self.set_nonce(address, account.nonce)
        if account.code_hash != EMPTY_ACCOUNT.code_hash:
            self.set_code(address, self._base.code(account.code_hash))
        elif account.nonce == 0 and self._base.has_storage(address):
            # A contract can't be created here (EIP-7610); which slots these are nobody asks.
            row = self._tables.counters["account_count"][0] - 1
            self._tables.accounts["filled_slots"][row] += 1

    def _fetch_slot(self, address: bytes, key: int) -> None:
        value = self._base.storage(address, key)
        self.set_storage(address, key, value or 1)  # A slot that was never written has no row.
        self.set_storage(address, key, value)
