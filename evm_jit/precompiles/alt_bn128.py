"""
Addition (0x06) and multiplication (0x07) on the curve alt_bn128, y^2 = x^3 + 3.

A point is two words, the point at infinity (0, 0); input is padded by zeros. Source: EIP-196; gas from EIP-1108.
The arithmetic is in `bn254`, the pairing (0x08) in `alt_bn128_pairing`.
"""

from collections.abc import Callable
from typing import Final

import numpy as np

from evm_jit.precompiles import PrecompileFailed
from evm_jit.precompiles.bn254 import curve
from evm_jit.precompiles.bn254.field import WORD_SIZE_BYTES

GAS_ADD_BYZANTIUM: Final = 500
GAS_MULTIPLY_BYZANTIUM: Final = 40_000
GAS_ADD: Final = 150
GAS_MULTIPLY: Final = 6_000

FAILURES: Final = {
    curve.COORDINATE_TOO_LARGE: "bn256: coordinate exceeds modulus",
    curve.NOT_ON_CURVE: "bn256: malformed point",
    curve.NOT_IN_SUBGROUP: "bn256: point is not in the subgroup",
}


def gas_add_byzantium(data: bytes) -> int:
    """The same for every input."""
    return GAS_ADD_BYZANTIUM


def gas_add(data: bytes) -> int:
    """The same for every input, from Istanbul on."""
    return GAS_ADD


def gas_multiply_byzantium(data: bytes) -> int:
    """The same for every input."""
    return GAS_MULTIPLY_BYZANTIUM


def gas_multiply(data: bytes) -> int:
    """The same for every input, from Istanbul on."""
    return GAS_MULTIPLY


def run_add(data: bytes) -> bytes:
    """The sum of two points."""
    return _run(curve.add_points, data, 4)


def run_multiply(data: bytes) -> bytes:
    """A point times a scalar."""
    return _run(curve.multiply_point, data, 3)


def raise_for(status: int) -> None:
    """PrecompileFailed for what a kernel found to be no point."""
    if status in FAILURES:
        raise PrecompileFailed(FAILURES[status])


def _run(kernel: Callable[[int, int], int], data: bytes, word_count: int) -> bytes:
    size_bytes = WORD_SIZE_BYTES * word_count
    words = np.frombuffer(data[:size_bytes].ljust(size_bytes, b"\x00"), dtype=np.uint8)
    result = np.empty(2 * WORD_SIZE_BYTES, dtype=np.uint8)
    raise_for(kernel(words.ctypes.data, result.ctypes.data))
    return result.tobytes()
