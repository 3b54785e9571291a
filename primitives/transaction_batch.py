"""
Many signed transactions in columns: their bytes one behind another, and a record of each for compiled code.

What executes transactions takes such a batch as it is; whoever wants one of them as an object gets it when they ask.
"""

from collections.abc import Callable, Sequence
from functools import cache, cached_property
from typing import Any, Final, NamedTuple, overload

import numpy as np
import numpy.typing as npt

from primitives.compiled_calls import INT, compile_call
from primitives.errors import InvalidTransaction
from primitives.secp256k1_calls import libsecp256k1_functions
from primitives.secp256k1_simd.switch import LANES
from primitives.sender_kernels import recover_senders_of
from primitives.signature_record import SIGNATURE
from primitives.transaction import DYNAMIC_FEE, Transaction, decode_transaction
from primitives.transaction_kernels import (
    ADDRESS_SIZE_BYTES,
    DECODED,
    DECODED_TRANSACTION,
    GAS_LIMIT_MAX,
    HASH_SIZE_BYTES,
    MALFORMED,
    READABLE_BYTES_BEHIND,
    SIGNING_EXTRA_BYTES,
    UNSIGNED,
    decode_many,
)

_NOBODY: Final = bytes(ADDRESS_SIZE_BYTES)
_WORD_SIZE_BYTES: Final = 32
# In the order in which `_Columns.transaction` takes them.
_NUMBERS: Final = (
    *("status", "type", "nonce", "gas_limit", "is_creation", "has_chain_id", "y_parity"),
    *("raw", "data", "data_size", "access_list_count"),
)
_WORDS: Final = ("value", "max_fee", "max_priority_fee", "chain_id", "r", "s")


def decode(raw: int, starts: int, count: int, records: int, signing: int) -> int:
    """`transaction_kernels.decode_many`."""
    return decode_many(raw, starts, count, records, signing)  # type: ignore[no-any-return, no-untyped-call]


def recover(
    functions: int, workspace: int, raw: int, starts: int, count: int, records: int, signing: int, signatures: int
) -> int:
    """`sender_kernels.recover_senders_of`."""
    recover_senders_of(functions, workspace, raw, starts, count, records, signing, signatures)  # type: ignore[no-untyped-call]
    return 0


@cache
def _functions() -> npt.NDArray[np.int64]:
    return libsecp256k1_functions()


@cache
def decode_call() -> Callable[..., int]:
    """It, compiled or loaded from the disk cache."""
    return compile_call(decode, *[INT] * 5)


@cache
def recover_call() -> Callable[..., int]:
    """It, compiled or loaded from the disk cache."""
    return compile_call(recover, *[INT] * 8)


class Places(NamedTuple):
    """What `transaction_kernels.decode_many` works on: addresses, and how many transactions there are."""

    raw: int
    starts: int
    transaction_count: int
    records: int
    signing: int


class TransactionBatch(Sequence[Transaction]):
    """
    Transactions in order.

    raws : the envelope of each (EIP-2718)
    senders : 20 bytes each, None where nobody signed; without them, they are recovered when `records` is asked for
    """

    def __init__(self, raws: Sequence[bytes], senders: Sequence[bytes | None] | None = None) -> None:
        assert senders is None or len(senders) == len(raws), "an address for each transaction, or none at all"
        self._senders = senders
        self._raw = np.frombuffer(b"".join(raws) + bytes(READABLE_BYTES_BEHIND), np.uint8)
        self._starts = np.zeros(len(raws) + 1, np.int64)
        np.cumsum([len(raw) for raw in raws], out=self._starts[1:])
        self._objects: dict[int, Transaction] = {}

    @classmethod
    def of(cls, transactions: Sequence[Transaction]) -> "TransactionBatch":
        """The same transactions in columns."""
        if isinstance(transactions, TransactionBatch):
            return transactions
        batch = cls([each.raw for each in transactions], [_sender_or_none(each) for each in transactions])
        batch._objects = dict(enumerate(transactions))
        return batch

    @cached_property
    def records(self) -> npt.NDArray[Any]:
        """DECODED_TRANSACTION[n], which point into bytes that live as long as the batch."""
        if self._senders is None:
            self.recover_by(recover_call())
            return self.__dict__["records"]  # type: ignore[no-any-return]
        count = len(self)
        records = np.zeros(count, DECODED_TRANSACTION)
        signing = self._signing_room()
        decode_call()(*self._places(records, signing))
        octets = np.frombuffer(b"".join([sender or _NOBODY for sender in self._senders]), np.uint8)
        _octets(records, "sender")[:, :] = octets.reshape(count, ADDRESS_SIZE_BYTES)[:, ::-1]
        is_unsigned = np.array([sender is None for sender in self._senders], np.bool_)
        records["status"][is_unsigned & (records["status"] == DECODED)] = UNSIGNED
        return records

    def recover_by(self, kernel: Callable[..., int], *more: int) -> int:
        """
        Have `kernel` make the records, which takes what `recover` takes, and `more`; what it returns.

        Whoever has a kernel that does more than to recover senders calls this first, and once.
        """
        assert self._senders is None and "records" not in self.__dict__, "nobody has looked for the senders yet"
        records = np.zeros(len(self), DECODED_TRANSACTION)
        signing, signatures = self._signing_room(), np.empty(len(self), SIGNATURE)
        with LANES.workspace() as workspace:
            places = *self._places(records, signing), signatures.ctypes.data
            status = kernel(_functions().ctypes.data, workspace, *places, *more)
        self.__dict__["records"] = records
        return status

    def _signing_room(self) -> npt.NDArray[np.uint8]:
        return np.empty(len(self._raw) + SIGNING_EXTRA_BYTES * len(self), np.uint8)

    def _places(self, records: npt.NDArray[Any], signing: npt.NDArray[np.uint8]) -> Places:
        raw, starts = self._raw.ctypes.data, self._starts.ctypes.data
        return Places(raw, starts, len(self), records.ctypes.data, signing.ctypes.data)

    @property
    def senders(self) -> bytes:
        """20 bytes each, in a row; zeros where nobody signed."""
        return _octets(self.records, "sender")[:, ::-1].tobytes()

    def __len__(self) -> int:
        """How many there are."""
        return len(self._starts) - 1

    @overload
    def __getitem__(self, index: int) -> Transaction: ...

    @overload
    def __getitem__(self, index: slice) -> list[Transaction]: ...

    def __getitem__(self, index: int | slice) -> Transaction | list[Transaction]:
        """As objects; MalformedTransaction where the bytes are none."""
        if isinstance(index, slice):
            return [self[each] for each in range(*index.indices(len(self)))]
        index = range(len(self))[index]
        if index not in self._objects:
            self._objects[index] = self._columns.transaction(index)
        return self._objects[index]

    @cached_property
    def _columns(self) -> "_Columns":
        return _Columns(self._raw.tobytes(), self._starts, self.records)


