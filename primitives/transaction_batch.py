"""
Many signed transactions in columns: their bytes one behind another, and a record of each for compiled code.

What executes transactions takes such a batch as it is; whoever wants one of them as an object gets it when they ask.
"""

from collections.abc import Callable, Sequence
from functools import cache, cached_property
from typing import Any, Final, overload

import numpy as np
import numpy.typing as npt

from primitives.compiled_calls import INT, compile_call
from primitives.errors import InvalidTransaction
from primitives.secp256k1_calls import libsecp256k1_functions
from primitives.secp256k1_simd.switch import LANES
from primitives.signature_kernels import recover_senders_of
from primitives.signature_record import SIGNATURE
from primitives.transaction import Transaction, decode_transaction
from primitives.transaction_kernels import (
    ADDRESS_SIZE_BYTES,
    DECODED,
    DECODED_TRANSACTION,
    READABLE_BYTES_BEHIND,
    SIGNING_EXTRA_BYTES,
    UNSIGNED,
    decode_many,
)

_NOBODY: Final = bytes(ADDRESS_SIZE_BYTES)


def decode(raw: int, starts: int, count: int, records: int, signing: int) -> int:
    """`transaction_kernels.decode_many`."""
    return decode_many(raw, starts, count, records, signing)  # type: ignore[no-any-return, no-untyped-call]


def recover(
    functions: int, workspace: int, raw: int, starts: int, count: int, records: int, signing: int, signatures: int
) -> int:
    """`signature_kernels.recover_senders_of`."""
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
        count = len(self)
        records = np.zeros(count, DECODED_TRANSACTION)
        signing = np.empty(len(self._raw) + SIGNING_EXTRA_BYTES * count, np.uint8)
        places = self._raw.ctypes.data, self._starts.ctypes.data, count, records.ctypes.data, signing.ctypes.data
        if self._senders is None:
            signatures = np.empty(count, SIGNATURE)
            with LANES.workspace() as workspace:
                recover_call()(_functions().ctypes.data, workspace, *places, signatures.ctypes.data)
            return records
        decode_call()(*places)
        octets = np.frombuffer(b"".join([sender or _NOBODY for sender in self._senders]), np.uint8)
        _sender_octets(records)[:, :] = octets.reshape(count, ADDRESS_SIZE_BYTES)[:, ::-1]
        is_unsigned = np.array([sender is None for sender in self._senders], np.bool_)
        records["status"][is_unsigned & (records["status"] == DECODED)] = UNSIGNED
        return records

    @property
    def senders(self) -> bytes:
        """20 bytes each, in a row; zeros where nobody signed."""
        return _sender_octets(self.records)[:, ::-1].tobytes()

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
            raw = self._raw[self._starts[index] : self._starts[index + 1]].tobytes()
            self._objects[index] = decode_transaction(raw, self._sender(index))
        return self._objects[index]

    def _sender(self, index: int) -> bytes | None:
        """Who signed, None where nobody did."""
        if self._senders is not None:
            return self._senders[index]
        record = self.records[index : index + 1]
        return None if record["status"][0] == UNSIGNED else _sender_octets(record)[0, ::-1].tobytes()


def _sender_octets(records: npt.NDArray[Any]) -> npt.NDArray[np.uint8]:
    """uint8[n, 20], the least significant byte first: a view of the senders in records."""
    octets = records.view(np.uint8).reshape(len(records), DECODED_TRANSACTION.itemsize)
    assert DECODED_TRANSACTION.fields is not None
    start = DECODED_TRANSACTION.fields["sender"][1]
    return octets[:, start : start + ADDRESS_SIZE_BYTES]


def _sender_or_none(transaction: Transaction) -> bytes | None:
    try:
        return transaction.sender
    except InvalidTransaction:
        return None
