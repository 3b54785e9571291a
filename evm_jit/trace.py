"""
Traces of execution, one JSON line an instruction (EIP-3155), the same from every engine.

Where the EIP leaves something open it is decided as geth's `evm` does. A line holds what was so *before* the
instruction, save `gasCost`, `refund` and `error`:

    {"pc":2,"op":85,"gas":"0x3e8","gasCost":"0x64","memSize":0,"stack":["0x1","0x0"],"depth":1,"refund":0,"opName":"SSTORE"}

1. Which instructions have a line. Every one that begins, in the order they begin, callees' between the call and what
   follows it: also the one that fails (one line, with `error`), STOP, and the STOP behind the code's end (`pc` is then
   the code's size). Code of no bytes has none: calls to accounts without code and to precompiled contracts, creations
   with empty init code, calls that can't be opened (depth, balance). What a frame did stays in the trace if it reverts.
2. `pc` is the position in the frame's code, `op` the byte there (0 behind the end), `opName` geth's name whatever the
   fork (`KECCAK256`, `DIFFICULTY`, `opcode 0xc not defined`). `depth` is 1 in the outermost frame.
3. `gas` is the frame's gas left, `memSize` the bytes of its memory, a multiple of 32, `stack` its words, the topmost
   last. `memory` is there only if asked for, and memory is not empty. `storage` and `returnData` never are.
4. `gasCost` is all that the instruction itself takes: constant part, memory, words, cold access, value, new account.
   - CALL, CALLCODE, DELEGATECALL, STATICCALL: and the gas handed over (after EIP-150, without the stipend of 2,300),
     also when the call can't be opened, when nothing runs, and whatever comes back.
   - CREATE, CREATE2: without the gas handed over. The deposit for the code is in no line.
   - REVERT, RETURN: their memory. STOP: 0. SELFDESTRUCT: with the new account.
   - An instruction that fails, for whatever reason but REVERT: `gas`, for all that is left is lost. What it would have
     cost is not asked for: engines find out in different orders that it can't be paid.
5. `refund` is the transaction's counter, of all frames, with what the instruction itself adds or takes (SSTORE, and
   SELFDESTRUCT until London), without what its callees do. It begins with what EIP-7702 refunds. An instruction that
   fails changes nothing in it; what a failed frame did to it is undone behind the frame's last line.
6. `error` is there only if the frame stops by it: `execution reverted` on REVERT, else what `halts` says. What happens
   behind RETURN (code too long, deposit not paid) and a callee's end are not errors of a line.

Behind the lines of a transaction comes `{"output":"","gasUsed":"0x5208"}`, with an `error` as in the outcome, or why it
was refused; output is hex without 0x, as geth writes it. `gasUsed` is the transaction's after refunds, as the EIP wants
it (geth gives the outermost frame's), or the frame's where only a frame runs. Behind a state test's comes one with the
`stateRoot`, the case's name, its fork, and whether it passed.
"""

from collections.abc import Iterable
from itertools import zip_longest
from typing import Any, NamedTuple, Protocol

import msgspec

from evm_jit.halts import EXECUTION_REVERTED, opcode_name


class Step(NamedTuple):
    """
    One line of a trace, as the module says; `stack` from the bottom.

    gas, gas_cost, refund : gas
    memory_size : bytes
    error : why the frame stops, None if it does not, or not by a failure
    memory : before the instruction, None unless the tracer asked for it
    """

    pc: int
    op: int
    gas: int
    gas_cost: int
    memory_size: int
    stack: tuple[int, ...]
    depth: int
    refund: int
    error: str | None = None
    memory: bytes | None = None


class Tracer(Protocol):
    """Who an engine tells what it executes; it must not change anything by listening."""

    wants_memory: bool

    def step(self, step: Step) -> None:
        """Take the next step, as soon as its cost is known: before the first step of a frame that it opens."""
        ...


def failing_cost(gas: int, gas_cost: int, error: str | None) -> int:
    """`gasCost` of an instruction that took `gas_cost` of `gas`: all of it, if the instruction failed."""
    return gas_cost if error in (None, EXECUTION_REVERTED) else gas


def step_line(step: Step) -> str:
    """The line of a step, members in the order of the EIP."""
    members: dict[str, Any] = {"pc": step.pc, "op": step.op, "gas": hex(step.gas), "gasCost": hex(step.gas_cost)}
    if step.memory:
        members["memory"] = f"0x{step.memory.hex()}"
    members["memSize"] = step.memory_size
    members["stack"] = [hex(word) for word in step.stack]
    members["depth"] = step.depth
    members["refund"] = step.refund
    members["opName"] = opcode_name(step.op)
    if step.error is not None:
        members["error"] = step.error
    return _line(members)


def summary_line(output: bytes, gas_used: int, error: str | None) -> str:
    """The line behind the last step of a transaction or call."""
    members = {"output": output.hex(), "gasUsed": hex(gas_used)}
    return _line(members if error is None else members | {"error": error})


def state_line(state_root: bytes | None, name: str, fork_name: str, passed: bool) -> str:
    """The line behind a state test; the root is None if the engine crashed."""
    root = None if state_root is None else f"0x{state_root.hex()}"
    return _line({"stateRoot": root, "name": name, "fork": fork_name, "pass": passed})


def _line(members: dict[str, Any]) -> str:
    return msgspec.json.encode(members).decode()


class StepList:
    """A tracer that keeps the steps."""

    def __init__(self, wants_memory: bool = False) -> None:
        self.wants_memory = wants_memory
        self.steps: list[Step] = []

    def step(self, step: Step) -> None:
        """Keep it."""
        self.steps.append(step)


def first_difference(left: Iterable[Step], right: Iterable[Step]) -> str | None:
    """Where two traces part, and what each says there; None if they don't."""
    for index, (one, other) in enumerate(zip_longest(left, right)):
        if one != other:
            fields = [name for name in Step._fields if getattr(one, name, None) != getattr(other, name, None)]
            return f"step {index} ({', '.join(fields)}):\n  {_text(one)}\n  {_text(other)}"
    return None


def _text(step: Step | None) -> str:
    return "the trace ends" if step is None else step_line(step)
