"""Accounts as they are compared: before and after, with all of their storage."""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from evm_jit.state_tests import PreAccount
from primitives.keccak import keccak256
from primitives.state_diff import StateDiff


class AccountState(NamedTuple):
    """An account with its code and its storage, slots that are zero left out."""

    nonce: int
    balance_wei: int
    code_hash: bytes
    storage: Mapping[int, int]


def account_states(accounts: Iterable[PreAccount]) -> dict[bytes, AccountState]:
    return {
        account.address: AccountState(account.nonce, account.balance_wei, keccak256(account.code), account.storage)
        for account in accounts
    }


def accounts_after(before: Mapping[bytes, AccountState], diff: StateDiff) -> dict[bytes, AccountState]:
    after = dict(before)
    for address, account, slots in diff.accounts:
        if account is None:
            after.pop(address, None)
            continue
        storage = dict(before[address].storage) if address in before else {}
        storage.update(slots)
        kept = {key: value for key, value in storage.items() if value}
        after[address] = AccountState(account.nonce, account.balance, account.code_hash, kept)
    return after
