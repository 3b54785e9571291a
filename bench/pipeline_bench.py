"""
From raw signed transactions to receipts, on all cores: decode, hash, recover senders, execute, encode receipts.

Threads recover the senders of parts of the workload, a few parts ahead; the calling thread executes the parts in order.
Neither holds Python's lock for long. There is no network, no mempool, no log and no state root in it; the checks are
those of `batch_bench`. What each stage takes of one core is measured in the same run, alone.
"""

import gc
import os
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from itertools import pairwise
from statistics import median
from typing import Final

from rich.console import Console
from rich.table import Table

from bench.batch_bench import Ground, heat
from bench.batches import Batch
from bench.engine_bench import Measurement
from evm_jit.engine import Engine
from evm_jit.outcomes import Outcomes
from primitives.transaction_batch import TransactionBatch

PART_SIZE: Final = 2_048  # Transactions that are recovered, and executed, together.
PARTS_AHEAD: Final = 4
CORES: Final = os.cpu_count() or 1


@dataclass(frozen=True)
class Stages:
    """Microseconds of one core that a transaction takes in each stage, medians."""

    workload: str
    decode_us: float
    recover_us: float
    execute_us: float

    @property
    def total_us(self) -> float:
        """In all of them."""
        return self.decode_us + self.recover_us + self.execute_us


def measure_pipeline(
    engine: Engine, batch: Batch, repetitions: int, tick: Callable[[], None]
) -> tuple[Measurement, Stages]:
    """Take `batch` through all stages `repetitions` times, from the same state each time."""
    ground = Ground(batch.state)
    raws = [transaction.raw for transaction in batch.transactions]
    execute(engine, batch, raws)
    batch.check(batch.state)
    expected = ground.restore()
    heat(engine, lambda: (execute(engine, batch, raws), ground.restore()))
    seconds, stages = [], []
    gas_used = 0
    for _ in range(repetitions):
        gc.collect()
        began = time.perf_counter()
        outcomes = execute(engine, batch, raws)
        seconds.append(time.perf_counter() - began)
        assert all(each.succeeded.all() for each in outcomes), f"{batch.name}: a transaction failed"
        assert sum(map(len, outcomes)) == len(raws), f"{batch.name}: a transaction is missing"
        assert ground.restore() == expected, f"{batch.name}: a repetition led to another state"
        gas_used = sum(each.gas_used for each in outcomes)
        stages.append(stage_times(engine, batch, raws[:PART_SIZE]))
        ground.restore()
        tick()
    columns = [median(column) for column in zip(*stages, strict=True)]
    path = f"{engine.name} engine, bytes to receipts, {CORES} cores"
    measurement = Measurement(batch.name, path, len(raws), gas_used, tuple(seconds))
    return measurement, Stages(batch.name, *columns)


def execute(engine: Engine, batch: Batch, raws: Sequence[bytes]) -> list[Outcomes]:
    """All stages: the outcomes of each part."""
    found: list[Outcomes] = []
    gas_used = 0
    with ThreadPoolExecutor(CORES) as threads:
        for part in _recovered(raws, threads):
            outcomes = engine.execute(part, batch.environment, batch.state, gas_used)
            assert isinstance(outcomes, Outcomes), "compiled code executes what is measured here"
            gas_used += outcomes.gas_used
            found.append(outcomes)
    return found


def _recovered(raws: Sequence[bytes], threads: ThreadPoolExecutor) -> Iterator[TransactionBatch]:
    """The parts in order, their senders known."""
    waiting: deque[Future[TransactionBatch]] = deque()
    for start in range(0, len(raws), PART_SIZE):
        waiting.append(threads.submit(_recover, raws[start : start + PART_SIZE]))
        if len(waiting) == PARTS_AHEAD:
            yield waiting.popleft().result()
    while waiting:
        yield waiting.popleft().result()


def _recover(raws: Sequence[bytes]) -> TransactionBatch:
    part = TransactionBatch(raws)
    assert len(part.records) == len(raws)
    return part


def stage_times(engine: Engine, batch: Batch, raws: Sequence[bytes]) -> tuple[float, float, float]:
    """Microseconds of the CPU a transaction to decode and hash, to recover the sender, to execute."""
    marks = [time.thread_time_ns()]
    given = TransactionBatch(raws, batch.senders[: len(raws)])
    assert len(given.records) == len(raws)
    marks.append(time.thread_time_ns())
    part = _recover(raws)
    marks.append(time.thread_time_ns())
    engine.execute(part, batch.environment, batch.state)
    marks.append(time.thread_time_ns())
    decode, recover, run = ((end - begin) / 1_000 / len(raws) for begin, end in pairwise(marks))
    return decode, recover - decode, run


def print_stages(stages: Sequence[Stages], console: Console) -> None:
    """One row a workload: what each stage takes, and its share."""
    table = Table(title="stages, µs of one core a transaction")
    for title in (
        "workload",
        "decode and hash",
        "recover the sender",
        "execute, receipts",
        "all",
        "cores' bound, tx/s",
    ):
        table.add_column(title, justify="left" if title == "workload" else "right")
    for each in stages:
        times = (each.decode_us, each.recover_us, each.execute_us)
        cells = [f"{taken:.2f} ({taken / each.total_us:.0%})" for taken in times]
        table.add_row(each.workload, *cells, f"{each.total_us:.2f}", f"{CORES * 1e6 / each.total_us:,.0f}")
    console.print(table)
