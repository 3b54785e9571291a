"""
The native engine: whole transactions in compiled code, a batch a call, without Python's lock.

It works on the tables of a `State`. What it can't take goes to the reference engine, at its place in the batch: forks
before Berlin, states that are not tables, transactions that need more memory than is reserved, calls with more gas than
anybody has. Python does what compiled code asks for in between: it doubles a table that is full, runs a precompiled
contract that has no native code, loads block hashes, and says in words why a transaction was refused.
"""

import ctypes
from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from threading import local
from typing import Final

import numpy as np

from evm_jit.batch import DONE, GO_ON, NOT_RESUMED
from evm_jit.calls import check_call, transaction_of
from evm_jit.compilation import compile_all
from evm_jit.engine import Call, CallResult, Engine, Outcome
from evm_jit.halt_codes import (
    ARENA_FULL,
    BLOCK_HASHES_NEEDED,
    COMPILATION_WANTED,
    REFUSED,
    REPEATED_OTHERWISE,
    SUSPENDED,
    UNSUPPORTED,
)
from evm_jit.machine import (
    BLOCK_HASH_COUNT,
    CALL,
    FRAME_ONLY,
    NEVER,
    TRANSACTION,
    TRANSLATES,
    Machine,
)
from evm_jit.native_calls import compile_calls
from evm_jit.native_trace import SteppedBatch
from evm_jit.opcodes import opcode_table
from evm_jit.outcomes import Outcomes
from evm_jit.precompiles import PrecompileFailed
from evm_jit.precompiles.native import FAILED, PYTHON_CONTRACTS, precompile_functions
from evm_jit.repetition import difference
from evm_jit.threaded_opcodes import fusion_table, threaded_table
from evm_jit.tier_table import NoTiers, Tiers, running_frame
from evm_jit.trace import Tracer
from evm_jit.transaction_checks import blob_base_fee, check_transaction
from primitives.block import BlockEnvironment
from primitives.compilation import Show, show_nothing
from primitives.errors import InvalidTransaction
from primitives.forks import Fork
from primitives.transaction import Transaction
from primitives.transaction_batch import TransactionBatch
from statestore.partial_state import PartialState
from statestore.state import State
from statestore.view import WorldState

FIRST_FORK: Final = Fork.BERLIN

CALL_GAS_MAX: Final = 2**63 - 1  # Gas is an int64.
_OPCODE_TABLES: Final = {fork: opcode_table(fork) for fork in Fork if fork >= FIRST_FORK}
_THREADED_TABLES: Final = {fork: threaded_table(fork) for fork in Fork if fork >= FIRST_FORK}
_FUSIONS: Final = fusion_table()


@cache
def reference_engine() -> Engine:
    """What takes over, made when it is first needed: py-evm takes half a second to import."""
    from evm_jit.reference import ReferenceEngine

    return ReferenceEngine()


class NativeEngine:
    """An `Engine`. One instance may serve several threads, each with its own state."""

    name = "native"

    def __init__(self, tiers: Tiers | None = None) -> None:
        self._tiers = tiers or NoTiers()
        self._of_thread = local()

    def warm_up(self, show: Show = show_nothing) -> None:
        """Compile, or load what was compiled before."""
        compile_all(show)
        self._tiers.warm_up()

    def wait_for_compiler(self, seconds: float) -> None:
        """Until nothing that is hot waits to become machine code, or so long; for benchmarks."""
        self._tiers.wait(seconds)

    def close(self) -> None:
        """End the compiler; what is executed afterwards is executed without it."""
        self._tiers.close()

    def execute(
        self,
        transactions: Sequence[Transaction],
        environment: BlockEnvironment,
        state: WorldState,
        gas_used_before: int = 0,
        tracer: Tracer | None = None,
    ) -> Sequence[Outcome]:
        """Execute in order; see `Engine.execute`."""
        if not isinstance(state, State) or environment.fork < FIRST_FORK:
            return reference_engine().execute(transactions, environment, state, gas_used_before, tracer)
        batch = Batch(self._machine(), transactions, environment, state, tracer, self._tiers)
        return batch.run(gas_used_before)

    def call(
        self, call: Call, environment: BlockEnvironment, state: WorldState, tracer: Tracer | None = None
    ) -> CallResult:
        """Execute one call; see `Engine.call`. InvalidTransaction when a transaction like it could not run."""
        if environment.fork < FIRST_FORK or call.gas_limit > CALL_GAS_MAX:
            return reference_engine().call(call, environment, state, tracer)
        if call.gas_price == 0:
            environment = replace(environment, base_fee_per_gas=0)
        transaction = transaction_of(call, environment, state)
        check_call(transaction, call, environment, state)
        if isinstance(state, State):
            result = Batch(self._machine(), [transaction], environment, state, tracer, self._tiers).run_call(call)
        else:
            partial = PartialState(state, dict.fromkeys(filter(None, (environment.coinbase, call.sender, call.to))))
            result = Batch(self._machine(), [transaction], environment, partial, tracer, self._tiers).run_call(call)
            partial.write_to(state)
        return result or reference_engine().call(call, environment, state, tracer)

    def _machine(self) -> Machine:
        machine: Machine | None = getattr(self._of_thread, "machine", None)
        if machine is None:
            machine = self._of_thread.machine = Machine()
            machine["libsecp256k1"] = precompile_functions().ctypes.data
        return machine


