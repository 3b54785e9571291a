"""
Steps as compiled code writes them: records of a fixed size, and beside them the words and bytes that they saw.

A kernel begins a step before the instruction and ends it when its cost is known (see `trace` for what each field
means):

    if not begin_step(trace, pc, op, gas, depth, refund, memory, memory_size, stack, top):
        return TRACE_FULL   # Python takes the steps, and the frame goes on with this instruction
    ...
    end_step(trace, gas_cost, refund, halt, needed)

A call or creation is ended before the first step of the frame that it opens begins. Steps of a transaction that starts
again, because a table was full, are dropped with `clear`: take none before its end, or be ready to take them back.
"""

# mypy: allow-untyped-defs, allow-untyped-calls

from collections.abc import Iterator
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from evm_jit.halt_codes import FINISHED, REVERTED, RUNNING, halt_text
from evm_jit.trace import Step, failing_cost
from primitives.kernels_cache import njit
from primitives.memory import copy_bytes
from primitives.records import record_at

WORD_SIZE_BYTES: Final = 32

TRACE_STEP = np.dtype(
    [
        ("pc", np.int64),
        ("op", np.int64),
        ("gas", np.int64),
        ("gas_cost", np.int64),  # of an instruction that fails: anything
        ("depth", np.int64),  # 1 in the outermost frame
        ("refund", np.int64),
        ("memory_size", np.int64),
        ("memory", np.int64),  # where its bytes begin in the bytes beside the records, -1 if they are not kept
        ("stack", np.int64),  # which of the words beside the records is its first
        ("stack_size", np.int64),  # words
        ("halt", np.int64),  # see halt_codes; RUNNING and FINISHED are no error
        ("needed", np.int64),  # words, of a stack overflow or underflow
    ]
)
TRACE = np.dtype(
    [
        ("steps", np.int64),  # address of TRACE_STEP[step_count_max]
        ("step_count", np.int64),
        ("step_count_max", np.int64),
        ("words", np.int64),  # address of uint64[word_count_max, 4], least significant limb first
        ("word_count", np.int64),
        ("word_count_max", np.int64),
        ("bytes", np.int64),  # address of uint8[byte_count_max]
        ("byte_count", np.int64),
        ("byte_count_max", np.int64),
        ("wants_memory", np.int64),
    ]
)
STEP_SIZE_BYTES: Final = TRACE_STEP.itemsize

as_trace, as_step = record_at(TRACE), record_at(TRACE_STEP)


@njit
def begin_step(trace_address, pc, op, gas, depth, refund, memory, memory_size, stack, top):
    """
    Record what is so before an instruction; all int64.

    memory, stack, top : addresses of the frame's first byte, its first word, and behind its topmost one

    Returns False, and nothing is recorded, if there is no room.
    """
    trace = as_trace(trace_address)
    word_count = (top - stack) >> 5
    byte_count = memory_size if trace.wants_memory != 0 else 0
    if (
        trace.step_count == trace.step_count_max
        or trace.word_count + word_count > trace.word_count_max
        or trace.byte_count + byte_count > trace.byte_count_max
    ):
        return False
    step = as_step(trace.steps + trace.step_count * STEP_SIZE_BYTES)
    step.pc, step.op, step.gas, step.gas_cost = pc, op, gas, 0
    step.depth, step.refund, step.halt, step.needed = depth, refund, RUNNING, 0
    step.memory_size, step.memory = memory_size, trace.byte_count if trace.wants_memory != 0 else -1
    step.stack, step.stack_size = trace.word_count, word_count
    copy_bytes(trace.words + trace.word_count * WORD_SIZE_BYTES, stack, word_count * WORD_SIZE_BYTES)
    copy_bytes(trace.bytes + trace.byte_count, memory, byte_count)
    trace.step_count += 1
    trace.word_count += word_count
    trace.byte_count += byte_count
    return True


@njit
def end_step(trace_address, gas_cost, refund, halt, needed):
    """Complete the step that was begun last; all int64. `refund` does not count if the instruction failed."""
    trace = as_trace(trace_address)
    step = as_step(trace.steps + (trace.step_count - 1) * STEP_SIZE_BYTES)
    step.gas_cost, step.halt, step.needed = gas_cost, halt, needed
    if halt <= REVERTED:
        step.refund = refund


def steps_of(records: npt.NDArray[Any], words: npt.NDArray[np.uint64], memory: npt.NDArray[np.uint8]) -> Iterator[Step]:
    """
    The steps in `records` (TRACE_STEP[n]).

    words : uint64[m, 4], least significant limb first
    memory : uint8[k]
    """
    raw_words = words.tobytes()
    for row in records.tolist():
        record = dict(zip(records.dtype.names or (), row, strict=True))
        start, count = record["stack"], record["stack_size"]
        stack = tuple(
            int.from_bytes(raw_words[WORD_SIZE_BYTES * index : WORD_SIZE_BYTES * (index + 1)], "little")
            for index in range(start, start + count)
        )
        error = (
            None
            if record["halt"] in (RUNNING, FINISHED)
            else halt_text(record["halt"], record["op"], count, record["needed"])
        )
        kept = record["memory"]
        yield Step(
            pc=record["pc"],
            op=record["op"],
            gas=record["gas"],
            gas_cost=failing_cost(record["gas"], record["gas_cost"], error),
            memory_size=record["memory_size"],
            stack=stack,
            depth=record["depth"],
            refund=record["refund"],
            error=error,
            memory=None if kept < 0 else memory[kept : kept + record["memory_size"]].tobytes(),
        )


class TraceBuffer:
    """Room for so many steps, words of their stacks, and bytes of their memories (0 if nobody wants them)."""

    def __init__(self, step_count_max: int, word_count_max: int, byte_count_max: int = 0) -> None:
        self._steps = np.zeros(step_count_max, TRACE_STEP)
        self._words = np.zeros((word_count_max, 4), np.uint64)
        self._bytes = np.zeros(byte_count_max, np.uint8)
        self.record = np.zeros(1, TRACE)
        self.address: int = self.record.ctypes.data
        for name, array in (("step", self._steps), ("word", self._words), ("byte", self._bytes)):
            self.record[f"{name}s"] = array.ctypes.data
            self.record[f"{name}_count_max"] = len(array)
        self.record["wants_memory"] = byte_count_max > 0

    def steps(self) -> Iterator[Step]:
        """The steps recorded, oldest first; they are not dropped by it."""
        count, word_count, byte_count = (int(self.record[f"{name}_count"][0]) for name in ("step", "word", "byte"))
        return steps_of(self._steps[:count], self._words[:word_count], self._bytes[:byte_count])

    def clear(self) -> None:
        """Drop all steps."""
        for name in ("step", "word", "byte"):
            self.record[f"{name}_count"] = 0
