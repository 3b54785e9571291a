"""The loop in a thread of its own, on the machine's clock."""

import logging
import threading

import pytest

from primitives.errors import SequencerStopped
from primitives.events import Event, MiniBlockSealed
from sequencer.ports import SystemClock
from tests.sequencer.accounts import KEYS, transfer
from tests.sequencer.world import CRASH, World

PATIENCE_S = 60


class Audience:
    """Waits until a number of transactions has been announced."""

    def __init__(self, count: int) -> None:
        self.count = count
        self.done = threading.Event()

    def __call__(self, event: Event) -> None:
        if isinstance(event, MiniBlockSealed):
            self.count -= len(event.mini_block.transactions)
            if self.count <= 0:
                self.done.set()


def test_transactions_from_many_threads_are_all_executed():
    world = World(clock=SystemClock())
    audience = Audience(len(KEYS) * 20)
    world.sequencer.subscribe(audience)
    world.sequencer.start()

    def send(account: int) -> None:
        for nonce in range(20):
            world.submit(transfer(account, nonce))

    senders = [threading.Thread(target=send, args=(account,)) for account in range(len(KEYS))]
    for sender in senders:
        sender.start()
    for sender in senders:
        sender.join()
    assert audience.done.wait(PATIENCE_S)
    world.sequencer.stop()
    assert world.sequencer.failure is None
    nonces: dict[bytes, list[int]] = {}
    for mini in world.mini_blocks():
        for transaction in mini.transactions:
            nonces.setdefault(transaction.sender, []).append(transaction.nonce)
    assert list(nonces.values()) == [list(range(20))] * len(KEYS)


def test_stop_executes_and_seals_what_was_accepted():
    world = World(clock=SystemClock(), block_interval_ns=3_600 * 10**9, mini_block_interval_ns=3_600 * 10**9)
    audience = Audience(1)
    world.sequencer.subscribe(audience)
    world.sequencer.start()
    world.submit(transfer(0, 0))
    assert audience.done.wait(PATIENCE_S)
    world.submit(*[transfer(0, nonce) for nonce in range(1, 40)])
    world.sequencer.stop()
    assert sum(len(mini.transactions) for mini in world.mini_blocks()) == 40
    assert len(world.mini_blocks()) == 2
    with pytest.raises(SequencerStopped, match="the node is stopping"):
        world.submit(transfer(0, 40))
    assert not world.sequencer.healthy


def test_a_thread_that_fails_leaves_its_reason_behind(caplog):
    world = World(clock=SystemClock())
    with caplog.at_level(logging.ERROR):
        world.sequencer.start()
        world.submit(transfer(0, 0, data=CRASH + bytes(20), gas_limit=50_000))
        world.sequencer._thread.join(PATIENCE_S)
    assert isinstance(world.sequencer.failure, ZeroDivisionError)
    assert [record.levelname for record in caplog.records] == ["ERROR"]
    with pytest.raises(SequencerStopped):
        world.submit(transfer(0, 1))
    world.sequencer.stop()
