"""
What is known of a program before its IR is written: the words that blocks hand to each other, and heights of the stack
that need not be looked at again.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from evm_jit.compiler.blocks import Program
from evm_jit.compiler.labels import gate_of, label_of
from evm_jit.compiler.loops import Loop


@dataclass(frozen=True)
class Plan:
    """
    A program, and

    carried : by block, the slots (below 0, from its start) that arrive as values; others are in memory
    is_hot : whether LLVM may take its time
    loops : those that are written a second time, by their heads
    heights : by block, how many words the stack surely has at its start, and how many more it may get
    """

    program: Program
    carried: dict[int, tuple[int, ...]]
    is_hot: bool
    loops: Mapping[int, Loop] = field(default_factory=dict)
    heights: dict[int, tuple[int, int]] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "heights", heights(self.program))

    def names(self, pc: int, prefix: str) -> list[str]:
        """The names of the words that arrive at a block."""
        return [f"%word.{prefix}{pc}.{-slot}" for slot in self.carried.get(pc, ())]

    def head_of(self, pc: int) -> str:
        """Where those go on whose stack is right for a block: at it, or at the gate of the loop that it begins."""
        return gate_of(pc) if pc in self.loops else label_of(pc)

    def is_checked(self, pc: int, height: int, following: int) -> bool:
        """Whether a block that is `height` words higher than the start of the block at `pc` needs no check."""
        least, growth = self.heights[pc]
        block = self.program.blocks[following]
        return least + height >= block.least and growth - height >= block.growth


def heights(program: Program) -> dict[int, tuple[int, int]]:
    """What is surely so at the start of each block: what it needs, and what the block before it has left."""
    known: dict[int, tuple[int, int]] = {}
    previous: tuple[int, int, int] | None = None  # Where it goes on, and the same heights there.
    for pc, block in program.blocks.items():
        least, growth = block.least, block.growth
        # Others follow the block before them, and nothing else leads there.
        if pc not in program.entries and previous is not None and previous[0] == pc:
            least, growth = max(least, previous[1]), max(growth, previous[2])
        known[pc] = least, growth
        previous = block.last.next_pc, least + block.change, growth - block.change
    return known
