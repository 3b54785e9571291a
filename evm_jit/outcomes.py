"""
What the transactions of a batch left behind, as compiled code wrote it: records, logs, return data, receipts.

An `Outcome` is made of it for whoever asks for one; the encoded receipts need none.
"""

import ctypes
from collections.abc import Callable, Iterator, Sequence
from functools import cached_property
from struct import Struct
from typing import Any, Final, NamedTuple, overload

import numpy as np
import numpy.typing as npt

from evm_jit.calls import creation_address
from evm_jit.engine import Outcome
from evm_jit.halt_codes import FINISHED, PRECOMPILE_FAILED
from evm_jit.machine import LOG_SIZE_BYTES, RESULT, WORD_SIZE_BYTES, Machine
from evm_jit.native_halts import halt_text
from evm_jit.precompiles.failures import failure_text
from evm_jit.receipts import EMPTY_RECEIPT_SIZE_BYTES_MAX
from primitives.forks import Fork
from primitives.receipt import BLOOM_SIZE_BYTES, Log, Receipt
from primitives.transaction import Transaction
from primitives.transaction_batch import TransactionBatch
from primitives.transaction_kernels import ADDRESS_SIZE_BYTES

_LOG_COUNTS: Final = Struct("<24xqqq")  # Of a LOG: topics, bytes of data, bytes of all.
assert _LOG_COUNTS.size == LOG_SIZE_BYTES


class Result(NamedTuple):
    """A RESULT in Python's numbers; see `machine.RESULT`."""

    halt: int
    gas_used: int
    cumulative_gas_used: int
    gas_price: npt.NDArray[np.uint64]
    logs: int
    logs_end: int
    output: int
    output_size: int
    receipt: int
    receipt_size: int
    bloom: int
    halt_opcode: int
    halt_height: int
    halt_needed: int


assert Result._fields == RESULT.names


