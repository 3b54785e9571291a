"""
Why compiled code stops a frame, as numbers: what the frame's end does, and the words that clients get for it.

Positive numbers end the frame. Negative ones are not about the frame: the tables are full (statuses of
`statestore.table`, from -1), or one of those below, from -100.
"""

from typing import Final

from evm_jit.halts import (
    EXECUTION_REVERTED,
    invalid_opcode_text,
    stack_overflow_text,
    stack_underflow_text,
)
from evm_jit.halts import (
    OUT_OF_GAS as OUT_OF_GAS_TEXT,
)

RUNNING: Final = 0
FINISHED: Final = 1  # STOP, RETURN, SELFDESTRUCT: what the frame did holds
REVERTED: Final = 2  # what it did is undone, what gas is left goes back
# From here on what it did is undone, and all its gas is gone.
OUT_OF_GAS: Final = 3
STACK_UNDERFLOW: Final = 4
STACK_OVERFLOW: Final = 5
INVALID_OPCODE: Final = 6
INVALID_JUMP: Final = 7
WRITE_PROTECTION: Final = 8
RETURN_DATA_OUT_OF_BOUNDS: Final = 9
CODE_TOO_LARGE: Final = 10
CODE_RESERVED: Final = 11
CODE_DEPOSIT_OUT_OF_GAS: Final = 12
INIT_CODE_TOO_LARGE: Final = 13
COLLISION: Final = 14
PRECOMPILE_FAILED: Final = 15

SUSPENDED: Final = -100  # Python is to run a precompiled contract, and then the frame goes on.
UNSUPPORTED: Final = -101  # The transaction needs more memory than there is: the reference engine's.
BLOCK_HASHES_NEEDED: Final = -102  # Once they are loaded, the transaction starts again.
ARENA_FULL: Final = -103  # Logs or outputs of the batch: once they are taken, the transaction starts again.
REFUSED: Final = -104  # The transaction may not enter the block.
STEPPED: Final = -105  # As many instructions as were asked for have been executed.

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
