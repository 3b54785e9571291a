"""
A block test on an engine: import the blocks one by one, and compare what is accepted, the head and its state.

A block is accepted when it is valid beside its parent (`block_validity`) and its execution leaves what its header
says. Blocks may build on any block accepted before. The state is the tables, so that every engine can run on it:
there is one, at the end of some branch; going to another branch, or back after a block that was refused half-way,
means new tables and the diffs of all blocks up to there.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from evm_jit.block_execution import Executed, execute_block
from evm_jit.block_tests import BlockCase, Network, count_block_cases, is_block_test, read_block_cases
from evm_jit.block_validity import OMMER_GENERATIONS_MAX, check_block, check_ommers, check_result
from evm_jit.case_pool import Suite
from evm_jit.engine import Engine
from evm_jit.state_tests import PreAccount
from evm_jit.statetest import Refusal, Verdict, write_accounts
from primitives.block import BlockEnvironment, Header
from primitives.block_body import Block, decode_block
from primitives.constants import ZERO_HASH
from primitives.errors import DecodingError, InvalidBlock, InvalidTransaction, LeveretError
from primitives.forks import Fork
from primitives.keccak import keccak256
from primitives.state_diff import Account, StateDiff
from statestore.state import State
from statestore.trie import StateTrie, state_root


@dataclass(frozen=True)
class Link:
    """An accepted block, what its own execution changed, and the difficulty of the chain up to it."""

    block: Block
    diffs: tuple[StateDiff, ...]
    total_difficulty: int


class BranchState:
    """State and trie at the end of a branch while a block is executed on it."""

    def __init__(self, diffs: Sequence[StateDiff]) -> None:
        self.state = State()
        self._trie = StateTrie()
        self._diffs: list[StateDiff] = []
        for index, diff in enumerate(diffs):
            self.state.apply(diff)
            self._trie.apply(self.state.seal() if index else self.state.seal_genesis())
        self._trie.root()

    def root(self) -> bytes:
        """The root of what was written so far, which is sealed."""
        diff = self.state.seal()
        self._diffs.append(diff)
        self._trie.apply(diff)
        return self._trie.root()

    def take_diffs(self) -> tuple[StateDiff, ...]:
        """Everything sealed since this was last asked."""
        diffs = tuple(self._diffs)
        self._diffs.clear()
        return diffs


class BlockTree:
    """The blocks that were accepted, and the head among them: the heaviest before Paris, then the newest."""

    def __init__(self, case: BlockCase, engine: Engine) -> None:
        self._network: Network = case.network
        self._chain_id = case.chain_id
        self._engine = engine
        block = decode_block(case.genesis)
        state = State()
        write_accounts(case.pre, state)
        self._links = {block.header.hash: Link(block, (state.seal_genesis(),), block.header.difficulty)}
        self.head = block.header
        self._branch: tuple[bytes, BranchState] | None = None
        root = root_of(case.pre)
        if root != self.head.state_root:
            raise InvalidBlock("genesis", f"has the state root 0x{self.head.state_root.hex()}, not 0x{root.hex()}")

    def add(self, raw: bytes) -> None:
        """Import a block; InvalidBlock, or a DecodingError or InvalidTransaction of its members, if it is refused."""
        block = decode_block(raw)
        header = block.header
        if header.hash in self._links:
            return
        parent = self._links.get(header.parent_hash)
        if parent is None:
            raise InvalidBlock("parent", f"0x{header.parent_hash.hex()} is not known")
        check_block(block, parent.block.header, self._network.rules_of(header))
        if block.ommers:
            check_ommers(block, self._ancestors(header, OMMER_GENERATIONS_MAX + 1), self._network.rules_of)
        link = self._execute(block, parent)
        is_heavier = link.total_difficulty > self._links[self.head.hash].total_difficulty
        self._links[header.hash] = link
        if is_heavier or self._network.rules_of(header).fork >= Fork.PARIS:
            self.head = header

    def _execute(self, block: Block, parent: Link) -> Link:
        """The block with what it changed; InvalidBlock if its header says something else."""
        header = block.header
        branch = self._branch_at(header.parent_hash)
        self._branch = None  # Until the block is accepted, nobody may build on what it writes.
        executed = self._run(block, branch)
        check_result(block, executed, branch.root())
        self._branch = header.hash, branch
        return Link(block, branch.take_diffs(), parent.total_difficulty + header.difficulty)

    def _run(self, block: Block, branch: BranchState) -> Executed:
        header = block.header
        rules = self._network.rules_of(header)
        environment = BlockEnvironment(
            fork=rules.fork,
            chain_id=self._chain_id,
            number=header.number,
            timestamp=header.timestamp,
            gas_limit=header.gas_limit,
            coinbase=header.coinbase,
            base_fee_per_gas=header.base_fee_per_gas or 0,
            prev_randao=header.prev_randao if rules.fork >= Fork.PARIS else ZERO_HASH,
            difficulty=header.difficulty,
            excess_blob_gas=header.excess_blob_gas or 0,
            blob_parameters=rules.blobs,
            block_hash=lambda number: self._block_hash(header, number),
        )
        return execute_block(self._engine, block, environment, branch.state, branch.root)

    def _branch_at(self, block_hash: bytes) -> BranchState:
        """The state at the end of an accepted block: the one there is, or another."""
        if self._branch is not None and self._branch[0] == block_hash:
            return self._branch[1]
        links = [self._links[block_hash]]
        while links[-1].block.header.parent_hash in self._links:
            links.append(self._links[links[-1].block.header.parent_hash])
        return BranchState([diff for link in reversed(links) for diff in link.diffs])

    def _ancestors(self, header: Header, count_max: int) -> list[Block]:
        """The blocks before the one with this header, newest first."""
        ancestors: list[Block] = []
        link = self._links.get(header.parent_hash)
        while link is not None and len(ancestors) < count_max:
            ancestors.append(link.block)
            link = self._links.get(link.block.header.parent_hash)
        return ancestors

    def _block_hash(self, header: Header, number: int) -> bytes:
        """The hash of block `number` of the branch that the block with this header continues."""
        ancestors = self._ancestors(header, header.number - number)
        return ancestors[-1].header.hash if ancestors and ancestors[-1].header.number == number else ZERO_HASH


def run_block_case(case: BlockCase, engine: Engine) -> Verdict:
    """Import the blocks of one chain and compare."""
    begin = time.process_time()
    root = None
    refusals: list[Refusal] = []
    try:
        chain = BlockTree(case, engine)
        error = _import(case, chain, refusals) or _difference(case, chain.head)
        root = chain.head.state_root
    except Exception as crash:  # Whatever an engine raises is the failure of this case, and not the end of the run.
        error = f"{engine.name} engine crashed: {type(crash).__name__}: {crash}"
    return Verdict(case.name, case.fork_name, root, error, time.process_time() - begin, tuple(refusals))


BLOCK_TESTS: Final = Suite("block test", is_block_test, count_block_cases, read_block_cases, run_block_case)


def _import(case: BlockCase, chain: BlockTree, refusals: list[Refusal]) -> str | None:
    """Import every block, and say in one sentence which was accepted or refused but should not have been."""
    for index, block in enumerate(case.blocks):
        try:
            chain.add(block.rlp)
        except (InvalidBlock, InvalidTransaction, DecodingError) as refusal:
            if block.exception is None:
                return f"block {index} of the file is refused, expected to be accepted: {refusal}"
            refusals.append(Refusal(reason_of(refusal), block.exception))
        else:
            if block.exception is not None:
                return f"block {index} of the file is accepted, expected to be refused: {block.exception}"
    return None


def _difference(case: BlockCase, head: Header) -> str | None:
    """In one sentence, what is not as expected at the end."""
    if head.hash != case.last_hash:
        return f"the head is 0x{head.hash.hex()}, expected 0x{case.last_hash.hex()}"
    expected = case.post if isinstance(case.post, bytes) else root_of(case.post)
    if head.state_root != expected:
        return f"state root 0x{head.state_root.hex()}, expected 0x{expected.hex()}"
    return None


def root_of(accounts: Sequence[PreAccount]) -> bytes:
    """The state root over the accounts that a file lists."""
    return state_root(
        (account.address, Account(account.nonce, account.balance_wei, keccak256(account.code)), account.storage)
        for account in accounts
    )


def reason_of(refusal: LeveretError) -> str:
    """Why a block was refused, in one word for comparison: the part that is wrong, or the error of a transaction."""
    if isinstance(refusal, InvalidBlock) and refusal.__cause__ is None:
        return refusal.part
    return type(refusal.__cause__ or refusal).__name__
