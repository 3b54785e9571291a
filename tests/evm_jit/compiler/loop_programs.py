"""
Random loops: counters of all kinds, words at the edges of 64 bits, ways that part and meet, internal calls, memory.

A program is a number of words on the stack and statements that change one of them, or leave them alone, so whatever is
done the height is known; loops may be inside of loops. It ends by storing all of its words.
"""

from dataclasses import dataclass, field
from random import Random
from typing import Final

from tests.asm import push

EDGES: Final = (0, 1, 2, 3, 7, (1 << 31) - 1, (1 << 62) + 5, (1 << 63) - 2, 1 << 63, (1 << 64) - 3, (1 << 256) - 2)
BINARY: Final = bytes.fromhex("01020304050607100a0b101112131416" + "1718191a1b1c1d")
COMPARISONS: Final = b"\x10\x11\x12\x13\x14\x03\x18"
ISZERO, JUMP, JUMPI, JUMPDEST, POP, MLOAD, MSTORE, MSTORE8 = (bytes((n,)) for n in b"\x15\x56\x57\x5b\x50\x51\x52\x53")
RETURNDATASIZE: Final = b"\x3d"  # 0: the programs call nobody.
LOOPS_MAX: Final = 3


@dataclass
class LoopProgram:
    """The code so far, and functions that stand behind it."""

    random: Random
    words: int
    code: bytearray = field(default_factory=bytearray)
    loops: int = 0
    calls: list[tuple[int, int, int]] = field(default_factory=list)  # Two places of addresses, and which function.

    def write(self) -> bytes:
        """All of it."""
        for _ in range(self.words):
            self.code += self.calldata() if self.random.random() < 0.3 else push(self.number())
        self.statements(3)
        self.loop(2)
        if self.random.random() < 0.5:
            self.hidden_jump()
        for index in range(self.words):
            self.code += push(index) + b"\x55"
        self.code += b"\x5a" + push(self.words) + b"\x55\x00"
        self.functions()
        return bytes(self.code)

    def number(self) -> int:
        """Mostly small."""
        random = self.random
        if random.random() < 0.6:
            return random.randrange(40)
        return random.choice(EDGES) if random.random() < 0.8 else random.getrandbits(256)

    def calldata(self) -> bytes:
        """A word that the compiler does not know."""
        return push(32 * self.random.randrange(3)) + b"\x35"

    def duplicate(self, above: int = 0) -> bytes:
        """Some word, with so many others on top."""
        return bytes((0x80 + above + self.random.randrange(self.words),))

    def assign(self) -> bytes:
        """The topmost word becomes some word."""
        return bytes((0x90 + self.random.randrange(self.words),)) + POP

    def operand(self, above: int) -> bytes:
        return push(self.number()) if self.random.random() < 0.4 else self.duplicate(above)

    def statements(self, count: int) -> None:
        for _ in range(self.random.randrange(count + 1)):
            self.random.choice(
                [self.arithmetic] * 6 + [self.step] * 3 + [self.memory] * 2
                + [self.swap, self.branch, self.function, self.hash, self.slot, self.gas, self.replace]
            )()  # fmt: skip

    def arithmetic(self) -> None:
        operation = bytes((self.random.choice(BINARY if self.random.random() < 0.6 else COMPARISONS),))
        self.code += self.operand(0) + self.operand(1) + operation
        if self.random.random() < 0.2:
            self.code += ISZERO
        self.code += self.assign()

    def step(self) -> None:
        """A word and a small number."""
        index = self.random.randrange(self.words)
        by = self.random.choice((1, 1, 2, 32, (1 << 32) - 1, 1 << 63))
        there = bytes((0x81 + index,))
        change = self.random.choice((push(by) + there + b"\x01", push(by) + there + b"\x03"))
        self.code += change + bytes((0x90 + index,)) + POP

    def swap(self) -> None:
        if self.words > 1:
            self.code += bytes((0x90 + self.random.randrange(self.words - 1),))

    def replace(self) -> None:
        """Another topmost word, whatever it was."""
        self.code += POP + (push(self.number()) if self.random.random() < 0.5 else self.calldata())

    def memory(self) -> None:
        offset = push(self.random.choice((0, 0x20, 0x3F, 0x40, 600)))
        if self.random.random() < 0.3:
            offset = self.duplicate(1) + push(0xFFF) + b"\x16"
        if self.random.random() < 0.5:
            self.code += self.operand(0) + offset + self.random.choice((MSTORE, MSTORE, MSTORE8))
        else:
            self.code += offset + MLOAD + self.assign()

    def hash(self) -> None:
        self.code += push(self.random.choice((0, 31, 32, 64, 136))) + push(self.random.randrange(70)) + b"\x20"
        self.code += self.assign()

    def slot(self) -> None:
        self.code += push(self.random.randrange(8, 10)) + b"\x54" + self.assign()
        if self.random.random() < 0.5:
            self.code += self.duplicate() + push(self.random.randrange(8, 10)) + b"\x55"

    def gas(self) -> None:
        self.code += b"\x5a" + self.assign()

    def address(self) -> int:
        """A PUSH2 whose number comes later; where that is."""
        self.code += b"\x61\x00\x00"
        return len(self.code) - 2

    def land(self, place: int) -> None:
        self.code[place : place + 2] = len(self.code).to_bytes(2, "big")
        self.code += JUMPDEST

    def hidden_jump(self) -> None:
        """To what follows; the compiler does not see which words are read there."""
        self.code += RETURNDATASIZE
        place = self.address()
        self.code += b"\x01" + JUMP
        self.land(place)

    def condition(self) -> None:
        self.code += self.operand(0) + self.operand(1) + bytes((self.random.choice(COMPARISONS),))
        if self.random.random() < 0.4:
            self.code += ISZERO

    def branch(self) -> None:
        """Statements that may be skipped."""
        self.condition()
        end = self.address()
        self.code += JUMPI
        for _ in range(1 + self.random.randrange(2)):
            self.random.choice([self.arithmetic, self.step, self.memory])()
        self.land(end)

    def function(self) -> None:
        """A call of a function that makes one word of one."""
        back = self.address()
        self.code += self.operand(1)
        entry = self.address()
        self.code += JUMP
        self.land(back)
        self.code += self.assign()
        self.calls.append((entry, back, self.random.randrange(2)))

    def functions(self) -> None:
        """What is called: x + 5, and x + 1 unless that is 0."""
        starts = [len(self.code)]
        self.code += JUMPDEST + push(5) + b"\x01\x90" + JUMP
        starts.append(len(self.code))
        end = len(self.code) + 9
        self.code += JUMPDEST + push(1) + b"\x01\x80" + b"\x61" + end.to_bytes(2, "big") + JUMPI + JUMPDEST
        assert len(self.code) == end + 1
        self.code += b"\x90" + JUMP
        for entry, _, which in self.calls:
            self.code[entry : entry + 2] = starts[which].to_bytes(2, "big")

    def loop(self, depth: int) -> None:
        """A loop that counts, mostly; the way out may be at its head, at its end, or in the middle."""
        self.loops += 1
        counter, bound = self.random.randrange(self.words), self.operand(0)
        start = len(self.code)
        self.code += JUMPDEST
        leaving = []
        if self.random.random() < 0.6:
            self.code += bound + bytes((0x81 + counter,)) + bytes((self.random.choice(COMPARISONS),))
            if self.random.random() < 0.6:
                self.code += ISZERO
            leaving.append(self.address())
            self.code += JUMPI
        self.statements(4)
        if depth and self.loops < LOOPS_MAX and self.random.random() < 0.3:
            self.loop(depth - 1)
        if self.random.random() < 0.3:
            self.condition()
            leaving.append(self.address())
            self.code += JUMPI
        self.statements(2)
        by, there = push(self.random.choice((1, 1, 1, 2, 3, 1 << 31))), bytes((0x81 + counter,))
        self.code += by + there + self.random.choice((b"\x01", b"\x03")) + bytes((0x90 + counter,)) + POP
        if self.random.random() < 0.5:
            self.code += self.duplicate() if self.random.random() < 0.5 else bytes((0x80 + counter,))
            self.code += b"\x61" + start.to_bytes(2, "big") + JUMPI
        else:
            self.code += b"\x61" + start.to_bytes(2, "big") + JUMP
        for place in leaving:
            self.land(place)


def loop_program(seed: int) -> tuple[bytes, int, bytes]:
    """A code, an amount of gas, mostly too little, and calldata."""
    random = Random(seed)
    program = LoopProgram(random, 1 + random.randrange(7))
    code = program.write()
    gas = random.choice((random.randrange(3_000), random.randrange(20_000), random.randrange(20_000, 250_000)))
    return code, gas, b"".join(program.number().to_bytes(32, "big") for _ in range(3))
