"""Cases on an engine of leveret, over its own tables."""

from typing import Final

from evm_jit.engine import Engine, Outcome
from evm_jit.statetest import write_accounts
from statestore.state import State
from statestore.table import Capacities
from statestore.trie import StateTrie
from tests.differential.account_states import account_states, accounts_after
from tests.differential.cases import NOT_SAID, Case, CaseResult, TransactionResult
from tests.differential.scenes import precompiles

SMALL: Final = Capacities(2, 2, 2, 8, 8, 2, 2, 2)


def run_on_engine(case: Case, engine: Engine) -> CaseResult:
    """
    All transactions in one batch; the accounts afterwards are those before with the state diff applied.

    The tables begin small, so that an engine meets full ones inside transactions; frames run on tables of usual size.
    """
    state = State(capacities=SMALL)
    trie = StateTrie()
    write_accounts(case.accounts, state)
    trie.apply(state.seal_genesis())
    transactions = case.transactions()
    outcomes = engine.execute(transactions, case.environment, state)
    diff = state.seal()
    trie.apply(diff)
    accounts = accounts_after(account_states(case.accounts), diff)
    contracts = precompiles(case.environment.fork)
    results = (
        _result(outcome, is_of_precompile=transaction.to in contracts)
        for transaction, outcome in zip(transactions, outcomes, strict=True)
    )
    return CaseResult(tuple(results), accounts, trie.root())


def _result(outcome: Outcome, *, is_of_precompile: bool) -> TransactionResult:
    """
    What the outcome says; not why a precompile failed that the transaction itself calls, which is a matter of words:
    with input that is wrong and gas that is too little, there are two reasons.
    """
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
        receipt=receipt.raw,
        halt=NOT_SAID if is_of_precompile else outcome.halt,
        effective_gas_price=receipt.effective_gas_price,
    )
