"""
Signed transactions of types 0 to 4 decoded in kernels, many in one call: records of fixed size that point into the raw
bytes, with both hashes, computed in the lanes of the processor's vectors.

What is accepted is what `primitives.transaction.decode_transaction` accepts, which has the words for what is not. The
lists in a record (access list, authorizations, blob hashes) have been checked item by item, so that whoever walks them
later, with the functions at the end, need not.
"""

# mypy: allow-untyped-defs, allow-untyped-calls

from typing import Final

import numpy as np

from primitives.keccak_kernels import keccak256_at, keccak256_many_at, write_message
from primitives.kernels_cache import njit, njit_without_lock
from primitives.memory import copy_bytes, load_byte, load_int64, scratch, store_byte
from primitives.records import address_of, offset_of, record_at, row_of
from primitives.rlp_kernels import (
    BAD,
    LIST,
    STRING,
    number_size,
    read_bytes,
    read_list,
    read_number,
    word_of_bytes,
    write_header,
    write_number,
)
from primitives.transaction import ACCESS_LIST, BLOB, DYNAMIC_FEE, LEGACY, SET_CODE, SET_CODE_MAGIC
from primitives.u256 import store_big_endian
from primitives.wide_integers import low_int64, low_uint64, u256

MALFORMED: Final = 0
DECODED: Final = 1
UNSIGNED: Final = 2  # Decoded, but the signature is nobody's.

WORD = (np.uint64, 4)  # least significant limb first
ADDRESS = (np.uint64, 3)
DECODED_TRANSACTION = np.dtype(
    [
        ("status", np.int64),  # MALFORMED, of which nothing else holds, DECODED or UNSIGNED
        ("type", np.int64),
        ("nonce", np.uint64),
        ("gas_limit", np.int64),  # cut off to 63 bits
        ("is_creation", np.int64),
        ("data", np.int64),  # address
        ("data_size", np.int64),
        ("access_list", np.int64),  # address of its first entry
        ("access_list_size", np.int64),  # of all entries, in bytes
        ("access_list_count", np.int64),  # addresses
        ("storage_key_count", np.int64),  # storage keys of all entries
        ("blob_hashes", np.int64),  # address of the first item
        ("blob_hash_count", np.int64),
        ("authorizations", np.int64),  # address of the first entry
        ("authorizations_size", np.int64),
        ("authorization_count", np.int64),
        ("has_chain_id", np.int64),  # a legacy transaction may lack one
        ("y_parity", np.int64),  # 2 for all that is neither 0 nor 1
        ("raw", np.int64),  # address
        ("raw_size", np.int64),
        ("sender", *ADDRESS),  # filled by who knows it
        ("to", *ADDRESS),
        ("value", *WORD),  # wei, as the fees
        ("max_fee", *WORD),
        ("max_priority_fee", *WORD),
        ("max_fee_per_blob_gas", *WORD),
        ("chain_id", *WORD),
        ("r", *WORD),
        ("s", *WORD),
        ("hash", np.uint8, 32),
        ("signing_hash", np.uint8, 32),
    ]
)
AUTHORIZATION = np.dtype(
    [
        ("chain_id", *WORD),
        ("address", *ADDRESS),
        ("nonce", np.uint64),
        ("y_parity", np.int64),  # 2 for all that is neither 0 nor 1
        ("r", *WORD),
        ("s", *WORD),
        ("signing_hash", np.uint8, 32),
    ]
)
HASH_AT, SIGNING_HASH_AT = offset_of(DECODED_TRANSACTION, "hash"), offset_of(DECODED_TRANSACTION, "signing_hash")
RECORD_SIZE_BYTES = DECODED_TRANSACTION.itemsize
AUTHORIZATION_HASH_AT = offset_of(AUTHORIZATION, "signing_hash")
GAS_LIMIT_MAX = (1 << 63) - 1
ADDRESS_SIZE_BYTES, HASH_SIZE_BYTES, NONCE_SIZE_BYTES = 20, 32, 8
ADDRESS_STRIDE, HASH_STRIDE = 1 + ADDRESS_SIZE_BYTES, 1 + HASH_SIZE_BYTES  # As items.
UNPROTECTED_V = 27  # and y parity
PROTECTED_V = 35  # EIP-155: v is 35 + 2 * chain id + y parity.
READABLE_BYTES_BEHIND = 32  # Behind raw bytes, whatever they are: numbers are read as whole words.
SIGNING_EXTRA_BYTES = 64  # A signing payload is no longer than the raw bytes and this.
MAGIC = SET_CODE_MAGIC[0]

transaction_row = row_of(DECODED_TRANSACTION)
as_transaction = record_at(DECODED_TRANSACTION)
as_authorization = record_at(AUTHORIZATION)
authorization_scratch = scratch(128)  # 1 + 2 + 33 + 21 + 9 bytes at most