class Batch:
    """Transactions that are being executed on a machine, and their outcomes as far as they are known."""

    def __init__(
        self,
        machine: Machine,
        transactions: Sequence[Transaction],
        environment: BlockEnvironment,
        state: State,
        tracer: Tracer | None,
        tiers: Tiers,
    ) -> None:
        self._machine = machine
        self._tiers = tiers if tracer is None else NoTiers()
        self._transactions = TransactionBatch.of(transactions)
        self._environment = environment
        self._state = state
        self._tracer = tracer
        self._stepped = SteppedBatch(machine, state, environment.fork, tracer) if tracer is not None else None
        self._outcomes = Outcomes(self._transactions, environment.fork)
        self._calls = compile_calls()
        self._set_environment()

    def run(self, gas_used_before: int) -> Outcomes:
        """Execute all; one outcome for each."""
        machine = self._machine
        machine["mode"], machine["next"], machine["gas_used"] = TRANSACTION, 0, gas_used_before
        self._advance()
        self._take_outcomes()
        return self._outcomes

    def run_call(self, call: Call) -> CallResult | None:
        """Execute the one transaction as a call; None, and nothing has changed, if it is the reference engine's."""
        machine = self._machine
        machine["mode"], machine["next"], machine["gas_used"] = FRAME_ONLY if call.frame_only else CALL, 0, 0
        if not self._advance():
            return None
        self._outcomes.take(machine, encode=None)
        outcome = self._outcomes[0]
        assert outcome.receipt is not None
        return CallResult(outcome.receipt.gas_used, outcome.output, outcome.receipt.logs, outcome.halt)

    def _advance(self) -> bool:
        """Execute to the end of the batch; False if a call is the reference engine's, which leaves nothing."""
        fork = self._environment.fork
        self._tier_table = self._tiers.begin(self._state, fork)
        try:
            status, resumed = self._execute(NOT_RESUMED), NOT_RESUMED
            while status != DONE:
                if status == COMPILATION_WANTED:
                    self._tiers.provide(running_frame(self._machine), self._tier_table, self._state, fork)
                    resumed = GO_ON
                elif status == SUSPENDED:
                    resumed = self._run_contract()
                elif not self._do_without(status):
                    return False
                status, resumed = self._execute(resumed), NOT_RESUMED
        finally:
            self._tiers.end(self._tier_table, self._state, fork)
        return True

    def _do_without(self, status: int) -> bool:
        """Do what compiled code can't, between transactions; False if that is a call for the reference engine."""
        is_call = self._machine["mode"] != TRANSACTION
        if status == REPEATED_OTHERWISE:
            self._pin_repeated()
        elif status == REFUSED:
            self._refuse()
        elif status in (UNSUPPORTED, ARENA_FULL):
            if is_call:
                return False
            if status == UNSUPPORTED or self._take_outcomes() == 0:
                self._run_on_reference()
        else:
            self._make_room(status)
        return True

    def _execute(self, resumed: int) -> int:
        """Execute from `machine.next` on: DONE or a status."""
        machine, records, results = self._machine, self._transactions.records, self._outcomes.results
        table = self._tier_table
        machine["tables"] = self._state.tables.address
        table.reserve(len(self._state.tables.codes))
        machine["tiers"], machine["heat_max"] = table.records.ctypes.data, table.heat_max
        if self._stepped is not None:
            return self._stepped.execute(records, results, resumed)
        return self._calls.execute_batch(
            machine.address, records.ctypes.data, results.ctypes.data, len(records), resumed
        )

    def _pin_repeated(self) -> None:
        """Have codes interpreted from now on that ran in the transaction before the next one, where they were wrong."""
        machine, records = self._machine, self._tier_table.records
        ran = records["repetition"] == machine["repetitions"]
        rows = np.flatnonzero(ran & (records["entry"] != 0)).tolist()
        found = difference(machine, self._outcomes.results[machine["next"] - 1])
        self._tiers.pin(rows, self._state, self._environment.fork, found)

    def _set_environment(self) -> None:
        machine, environment = self._machine, self._environment
        machine["opcodes"] = _OPCODE_TABLES[environment.fork].ctypes.data
        machine["threaded_opcodes"] = _THREADED_TABLES[environment.fork].ctypes.data
        machine["fusions"] = _FUSIONS.ctypes.data
        machine["translates"] = TRANSLATES if self._stepped is None else NEVER
        machine["fork"], machine["number"] = environment.fork, environment.number
        machine["timestamp"] = environment.timestamp
        machine["block_hashes_number"] = -1
        machine["slots_epoch"] += 1
        machine.set_word("coinbase", int.from_bytes(environment.coinbase, "big"))
        machine.set_word("gas_limit", environment.gas_limit)
        machine.set_word("base_fee", environment.base_fee_per_gas)
        machine.set_word("blob_base_fee", blob_base_fee(environment))
        randao = (
            environment.prev_randao if environment.fork >= Fork.PARIS else environment.difficulty.to_bytes(32, "big")
        )
        machine.set_word("prev_randao", int.from_bytes(randao, "big"))
        machine.set_word("chain_id", environment.chain_id)
        machine["log_top"], machine["output_top"] = machine["logs"], machine["outputs"]
        machine["repeats"] = machine["repeating"] = 0

    def _make_room(self, status: int) -> None:
        """Give compiled code what it stopped for: a larger table, or block hashes."""
        if status == BLOCK_HASHES_NEEDED:
            self._load_block_hashes()
        else:
            self._state.grow(status)
            self._machine["slots_epoch"] += 1

    def _load_block_hashes(self) -> None:
        number = self._environment.number
        hashes = self._machine.block_hashes
        for ancestor in range(max(0, number - BLOCK_HASH_COUNT), number):
            digest = self._environment.block_hash(ancestor)
            hashes[ancestor % BLOCK_HASH_COUNT] = np.frombuffer(digest[::-1], np.uint64)
        self._machine["block_hashes_number"] = number

    def _run_contract(self) -> int:
        """Run the precompiled contract that a frame waits for: the size of its output, or FAILED."""
        machine = self._machine
        data = ctypes.string_at(machine["input"], machine["input_size"])
        try:
            output = PYTHON_CONTRACTS[machine["contract"]](data)
        except PrecompileFailed:
            return FAILED
        ctypes.memmove(machine["return_data"], output, len(output))
        return len(output)

    def _refuse(self) -> None:
        """Say why the next transaction may not enter the block."""
        self._take_outcomes()
        try:
            transaction = self._transactions[self._machine["next"]]
            check_transaction(transaction, self._environment, self._state, self._machine["gas_used"])
        except InvalidTransaction as refusal:
            self._outcomes.append(Outcome(receipt=None, refusal=refusal.with_traceback(None)))
            self._machine["next"] += 1
            return
        self._run_on_reference()  # Its gas limit is beyond what compiled code counts with.

    def _run_on_reference(self) -> None:
        """Have the next transaction executed by the reference engine."""
        self._take_outcomes()
        machine = self._machine
        transaction = self._transactions[machine["next"]]
        [outcome] = reference_engine().execute(
            [transaction], self._environment, self._state, machine["gas_used"], self._tracer
        )
        machine["slots_epoch"] += 1
        if outcome.receipt is not None:
            machine["gas_used"] = outcome.receipt.cumulative_gas_used
        self._outcomes.append(outcome)
        machine["next"] += 1

    def _take_outcomes(self) -> int:
        """Keep what was executed since, with receipts, and empty the arenas; of how many transactions that is."""
        return self._outcomes.take(self._machine, self._calls.encode_receipts)
