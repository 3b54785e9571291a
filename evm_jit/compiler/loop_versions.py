"""
Loops once more, as trees: words that count are small, and gas and the stack's height are checked once a turn or rarer.

A gate in front of a loop's head lets those in who have gas for the longest way through the tree, room on the stack, and
small words where they are expected; others go on at the block that the head is. Inside, static gas is only counted.
Behind an instruction that took more than its static gas there must be enough for what is ahead, or the interpreter goes
on there. Every way out leads to a block with all that it expects.
"""

from collections import Counter
from dataclasses import dataclass, replace
from functools import reduce

from evm_jit.compiler import control
from evm_jit.compiler.blocks import JUMP, JUMPI, Instruction
from evm_jit.compiler.bounds import HALF, Bounds
from evm_jit.compiler.emission import Emission
from evm_jit.compiler.instructions import write_instruction
from evm_jit.compiler.ir_text import LIKELY, UNLIKELY, FunctionText
from evm_jit.compiler.labels import check_of, gate_of, label_of, turn_of
from evm_jit.compiler.loops import Copy, Loop, Way
from evm_jit.compiler.plan import Plan
from evm_jit.compiler.values import Small, Truth, Value, Word
from evm_jit.compiler.virtual_stack import VirtualStack
from evm_jit.compiler.ways_in import fits


@dataclass
class _LoopEmission(Emission):
    """
    A way through a loop. `gas` is what was left at the start of the tree, or behind the last instruction that took more
    than its static gas; `gas_behind` is below 0, what was taken since.

    instruction, before : which is being written, and the stack before it
    gas_ahead : the most static gas from behind it to the end of the tree
    is_settled : whether what is left is known to be enough for that
    """

    instruction: Instruction | None = None
    before: VirtualStack | None = None
    gas_ahead: int = 0
    is_settled: bool = True

    def way_to(self, pc: int) -> str:
        return check_of(pc)

    def gas_for_builtin(self) -> str:
        return self.exact_gas()

    def settle(self, left: str) -> None:
        self.gas_behind, self.is_settled = 0, False
        super().settle(left)

    def settle_growth(self, left: str) -> str:
        assert self.instruction is not None and self.before is not None
        base, behind, stack = self.gas, self.gas_behind, self.stack
        super().settle(left)
        # Once more from its start: memory is there then, and costs nothing.
        gas_before = self.text.let("gas", f"add i64 {left}, {self.instruction.opcode.gas}")
        self.stack = self.before
        is_enough = self.text.let("is_enough", f"icmp sge i64 {left}, {self.gas_ahead}")
        self.leave_unless(is_enough, self.instruction.pc, gas_before)
        self.gas, self.gas_behind, self.stack = base, behind, stack
        return self.text.let("gas", f"add i64 {left}, {-behind}")

    def write(self, instruction: Instruction, gas_ahead: int) -> None:
        """One instruction that is no jump."""
        self.instruction, self.gas_ahead = instruction, gas_ahead
        self.before = self.stack.copy() if instruction.opcode.name in ("MLOAD", "MSTORE", "MSTORE8") else None
        self.gas_behind -= instruction.opcode.gas
        write_instruction(self, instruction)
        if not self.is_settled and gas_ahead:
            is_enough = self.text.let("is_enough", f"icmp sge i64 {self.gas}, {gas_ahead}")
            self.leave_unless(is_enough, instruction.next_pc, self.gas)
        self.is_settled = True


def write_loop(text: FunctionText, plan: Plan, loop: Loop, symbols: Counter[str]) -> None:
    """The gate of a loop, and its tree."""
    _write_gate(text, plan, loop)
    types = ["i64" if slot in loop.narrow else "i256" for slot in loop.slots]
    gas, top, *names = (f"%{name}.turn{loop.head}" for name in ("gas", "top", *(f"word{-slot}" for slot in loop.slots)))
    text.start(turn_of(loop.head), [("i64", gas), ("ptr", top), *zip(types, names, strict=True)])
    bounds = Bounds()
    stack = VirtualStack(text, top, bounds)
    for slot, name in zip(loop.slots, names, strict=True):
        stack.carry(slot, bounds.note(name, (0, HALF - 1)) if slot in loop.narrow else Word(name))
    _TreeWriter(loop, top).write(_LoopEmission(text, plan, loop.root.block, stack, gas, symbols), loop.root)


