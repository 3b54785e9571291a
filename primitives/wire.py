"""
The records of mini-blocks and sealed blocks: what is appended to the log is what replicas receive.

A record is a format version (1 byte), a zstd frame that declares its size, and a checksum over both (BLAKE2b,
16 bytes, personalised by the kind of record). In the frame, values of one kind stand together, in columns:

1. numbers of the mini-block and the counts of transactions, logs, accounts, slots and codes; its hashes
2. transactions: known senders, then the raw bytes
3. receipts, then the logs of all of them
4. the state diff: accounts, then their slots, then codes

A number is its size (1 byte) and its big-endian bytes without leading zeros. Decoding trusts nothing: it ends
in an equal object or in DecodingError. Only the senders are believed, because recovering them is what a restart
must not pay for; whoever can't trust the writer of a record has to compare them.
"""

import hashlib
from collections.abc import Iterable, Sequence
from itertools import islice
from typing import Final

import zstandard

from primitives.block import Header, SealedBlock
from primitives.constants import KECCAK_EMPTY, U64_MAX
from primitives.errors import DecodingError, InvalidSignature, InvalidTransaction
from primitives.mini_block import MiniBlock
from primitives.receipt import Log, Receipt
from primitives.rlp import encode_int
from primitives.state_diff import Account, AccountChange, StateDiff
from primitives.transaction import Transaction, decode_transaction

FORMAT_VERSION: Final = 1
CHECKSUM_SIZE_BYTES: Final = 16
COMPRESSION_LEVEL: Final = 3
# A mini-block may hold a whole block's gas, and 10^9 gas buys 125 MB of log data at 8 gas a byte.
PAYLOAD_SIZE_BYTES_MAX: Final = 256 * 1024 * 1024

_MINI_BLOCK: Final = b"leveret-mini"
_SEALED_BLOCK: Final = b"leveret-block"
_SIGNATURE_SIZES: Final = (0, 65)
_TOPIC_COUNT_MAX: Final = 4

# Flags of a receipt and of an account.
_SUCCEEDED: Final = 1
_CREATED: Final = 2
_EXISTS: Final = 1
_HAS_CODE: Final = 2


def encode_mini_block(mini_block: MiniBlock) -> bytes:
    """The record of a mini-block."""
    diff = mini_block.state_diff
    assert len(mini_block.transactions) == len(mini_block.receipts), "every transaction has a receipt"
    assert diff.disorder() is None, diff.disorder()
    logs = [log for receipt in mini_block.receipts for log in receipt.logs]
    payload = b"".join(
        [
            *_head_columns(mini_block, len(logs)),
            *_transaction_columns(mini_block.transactions),
            *_receipt_columns(mini_block.receipts),
            *_log_columns(logs),
            *_diff_columns(diff),
        ]
    )
    return _seal(_MINI_BLOCK, payload)


def decode_mini_block(record: bytes) -> MiniBlock:
    """The mini-block of a record; DecodingError if a single bit of it is damaged."""
    reader = _Reader(_open(_MINI_BLOCK, record))
    number, block_number, index, timestamp_us, block_timestamp, gas_limit = reader.numbers(6, 8)
    (base_fee_per_gas,) = reader.numbers(1, 32)
    transaction_count, log_count, account_count, slot_count, code_count = reader.numbers(5, 8)
    parent_hash, prev_randao = reader.fixed(2, 32)
    (coinbase,) = reader.fixed(1, 20)
    (signature,) = reader.strings(1)
    if len(signature) not in _SIGNATURE_SIZES:
        raise DecodingError(f"record: signature has {len(signature)} bytes, expected 65 or none")
    transactions = _read_transactions(reader, transaction_count)
    receipts = _read_receipts(reader, transaction_count, log_count)
    state_diff = _read_diff(reader, account_count, slot_count, code_count)
    reader.end()
    return MiniBlock(
        number=number,
        block_number=block_number,
        index=index,
        timestamp_us=timestamp_us,
        parent_hash=parent_hash,
        block_timestamp=block_timestamp,
        gas_limit=gas_limit,
        coinbase=coinbase,
        base_fee_per_gas=base_fee_per_gas,
        prev_randao=prev_randao,
        transactions=transactions,
        receipts=receipts,
        state_diff=state_diff,
        signature=signature,
    )


