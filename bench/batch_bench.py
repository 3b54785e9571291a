"""
Whole batches through an engine: from signed bytes, senders given, to receipts; no network, no log, no state root.

Times are of the CPU, of one thread, and in permutations of Keccak (bench/keccak_unit.py), which are timed in turns with
the batches. Every repetition begins on the same state and must end in the same one, each transaction must succeed, and
the first transactions are executed by the reference engine too, which must get the same receipts and state diff.
"""

import gc
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from bench.batches import Batch
from bench.engine_bench import Measurement
from bench.keccak_unit import permutation_ns
from evm_jit.engine import Engine, Outcome
from evm_jit.engines import make_engine
from evm_jit.native import NativeEngine
from primitives.receipt import Receipt
from primitives.state_diff import Account, StateDiff
from primitives.transaction_batch import TransactionBatch
from statestore.state import State

HEATING_RUNS: Final = 3
COMPILATION_S_MAX: Final = 30.0
CHECKED: Final = 50  # Transactions of a batch that the reference engine executes too.


def measure_batch(
    engine: Engine, batch: Batch, repetitions: int, tick: Callable[[], None] = lambda: None
) -> Measurement:
    """Execute `batch` `repetitions` times, from the same state each time; `tick` is called after each."""
    ground = Ground(batch.state)
    check_against_reference(engine, batch, ground)
    execute(engine, batch, len(batch.transactions))
    batch.check(batch.state)
    diff = ground.restore()
    heat(engine, lambda: (execute(engine, batch, len(batch.transactions)), ground.restore()))
    permutation_ns()  # Compiles it.
    seconds, permutations = [], []
    gas_used = 0
    for index in range(repetitions):
        gc.collect()
        unit_ns = permutation_ns() if index % 2 else 0.0
        run = execute(engine, batch, len(batch.transactions))
        unit_ns = unit_ns or permutation_ns()
        receipts = run.receipts
        assert all(receipt.succeeded for receipt in receipts), f"{batch.name}: a transaction failed"
        assert ground.restore() == diff, f"{batch.name}: a repetition led to another state"
        gas_used = receipts[-1].cumulative_gas_used
        seconds.append(run.cpu_ns / 1e9)
        permutations.append(run.cpu_ns / len(batch.transactions) / unit_ns)
        tick()
    path = f"{engine.name} engine, batch (CPU)"
    return Measurement(batch.name, path, len(batch.transactions), gas_used, tuple(seconds), tuple(permutations))


def heat(engine: Engine, run: Callable[[], object]) -> None:
    """Run what is measured until its hot contracts are compiled, in the tier where they stay."""
    if isinstance(engine, NativeEngine):
        for _ in range(HEATING_RUNS):
            engine.wait_for_compiler(COMPILATION_S_MAX)
            run()
        engine.wait_for_compiler(COMPILATION_S_MAX)


@dataclass(frozen=True)
class Run:
    """Outcomes, and nanoseconds of this thread from bytes to them."""

    outcomes: Sequence[Outcome]
    cpu_ns: int

    @property
    def receipts(self) -> list[Receipt]:
        """As objects; made now, of what was executed before."""
        return [_receipt(outcome) for outcome in self.outcomes]


def execute(engine: Engine, batch: Batch, count: int) -> Run:
    """The first `count` transactions of the batch."""
    raws = [transaction.raw for transaction in batch.transactions[:count]]
    senders = batch.senders[:count]
    began = time.thread_time_ns()
    outcomes = engine.execute(TransactionBatch(raws, senders), batch.environment, batch.state)
    elapsed = time.thread_time_ns() - began
    return Run(outcomes, elapsed)


def _receipt(outcome: Outcome) -> Receipt:
    assert outcome.receipt is not None, f"refused: {outcome.refusal}"
    return outcome.receipt


def check_against_reference(engine: Engine, batch: Batch, ground: "Ground") -> None:
    """The first transactions, on both engines."""
    ends = []
    for each in (engine, make_engine("reference")):
        receipts = execute(each, batch, CHECKED).receipts
        ends.append((list(receipts), ground.restore()))
    assert ends[0] == ends[1], f"{batch.name}: the {engine.name} engine and the reference engine differ"


Values = dict[bytes, tuple[Account | None, dict[int, int]]]


class Ground:
    """
    The sealed state that a benchmark goes back to.

    What was written is known from the state diff, and what was there before from the version, which is kept.
    """

    def __init__(self, state: State) -> None:
        self._state = state
        self._version = state.version
        state.pin(self._version)

    def restore(self) -> Values:
        """Undo what was written since; returns what it was, by account."""
        state, before = self._state, self._state.view_at(self._version)
        diff: StateDiff = state.seal()
        written: Values = {}
        for address, account, slots in diff.accounts:
            written[address] = account, dict(slots)
            state.begin_transaction()
            for key, _ in slots:
                state.set_storage(address, key, before.storage(address, key))
            was = before.account(address)
            if was is None:
                state.delete_account(address)
            else:
                state.set_balance(address, was.balance)
                state.set_nonce(address, was.nonce)
                state.set_code(address, before.code(was.code_hash))
        state.begin_transaction()
        state.seal()
        return written
