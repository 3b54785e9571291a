"""Which function writes the IR of an instruction."""

from collections.abc import Mapping
from typing import Final

from evm_jit.compiler import control, environment, storage, words
from evm_jit.compiler.blocks import JUMPDEST, Instruction
from evm_jit.compiler.builtins import INSTRUCTIONS
from evm_jit.compiler.emission import Emission
from evm_jit.compiler.values import Value, fold, identity

_EMITTED: Final[Mapping[str, words.Emit]] = {
    **dict.fromkeys(INSTRUCTIONS, Emission.call),
    **words.EMITTED,
    **environment.EMITTED,
    **storage.EMITTED,
    "JUMP": control.jump,
    "JUMPI": control.jump_if,
}


def write_instruction(emission: Emission, instruction: Instruction) -> None:
    """The IR of one instruction, unless its result is known."""
    opcode, stack = instruction.opcode, emission.stack
    number = opcode.number
    if 0x5F <= number <= 0x7F:
        return stack.push(instruction.immediate)
    if 0x80 <= number <= 0x8F:
        return stack.duplicate(number - 0x7F)
    if 0x90 <= number <= 0x9F:
        return stack.swap(number - 0x8F)
    if opcode.name == "POP":
        return stack.drop(1)
    if number == JUMPDEST:
        return None
    if opcode.put == 1 and opcode.name in words.FOLDED:
        operands = [stack.word_at(stack.height - 1 - index) for index in range(opcode.taken)]
        known: Value | None = fold(opcode.name, operands)
        known = identity(opcode.name, operands) if known is None else known
        if known is not None:
            stack.drop(opcode.taken)
            return stack.push(known)
    return _EMITTED[opcode.name](emission, instruction)
