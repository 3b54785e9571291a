"""
Osaka's opcode, which py-evm does not know.

The fork's other news are in `reference_precompiles` (P256VERIFY, MODEXP) and `primitives.validity` (the gas cap).
"""

from typing import Any, Final

from eth.abc import ComputationAPI
from eth.vm.opcode import as_opcode

GAS_LOW: Final = 5
WORD_BITS: Final = 256


def clz(computation: ComputationAPI) -> None:
    """CLZ (0x1e, EIP-7939): how many of a word's 256 bits stand before the first that is set."""
    word = computation.stack_pop1_int()
    computation.stack_push_int(WORD_BITS - word.bit_length())


OSAKA_OPCODES: Final[dict[int, Any]] = {0x1E: as_opcode(logic_fn=clz, mnemonic="CLZ", gas_cost=GAS_LOW)}
