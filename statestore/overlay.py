"""
A writable state over a read-only one: calls, estimates and overrides run here and leave no trace.

Plain dictionaries; every write remembers how to undo itself. The base is never written.
"""

from collections.abc import Callable, Mapping

from primitives.constants import KECCAK_EMPTY
from primitives.keccak import keccak256
from primitives.state_diff import EMPTY_ACCOUNT, Account
from statestore.view import StateView, Touched


class EmptyView:
    """The state before genesis: nothing exists."""

    def account(self, address: bytes) -> Account | None:
        """No account."""
        return None

    def storage(self, address: bytes, key: int) -> int:
        """Zero."""
        return 0

    def code(self, code_hash: bytes) -> bytes:
        """Only the empty code is known."""
        assert code_hash == KECCAK_EMPTY, "no account has code"
        return b""

    def has_storage(self, address: bytes) -> bool:
        """Never."""
        return False


class Overlay:
    """A `WorldState` over any `StateView`."""

    def __init__(self, base: StateView) -> None:
        self._base = base
        self._accounts: dict[bytes, Account | None] = {}
        self._storage: dict[bytes, dict[int, int]] = {}
        self._cleared: set[bytes] = set()  # Accounts whose storage in the base no longer counts.
        self._cleared_before: frozenset[bytes] = frozenset()  # Of these, the ones cleared before this transaction.
        self._codes: dict[bytes, bytes] = {}
        self._originals: dict[tuple[bytes, int], int] = {}
        self._undo: list[Callable[[], None]] = []

    def account(self, address: bytes) -> Account | None:
        """The account, or None if it does not exist."""
        if address in self._accounts:
            return self._accounts[address]
        return self._base.account(address)

    def storage(self, address: bytes, key: int) -> int:
        """The value in a slot."""
        written = self._storage.get(address)
        if written is not None and key in written:
            return written[key]
        return 0 if address in self._cleared else self._base.storage(address, key)

    def code(self, code_hash: bytes) -> bytes:
        """The bytecode with this hash."""
        code = self._codes.get(code_hash)
        return self._base.code(code_hash) if code is None else code

    def has_storage(self, address: bytes) -> bool:
        """
        Whether a slot of the account is not zero.

        Slots of the base can't be listed, so it stays true where each of them was set to 0 here, one by one. Only
        an account that is being created is asked about, and there the storage is as the base has it, or cleared.
        """
        if any(self._storage.get(address, {}).values()):
            return True
        return address not in self._cleared and self._base.has_storage(address)

    def begin_transaction(self) -> None:
        """Make what was written so far permanent; earlier snapshots end."""
        self._originals.clear()
        self._undo.clear()
        self._cleared_before = frozenset(self._cleared)

    def original_storage(self, address: bytes, key: int) -> int:
        """The value that the slot had when the transaction began."""
        original = self._originals.get((address, key))
        if original is not None:
            return original
        if address in self._cleared and address not in self._cleared_before:
            return self._base.storage(address, key)
        return self.storage(address, key)

    def touch(self, address: bytes) -> None:
        """Create the account, empty, if it does not exist."""
        if self.account(address) is None:
            self._set_account(address, EMPTY_ACCOUNT)

    def set_balance(self, address: bytes, balance_wei: int) -> None:
        """Replace the balance."""
        self._set_account(address, (self.account(address) or EMPTY_ACCOUNT)._replace(balance=balance_wei))

    def set_nonce(self, address: bytes, nonce: int) -> None:
        """Replace the nonce."""
        self._set_account(address, (self.account(address) or EMPTY_ACCOUNT)._replace(nonce=nonce))

    def set_code(self, address: bytes, code: bytes) -> None:
        """Replace the bytecode."""
        code_hash = keccak256(code)
        self._codes[code_hash] = code
        self._set_account(address, (self.account(address) or EMPTY_ACCOUNT)._replace(code_hash=code_hash))

    def set_storage(self, address: bytes, key: int, value: int) -> None:
        """Replace the value of a slot."""
        self.touch(address)
        self._originals.setdefault((address, key), self.original_storage(address, key))
        slots = self._storage.setdefault(address, {})
        if key in slots:
            previous = slots[key]
            self._undo.append(lambda: slots.__setitem__(key, previous))
        else:
            self._undo.append(lambda: slots.__delitem__(key))
        slots[key] = value

    def clear_storage(self, address: bytes) -> None:
        """Set every slot of the account to 0."""
        was_cleared = address in self._cleared
        slots = self._storage.get(address, {})
        for key in slots:
            self._originals.setdefault((address, key), slots[key])
        self._storage[address] = {}
        self._cleared.add(address)

        def undo() -> None:
            self._storage[address] = slots
            if not was_cleared:
                self._cleared.discard(address)

        self._undo.append(undo)

    def delete_account(self, address: bytes) -> None:
        """Remove the account with its storage."""
        self.clear_storage(address)
        self._set_account(address, None)

    def snapshot(self) -> int:
        """A position in the journal."""
        return len(self._undo)

    def revert(self, snapshot: int) -> None:
        """Undo every write made since `snapshot`."""
        assert snapshot <= len(self._undo), "the snapshot belongs to an earlier transaction"
        while len(self._undo) > snapshot:
            self._undo.pop()()

    def written(self) -> Touched:
        """What was written over the base and not reverted, also where a value is what it was."""
        slots = frozenset((address, key) for address, written in self._storage.items() for key in written)
        return Touched(accounts=frozenset(self._accounts) | self._cleared, slots=slots)

    def override(self, address: bytes, storage: Mapping[int, int]) -> None:
        """Replace the whole storage of an account, as the `state` override of eth_call does."""
        self.clear_storage(address)
        for key, value in storage.items():
            self.set_storage(address, key, value)

    def _set_account(self, address: bytes, account: Account | None) -> None:
        if address in self._accounts:
            previous = self._accounts[address]
            self._undo.append(lambda: self._accounts.__setitem__(address, previous))
        else:
            self._undo.append(lambda: self._accounts.__delitem__(address))
        self._accounts[address] = account