def encode_sealed_block(block: SealedBlock) -> bytes:
    """The record of a sealed block: its header, and which mini-blocks it is made of."""
    numbers = _numbers([block.first_mini_block, block.mini_block_count])
    return _seal(_SEALED_BLOCK, numbers + _strings([block.header.encode()]))


def decode_sealed_block(record: bytes) -> SealedBlock:
    """The sealed block of a record; DecodingError if a single bit of it is damaged."""
    reader = _Reader(_open(_SEALED_BLOCK, record))
    first_mini_block, mini_block_count = reader.numbers(2, 8)
    (header,) = reader.strings(1)
    reader.end()
    return SealedBlock(Header.decode(header), first_mini_block, mini_block_count)


def _seal(kind: bytes, payload: bytes) -> bytes:
    assert len(payload) <= PAYLOAD_SIZE_BYTES_MAX, "the block gas limit bounds a record"
    # A compressor of its own for each record, as two threads can't share one.
    body = bytes((FORMAT_VERSION,)) + zstandard.ZstdCompressor(level=COMPRESSION_LEVEL).compress(payload)
    return body + _checksum(kind, body)


def _open(kind: bytes, record: bytes) -> bytes:
    """The payload of a record whose checksum is right."""
    if len(record) <= 1 + CHECKSUM_SIZE_BYTES:
        raise DecodingError(f"record: {len(record)} bytes are too few")
    if record[0] != FORMAT_VERSION:
        raise DecodingError(f"record: format version {record[0]}, expected {FORMAT_VERSION}")
    body = record[:-CHECKSUM_SIZE_BYTES]
    if _checksum(kind, body) != record[-CHECKSUM_SIZE_BYTES:]:
        raise DecodingError("record: checksum does not match")
    try:
        size = zstandard.get_frame_parameters(body[1:]).content_size
        if size > PAYLOAD_SIZE_BYTES_MAX:
            raise DecodingError(f"record: declares {size} bytes, at most {PAYLOAD_SIZE_BYTES_MAX} are allowed")
        payload: bytes = zstandard.ZstdDecompressor().decompress(body[1:], allow_extra_data=False)
    except zstandard.ZstdError as error:
        raise DecodingError(f"record: not a zstd frame: {error}") from error
    return payload


def _checksum(kind: bytes, body: bytes) -> bytes:
    return hashlib.blake2b(body, digest_size=CHECKSUM_SIZE_BYTES, person=kind).digest()


def _head_columns(mini_block: MiniBlock, log_count: int) -> list[bytes]:
    diff = mini_block.state_diff
    numbers = [
        mini_block.number,
        mini_block.block_number,
        mini_block.index,
        mini_block.timestamp_us,
        mini_block.block_timestamp,
        mini_block.gas_limit,
    ]
    counts = [
        len(mini_block.transactions),
        log_count,
        len(diff.accounts),
        sum(len(change.storage) for change in diff.accounts),
        len(diff.codes),
    ]
    return [
        _numbers(numbers),
        _numbers([mini_block.base_fee_per_gas], 32),
        _numbers(counts),
        _fixed([mini_block.parent_hash, mini_block.prev_randao], 32),
        _fixed([mini_block.coinbase], 20),
        _strings([mini_block.signature]),
    ]


def _transaction_columns(transactions: Sequence[Transaction]) -> list[bytes]:
    senders = [_sender(transaction) for transaction in transactions]
    return [
        bytes([sender is not None for sender in senders]),
        _fixed([sender for sender in senders if sender is not None], 20),
        _strings([transaction.raw for transaction in transactions]),
    ]


def _sender(transaction: Transaction) -> bytes | None:
    try:
        return transaction.sender
    except InvalidSignature:  # A high s of Frontier's: the reader has to judge it as well.
        return None


