"""
Receipts in kernels: the consensus encoding (EIP-658, EIP-2718) with its bloom, of many transactions in one call.

What sets the bits of the blooms, addresses and topics, is hashed in the lanes of the processor's vectors, some hundred
transactions at a time. `primitives.receipt` says the same in Python.
"""

# mypy: allow-untyped-defs, allow-untyped-calls

import numpy as np

from evm_jit.halt_codes import FINISHED
from evm_jit.machine import LOG_SIZE_BYTES, as_log, result_row
from primitives.keccak_kernels import keccak256_many_at, write_message
from primitives.kernels_cache import njit, njit_without_lock
from primitives.memory import clear_bytes, copy_bytes, load_byte, store_byte
from primitives.receipt import BLOOM_SIZE_BYTES
from primitives.rlp_kernels import LIST, STRING, header_size, number_size, write_header, write_number
from primitives.transaction_kernels import ADDRESS_SIZE_BYTES, ADDRESS_STRIDE, HASH_STRIDE, transaction_row
from primitives.u256 import store_big_endian
from primitives.wide_integers import u256

TOGETHER = 256  # Transactions whose logs are hashed together.
DIGEST_WORDS, ADDRESS_WORDS = 4, 4  # Of a row; the address as a word, of which the last 20 bytes are hashed.
ROW_SIZE_BYTES = 8 * (DIGEST_WORDS + ADDRESS_WORDS)
ADDRESS_AT = 8 * DIGEST_WORDS + 12
BLOOM_BITS = 8 * BLOOM_SIZE_BYTES
BLOOM_ITEM_SIZE_BYTES = 3 + BLOOM_SIZE_BYTES
# Of a receipt beside its logs: type, header, status, gas, the bloom's header and itself, the header of the logs.
EMPTY_RECEIPT_SIZE_BYTES_MAX = 1 + 9 + 1 + 9 + BLOOM_ITEM_SIZE_BYTES + 9


@njit_without_lock
def encode_receipts(transactions, results, first, end, count, target):
    """
    Write the receipts of the transactions from `first` to `end`, of which the results tell the places.

    transactions : int64    address of DECODED_TRANSACTION[count]
    results : int64         address of RESULT[count], whose logs are where they say
    target : int64          room for as many bytes as the logs take in the arena, and EMPTY_RECEIPT_SIZE_BYTES_MAX more
        for each transaction

    Returns where the last one ends.
    """
    while first < end:
        following = min(first + TOGETHER, end)
        target = encode_some(transactions, results, first, following, count, target)
        first = following
    return target


