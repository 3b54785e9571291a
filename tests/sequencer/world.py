"""
A sequencer in virtual time, with everything real but the clock and the engine.

`ToyEngine` knows transfers only, and a few wonders that a test asks for in the calldata. `World.reopen` is a
restart: only what is on the disk remains.
"""

import random
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from evm_jit.engine import Call, CallResult, Engine, Outcome
from evm_jit.transaction_checks import check_transaction
from primitives.block import BlockEnvironment, SealedBlock
from primitives.chain import ChainConfig
from primitives.errors import InvalidTransaction
from primitives.events import Event
from primitives.mini_block import MiniBlock
from primitives.receipt import Log, Receipt
from primitives.state_diff import EMPTY_ACCOUNT
from primitives.transaction import Transaction
from sequencer.feed import Feed
from sequencer.loop import Sequencer
from sequencer.mempool import Mempool
from statestore.disk import MemoryDisk
from statestore.genesis import Genesis, GenesisAccount, dev_genesis
from statestore.history import History
from statestore.state import State
from statestore.trie import StateTrie
from statestore.view import WorldState
from tests.sequencer.accounts import ADDRESSES

SIGNING_KEY = b"\x77" * 32
MILLISECOND = 10**6
SECOND = 10**9
START_S = 1_700_000_000

# First byte of the calldata; an address follows.
DRAIN = b"\xd0"  # Takes all of its balance.
AUTHORIZE = b"\xa0"  # Raises its nonce, as an authorization of EIP-7702 does.
LOG = b"\x10"
CRASH = b"\xff"


class VirtualClock:
    """Stands still until it is told to go on. `wall_offset_us` is how wrong the wall clock is."""

    def __init__(self) -> None:
        self.elapsed_ns = 0
        self.wall_offset_us = 0

    def now_us(self) -> int:
        return START_S * 10**6 + self.elapsed_ns // 1_000 + self.wall_offset_us

    def monotonic_ns(self) -> int:
        return self.elapsed_ns

    def wait(self, event: threading.Event, deadline_ns: int) -> None:
        if not event.is_set():
            self.elapsed_ns = max(self.elapsed_ns, deadline_ns)


class ToyEngine:
    """`on_execute` is called before each transaction."""

    name = "toy"

    def __init__(self, on_execute: Callable[[Transaction], None] = lambda transaction: None) -> None:
        self.on_execute = on_execute
        self.batches: list[int] = []

    def execute(
        self,
        transactions: Sequence[Transaction],
        environment: BlockEnvironment,
        state: WorldState,
        gas_used_before: int = 0,
    ) -> list[Outcome]:
        self.batches.append(len(transactions))
        outcomes = []
        for transaction in transactions:
            self.on_execute(transaction)
            state.begin_transaction()
            try:
                check_transaction(transaction, environment, state, gas_used_before)
            except InvalidTransaction as error:
                outcomes.append(Outcome(None, error))
                continue
            gas_used_before += 21_000
            outcomes.append(Outcome(self._transfer(transaction, environment, state, gas_used_before)))
        return outcomes

    def call(self, call: Call, environment: BlockEnvironment, state: WorldState) -> CallResult:
        raise NotImplementedError

    def _transfer(
        self, transaction: Transaction, environment: BlockEnvironment, state: WorldState, gas_used: int
    ) -> Receipt:
        sender, to, data = transaction.sender, transaction.to, transaction.data
        assert to is not None
        price = transaction.effective_gas_price(environment.base_fee_per_gas)
        account = state.account(sender)
        assert account is not None
        state.set_nonce(sender, account.nonce + 1)
        state.set_balance(sender, account.balance - transaction.value - 21_000 * price)
        state.set_balance(to, (state.account(to) or EMPTY_ACCOUNT).balance + transaction.value)
        named = data[1:21]
        if data[:1] == DRAIN:
            state.set_balance(named, 0)
        if data[:1] == AUTHORIZE:
            state.set_nonce(named, (state.account(named) or EMPTY_ACCOUNT).nonce + 1)
        if data[:1] == CRASH:
            raise ZeroDivisionError("the engine met its end")
        logs = (Log(to, (bytes(31) + LOG,), data),) if data[:1] == LOG else ()
        return Receipt(transaction.type, True, gas_used, 21_000, logs, price)


