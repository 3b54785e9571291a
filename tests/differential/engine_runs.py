"""Cases on an engine of leveret, over its own tables."""

from typing import Final

from evm_jit.engine import Engine, Outcome
from evm_jit.statetest import write_accounts
from statestore.state import State
from statestore.table import Capacities
from statestore.trie import StateTrie
from tests.differential.account_states import account_states, accounts_after
from tests.differential.cases import Case, CaseResult, TransactionResult

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
    outcomes = engine.execute(case.transactions(), case.environment, state)
    diff = state.seal()
    trie.apply(diff)
    accounts = accounts_after(account_states(case.accounts), diff)
    return CaseResult(tuple(_result(outcome) for outcome in outcomes), accounts, trie.root())


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
