"""
A state diff: the final values of everything that a mini-block changed, and nothing else.

Canonical: accounts ascend by address, slots by key, codes by hash; a value that ended where it began is not
in it. Applying a diff twice is the same as applying it once.
"""

import operator
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

from primitives import rlp
from primitives.constants import KECCAK_EMPTY
from primitives.errors import DecodingError
from primitives.keccak import keccak256


class Account(NamedTuple):
    """The part of an account that is not storage; balance in wei."""

    nonce: int = 0
    balance: int = 0
    code_hash: bytes = KECCAK_EMPTY

    @property
    def is_empty(self) -> bool:
        """EIP-161: nonce 0, balance 0, no code."""
        return self == EMPTY_ACCOUNT


EMPTY_ACCOUNT = Account()


class AccountChange(NamedTuple):
    """
    `account` is the account afterwards, None if it is gone; `storage` the slots that changed, as (key, value)
    with value 0 for a slot that is gone. A deleted account's slots are all listed.
    """

    address: bytes
    account: Account | None
    storage: tuple[tuple[int, int], ...]


@dataclass(frozen=True)
class StateDiff:
    """`codes` holds each bytecode that an account in `accounts` names and no earlier state had."""

    accounts: tuple[AccountChange, ...] = ()
    codes: tuple[bytes, ...] = ()

    @cached_property
    def hash(self) -> bytes:
        """Keccak-256 of the canonical encoding."""
        return keccak256(self.encode())

    def encode(self) -> bytes:
        """The canonical byte form."""
        number, text, join = _number, rlp.encode, rlp.join
        accounts = []
        for address, account, storage in self.accounts:
            fields = [] if account is None else [number(account[0]), number(account[1]), text(account[2])]
            slots = [join((number(key), number(value))) for key, value in storage]
            accounts.append(join((text(address), join(fields), join(slots))))
        return join((join(accounts), text(list(self.codes))))

    @classmethod
    def decode(cls, data: bytes) -> "StateDiff":
        """The diff that `data` encodes; DecodingError if it is none or not canonical."""
        accounts_item, codes_item = rlp.as_list(rlp.decode(data), "state diff", 2)
        accounts = tuple(_decode_change(item) for item in rlp.as_list(accounts_item, "accounts"))
        codes = tuple(rlp.as_bytes(item, "code") for item in rlp.as_list(codes_item, "codes"))
        diff = cls(accounts, codes)
        disorder = diff.disorder()
        if disorder is not None:
            raise DecodingError(f"state diff: {disorder}")
        return diff

    def disorder(self) -> str | None:
        """What is out of its canonical order, None if nothing is."""
        if not _ascends([change.address for change in self.accounts]):
            return "accounts do not ascend by address"
        for change in self.accounts:
            if not _ascends([key for key, _ in change.storage]):
                return f"slots of 0x{change.address.hex()} do not ascend by key"
        if not _ascends([keccak256(code) for code in self.codes]):
            return "codes do not ascend by hash"
        return None


def _number(value: int) -> bytes:
    return rlp.encode(rlp.encode_int(value))


def _ascends(keys: Sequence[bytes] | Sequence[int]) -> bool:
    return all(map(operator.lt, keys, keys[1:]))


def _decode_change(item: rlp.Item) -> AccountChange:
    address, fields_item, slots_item = rlp.as_list(item, "account change", 3)
    fields = rlp.as_list(fields_item, "account fields")
    if len(fields) not in (0, 3):
        raise DecodingError(f"state diff: account has {len(fields)} fields, expected 3 or none")
    account = None
    if fields:
        account = Account(
            nonce=rlp.as_int(fields[0], "nonce", 8),
            balance=rlp.as_int(fields[1], "balance"),
            code_hash=rlp.as_bytes(fields[2], "code hash", 32),
        )
    storage = []
    for slot in rlp.as_list(slots_item, "slots"):
        key, value = rlp.as_list(slot, "slot", 2)
        storage.append((rlp.as_int(key, "slot key"), rlp.as_int(value, "slot value")))
    return AccountChange(rlp.as_bytes(address, "address", 20), account, tuple(storage))
