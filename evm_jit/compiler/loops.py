"""
Small loops, as trees of the ways through a turn: what the second tier writes once more, to be fast.

A loop's head is where a known jump goes back to. From there a walk follows every way, through internal calls, whose
return address is known on the way, until it is at the head again (a turn), or where it must be left: at code that only
the interpreter executes, at jumps to unknown places, and at other loops. Blocks on no way around are left out, what is
left is a tree. Each block in it is a copy for one way, so all that is known of the words before it is known in it, and
gas and the height of the stack are checked once, for the way that needs the most. Of a loop with one way around, some
turns follow one another.

Slots are counted from the height at the head, those that the loop finds are below 0.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from evm_jit.compiler.blocks import JUMP, JUMPI, Block, Instruction, Kind, Program, ends_execution
from evm_jit.compiler.builtins import INSTRUCTIONS
from evm_jit.compiler.carried import CARRIED_DEPTH_MAX, Walk
from evm_jit.compiler.values import Value, Word

COPIES_MAX: Final = 48  # Blocks that a walk visits.
WEIGHT_MAX: Final = 320  # Of a tree,
SMALL_WEIGHT_MAX, SMALL_TREES_WEIGHT_MAX = 1_000, 480  # Of a program that compiles in no time, and of all its trees;
TREES_WEIGHT_SHARE_MAX: Final = 0.03  # of others so much of their weight.
TURNS_MAX, TURNS_WEIGHT_MAX = 8, 160  # Of a loop with one way around.
STEP_MAX: Final = 1 << 32


@dataclass
class Copy:
    """
    A block on one way.

    height : of the stack at its start
    taken, passed : what follows where its last instruction jumps, and where not; None where it never goes
    gas_ahead : by the index of an instruction, the most static gas from there to the end of the tree
    """

    block: Block
    height: int
    taken: "Way | None" = None
    passed: "Way | None" = None
    gas_ahead: list[int] = field(default_factory=list)

    @property
    def ways(self) -> Iterator["Way"]:
        """What may follow."""
        yield from (way for way in (self.taken, self.passed) if way is not None)


@dataclass
class Way:
    """Where execution goes on: in a copy, at the head again (`is_turn`), or else outside, at `pc`."""

    pc: int
    copy: Copy | None = None
    is_turn: bool = False


@dataclass
class Loop:
    """
    A tree, and

    slots : that arrive as values
    narrow : those of them that are surely small, or the loop is not entered
    least, growth : words that the stack must have at the head, and how many more it may get
    """

    head: int
    root: Copy
    slots: tuple[int, ...]
    narrow: frozenset[int]
    least: int
    growth: int

    @property
    def weight(self) -> int:
        """How much machine code its tree becomes."""
        return sum(copy.block.weight for copy in _copies(self.root))

    @property
    def gas(self) -> int:
        """The most static gas that a way through the tree takes."""
        return self.root.gas_ahead[0]


class _LoopWalk(Walk):
    """A way through a loop; `found-n+` is the word that was found in slot -n and a constant, or more."""

    def __init__(self) -> None:
        super().__init__()
        self.touched: set[int] = set()
        self.compared: set[int] = set()

    def branch(self) -> "_LoopWalk":
        """The same, for another way."""
        twin = _LoopWalk()
        twin.become(self)
        twin.touched, twin.compared = self.touched, self.compared
        return twin

    def word_at(self, slot: int) -> Value:
        """What a slot holds."""
        if slot < 0:
            self.touched.add(slot)
        return super().word_at(slot)

    def _push(self, word: Value) -> None:
        if self.summary.height < 0:  # In place of a word that was found, and may not have been looked at.
            self.touched.add(self.summary.height)
        super()._push(word)

    def computed(self, instruction: Instruction, operands: list[Value]) -> Value:
        """A word that was found and a small constant is followed further."""
        name = instruction.opcode.name
        origins = [self.origin_of(operand) for operand in operands]
        if name in ("LT", "GT", "SLT", "SGT", "EQ", "ISZERO", "JUMPI"):
            self.compared |= {origin for origin in origins if origin is not None}
        if name in ("ADD", "SUB"):
            for origin, step in ((origins[0], operands[1]), (origins[1] if name == "ADD" else None, operands[0])):
                if origin is not None and isinstance(step, int) and step < STEP_MAX:
                    return Word(f"found{origin}+")
        return super().computed(instruction, operands)

    @staticmethod
    def origin_of(word: Value) -> int | None:
        """The slot that a word was found in, whatever was added to it."""
        return int(word.name[5:].rstrip("+")) if isinstance(word, Word) and word.name.startswith("found") else None


class _Builder:
    """Walks from a head."""

    def __init__(self, program: Program, head: int, others: frozenset[int], turns: int) -> None:
        self.program, self.head, self.others, self.turns = program, head, others, turns
        self.copy_count = 0
        self.ends: list[_LoopWalk] = []  # At each turn's end that leads to the head again.
        self.touched: set[int] = set()
        self.compared: set[int] = set()

    def build(self) -> Copy | None:
        """The tree; None if no way leads around, or there are too many."""
        walk = _LoopWalk()
        way = self._way(walk, self.head, 0)
        self.touched, self.compared = walk.touched, walk.compared
        return way.copy if self.ends and self.copy_count < COPIES_MAX else None

    def _way(self, walk: _LoopWalk, pc: int, turn: int) -> Way:
        if pc == self.head and self.copy_count:
            turn += 1
            if walk.summary.height == 0 and turn == self.turns:
                self.ends.append(walk)
                return Way(pc, is_turn=True)
            if walk.summary.height != 0:
                return Way(pc)
        if pc not in self.program.blocks or pc in self.others or self.copy_count >= COPIES_MAX:
            return Way(pc)
        self.copy_count += 1
        copy = Copy(self.program.blocks[pc], walk.summary.height)
        if not self._follow(walk, copy, turn):
            return Way(pc)
        return Way(pc, copy)

    def _follow(self, walk: _LoopWalk, copy: Copy, turn: int) -> bool:
        """Whether some way from a block leads around."""
        for instruction in copy.block.instructions:
            if instruction.kind is Kind.INTERPRETED:
                return False
            if instruction.opcode.number not in (JUMP, JUMPI):
                walk.step(instruction)
        last, branched = copy.block.last, walk
        if last.opcode.number in (JUMP, JUMPI):
            destination = walk.word_at(walk.summary.height - 1)
            if not isinstance(destination, int) or destination not in self.program.jump_destinations:
                return False
            condition = walk.word_at(walk.summary.height - 2) if last.opcode.number == JUMPI else 1
            walk.step(last)
            branched = walk.branch()
            if condition != 0:
                copy.taken = self._way(walk, destination, turn)
            if isinstance(condition, int) and condition != 0:
                return _leads_around(copy)
        if not ends_execution(last) or last.opcode.number == JUMPI:
            copy.passed = self._way(branched, last.next_pc, turn)
        return _leads_around(copy)


def _leads_around(copy: Copy) -> bool:
    return any(way.is_turn or way.copy is not None for way in copy.ways)


def _copies(copy: Copy) -> Iterator[Copy]:
    """It, and all that follow."""
    yield copy
    for way in copy.ways:
        if way.copy is not None:
            yield from _copies(way.copy)


def _is_slow(root: Copy) -> bool:
    """Whether a turn has instructions beside which its checks are nothing."""
    return any(
        each.kind is Kind.SOLITARY
        or each.opcode.name in INSTRUCTIONS
        or each.opcode.name in ("MLOAD", "MSTORE", "MSTORE8")
        for copy in _copies(root)
        for each in copy.block.instructions
    )


def _measure(copy: Copy) -> int:
    """Note what gas each instruction has ahead of it, and return that of the first."""
    ahead = max((_measure(way.copy) for way in copy.ways if way.copy is not None), default=0)
    gas_ahead = [ahead]
    for instruction in reversed(list(copy.block.instructions)):
        ahead += instruction.opcode.gas
        gas_ahead.append(ahead)
    copy.gas_ahead = gas_ahead[::-1]
    return ahead


def _narrow(walks: list[_LoopWalk], compared: set[int], touched: set[int]) -> frozenset[int]:
    """Slots that count, and those that stay as they are and are compared, where something counts."""
    counting: set[int] = set()
    staying: set[int] = set()
    for slot in touched & compared:
        words = {walk.word_at(slot) for walk in walks}
        names = {word.name if isinstance(word, Word) else "" for word in words}
        if names <= {f"found{slot}", f"found{slot}+"}:
            (staying if names == {f"found{slot}"} else counting).add(slot)
    return frozenset(counting | staying) if counting else frozenset()


def _loop(program: Program, head: int, others: frozenset[int], carried: tuple[int, ...]) -> Loop | None:
    """The loop around a head; None if it can't be written as a tree."""
    once = builder = _Builder(program, head, others, 1)
    root = builder.build()
    if root is None:
        return None
    weight = sum(copy.block.weight for copy in _copies(root))
    turns = TURNS_MAX
    while turns > 1 and turns * weight > TURNS_WEIGHT_MAX:
        turns //= 2
    if len(once.ends) == 1 and turns > 1 and not _is_slow(root):
        builder = _Builder(program, head, others, turns)
        root = builder.build() or root
    slots = builder.touched | set(carried)
    if min(slots, default=0) < -CARRIED_DEPTH_MAX or weight > WEIGHT_MAX:
        return None
    _measure(root)
    copies = list(_copies(root))
    return Loop(
        head=head,
        root=root,
        slots=tuple(sorted(slots)),
        narrow=_narrow(once.ends, once.compared, once.touched),
        least=max(copy.block.least - copy.height for copy in copies),
        growth=max(copy.block.growth + copy.height for copy in copies),
    )


