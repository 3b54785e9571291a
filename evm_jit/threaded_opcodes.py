"""
What cells of threaded code do: one table of handlers, made from that of the opcodes.

A function is called as `evm_jit.opcodes` says. `operand` is the number in the cell, `pc` the address behind the cell.
"""

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from evm_jit import threaded_code as tc
from evm_jit.instructions import control_flow, log, stack, threaded
from evm_jit.machine import WORD_SIZE_BYTES
from evm_jit.opcodes import OPCODE_COUNT, OPCODES, Opcode
from primitives.forks import Fork

# Of the opcodes that are given the gas left, those that do not tell it, and change nothing when it does not do: only
# they may stand inside a block, for they may be executed again.
_REPEATABLE: Final = {
    *(0x0A, 0x20, 0x37, 0x39, 0x3E, 0x51, 0x52, 0x53, 0x5E),
    *range(0xA0, 0xA5),
}
ENDING: Final = {
    row.number
    for row in OPCODES.values()
    if row.leaves
    or (
        "gas_left" in inspect.signature(row.function.py_func).parameters  # type: ignore[attr-defined]
        and row.number not in _REPEATABLE
    )
}
LAST: Final = {0x00, 0xF3, 0xFD, 0xFF}  # Nothing follows.


@dataclass(frozen=True)
class Handler:
    """
    A row: what the interpreter does for a cell.

    sequence : instructions that are done one behind the other by the functions of their opcodes; without one it is the
        handler's own function that moves words, jumps, or leaves the loop
    """

    name: str
    function: Callable[..., Any] | None
    taken: int = 0
    put: int = 0
    leaves: bool = False
    sequence: tuple[str, ...] = ()


_SPECIAL: Final = (
    Handler("BEGIN", None),
    Handler("EXACT", None),
    Handler("PUSH", None, sequence=("PUSH",)),
    Handler("PUSH_WIDE", None, sequence=("WIDE",)),
    Handler("JUMP", threaded.jump, 1, 0),
    Handler("JUMPI", threaded.jump_if, 2, 0),
    Handler("DUP", threaded.duplicate_from, 0, 1),
    Handler("SWAP", threaded.swap_with, 0, 0),
    Handler("RARE", None),
)
assert [row.name for row in _SPECIAL[: tc.PUSH_WIDE + 1]] == ["BEGIN", "EXACT", "PUSH", "PUSH_WIDE"]

# Rows that stand together often in what compilers make, as counted in the public workloads.
SEQUENCES: Final = """
PUSH JUMPI
POP POP
PUSH PUSH
ISZERO PUSH JUMPI
MSTORE PUSH
DUP1 PUSH
PUSH JUMP
WIDE AND
SWAP1 POP
PUSH PUSH PUSH
PUSH DUP2
PUSH DUP1
POP POP POP POP
LT PUSH JUMPI
PUSH DUP4
DUP3 ADD
PUSH ADD
DUP1 ISZERO PUSH JUMPI
SWAP1 SWAP2
PUSH MLOAD
DUP1 DUP3
DUP1 PUSH EQ PUSH JUMPI
DUP2 AND
SWAP2 POP POP
SWAP2 POP
DUP1 MLOAD
DUP1 PUSH GT PUSH JUMPI
DUP5 ADD
SWAP1 SWAP3
DUP3 DUP2
AND PUSH
DUP2 MSTORE PUSH ADD
PUSH MUL
SWAP3 SWAP2 POP POP
POP PUSH
DUP2 MLOAD
DUP2 LT PUSH JUMPI
DUP4 DUP4
DUP2 LT ISZERO PUSH JUMPI
POP POP POP
DUP4 ADD
DUP2 ADD
DUP3 WIDE AND DUP5
DUP5 SUB
SWAP1 SWAP3 ADD
PUSH DUP2 ISZERO DUP1 PUSH JUMPI
POP POP DUP1 DUP3 MUL
DUP3 DUP3 DUP3 DUP2 PUSH JUMPI
DUP3 MSTORE
SWAP2 SWAP1 SWAP2 MSTORE
POP SWAP1 POP
DUP2 MSTORE
DUP3 AND PUSH JUMPI
MLOAD DUP1
ADD CALLDATALOAD
SWAP2 SWAP1
DUP2 MLOAD DUP2 LT PUSH JUMPI
PUSH MUL PUSH ADD ADD MLOAD
ADD DUP2 MSTORE PUSH
ISZERO DUP1 ISZERO PUSH JUMPI
ADD PUSH JUMP
AND PUSH SWAP1 DUP2 MSTORE PUSH
DUP2 SWAP1 MSTORE PUSH SWAP1
PUSH PUSH JUMP
CALLDATASIZE LT PUSH JUMPI
PUSH CALLDATALOAD PUSH SHR
CALLVALUE DUP1 ISZERO PUSH JUMPI
PUSH DUP2 LT ISZERO PUSH JUMPI
DUP1 CALLDATALOAD
PUSH MLOAD SWAP1
SWAP4 SWAP3
DUP3 MLOAD
DUP6 DUP6
PUSH DUP1 MLOAD WIDE
PUSH SWAP5
PUSH DUP4 ADD
DUP5 DUP5
PUSH PUSH AND
PUSH DUP4 LT PUSH JUMPI
SWAP2 PUSH SWAP2
DUP2 EQ PUSH JUMPI
PUSH MLOAD DUP1 SWAP2 SUB SWAP1
PUSH DUP3 ADD
GT ISZERO PUSH JUMPI
"""
_FUSED: Final = [
    Handler(line.replace(" ", "_"), None, sequence=tuple(line.split())) for line in SEQUENCES.strip().splitlines()
]


