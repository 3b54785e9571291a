"""
A state test on an engine: build the state before, execute the transaction, compare what is left.

A case passes when the state root and the logs hash are the expected ones and the transaction was refused exactly
if it had to be. Every case starts from a fresh state; nothing is applied but the transaction (no reward, no
withdrawals, no system calls). The root is made as a node makes it, from the state diff, and must be that of the
tables as well: a write that a diff lacks fails the case.
"""

import time
from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

from evm_jit.engine import Engine
from evm_jit.state_tests import Case, PreAccount
from evm_jit.trace_writer import TraceWriter
from primitives.constants import EMPTY_LIST_HASH
from primitives.errors import InvalidTransaction
from primitives.receipt import logs_hash
from primitives.transaction import decode_transaction
from statestore.state import State
from statestore.trie import StateTrie, state_root
from statestore.view import WorldState


class Refusal(NamedTuple):
    """Why something was refused, in leveret's words (the class of the error), and the reason that the test gives."""

    error: str
    exception: str


@dataclass(frozen=True)
class Verdict:
    """
    What became of a case; `state_root` is the one computed, `error` None when it passed; `seconds` are of the CPU.

    `refusals` are of what had to be refused and was; whether each is for the right reason is not part of passing.
    """

    name: str
    fork_name: str
    state_root: bytes | None
    error: str | None
    seconds: float
    refusals: tuple[Refusal, ...] = ()

    @property
    def passed(self) -> bool:
        """Nothing differed."""
        return self.error is None

    def as_json(self) -> dict[str, object]:
        """As `leveret statetest --json` prints it."""
        return {
            "name": self.name,
            "pass": self.passed,
            "fork": self.fork_name,
            "stateRoot": None if self.state_root is None else f"0x{self.state_root.hex()}",
            "error": self.error,
        }


def run_case(case: Case, engine: Engine, trace: TraceWriter | None = None) -> Verdict:
    """Execute one case and compare; `trace` gets every step, a summary, and what became of the case."""
    begin = time.process_time()
    root = refusal = None
    try:
        root, logs, refusal = _execute(case, engine, trace)
        error = _difference(case, root, logs, refusal)
    except Exception as crash:  # Whatever an engine raises is the failure of this case, and not the end of the run.
        error = f"{engine.name} engine crashed: {type(crash).__name__}: {crash}"
    if trace is not None:
        trace.state(root, case.name, case.fork_name, passed=error is None)
    return Verdict(
        name=case.name,
        fork_name=case.fork_name,
        state_root=root,
        error=error,
        seconds=time.process_time() - begin,
        refusals=()
        if refusal is None or case.exception is None
        else (Refusal(type(refusal).__name__, case.exception),),
    )


def write_accounts(accounts: Iterable[PreAccount], state: WorldState) -> None:
    """Write the accounts of a `pre` into an empty state."""
    for account in accounts:
        state.touch(account.address)
        state.set_nonce(account.address, account.nonce)
        state.set_balance(account.address, account.balance_wei)
        if account.code:
            state.set_code(account.address, account.code)
        for key, value in account.storage.items():
            state.set_storage(account.address, key, value)


def _execute(case: Case, engine: Engine, trace: TraceWriter | None) -> tuple[bytes, bytes, InvalidTransaction | None]:
    """State root and logs hash afterwards, and the reason if the transaction was refused."""
    state = State()
    trie = StateTrie()
    write_accounts(case.pre, state)
    trie.apply(state.seal_genesis())
    try:
        transaction = decode_transaction(case.transaction)
    except InvalidTransaction as refusal:
        return trie.root(), EMPTY_LIST_HASH, refusal
    trie.root()  # As in a node, the trie is whole before the transaction, and only what changed is hashed after it.
    outcome = engine.execute([transaction], case.environment, state, 0, trace)[0]
    if trace is not None:
        trace.end_of(outcome)
    trie.apply(state.seal())
    root = trie.root()
    assert root == _root_from_scratch(state), "the state diff is not all that changed"
    if outcome.receipt is None:
        assert outcome.refusal is not None, "an outcome is either a receipt or a refusal"
        return root, EMPTY_LIST_HASH, outcome.refusal
    return root, logs_hash(outcome.receipt.logs), None


def _root_from_scratch(state: State) -> bytes:
    version = state.version
    return state_root(
        (address, account, dict(state.storage_at(version, address))) for address, account in state.accounts_at(version)
    )


def _difference(case: Case, root: bytes, logs: bytes, refusal: InvalidTransaction | None) -> str | None:
    """In one sentence, what is not as expected."""
    if refusal is not None and case.exception is None:
        return f"refused, expected to be executed: {refusal}"
    if refusal is None and case.exception is not None:
        return f"executed, expected to be refused: {case.exception}"
    if root != case.state_root:
        return f"state root 0x{root.hex()}, expected 0x{case.state_root.hex()}"
    if logs != case.logs_hash:
        return f"logs hash 0x{logs.hex()}, expected 0x{case.logs_hash.hex()}"
    return None
