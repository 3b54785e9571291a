"""
Seeded runs in virtual time: random senders, gaps, replacements, drains, restarts, a wall clock that jumps.

Each run checks what must hold whatever happens, and a second run with the same seed gives the same hashes.
"""

import random
from collections import Counter
from itertools import pairwise

import pytest

from primitives.errors import InvalidTransaction
from primitives.events import MiniBlockSealed, TransactionQueued, TransactionRefused
from primitives.keccak import keccak256
from primitives.signature import address_of
from sequencer.mempool import Mempool
from statestore.trie import state_root
from tests.sequencer.accounts import ADDRESSES, GWEI, transfer
from tests.sequencer.world import AUTHORIZE, DRAIN, LOG, MILLISECOND, SIGNING_KEY, ToyEngine, World, with_gas_limit


class Simulation:
    def __init__(self, seed: int) -> None:
        self.rng = random.Random(seed)
        self.world = self.begin(None)
        self.submitted: list[bytes] = []
        self.fates: Counter[bytes] = Counter()

    def begin(self, before: World | None) -> World:
        chain = with_gas_limit(self.rng.choice([200_000, 1_000_000])) if before is None else before.chain
        disk, clock = (None, None) if before is None else (before.disk, before.clock)
        engine = ToyEngine(self.spend_time)
        pool = Mempool(count_max=40, per_sender_max=10)
        return World(chain, disk, clock, engine, self.rng.randrange(1_000), pool, history_blocks=3)

    def spend_time(self, transaction: object) -> None:
        self.world.clock.elapsed_ns += self.rng.randrange(2 * MILLISECOND)

    def run(self, steps: int) -> bytes:
        for _ in range(steps):
            action = self.rng.random()
            if action < 0.6:
                self.send()
            elif action < 0.97:
                now_ms = self.world.clock.elapsed_ns / MILLISECOND
                self.world.run_until(now_ms + self.rng.choice([0.3, 2, 10, 40, 400]))
            elif action < 0.98:
                self.world.clock.wall_offset_us += self.rng.randrange(-2_000_000, 2_000_000)
            else:
                self.restart()
        self.check_chain()
        return self.digest()

    def send(self) -> None:
        account = self.rng.randrange(len(ADDRESSES))
        sequencer = self.world.sequencer
        nonce = max(0, sequencer.pending_nonce(ADDRESSES[account]) + self.rng.choice([-1, 0, 0, 0, 0, 1, 2]))
        other = self.rng.choice(ADDRESSES)
        data = self.rng.choice([b"", b"", b"", b"", LOG + b"x", AUTHORIZE + other, DRAIN + other])
        transaction = transfer(
            account,
            nonce,
            to=self.rng.choice(ADDRESSES),
            value=self.rng.randrange(10**17),
            data=data,
            gas_limit=self.rng.choice([40_000, 90_000]),
            max_fee_per_gas=self.rng.choice([1, 2, 3]) * GWEI,
        )
        try:
            self.submitted.append(sequencer.submit(transaction))
        except InvalidTransaction:
            self.fates["refused"] += 1

    def restart(self) -> None:
        self.check_events()
        self.submitted.clear()
        self.world = self.begin(self.world)

    def check_events(self) -> None:
        """Whatever was accepted was announced, and then executed, refused, or still waits."""
        self.world.step()
        world = self.world
        queued = [event.transaction.hash for event in world.events_of(TransactionQueued)]
        assert queued == self.submitted
        sealed = [
            transaction.hash
            for event in world.events_of(MiniBlockSealed)
            for transaction in event.mini_block.transactions
        ]
        refused = [event.hash for event in world.events_of(TransactionRefused)]
        pending = [transaction.hash for transaction in world.sequencer.pending_transactions()]
        assert sorted(sealed + refused + pending) == sorted(queued)
        self.fates.update(sealed=len(sealed), dropped=len(refused), pending=len(pending))

    def check_chain(self) -> None:
        self.check_events()
        world = self.world
        parent = world.blocks()[0].hash
        for number, mini in enumerate(world.mini_blocks()):
            assert (mini.number, mini.parent_hash, mini.signer()) == (number, parent, address_of(SIGNING_KEY))
            parent = mini.hash
        for before, block in pairwise(world.blocks()):
            assert block.header.parent_hash == before.hash
            assert block.header.timestamp >= before.header.timestamp
            assert block.header.gas_used <= world.chain.gas_limit
            assert block.first_mini_block == before.version
        head = world.history.head
        accounts = world.state.accounts_at(head.version)
        assert head.header.state_root == state_root((address, account, {}) for address, account in accounts)

    def digest(self) -> bytes:
        minis = b"".join(mini.hash for mini in self.world.mini_blocks())
        return keccak256(minis + b"".join(block.hash for block in self.world.blocks()))


@pytest.mark.parametrize("seed", range(12))
def test_a_simulated_run_keeps_its_promises(seed):
    simulation = Simulation(seed)
    simulation.run(600)
    assert simulation.fates["sealed"] > 50


def test_the_same_seed_gives_the_same_chain():
    digests = [Simulation(seed).run(300) for seed in (99, 99, 100)]
    assert digests[0] == digests[1]
    assert digests[0] != digests[2]
