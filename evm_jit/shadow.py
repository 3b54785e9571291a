"""
The shadow engine: the native engine, and beside it the reference engine on every transaction.

1. the reference executes over an overlay, so that the state stays as it was;
2. the native engine executes on the state;
3. receipts, output, halt and refusal are compared, and so is every account and slot that either changed.

A difference is written to a file from which `leveret run --workload` repeats it, and raised as EnginesDiffer. What the
native engine hands to the reference engine anyway (states that are not tables) is executed once.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Final, NoReturn

from evm_jit.engine import Call, CallResult, Engine, Outcome
from evm_jit.recording import Recording
from evm_jit.shadow_report import Scene, write_report
from evm_jit.trace import Tracer
from primitives.block import BlockEnvironment
from primitives.compilation import Show, show_nothing
from primitives.errors import EnginesDiffer, InvalidTransaction
from primitives.transaction import Transaction
from statestore.overlay import Overlay
from statestore.state import State
from statestore.view import Touched, WorldState

Result = Outcome | CallResult | InvalidTransaction
Action = Callable[[Engine, WorldState, Tracer | None], Result]
VALUE_CHARACTERS_MAX: Final = 400  # Of a value in the list of differences.


class ShadowEngine:
    """
    An `Engine`: `engine`, watched by `reference`.

    directory : where a report is written; the working directory while that is not there
    """

    name = "shadow"

    def __init__(self, engine: Engine, reference: Engine, directory: Path = Path()) -> None:
        self._engine = engine
        self._reference = reference
        self._directory = directory

    def warm_up(self, show: Show = show_nothing) -> None:
        """Of both."""
        self._engine.warm_up(show)
        self._reference.warm_up()

    def close(self) -> None:
        """Both."""
        self._engine.close()
        self._reference.close()

    def execute(
        self,
        transactions: Sequence[Transaction],
        environment: BlockEnvironment,
        state: WorldState,
        gas_used_before: int = 0,
        tracer: Tracer | None = None,
    ) -> Sequence[Outcome]:
        """Execute in order, one at a time; EnginesDiffer where the engines do."""
        if not isinstance(state, State):
            return self._engine.execute(transactions, environment, state, gas_used_before, tracer)
        outcomes: list[Outcome] = []
        for transaction in transactions:

            def execute_one(
                engine: Engine,
                world: WorldState,
                tracer: Tracer | None,
                transaction: Transaction = transaction,
                gas_used_before: int = gas_used_before,
            ) -> Outcome:
                return engine.execute([transaction], environment, world, gas_used_before, tracer)[0]

            outcome = self._compare(Scene(transaction, environment, state, gas_used_before), execute_one, tracer)
            assert isinstance(outcome, Outcome)
            if outcome.receipt is not None:
                gas_used_before = outcome.receipt.cumulative_gas_used
            outcomes.append(outcome)
        return outcomes

    def call(
        self, call: Call, environment: BlockEnvironment, state: WorldState, tracer: Tracer | None = None
    ) -> CallResult:
        """Execute one call; EnginesDiffer where the engines do."""
        if not isinstance(state, State):
            return self._engine.call(call, environment, state, tracer)

        def call_once(engine: Engine, world: WorldState, tracer: Tracer | None) -> Result:
            try:
                return engine.call(call, environment, world, tracer)
            except InvalidTransaction as refusal:
                return refusal

        result = self._compare(Scene(call, environment, state), call_once, tracer)
        if isinstance(result, InvalidTransaction):
            raise result
        assert isinstance(result, CallResult)
        return result

    def _compare(self, scene: Scene, action: Action, tracer: Tracer | None) -> Result:
        """The result of the native engine, once it is known that the reference has the same."""
        state = scene.state
        state.begin_transaction()  # Whatever the journal holds from here on belongs to this transaction.
        recording = Recording(state)
        overlay = Overlay(recording)
        expected = action(self._reference, overlay, None)
        try:
            result = action(self._engine, state, tracer)
        except Exception as error:  # Whatever it raises is a difference, and is told as the cause.
            found = f"the {self._engine.name} engine crashed: {type(error).__name__}: {error}"
            self._stop(scene, recording, [found], error)
        differences = [*_result_differences(expected, result), *_state_differences(overlay, state)]
        if differences:
            self._stop(scene, recording, differences)
        return result

    def _stop(
        self, scene: Scene, recording: Recording, differences: Sequence[str], cause: Exception | None = None
    ) -> NoReturn:
        """Write the report, and raise. The state is then what it was before."""
        touched = scene.state.touched()
        scene.state.revert(0)
        named = Touched(touched.accounts | recording.accounts, touched.slots | recording.slots)
        directory = self._directory if self._directory.is_dir() else Path()
        path = write_report(directory, scene, named, recording.with_storage, differences, self._reference)
        raise EnginesDiffer(scene.name, differences[0], path) from cause


def _result_differences(expected: Result, got: Result) -> Iterator[str]:
    """What the two say differently, a sentence each."""
    theirs, ours = _facts(expected), _facts(got)
    if "refusal" in theirs.keys() ^ ours.keys():
        theirs, ours = ({"refusal": facts.get("refusal")} for facts in (theirs, ours))
    for name in theirs | ours:
        if theirs.get(name) != ours.get(name):
            yield _difference(name, theirs.get(name), ours.get(name))


def _facts(result: Result) -> dict[str, object]:
    """All that a result says, by name."""
    if isinstance(result, InvalidTransaction):
        return {"refusal": f"{type(result).__name__}: {result}"}
    if isinstance(result, CallResult):
        return {field.name: getattr(result, field.name) for field in fields(result)}
    if result.receipt is None:
        return {"refusal": f"{type(result.refusal).__name__}: {result.refusal}"}
    receipt = result.receipt
    return {
        "output": result.output,
        "halt": result.halt,
        **{f"receipt.{field.name}": getattr(receipt, field.name) for field in fields(receipt)},
    }


def _state_differences(expected: Overlay, got: State) -> Iterator[str]:
    """Where the states differ, among what either engine changed."""
    written, changed = expected.written(), got.changed()
    for address in sorted(written.accounts | changed.accounts):
        theirs, ours = expected.account(address), got.account(address)
        if address not in written.accounts:
            yield f"account 0x{address.hex()}: the reference leaves it alone, here it is {ours}"
        elif theirs != ours:
            yield _difference(f"account 0x{address.hex()}", theirs, ours)
        elif theirs is None and got.has_storage(address):
            yield f"account 0x{address.hex()}: it is gone, but its storage is not"
        elif theirs is not None and expected.code(theirs.code_hash) != got.code(theirs.code_hash):
            yield f"account 0x{address.hex()}: the code is not that of its hash"
    for address, key in sorted(written.slots | changed.slots):
        name = f"slot {key:#x} of 0x{address.hex()}"
        value = got.storage(address, key)
        if (address, key) in written.slots:
            if expected.storage(address, key) != value:
                yield _difference(name, expected.storage(address, key), value)
        elif not (address in written.accounts and expected.account(address) is None and value == 0):
            yield f"{name}: the reference leaves it alone, here it is {value:#x}"


def _difference(name: str, expected: object, got: object) -> str:
    return f"{name}: the reference has {_shown(expected)}, here it is {_shown(got)}"


def _shown(value: object) -> str:
    text = f"0x{value.hex()}" if isinstance(value, bytes) else f"{value:#x}" if isinstance(value, int) else str(value)
    return text if len(text) <= VALUE_CHARACTERS_MAX else text[:VALUE_CHARACTERS_MAX] + "..."
