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

from primitives.secp256k1_simd.machine_code import is_supported
from primitives.secp256k1_simd.work_area import SIGNATURES_IN_UNIT
from primitives.transaction import Transaction
from primitives.transaction_batch import TransactionBatch
from primitives.transaction_kernels import ADDRESS_SIZE_BYTES, DECODED

THREAD_COUNT: Final = os.cpu_count() or 1
# Transactions for a thread, a multiple of what is recovered side by side. To wake one up costs as much as to recover
# two senders one by one, or sixteen in lanes.
SHARE_STEP: Final = SIGNATURES_IN_UNIT if is_supported() else 1
SHARE_MIN: Final = 2 * SHARE_STEP if is_supported() else 8


def recover_senders(transactions: Sequence[Transaction]) -> None:
    """Have each transaction know its sender, if its signature is valid; the calling thread does its share."""
    unknown = [each for each in transactions if not each.known_sender and "sender" not in each.__dict__]
    size = max(SHARE_MIN, -(-len(unknown) // (THREAD_COUNT * SHARE_STEP)) * SHARE_STEP)
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


def _recover(transactions: list[Transaction]) -> None:
    batch = TransactionBatch([transaction.raw for transaction in transactions])
    records, senders = batch.records, batch.senders
    hashes, signing_hashes = records["hash"].tobytes(), records["signing_hash"].tobytes()
    for index, status in enumerate(records["status"].tolist()):
        # Another parity may have been encoded as another chain id.
        if status == DECODED and transactions[index].y_parity in (0, 1):
            place = slice(32 * index, 32 * index + 32)
            transactions[index].__dict__.update(
                hash=hashes[place],
                signing_hash=signing_hashes[place],
                sender=senders[ADDRESS_SIZE_BYTES * index : ADDRESS_SIZE_BYTES * (index + 1)],
            )
