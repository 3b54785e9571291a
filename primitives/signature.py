"""
secp256k1 signatures: sign a digest, recover the address that signed it.

libsecp256k1 through coincurve does the curve arithmetic; the range rules are Ethereum's (Yellow Paper,
appendix F; low s from EIP-2).
"""

from typing import Final

import coincurve

from primitives.errors import InvalidSignature
from primitives.keccak import keccak256

SECP256K1_N: Final = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
SECP256K1_HALF_N: Final = SECP256K1_N // 2


def check_ranges(y_parity: int, r: int, s: int, *, low_s: bool = True) -> None:
    """InvalidSignature unless the parity is 0 or 1, 0 < r < n and 0 < s <= n/2 (or < n when `low_s` is off)."""
    if y_parity not in (0, 1):
        raise InvalidSignature(f"y parity {y_parity} is neither 0 nor 1")
    if not 0 < r < SECP256K1_N:
        raise InvalidSignature("r is out of range")
    if not 0 < s < SECP256K1_N:
        raise InvalidSignature("s is out of range")
    if low_s and s > SECP256K1_HALF_N:
        raise InvalidSignature("s is in the upper half (EIP-2)")


def recover(digest: bytes, y_parity: int, r: int, s: int, *, low_s: bool = True) -> bytes:
    """
    The 20-byte address whose key signed the 32-byte `digest`.

    Raises InvalidSignature when a value is out of range or no public key fits.
    """
    check_ranges(y_parity, r, s, low_s=low_s)
    compact = r.to_bytes(32, "big") + s.to_bytes(32, "big") + bytes((y_parity,))
    try:
        key = coincurve.PublicKey.from_signature_and_message(compact, digest, hasher=None)
    except Exception as error:  # coincurve raises bare Exception when libsecp256k1 says no.
        raise InvalidSignature("no public key fits") from error
    return keccak256(key.format(compressed=False)[1:])[12:]


def sign(private_key: bytes, digest: bytes) -> tuple[int, int, int]:
    """(y parity, r, s) over the 32-byte `digest`, deterministic (RFC 6979) and with low s."""
    signature = coincurve.PrivateKey(private_key).sign_recoverable(digest, hasher=None)
    return signature[64], int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:64], "big")


def address_of(private_key: bytes) -> bytes:
    """The 20-byte address of a private key of 32 bytes."""
    return keccak256(coincurve.PrivateKey(private_key).public_key.format(compressed=False)[1:])[12:]