class _Columns:
    """The fields of many transactions as Python reads them fast: of each field all in a row."""

    def __init__(self, raw: bytes, starts: npt.NDArray[np.int64], records: npt.NDArray[Any]) -> None:
        self._raw = raw
        self._starts: list[int] = starts.tolist()
        self._numbers: list[tuple[int, ...]] = records[list(_NUMBERS)].tolist()
        self._words = [np.ascontiguousarray(records[name]).tobytes() for name in _WORDS]
        self._hashes = records["hash"].tobytes()
        self._signing_hashes = records["signing_hash"].tobytes()
        self._senders = _octets(records, "sender")[:, ::-1].tobytes()
        self._targets = _octets(records, "to")[:, ::-1].tobytes()

    def transaction(self, index: int) -> Transaction:
        """One as an object; MalformedTransaction where the bytes are none."""
        raw = self._raw[self._starts[index] : self._starts[index + 1]]
        status, kind, nonce, gas_limit, is_creation, has_chain_id, y_parity, *place = self._numbers[index]
        address = slice(ADDRESS_SIZE_BYTES * index, ADDRESS_SIZE_BYTES * (index + 1))
        sender = self._senders[address] if status == DECODED else None
        raw_at, data_at, data_size, access_list_count = place
        is_plain = status != MALFORMED and kind <= DYNAMIC_FEE and access_list_count == 0
        # Of these the record does not tell everything.
        if not is_plain or gas_limit == GAS_LIMIT_MAX or y_parity > 1:
            transaction = decode_transaction(raw, sender)
        else:
            place32 = slice(_WORD_SIZE_BYTES * index, _WORD_SIZE_BYTES * (index + 1))
            value, max_fee, priority_fee, chain_id, r, s = [
                int.from_bytes(each[place32], "little") for each in self._words
            ]
            transaction = object.__new__(Transaction)
            # As the constructor of a frozen class does it, at a fifth of the time.
            transaction.__dict__.update(
                type=kind,
                chain_id=chain_id if has_chain_id else None,
                nonce=nonce,
                max_priority_fee_per_gas=priority_fee,
                max_fee_per_gas=max_fee,
                gas_limit=gas_limit,
                to=None if is_creation else self._targets[address],
                value=value,
                data=raw[data_at - raw_at : data_at - raw_at + data_size],
                y_parity=y_parity,
                r=r,
                s=s,
                access_list=(),
                max_fee_per_blob_gas=0,
                blob_versioned_hashes=(),
                authorization_list=(),
                known_sender=sender,
                raw=raw,
            )
        digest = slice(HASH_SIZE_BYTES * index, HASH_SIZE_BYTES * (index + 1))
        transaction.__dict__["hash"] = self._hashes[digest]
        if y_parity <= 1:  # Another parity may have been encoded as another chain id.
            transaction.__dict__["signing_hash"] = self._signing_hashes[digest]
        if sender is not None:
            transaction.__dict__["sender"] = sender
        return transaction


def _octets(records: npt.NDArray[Any], name: str) -> npt.NDArray[np.uint8]:
    """uint8[n, 20], the least significant byte first: a view of the addresses in a field of records."""
    octets = records.view(np.uint8).reshape(len(records), DECODED_TRANSACTION.itemsize)
    assert DECODED_TRANSACTION.fields is not None
    start = DECODED_TRANSACTION.fields[name][1]
    return octets[:, start : start + ADDRESS_SIZE_BYTES]


def _sender_or_none(transaction: Transaction) -> bytes | None:
    try:
        return transaction.sender
    except InvalidTransaction:
        return None
