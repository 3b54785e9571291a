"""
Senders of many transactions at once: in compiled code without Python's lock, on all cores.

A transaction remembers its sender, and both of its hashes, which compiled code has to compute anyway. One whose
signature is invalid remembers nothing: whoever asks it for its sender is told what is wrong.
"""

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import Final

import numpy as np
import numpy.typing as npt

from primitives.secp256k1_calls import libsecp256k1_functions
from primitives.secp256k1_simd.switch import LANES
from primitives.signature_kernels import recover_senders_of
from primitives.signature_record import SIGNATURE
from primitives.transaction import Transaction
from primitives.transaction_kernels import DECODED_TRANSACTION, READABLE_BYTES_BEHIND, SIGNING_EXTRA_BYTES

THREAD_COUNT: Final = os.cpu_count() or 1
SHARE_MIN: Final = 8  # Transactions for a thread: to wake one up costs as much as to recover a sender or two.


def recover_senders(transactions: Sequence[Transaction]) -> None:
    """Have each transaction know its sender, if its signature is valid; the calling thread does its share."""
    unknown = [each for each in transactions if not each.known_sender and "sender" not in each.__dict__]
    size = max(SHARE_MIN, -(-len(unknown) // THREAD_COUNT))
    shares = [unknown[start : start + size] for start in range(0, len(unknown), size)]
    others = [_threads().submit(_recover, share) for share in shares[1:]]
    if shares:
        _recover(shares[0])
    for other in others:
        other.result()


def warm_up() -> None:
    """Compile, or load what was compiled before, so that no transaction has to wait for it."""
    _recover([])


@cache
def _threads() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(max(1, THREAD_COUNT - 1), thread_name_prefix="senders")


os.register_at_fork(after_in_child=_threads.cache_clear)  # The threads stay with the parent.


@cache
def _functions() -> npt.NDArray[np.int64]:
    return libsecp256k1_functions()


def _recover(transactions: list[Transaction]) -> None:
    raws = [transaction.raw for transaction in transactions]
    count = len(raws)
    raw = np.frombuffer(b"".join(raws) + bytes(READABLE_BYTES_BEHIND), np.uint8)
    starts = np.zeros(count + 1, np.int64)
    np.cumsum([len(each) for each in raws], out=starts[1:])
    records, signatures = np.zeros(count, DECODED_TRANSACTION), np.empty(count, SIGNATURE)
    signing = np.empty(len(raw) + SIGNING_EXTRA_BYTES * count, np.uint8)
    with LANES.workspace() as workspace:
        recover_senders_of(  # type: ignore[no-untyped-call]
            _functions().ctypes.data,
            workspace,
            raw.ctypes.data,
            starts.ctypes.data,
            count,
            records.ctypes.data,
            signing.ctypes.data,
            signatures.ctypes.data,
        )
    hashes, signing_hashes = records["hash"].tobytes(), records["signing_hash"].tobytes()
    key_hashes = signatures["key_hash"].tobytes()
    for index, is_valid in enumerate(signatures["is_valid"].tolist()):
        # Another parity may have been encoded as another chain id.
        if is_valid and transactions[index].y_parity in (0, 1):
            place = slice(32 * index, 32 * index + 32)
            transactions[index].__dict__.update(
                hash=hashes[place], signing_hash=signing_hashes[place], sender=key_hashes[place][12:]
            )
