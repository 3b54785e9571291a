"""
A node: the sequencer and the JSON-RPC service over one state, put together.

1. settings, dev accounts, genesis; the port is tried
2. kernels are compiled, or loaded from the disk cache
3. the chain is opened: newest checkpoint and the records behind it
4. the sequencer's thread runs; the main thread serves JSON-RPC until a signal
5. the way back: no more requests, what was accepted is executed and sealed, a checkpoint, the data directory closed
"""

import gc
import logging
import random
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from threading import Thread
from typing import Final

from evm_jit.engine import Engine
from evm_jit.engines import make_engine
from primitives.block import BlockEnvironment
from primitives.chain import ChainConfig
from primitives.errors import DatadirCorrupt, EnginesDiffer, InvalidTransaction, LeveretError, StorageError
from primitives.events import BlockSealed, Event, SequencerFailed
from primitives.signature import address_of
from primitives.transaction import Transaction
from rpc.app import make_app
from rpc.server import RpcServer, bind
from rpc.settings import RpcSettings
from rpc.wallet import DevWallet
from sequencer.admission import admission_calls
from sequencer.banner import banner
from sequencer.batch_budget import GAS_MAX_FAST, BatchBudget
from sequencer.feed import Feed
from sequencer.loop import Sequencer
from sequencer.ports import Listener, SystemClock
from sequencer.progress import progress
from sequencer.settings import NodeSettings
from sequencer.signing_key import new_signing_key, read_signing_key, write_signing_key
from statestore.checkpoint import Checkpointer
from statestore.genesis import Genesis
from statestore.history import History
from statestore.recovery import OpenChain, open_chain
from statestore.state import State
from statestore.view import StateView

EXIT_OK: Final = 0
EXIT_FAILED: Final = 1
# A thread that computes gives the interpreter away after so long; requests and mini-blocks wait for that.
SWITCH_INTERVAL_S: Final = 0.001
# After so many of the middle generation, one of which comes with each block, follows a collection of everything. The
# history remembers 50,000 transactions: to look at them takes 30 to 60 ms, in which nothing is sealed, and finds
# nothing. What is garbage by then takes memory for some minutes: closed connections leave 20 KB or so.
COLLECTIONS_BEFORE_FULL: Final = 300

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class NodeBackend:
    """What JSON-RPC asks of this node (`rpc.backend.Backend`)."""

    chain: ChainConfig
    state: State
    history: History
    engine: Engine
    wallet: DevWallet | None
    sequencer: Sequencer

    def latest_view(self) -> StateView:
        """The state after the newest mini-block in the log."""
        return self.sequencer.latest_view()

    def submit(self, transaction: Transaction) -> bytes:
        """Queue a transaction; its hash, or InvalidTransaction."""
        return self.sequencer.submit(transaction)

    def admit(self, raws: Sequence[bytes]) -> list[bytes | InvalidTransaction]:
        """Queue many; of each the hash, or why not."""
        return self.sequencer.admit(raws)

    def environment(self) -> BlockEnvironment:
        """Of the block being built."""
        return self.sequencer.environment()

    def pending_nonce(self, address: bytes) -> int:
        """After the transactions that wait without a gap."""
        return self.sequencer.pending_nonce(address)

    def pending_transactions(self) -> Sequence[Transaction]:
        """What waits in the mempool."""
        return self.sequencer.pending_transactions()

    def find_pending(self, transaction_hash: bytes) -> Transaction | None:
        """A transaction that waits in the mempool."""
        return self.sequencer.find_pending(transaction_hash)

    def suggested_tip(self) -> int:
        """In wei."""
        return self.sequencer.suggested_tip()

    def subscribe(self, listener: Listener) -> Callable[[], None]:
        """Every event from now on."""
        return self.sequencer.subscribe(listener)


def run_node(settings: NodeSettings) -> int:
    """Run a node until SIGINT or SIGTERM; the exit code. Raises LeveretError when it can't start."""
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr, format="leveret: %(levelname)s: %(message)s")
    sys.setswitchinterval(SWITCH_INTERVAL_S)
    bind(settings.host, settings.port).close()  # A port in use is said before anything takes time.
    wallet = DevWallet.from_mnemonic(settings.mnemonic, settings.accounts)
    genesis = settings.chain_genesis(wallet.addresses)
    engine = make_engine(settings.engine, settings.data_directory(genesis.config.chain_id) or Path())
    with progress("Compiling kernels (once, they are cached)") as show:
        engine.warm_up(show)
        admission_calls()
    rng = random.SystemRandom()
    opened, signing_key = _open(settings, genesis, rng)
    try:
        return _serve(settings, genesis.config, wallet, engine, opened, signing_key, rng)
    finally:
        engine.close()
        opened.close()


