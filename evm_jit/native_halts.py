"""
Why compiled code stopped a frame, in the words that clients get.

Apart from the numbers, which all kernels import: a name of an opcode needs the table of them.
"""

from typing import Final

from evm_jit.halt_codes import (
    CODE_DEPOSIT_OUT_OF_GAS,
    CODE_RESERVED,
    CODE_TOO_LARGE,
    COLLISION,
    FINISHED,
    INIT_CODE_TOO_LARGE,
    INVALID_JUMP,
    INVALID_OPCODE,
    OUT_OF_GAS,
    RETURN_DATA_OUT_OF_BOUNDS,
    REVERTED,
    STACK_OVERFLOW,
    STACK_UNDERFLOW,
    WRITE_PROTECTION,
)
from evm_jit.halts import (
    EXECUTION_REVERTED,
    invalid_opcode_text,
    stack_overflow_text,
    stack_underflow_text,
)
from evm_jit.halts import (
    OUT_OF_GAS as OUT_OF_GAS_TEXT,
)

_TEXTS: Final = {
    REVERTED: EXECUTION_REVERTED,
    OUT_OF_GAS: OUT_OF_GAS_TEXT,
    INVALID_JUMP: "invalid jump destination",
    WRITE_PROTECTION: "write protection",
    RETURN_DATA_OUT_OF_BOUNDS: "return data out of bounds",
    CODE_TOO_LARGE: "max code size exceeded",
    CODE_RESERVED: "invalid code: must not begin with 0xef",
    CODE_DEPOSIT_OUT_OF_GAS: "contract creation code storage out of gas",
    INIT_CODE_TOO_LARGE: "max initcode size exceeded",
    COLLISION: "contract address collision",
}


def halt_text(halt: int, opcode: int, height: int, needed: int) -> str | None:
    """
    In geth's words; None if the frame finished.

    opcode, height, needed : of the instruction that stopped: its number, the words on the stack, and how many it takes
    """
    if halt == FINISHED:
        return None
    if halt == INVALID_OPCODE:
        return invalid_opcode_text(opcode)
    if halt == STACK_UNDERFLOW:
        return stack_underflow_text(height, needed)
    if halt == STACK_OVERFLOW:
        return stack_overflow_text(height, needed)
    return _TEXTS[halt]
