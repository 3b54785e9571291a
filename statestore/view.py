"""
The faces of a state: what a reader may ask, and what an engine may change.

`StateView` is read-only and stays what it was when it was taken. `WorldState` is what an engine executes over:
the tables in RAM (`statestore.state.State`) or an overlay that leaves its base alone
(`statestore.overlay.Overlay`). Addresses are 20 bytes; slot keys and values are integers below 2^256.
"""

from typing import NamedTuple, Protocol

from primitives.state_diff import Account


class Touched(NamedTuple):
    """Addresses of accounts, and slots as (address, key)."""

    accounts: frozenset[bytes]
    slots: frozenset[tuple[bytes, int]]


class StateView(Protocol):
    """Reads."""

    def account(self, address: bytes) -> Account | None:
        """The account, or None if it does not exist."""
        ...

    def storage(self, address: bytes, key: int) -> int:
        """The value in a slot, 0 if it was never written."""
        ...

    def code(self, code_hash: bytes) -> bytes:
        """The bytecode with this Keccak-256 hash; it must be that of an account."""
        ...

    def has_storage(self, address: bytes) -> bool:
        """Whether a slot of the account is not zero (EIP-7610)."""
        ...


class WorldState(StateView, Protocol):
    """
    Reads and writes of one transaction after another.

    Setters create an account that does not exist. `snapshot` and `revert` work inside a transaction:
    `begin_transaction` makes what was written so far permanent and ends all earlier snapshots.
    """

    def begin_transaction(self) -> None:
        """Forget the journal; `original_storage` answers from what holds now."""
        ...

    def original_storage(self, address: bytes, key: int) -> int:
        """The value that the slot had when the transaction began."""
        ...

    def touch(self, address: bytes) -> None:
        """Create the account, empty, if it does not exist."""
        ...

    def set_balance(self, address: bytes, balance_wei: int) -> None:
        """Replace the balance."""
        ...

    def set_nonce(self, address: bytes, nonce: int) -> None:
        """Replace the nonce."""
        ...

    def set_code(self, address: bytes, code: bytes) -> None:
        """Replace the bytecode."""
        ...

    def set_storage(self, address: bytes, key: int, value: int) -> None:
        """Replace the value of a slot; 0 removes it."""
        ...

    def clear_storage(self, address: bytes) -> None:
        """Set every slot of the account to 0."""
        ...

    def delete_account(self, address: bytes) -> None:
        """Remove the account with its storage."""
        ...

    def snapshot(self) -> int:
        """A position in the journal, to `revert` to."""
        ...

    def revert(self, snapshot: int) -> None:
        """Undo every write made since `snapshot` was taken."""
        ...