class World:
    """
    One node; `chain`, `disk`, `clock` and `engine` may be given, `contracts` are in its genesis, further options go to
    the sequencer.
    """

    def __init__(
        self,
        chain: ChainConfig | None = None,
        disk: MemoryDisk | None = None,
        clock: VirtualClock | None = None,
        engine: Engine | None = None,
        seed: int = 0,
        mempool: Mempool | None = None,
        contracts: Mapping[bytes, GenesisAccount] | None = None,
        **options: int,
    ) -> None:
        self.contracts = contracts or {}
        self.chain = chain or ChainConfig()
        self.disk = disk or MemoryDisk()
        self.clock = clock or VirtualClock()
        self.engine = engine or ToyEngine()
        self.options = options
        self.state = State(seed)
        self.trie = StateTrie()
        self.history = History(self.disk, "fsync")
        self._load()
        self.events: list[Event] = []
        self.sequencer = Sequencer(
            chain=self.chain,
            state=self.state,
            trie=self.trie,
            history=self.history,
            engine=self.engine,
            clock=self.clock,
            net=Feed(),
            rng=random.Random(seed),
            signing_key=SIGNING_KEY,
            mempool=mempool,
            **options,
        )
        self.sequencer.subscribe(self.events.append)

    @property
    def genesis(self) -> Genesis:
        """Of a development chain, but without contracts that were not asked for."""
        genesis = dev_genesis(self.chain, ADDRESSES, 10**18, timestamp=START_S - 5)
        accounts = {address: genesis.alloc[address] for address in ADDRESSES}
        return replace(genesis, alloc={**accounts, **self.contracts})

    def reopen(self, seed: int = 1) -> "World":
        """The node after a restart, with the same clock and disk."""
        return World(self.chain, self.disk, self.clock, self.engine, seed, contracts=self.contracts, **self.options)

    def submit(self, *transactions: Transaction) -> None:
        for transaction in transactions:
            self.sequencer.submit(transaction)

    def step(self, at_ms: float | None = None) -> int:
        """One step, at this moment if it is given."""
        if at_ms is not None:
            self.clock.elapsed_ns = round(at_ms * MILLISECOND)
        return self.sequencer.step()

    def run_until(self, at_ms: float) -> None:
        """Step whenever the sequencer asks for it, up to this moment."""
        end_ns = round(at_ms * MILLISECOND)
        while (due_ns := self.sequencer.step()) <= end_ns:
            self.clock.elapsed_ns = max(self.clock.elapsed_ns, due_ns)
        self.clock.elapsed_ns = end_ns

    def mini_blocks(self) -> list[MiniBlock]:
        found = [self.history.mini_block(number) for number in range(self.history.next_mini_block_number)]
        return [mini_block for mini_block in found if mini_block is not None]

    def blocks(self) -> list[SealedBlock]:
        found = [self.history.sealed_block(number) for number in range(self.history.head.number + 1)]
        return [block for block in found if block is not None]

    def events_of(self, kind: type) -> list:
        return [event for event in self.events if isinstance(event, kind)]

    def _load(self) -> None:
        genesis = self.genesis
        genesis.write_to(self.state)
        self.trie.apply(self.state.seal_genesis())
        if self.history.is_empty:
            self.history.append_block(SealedBlock(genesis.header(self.trie.root()), 0, 0))
        for mini_block in self.mini_blocks():
            self.state.apply(mini_block.state_diff)
            self.state.seal()
            if mini_block.number < self.history.head.version:
                self.trie.apply(mini_block.state_diff)


def with_gas_limit(gas_limit: int) -> ChainConfig:
    return replace(ChainConfig(), gas_limit=gas_limit)
