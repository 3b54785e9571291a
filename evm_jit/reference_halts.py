"""
py-evm's exceptions in geth's words; where it uses one class for several reasons, the reason is told from the text.
"""

from typing import Final

from eth.exceptions import (
    ContractCreationCollision,
    FullStack,
    InsufficientFunds,
    InsufficientStack,
    InvalidInstruction,
    InvalidJumpDestination,
    OutOfBoundsRead,
    OutOfGas,
    ReservedBytesInCode,
    Revert,
    StackDepthLimit,
    VMError,
    WriteProtection,
)

from evm_jit.halts import EXECUTION_REVERTED, OUT_OF_GAS

_INVALID_JUMP: Final = "invalid jump destination"

_TEXTS: Final[dict[type[VMError], str]] = {
    Revert: EXECUTION_REVERTED,
    InvalidJumpDestination: _INVALID_JUMP,
    WriteProtection: "write protection",
    ContractCreationCollision: "contract address collision",
    StackDepthLimit: "max call depth exceeded",
    OutOfBoundsRead: "return data out of bounds",
    ReservedBytesInCode: "invalid code: must not begin with 0xef",
    InsufficientFunds: "insufficient balance for transfer",
}

# Reasons that py-evm reports as OutOfGas, by a part of its text.
_OUT_OF_GAS_TEXTS: Final = (
    ("EIP170", "max code size exceeded"),
    ("EIP-3860", "max initcode size exceeded"),
    ("Write contract code", "contract creation code storage out of gas"),
)


def halt_text(error: VMError) -> str:
    """What stopped the frame that ended with `error`."""
    if isinstance(error, OutOfGas):
        text = str(error)
        return next((words for part, words in _OUT_OF_GAS_TEXTS if part in text), OUT_OF_GAS)
    if isinstance(error, InsufficientStack | FullStack):
        return str(error)  # Raised by `reference_frames` with geth's text.
    if isinstance(error, InvalidInstruction):
        return _INVALID_JUMP if str(error).startswith("Jump") else str(error)
    return _TEXTS.get(type(error), str(error))
