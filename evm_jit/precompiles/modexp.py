"""
MODEXP (0x05): base ^ exponent mod modulus, of any length.

Source: EIP-198; gas from EIP-198 (Byzantium), EIP-2565 (Berlin), EIP-7883 (Osaka); lengths from EIP-7823 (Osaka).
"""

from typing import Final

import gmpy2

from evm_jit.precompiles import PrecompileFailed

HEAD_SIZE_BYTES: Final = 96
OPERAND_SIZE_BYTES_MAX_OSAKA: Final = 1_024


def lengths(data: bytes) -> tuple[int, int, int]:
    """The lengths of base, exponent and modulus in bytes, as the input says them; input is padded by zeros."""
    head = data[:HEAD_SIZE_BYTES].ljust(HEAD_SIZE_BYTES, b"\x00")
    return int.from_bytes(head[:32], "big"), int.from_bytes(head[32:64], "big"), int.from_bytes(head[64:], "big")


def gas_byzantium(data: bytes) -> int:
    """EIP-198."""
    base_size, exponent_size, modulus_size = lengths(data)
    size = max(base_size, modulus_size)
    if size <= 64:
        complexity = size**2
    elif size <= 1_024:
        complexity = size**2 // 4 + 96 * size - 3_072
    else:
        complexity = size**2 // 16 + 480 * size - 199_680
    return complexity * _iterations(data, base_size, exponent_size, per_byte=8) // 20


def gas_berlin(data: bytes) -> int:
    """EIP-2565."""
    base_size, exponent_size, modulus_size = lengths(data)
    words = (max(base_size, modulus_size) + 7) // 8
    return max(200, words**2 * _iterations(data, base_size, exponent_size, per_byte=8) // 3)


def gas_osaka(data: bytes) -> int:
    """EIP-7883; PrecompileFailed for an operand of more than 1,024 bytes (EIP-7823)."""
    base_size, exponent_size, modulus_size = lengths(data)
    if max(base_size, exponent_size, modulus_size) > OPERAND_SIZE_BYTES_MAX_OSAKA:
        raise PrecompileFailed("one or more of base/exponent/modulus length exceeded 1024 bytes")
    size = max(base_size, modulus_size)
    complexity = 16 if size <= 32 else 2 * ((size + 7) // 8) ** 2
    return max(500, complexity * _iterations(data, base_size, exponent_size, per_byte=16))


def run(data: bytes) -> bytes:
    """The result, as long as the modulus; zeros when the modulus is 0. The gas must have been paid: it bounds time."""
    base_size, exponent_size, modulus_size = lengths(data)
    if modulus_size == 0:
        return b""
    base_end = HEAD_SIZE_BYTES + base_size
    exponent_end = base_end + exponent_size
    modulus = _operand(data, exponent_end, modulus_size)
    if modulus == 0:
        return bytes(modulus_size)
    base = _operand(data, HEAD_SIZE_BYTES, base_size)
    exponent = _operand(data, base_end, exponent_size)
    return int(gmpy2.powmod(base, exponent, modulus)).to_bytes(modulus_size, "big")


def _operand(data: bytes, start: int, size: int) -> int:
    """`size` bytes from `start` as an integer; what lies behind the end of the input is zero."""
    present = data[start : start + size]
    return int.from_bytes(present, "big") << 8 * (size - len(present))


def _iterations(data: bytes, base_size: int, exponent_size: int, per_byte: int) -> int:
    """The squarings that the exponent asks for, told from its length and its first 32 bytes; at least 1."""
    start = HEAD_SIZE_BYTES + base_size
    head = _operand(data, start, min(exponent_size, 32))
    return max(per_byte * max(exponent_size - 32, 0) + max(head.bit_length() - 1, 0), 1)
