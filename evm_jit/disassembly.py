"""
Bytecode as text for people: instructions, the blocks that they form, gas and jumps.

pyevmasm reads the code. Its tables end with Istanbul; those of Berlin to Osaka are added here, made from `opcodes.py`.

A block is entered at its first instruction alone and left behind its last: it begins at a JUMPDEST, or behind an
instruction that does not simply go on. Gas is what an instruction costs at least; `+` behind it says that it may cost
more: for memory, data, cold accesses, or what a call takes along.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from inspect import signature
from itertools import pairwise
from typing import Final

from pyevmasm import Instruction, disassemble_one, instruction_tables
from pyevmasm.evmasm import InstructionTable

from evm_jit.gas import GAS_LOG_PER_TOPIC, GAS_WARM_ACCESS
from evm_jit.opcodes import OPCODES, Opcode
from primitives.forks import Fork

JUMPDEST, JUMP, JUMPI, INVALID = 0x5B, 0x56, 0x57, 0xFE
ENDS: Final = frozenset({0x00, JUMP, 0xF3, 0xFD, INVALID, 0xFF})  # What comes behind these is not reached from them.
PUSH_SIZE_BYTES_MAX: Final = 32

# What functions of the table charge for themselves, whatever happens.
_ACCESSES: Final = ("BALANCE", "EXTCODESIZE", "EXTCODECOPY", "EXTCODEHASH", "SLOAD", "SSTORE")
_CALLS: Final = ("CALL", "CALLCODE", "DELEGATECALL", "STATICCALL")
_MAY_COST_MORE: Final = (*_CALLS, "CREATE", "CREATE2", "RETURN", "REVERT", "SELFDESTRUCT")


@dataclass(frozen=True, slots=True)
class Block:
    """
    Instructions that run one behind the other.

    is_reached : from the block before it, or by a jump to its JUMPDEST
    sources : where jumps to it are that can be seen
    """

    instructions: tuple[Instruction, ...]
    is_reached: bool
    sources: tuple[int, ...] = ()

    @property
    def start(self) -> int:
        """Position of its first byte."""
        return int(self.instructions[0].pc)

    @property
    def gas(self) -> int:
        """What it costs at least."""
        return sum(instruction.fee for instruction in self.instructions)


def instruction_table(fork: Fork) -> InstructionTable:
    """The instructions of a fork, by number and by name."""
    name = fork.name.lower()
    if name not in instruction_tables:
        instruction_tables[name] = InstructionTable(
            {row.number: _entry(row) for row in OPCODES.values() if row.since <= fork},
            previous_fork=instruction_tables["istanbul"],
        )
    return instruction_tables[name]


def instructions(code: bytes, fork: Fork = Fork.OSAKA) -> Iterator[Instruction]:
    """
    The instructions of a code, one behind the other, as if all of it were code.

    The last may lack bytes; they are zero to who runs it. A byte that the fork has no opcode for is an INVALID.
    """
    instruction_table(fork)
    padded, position = code + bytes(PUSH_SIZE_BYTES_MAX), 0
    while position < len(code):
        instruction = disassemble_one(
            padded[position : position + 1 + PUSH_SIZE_BYTES_MAX], position, fork.name.lower()
        )
        yield instruction
        position += instruction.size


def blocks(code: bytes, fork: Fork = Fork.OSAKA) -> list[Block]:
    """The blocks of a code, in its order."""
    parts: list[list[Instruction]] = [[]]
    for instruction in instructions(code, fork):
        if instruction.opcode == JUMPDEST or (parts[-1] and _ends_block(parts[-1][-1])):
            parts.append([])
        parts[-1].append(instruction)
    parts = [part for part in parts if part]
    sources = _sources(parts)
    found: list[Block] = []
    for part in parts:
        goes_on = not found or (found[-1].is_reached and not _is_end(found[-1].instructions[-1]))
        is_reached = goes_on or part[0].opcode == JUMPDEST
        found.append(Block(tuple(part), is_reached, tuple(sources.get(part[0].pc, ()))))
    return found


def one_line(code: bytes, fork: Fork = Fork.OSAKA) -> str:
    """The instructions and nothing else; runs of JUMPDEST, which do nothing, are shortened to one."""
    words: list[str] = []
    for instruction in instructions(code, fork):
        word = mnemonic(instruction)
        if word != "JUMPDEST" or words[-1:] != ["JUMPDEST"]:
            words.append(word)
    return " ".join(words)


def listing(code: bytes, fork: Fork = Fork.OSAKA) -> str:
    """One line for each instruction: position, mnemonic, gas, jumps; and one above each block."""
    return "\n".join(_Listing(code, fork).lines())


def mnemonic(instruction: Instruction) -> str:
    """Name and operand with all its digits; a byte without an opcode as a number."""
    if instruction.operand_size:
        return f"{instruction.name} 0x{instruction.operand:0{2 * instruction.operand_size}x}"
    if instruction.name == "INVALID" and instruction.opcode != INVALID:
        return f"0x{instruction.opcode:02x}"
    return str(instruction.name)


def _entry(row: Opcode) -> tuple[str, int, int, int, int, str]:
    """A row of pyevmasm's table: it puts the numbers behind PUSH, DUP, SWAP and LOG itself."""
    stem = row.name.rstrip("0123456789")
    name = stem if stem in ("PUSH", "DUP", "SWAP", "LOG") else row.name
    return name, row.immediate_size, row.taken, row.put, _least_gas(row), _description(row)