@njit
def decode_transaction_at(raw, size, record, signing):
    """
    Decode one transaction.

    raw, size : int64       its bytes; READABLE_BYTES_BEHIND more can be read
    record : DECODED_TRANSACTION, zeros; modified, but for its hashes
    signing : int64         room for `size` + SIGNING_EXTRA_BYTES bytes: the payload that was signed

    Returns the size of that payload, BAD if the transaction is malformed.
    """
    record.status, record.raw, record.raw_size = MALFORMED, raw, size
    if size == 0:
        return BAD
    kind, at = load_byte(raw), raw
    if kind >= LIST:
        kind = LEGACY
    elif kind < ACCESS_LIST or kind > SET_CODE:
        return BAD
    else:
        at += 1
    fields, end, following = read_list(at, raw + size)
    if following != raw + size:
        return BAD
    record.type = kind
    signed_end = decode_fields(record, kind, fields, end)
    if signed_end < 0 or decode_signature(record, kind, signed_end, end) != end:
        return BAD
    record.status = DECODED
    return write_signing_payload(record, kind, fields, signed_end, signing)


@njit
def decode_fields(record, kind, at, end):
    """The fields before the signature, in `record` : DECODED_TRANSACTION; where they end (int64), or BAD."""
    record.chain_id = u256(0)
    if kind != LEGACY:
        record.chain_id, at = read_number(at, end, 32)
    nonce, at = read_number(at, end, NONCE_SIZE_BYTES)
    fee, at = read_number(at, end, 32)
    record.nonce, record.max_priority_fee = low_uint64(nonce), fee
    if kind >= DYNAMIC_FEE:
        fee, at = read_number(at, end, 32)
    record.max_fee = fee
    gas_limit, at = read_number(at, end, NONCE_SIZE_BYTES)
    record.gas_limit = low_int64(gas_limit) if gas_limit < u256(GAS_LIMIT_MAX) else GAS_LIMIT_MAX
    to, to_size, at = read_bytes(at, end)
    if at < 0 or to_size not in (0, ADDRESS_SIZE_BYTES):
        return BAD
    record.is_creation, record.to = to_size == 0, word_of_bytes(to, to_size)
    record.value, at = read_number(at, end, 32)
    record.data, record.data_size, at = read_bytes(at, end)
    return at if kind == LEGACY else decode_lists(record, kind, at, end)


@njit
def decode_lists(record, kind, at, end):
    """The access list, and what types 3 and 4 add; where they end (int64), or BAD."""
    record.access_list, access_list_end, at = read_list(at, end)
    if at < 0 or not is_access_list(record, record.access_list, access_list_end):
        return BAD
    record.access_list_size = access_list_end - record.access_list
    if kind == BLOB:
        record.max_fee_per_blob_gas, at = read_number(at, end, 32)
        hashes, hashes_end, at = read_list(at, end)
        record.blob_hashes, record.blob_hash_count = hashes, (hashes_end - hashes) // HASH_STRIDE
        if at < 0 or not is_row_of_hashes(hashes, hashes_end):
            return BAD
    if kind == SET_CODE:
        record.authorizations, authorizations_end, at = read_list(at, end)
        if at < 0 or not is_authorization_list(record, record.authorizations, authorizations_end):
            return BAD
        record.authorizations_size = authorizations_end - record.authorizations
    return at


@njit
def is_row_of_hashes(at, end):
    """Whether from `at` to `end` (int64 addresses) there are items of 32 bytes each."""
    if (end - at) % HASH_STRIDE != 0:
        return False
    wrong_count = 0
    for item in range(at, end, HASH_STRIDE):
        wrong_count += 1 if load_byte(item) != STRING + HASH_SIZE_BYTES else 0
    return wrong_count == 0


@njit
def is_access_list(record, at, end):
    """Whether these are entries [address, [storage key, ...]]; they are counted."""
    record.access_list_count, record.storage_key_count = 0, 0
    while at < end:
        entry, entry_end, at = read_list(at, end)
        _, address_size, keys_at = read_bytes(entry, entry_end)
        keys, keys_end, following = read_list(keys_at, entry_end)
        if at < 0 or following != entry_end or address_size != ADDRESS_SIZE_BYTES:
            return False
        if not is_row_of_hashes(keys, keys_end):
            return False
        record.access_list_count += 1
        record.storage_key_count += (keys_end - keys) // HASH_STRIDE
    return True


@njit
def is_authorization_list(record, at, end):
    """Whether these are entries [chain id, address, nonce, y parity, r, s]; they are counted."""
    record.authorization_count = 0
    while at < end:
        entry, entry_end, at = read_list(at, end)
        if at < 0:
            return False
        _, field = read_number(entry, entry_end, 32)
        _, address_size, field = read_bytes(field, entry_end)
        _, field = read_number(field, entry_end, NONCE_SIZE_BYTES)
        _, field = read_number(field, entry_end, 1)
        _, field = read_number(field, entry_end, 32)
        _, field = read_number(field, entry_end, 32)
        if field != entry_end or address_size != ADDRESS_SIZE_BYTES:
            return False
        record.authorization_count += 1
    return True