@njit
def encode_some(transactions, results, first, end, count, target):
    """The same for a few; all int64."""
    hashed_count = 0
    for index in range(first, end):
        hashed_count += count_hashed(result_row(results, index, count))
    rows = np.empty((hashed_count, ROW_SIZE_BYTES // 8), np.int64)
    messages = np.empty((hashed_count, 3), np.int64)
    row = 0
    for index in range(first, end):
        row = collect_hashed(result_row(results, index, count), rows, messages, row)
    keccak256_many_at(messages)
    row = 0
    for index in range(first, end):
        result = result_row(results, index, count)
        result.receipt = target
        target, row = write_receipt(transaction_row(transactions, index, count).type, result, target, rows, row)
        result.receipt_size = target - result.receipt
    return target


@njit
def count_hashed(result):
    """How many addresses and topics (int64) are in the logs of a RESULT."""
    hashed_count, at = 0, result.logs
    while at < result.logs_end:
        entry = as_log(at)
        hashed_count += 1 + entry.topic_count
        at += entry.size
    return hashed_count


@njit
def collect_hashed(result, rows, messages, row):
    """
    Ask for the digests of what is in the logs of a RESULT.

    rows : int64[n, 8]        a digest, and the address that is hashed, where it is one
    messages : int64[n, 3]    as `keccak256_many_at` takes them
    row : int64               the first one for this RESULT

    Returns the row behind the last one.
    """
    at, base = result.logs, np.int64(rows.ctypes.data)
    while at < result.logs_end:
        entry, place = as_log(at), base + ROW_SIZE_BYTES * row
        store_big_endian(place + 8 * DIGEST_WORDS, entry.address)
        write_message(messages, row, place + ADDRESS_AT, ADDRESS_SIZE_BYTES, place)
        row += 1
        for index in range(entry.topic_count):
            topic = at + LOG_SIZE_BYTES + 32 * index
            write_message(messages, row, topic, 32, base + ROW_SIZE_BYTES * row)
            row += 1
        at += entry.size
    return row


@njit
def write_receipt(kind, result, target, rows, row):
    """
    Write one receipt.

    kind, target : int64    the transaction's type, and an address
    rows, row               as `collect_hashed` left them

    Returns where the receipt ends, and the row behind its last one.
    """
    logs_size, at = 0, result.logs
    while at < result.logs_end:
        size = log_payload_size(as_log(at), at)
        logs_size += header_size(size) + size
        at += as_log(at).size
    gas = u256(result.cumulative_gas_used)
    size = 1 + number_size(gas) + BLOOM_ITEM_SIZE_BYTES + header_size(logs_size) + logs_size
    if kind != 0:
        store_byte(target, kind)
        target += 1
    target = write_header(target, size, LIST)
    store_byte(target, 1 if result.halt == FINISHED else STRING)
    bloom = write_header(write_number(target + 1, gas), BLOOM_SIZE_BYTES, STRING)
    clear_bytes(bloom, BLOOM_SIZE_BYTES)
    result.bloom = bloom
    target = write_header(bloom + BLOOM_SIZE_BYTES, logs_size, LIST)
    at = result.logs
    while at < result.logs_end:
        entry = as_log(at)
        target = write_log(entry, at, np.int64(rows.ctypes.data) + ROW_SIZE_BYTES * row + ADDRESS_AT, target)
        for _ in range(1 + entry.topic_count):
            set_bits(bloom, rows[row, 0])
            row += 1
        at += entry.size
    return target, row


@njit
def data_item_size(at, size):
    """How many bytes `size` bytes of data at an address (int64) take as an item."""
    return 1 if size == 1 and load_byte(at) < STRING else header_size(size) + size


@njit
def data_of(entry, at):
    """Where (int64) the data of a LOG at an address are."""
    return at + LOG_SIZE_BYTES + 32 * entry.topic_count


@njit
def log_payload_size(entry, at):
    """How many bytes (int64) a LOG at an address takes, without its header."""
    topics_size = HASH_STRIDE * entry.topic_count
    data_size = data_item_size(data_of(entry, at), entry.data_size)
    return ADDRESS_STRIDE + header_size(topics_size) + topics_size + data_size


@njit
def write_log(entry, at, address, target):
    """Write a LOG at an address as an item, with 20 bytes from another address; where it ends (int64)."""
    target = write_header(target, log_payload_size(entry, at), LIST)
    store_byte(target, STRING + ADDRESS_SIZE_BYTES)
    copy_bytes(target + 1, address, ADDRESS_SIZE_BYTES)
    target += ADDRESS_STRIDE
    target = write_header(target, HASH_STRIDE * entry.topic_count, LIST)
    for index in range(entry.topic_count):
        store_byte(target, STRING + 32)
        copy_bytes(target + 1, at + LOG_SIZE_BYTES + 32 * index, 32)
        target += HASH_STRIDE
    data, size = data_of(entry, at), entry.data_size
    if data_item_size(data, size) > 1 or size == 0:
        target = write_header(target, size, STRING)
    copy_bytes(target, data, size)
    return target + size


@njit
def set_bits(bloom, digest):
    """Set the three bits of a digest, whose first eight bytes are an int64, in a bloom at an address (int64)."""
    for pair in range(3):
        high, low = (digest >> (16 * pair)) & 0xFF, (digest >> (16 * pair + 8)) & 0xFF
        bit = ((high << 8) | low) & (BLOOM_BITS - 1)
        place = bloom + BLOOM_SIZE_BYTES - 1 - (bit >> 3)
        store_byte(place, load_byte(place) | (1 << (bit & 7)))
