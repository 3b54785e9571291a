"""
Signers of many digests in one call of compiled code, without Python's lock.

libsecp256k1 finds the public keys one by one; what they hash to is computed in the lanes of the processor's vectors. A
call works on the records that it is given and nothing else, so threads may make as many as they like at a time.
"""

# mypy: allow-untyped-defs, allow-untyped-calls

import numpy as np

from primitives.keccak_kernels import keccak256_many_at
from primitives.kernels_cache import njit, njit_without_lock
from primitives.memory import clear_bytes, copy_bytes
from primitives.records import address_of, offset_of, row_of
from primitives.secp256k1_calls import KEY_SIZE_BYTES, recover_key
from primitives.signature import SECP256K1_HALF_N
from primitives.transaction_kernels import DECODED, SIGNING_HASH_AT, decode_many, transaction_row
from primitives.u256 import load_big_endian, store_big_endian
from primitives.wide_integers import Constant

SIGNATURE = np.dtype(
    [
        ("y_parity", np.int64),
        ("digest", np.uint8, 32),
        ("numbers", np.uint8, 64),  # r and s, the most significant byte first
        ("is_valid", np.int64),  # the answer, and what follows
        ("key", np.uint8, KEY_SIZE_BYTES),  # 4, x, y
        ("padding", np.uint8, -KEY_SIZE_BYTES % 8),
        ("key_hash", np.uint8, 32),  # its last 20 bytes are the signer's address; zeros if there is none
    ]
)
DIGEST_AT, NUMBERS_AT, KEY_AT, KEY_HASH_AT = (
    offset_of(SIGNATURE, name) for name in ("digest", "numbers", "key", "key_hash")
)
POINT_SIZE_BYTES = KEY_SIZE_BYTES - 1
HIGHEST_LOW_S = Constant(SECP256K1_HALF_N)

signature_row = row_of(SIGNATURE)


@njit_without_lock
def recover_signers(functions, signatures, count, is_low_s):
    """
    Find who signed.

    functions : int64     address of what `secp256k1_calls.libsecp256k1_functions` made
    signatures : int64    address of SIGNATURE[count], modified
    is_low_s : int64      whether s in the upper half is refused (EIP-2)
    """
    messages = np.empty((count, 3), np.int64)
    for index in range(count):
        signature = signature_row(signatures, index, count)
        place = address_of(signature)
        signature.is_valid = 0
        if is_low_s == 0 or load_big_endian(place + NUMBERS_AT + 32) <= HIGHEST_LOW_S:
            numbers, key = place + NUMBERS_AT, place + KEY_AT
            signature.is_valid = recover_key(functions, place + DIGEST_AT, signature.y_parity, numbers, key)
        messages[index, 0], messages[index, 2] = place + KEY_AT + 1, place + KEY_HASH_AT
        messages[index, 1] = POINT_SIZE_BYTES if signature.is_valid != 0 else 0
    keccak256_many_at(messages)
    for index in range(count):
        signature = signature_row(signatures, index, count)
        if signature.is_valid == 0:
            clear_bytes(address_of(signature) + KEY_HASH_AT, 32)


@njit
def ask_for_sender(transaction, signature):
    """Fill in a SIGNATURE from a DECODED_TRANSACTION (scalars); a malformed one gets a parity that nobody has."""
    if transaction.status != DECODED:
        signature.y_parity = 2
        return
    place = address_of(signature)
    signature.y_parity = transaction.y_parity
    copy_bytes(place + DIGEST_AT, address_of(transaction) + SIGNING_HASH_AT, 32)
    store_big_endian(place + NUMBERS_AT, transaction.r)
    store_big_endian(place + NUMBERS_AT + 32, transaction.s)


@njit_without_lock
def recover_senders_of(functions, raw, starts, count, transactions, signing, signatures):
    """
    Decode transactions, hash them, and find who sent them.

    functions, signatures : int64                    as `recover_signers` takes them
    raw, starts, count, transactions, signing : int64    as `decode_many` takes them
    """
    decode_many(raw, starts, count, transactions, signing)
    for index in range(count):
        ask_for_sender(transaction_row(transactions, index, count), signature_row(signatures, index, count))
    recover_signers(functions, signatures, count, 1)