def _write_gate(text: FunctionText, plan: Plan, loop: Loop) -> None:
    """Who goes through the tree."""
    gas, top, names = f"%gas.gate{loop.head}", f"%top.gate{loop.head}", plan.names(loop.head, "gate")
    text.start(gate_of(loop.head), [("i64", gas), ("ptr", top), *(("i256", name) for name in names)])
    stack = VirtualStack(text, top)
    for slot, name in zip(plan.carried.get(loop.head, ()), names, strict=True):
        stack.carry(slot, Word(name))
    conditions = [text.let("is_enough", f"icmp sge i64 {gas}, {loop.gas}"), fits(text, loop.least, loop.growth, top)]
    arriving = []
    for slot in loop.slots:
        word = stack.as_word(stack.word_at(slot))
        if slot in loop.narrow:
            conditions.append(text.let("is_small", f"icmp ult i256 {word}, {HALF}"))
            word = text.let("small", f"trunc i256 {word} to i64")
        arriving.append(word)
    text.branch(
        _all(text, conditions),
        turn_of(loop.head),
        label_of(loop.head),
        (gas, top, *arriving),
        (gas, top, *names),
        LIKELY,
    )


def _all(text: FunctionText, conditions: list[str]) -> str:
    """Whether all hold."""
    return reduce(lambda x, y: text.let("both", f"and i1 {x}, {y}"), conditions)


@dataclass
class _TreeWriter:
    """
    Copies of blocks, one after the other.

    top : name of the pointer behind the topmost word at the loop's head
    """

    loop: Loop
    top: str

    def write(self, emission: _LoopEmission, copy: Copy) -> None:
        """A copy, and what follows it."""
        instructions = list(copy.block.instructions)
        last = instructions[-1]
        for index, instruction in enumerate(instructions):
            if instruction.opcode.number not in (JUMP, JUMPI):
                emission.write(instruction, copy.gas_ahead[index + 1])
        if last.opcode.number not in (JUMP, JUMPI):
            return self._follow(emission, copy.passed)
        emission.gas_behind -= last.opcode.gas
        if last.opcode.number == JUMP:
            emission.stack.drop(1)
            return self._follow(emission, copy.taken)
        condition = emission.stack.word_at(emission.stack.height - 2)
        emission.stack.drop(2)
        if isinstance(condition, int):
            return self._follow(emission, copy.taken if condition else copy.passed)
        return self._fork(emission, copy, condition)

    def _fork(self, emission: _LoopEmission, copy: Copy, condition: Value) -> None:
        """Both ways that JUMPI goes."""
        text = emission.text
        holds = control.is_true(emission, condition)
        taken, passed = text.new_label("taken"), text.new_label("passed")
        stays = [way is not None and (way.is_turn or way.copy is not None) for way in (copy.taken, copy.passed)]
        weights = {(True, False): LIKELY, (False, True): UNLIKELY}.get((stays[0], stays[1]), "")
        text.branch(holds, taken, passed, weights=weights)
        other = replace(emission, stack=emission.stack.copy())
        for label, way, each, is_taken in ((taken, copy.taken, emission, True), (passed, copy.passed, other, False)):
            text.start(label)
            if isinstance(condition, Truth) and each.stack.bounds is not None:
                each.stack.bounds.learn(condition.name, is_taken)
            self._follow(each, way)

    def _follow(self, emission: _LoopEmission, way: Way | None) -> None:
        """Go on."""
        assert way is not None, "constants are known when the tree is built"
        if way.copy is not None:
            return self.write(emission, way.copy)
        emission.gas, emission.gas_behind = emission.exact_gas(), 0
        if way.is_turn:
            self._turn(emission)
        return control.go_to(emission, way.pc)

    def _turn(self, emission: _LoopEmission) -> None:
        """Go through the tree again, or to where the block that is written next leads."""
        text = emission.text
        conditions = [text.let("is_enough", f"icmp sge i64 {emission.gas}, {self.loop.gas}")]
        words = []
        for slot in self.loop.slots:
            value = emission.stack.word_at(slot)
            if slot in self.loop.narrow:
                words.append(_narrowed(emission, value, conditions))
            else:
                words.append(emission.stack.as_word(value))
        ending = text.new_label("ending")
        text.branch(
            _all(text, conditions), turn_of(self.loop.head), ending, (emission.gas, self.top, *words), (), LIKELY
        )
        text.start(ending)


def _narrowed(emission: _LoopEmission, value: Value, conditions: list[str]) -> str:
    """A word below 2^63 as an i64, if the conditions hold."""
    text, bounds = emission.text, emission.stack.bounds
    assert bounds is not None, "trees have bounds"
    interval = bounds.of(value)
    if interval is None:
        word = emission.stack.as_word(value)
        conditions.append(text.let("is_small", f"icmp ult i256 {word}, {HALF}"))
        return text.let("small", f"trunc i256 {word} to i64")
    if isinstance(value, Small) and not 0 <= interval[0] <= interval[1] < HALF:
        conditions.append(text.let("is_small", f"icmp sge i64 {value.name}, 0"))
    return emission.stack.as_small(value)
