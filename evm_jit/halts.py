"""
Why a frame stopped early, in geth's words: clients compare these texts.
"""

from collections.abc import Mapping
from functools import cache
from typing import Final

EXECUTION_REVERTED: Final = "execution reverted"
OUT_OF_GAS: Final = "out of gas"

# Those that our table does not have, or calls otherwise than geth does.
_NAMES_OF_GETH: Final = {0x44: "DIFFICULTY", 0xFE: "INVALID"}


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
    return _names().get(opcode, f"opcode {opcode:#x} not defined")


@cache
def _names() -> Mapping[int, str]:
    from evm_jit.opcodes import OPCODES  # Not above: what the opcodes do names halts.

    return {number: opcode.name for number, opcode in OPCODES.items()} | _NAMES_OF_GETH
