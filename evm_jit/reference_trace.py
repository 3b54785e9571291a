"""
How the reference engine traces: `Frame.run` once more, with a step recorded for each instruction.

A step is told when its cost is known: when the instruction is done, or when the first instruction of a frame that it
opened begins. By then it has charged everything; what comes back from the callee is not its own.
"""

from dataclasses import dataclass
from typing import Final

from eth.exceptions import Halt, Revert, VMError
from eth.vm import opcode_values

from evm_jit.halts import opcode_name
from evm_jit.reference_frames import STOP, Frame, FrameGas
from evm_jit.reference_halts import halt_text
from evm_jit.stack_items import STACK_DEPTH_LEAST, STACK_DEPTH_MOST
from evm_jit.trace import Step, Tracer, failing_cost

_CREATIONS: Final = (opcode_values.CREATE, opcode_values.CREATE2)


class _TracedGas(FrameGas):
    """A gas meter that remembers what the running instruction has charged, and for what."""

    def __init__(self, start_gas: int) -> None:
        super().__init__(start_gas)
        self.charges: list[tuple[int, str]] = []

    def consume_gas(self, amount: int, reason: str) -> None:
        """Take `amount` of the gas left, or raise OutOfGas."""
        super().consume_gas(amount, reason)
        self.charges.append((amount, reason))

    def cost(self, opcode: int) -> int:
        """The instruction's own; the second charge of a creation in its own name is the gas handed over."""
        cost = sum(amount for amount, _ in self.charges)
        if opcode in _CREATIONS:
            own = [amount for amount, reason in self.charges if reason == opcode_name(opcode)]
            cost -= sum(own[1:])
        return cost


@dataclass
class _Pending:
    """A step that has begun, all but its cost, refund and error; `refund` is the counter before it."""

    frame: Frame
    meter: _TracedGas
    step: Step


class StepRecorder:
    """
    Runs frames of one transaction after the other, and tells `tracer` their steps.

    `gas_refund_selfdestruct` is what the fork grants for each account that destroyed itself.
    """

    def __init__(self, tracer: Tracer, gas_refund_selfdestruct: int) -> None:
        self._tracer = tracer
        self._gas_refund_selfdestruct = gas_refund_selfdestruct
        self._pending: _Pending | None = None

    def run(self, frame: Frame) -> None:
        """Execute the code of `frame` until it halts, as `Frame.run` does."""
        self._tell()  # The call or creation that opened this frame.
        meter = _TracedGas(frame.msg.gas)
        frame._gas_meter = meter
        stream = frame.code
        code = frame.msg.code
        items = frame._stack.values  # type: ignore[attr-defined]
        try:
            while True:
                position = stream.program_counter
                opcode = code[position] if position < len(code) else STOP
                stream.program_counter = position + 1
                meter.charges.clear()
                self._pending = _Pending(frame, meter, self._begun(frame, position, opcode))
                if not STACK_DEPTH_LEAST[opcode] <= len(items) <= STACK_DEPTH_MOST[opcode]:
                    frame.stop_at_stack_depth(opcode, len(items))
                frame.operations[opcode](frame)
                self._tell()
        except Halt:
            self._tell()
        except VMError as error:
            self._tell(error)
            raise

    def _begun(self, frame: Frame, position: int, opcode: int) -> Step:
        return Step(
            pc=position,
            op=opcode,
            gas=frame._gas_meter.gas_remaining,
            gas_cost=0,
            memory_size=len(frame._memory),
            stack=tuple(
                item if isinstance(item, int) else int.from_bytes(item, "big")
                for item in frame._stack.values  # type: ignore[attr-defined]
            ),
            depth=frame.msg.depth + 1,
            refund=self._refund(frame),
            memory=bytes(frame._memory._bytes) if self._tracer.wants_memory else None,  # type: ignore[attr-defined]
        )

    def _tell(self, error: VMError | None = None) -> None:
        """Tell the pending step, if there is one, now that its cost and how it ended are known."""
        pending, self._pending = self._pending, None
        if pending is None:
            return
        step = pending.step
        has_failed = error is not None and not isinstance(error, Revert)
        text = None if error is None else halt_text(error)
        self._tracer.step(
            step._replace(
                gas_cost=failing_cost(step.gas, pending.meter.cost(step.op), text),
                refund=step.refund if has_failed else self._refund(pending.frame),
                error=text,
            )
        )

    def _refund(self, frame: Frame) -> int:
        accounts = frame.state.accounts
        return accounts.refund + self._gas_refund_selfdestruct * len(accounts.deletions)
