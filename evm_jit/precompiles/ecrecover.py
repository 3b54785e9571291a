"""
ECRECOVER (0x01): the address whose key signed a digest.

Source: Yellow Paper, appendix E.1. High s is allowed here.
"""

from typing import Final

from primitives.errors import InvalidSignature
from primitives.signature import recover

GAS: Final = 3_000


def gas(data: bytes) -> int:
    """The same for every input."""
    return GAS


def run(data: bytes) -> bytes:
    """The address in 32 bytes; nothing if no key fits."""
    data = data[:128].ljust(128, b"\x00")
    v, r, s = (int.from_bytes(data[start : start + 32], "big") for start in (32, 64, 96))
    try:
        return bytes(12) + recover(data[:32], v - 27, r, s, low_s=False)
    except InvalidSignature:
        return b""
