"""
The sequencer: the only writer of the state. It orders, executes, seals and publishes.

Of one transaction's way through it:

1. `admit` (any thread) checks it, queues it and wakes the loop
2. the loop executes what is ready, in order of arrival
3. at most every 10 ms it seals a mini-block: state diff, hash chain, signature
4. the record is appended to the log; only then can anybody see the mini-block: `latest_view`, receipts, events
5. every second it seals a block: state root, transactions and receipts root, header; and opens the next one with its
   system calls

The loop's thread alone touches the engine, the state being written, the trie and the open block. `_lock` guards
the mempool and what is published. After a failure the loop is dead and says so: transactions are refused, reads
go on, and what had not reached the log is never shown.
"""

import logging
import random
import threading
from collections import deque
from collections.abc import Callable, Sequence
from typing import Final

from evm_jit.block_execution import start_block
from evm_jit.engine import Engine
from primitives.block import BlockEnvironment
from primitives.chain import ChainConfig
from primitives.constants import (
    BLOCK_INTERVAL_MS,
    HISTORY_BLOCKS_DEFAULT,
    MEMPOOL_TRANSACTIONS_MAX,
    MINI_BLOCK_INTERVAL_MS,
    TRANSACTION_SIZE_BYTES_MAX,
    ZERO_HASH,
)
from primitives.errors import (
    AlreadyKnown,
    BlockGasExhausted,
    EnginesDiffer,
    InvalidTransaction,
    NonceTooHigh,
    SequencerStopped,
    StorageError,
    StorageUnavailable,
    TransactionTooLarge,
)
from primitives.events import (
    BlockSealed,
    Event,
    MiniBlockSealed,
    SequencerFailed,
    TransactionQueued,
    TransactionRefused,
)
from primitives.mini_block import MiniBlock
from primitives.state_diff import EMPTY_ACCOUNT
from primitives.transaction import Transaction
from sequencer.admission import JudgedBatch, Verdict, queue_refusal
from sequencer.admission_kernels import MAY_ENTER
from sequencer.batch_budget import BatchBudget
from sequencer.block_builder import PARENT_BEACON_BLOCK_ROOT, OpenBlock
from sequencer.fees import suggested_tip
from sequencer.mempool import Mempool, Removed
from sequencer.mini_block_builder import MiniBlockBuilder
from sequencer.ports import Clock, Listener, Publisher
from statestore.history import History
from statestore.state import State
from statestore.trie import StateTrie
from statestore.view import StateView

# Queued and refused ones that listeners have not heard of yet; the oldest are not announced any more.
ANNOUNCEMENTS_MAX: Final = 2 * MEMPOOL_TRANSACTIONS_MAX
DRAIN_S_MAX: Final = 5  # What `stop` gives accepted transactions to be executed.
JOIN_S_MAX: Final = 30  # A last write to a slow disk.

log = logging.getLogger(__name__)


