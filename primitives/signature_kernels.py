"""
Signers of many digests in one call of compiled code, without Python's lock.

The public keys are found in the lanes of the processor's vectors, if there are enough signatures and the processor can
(`secp256k1_simd`), else by libsecp256k1, one by one; what they hash to is computed in lanes anyway. A call works on the
records and on the workspace that it is given and nothing else, so threads may make as many as they like at a time.
"""

# mypy: allow-untyped-defs, allow-untyped-calls

import numpy as np

from primitives.keccak_kernels import keccak256_many_at, write_message
from primitives.kernels_cache import njit, njit_without_lock
from primitives.memory import clear_bytes
from primitives.records import address_of, row_of
from primitives.secp256k1 import N
from primitives.secp256k1_calls import recover_key
from primitives.secp256k1_simd.kernels import recover_in_lanes
from primitives.signature_record import (
    DIGEST_AT,
    INVALID,
    KEY_AT,
    KEY_HASH_AT,
    KEY_SIZE_BYTES,
    NUMBERS_AT,
    POINT_AT,
    SIGNATURE,
    UNDECIDED,
    VALID,
)
from primitives.u256 import load_big_endian
from primitives.wide_integers import Constant, u256

POINT_SIZE_BYTES = KEY_SIZE_BYTES - 1
ORDER, HALF_ORDER = Constant(N), Constant(N // 2)

signature_row = row_of(SIGNATURE)


@njit
def judge_ranges(signatures, count, is_low_s):
    """
    Make signatures INVALID whose numbers are out of range, and all others UNDECIDED.

    signatures, count, is_low_s : int64 scalars, as `recover_signers` takes them
    """
    for index in range(count):
        signature = signature_row(signatures, index, count)
        numbers = address_of(signature) + NUMBERS_AT
        r, s = load_big_endian(numbers), load_big_endian(numbers + 32)
        in_range = r != u256(0) and r < ORDER and s != u256(0) and s < ORDER and (is_low_s == 0 or s <= HALF_ORDER)
        has_parity = signature.y_parity >> 1 == 0  # 0 or 1
        signature.is_valid = UNDECIDED if in_range and has_parity else INVALID


@njit_without_lock
def recover_signers(functions, workspace, signatures, count, is_low_s):
    """
    Find who signed.

    functions : int64     address of what `secp256k1_calls.libsecp256k1_functions` made
    workspace : int64     address of a WORKSPACE that nobody else uses meanwhile; 0 to have libsecp256k1 do everything
    signatures : int64    address of SIGNATURE[count], modified
    is_low_s : int64      whether s in the upper half is refused (EIP-2)
    """
    judge_ranges(signatures, count, is_low_s)
    if workspace != 0 and not recover_in_lanes(functions, workspace, signatures, count):
        judge_ranges(signatures, count, is_low_s)
    messages = np.empty((count, 3), np.int64)
    for index in range(count):
        signature = signature_row(signatures, index, count)
        place = address_of(signature)
        if signature.is_valid == UNDECIDED:
            numbers, key = place + NUMBERS_AT, place + KEY_AT
            is_valid = recover_key(functions, place + DIGEST_AT, signature.y_parity, numbers, key)
            signature.is_valid = VALID if is_valid else INVALID
        size = POINT_SIZE_BYTES if signature.is_valid == VALID else 0
        write_message(messages, index, place + POINT_AT, size, place + KEY_HASH_AT)
    keccak256_many_at(messages)
    for index in range(count):
        signature = signature_row(signatures, index, count)
        if signature.is_valid == INVALID:
            clear_bytes(address_of(signature) + KEY_HASH_AT, 32)
