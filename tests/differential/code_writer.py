"""
Bytecode being written: what is on the stack, where jumps go, and data that stands behind the code.

A writer never lets the stack run below `floor`, so a body that starts at depth d and is closed by `settle(d)` leaves as
many words as there were; only `outer_word` changes some of them. Programs are valid by construction; what is not valid
is written on purpose.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import accumulate
from random import Random
from typing import Final

from primitives.forks import Fork
from tests.differential.edge_words import PUSH0, PUSHES, SMALL_PUSHES, push_wide, random_push

ADD, MUL, ISZERO, POP, JUMP, JUMPI, JUMPDEST = 0x01, 0x02, 0x15, 0x50, 0x56, 0x57, 0x5B
PUSH2, DUP1, SWAP1 = 0x61, 0x80, 0x90

_UNARY: Final = (0x15, 0x19)
_BINARY: Final = (*range(0x01, 0x08), 0x0A, 0x0B, *range(0x10, 0x15), 0x16, 0x17, 0x18, 0x1A, 0x1B, 0x1C, 0x1D)
_TERNARY: Final = (0x08, 0x09)
_ENVIRONMENT: Final = (
    *(0x30, 0x32, 0x33, 0x34, 0x36, 0x38, 0x3A, 0x3D, 0x41, 0x42, 0x43, 0x44, 0x45, 0x46, 0x47, 0x58, 0x59, 0x5A),
    0x5A,  # GAS twice: with it on the stack, a wrong cost of anything before is seen in the output.
)
# Where memory is read and written: mostly near 0, on both sides of a word's boundary.
_OFFSETS: Final = [*range(0, 70), 0, 0, 32, 32, 64, 64, 95, 96, 97, 128, 160, 255, 256, 300, 1000]
_SIZES: Final = [0, 0, 1, 2, 4, 20, 31, 32, 32, 33, 63, 64, 64, 65, 96, 128, 135, 136, 137, 200, 272, 300]
_HUGE: Final = [(1 << 32) - 1, 1 << 32, (1 << 63) - 1, 1 << 63, (1 << 64) - 31, (1 << 64) - 1, 1 << 64, (1 << 256) - 1]
OFFSETS: Final = [SMALL_PUSHES[value] if value < 512 else push_wide(value, 2) for value in _OFFSETS]
SIZES: Final = [SMALL_PUSHES[value] for value in _SIZES]
HUGE: Final = [push_wide(value, (value.bit_length() + 7) // 8) for value in _HUGE]


@dataclass(frozen=True)
class Opcodes:
    """The opcodes without a shape of their own that a fork has, by how many items they take."""

    fork: Fork
    environment: tuple[int, ...]
    unary: tuple[int, ...]
    binary: tuple[int, ...] = _BINARY
    ternary: tuple[int, ...] = _TERNARY

    @classmethod
    def of(cls, fork: Fork) -> "Opcodes":
        environment = _ENVIRONMENT
        if fork >= Fork.LONDON:
            environment += (0x48,)  # BASEFEE
        if fork >= Fork.SHANGHAI:
            environment += (PUSH0, PUSH0)
        if fork >= Fork.CANCUN:
            environment += (0x4A,)  # BLOBBASEFEE
        clz = (0x1E, 0x1E) if fork >= Fork.OSAKA else ()
        return cls(fork, environment, _UNARY + clz)


OPCODES: Final = {fork: Opcodes.of(fork) for fork in Fork if fork >= Fork.BERLIN}


@dataclass(frozen=True)
class Scenery:
    """
    What a program knows of the world around it.

    `callees` are contracts that this program may call, those behind it in the list of contracts, so that calls come to
    an end; `addresses` are all others: itself and those before it, accounts without code, precompiles.
    """

    fork: Fork
    callees: tuple[bytes, ...]
    addresses: tuple[bytes, ...]


class Chooser:
    """Statements by weight. A statement takes what it needs from the stack, or pushes it first."""

    def __init__(self, table: "Table") -> None:
        self._statements = [statement for _, statement in table]
        self._weights = list(accumulate(weight for weight, _ in table))

    def choose(self, rng: Random, count: int) -> list["Statement"]:
        return rng.choices(self._statements, cum_weights=self._weights, k=count)


@dataclass
class CodeWriter:
    rng: Random
    scenery: Scenery
    chooser: Chooser  # Of the statements in bodies.
    level: int = 0  # Of nesting: init code in a program is 1, the code that it leaves 2.
    code: bytearray = field(default_factory=bytearray)
    depth: int = 0
    floor: int = 0
    fixed: list[int] = field(default_factory=list)  # Places below it that hold a counter or a return address.
    blocks: int = 0  # Of ifs and loops around the position.
    data: list[tuple[int, bytes]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.random = self.rng.random
        self.opcodes = OPCODES[self.scenery.fork]

    # What is emitted, with the depth that it leaves.

    def op(self, opcode: int, taken: int = 0, given: int = 0) -> None:
        """An opcode for which `taken` items are there."""
        self.code.append(opcode)
        self.depth += given - taken

    def push(self, value: int) -> None:
        self.push_code(SMALL_PUSHES[value] if value < 512 else push_wide(value, (value.bit_length() + 7) // 8))

    def push_code(self, code: bytes) -> None:
        """Code that pushes one item."""
        self.code += code
        self.depth += 1

    def need(self, count: int) -> None:
        """See to it that `count` items can be taken."""
        for _ in range(count - (self.depth - self.floor)):
            self.operand()

    def operand(self) -> None:
        """One more item: a word, part of the calldata, a copy of one below, something of the environment."""
        chance = self.random()
        if chance < 0.6:
            self.push_code(random_push(self.rng))
        elif chance < 0.75 and self.depth:
            self.op(DUP1 + int(self.random() * min(self.depth, 16)), 0, 1)
        elif chance < 0.85:
            self.push_code(SMALL_PUSHES[int(self.random() * 100)])
            self.op(0x35, 1, 1)  # CALLDATALOAD
        else:
            self.op(self.choose(self.opcodes.environment), 0, 1)

    def offset(self) -> None:
        self.push_code(OFFSETS[int(self.random() * len(OFFSETS))])

    def size(self) -> None:
        self.push_code(SIZES[int(self.random() * len(SIZES))])

    def region(self) -> None:
        """A place in memory: its size, and above it its offset; one in a hundred has size 0 far out, or is far out."""
        chance = self.random()
        if chance > 0.008:
            self.size()
            self.offset()
            return
        if chance > 0.001:
            self.push(0)
        else:
            self.size()
        self.push_code(HUGE[int(self.random() * len(HUGE))])

    def data_offset(self, blob: bytes) -> None:
        """Push where in the code `blob` will stand."""
        self.code.append(PUSH2)
        self.data.append((len(self.code), blob))
        self.code += b"\x00\x00"
        self.depth += 1

    def address(self) -> None:
        """Push an address: one that the scenery knows, its own, or any word."""
        chance = self.random()
        if chance < 0.85:
            scenery = self.scenery
            known = scenery.callees if chance < 0.4 and scenery.callees else scenery.addresses
            self.push_code(b"\x73" + self.choose_bytes(known))
        elif chance < 0.93:
            self.op(0x30, 0, 1)
        else:
            self.operand()

    # Jumps.

    def forward_jump(self, opcode: int) -> int:
        """PUSH2, JUMP or JUMPI to a place that `land` will give; what `land` needs."""
        self.code.append(PUSH2)
        position = len(self.code)
        self.code += b"\x00\x00"
        self.op(opcode, 1 if opcode == JUMPI else 0)
        return position

    def land(self, position: int) -> None:
        """The target of a forward jump is here."""
        self.code[position : position + 2] = len(self.code).to_bytes(2, "big")
        self.code.append(JUMPDEST)

    def settle(self, depth: int) -> None:
        """Bring the stack to `depth` items."""
        while self.depth > depth:
            self.op(POP, 1)
        while self.depth < depth:
            self.operand()

    # Choices.

    def choose(self, options: tuple[int, ...]) -> int:
        return options[int(self.random() * len(options))]

    def choose_bytes(self, options: tuple[bytes, ...]) -> bytes:
        return options[int(self.random() * len(options))]

    def below(self, limit: int) -> int:
        return int(self.random() * limit)

    def finish(self) -> bytes:
        """The bytecode, with its data behind it."""
        code = self.code
        for position, blob in self.data:
            code[position : position + 2] = len(code).to_bytes(2, "big")
            code += blob
        return bytes(code)


Statement = Callable[[CodeWriter], None]
Table = Sequence[tuple[float, Statement]]

assert all(len(code) > 1 for code in PUSHES), "no PUSH0, which Berlin lacks"
