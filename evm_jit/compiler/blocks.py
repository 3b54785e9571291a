"""
Bytecode as basic blocks, and blocks as sections.

A block is entered at its first instruction alone. It ends before a JUMPDEST, behind a jump, behind an instruction that
only the interpreter executes, and where it grows too heavy for LLVM, or moves too many words: LLVM's time grows faster
than the block. What can't be reached (data behind an unconditional end, up to the next JUMPDEST) is in no block.

A section is a part of a block whose static gas is charged at once, at its start. Everything in a section but its first
instruction can fail for want of gas alone, so a frame that can't pay for the whole section runs out of gas somewhere in
it, and the interpreter finds out where. An instruction that reads or writes state, observes the gas left or may halt
for a reason of its own (`Kind.SOLITARY`) is a section by itself: it meets the exact gas.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Final

from evm_jit.opcodes import OPCODES, Opcode
from primitives.forks import Fork

JUMP, JUMPI, JUMPDEST = 0x56, 0x57, 0x5B
INVALID: Final = Opcode(0xFE, "INVALID", lambda: None, 0, 0, 0)
BLOCK_WEIGHT_MAX: Final = 400  # A weight of 1 is about one 256-bit addition.
# Words below or above the stack's height at a block's start. All of them may be loaded or stored in it, and LLVM's time
# goes with the square of that: 1,000 pushes took 10 s. The blocks of public contracts come to 22.
BLOCK_WORDS_MAX: Final = 32


class Kind(Enum):
    """How an instruction is executed."""

    INLINE = "as IR, or by a builtin that can fail for want of gas alone"
    SOLITARY = "by a builtin, in a section of its own"
    INTERPRETED = "by the interpreter"


SOLITARY: Final = frozenset(
    (
        *("BALANCE", "EXTCODESIZE", "EXTCODEHASH", "RETURNDATACOPY", "SLOAD", "SSTORE", "TSTORE"),
        *("LOG0", "LOG1", "LOG2", "LOG3", "LOG4"),
    )
)
# Beside those that may change the running frame.
INTERPRETED: Final = frozenset(("EXTCODECOPY", "BLOCKHASH", "BLOBHASH", "INVALID"))
# Roughly how much machine code an instruction becomes; 1 if it is not here.
WEIGHTS: Final[Mapping[str, int]] = {
    **dict.fromkeys(("MUL", "SHL", "SHR", "SAR", "BYTE", "SIGNEXTEND"), 8),
    **dict.fromkeys(("DIV", "SDIV", "MOD", "SMOD", "ADDMOD", "MULMOD", "EXP", "KECCAK256"), 6),
    **dict.fromkeys(("MLOAD", "MSTORE", "MSTORE8", "CALLDATALOAD"), 4),
    **dict.fromkeys(("CALLDATACOPY", "CODECOPY", "MCOPY", "JUMPI", *SOLITARY), 6),
}


@dataclass(frozen=True)
class Instruction:
    """An opcode in its place; `immediate` is the number that a PUSH puts on the stack."""

    pc: int
    opcode: Opcode
    immediate: int

    @property
    def next_pc(self) -> int:
        """Where the next one is."""
        return self.pc + 1 + self.opcode.immediate_size

    @property
    def kind(self) -> Kind:
        """How it is executed."""
        if self.opcode.leaves or self.opcode.name in INTERPRETED:
            return Kind.INTERPRETED
        return Kind.SOLITARY if self.opcode.name in SOLITARY else Kind.INLINE

    @property
    def weight(self) -> int:
        """How much machine code it becomes."""
        return WEIGHTS.get(self.opcode.name, 1)


@dataclass
class Section:
    """Instructions whose static gas is charged together."""

    instructions: list[Instruction] = field(default_factory=list)

    @property
    def gas(self) -> int:
        """Their static gas; what the interpreter executes it charges for itself."""
        return sum(each.opcode.gas for each in self.instructions if each.kind is not Kind.INTERPRETED)


@dataclass
class Block:
    """
    Sections in order. Heights count words from the height of the stack at the block's start.

    least : words that the stack must have
    growth : how many more than at the start it may have inside the block
    """

    pc: int
    sections: list[Section] = field(default_factory=list)
    least: int = 0
    growth: int = 0
    change: int = 0
    weight: int = 0

    @property
    def instructions(self) -> Iterator[Instruction]:
        """All of them."""
        for section in self.sections:
            yield from section.instructions

    @property
    def last(self) -> Instruction:
        """The one that it ends with."""
        return self.sections[-1].instructions[-1]

    @property
    def is_full(self) -> bool:
        """Whether what follows begins another one."""
        return self.weight >= BLOCK_WEIGHT_MAX or max(self.least, self.growth) >= BLOCK_WORDS_MAX

    def append(self, instruction: Instruction) -> None:
        """Add the next instruction."""
        last = self.sections[-1].instructions[-1] if self.sections else None
        is_alone = instruction.kind is not Kind.INLINE
        if last is None or is_alone or last.kind is not Kind.INLINE:
            self.sections.append(Section())
        self.sections[-1].instructions.append(instruction)
        self.weight += instruction.weight
        if instruction.kind is Kind.INTERPRETED:
            return  # Its needs are the interpreter's to check.
        opcode = instruction.opcode
        self.least = max(self.least, opcode.taken - self.change)
        self.change += opcode.put - opcode.taken
        self.growth = max(self.growth, self.change)


@dataclass(frozen=True)
class Program:
    """
    A code cut up.

    blocks : by their start, in order
    jump_destinations : where jumps may go
    entries : blocks that frames enter from elsewhere: at the start, by jumps, and behind what the interpreter executes
    """

    code: bytes
    blocks: Mapping[int, Block]
    jump_destinations: frozenset[int]
    entries: frozenset[int]


def decode(code: bytes, fork: Fork) -> Iterator[Instruction]:
    """The instructions in order; zeros follow a PUSH that is cut off."""
    pc = 0
    while pc < len(code):
        row = OPCODES.get(code[pc], INVALID)
        opcode = row if row.since <= fork else INVALID
        size = opcode.immediate_size
        immediate = int.from_bytes(code[pc + 1 : pc + 1 + size].ljust(size, b"\0"), "big")
        yield Instruction(pc, opcode, immediate)
        pc += 1 + size


def cut(code: bytes, fork: Fork) -> Program:
    """The blocks of a code."""
    blocks: dict[int, Block] = {}
    destinations = set()
    block: Block | None = None
    is_reachable = True  # By falling through.
    for instruction in decode(code, fork):
        is_destination = instruction.opcode.number == JUMPDEST
        if is_destination:
            destinations.add(instruction.pc)
        if is_destination or (block is not None and block.is_full):
            block = None
        if not is_destination and block is None and not is_reachable:
            continue
        if block is None:
            block = blocks[instruction.pc] = Block(instruction.pc)
        block.append(instruction)
        is_reachable = not ends_execution(instruction)
        if instruction.kind is Kind.INTERPRETED or instruction.opcode.number in (JUMP, JUMPI):
            block = None
    resumed = {each.last.next_pc for each in blocks.values() if each.last.kind is Kind.INTERPRETED}
    return Program(code, blocks, frozenset(destinations), frozenset(blocks) & ({0} | destinations | resumed))


def ends_execution(instruction: Instruction) -> bool:
    """Whether what follows an instruction is never what is executed next."""
    return instruction.opcode.name in ("STOP", "JUMP", "RETURN", "REVERT", "INVALID", "SELFDESTRUCT")