def _read_transactions(reader: "_Reader", count: int) -> tuple[Transaction, ...]:
    flags = reader.flags(count, maximum=1)
    known = iter(reader.fixed(flags.count(1), 20))
    senders = [next(known) if flag else None for flag in flags]
    raws = reader.strings(count)
    try:
        return tuple(decode_transaction(raw, sender) for raw, sender in zip(raws, senders, strict=True))
    except InvalidTransaction as error:
        raise DecodingError(f"record: transaction is not one: {error}") from error


def _receipt_columns(receipts: Sequence[Receipt]) -> list[bytes]:
    created = [receipt.contract_address for receipt in receipts if receipt.contract_address is not None]
    surplus = []
    cumulative = 0
    for receipt in receipts:
        # The sum of the gas before is known, so that this is 0 but for a mini-block's first.
        surplus.append((receipt.cumulative_gas_used - cumulative - receipt.gas_used) & U64_MAX)
        cumulative = receipt.cumulative_gas_used
    return [
        bytes(
            [_SUCCEEDED * receipt.succeeded | _CREATED * (receipt.contract_address is not None) for receipt in receipts]
        ),
        bytes([receipt.type for receipt in receipts]),
        _numbers([receipt.gas_used for receipt in receipts]),
        _numbers(surplus),
        _numbers([receipt.effective_gas_price for receipt in receipts], 32),
        _fixed(created, 20),
        _numbers([len(receipt.logs) for receipt in receipts]),
    ]


def _read_receipts(reader: "_Reader", count: int, log_count: int) -> tuple[Receipt, ...]:
    flags = reader.flags(count, maximum=_SUCCEEDED | _CREATED)
    types = reader.flags(count, maximum=0x7F)
    gas_used = reader.numbers(count, 8)
    surplus = reader.numbers(count, 8)
    prices = reader.numbers(count, 32)
    created = iter(reader.fixed(sum(1 for flag in flags if flag & _CREATED), 20))
    log_counts = reader.numbers(count, 8)
    if sum(log_counts) != log_count:
        raise DecodingError(f"record: receipts have {sum(log_counts)} logs, announced are {log_count}")
    logs = iter(_read_logs(reader, log_count))
    receipts = []
    cumulative = 0
    for index in range(count):
        cumulative = (cumulative + gas_used[index] + surplus[index]) & U64_MAX
        receipts.append(
            Receipt(
                type=types[index],
                succeeded=bool(flags[index] & _SUCCEEDED),
                cumulative_gas_used=cumulative,
                gas_used=gas_used[index],
                logs=tuple(islice(logs, log_counts[index])),
                effective_gas_price=prices[index],
                contract_address=next(created) if flags[index] & _CREATED else None,
            )
        )
    return tuple(receipts)


def _log_columns(logs: Sequence[Log]) -> list[bytes]:
    return [
        _fixed([log.address for log in logs], 20),
        bytes([len(log.topics) for log in logs]),
        _fixed([topic for log in logs for topic in log.topics], 32),
        _strings([log.data for log in logs]),
    ]


def _read_logs(reader: "_Reader", count: int) -> list[Log]:
    addresses = reader.fixed(count, 20)
    topic_counts = reader.flags(count, maximum=_TOPIC_COUNT_MAX)
    topics = iter(reader.fixed(sum(topic_counts), 32))
    data = reader.strings(count)
    return [Log(addresses[index], tuple(islice(topics, topic_counts[index])), data[index]) for index in range(count)]


def _diff_columns(diff: StateDiff) -> list[bytes]:
    accounts = [change.account for change in diff.accounts if change.account is not None]
    slots = [slot for change in diff.accounts for slot in change.storage]
    return [
        _fixed([change.address for change in diff.accounts], 20),
        bytes([_account_flags(change.account) for change in diff.accounts]),
        _numbers([account.nonce for account in accounts]),
        _numbers([account.balance for account in accounts], 32),
        _fixed([account.code_hash for account in accounts if account.code_hash != KECCAK_EMPTY], 32),
        _numbers([len(change.storage) for change in diff.accounts]),
        _numbers([key for key, _ in slots], 32),
        _numbers([value for _, value in slots], 32),
        _strings(diff.codes),
    ]


