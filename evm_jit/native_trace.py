"""
How the native engine traces: the interpreter makes one instruction at a time, and Python looks at the frame in between.

The interpreter that steps is the same code, generated with a counter; it is compiled when the first trace is asked for.
"""

# mypy: allow-untyped-defs, allow-untyped-calls

import ctypes
from functools import cache
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt

from evm_jit.batch import DONE, NOT_RESUMED, begin_one, end_one, finish_contract
from evm_jit.dispatch import load_interpreter
from evm_jit.gas import REFUND_SELF_DESTRUCT_BERLIN
from evm_jit.halt_codes import FINISHED, RUNNING, STEPPED
from evm_jit.machine import FRAME, FRAME_SIZE_BYTES, WORD_SIZE_BYTES, Machine, as_machine
from evm_jit.native_halts import halt_text
from evm_jit.trace import Step, Tracer, failing_cost
from primitives.compiled_calls import INT, compile_call
from primitives.forks import Fork
from statestore.state import State

NOT_CHARGED: Final = -1
# They alone change the counter of refunds; the end of a frame may undo it, but that is behind the frame's last step.
REFUNDING: Final = (0x55, 0xFF)  # SSTORE, SELFDESTRUCT


class SteppingCalls(NamedTuple):
    """The compiled functions that execute a transaction piece by piece."""

    begin: Any
    step: Any
    finish_contract: Any
    end: Any


@cache
def compile_stepping_calls() -> SteppingCalls:
    """Compile them, or load them from the disk cache."""
    interpret_step = load_interpreter("interpret_step", is_stepping=True)

    def step(machine):
        return interpret_step(as_machine(machine))

    def finish(machine, size):
        return finish_contract(as_machine(machine), size)

    def begin(machine, transactions, index, count):
        return begin_one(machine, transactions, index, count)

    def end(machine, transactions, results, index, count, halt):
        return end_one(machine, transactions, results, index, count, halt)

    return SteppingCalls(
        compile_call(begin, *[INT] * 4),
        compile_call(step, INT),
        compile_call(finish, *[INT] * 2),
        compile_call(end, *[INT] * 6),
    )


class SteppedBatch:
    """What `batch.execute_batch` does, with every instruction told to a tracer."""

    def __init__(self, machine: Machine, state: State, fork: Fork, tracer: Tracer) -> None:
        self._machine = machine
        self._state = state
        self._fork = fork
        self._tracer = tracer
        self._calls = compile_stepping_calls()
        self._steps: list[Step] = []  # Of the running transaction, which may have to start again.

    def execute(self, records: npt.NDArray[Any], results: npt.NDArray[Any], resumed: int) -> int:
        """Execute the transactions from `machine.next` on: DONE or a status; see `batch.execute_batch`."""
        machine, count = self._machine, len(records)
        places = records.ctypes.data, results.ctypes.data
        while machine["next"] < count:
            if resumed == NOT_RESUMED:
                self._steps.clear()
                halt = self._calls.begin(machine.address, places[0], machine["next"], count)
            else:
                halt = self._calls.finish_contract(machine.address, resumed)
            resumed = NOT_RESUMED
            if halt == RUNNING:
                halt = self._run()
            status: int = self._calls.end(machine.address, *places, machine["next"], count, halt)
            if status != DONE:
                return status
            for step in self._steps:
                self._tracer.step(step)
            machine["next"] += 1
        return DONE

    def _run(self) -> int:
        """Make steps until the outermost frame ends, or compiled code needs something."""
        machine, status = self._machine, STEPPED
        while status == STEPPED:
            address = machine["frame"]
            before = _frame_at(address).copy()
            stack, memory = _stack_of(before), self._memory_of(before)
            refund = self._refund()
            machine["gas_charged"], machine["last_halt"], machine["steps"] = NOT_CHARGED, RUNNING, 1
            status = self._calls.step(machine.address)
            if before["code_size"] != 0:
                self._steps.append(self._step(before, _frame_at(address), stack, memory, refund))
        return status

    def _step(self, before: Any, after: Any, stack: tuple[int, ...], memory: bytes | None, refund: int) -> Step:
        """The step that has just been made."""
        machine = self._machine
        gas, charged, halt = int(before["gas_left"]), machine["gas_charged"], machine["last_halt"]
        error = None
        if halt not in (RUNNING, FINISHED):
            error = halt_text(halt, machine["halt_opcode"], machine["halt_height"], machine["halt_needed"])
        cost = gas - (int(after["gas_left"]) if charged == NOT_CHARGED else charged)
        op = ctypes.string_at(int(before["pc"]), 1)[0]
        return Step(
            pc=int(before["pc"] - before["code"]),
            op=op,
            gas=gas,
            gas_cost=failing_cost(gas, cost, error),
            memory_size=int(before["memory_size"]),
            stack=stack,
            depth=int(before["depth"]) + 1,
            refund=self._refund() if error is None and op in REFUNDING else refund,
            error=error,
            memory=memory,
        )

    def _memory_of(self, frame: Any) -> bytes | None:
        if not self._tracer.wants_memory:
            return None
        return ctypes.string_at(int(frame["memory"]), int(frame["memory_size"]))

    def _refund(self) -> int:
        """The transaction's counter of refunds."""
        destroyed_count = int(self._state.tables.counters["destroyed_count"][0]) if self._fork < Fork.LONDON else 0
        return self._machine["refund"] + REFUND_SELF_DESTRUCT_BERLIN * destroyed_count


def _frame_at(address: int) -> Any:
    """The record of a frame; a view."""
    memory: Any = (ctypes.c_char * FRAME_SIZE_BYTES).from_address(address)
    return np.frombuffer(memory, FRAME)[0]


def _stack_of(frame: Any) -> tuple[int, ...]:
    """The words on a frame's stack, the topmost last."""
    octets = ctypes.string_at(int(frame["stack"]), int(frame["top"] - frame["stack"]))
    return tuple(
        int.from_bytes(octets[start : start + WORD_SIZE_BYTES], "little")
        for start in range(0, len(octets), WORD_SIZE_BYTES)
    )
