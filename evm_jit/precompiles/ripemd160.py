"""
RIPEMD-160 (0x03).

Source: Yellow Paper, appendix E.1. From pycryptodome: OpenSSL 3 comes without this hash in many places.
"""

from typing import Final

from Crypto.Hash import RIPEMD160

GAS_BASE: Final = 600
GAS_WORD: Final = 120


def gas(data: bytes) -> int:
    """By words of input."""
    return GAS_BASE + GAS_WORD * ((len(data) + 31) // 32)


def run(data: bytes) -> bytes:
    """The digest in 32 bytes."""
    return bytes(12) + RIPEMD160.new(data).digest()
