"""
Opening a chain: the newest usable checkpoint, and the verified records that follow it.

1. The genesis state is computed; its header's hash says whether the data directory is this chain's. The forks must be
   those that its blocks were made by.
2. A checkpoint is chosen that is old enough for the kept states to be readable again, and loaded; a damaged one is
   passed over. Without one the records are replayed from genesis: all of them are kept.
3. The records after it are verified (numbers, parent hashes, environment, signatures) and their state diffs applied.
   The state ends with the open block's mini-blocks, the trie with the last sealed block.
4. The trie's root must be the one in the header of the last sealed block.

Nothing is executed. A chain without a data directory takes the same way over a disk in memory.
"""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Final

from primitives.block import Header, SealedBlock
from primitives.constants import HISTORY_BLOCKS_DEFAULT
from primitives.errors import DatadirCorrupt, DecodingError
from primitives.mini_block import MiniBlock
from primitives.state_diff import Account, AccountChange, StateDiff
from statestore.checkpoint import (
    Manifest,
    age_of,
    checkpoint_numbers,
    load_checkpoint,
    read_manifest,
    remove_unfinished,
)
from statestore.datadir import ChainIdentity, Datadir
from statestore.disk import Disk, MemoryDisk
from statestore.genesis import Genesis
from statestore.history import Durability, History
from statestore.state import State
from statestore.trie import StateTrie

# Up to so many mini-blocks are replayed from genesis for the sake of older states, though there is a checkpoint.
_REPLAY_CHEAP_MINI_BLOCKS: Final = 10_000

Progress = Callable[[int, int], None]


@dataclass
class OpenChain:
    """
    A chain ready to be continued.

    `state.version` is the number of mini-blocks, those of the open block included; `trie` holds the state at the end
    of the last sealed block. `datadir` is None for a chain in memory. `checkpoint_age_blocks` is how much of the chain
    no checkpoint covers, as `Checkpointer` counts.
    """

    state: State
    trie: StateTrie
    history: History
    genesis_header: Header
    datadir: Datadir | None
    checkpoint_age_blocks: float

    def close(self) -> None:
        """Let other processes use the data directory."""
        if self.datadir is not None:
            self.datadir.close()


def open_chain(
    path: Path | None,
    genesis: Genesis,
    *,
    durability: Durability = "fsync",
    history_blocks: int = HISTORY_BLOCKS_DEFAULT,
    sequencer: bytes | None = None,
    seed: int = 0,
    disk: Disk | None = None,
    on_progress: Progress | None = None,
) -> OpenChain:
    """
    Open the chain in the data directory `path`, or begin it there; with None, begin one on `disk` or in memory.

    `sequencer` is the address that must have signed every mini-block (None: signatures are not checked). The states
    of the last `history_blocks` blocks can be read again as far as the checkpoints reach back, which is at least the
    distance between two. `on_progress(done, total)` counts blocks. Raises StorageError's subclasses.
    """
    state, trie = State(seed), StateTrie()
    genesis.write_to(state)
    trie.apply(state.seal_genesis())
    header = genesis.header(trie.root())
    identity = ChainIdentity(genesis.config.chain_id, header.hash, genesis.config.schedule)
    datadir = None if path is None else Datadir(path, identity)
    try:
        history = History(datadir.chain_disk if datadir is not None else disk or MemoryDisk(), durability)
        if history.is_empty:
            history.append_block(SealedBlock(header, 0, 0))
        elif history.block_hash(0) != header.hash:
            raise history.damaged("its first block is not the genesis block")
        start = _Start(0, state, trie)
        newest = 0
        if datadir is not None:
            datadir.check_schedule(header.timestamp, *_last_block(history))
            remove_unfinished(datadir.checkpoints_path)
            manifests = _usable_manifests(datadir, history)
            newest = max(manifests, default=0)
            start = _load_first(datadir, manifests, history, history_blocks, seed) or start
        replay = _Replay(history, start, history_blocks, sequencer)
        age_blocks = replay.run(newest, on_progress)
    except BaseException:
        if datadir is not None:
            datadir.close()
        raise
    return OpenChain(start.state, start.trie, history, header, datadir, age_blocks)


def _last_block(history: History) -> tuple[int, int]:
    """Number and timestamp of the last block, the open one if it has mini-blocks."""
    head = history.head.header
    newest = history.open_mini_blocks()[-1:]
    return (head.number + 1, newest[0].block_timestamp) if newest else (head.number, head.timestamp)


@dataclass(frozen=True)
class _Start:
    """State and trie at the end of a block, from which the records are replayed."""

    block_number: int
    state: State
    trie: StateTrie


def _usable_manifests(datadir: Datadir, history: History) -> dict[int, Manifest]:
    """By block number, the manifests of checkpoints that belong to this chain; DatadirCorrupt if one is ahead of it."""
    manifests: dict[int, Manifest] = {}
    head = history.head
    for number in checkpoint_numbers(datadir.checkpoints_path):
        manifest = read_manifest(datadir, number)
        if manifest is None:
            continue
        if number > head.number:
            raise DatadirCorrupt(
                f"{datadir.chain_disk.path} is damaged (it ends at block {head.number}, but there was a block "
                f"{number}): restore the data directory from a copy, or move {datadir.checkpoints_path / str(number)} "
                f"aside to go on from block {head.number}"
            )
        block = history.sealed_block(number)
        assert block is not None, "sealed blocks are numbered without gaps"
        told = (manifest.block_hash, manifest.state_root, manifest.version)
        if told == (block.hash, block.header.state_root, block.version):
            manifests[number] = manifest
    return manifests


