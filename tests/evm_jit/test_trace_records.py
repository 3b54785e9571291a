"""Steps that a kernel records are the steps that Python reads."""

from typing import Any

import numpy as np
import pytest

from evm_jit.halt_codes import FINISHED, INVALID_OPCODE, OUT_OF_GAS, REVERTED, RUNNING, STACK_UNDERFLOW
from evm_jit.trace import Step
from evm_jit.trace_records import TraceBuffer, begin_step, end_step

WORDS = (1, 2**256 - 1, 0)


class Frame:
    """A stack and a memory somewhere."""

    def __init__(self, words: tuple[int, ...] = (), memory: bytes = b"") -> None:
        self.stack = np.frombuffer(b"".join(word.to_bytes(32, "little") for word in words) or b"\0", np.uint8).copy()
        self.top = self.stack.ctypes.data + 32 * len(words)
        self.memory = np.frombuffer(memory or b"\0", np.uint8).copy()
        self.memory_size = len(memory)

    def begin(self, buffer: TraceBuffer, pc: int = 0, op: int = 1, gas: int = 100, **more: Any) -> bool:
        fields = {"depth": 1, "refund": 7} | more
        return bool(
            begin_step(
                buffer.address,
                pc,
                op,
                gas,
                fields["depth"],
                fields["refund"],
                self.memory.ctypes.data,
                self.memory_size,
                self.stack.ctypes.data,
                self.top,
            )
        )


def test_steps_come_back_as_they_were_recorded() -> None:
    buffer = TraceBuffer(4, 16)
    first, second = Frame(WORDS, bytes(64)), Frame((5,))
    assert first.begin(buffer, 10, 0xF1, 1_000)
    end_step(buffer.address, 700, 9, RUNNING, 0)
    assert second.begin(buffer, 0, 0x00, 600, depth=2)
    end_step(buffer.address, 0, 9, FINISHED, 0)
    assert list(buffer.steps()) == [
        Step(10, 0xF1, 1_000, 700, 64, WORDS, 1, 9),
        Step(0, 0x00, 600, 0, 0, (5,), 2, 9),
    ]


@pytest.mark.parametrize(
    ("halt", "needed", "error"),
    [
        (OUT_OF_GAS, 0, "out of gas"),
        (INVALID_OPCODE, 0, "invalid opcode: ADD"),
        (STACK_UNDERFLOW, 2, "stack underflow (1 <=> 2)"),
    ],
)
def test_failing_step_costs_all_gas_and_keeps_its_refund(halt: int, needed: int, error: str) -> None:
    buffer = TraceBuffer(1, 4)
    Frame((5,)).begin(buffer)
    end_step(buffer.address, 3, 99, halt, needed)
    (step,) = buffer.steps()
    assert (step.error, step.gas_cost, step.refund) == (error, 100, 7)


def test_reverting_step_keeps_its_own_cost() -> None:
    buffer = TraceBuffer(1, 4)
    Frame().begin(buffer, op=0xFD)
    end_step(buffer.address, 3, 7, REVERTED, 0)
    (step,) = buffer.steps()
    assert (step.error, step.gas_cost) == ("execution reverted", 3)


def test_memory_is_kept_where_there_is_room_for_it() -> None:
    buffer = TraceBuffer(4, 4, 100)
    frames = [Frame(memory=b"\x01" * 32), Frame(), Frame(memory=b"\x02" * 64)]
    assert all(frame.begin(buffer) for frame in frames)
    assert [step.memory for step in buffer.steps()] == [b"\x01" * 32, b"", b"\x02" * 64]
    assert not frames[0].begin(buffer), "4 bytes are left"


def test_step_without_room_is_not_recorded_until_there_is_some() -> None:
    for buffer in (TraceBuffer(1, 100), TraceBuffer(10, 3)):
        assert Frame(WORDS).begin(buffer, pc=1)
        assert not Frame(WORDS).begin(buffer, pc=2)
        assert [step.pc for step in buffer.steps()] == [1]
        buffer.clear()
        assert list(buffer.steps()) == []
        assert Frame(WORDS).begin(buffer, pc=2)
        assert [(step.pc, step.stack) for step in buffer.steps()] == [(2, WORDS)]
