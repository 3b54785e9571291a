"""
Many signed transactions in columns: their bytes one behind another, a record of each for compiled code, the senders.

What executes transactions takes such a batch as it is; whoever wants one of them as an object gets it when they ask.
"""

from collections.abc import Callable, Sequence
from functools import cache, cached_property
from typing import Any, Final, overload

import numpy as np
import numpy.typing as npt

from primitives.compiled_calls import INT, compile_call
from primitives.errors import InvalidTransaction
from primitives.transaction import Transaction, decode_transaction
from primitives.transaction_kernels import (
    DECODED_TRANSACTION,
    READABLE_BYTES_BEHIND,
    SIGNING_EXTRA_BYTES,
    decode_many,
)

ADDRESS_SIZE_BYTES: Final = 20

_NO_SENDER: Final = bytes(ADDRESS_SIZE_BYTES)


def decode(raw: int, starts: int, count: int, records: int, signing: int) -> int:
    """`transaction_kernels.decode_many`."""
    return decode_many(raw, starts, count, records, signing)  # type: ignore[no-any-return, no-untyped-call]


@cache
def decode_call() -> Callable[..., int]:
    """It, compiled or loaded from the disk cache."""
    return compile_call(decode, *[INT] * 5)


class TransactionBatch(Sequence[Transaction]):
    """
    Transactions whose senders are known.

    raws : the envelope of each (EIP-2718)
    senders : 20 bytes each, in a row; zeros where a signature is invalid
    """

    def __init__(self, raws: Sequence[bytes], senders: bytes) -> None:
        assert len(senders) == ADDRESS_SIZE_BYTES * len(raws), "an address for each transaction"
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
        batch = cls([each.raw for each in transactions], b"".join(map(_sender_or_none, transactions)))
        batch._objects = dict(enumerate(transactions))
        return batch

    @cached_property
    def records(self) -> npt.NDArray[Any]:
        """DECODED_TRANSACTION[n], which point into bytes that live as long as the batch."""
        count = len(self)
        records = np.zeros(count, DECODED_TRANSACTION)
        signing = np.empty(len(self._raw) + SIGNING_EXTRA_BYTES * count, np.uint8)
        places = self._raw.ctypes.data, self._starts.ctypes.data, count, records.ctypes.data, signing.ctypes.data
        decode_call()(*places)
        octets = np.frombuffer(self._senders, np.uint8).reshape(count, ADDRESS_SIZE_BYTES)
        limbs = np.zeros((count, records["sender"].itemsize * records["sender"].shape[1]), np.uint8)
        limbs[:, :ADDRESS_SIZE_BYTES] = octets[:, ::-1]
        records["sender"] = limbs.view(np.uint64)
        return records

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
            sender = self._senders[ADDRESS_SIZE_BYTES * index :][:ADDRESS_SIZE_BYTES]
            self._objects[index] = decode_transaction(raw, None if sender == _NO_SENDER else sender)
        return self._objects[index]


def _sender_or_none(transaction: Transaction) -> bytes:
    """Who signed; where nobody did, an address whose checks do not matter, for the signature's fail."""
    try:
        return transaction.sender
    except InvalidTransaction:
        return _NO_SENDER
