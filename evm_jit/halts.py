"""
Why a frame stopped early, in geth's words: clients compare these texts.

The exceptions are py-evm's; where it uses one class for several reasons, the reason is told from the text.
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
from eth.vm import mnemonics, opcode_values

EXECUTION_REVERTED: Final = "execution reverted"
OUT_OF_GAS: Final = "out of gas"

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

_MNEMONICS: Final = {
    value: getattr(mnemonics, name)
    for name, value in vars(opcode_values).items()
    if isinstance(value, int) and hasattr(mnemonics, name)
} | {0xFE: "INVALID", 0x1E: "CLZ", 0x20: "KECCAK256", 0x44: "DIFFICULTY"}


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


def stack_underflow_text(depth: int, needed: int) -> str:
    """For an opcode that takes more than the stack holds."""
    return f"stack underflow ({depth} <=> {needed})"


def stack_overflow_text(depth: int, limit: int) -> str:
    """For an opcode that would put the 1,025th item on the stack."""
    return f"stack limit reached {depth} ({limit})"


def invalid_opcode_text(opcode: int) -> str:
    """For an opcode that the fork does not have."""
    return f"invalid opcode: {opcode_name(opcode)}"


def opcode_name(opcode: int) -> str:
    """What geth calls an opcode, in every fork."""
    name: str = _MNEMONICS.get(opcode, f"opcode {opcode:#x} not defined")
    return name
