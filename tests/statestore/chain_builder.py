"""Builds chains without executing anything: state changes, transactions and logs are drawn from a seed."""

import random
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

from primitives.block import SealedBlock, header_of_fork
from primitives.chain import ChainConfig
from primitives.constants import EMPTY_TRIE_ROOT
from primitives.forks import Fork
from primitives.mini_block import MiniBlock
from primitives.receipt import Log, Receipt, merge_blooms
from primitives.signature import address_of
from primitives.state_diff import Account
from primitives.transaction import DYNAMIC_FEE, LEGACY, Transaction
from statestore.datadir import ChainIdentity, Datadir
from statestore.genesis import Genesis, dev_genesis
from statestore.history import History
from statestore.recovery import OpenChain
from statestore.state import State
from statestore.trie import StateTrie

SEQUENCER_KEY = (7).to_bytes(32, "big")
SEQUENCER = address_of(SEQUENCER_KEY)
ADDRESSES = [bytes((index,)) * 20 for index in range(1, 30)]
CHAIN = ChainConfig()
GENESIS: Genesis = dev_genesis(CHAIN, ADDRESSES[:5], 10**21)


@lru_cache(maxsize=1)
def genesis_hash() -> bytes:
    state, trie = State(0), StateTrie()
    GENESIS.write_to(state)
    trie.apply(state.seal_genesis())
    return GENESIS.header(trie.root()).hash


def identity() -> ChainIdentity:
    return ChainIdentity(CHAIN.chain_id, genesis_hash(), CHAIN.schedule)


def datadir(path: Path) -> Datadir:
    return Datadir(path, identity())


def signed_transaction(nonce: int, data: bytes = b"", kind: int = DYNAMIC_FEE) -> Transaction:
    fee = 0 if kind == LEGACY else 1
    blank = Transaction(kind, CHAIN.chain_id, nonce, fee, fee or 0, 21_000, ADDRESSES[0], nonce, data, 0, 0, 0)
    return blank.signed_by(SEQUENCER_KEY)


class ChainBuilder:
    """Continues an open chain as the sequencer does: state, mini-block, block, trie."""

    def __init__(self, chain: OpenChain, seed: int = 0) -> None:
        self.chain = chain
        self.state: State = chain.state
        self.history: History = chain.history
        self.rng = random.Random(seed + 1_000 * chain.history.next_mini_block_number)
        self.nonce = 10**6 * (seed + 1) + 100 * chain.history.next_mini_block_number

    def mini_block(self, transaction_count: int = 2, *, signed: bool = True) -> MiniBlock:
        """Write to the state and seal what was written."""
        self._change_state()
        state_diff = self.state.seal()
        history = self.history
        opened = history.open_mini_blocks()
        cumulative = opened[-1].receipts[-1].cumulative_gas_used if opened and opened[-1].receipts else 0
        transactions, receipts = [], []
        for _ in range(transaction_count):
            self.nonce += 1
            cumulative += 21_000
            kind = self.rng.choice((LEGACY, DYNAMIC_FEE))
            transactions.append(signed_transaction(self.nonce, self.rng.randbytes(self.rng.choice((0, 60))), kind))
            receipts.append(Receipt(kind, True, cumulative, 21_000, self._logs(), 1))
        block_number = history.head.number + 1
        built = MiniBlock(
            number=history.next_mini_block_number,
            block_number=block_number,
            index=len(opened),
            timestamp_us=10**6 * block_number + len(opened),
            parent_hash=history.last_mini_block_hash,
            block_timestamp=block_number,
            gas_limit=CHAIN.gas_limit,
            coinbase=CHAIN.coinbase,
            base_fee_per_gas=CHAIN.base_fee_per_gas,
            prev_randao=block_number.to_bytes(32, "big"),
            transactions=tuple(transactions),
            receipts=tuple(receipts),
            state_diff=state_diff,
        )
        built = built.signed_by(SEQUENCER_KEY) if signed else built
        history.append_mini_block(built)
        return built

    def block(self, mini_block_count: int = 0) -> SealedBlock:
        """Add mini-blocks and seal the block."""
        for _ in range(mini_block_count):
            self.mini_block()
        history = self.history
        opened = history.open_mini_blocks()
        for mini_block in opened:
            self.chain.trie.apply(mini_block.state_diff)
        receipts = [receipt for mini_block in opened for receipt in mini_block.receipts]
        number = history.head.number + 1
        header = header_of_fork(
            Fork.OSAKA,
            parent_hash=history.head.hash,
            coinbase=CHAIN.coinbase,
            state_root=self.chain.trie.root(),
            transactions_root=EMPTY_TRIE_ROOT,
            receipts_root=EMPTY_TRIE_ROOT,
            bloom=merge_blooms(receipt.bloom for receipt in receipts),
            number=number,
            gas_limit=CHAIN.gas_limit,
            gas_used=sum(receipt.gas_used for receipt in receipts),
            timestamp=number,
            prev_randao=number.to_bytes(32, "big"),
            base_fee_per_gas=CHAIN.base_fee_per_gas,
        )
        sealed = SealedBlock(header, history.head.version, len(opened))
        history.append_block(sealed)
        return sealed

    def blocks(self, count: int, mini_block_count: int = 2) -> list[SealedBlock]:
        return [self.block(mini_block_count) for _ in range(count)]

    def _logs(self) -> tuple[Log, ...]:
        count = self.rng.choice((0, 0, 1, 2))
        return tuple(
            Log(self.rng.choice(ADDRESSES), (self.rng.randbytes(32),), self.rng.randbytes(9)) for _ in range(count)
        )

    def _change_state(self) -> None:
        rng, state = self.rng, self.state
        state.begin_transaction()
        # Something always changes, so that each mini-block has a state of its own.
        state.set_nonce(ADDRESSES[0], (state.account(ADDRESSES[0]) or Account()).nonce + 1)
        for _ in range(rng.randrange(6)):
            address = rng.choice(ADDRESSES)
            match rng.randrange(6):
                case 0:
                    state.set_balance(address, rng.getrandbits(rng.choice((1, 64, 256))))
                case 1:
                    # Few codes, so that one comes back after nobody had it.
                    state.set_code(address, bytes((rng.randrange(4),)) * 10)
                case 2 if address != ADDRESSES[0]:
                    state.delete_account(address)
                case _:
                    state.set_storage(address, rng.randrange(40), rng.choice((0, 1, rng.getrandbits(256))))


def contents(state: State, version: int | None = None) -> dict[bytes, tuple[Account, dict[int, int]]]:
    """Everything in a sealed state."""
    at = state.version if version is None else version
    return {address: (account, dict(state.storage_at(at, address))) for address, account in state.accounts_at(at)}


def hashes(history: History) -> tuple[list[bytes], list[bytes]]:
    """Hashes of all blocks and all mini-blocks."""
    blocks = [block.hash for block in history.stored_blocks(0, history.head.number)]
    mini_blocks = [each.hash for each in history.stored_mini_blocks(0, history.next_mini_block_number - 1)]
    return blocks, mini_blocks


def is_prefix(short: Sequence[bytes], long: Sequence[bytes]) -> bool:
    return list(short) == list(long[: len(short)])