# What the interpreter takes a second branch to: seldom in loops, or slow in itself.
_OFTEN: Final = {0x33, 0x34, 0x35, 0x36, 0x3D}
_RARE: Final = {
    *(number for number in (*range(0x30, 0x4B), *range(0xF0, 0x100)) if number not in _OFTEN),
    *(0x05, 0x07, 0x08, 0x09, 0x0B, 0x1A, 0x1D, 0x1E, 0x59, 0x5C, 0x5D, 0x5E),
}
_PUSHES: Final = range(0x5F, 0x80)
_MOVERS: Final[Mapping[Callable[..., Any], str]] = {
    stack.duplicate: "DUP",
    stack.swap: "SWAP",
    control_flow.jump: "JUMP",
    control_flow.jump_if: "JUMPI",
}


def _is_special(row: Opcode) -> bool:
    """Whether an opcode has one of the handlers above."""
    return row.function in _MOVERS or row.name in ("JUMPDEST", "PC") or row.number in _PUSHES


def _rows() -> list[Handler]:
    """All handlers, in the order of their numbers; one for opcodes that share a function."""
    often: dict[Callable[..., Any], Handler] = {}
    rare: dict[Callable[..., Any], Handler] = {}
    for row in OPCODES.values():
        if not _is_special(row):
            sequence = () if row.leaves or row.function is log.log else (row.name,)
            handler = Handler(row.name, row.function, row.taken, row.put, row.leaves, sequence)
            (rare if row.number in _RARE else often).setdefault(row.function, handler)
    return [*_SPECIAL, *_FUSED, *often.values(), *rare.values()]


HANDLERS: Final = _rows()
NUMBERS: Final = {row.name: number for number, row in enumerate(HANDLERS)}
RARE_FROM: Final = min(NUMBERS[row.name] for row in OPCODES.values() if row.number in _RARE and row.name in NUMBERS)
_OF_FUNCTION: Final = {row.function: number for number, row in enumerate(HANDLERS) if row.function is not None}


_SYMBOLS: Final[Mapping[str, int]] = {
    "PUSH": tc.PUSH_SYMBOL,
    "WIDE": tc.WIDE_SYMBOL,
    **{
        name: number
        for number, name in enumerate(
            sorted({name for row in HANDLERS if len(row.sequence) > 1 for name in row.sequence} - {"PUSH", "WIDE"}),
            tc.WIDE_SYMBOL + 1,
        )
    },
}


def fusion_table() -> npt.NDArray[np.int64]:
    """
    What rows of instructions have a handler of their own, int64[states, 128].

    By state, from 0, and symbol: the next state, and from bit 16 on the handler of what was gone through, 0 for none.
    """
    states: dict[tuple[str, ...], int] = {(): 0}
    fused = [row for row in HANDLERS if len(row.sequence) > 1]
    for row in fused:
        for count in range(1, len(row.sequence) + 1):
            states.setdefault(row.sequence[:count], len(states))
    table = np.zeros((len(states), tc.SYMBOL_COUNT), np.int64)
    for sequence, number in states.items():
        if sequence:
            table[states[sequence[:-1]], _SYMBOLS[sequence[-1]]] = number
    for row in fused:
        table[states[row.sequence[:-1]], _SYMBOLS[row.sequence[-1]]] |= NUMBERS[row.name] << 16
    return table


def _kind(row: Opcode) -> int:
    kinds = {"JUMP": tc.IS_JUMP, "JUMPI": tc.IS_JUMP_IF, "JUMPDEST": tc.IS_JUMPDEST, "PC": tc.IS_COUNTER}
    if row.number in _PUSHES:
        return tc.IS_PUSH
    if row.name in kinds:
        return kinds[row.name]
    if row.number in LAST:
        return tc.ENDS_CODE
    return tc.ENDS_BLOCK if row.number in ENDING else tc.PLAIN


def _operand(row: Opcode) -> int:
    if row.number in _RARE:
        return _OF_FUNCTION[row.function]
    if row.function is stack.duplicate:
        return WORD_SIZE_BYTES * (row.number - stack.DUP1 + 1)
    if row.function is stack.swap:
        return WORD_SIZE_BYTES * (row.number - stack.SWAP1 + 1)
    return row.number if row.function is log.log else 0


def _handler(row: Opcode) -> int:
    if row.number in _PUSHES or row.name == "PC":
        return tc.PUSH
    if row.name == "JUMPDEST":
        return tc.BEGIN
    if row.number in _RARE:
        return NUMBERS["RARE"]
    return NUMBERS[_MOVERS[row.function]] if row.function in _MOVERS else _OF_FUNCTION[row.function]


def threaded_table(fork: Fork) -> npt.NDArray[np.int64]:
    """What the translation is told of each of the 256 opcodes in a fork, int64[256, 2]; see `instruction_of`."""
    table = np.zeros((OPCODE_COUNT, 2), np.int64)
    table[:, 0] = tc.EXACT | tc.ENDS_CODE << 32
    for row in OPCODES.values():
        if row.since <= fork:
            symbol = _SYMBOLS.get(row.name, 0)
            table[row.number, 0] = _handler(row) | _operand(row) << 16 | _kind(row) << 32 | symbol << 40
            table[row.number, 1] = row.gas | row.taken << 16 | row.put << 24
    return table