def _open(settings: NodeSettings, genesis: Genesis, rng: random.Random) -> tuple[OpenChain, bytes]:
    """The chain, and the key that signs its mini-blocks."""
    directory = settings.data_directory(genesis.config.chain_id)
    key = None if directory is None else read_signing_key(directory)
    with progress("Reading the chain") as show:
        opened = open_chain(
            directory,
            genesis,
            durability="none" if directory is None else settings.durability,
            history_blocks=settings.history,
            sequencer=None if key is None else address_of(key),
            seed=rng.getrandbits(64),
            on_progress=show,
        )
    if key is None:
        key = new_signing_key(rng)
        if directory is not None:
            if opened.history.next_mini_block_number:
                opened.close()
                raise DatadirCorrupt(
                    f"{directory} has mini-blocks but not the key that signs them: restore sequencer.key from a copy"
                )
            write_signing_key(directory, key)
    return opened, key


def _serve(
    settings: NodeSettings,
    chain: ChainConfig,
    wallet: DevWallet,
    engine: Engine,
    opened: OpenChain,
    signing_key: bytes,
    rng: random.Random,
) -> int:
    sequencer = Sequencer(
        chain=chain,
        state=opened.state,
        trie=opened.trie,
        history=opened.history,
        engine=engine,
        clock=SystemClock(),
        net=Feed(),
        rng=rng,
        signing_key=signing_key,
        mini_block_interval_ns=settings.mini_block_ms * 1_000_000,
        block_interval_ns=settings.block_time_ms * 1_000_000,
        history_blocks=settings.history,
        batch_budget=BatchBudget(GAS_MAX_FAST) if settings.engine == "native" else None,
    )
    backend = NodeBackend(chain, opened.state, opened.history, engine, wallet if wallet.keys else None, sequencer)
    rpc_settings = RpcSettings(vhosts=settings.vhosts, cors_origins=settings.cors)
    server = RpcServer(make_app(backend, rpc_settings), settings.host, settings.port)
    checkpointer = _checkpointer(opened, sequencer)

    def say_ready(port: int) -> None:
        fork = sequencer.environment().fork
        keys = tuple(wallet.keys.values())
        print(banner(settings, chain, fork, keys, port, is_coloured=sys.stdout.isatty()), flush=True)
        if settings.engine == "native":
            Thread(target=warm_up_what_is_rare, name="warm-up", daemon=True).start()

    def hear(event: Event) -> None:
        if isinstance(event, SequencerFailed) and isinstance(sequencer.failure, EnginesDiffer):
            server.stop()  # Whoever asked for the shadow wants to know.

    sequencer.subscribe(hear)
    make_collections_short()
    sequencer.subscribe(collect_after_block)
    sequencer.start()
    try:
        server.run(say_ready)
    finally:
        sequencer.stop()
    _close(checkpointer, sequencer)
    if isinstance(sequencer.failure, EnginesDiffer):
        return EXIT_FAILED  # The log has said it.
    if sequencer.failure is not None:
        print(f"leveret: the node had stopped taking transactions: {sequencer.failure}", file=sys.stderr)
        return EXIT_FAILED
    return EXIT_OK


def make_collections_short() -> None:
    """Have no mini-block wait for Python's garbage; to be called when all that stays is there."""
    gc.collect()
    gc.freeze()  # What is alive now stays alive: no collection has to look at it again.
    first, second, _ = gc.get_threshold()
    gc.set_threshold(first, second, COLLECTIONS_BEFORE_FULL)


def collect_after_block(event: Event) -> None:
    """
    Look at what is young once a block.

    Python counts how many more objects are made than freed. While the history forgets as many as it learns, that says
    nothing, and there are hundreds of thousands of young ones by the time that somebody looks.
    """
    if isinstance(event, BlockSealed):
        gc.collect(1)


def warm_up_what_is_rare() -> None:
    """Load what the native engine leaves to the reference engine and to libraries; who is early waits for it."""
    from evm_jit.native import reference_engine

    reference_engine().warm_up()


def _checkpointer(opened: OpenChain, sequencer: Sequencer) -> Checkpointer | None:
    """Writes checkpoints as blocks are sealed; None for a chain in memory."""
    if opened.datadir is None:
        return None

    def complain(error: StorageError) -> None:
        log.warning("no checkpoint was written, the next start takes longer: %s", error)

    checkpointer = Checkpointer(
        opened.datadir, opened.state, opened.history, age_blocks=opened.checkpoint_age_blocks, on_error=complain
    )

    def hear(event: Event) -> None:
        if isinstance(event, BlockSealed):
            checkpointer.block_sealed(event.block)

    sequencer.subscribe(hear)
    return checkpointer


def _close(checkpointer: Checkpointer | None, sequencer: Sequencer) -> None:
    """A last checkpoint, unless the sequencer failed: then what is on the disk is left alone."""
    if checkpointer is None:
        return
    if sequencer.failure is not None:
        checkpointer.abandon()
        return
    try:
        checkpointer.close()
    except LeveretError as error:
        log.warning("no checkpoint was written, the next start takes longer: %s", error)
