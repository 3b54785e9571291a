"""An open block is continued, not begun anew."""

import pytest

from primitives.errors import NonceTooLow
from tests.sequencer.accounts import ADDRESSES, transfer
from tests.sequencer.world import World


def play(restart_at_ms: int | None) -> World:
    """Ten transactions over 1.5 s; with a restart, nothing else is different."""
    world = World()
    for number in range(10):
        at_ms = 150 * number + 20
        if restart_at_ms is not None and at_ms >= restart_at_ms:
            world.run_until(restart_at_ms)
            world = world.reopen()
            restart_at_ms = None
        world.run_until(at_ms)
        world.submit(transfer(number % 2, number // 2, value=number + 1))
    world.run_until(2_500)
    return world


@pytest.mark.parametrize("restart_at_ms", [100, 500, 999])
def test_a_block_continued_after_a_restart_is_the_same_block(restart_at_ms):
    undisturbed, restarted = play(None), play(restart_at_ms)
    assert restarted.blocks()[1].hash == undisturbed.blocks()[1].hash
    count = undisturbed.blocks()[1].version
    assert [mini.hash for mini in restarted.mini_blocks()[:count]] == [
        mini.hash for mini in undisturbed.mini_blocks()[:count]
    ]


def test_every_transaction_survives_a_restart_once():
    restarted = play(1_100)
    sent = [
        (transaction.sender, transaction.nonce) for mini in restarted.mini_blocks() for transaction in mini.transactions
    ]
    assert sent == [(ADDRESSES[number % 2], number // 2) for number in range(10)]
    with pytest.raises(NonceTooLow, match="next nonce 5, tx nonce 4"):
        restarted.submit(transfer(1, 4, value=10))


def test_a_restart_between_blocks_opens_a_new_one():
    world = World()
    world.submit(transfer(0, 0))
    world.run_until(1_200)
    again = world.reopen()
    assert again.sequencer.environment().number == 2
    again.run_until(2_100)
    assert [block.header.number for block in again.blocks()] == [0, 1, 2]
    assert again.blocks()[2].header.parent_hash == world.blocks()[1].hash


def test_a_block_left_open_for_an_hour_keeps_its_timestamp():
    world = World()
    world.submit(transfer(0, 0))
    world.run_until(300)
    timestamp = world.sequencer.environment().timestamp
    world.clock.elapsed_ns += 3_600 * 10**9
    again = world.reopen()
    assert again.sequencer.environment() == world.sequencer.environment()
    again.run_until(again.clock.elapsed_ns / 10**6 + 1_500)
    first, second = again.blocks()[1:3]
    assert first.header.timestamp == timestamp
    assert second.header.timestamp >= timestamp + 3_600
