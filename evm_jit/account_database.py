"""
What py-evm asks of an account database, answered from a `WorldState`, with the journal of one transaction.

py-evm keeps warm sets, transient storage, logs, refunds and accounts to delete in several places and collects them
from a tree of computations at the end. Here they are lists that belong to the transaction, cut back when a frame
reverts, like the journal of the state itself: a revert costs what it undoes, and no tree of frames is kept.

From Spurious Dragon on an account that is empty may as well not exist (EIP-161), so none is created.
"""

from typing import Final, NamedTuple, NoReturn

from eth.abc import AccountDatabaseAPI
from eth_typing import Hash32

from primitives.constants import EMPTY_TRIE_ROOT, KECCAK_EMPTY, U256_MAX
from primitives.receipt import Log
from statestore.view import WorldState

RIPEMD160_ADDRESS: Final = (3).to_bytes(20, "big")


class Snapshot(NamedTuple):
    """Positions to cut back to: the state's journal, and the length of each list of the transaction."""

    world: int
    warm_count: int
    transient_count: int
    log_count: int
    deletion_count: int
    touched_count: int
    refund: int


class AccountDatabase(AccountDatabaseAPI):
    """
    Accounts and storage are read from and written to `world` at once; nothing is cached.

    `clears_empty_accounts` is EIP-161. After a transaction `logs`, `deletions` (accounts that destroyed themselves),
    `touched` (accounts that may be empty now) and `refund` (gas) hold what its successful frames left.
    """

    def __init__(self, world: WorldState, clears_empty_accounts: bool) -> None:
        self.world = world
        self.clears_empty_accounts = clears_empty_accounts
        self.logs: list[Log] = []
        self.deletions: list[bytes] = []
        self.touched: list[bytes] = []
        self.refund = 0
        self.ripemd160_was_touched = False
        self._warm: set[bytes | tuple[bytes, int]] = set()
        self._warm_order: list[bytes | tuple[bytes, int]] = []
        self._transient: dict[tuple[bytes, int], bytes] = {}
        self._transient_undo: list[tuple[tuple[bytes, int], bytes]] = []

    def begin_transaction(self) -> None:
        """Forget everything that belonged to the transaction before."""
        self.world.begin_transaction()
        self.logs = []
        self.deletions = []
        self.touched = []
        self.refund = 0
        self.ripemd160_was_touched = False
        self._warm.clear()
        self._warm_order.clear()
        self._transient.clear()
        self._transient_undo.clear()

    # Storage

    def get_storage(self, address: bytes, slot: int, from_journal: bool = True) -> int:
        """The value in a slot: now, or with `from_journal` off when the transaction began."""
        if from_journal:
            return self.world.storage(address, slot)
        return self.world.original_storage(address, slot)

    def set_storage(self, address: bytes, slot: int, value: int) -> None:
        """Replace the value of a slot."""
        self.world.set_storage(address, slot, value)

    def delete_storage(self, address: bytes) -> None:
        """Empty the storage of an account that is about to be created."""
        if self.world.has_storage(address):
            self.world.clear_storage(address)

    def has_storage(self, address: bytes) -> bool:
        """Whether a slot of the account is not zero (EIP-7610)."""
        return self.world.has_storage(address)

    def get_transient_storage(self, address: bytes, slot: int) -> bytes:
        """The value in a transient slot (EIP-1153), without leading zeros."""
        return self._transient.get((address, slot), b"")

    def set_transient_storage(self, address: bytes, slot: int, value: bytes) -> None:
        """Replace the value of a transient slot."""
        key = (address, slot)
        self._transient_undo.append((key, self._transient.get(key, b"")))
        self._transient[key] = value

    # Warm sets (EIP-2929)

    def is_storage_warm(self, address: bytes, slot: int) -> bool:
        """Whether the transaction accessed the slot."""
        return (address, slot) in self._warm

    def mark_storage_warm(self, address: bytes, slot: int) -> None:
        """The transaction accessed the slot; cold again if the frame reverts."""
        self._mark_warm((address, slot))

    def is_address_warm(self, address: bytes) -> bool:
        """Whether the transaction accessed the account."""
        return address in self._warm

    def mark_address_warm(self, address: bytes) -> None:
        """The transaction accessed the account; cold again if the frame reverts."""
        self._mark_warm(address)

    def _mark_warm(self, key: bytes | tuple[bytes, int]) -> None:
        if key not in self._warm:
            self._warm.add(key)
            self._warm_order.append(key)

    # Accounts

    def get_balance(self, address: bytes) -> int:
        """In wei; 0 if the account does not exist."""
        account = self.world.account(address)
        return 0 if account is None else account.balance

    def set_balance(self, address: bytes, balance: int) -> None:
        """Replace the balance (wei), which wraps at 2^256 as everywhere: overrides of a call may ask for that."""
        if balance:
            self.world.set_balance(address, balance & U256_MAX)
        elif not self.clears_empty_accounts or self.world.account(address) is not None:
            self.world.set_balance(address, 0)
            self.touch_account(address)

    def get_nonce(self, address: bytes) -> int:
        """0 if the account does not exist."""
        account = self.world.account(address)
        return 0 if account is None else account.nonce

    def set_nonce(self, address: bytes, nonce: int) -> None:
        """Replace the nonce."""
        self.world.set_nonce(address, nonce)

    def increment_nonce(self, address: bytes) -> None:
        """Add 1 to the nonce."""
        self.world.set_nonce(address, self.get_nonce(address) + 1)

    def get_code(self, address: bytes) -> bytes:
        """Empty if the account does not exist."""
        code_hash = self.get_code_hash(address)
        return b"" if code_hash == KECCAK_EMPTY else self.world.code(code_hash)

    def get_code_hash(self, address: bytes) -> Hash32:
        """Keccak-256 of the code; that of nothing if the account does not exist."""
        account = self.world.account(address)
        return Hash32(KECCAK_EMPTY if account is None else account.code_hash)

    def set_code(self, address: bytes, code: bytes) -> None:
        """Replace the code."""
        self.world.set_code(address, code)

    def delete_code(self, address: bytes) -> None:
        """Take the code away."""
        self.world.set_code(address, b"")

    def account_has_code_or_nonce(self, address: bytes) -> bool:
        """Whether something was deployed at or sent from the address."""
        account = self.world.account(address)
        return account is not None and (account.nonce != 0 or account.code_hash != KECCAK_EMPTY)

    def account_exists(self, address: bytes) -> bool:
        """Whether the account is in the state, empty or not."""
        return self.world.account(address) is not None

    def account_is_empty(self, address: bytes) -> bool:
        """EIP-161; also an account that does not exist."""
        account = self.world.account(address)
        return account is None or account.is_empty

    def touch_account(self, address: bytes) -> None:
        """Note that the account may have to go if it is empty; before EIP-161, create it."""
        if not self.clears_empty_accounts:
            self.world.touch(address)
            return
        account = self.world.account(address)
        if account is not None and account.is_empty:
            self.touched.append(address)
            if address == RIPEMD160_ADDRESS:
                self.ripemd160_was_touched = True  # Survives reverts, as on the main chain in block 2,675,119.

    def delete_account(self, address: bytes) -> None:
        """Remove the account with its storage."""
        self.world.delete_account(address)

    # The journal

    def record(self) -> Snapshot:  # type: ignore[override]
        """A position to `discard` back to."""
        return Snapshot(
            self.world.snapshot(),
            len(self._warm_order),
            len(self._transient_undo),
            len(self.logs),
            len(self.deletions),
            len(self.touched),
            self.refund,
        )

    def discard(self, checkpoint: Snapshot) -> None:  # type: ignore[override]
        """Undo everything since `checkpoint` was recorded."""
        self.world.revert(checkpoint.world)
        while len(self._warm_order) > checkpoint.warm_count:
            self._warm.remove(self._warm_order.pop())
        while len(self._transient_undo) > checkpoint.transient_count:
            key, previous = self._transient_undo.pop()
            self._transient[key] = previous
        del self.logs[checkpoint.log_count :]
        del self.deletions[checkpoint.deletion_count :]
        del self.touched[checkpoint.touched_count :]
        self.refund = checkpoint.refund

    def commit(self, checkpoint: Snapshot) -> None:  # type: ignore[override]
        """Keep what was done since `checkpoint`: nothing to do."""

    # Roots are made once a block, from its diff; py-evm's own hooks for them have nothing to do here.

    @property
    def state_root(self) -> Hash32:
        """Not known inside a block; the root of the empty trie stands for it."""
        return Hash32(EMPTY_TRIE_ROOT)

    @state_root.setter
    def state_root(self, value: Hash32) -> None:
        """Ignored."""

    def has_root(self, state_root: bytes) -> bool:
        """No root is known."""
        return False

    def lock_changes(self) -> None:
        """`begin_transaction` does this."""

    def make_state_root(self) -> NoReturn:
        """Never asked: no chain of py-evm's runs over this."""
        raise AssertionError("the state root is made from the block's diff")

    def persist(self) -> NoReturn:
        """Never asked: no chain of py-evm's runs over this."""
        raise AssertionError("the state is in RAM, the log of mini-blocks lasts")
