"""Keccak-256, as Ethereum uses it (the padding from before SHA-3), one message at a time."""

import sha3


def keccak256(data: bytes | bytearray | memoryview) -> bytes:
    """The 32-byte Keccak-256 digest of `data`."""
    digest: bytes = sha3.keccak_256(data).digest()
    return digest