def _heads(program: Program) -> set[int]:
    """Where known jumps go back to."""
    found = set()
    for block in program.blocks.values():
        instructions = list(block.instructions)[-2:]
        if len(instructions) == 2 and instructions[1].opcode.number in (JUMP, JUMPI):
            push = instructions[0]
            if 0x60 <= push.opcode.number <= 0x7F and push.immediate <= push.pc:
                found.add(push.immediate)
    return found & program.jump_destinations


def find_loops(program: Program, carried: Mapping[int, tuple[int, ...]]) -> dict[int, Loop]:
    """By head, the loops that are written as trees, as many as LLVM has time for."""
    heads = frozenset(head for head in _heads(program) if _Builder(program, head, frozenset(), 1).build() is not None)
    found = [_loop(program, head, heads - {head}, carried.get(head, ())) for head in heads]
    loops = {}
    weight = sum(block.weight for block in program.blocks.values())
    allowed = SMALL_TREES_WEIGHT_MAX if weight <= SMALL_WEIGHT_MAX else TREES_WEIGHT_SHARE_MAX * weight
    for loop in sorted((loop for loop in found if loop is not None), key=lambda loop: (loop.weight, loop.head)):
        if loop.weight <= allowed:
            allowed -= loop.weight
            loops[loop.head] = loop
    return loops