class Outcomes(Sequence[Outcome]):
    """
    One outcome for each transaction of a batch, as far as they are known.

    results : RESULT[n], written by compiled code; addresses in it become places in what is kept here
    """

    def __init__(self, batch: TransactionBatch, fork: Fork) -> None:
        self._batch = batch
        self._fork = fork
        self.results: npt.NDArray[Any] = np.zeros(len(batch), RESULT)
        self._count = 0
        self._others: dict[int, Outcome] = {}
        self._logs = bytearray()
        self._outputs = bytearray()
        self._receipts = bytearray()

    def take(self, machine: Machine, encode: Callable[..., int] | None) -> int:
        """
        Keep what the machine's arenas hold of the transactions up to `machine.next`, and empty them.

        encode : `receipts.encode_receipts`, compiled; None where no receipts are wanted

        Returns of how many transactions that is.
        """
        first, self._count = self._count, max(self._count, min(machine["next"], len(self.results)))
        taken = self.results[first : self._count]
        if len(taken) > 0:
            if encode is not None:
                self._encode_receipts(machine, encode, first)
            taken["logs"] += len(self._logs) - machine["logs"]
            taken["logs_end"] += len(self._logs) - machine["logs"]
            taken["output"] += len(self._outputs) - machine["outputs"]
            self._logs += ctypes.string_at(machine["logs"], int(taken["logs_end"][-1]) - len(self._logs))
            self._outputs += ctypes.string_at(machine["outputs"], machine["output_top"] - machine["outputs"])
        machine["log_top"], machine["output_top"] = machine["logs"], machine["outputs"]
        return len(taken)

    def append(self, outcome: Outcome) -> None:
        """The next transaction's, which compiled code did not execute."""
        self._others[self._count] = outcome
        self._count += 1

    @property
    def succeeded(self) -> npt.NDArray[np.bool_]:
        """bool[n]: which transactions ended without an exception."""
        succeeded: npt.NDArray[np.bool_] = self.results["halt"] == FINISHED
        for index, other in self._others.items():
            succeeded[index] = other.receipt is not None and other.receipt.succeeded
        return succeeded

    @property
    def gas_used(self) -> int:
        """By all of them."""
        others = [other.receipt.gas_used for other in self._others.values() if other.receipt is not None]
        return int(self.results["gas_used"].sum()) + sum(others)

    def receipt(self, index: int) -> bytes:
        """A receipt as the receipts root commits to it; of a transaction that has one."""
        if index in self._others:
            other = self._others[index].receipt
            assert other is not None, "a refused transaction has no receipt"
            return other.raw
        place, size = (int(number) for number in self.results[["receipt", "receipt_size"]][index])
        return bytes(self._receipts[place : place + size])

    def __len__(self) -> int:
        """How many are known."""
        return self._count

    @overload
    def __getitem__(self, index: int) -> Outcome: ...

    @overload
    def __getitem__(self, index: slice) -> list[Outcome]: ...

    def __getitem__(self, index: int | slice) -> Outcome | list[Outcome]:
        """As objects, made anew each time."""
        if isinstance(index, slice):
            return [self[each] for each in range(*index.indices(self._count))]
        index = range(self._count)[index]
        return self._others[index] if index in self._others else self._outcome(index)

    def __iter__(self) -> Iterator[Outcome]:
        """All that are known, as objects."""
        for index in range(self._count):
            yield self._others[index] if index in self._others else self._outcome(index)

    @cached_property
    def _rows(self) -> list[tuple[Any, ...]]:
        """The records as tuples of numbers."""
        rows: list[tuple[Any, ...]] = self.results.tolist()
        return rows

    def _encode_receipts(self, machine: Machine, encode: Callable[..., int], first: int) -> None:
        count, taken = len(self.results), self.results[first : self._count]
        room = machine["log_top"] - machine["logs"] + EMPTY_RECEIPT_SIZE_BYTES_MAX * len(taken)
        receipts = np.empty(room, np.uint8)
        start = receipts.ctypes.data
        places = self._batch.records.ctypes.data, self.results.ctypes.data
        end = encode(*places, first, self._count, count, start)
        assert end - start <= room, "the receipts fit into the room for them"
        taken["receipt"] += len(self._receipts) - start
        taken["bloom"] += len(self._receipts) - start
        self._receipts += receipts[: end - start].data

    def _outcome(self, index: int) -> Outcome:
        result = Result(*self._rows[index])
        transaction = self._batch[index]
        is_creation = transaction.to is None
        receipt = object.__new__(Receipt)
        # As the constructor of a frozen class does it, at a fifth of the time.
        receipt.__dict__.update(
            type=transaction.type,
            succeeded=result.halt == FINISHED,
            cumulative_gas_used=result.cumulative_gas_used,
            gas_used=result.gas_used,
            logs=self._logs_at(result.logs, result.logs_end),
            effective_gas_price=int.from_bytes(result.gas_price.tobytes(), "little"),
            contract_address=creation_address(transaction.sender, transaction.nonce) if is_creation else None,
        )
        if result.receipt_size > 0:
            raw = bytes(self._receipts[result.receipt : result.receipt + result.receipt_size])
            bloom = bytes(self._receipts[result.bloom : result.bloom + BLOOM_SIZE_BYTES])
            receipt.__dict__.update(raw=raw, bloom=bloom)
        output = bytes(self._outputs[result.output : result.output + result.output_size])
        return Outcome(receipt, output=output, halt=self._halt_text(result, transaction))

    def _halt_text(self, result: "Result", transaction: Transaction) -> str | None:
        if result.halt == PRECOMPILE_FAILED:
            assert transaction.to is not None
            return failure_text(int.from_bytes(transaction.to, "big"), self._fork, transaction.data)
        return halt_text(result.halt, result.halt_opcode, result.halt_height, result.halt_needed)

    def _logs_at(self, at: int, end: int) -> tuple[Log, ...]:
        """The logs that lie one behind another."""
        logs = []
        octets = self._logs
        while at < end:
            topic_count, data_size, size = _LOG_COUNTS.unpack_from(octets, at)
            topics_at = at + LOG_SIZE_BYTES
            data_at = topics_at + WORD_SIZE_BYTES * topic_count
            topics = tuple(
                bytes(octets[start : start + WORD_SIZE_BYTES]) for start in range(topics_at, data_at, WORD_SIZE_BYTES)
            )
            address = bytes(octets[at : at + ADDRESS_SIZE_BYTES])[::-1]
            logs.append(Log(address, topics, bytes(octets[data_at : data_at + data_size])))
            at += size
        return tuple(logs)
