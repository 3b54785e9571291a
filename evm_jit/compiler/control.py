"""
Where execution goes behind a block: jumps to destinations that are known, jumps that are looked up, and the next block.

A jump whose destination is no constant goes through a table of all JUMPDESTs. What is not in it, and a constant that is
no JUMPDEST, is left to the interpreter at the very jump.
"""

from evm_jit.compiler.blocks import Instruction
from evm_jit.compiler.emission import Emission
from evm_jit.compiler.labels import DISPATCH
from evm_jit.compiler.values import Small, Truth, Value


def go_to(emission: Emission, pc: int) -> None:
    """End the block; the one at `pc` follows, or the interpreter where there is none."""
    emission.is_ended = True
    if pc not in emission.plan.program.blocks:
        emission.stack.flush()
        emission.leave(pc, emission.gas)
        return
    carried = emission.plan.carried.get(pc, ())
    height = emission.stack.height
    emission.stack.flush(frozenset(height + slot for slot in carried))
    words = [emission.stack.as_word(emission.stack.word_at(height + slot)) for slot in carried]
    emission.text.jump(emission.way_to(pc), emission.gas, emission.stack.top(), *words)


def jump(emission: Emission, instruction: Instruction) -> None:
    """JUMP (0x56): go on at a destination."""
    _jump_to(emission, instruction)


def jump_if(emission: Emission, instruction: Instruction) -> None:
    """JUMPI (0x57): go on at a destination if the condition is not 0."""
    stack, text = emission.stack, emission.text
    condition = stack.word_at(stack.height - 2)
    if isinstance(condition, int):
        if condition != 0:
            return _jump_to(emission, instruction)
        stack.drop(2)
        return go_to(emission, instruction.next_pc)
    holds = is_true(emission, condition)
    taken, passed = text.new_label("taken"), text.new_label("passed")
    if not emission.plan.carried:
        stack.flush(frozenset((stack.height - 1, stack.height - 2)))
    text.branch(holds, taken, passed)
    saved = stack.copy()
    text.start(taken)
    _jump_to(emission, instruction)
    emission.stack = saved
    text.start(passed)
    saved.drop(2)
    return go_to(emission, instruction.next_pc)


def is_true(emission: Emission, condition: Value) -> str:
    """Whether a word is not 0, as an i1."""
    if isinstance(condition, Truth):
        return condition.name
    if isinstance(condition, Small):
        return emission.text.let("holds", f"icmp ne i64 {condition.name}, 0")
    return emission.text.let("holds", f"icmp ne i256 {emission.stack.as_word(condition)}, 0")


def _jump_to(emission: Emission, instruction: Instruction) -> None:
    """Go to the destination on top of the stack, after dropping what the instruction takes."""
    stack = emission.stack
    destination = stack.word_at(stack.height - 1)
    if isinstance(destination, int) and destination in emission.plan.program.jump_destinations:
        stack.drop(instruction.opcode.taken)
        return go_to(emission, destination)
    emission.is_ended = True
    stack.flush()
    top = stack.top()
    gas_before = emission.text.let("gas", f"add i64 {emission.gas}, {instruction.opcode.gas}")
    if isinstance(destination, int):
        return emission.leave(instruction.pc, gas_before)
    stack.drop(instruction.opcode.taken)
    return look_up(emission, stack.as_word(destination), (str(instruction.pc), gas_before, top))


def look_up(emission: Emission, destination: str, way_out: tuple[str, str, str]) -> None:
    """Go to a destination through the table, or leave by `way_out`: pc, gas, top."""
    text, size = emission.text, len(emission.plan.program.code)
    is_inside = text.let("is_inside", f"icmp ult i256 {destination}, {size}")
    low = text.let("low", f"trunc i256 {destination} to i64")
    offset = text.let("offset", f"select i1 {is_inside}, i64 {low}, i64 {size}")
    text.jump(DISPATCH, offset, emission.gas, emission.stack.top(), *way_out)