def _least_gas(row: Opcode) -> int:
    if row.name in _ACCESSES or row.name in _CALLS:
        return row.gas + GAS_WARM_ACCESS
    return row.gas + GAS_LOG_PER_TOPIC * (row.taken - 2) if row.name.startswith("LOG") else row.gas


def _description(row: Opcode) -> str:
    text = (row.function.__doc__ or "").strip()
    return text.splitlines()[0] if text else row.name


@cache
def _may_cost_more() -> Mapping[int, bool]:
    """Opcodes whose functions charge gas themselves."""
    return {
        row.number: row.name in _MAY_COST_MORE
        or ("gas_left" in signature(row.function).parameters and row.name != "GAS")
        for row in OPCODES.values()
    }


def _is_end(instruction: Instruction) -> bool:
    return instruction.opcode in ENDS or instruction.name == "INVALID"


def _ends_block(instruction: Instruction) -> bool:
    return _is_end(instruction) or instruction.opcode == JUMPI


def _target(instruction: Instruction, previous: Instruction | None) -> int | None:
    """Where a jump goes, if a PUSH right before it says so."""
    if instruction.opcode in (JUMP, JUMPI) and previous is not None and previous.name.startswith("PUSH"):
        return int(previous.operand or 0)
    return None


def _sources(parts: list[list[Instruction]]) -> dict[int, list[int]]:
    """For each position that jumps go to, where they are."""
    found: dict[int, list[int]] = {}
    for part in parts:
        for previous, instruction in pairwise(part):
            target = _target(instruction, previous)
            if target is not None:
                found.setdefault(target, []).append(instruction.pc)
    return found


class _Listing:
    """The lines of a listing, with what all of them need."""

    def __init__(self, code: bytes, fork: Fork) -> None:
        self._size, self._fork = len(code), fork
        self._blocks = blocks(code, fork)
        self._destinations = {one.start for one in self._blocks if one.instructions[0].opcode == JUMPDEST}
        self._digits = max(4, len(f"{len(code):x}"))

    def lines(self) -> Iterator[str]:
        for block in self._blocks:
            yield self._heading(block)
            previous: Instruction | None = None
            for instruction in block.instructions:
                head = f"  {self._position(instruction.pc)}  {mnemonic(instruction):<24}"
                words = [head, f"{self._gas(instruction.fee, instruction):>7}", *self._notes(instruction, previous)]
                yield "  ".join(words).rstrip()
                previous = instruction

    def _position(self, position: int) -> str:
        return f"{position:0{self._digits}x}"

    def _gas(self, gas: int, *charged: Instruction) -> str:
        may_cost_more = self._fork >= Fork.BERLIN and any(_may_cost_more().get(one.opcode) for one in charged)
        return f"{gas:,}{'+' if may_cost_more else ' '}"

    def _heading(self, block: Block) -> str:
        words = [f"block {self._position(block.start)}", f"gas {self._gas(block.gas, *block.instructions).strip()}"]
        if block.sources:
            words.append("from " + ", ".join(map(self._position, block.sources)))
        if not block.is_reached:
            words.append("not reached: data, or dead code")
        return "  ".join(words)

    def _notes(self, instruction: Instruction, previous: Instruction | None) -> Iterator[str]:
        """What is to be said of an instruction beside its gas."""
        target = _target(instruction, previous)
        if target is not None:
            no = "" if target in self._destinations else ", which is no JUMPDEST"
            yield f"-> {self._position(target)}{no}"
        elif instruction.opcode in (JUMP, JUMPI):
            yield "-> where the stack says"
        if instruction.name == "INVALID" and instruction.opcode != INVALID:
            yield f"no opcode of {self._fork.name.lower()}"
        missing = instruction.pc + instruction.size - self._size
        if missing > 0:
            yield f"cut off: its last {missing} bytes are zeros behind the code"
