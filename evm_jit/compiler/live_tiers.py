"""
The tiers of a node: contracts that are hot become machine code while transactions go on.

Between batches, what the codes of a state have used is told to `Tiering`, whose rule says what is compiled; what has
been compiled meanwhile goes into the records that kernels read. A transaction that is hot in itself asks in between.

Nothing here waits for the compiler: objects are made, loaded and unloaded elsewhere, and until then the interpreter
runs what it ran before.
"""

import threading
import time
from typing import Any, Final
from weakref import WeakKeyDictionary

import numpy as np

from evm_jit.compiler.builtins import compile_builtins
from evm_jit.compiler.compile_queue import CompileQueue
from evm_jit.compiler.loading import LoadedCode
from evm_jit.compiler.node_queue import open_queue
from evm_jit.compiler.tiering import Change, Contract, Tiering
from evm_jit.tier_table import NEVER_HOT, TierTable
from evm_jit.tiers import REPEATED_FIRST_COUNT
from primitives.forks import Fork
from statestore.partial_state import PartialState
from statestore.state import State

ASKED_GAS: Final = 5_000_000  # In one transaction, some milliseconds of the interpreter.
TOLD_GAS: Final = 10_000  # Less is not worth telling.
WAIT_S: Final = 0.005


class LiveTiers:
    """A `Tiers`; threads may share it, each with its own state. `queue` is opened by who is first to need one."""

    def __init__(self, queue: CompileQueue[LoadedCode] | None = None) -> None:
        self._lock = threading.RLock()
        self._queue = queue
        self._tiering: Tiering[LoadedCode] | None = None
        self._tables: WeakKeyDictionary[State, dict[Fork, TierTable]] = WeakKeyDictionary()
        self._batch_count = 0
        self._is_closed = False
        self._retired: list[LoadedCode] = []  # Frames of a batch that runs may be in it.
        self._in_use: dict[Contract, LoadedCode] = {}

    def warm_up(self) -> None:
        """Compile what machine code of contracts calls, or load it; look what is kept on disk, which takes a while."""
        compile_builtins()
        with self._lock:
            self._known_tiering()

    def close(self) -> None:
        """Compile nothing any more; what is compiled goes on running."""
        with self._lock:
            self._is_closed = True
            if self._queue is not None:
                self._queue.close()

    def begin(self, state: State, fork: Fork) -> TierTable:
        """A batch begins; what is fetched for a call is gone with it, and is interpreted."""
        if isinstance(state, PartialState):
            return TierTable(NEVER_HOT)
        with self._lock:
            self._batch_count += 1
            tables = self._tables.setdefault(state, {})
            table = tables.setdefault(fork, TierTable(ASKED_GAS))
            table.reserve(len(state.tables.codes))
            self._fill(table, state, fork)
            return table

    def end(self, table: TierTable, state: State, fork: Fork) -> None:
        """A batch has ended: count what its codes have used, and take over what was compiled."""
        if isinstance(state, PartialState):
            return
        with self._lock:
            self._batch_count -= 1
            for row in np.flatnonzero(table.records["heat"] >= TOLD_GAS).tolist():
                self._tell(table, row, state, fork)
            self._advance()
            if self._batch_count == 0 and self._retired and self._queue is not None:
                self._queue.unload(self._retired)
                self._retired = []

    def provide(self, frame: Any, table: TierTable, state: State, fork: Fork) -> None:
        """The code of a frame (a FRAME) has used ASKED_GAS in a running batch; the frame finds what there is by now."""
        row = int(frame["code_row"])
        with self._lock:
            self._tell(table, row, state, fork)
            self._advance()
            self._fill(table, state, fork)

    def pin(self, rows: list[int], state: State, fork: Fork, difference: str) -> None:
        """A transaction that ran codes as machine code was repeated by the interpreter, with another result."""
        with self._lock:
            for row in rows:
                self._apply(self._known_tiering().pin(_contract(state, row, fork), difference))

    def wait(self, seconds: float) -> None:
        """Until nothing is being compiled any more, or so long; for benchmarks."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            with self._lock:
                self._advance()
                if self._tiering is None or not self._tiering.is_waiting:
                    return
            time.sleep(WAIT_S)

    def _known_tiering(self) -> Tiering[LoadedCode]:
        if self._tiering is None:
            self._queue = self._queue or open_queue()
            if self._is_closed:
                self._queue.close()
            self._tiering = Tiering(self._queue, self._code_of)
        return self._tiering

    def _code_of(self, code_hash: bytes) -> bytes | None:
        for state in list(self._tables):
            if state.code_row(code_hash) > 0:
                return state.code(code_hash)
        return None

    def _tell(self, table: TierTable, row: int, state: State, fork: Fork) -> None:
        heat = int(table.records["heat"][row])
        table.records["heat"][row] = 0
        self._known_tiering().add_work(_contract(state, row, fork), heat)

    def _advance(self) -> None:
        if self._tiering is not None:
            self._apply(self._tiering.advance())

    def _apply(self, changes: list[Change[LoadedCode]]) -> None:
        for contract, loaded, retired in changes:
            if retired is not None:
                self._retired.append(retired)
            if loaded is None:
                self._in_use.pop(contract, None)
            else:
                self._in_use[contract] = loaded
            for state, tables in self._tables.items():
                row = state.code_row(contract.code_hash)
                if row > 0 and contract.fork in tables:
                    self._install(tables[contract.fork], row, contract)

    def _fill(self, table: TierTable, state: State, fork: Fork) -> None:
        """Have a table know what is compiled already of the codes that the state got since."""
        count = int(state.tables.counters["code_count"][0])
        for row in range(table.filled_count, count) if self._in_use else ():
            contract = _contract(state, row, fork)
            if contract in self._in_use and table.records["entry"][row] == 0:
                self._install(table, row, contract)
        table.filled_count = count

    def _install(self, table: TierTable, row: int, contract: Contract) -> None:
        if row >= len(table.records):
            return  # A batch of another thread works on the records: who grows them fills them.
        loaded = self._in_use.get(contract)
        # The entry last: whoever sees it counts runs down.
        table.records["runs_left"][row], table.records["first_left"][row] = 1, REPEATED_FIRST_COUNT
        table.records["entry"][row] = 0 if loaded is None else loaded.address


def _contract(state: State, row: int, fork: Fork) -> Contract:
    return Contract(state.tables.codes["hash"][row].tobytes()[::-1], fork)