def _load_first(
    datadir: Datadir, manifests: dict[int, Manifest], history: History, history_blocks: int, seed: int
) -> _Start | None:
    """
    The checkpoint to start from, None for genesis: the newest one behind which as many blocks follow as have their
    states kept, or else the oldest, as it makes most states readable.
    """
    newest_wanted = history.head.number - history_blocks
    preferred = sorted((number for number in manifests if number <= newest_wanted), reverse=True)
    if history.next_mini_block_number > _REPLAY_CHEAP_MINI_BLOCKS:
        preferred += sorted(number for number in manifests if number > newest_wanted)
    for number in preferred:
        loaded = load_checkpoint(datadir, manifests[number], seed)
        if loaded is not None:
            return _Start(number, *loaded)
    return None


class _Replay:
    """Verifies the records after a start and applies them to its state and trie."""

    def __init__(self, history: History, start: _Start, history_blocks: int, sequencer: bytes | None) -> None:
        self._history = history
        self._start = start
        self._sequencer = sequencer
        block = history.sealed_block(start.block_number)
        assert block is not None, "a start is the end of a sealed block"
        self._block = block
        self._parent_hash = _hash_at_end(history, block)
        self._versions: deque[int] = deque([block.version], maxlen=history_blocks + 1)

    def run(self, newest_checkpoint: int, on_progress: Progress | None) -> float:
        """
        Replay sealed blocks and then the open mini-blocks; DatadirCorrupt where they contradict each other.

        Returns how old the checkpoint of block `newest_checkpoint` is.
        """
        age_blocks = 0.0
        history, first = self._history, self._start.block_number + 1
        mini_blocks = history.stored_mini_blocks(self._block.version, history.next_mini_block_number - 1)
        net = _NetChanges()
        for block in history.stored_blocks(first, history.head.number):
            self._check_block(block)
            members = list(islice(mini_blocks, block.mini_block_count))
            for index, mini_block in enumerate(members):
                self._check_environment(mini_block, block.header)
                self._apply(mini_block, block.number, index)
                net.add(mini_block.state_diff)
            if sum(mini_block.gas_used for mini_block in members) != block.header.gas_used:
                raise self._contradiction(f"block {block.number} used other gas than its mini-blocks")
            self._block = block
            age_blocks += age_of(block) if block.number > newest_checkpoint else 0
            self._versions.append(block.version)
            self._start.state.discard_before(self._versions[0])
            if on_progress is not None:
                on_progress(block.number - first + 1, history.head.number - first + 1)
        self._start.trie.apply(net.diff())
        if self._start.trie.root() != self._block.header.state_root:
            raise self._contradiction(f"the state at the end of block {self._block.number} has another root")
        for index, mini_block in enumerate(mini_blocks):
            self._apply(mini_block, self._block.number + 1, index)
        assert self._start.state.version == history.next_mini_block_number, "a version for each mini-block"
        return age_blocks

    def _check_block(self, block: SealedBlock) -> None:
        if block.header.parent_hash != self._block.hash:
            raise self._contradiction(f"block {block.number} does not follow block {self._block.number}")
        if block.first_mini_block != self._block.version:
            raise self._contradiction(f"block {block.number} does not begin where block {self._block.number} ends")

    def _check_environment(self, mini_block: MiniBlock, header: Header) -> None:
        told = (mini_block.block_timestamp, mini_block.gas_limit, mini_block.coinbase, mini_block.base_fee_per_gas)
        sealed = (header.timestamp, header.gas_limit, header.coinbase, header.base_fee_per_gas or 0)
        if told != sealed or mini_block.prev_randao != header.prev_randao:
            raise self._contradiction(f"mini-block {mini_block.number} is not of block {header.number}")

    def _apply(self, mini_block: MiniBlock, block_number: int, index: int) -> None:
        number = mini_block.number
        if mini_block.parent_hash != self._parent_hash:
            raise self._contradiction(f"mini-block {number} does not follow the one before it")
        if (mini_block.block_number, mini_block.index) != (block_number, index):
            raise self._contradiction(f"mini-block {number} is not number {index} of block {block_number}")
        if self._sequencer is not None and mini_block.signer() != self._sequencer:
            raise self._contradiction(f"mini-block {number} is not signed by 0x{self._sequencer.hex()}")
        try:
            self._start.state.apply(mini_block.state_diff)
        except DecodingError as error:
            raise self._contradiction(f"mini-block {number}: {error}") from error
        self._start.state.seal()
        self._parent_hash = mini_block.hash

    def _contradiction(self, detail: str) -> DatadirCorrupt:
        return self._history.damaged(detail)


def _hash_at_end(history: History, block: SealedBlock) -> bytes:
    """The parent hash of the first mini-block after `block`."""
    before = history.mini_block(block.version - 1)
    if before is not None:
        return before.hash
    genesis = history.sealed_block(0)
    assert genesis is not None, "a chain starts with its genesis block"
    return genesis.hash


class _NetChanges:
    """What many diffs change together: the values of the last one that names them."""

    def __init__(self) -> None:
        self._accounts: dict[bytes, Account | None] = {}
        self._storage: dict[bytes, dict[int, int]] = {}

    def add(self, diff: StateDiff) -> None:
        for address, account, slots in diff.accounts:
            self._accounts[address] = account
            if slots:
                self._storage.setdefault(address, {}).update(slots)

    def diff(self) -> StateDiff:
        """One diff in place of all; without codes, which the trie does not need."""
        addresses = sorted(self._accounts)
        return StateDiff(
            tuple(
                AccountChange(address, self._accounts[address], tuple(sorted(self._storage.get(address, {}).items())))
                for address in addresses
            )
        )
