"""
The pairing check (0x08) on alt_bn128: whether the product of e(a, b) over pairs of points is 1.

Source: EIP-197; gas from EIP-1108. The arithmetic is in `bn254`.
"""

from typing import Final

import numpy as np

from evm_jit.precompiles import PrecompileFailed
from evm_jit.precompiles.alt_bn128 import raise_for
from evm_jit.precompiles.bn254 import pairing
from evm_jit.precompiles.bn254.curve import OK
from evm_jit.precompiles.bn254.pairing import PAIR_SIZE_BYTES

GAS_BASE_BYZANTIUM: Final = 100_000
GAS_PAIR_BYZANTIUM: Final = 80_000
GAS_BASE: Final = 45_000
GAS_PAIR: Final = 34_000

TRUE: Final = (1).to_bytes(32, "big")
FALSE: Final = bytes(32)


def gas_byzantium(data: bytes) -> int:
    """By pairs."""
    return GAS_BASE_BYZANTIUM + GAS_PAIR_BYZANTIUM * (len(data) // PAIR_SIZE_BYTES)


def gas(data: bytes) -> int:
    """By pairs, from Istanbul on (EIP-1108)."""
    return GAS_BASE + GAS_PAIR * (len(data) // PAIR_SIZE_BYTES)


def run(data: bytes) -> bytes:
    """One in 32 bytes if the product of the pairings is 1, else zero; PrecompileFailed for what is no point."""
    if len(data) % PAIR_SIZE_BYTES:
        raise PrecompileFailed("bad elliptic curve pairing size")
    pairs = np.frombuffer(data, dtype=np.uint8)
    status = pairing.check_pairing(pairs.ctypes.data, len(data) // PAIR_SIZE_BYTES)
    raise_for(status)
    return TRUE if status == OK else FALSE
