"""
A view that remembers what it was asked for: with that, a transaction can be executed again without the chain.
"""

from primitives.state_diff import Account
from statestore.view import StateView


class Recording:
    """A `StateView` over another; `accounts`, `slots` (by address and key) and `with_storage` are what was asked."""

    def __init__(self, base: StateView) -> None:
        self._base = base
        self.accounts: set[bytes] = set()
        self.slots: set[tuple[bytes, int]] = set()
        self.with_storage: set[bytes] = set()  # Accounts of which it was told that a slot is not zero.

    def account(self, address: bytes) -> Account | None:
        """The account, or None if it does not exist."""
        self.accounts.add(address)
        return self._base.account(address)

    def storage(self, address: bytes, key: int) -> int:
        """The value in a slot."""
        self.slots.add((address, key))
        return self._base.storage(address, key)

    def code(self, code_hash: bytes) -> bytes:
        """The bytecode with this hash; its account was asked for before."""
        return self._base.code(code_hash)

    def has_storage(self, address: bytes) -> bool:
        """Whether a slot of the account is not zero."""
        has_storage = self._base.has_storage(address)
        if has_storage:
            self.with_storage.add(address)
        return has_storage
