"""
Which words go from block to block as values instead of through memory.

Each block has a summary: which of the words that it finds on the stack it reads, and where those that it only moves
around are at its end. A block needs a word if it reads it, or one that follows by a known jump needs it; so loops keep
their words in registers. Words deeper than CARRIED_DEPTH_MAX go through memory.

Slots are counted from the height at a block's start, those that the block finds are below 0.
"""

from dataclasses import dataclass, field
from typing import Final

from evm_jit.compiler.blocks import JUMP, JUMPI, Block, Instruction, Kind, Program, ends_execution
from evm_jit.compiler.values import Value, Word, fold
from evm_jit.machine import STACK_GUARD_SIZE_BYTES, WORD_SIZE_BYTES

CARRIED_DEPTH_MAX: Final = 16

assert CARRIED_DEPTH_MAX * WORD_SIZE_BYTES <= STACK_GUARD_SIZE_BYTES, "they are loaded before the height is checked"

_COMPUTED: Final = Word("computed")


@dataclass
class Summary:
    """
    What a block does to the stack.

    reads : slots whose words it uses
    moved : by slot at the block's end, the slot that its word was found in
    following : blocks that it goes on at by known ways
    """

    reads: set[int] = field(default_factory=set)
    moved: dict[int, int] = field(default_factory=dict)
    height: int = 0
    following: list[int] = field(default_factory=list)


class Walk:
    """A block, instruction by instruction, on a stack of constants, words that were found, and others."""

    def __init__(self) -> None:
        self.summary = Summary()
        self._words: dict[int, Value | int] = {}
        self._found: dict[str, int] = {}

    def become(self, other: "Walk") -> None:
        """Have the same words at the same height."""
        self.summary.height = other.summary.height
        self._words, self._found = dict(other._words), dict(other._found)

    def word_at(self, slot: int) -> Value:
        """What a slot holds: by its name if it was found there."""
        if slot not in self._words:
            self._words[slot] = Word(f"found{slot}")
            self._found[f"found{slot}"] = slot
        return self._words[slot]

    def step(self, instruction: Instruction) -> None:
        """Execute an instruction."""
        opcode, summary = instruction.opcode, self.summary
        number = opcode.number
        if 0x80 <= number <= 0x8F:
            self._push(self.word_at(summary.height - (number - 0x7F)))
        elif 0x90 <= number <= 0x9F:
            upper, lower = summary.height - 1, summary.height - 1 - (number - 0x8F)
            self._words[upper], self._words[lower] = self.word_at(lower), self.word_at(upper)
        elif 0x5F <= number <= 0x7F:
            self._push(instruction.immediate)
        elif opcode.name == "POP":
            self._drop(1)
        else:
            operands = [self.word_at(summary.height - 1 - index) for index in range(opcode.taken)]
            for operand in operands:
                self.read(operand)
            known = fold(opcode.name, operands)
            result = self.computed(instruction, operands) if known is None else known
            self._drop(opcode.taken)
            if opcode.put:
                self._push(result)

    def computed(self, instruction: Instruction, operands: list[Value]) -> Value:
        """What an instruction makes of words that are not all known."""
        return _COMPUTED

    def read(self, word: Value) -> None:
        """Note that a word is used."""
        if isinstance(word, Word) and word.name in self._found:
            self.summary.reads.add(self._found[word.name])

    def end(self) -> None:
        """Note which words were only moved."""
        for slot, word in self._words.items():
            if slot < self.summary.height and isinstance(word, Word) and word.name in self._found:
                self.summary.moved[slot] = self._found[word.name]

    def found_at(self, slot: int) -> int | None:
        """Where a word of the stack at the end was found at the start; None if it was not."""
        if slot not in self._words:
            return slot if slot < 0 else None
        return self.summary.moved.get(slot)

    def _push(self, word: Value) -> None:
        self._words[self.summary.height] = word
        self.summary.height += 1

    def _drop(self, count: int) -> None:
        for _ in range(count):
            self.summary.height -= 1
            self._words.pop(self.summary.height, None)


def _walk(program: Program, block: Block) -> Walk:
    """The summary of a block, and where the words at its end come from."""
    walk = Walk()
    for instruction in block.instructions:
        if instruction.kind is Kind.INTERPRETED:
            walk.end()
            return walk
        if instruction.opcode.number in (JUMP, JUMPI):
            destination = walk.word_at(walk.summary.height - 1)
            if isinstance(destination, int) and destination in program.jump_destinations:
                walk.summary.following.append(destination)
        walk.step(instruction)
    if not ends_execution(block.last) and block.last.next_pc in program.blocks:
        walk.summary.following.append(block.last.next_pc)
    walk.end()
    return walk


def carried_words(program: Program) -> dict[int, tuple[int, ...]]:
    """By block, the slots that arrive as values."""
    walks = {pc: _walk(program, block) for pc, block in program.blocks.items()}
    needs = {pc: {slot for slot in walk.summary.reads if slot >= -CARRIED_DEPTH_MAX} for pc, walk in walks.items()}
    preceding: dict[int, list[int]] = {}
    for pc, walk in walks.items():
        for following in walk.summary.following:
            preceding.setdefault(following, []).append(pc)
    waiting = set(walks)
    while waiting:
        pc = waiting.pop()
        for before in preceding.get(pc, ()):
            walk = walks[before]
            found = {walk.found_at(walk.summary.height + slot) for slot in needs[pc]}
            new = {slot for slot in found if slot is not None and slot >= -CARRIED_DEPTH_MAX} - needs[before]
            if new:
                needs[before] |= new
                waiting.add(before)
    return {pc: tuple(sorted(slots)) for pc, slots in needs.items() if pc in preceding}
