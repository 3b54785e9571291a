"""The state as plain dictionaries that are copied whole: the obvious twin of `statestore.state.State`."""

from primitives.constants import KECCAK_EMPTY
from primitives.errors import UnknownBlock
from primitives.keccak import keccak256
from primitives.state_diff import EMPTY_ACCOUNT, Account, AccountChange, StateDiff

Accounts = dict[bytes, Account]
Slots = dict[tuple[bytes, int], int]


class NaiveView:
    def __init__(self, accounts: Accounts, slots: Slots) -> None:
        self.accounts, self.slots = accounts, slots

    def account(self, address: bytes) -> Account | None:
        return self.accounts.get(address)

    def storage(self, address: bytes, key: int) -> int:
        return self.slots.get((address, key), 0)

    def has_storage(self, address: bytes) -> bool:
        return any(owner == address for owner, _ in self.slots)

    def storage_of(self, address: bytes) -> dict[int, int]:
        return {key: value for (owner, key), value in self.slots.items() if owner == address}


class NaiveState(NaiveView):
    def __init__(self) -> None:
        super().__init__({}, {})
        self.codes = {KECCAK_EMPTY: b""}
        self.codes_known = {KECCAK_EMPTY}
        self.version = self.oldest_version = 0
        self.kept_from = 0
        self.is_loading = True
        self.pins: list[int] = []
        self.sealed = {0: NaiveView({}, {})}
        self.snapshots: list[tuple[Accounts, Slots]] = []
        self.originals: Slots = {}

    def code(self, code_hash: bytes) -> bytes:
        return self.codes[code_hash]

    def begin_transaction(self) -> None:
        self.snapshots = []
        self.originals = dict(self.slots)

    def original_storage(self, address: bytes, key: int) -> int:
        return self.originals.get((address, key), 0)

    def touch(self, address: bytes) -> None:
        self.accounts.setdefault(address, EMPTY_ACCOUNT)

    def set_balance(self, address: bytes, balance_wei: int) -> None:
        self._replace(address, balance=balance_wei)

    def set_nonce(self, address: bytes, nonce: int) -> None:
        self._replace(address, nonce=nonce)

    def set_code(self, address: bytes, code: bytes) -> None:
        self.codes[keccak256(code)] = code
        self._replace(address, code_hash=keccak256(code))

    def set_storage(self, address: bytes, key: int, value: int) -> None:
        self.touch(address)
        self.slots[address, key] = value
        if not value:
            del self.slots[address, key]

    def clear_storage(self, address: bytes) -> None:
        for key in self.storage_of(address):
            del self.slots[address, key]

    def delete_account(self, address: bytes) -> None:
        self.clear_storage(address)
        self.accounts.pop(address, None)

    def snapshot(self) -> int:
        self.snapshots.append((dict(self.accounts), dict(self.slots)))
        return len(self.snapshots) - 1

    def revert(self, snapshot: int) -> None:
        self.accounts, self.slots = self.snapshots[snapshot]
        del self.snapshots[snapshot:]

    def seal(self) -> StateDiff:
        return self._seal(self.version + 1, self.sealed[self.version])

    def seal_genesis(self) -> StateDiff:
        return self._seal(0, NaiveView({}, {}))

    def view(self) -> NaiveView:
        return self.view_at(self.version)

    def view_at(self, version: int) -> NaiveView:
        if version not in self.sealed:
            raise UnknownBlock
        return self.sealed[version]

    def pin(self, version: int) -> None:
        self.view_at(version)
        self.pins.append(version)

    def unpin(self, version: int) -> None:
        self.pins.remove(version)

    def discard_before(self, version: int) -> None:
        self.kept_from = max(self.kept_from, min(version, self.version))
        self._discard()

    def _discard(self) -> None:
        self.oldest_version = max(self.oldest_version, min([self.kept_from, *self.pins]))
        for old in [old for old in self.sealed if old < self.oldest_version]:
            del self.sealed[old]

    def _replace(self, address: bytes, **fields: int | bytes) -> None:
        self.accounts[address] = self.accounts.get(address, EMPTY_ACCOUNT)._replace(**fields)

    def _seal(self, version: int, before: NaiveView) -> StateDiff:
        changes = []
        for address in sorted({*self.accounts, *before.accounts}):
            old, new = before.storage_of(address), self.storage_of(address)
            slots = [(key, new.get(key, 0)) for key in sorted({*old, *new}) if old.get(key, 0) != new.get(key, 0)]
            if slots or before.account(address) != self.account(address):
                changes.append(AccountChange(address, self.account(address), tuple(slots)))
        named = {change.account.code_hash for change in changes if change.account is not None}
        codes = tuple(self.codes[code_hash] for code_hash in sorted(named - self.codes_known))
        self.codes_known |= named
        if self.is_loading:  # What was before the first seal is no version.
            self.is_loading, self.sealed, self.oldest_version, self.kept_from = False, {}, version, version
        self.version = version
        self.sealed[version] = NaiveView(dict(self.accounts), dict(self.slots))
        self.begin_transaction()
        self._discard()
        return StateDiff(tuple(changes), codes)
