"""
libsecp256k1 for kernels: its functions called by address, without the GIL, to recover who signed a digest.

The library is the one that coincurve brings. The addresses of its functions and of its context change from process to
process, so kernels get them as data: one table, made by Python.
"""

# mypy: allow-untyped-defs, allow-untyped-calls

from typing import Final

import numpy as np
from coincurve import _libsecp256k1
from coincurve.context import GLOBAL_CONTEXT
from llvmlite import ir
from numpy.typing import NDArray

from primitives.keccak_kernels import keccak256_at
from primitives.kernels_cache import njit
from primitives.memory import foreign_call, load_int64, scratch, store_int64
from primitives.signature_record import KEY_SIZE_BYTES
from primitives.u256 import store_big_endian
from primitives.wide_integers import u256

# The places in the table: the context, then functions.
CONTEXT: Final = 0
FUNCTION_NAMES: Final = (
    "secp256k1_ecdsa_recoverable_signature_parse_compact",
    "secp256k1_ecdsa_recover",
    "secp256k1_ec_pubkey_serialize",
)
PARSE, RECOVER, SERIALIZE = range(1, 4)
ADDRESS_SIZE_BYTES: Final = 8

UNCOMPRESSED: Final = _libsecp256k1.lib.SECP256K1_EC_UNCOMPRESSED

# What the library calls its own structures has 65 (a signature) and 64 bytes (a key).
_signature_scratch, _point_scratch, _numbers_scratch, _key_scratch, _size_scratch = (
    scratch(size_bytes) for size_bytes in (65, 64, 64, KEY_SIZE_BYTES, 8)
)
_INT, _POINTER = ir.IntType(32), ir.IntType(64)
_parse = foreign_call(_INT, (_POINTER, _POINTER, _POINTER, _INT))
_recover = foreign_call(_INT, (_POINTER, _POINTER, _POINTER, _POINTER))
_serialize = foreign_call(_INT, (_POINTER, _POINTER, _POINTER, _POINTER, _INT))


def libsecp256k1_functions() -> NDArray[np.int64]:
    """int64[4]: the addresses of the context and of the functions that kernels call, valid in this process alone."""
    ffi, library = _libsecp256k1.ffi, _libsecp256k1.lib
    pointers = [GLOBAL_CONTEXT.ctx, *(ffi.addressof(library, name) for name in FUNCTION_NAMES)]
    return np.array([int(ffi.cast("uintptr_t", pointer)) for pointer in pointers], dtype=np.int64)


@njit
def recover_key(functions, digest_address, y_parity, numbers, key):
    """
    The public key that signed a digest.

    functions : int64, the address of what `libsecp256k1_functions` made
    digest_address : int64, of 32 bytes
    y_parity : int64; 0 or 1, or no key fits
    numbers : int64, address of r and s, 32 bytes each, the most significant first; s may lie in the upper half
    key : int64, address of 65 bytes, written: 4, x, y

    Returns whether there is one: no key fits some r, and none a number that is out of range (0 < r, s < n).
    """
    if y_parity < 0 or y_parity > 1:
        return False  # The library would end the process.
    context = load_int64(functions + ADDRESS_SIZE_BYTES * CONTEXT)
    parse = load_int64(functions + ADDRESS_SIZE_BYTES * PARSE)
    recover = load_int64(functions + ADDRESS_SIZE_BYTES * RECOVER)
    serialize = load_int64(functions + ADDRESS_SIZE_BYTES * SERIALIZE)
    signature, point, size = _signature_scratch(), _point_scratch(), _size_scratch()
    # The first refuses numbers of n or more, the second those of 0.
    if _parse(parse, context, signature, numbers, y_parity) == 0:
        return False
    if _recover(recover, context, point, signature, digest_address) == 0:
        return False
    store_int64(size, KEY_SIZE_BYTES)
    _serialize(serialize, context, key, size, point, UNCOMPRESSED)
    return True


@njit
def recover_address(functions, digest_address, y_parity, r, s):
    """
    The address whose key signed a digest; 0 if no key fits, or a number is out of range (0 < r, s < n).

    functions, digest_address, y_parity : int64, as `recover_key` takes them
    r, s : U256; s may lie in the upper half

    Returns a U256 below 2^160. Source: Yellow Paper, appendix F, without its rule on s (EIP-2).
    """
    numbers, key = _numbers_scratch(), _key_scratch()
    store_big_endian(numbers, r)
    store_big_endian(numbers + 32, s)
    if not recover_key(functions, digest_address, y_parity, numbers, key):
        return u256(0)
    return address_of_point(key + 1)


@njit
def address_of_point(point_address):
    """The U256 address of the account with a public key of 64 bytes, x and y, at an address (int64)."""
    return (keccak256_at(point_address, 64) << 96) >> 96
