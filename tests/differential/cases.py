"""
A case: accounts, a block and transactions, made from a seed; and what an implementation makes of it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from random import Random
from typing import Final

from evm_jit.state_tests import PreAccount
from primitives import rlp
from primitives.block import BlockEnvironment
from primitives.forks import Fork
from primitives.keccak import keccak256
from primitives.receipt import Log
from primitives.transaction import Transaction
from tests.differential import scenes
from tests.differential.account_states import AccountState
from tests.differential.reports import show_pair
from tests.differential.scenes import CONTRACTS, EOAS, FORKS, MINER, NOBODY, WEALTH_WEI
from tests.differential.transactions import TransactionPlan, plan_transaction, signed

STATEMENTS_MAX: Final = 24
TRANSACTIONS_MAX: Final = 6
NOT_SAID: Final = "not said"


@dataclass(frozen=True)
class Case:
    environment: BlockEnvironment
    accounts: tuple[PreAccount, ...]
    plans: tuple[TransactionPlan, ...]

    def transactions(self) -> list[Transaction]:
        return signed(self.plans, self.accounts)

    def with_code(self, address: bytes, code: bytes) -> "Case":
        accounts = (account._replace(code=code) if account.address == address else account for account in self.accounts)
        return replace(self, accounts=tuple(accounts))


def make_case(seed: int, fork: Fork | None = None) -> Case:
    """The case of a seed; without a fork, the seed chooses one."""
    rng = Random(seed)
    chosen = rng.choice(FORKS)
    fork = chosen if fork is None else fork
    coinbases = (MINER, MINER, NOBODY, EOAS[0], CONTRACTS[2], (3).to_bytes(20, "big"))
    environment = scenes.environment(rng, fork, coinbases)
    accounts = [*scenes.contracts(rng, fork, statements_max=STATEMENTS_MAX), *scenes.delegated(rng, fork)]
    senders = rng.sample(range(len(EOAS)), 3)
    for key in senders:
        wealth = WEALTH_WEI if rng.random() < 0.9 else rng.randrange(10**16)
        accounts.append(PreAccount(EOAS[key], rng.choice((0, 0, 1, 5, 1 << 32)), wealth, b"", {}))
    plans = tuple(plan_transaction(rng, environment, senders) for _ in range(1 + rng.randrange(TRANSACTIONS_MAX)))
    case = Case(environment, tuple(accounts), plans)
    return _with_collision(case) if rng.random() < 0.05 else case


def _with_collision(case: Case) -> Case:
    """Storage, and nothing else, where the first creation puts its contract (EIP-7610)."""
    for transaction in case.transactions():
        if transaction.to is None:
            created = keccak256(rlp.encode([transaction.sender, rlp.encode_int(transaction.nonce)]))[12:]
            account = PreAccount(created, 0, 1, b"", {1: 1})
            return replace(case, accounts=(*case.accounts, account))
    return case


@dataclass(frozen=True)
class TransactionResult:
    """
    What one transaction left behind: a receipt, as the block commits to it; nothing but `is_refused` if it was.

    `halt` and `effective_gas_price` are `NOT_SAID` by who does not say them.
    """

    is_refused: bool = False
    succeeded: bool = False
    gas_used: int = 0
    logs: tuple[Log, ...] = ()
    output: bytes = b""
    contract_address: bytes | None = None
    receipt: bytes = b""
    halt: str | None = NOT_SAID
    effective_gas_price: int | str = NOT_SAID


@dataclass(frozen=True)
class CaseResult:
    """All transactions' results, the accounts afterwards, and the root of the state; or what was raised instead."""

    transactions: tuple[TransactionResult, ...] = ()
    accounts: Mapping[bytes, AccountState] = field(default_factory=dict)
    state_root: bytes = b""
    crash: str | None = None


def differences(first: CaseResult, second: CaseResult) -> list[str]:
    """A sentence for each thing in which the two differ; that both raised is no agreement."""
    crashes = [f"crash: {crash}" for crash in (first.crash, second.crash) if crash is not None]
    if crashes:
        return crashes
    found = []
    for index, (one, other) in enumerate(zip(first.transactions, second.transactions, strict=True)):
        for member in fields(TransactionResult):
            left, right = getattr(one, member.name), getattr(other, member.name)
            if left != right and NOT_SAID not in (left, right):
                found.append(f"transaction {index}: {member.name} {show_pair(left, right)}")
    for address in sorted(first.accounts.keys() | second.accounts.keys()):
        one_account, other_account = first.accounts.get(address), second.accounts.get(address)
        if one_account != other_account:
            found.append(f"account 0x{address.hex()}: {show_pair(one_account, other_account)}")
    if first.state_root != second.state_root:
        found.append(f"state root {show_pair(first.state_root, second.state_root)}")
    return found
