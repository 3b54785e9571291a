"""
Blocks on the native engine with and without machine code of contracts: the same transactions, from the same state.

The tiers begin with nothing compiled and nothing on disk. The first blocks are timed one behind the other while a
process apart compiles ("from a cold start"): repetitions by the interpreter and loading are in them. Then, when nothing
waits for the compiler any more and the first runs of what it made were repeated, blocks with and without tiers
alternate ("warm"). Times are of the CPU, of the thread that executes; what the compiler's process takes is told beside
them. Receipts and what was written must be equal.
"""

import gc
import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from rich.console import Console
from rich.table import Table

from bench.batch_bench import Ground, Values, check_against_reference, execute, heat
from bench.batches import Batch
from evm_jit.compiler.compile_queue import CompileQueue, Ready, Refused
from evm_jit.compiler.fingerprint import fingerprint
from evm_jit.compiler.live_tiers import LiveTiers
from evm_jit.compiler.loading import LoadedCode, load_object
from evm_jit.engine import Engine
from evm_jit.engines import make_engine
from evm_jit.native import NativeEngine
from primitives.receipt import Receipt

COLD_BLOCKS: Final = 10
HEATING_BLOCKS: Final = 10  # In most contracts, more than the runs of an object that are all repeated.


class CountedQueue(CompileQueue[LoadedCode]):
    """A queue that keeps nothing on disk, and remembers what was compiled."""

    def __init__(self) -> None:
        super().__init__(fingerprint(), load_object)
        self.compiled: list[Ready[LoadedCode]] = []

    def poll(self) -> list[Ready[LoadedCode] | Refused]:
        """As it is; what is ready is also remembered."""
        found = super().poll()
        self.compiled += [each for each in found if isinstance(each, Ready)]
        return found


@dataclass(frozen=True)
class TierComparison:
    """
    One block: nanoseconds of each run, of the first blocks with tiers and of the alternating ones.

    object_count, compiler_ns : what was compiled, in both tiers, and what its process took for it
    """

    workload: str
    transaction_count: int
    gas_used: int
    cold_ns: tuple[int, ...]
    interpreter_ns: tuple[int, ...]
    tiers_ns: tuple[int, ...]
    object_count: int
    compiler_ns: int

    @property
    def warm_ratio(self) -> float:
        """How many times as fast blocks are with tiers, the median of all pairs."""
        return statistics.median(slow / fast for slow, fast in zip(self.interpreter_ns, self.tiers_ns, strict=True))

    @property
    def cold_ratio(self) -> float:
        """The same of the first blocks together."""
        return len(self.cold_ns) * statistics.median(self.interpreter_ns) / sum(self.cold_ns)


def compare_tiers(batch: Batch, pairs: int, tick: Callable[[], None] = lambda: None) -> TierComparison:
    """Execute `batch` as one block, again and again; `tick` is called after each pair."""
    queue = CountedQueue()
    try:
        return _Blocks(batch).compare(make_engine("interpreter"), NativeEngine(LiveTiers(queue)), queue, pairs, tick)
    finally:
        queue.close()


class _Blocks:
    """A block, and what it must lead to, which the first run tells."""

    def __init__(self, batch: Batch) -> None:
        self._batch = batch
        self._ground = Ground(batch.state)
        self._receipts: list[Receipt] | None = None
        self._written: Values = {}

    def compare(
        self, interpreter: Engine, tiers: NativeEngine, queue: CountedQueue, pairs: int, tick: Callable[[], None]
    ) -> TierComparison:
        check_against_reference(interpreter, self._batch, self._ground)
        gas_used = self._expect(interpreter)
        cold = [self._run(tiers) for _ in range(COLD_BLOCKS)]
        heat(tiers, lambda: self._run(tiers))
        for _ in range(HEATING_BLOCKS):
            self._run(tiers)
        times: dict[Engine, list[int]] = {interpreter: [], tiers: []}
        for index in range(pairs):
            for engine in (interpreter, tiers)[:: 1 if index % 2 else -1]:
                times[engine].append(self._run(engine))
            tick()
        return TierComparison(
            workload=self._batch.name,
            transaction_count=len(self._batch.transactions),
            gas_used=gas_used,
            cold_ns=tuple(cold),
            interpreter_ns=tuple(times[interpreter]),
            tiers_ns=tuple(times[tiers]),
            object_count=len(queue.compiled),
            compiler_ns=sum(each.cpu_ns for each in queue.compiled),
        )

    def _expect(self, engine: Engine) -> int:
        """The gas of the block, each transaction of which must succeed."""
        self._receipts = execute(engine, self._batch, len(self._batch.transactions)).receipts
        self._batch.check(self._batch.state)
        assert all(receipt.succeeded for receipt in self._receipts), f"{self._batch.name}: a transaction failed"
        self._written = self._ground.restore()
        return self._receipts[-1].cumulative_gas_used

    def _run(self, engine: Engine) -> int:
        gc.collect()
        run = execute(engine, self._batch, len(self._batch.transactions))
        assert run.receipts == self._receipts, f"{self._batch.name}: a receipt of the {engine.name} engine differs"
        assert self._ground.restore() == self._written, f"{self._batch.name}: the {engine.name} engine wrote otherwise"
        return run.cpu_ns


def print_tiers(comparisons: Sequence[TierComparison], console: Console) -> None:
    """Two rows a block: the first ones, and those when all is compiled."""
    table = Table(title="native engine with machine code of contracts, against without; receipts and state checked")
    for title in ("block of", "tx", "Mgas", "when", "interpreter µs/tx", "tiers µs/tx", "times as fast", "compiled"):
        table.add_column(title, justify="left" if title in ("block of", "when", "compiled") else "right")
    for each in comparisons:
        interpreter_us = statistics.median(each.interpreter_ns) / 1e3 / each.transaction_count
        blocks_us = [
            (f"first {len(each.cold_ns)} blocks", statistics.fmean(each.cold_ns), each.cold_ratio),
            ("warm", statistics.median(each.tiers_ns), each.warm_ratio),
        ]
        compiled = f"{each.object_count} objects, {each.compiler_ns / 1e9:.1f} s in the compiler's process"
        head = (each.workload, f"{each.transaction_count:,}", f"{each.gas_used / 1e6:,.0f}")
        for index, (when, tiers_ns, ratio) in enumerate(blocks_us):
            cells = (when, f"{interpreter_us:.2f}", f"{tiers_ns / 1e3 / each.transaction_count:.2f}", f"{ratio:.2f}")
            table.add_row(*(("", "", "") if index else head), *cells, "" if index else compiled)
    console.print(table)