class Sequencer:
    """
    Continues the chain in `history`, whose state, also that of open mini-blocks, is in `state`.

    `trie` holds the state at the last sealed block (a trie that has open mini-blocks too does no harm).
    `signing_key` signs mini-blocks; `rng` gives blocks their prev_randao.
    """

    def __init__(
        self,
        *,
        chain: ChainConfig,
        state: State,
        trie: StateTrie,
        history: History,
        engine: Engine,
        clock: Clock,
        net: Publisher,
        rng: random.Random,
        signing_key: bytes,
        mempool: Mempool | None = None,
        mini_block_interval_ns: int = MINI_BLOCK_INTERVAL_MS * 1_000_000,
        block_interval_ns: int = BLOCK_INTERVAL_MS * 1_000_000,
        history_blocks: int = HISTORY_BLOCKS_DEFAULT,
        batch_budget: BatchBudget | None = None,
    ) -> None:
        assert 0 < mini_block_interval_ns <= block_interval_ns, "a mini-block belongs to one block"
        assert state.version == history.next_mini_block_number, "the state holds exactly the mini-blocks in the log"
        self.chain = chain
        self._state = state
        self._trie = trie
        self._history = history
        self._engine = engine
        self._clock = clock
        self._net = net
        self._rng = rng
        self._signing_key = signing_key
        self._mini_block_interval_ns = mini_block_interval_ns
        self._block_interval_ns = block_interval_ns

        self._lock = threading.Lock()
        self._wake = threading.Event()
        self._thread: threading.Thread | None = None
        self._is_stopping = False
        self._failure: Exception | None = None
        self._announcements: deque[Event] = deque(maxlen=ANNOUNCEMENTS_MAX)

        self._mempool = Mempool() if mempool is None else mempool
        self._published_version = state.version
        self._latest: StateView = state.view_at(state.version)
        self._budget = BatchBudget() if batch_budget is None else batch_budget
        self._versions = self._recent_versions(history_blocks)

        self._mini_block = MiniBlockBuilder()
        self._mini_block_due_ns = clock.monotonic_ns()
        open_mini_blocks = history.open_mini_blocks()
        if open_mini_blocks:
            self._last_timestamp_us = open_mini_blocks[-1].timestamp_us
            self._block = OpenBlock.resume(history.head.header, chain, self._block_hash, open_mini_blocks)
            self._block_due_ns = self._resumed_block_due_ns()
        else:
            self._last_timestamp_us = 0
            self._block = self._open_block()
            self._block_due_ns = self._next_block_due_ns()

    # For any thread.

    def submit(self, transaction: Transaction) -> bytes:
        """Queue one transaction and return its hash; raises InvalidTransaction or as `admit`."""
        outcome = self.admit([transaction.raw])[0]
        if isinstance(outcome, InvalidTransaction):
            raise outcome
        return outcome

    def admit(self, raws: Sequence[bytes]) -> list[bytes | InvalidTransaction]:
        """
        Queue many, as they were sent (EIP-2718): of each, the hash or why it was refused.

        Raises SequencerStopped, or StorageUnavailable after a failed write, when nothing is taken any more.
        """
        self._check_running()
        environment = self._block.environment
        # What is known already, or too long, is said before it costs anything.
        outcomes: list[bytes | InvalidTransaction | None] = [self._refusal_at_once(raw) for raw in raws]
        new = [index for index, outcome in enumerate(outcomes) if outcome is None]
        arrived = JudgedBatch([raws[index] for index in new], environment, self._state, self._published_version)
        arrived.make_objects()  # Before the lock is taken.
        with self._lock:
            self._check_running()
            arrived.follow(self._published_version)
            now_ns = self._clock.monotonic_ns()
            for place, verdict in enumerate(arrived.verdicts):
                if verdict.code == MAY_ENTER:
                    transaction = arrived.transactions[place]
                    outcomes[new[place]] = self._queue(transaction, verdict, environment.base_fee_per_gas, now_ns)
        self._wake.set()
        for place, index in enumerate(new):
            outcomes[index] = outcomes[index] or arrived.refusal(place)
        return [outcome for outcome in outcomes if outcome is not None]

    def latest_view(self) -> StateView:
        """The state after the newest mini-block that is in the log: what `latest` means."""
        return self._latest

    @property
    def published_version(self) -> int:
        """The version of `latest_view`."""
        return self._published_version

    def environment(self) -> BlockEnvironment:
        """The environment of the open block."""
        return self._block.environment

    @property
    def base_fee_per_gas(self) -> int:
        """The open block's, in wei."""
        return self._block.environment.base_fee_per_gas

    def suggested_tip(self) -> int:
        """The priority fee to recommend, in wei."""
        return suggested_tip(self.chain)

    def pending_nonce(self, address: bytes) -> int:
        """The nonce of the next transaction of this sender, after all of its executable ones."""
        with self._lock:
            nonce = self._mempool.open_nonce(address)
            return (self._latest.account(address) or EMPTY_ACCOUNT).nonce if nonce is None else nonce

    def pending_transactions(self) -> list[Transaction]:
        """Everything that was queued and can't be seen in a mini-block yet, in order of arrival."""
        with self._lock:
            return self._mempool.transactions()

    def find_pending(self, transaction_hash: bytes) -> Transaction | None:
        """
        A transaction out of `pending_transactions`.

        One that is not here any more is in the history by then, or was refused: ask here first, then there.
        """
        return self._mempool.find(transaction_hash)

    def subscribe(self, listener: Listener) -> Callable[[], None]:
        """Have `listener` called with each event, in the loop's thread; the result ends that."""
        return self._net.subscribe(listener)

    @property
    def failure(self) -> Exception | None:
        """What stopped the loop, if something did."""
        return self._failure

    @property
    def healthy(self) -> bool:
        """Whether transactions are taken."""
        return self._failure is None and not self._is_stopping

    # The thread.

    def start(self) -> None:
        """Run the loop in a thread of its own."""
        assert self._thread is None, "the loop runs once"
        self._thread = threading.Thread(target=self.run, name="sequencer", daemon=True)
        self._thread.start()

    def run(self) -> None:
        """Step until `stop`, or until a failure, which is logged and kept in `failure`."""
        try:
            while not self._is_stopping:
                deadline_ns = self.step()
                self._clock.wait(self._wake, deadline_ns)
                self._wake.clear()
            self._drain()
        except Exception as error:
            self._fail(error)

    def stop(self) -> None:
        """Take no more transactions, execute what was accepted (for 5 s at most), seal, and end the thread."""
        with self._lock:
            self._is_stopping = True
        self._wake.set()
        if self._thread is not None:
            self._thread.join(JOIN_S_MAX)
            if self._thread.is_alive():
                log.error("the sequencer did not stop within %d s", JOIN_S_MAX)

    def step(self) -> int:
        """
        Do what is due, execute one batch, and return when to come again (monotonic nanoseconds).

        For the loop's thread only. Whatever is raised here has stopped the sequencer for good.
        """
        if self._failure is not None:
            raise self._failure.with_traceback(None)
        try:
            return self._step()
        except Exception as error:
            self._fail(error)
            raise

    def _fail(self, error: Exception) -> None:
        """Stop for good, and log why, once."""
        with self._lock:
            if self._failure is not None:
                return
            self._failure = error
        if isinstance(error, StorageError):
            log.error("the sequencer stopped, nothing more is written: %s", error)
        elif isinstance(error, EnginesDiffer):
            log.error("the sequencer stopped: %s", error)
        else:
            log.error("the sequencer stopped after a fault of its own", exc_info=error)
        self._net.publish(SequencerFailed(_refusal_after(error)))

    def _step(self) -> int:
        if self._clock.monotonic_ns() >= self._block_due_ns:
            self._seal_block()
        self._execute_ready()
        now_ns = self._clock.monotonic_ns()
        if not self._mini_block.is_empty and now_ns >= self._mini_block_due_ns:
            self._seal_mini_block()
        self._announce()
        if self._mempool.has_ready:
            return now_ns
        return self._block_due_ns if self._mini_block.is_empty else min(self._mini_block_due_ns, self._block_due_ns)

    def _drain(self) -> None:
        deadline_ns = self._clock.monotonic_ns() + DRAIN_S_MAX * 10**9
        while self._mempool.has_ready and self._clock.monotonic_ns() < deadline_ns:
            self.step()
        if not self._mini_block.is_empty:
            self._seal_mini_block()
        self._announce()

    # Admission, under the lock.

    def _check_running(self) -> None:
        if self._failure is not None:
            raise _refusal_after(self._failure)
        if self._is_stopping:
            raise SequencerStopped("the node is stopping: no transaction is taken")

    def _refusal_at_once(self, raw: bytes) -> InvalidTransaction | None:
        if len(raw) > TRANSACTION_SIZE_BYTES_MAX:
            return TransactionTooLarge(len(raw), TRANSACTION_SIZE_BYTES_MAX)
        return AlreadyKnown() if self._mempool.has_raw(raw) else None

    def _queue(
        self, transaction: Transaction, verdict: Verdict, base_fee_wei: int, now_ns: int
    ) -> bytes | InvalidTransaction:
        """Queue one that may enter: its hash, or why the mempool refuses it."""
        mempool = self._mempool
        if mempool.has_raw(transaction.raw):
            return AlreadyKnown()
        refusal = queue_refusal(
            transaction, verdict.balance_wei, mempool.cost_wei(transaction.sender, transaction.nonce)
        )
        if refusal is not None:
            return refusal
        try:
            price = transaction.effective_gas_price(base_fee_wei)
            removed = mempool.insert(transaction, verdict.nonce, price, now_ns)
        except InvalidTransaction as error:
            return error.with_traceback(None)
        self._announce_removed(removed)
        self._announcements.append(TransactionQueued(transaction))
        return transaction.hash

    def _announce_removed(self, removed: Sequence[Removed]) -> None:
        self._announcements.extend([TransactionRefused(transaction.hash, error) for transaction, error in removed])

    # Execution.

    def _execute_ready(self) -> None:
        """Execute what has arrived as one batch, as far as the budget goes."""
        gas_used = self._block.gas_used + self._mini_block.gas_used
        environment = self._block.environment
        gas_left = environment.gas_limit - gas_used
        with self._lock:
            announcements = self._take_announcements()
            batch = self._mempool.take(
                self._budget.transactions, environment.base_fee_per_gas, gas_left, self._budget.gas
            )
        for event in announcements:  # Before anybody hears of them in a mini-block.
            self._net.publish(event)
        if not batch:
            return
        began_ns = self._clock.monotonic_ns()
        outcomes = self._engine.execute(batch, environment, self._state, gas_used)
        elapsed_ns = self._clock.monotonic_ns() - began_ns
        self._budget.follow(len(batch), sum(transaction.gas_limit for transaction in batch), elapsed_ns)
        assert len(outcomes) == len(batch), "one outcome for each transaction"
        refused: list[Removed] = []
        for transaction, outcome in zip(batch, outcomes, strict=True):
            if outcome.receipt is not None:
                self._mini_block.add(transaction, outcome.receipt)
            else:
                assert outcome.refusal is not None, "a receipt or a reason"
                refused.append((transaction, outcome.refusal))
        if refused:
            self._settle(refused)

    def _settle(self, refused: Sequence[Removed]) -> None:
        """Transactions that the engine did not execute: some wait, the others are dropped."""
        with self._lock:
            for transaction, error in refused:
                if isinstance(error, BlockGasExhausted):
                    self._mempool.defer(transaction)
                elif isinstance(error, NonceTooHigh):
                    self._mempool.put_back(transaction)
                else:
                    self._mempool.drop(transaction)
                    self._announcements.append(TransactionRefused(transaction.hash, error))
            for sender in dict.fromkeys(transaction.sender for transaction, _ in refused):
                nonce = (self._state.account(sender) or EMPTY_ACCOUNT).nonce
                self._announce_removed(self._mempool.realign(sender, nonce))

    def _announce(self) -> None:
        with self._lock:
            announcements = self._take_announcements()
        for event in announcements:
            self._net.publish(event)

    def _take_announcements(self) -> list[Event]:
        announcements = list(self._announcements)
        self._announcements.clear()
        return announcements

    # Sealing.

    def _seal_mini_block(self) -> None:
        """Close the mini-block, make it last, and only then let it be seen."""
        self._mini_block_due_ns = self._clock.monotonic_ns() + self._mini_block_interval_ns
        state_diff = self._state.seal()
        self._last_timestamp_us = max(self._last_timestamp_us, self._clock.now_us())
        mini_block = self._mini_block.seal(
            number=self._history.next_mini_block_number,
            index=len(self._block.mini_blocks),
            timestamp_us=self._last_timestamp_us,
            parent_hash=self._history.last_mini_block_hash,
            environment=self._block.environment,
            state_diff=state_diff,
            signing_key=self._signing_key,
        )
        assert self._state.version == mini_block.number + 1, "a version for each mini-block"
        self._history.append_mini_block(mini_block, on_durable=self._show_state)
        self._block.add(mini_block)
        self._mini_block = MiniBlockBuilder()
        self._publish(mini_block)

    def _show_state(self) -> None:
        """Readers see the new state."""
        latest = self._state.view_at(self._state.version)
        with self._lock:
            self._latest = latest
            self._published_version = self._state.version

    def _publish(self, mini_block: MiniBlock) -> None:
        """The mempool forgets what everybody can see now, and listeners hear of it."""
        with self._lock:
            self._mempool.release(mini_block.transactions)
            for address, account, _ in mini_block.state_diff.accounts:
                queued_nonce = self._mempool.next_nonce(address)
                nonce = (account or EMPTY_ACCOUNT).nonce
                if queued_nonce is not None and queued_nonce != nonce:
                    self._announce_removed(self._mempool.realign(address, nonce))
        self._net.publish(MiniBlockSealed(mini_block))

    def _seal_block(self) -> None:
        """Close the block, also an empty one, and open the next."""
        if not self._mini_block.is_empty or self._mini_block.has_system_writes:
            self._seal_mini_block()
        block = self._block.seal(self._trie)
        self._history.append_block(block)
        self._block = self._open_block()
        self._block_due_ns = self._next_block_due_ns()
        with self._lock:
            self._mempool.open_block()
            self._announce_removed(self._mempool.expire(self._clock.monotonic_ns()))
        self._versions.append(block.version)
        if self._versions[0] > self._state.oldest_version:
            self._state.discard_before(self._versions[0])
        self._net.publish(BlockSealed(block))

    def _open_block(self) -> OpenBlock:
        """
        The next block, after its system calls.

        What they write waits in the state for the block's first mini-block and becomes part of its diff. A block that
        is resumed has it in its mini-blocks.
        """
        block = OpenBlock.after(
            parent=self._history.head.header,
            chain=self.chain,
            block_hash=self._block_hash,
            now_s=self._clock.now_us() // 1_000_000,
            prev_randao=self._rng.randbytes(32),
            first_mini_block=self._history.next_mini_block_number,
        )
        assert self._mini_block.is_empty, "nothing was executed since the last block"
        self._mini_block.has_system_writes = start_block(
            self._engine, block.environment, self._state, block.parent.hash, PARENT_BEACON_BLOCK_ROOT
        )
        return block

    def _next_block_due_ns(self) -> int:
        """
        When to seal a block that opens now: at a multiple of the interval on the wall clock.

        Thus blocks of one second have timestamps one second apart, and a late seal does not shift the next ones.
        """
        remaining_ns = self._until_boundary_ns()
        # Woken a moment too early, or late by most of an interval: the boundary after that.
        if 2 * remaining_ns < self._block_interval_ns:
            remaining_ns += self._block_interval_ns
        return self._clock.monotonic_ns() + remaining_ns

    def _resumed_block_due_ns(self) -> int:
        """When to seal a block that was open when the process ended: where it would have been, or now."""
        age_ns = self._clock.now_us() * 1_000 - self._block.environment.timestamp * 10**9
        is_overdue = age_ns >= self._block_interval_ns
        return self._clock.monotonic_ns() + (0 if is_overdue else self._until_boundary_ns())

    def _until_boundary_ns(self) -> int:
        return self._block_interval_ns - self._clock.now_us() * 1_000 % self._block_interval_ns

    def _block_hash(self, number: int) -> bytes:
        return self._history.block_hash(number) or ZERO_HASH

    def _recent_versions(self, history_blocks: int) -> deque[int]:
        """State versions of the blocks whose state is kept: the last sealed one and `history_blocks` before it."""
        versions: deque[int] = deque(maxlen=history_blocks + 1)
        head = self._history.head
        for number in range(max(0, head.number - history_blocks), head.number + 1):
            block = self._history.sealed_block(number)
            if block is not None:
                versions.append(block.version)
        return versions


def _refusal_after(failure: Exception) -> StorageUnavailable | SequencerStopped:
    """What clients are told since it stopped the loop."""
    if isinstance(failure, StorageError):
        return StorageUnavailable(str(failure))
    return SequencerStopped("the sequencer stopped after an internal error: no transaction is taken")
