"""
Addition (0x06) and multiplication (0x07) on the curve alt_bn128, y^2 = x^3 + 3.

A point is two words, the point at infinity (0, 0); input is padded by zeros. Source: EIP-196; gas from EIP-1108.
The arithmetic is in `bn254`, the pairing (0x08) in `alt_bn128_pairing`.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from evm_jit.precompiles import PrecompileFailed
from evm_jit.precompiles.bn254 import curve

GAS_ADD_BYZANTIUM: Final = 500
GAS_MULTIPLY_BYZANTIUM: Final = 40_000
GAS_ADD: Final = 150
GAS_MULTIPLY: Final = 6_000

WORD_SIZE_BYTES: Final = 32
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
    result = np.empty((2, 4), dtype=np.uint64)
    raise_for(curve.add_points(read_words(data, 4), result))
    return _encode(result)


def run_multiply(data: bytes) -> bytes:
    """A point times a scalar."""
    result = np.empty((2, 4), dtype=np.uint64)
    raise_for(curve.multiply_point(read_words(data, 3), result))
    return _encode(result)


def read_words(data: bytes, count: int) -> NDArray[np.uint64]:
    """The first `count` words of the input, padded by zeros: uint64[count, 4], least significant limb first."""
    size_bytes = WORD_SIZE_BYTES * count
    limbs = np.frombuffer(data[:size_bytes].ljust(size_bytes, b"\x00"), dtype=">u8")
    return limbs.reshape(count, 4)[:, ::-1].astype(np.uint64, order="C")


def raise_for(status: int) -> None:
    """PrecompileFailed for what a kernel found to be no point."""
    if status in FAILURES:
        raise PrecompileFailed(FAILURES[status])


def _encode(words: NDArray[np.uint64]) -> bytes:
    return words[:, ::-1].astype(">u8").tobytes()