@njit
def decode_signature(record, kind, at, end):
    """v, r and s, in `record` : DECODED_TRANSACTION; where they end (int64), or BAD."""
    v, at = read_number(at, end, 32)
    record.r, at = read_number(at, end, 32)
    record.s, at = read_number(at, end, 32)
    record.has_chain_id = 1
    if kind != LEGACY:
        record.y_parity = parity_of(v)
        return at
    if v < PROTECTED_V:
        record.has_chain_id, record.y_parity = 0, low_int64(v) - UNPROTECTED_V
        return at if record.y_parity in (0, 1) else BAD
    v = v - PROTECTED_V
    record.chain_id, record.y_parity = v >> 1, low_int64(v) & 1
    return at


@njit
def parity_of(word):
    """0 or 1 (int64); 2 for every other U256."""
    return low_int64(word) if word < 2 else 2


@njit
def write_signing_payload(record, kind, fields, end, target):
    """Write what was signed (EIP-155 for protected legacy transactions) at `target` (int64); its size."""
    is_protected = kind == LEGACY and record.has_chain_id != 0
    fields_size = end - fields
    extra = number_size(record.chain_id) + 2 if is_protected else 0
    at = target
    if kind != LEGACY:
        store_byte(at, kind)
        at += 1
    at = write_header(at, fields_size + extra, LIST)
    copy_bytes(at, fields, fields_size)
    at += fields_size
    if is_protected:
        at = write_number(at, record.chain_id)
        store_byte(at, STRING)
        store_byte(at + 1, STRING)
        at += 2
    return at - target


@njit_without_lock
def decode_many(raw, starts, count, records, signing):
    """
    Decode transactions that lie one behind another, and hash them.

    raw : int64         address of the first; READABLE_BYTES_BEHIND the last one can be read
    starts : int64      address of int64[count + 1]: where each begins, and the last one ends, from `raw`
    records : int64     address of DECODED_TRANSACTION[count], zeros; modified
    signing : int64     address of scratch, as long as the raw bytes and SIGNING_EXTRA_BYTES for each

    Returns how many are malformed.
    """
    messages = np.empty((2 * count, 3), np.int64)
    malformed = 0
    for index in range(count):
        start, end = load_int64(starts + 8 * index), load_int64(starts + 8 * index + 8)
        payload_size = decode_transaction_at(raw + start, end - start, transaction_row(records, index, count), signing)
        if payload_size < 0:
            malformed += 1
            payload_size = 0
        place = records + index * RECORD_SIZE_BYTES
        write_message(messages, 2 * index, raw + start, end - start, place + HASH_AT)
        write_message(messages, 2 * index + 1, signing, payload_size, place + SIGNING_HASH_AT)
        signing += payload_size
    keccak256_many_at(messages)
    return malformed


@njit
def access_list_entry(at):
    """The entry at `at` (int64) of a decoded access list: a U256, where its first key is, where its last one ends."""
    entry, entry_end, _ = read_list(at, at + (1 << 32))
    keys, keys_end, _ = read_list(entry + ADDRESS_STRIDE, entry_end)
    return word_of_bytes(entry + 1, ADDRESS_SIZE_BYTES), keys, keys_end


@njit
def storage_key(at):
    """The key at `at` (int64) of an access list, a U256; the next one begins HASH_STRIDE bytes behind it."""
    return word_of_bytes(at + 1, HASH_SIZE_BYTES)


@njit
def blob_hash_at(hashes, index):
    """The address (int64) of the 32 bytes of a blob's versioned hash."""
    return hashes + HASH_STRIDE * index + 1


@njit
def read_authorization(at, authorization):
    """
    An entry of a decoded list of authorizations, and the digest that its authority signed (EIP-7702).

    at : int64
    authorization : AUTHORIZATION, modified

    Returns where the next entry begins.
    """
    entry, end, following = read_list(at, at + (1 << 32))
    authorization.chain_id, field = read_number(entry, end, 32)
    address, _, field = read_bytes(field, end)
    authorization.address = word_of_bytes(address, ADDRESS_SIZE_BYTES)
    nonce, signed_end = read_number(field, end, NONCE_SIZE_BYTES)
    authorization.nonce = low_uint64(nonce)
    parity, field = read_number(signed_end, end, 32)
    authorization.y_parity = parity_of(parity)
    authorization.r, field = read_number(field, end, 32)
    authorization.s, field = read_number(field, end, 32)
    message = authorization_scratch()
    store_byte(message, MAGIC)
    payload = write_header(message + 1, signed_end - entry, LIST)
    copy_bytes(payload, entry, signed_end - entry)
    digest = keccak256_at(message, payload + signed_end - entry - message)
    store_big_endian(address_of(authorization) + AUTHORIZATION_HASH_AT, digest)
    return following
