"""
secp256k1 signatures: sign a digest, recover the address that signed it.

libsecp256k1 through coincurve does the curve arithmetic; the range rules are Ethereum's (Yellow Paper,
appendix F; low s from EIP-2).
"""

from typing import Final

import coincurve
import numpy as np
from numpy.typing import NDArray

from primitives.errors import InvalidSignature
from primitives.keccak import keccak256
from primitives.secp256k1 import N

SECP256K1_N: Final = N
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


def recover_many(
    digests: bytes | NDArray[np.uint8],
    signatures: bytes | NDArray[np.uint8],
    y_parities: bytes | NDArray[np.uint8],
    *,
    low_s: bool = True,
) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
    """
    The signers of many digests, found without Python's lock.

    digests : 32 bytes each, as bytes in a row or uint8[n, 32]
    signatures : 64 bytes each: r, then s, the most significant byte first
    y_parities : uint8[n]
    low_s : whether s in the upper half is refused

    Returns addresses uint8[n, 20], zeros where the signature is invalid, and is_valid bool[n].
    """
    # The kernels need Numba, which takes its time to import; few who sign or recover need them.
    from primitives.secp256k1_calls import libsecp256k1_functions
    from primitives.secp256k1_simd.switch import LANES
    from primitives.signature_kernels import recover_signers
    from primitives.signature_record import SIGNATURE

    parities = np.frombuffer(y_parities, np.uint8)
    records = np.empty(len(parities), SIGNATURE)
    records["digest"] = np.frombuffer(digests, np.uint8).reshape(-1, 32)
    records["numbers"] = np.frombuffer(signatures, np.uint8).reshape(-1, 64)
    records["y_parity"] = parities
    functions = libsecp256k1_functions()
    with LANES.workspace() as workspace:
        places = functions.ctypes.data, workspace, records.ctypes.data
        recover_signers(*places, len(records), int(low_s))  # type: ignore[no-untyped-call]
    return records["key_hash"][:, 12:].copy(), records["is_valid"] != 0


def sign(private_key: bytes, digest: bytes) -> tuple[int, int, int]:
    """(y parity, r, s) over the 32-byte `digest`, deterministic (RFC 6979) and with low s."""
    signature = coincurve.PrivateKey(private_key).sign_recoverable(digest, hasher=None)
    return signature[64], int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:64], "big")


def address_of(private_key: bytes) -> bytes:
    """The 20-byte address of a private key of 32 bytes."""
    return keccak256(coincurve.PrivateKey(private_key).public_key.format(compressed=False)[1:])[12:]