def _account_flags(account: Account | None) -> int:
    if account is None:
        return 0
    return _EXISTS if account.code_hash == KECCAK_EMPTY else _EXISTS | _HAS_CODE


def _read_diff(reader: "_Reader", account_count: int, slot_count: int, code_count: int) -> StateDiff:
    addresses = reader.fixed(account_count, 20)
    flags = reader.flags(account_count, maximum=_EXISTS | _HAS_CODE)
    if _HAS_CODE in flags:
        raise DecodingError("record: a deleted account has code")
    existing_count = sum(1 for flag in flags if flag)
    nonces = iter(reader.numbers(existing_count, 8))
    balances = iter(reader.numbers(existing_count, 32))
    code_hashes = iter(reader.fixed(sum(1 for flag in flags if flag & _HAS_CODE), 32))
    slot_counts = reader.numbers(account_count, 8)
    if sum(slot_counts) != slot_count:
        raise DecodingError(f"record: accounts have {sum(slot_counts)} slots, announced are {slot_count}")
    slots = zip(reader.numbers(slot_count, 32), reader.numbers(slot_count, 32), strict=True)
    changes = []
    for index, flag in enumerate(flags):
        account = None
        if flag:
            code_hash = next(code_hashes) if flag & _HAS_CODE else KECCAK_EMPTY
            account = Account(next(nonces), next(balances), code_hash)
        changes.append(AccountChange(addresses[index], account, tuple(islice(slots, slot_counts[index]))))
    diff = StateDiff(tuple(changes), tuple(reader.strings(code_count)))
    disorder = diff.disorder()
    if disorder is not None:
        raise DecodingError(f"record: {disorder}")
    return diff


def _numbers(values: Iterable[int], size_max: int = 8) -> bytes:
    column = bytearray()
    for value in values:
        data = encode_int(value)
        assert len(data) <= size_max, f"a number of this column has at most {size_max} bytes"
        column.append(len(data))
        column += data
    return bytes(column)


def _fixed(values: Sequence[bytes], size: int) -> bytes:
    assert all(len(value) == size for value in values), f"every value of the column has {size} bytes"
    return b"".join(values)


def _strings(values: Sequence[bytes]) -> bytes:
    return _numbers([len(value) for value in values]) + b"".join(values)


class _Reader:
    """Reads column after column; no count or size makes it take more memory than the payload already has."""

    def __init__(self, payload: bytes) -> None:
        self._payload = payload
        self._position = 0

    def _take(self, size: int) -> bytes:
        end = self._position + size
        if end > len(self._payload):
            raise DecodingError(f"record: {size} bytes expected, {len(self._payload) - self._position} are left")
        data = self._payload[self._position : end]
        self._position = end
        return data

    def end(self) -> None:
        """DecodingError if anything is left."""
        if self._position != len(self._payload):
            raise DecodingError(f"record: {len(self._payload) - self._position} bytes after the last column")

    def flags(self, count: int, maximum: int) -> bytes:
        """A column of `count` small numbers, one byte each."""
        column = self._take(count)
        if column and max(column) > maximum:
            raise DecodingError(f"record: {max(column)} where at most {maximum} can stand")
        return column

    def fixed(self, count: int, size: int) -> list[bytes]:
        """A column of `count` values of `size` bytes."""
        column = self._take(count * size)
        return [column[offset : offset + size] for offset in range(0, len(column), size)]

    def numbers(self, count: int, size_max: int) -> list[int]:
        """A column of `count` numbers of at most `size_max` bytes."""
        values = []
        payload, position = self._payload, self._position
        for _ in range(count):
            if position >= len(payload):
                raise DecodingError("record: number expected, found the end")
            first = position + 1
            position = first + payload[position]
            if position > len(payload) or position - first > size_max:
                raise DecodingError(f"record: number of {position - first} bytes, at most {size_max} allowed")
            if first < position and payload[first] == 0:
                raise DecodingError("record: number has leading zeros")
            values.append(int.from_bytes(payload[first:position], "big"))
        self._position = position
        return values

    def strings(self, count: int) -> list[bytes]:
        """A column of `count` byte strings of any size."""
        return [self._take(size) for size in self.numbers(count, 8)]
