"""
Who sent many transactions, found from their raw bytes in one call of compiled code, without Python's lock.
"""

# mypy: allow-untyped-defs, allow-untyped-calls

from primitives.kernels_cache import njit, njit_without_lock
from primitives.memory import copy_bytes
from primitives.records import address_of
from primitives.signature_kernels import recover_signers, signature_row
from primitives.signature_record import DIGEST_AT, KEY_HASH_AT, NUMBERS_AT, VALID
from primitives.transaction_kernels import DECODED, SIGNING_HASH_AT, UNSIGNED, decode_many, transaction_row
from primitives.u256 import load_big_endian, store_big_endian
from primitives.wide_integers import Constant

ADDRESS_MASK = Constant((1 << 160) - 1)


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


@njit
def name_sender(transaction, signature):
    """Write what is known of a SIGNATURE into its DECODED_TRANSACTION (scalars): the sender, or that there is none."""
    if signature.is_valid == VALID:
        transaction.sender = load_big_endian(address_of(signature) + KEY_HASH_AT) & ADDRESS_MASK
    elif transaction.status == DECODED:
        transaction.status = UNSIGNED


@njit_without_lock
def recover_senders_of(functions, workspace, raw, starts, count, transactions, signing, signatures):
    """
    Decode transactions, hash them, and find who sent them, which the records then tell.

    functions, workspace, signatures : int64         as `recover_signers` takes them
    raw, starts, count, transactions, signing : int64    as `decode_many` takes them
    """
    decode_many(raw, starts, count, transactions, signing)
    for index in range(count):
        ask_for_sender(transaction_row(transactions, index, count), signature_row(signatures, index, count))
    recover_signers(functions, workspace, signatures, count, 1)
    for index in range(count):
        name_sender(transaction_row(transactions, index, count), signature_row(signatures, index, count))
