"""
Point evaluation (0x0a): a KZG proof that a blob's polynomial has the value y at z.

Source: EIP-4844.
"""

from hashlib import sha256
from typing import Final

import ckzg

from evm_jit.precompiles import PrecompileFailed
from evm_jit.precompiles.trusted_setup import trusted_setup

GAS: Final = 50_000
INPUT_SIZE_BYTES: Final = 192
FIELD_ELEMENTS_PER_BLOB: Final = 4_096
BLS_MODULUS: Final = 0x73EDA753299D7D483339D80809A1D80553BDA402FFFE5BFEFFFFFFFF00000001
VERSIONED_HASH_VERSION_KZG: Final = b"\x01"

_OUTPUT: Final = FIELD_ELEMENTS_PER_BLOB.to_bytes(32, "big") + BLS_MODULUS.to_bytes(32, "big")


def gas(data: bytes) -> int:
    """The same for every input."""
    return GAS


def run(data: bytes) -> bytes:
    """Two constants if the proof holds; otherwise PrecompileFailed."""
    if len(data) != INPUT_SIZE_BYTES:
        raise PrecompileFailed("invalid input length")
    versioned_hash, z, y, commitment, proof = data[:32], data[32:64], data[64:96], data[96:144], data[144:]
    if versioned_hash != VERSIONED_HASH_VERSION_KZG + sha256(commitment).digest()[1:]:
        raise PrecompileFailed("mismatched versioned hash")
    try:
        is_valid = ckzg.verify_kzg_proof(commitment, z, y, proof, trusted_setup())
    except (RuntimeError, ValueError, AssertionError) as error:
        raise PrecompileFailed(f"error verifying kzg proof: {error}") from error
    if not is_valid:
        raise PrecompileFailed("error verifying kzg proof: proof doesn't match")
    return _OUTPUT
