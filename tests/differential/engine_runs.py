"""Cases on an engine of leveret, over its own tables."""

from collections.abc import Iterable, Mapping

from evm_jit.engine import Engine, Outcome
from evm_jit.state_tests import PreAccount
from evm_jit.statetest import write_accounts
from primitives.keccak import keccak256
from primitives.state_diff import StateDiff
from statestore.state import State
from statestore.trie import StateTrie
from tests.differential.cases import AccountState, Case, CaseResult, TransactionResult


def run_on_engine(case: Case, engine: Engine) -> CaseResult:
    """All transactions in one batch; the accounts afterwards are those before with the state diff applied."""
    state = State()
    trie = StateTrie()
    write_accounts(case.accounts, state)
    trie.apply(state.seal_genesis())
    outcomes = engine.execute(case.transactions(), case.environment, state)
    diff = state.seal()
    trie.apply(diff)
    accounts = accounts_after(account_states(case.accounts), diff)
    return CaseResult(tuple(_result(outcome) for outcome in outcomes), accounts, trie.root())


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


def _result(outcome: Outcome) -> TransactionResult:
    receipt = outcome.receipt
    if receipt is None:
        assert outcome.refusal is not None, "an outcome is either a receipt or a refusal"
        return TransactionResult(is_refused=True, halt=None, effective_gas_price=0)
    return TransactionResult(
        succeeded=receipt.succeeded,
        gas_used=receipt.gas_used,
        logs=receipt.logs,
        output=outcome.output,
        contract_address=receipt.contract_address,
        receipt=receipt.encode(),
        halt=outcome.halt,
        effective_gas_price=receipt.effective_gas_price,
    )
