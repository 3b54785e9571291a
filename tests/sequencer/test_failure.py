"""Nothing is seen before it is in the log, and a dead loop says so."""

import logging

import pytest

from primitives.errors import SequencerStopped, StorageUnavailable
from primitives.events import BlockSealed, MiniBlockSealed, SequencerFailed
from statestore.disk import MemoryDisk
from tests.sequencer.accounts import ADDRESSES, transfer
from tests.sequencer.world import CRASH, World


def nonce_at_latest(world: World) -> int:
    account = world.sequencer.latest_view().account(ADDRESSES[0])
    assert account is not None
    return account.nonce


def test_a_mini_block_is_announced_after_its_record_is_in_the_log():
    world = World()
    seen = []

    def listener(event: object) -> None:
        if isinstance(event, MiniBlockSealed):
            last = event.mini_block.transactions[-1].hash
            reopened = World(disk=world.disk)
            seen.append((reopened.history.transaction(last) is not None, nonce_at_latest(world)))
        if isinstance(event, BlockSealed):
            seen.append(World(disk=world.disk).history.head.hash == event.block.hash)

    world.sequencer.subscribe(listener)
    world.submit(transfer(0, 0))
    world.run_until(500)
    world.submit(transfer(0, 1))
    world.run_until(1_000)
    assert seen == [(True, 1), (True, 2), True]


def test_what_could_not_be_logged_is_never_seen(caplog):
    world = World(disk=MemoryDisk(writes_left=2))  # The genesis block and one mini-block.
    world.submit(transfer(0, 0))
    world.step(at_ms=0)
    lost = transfer(0, 1)
    world.submit(lost)
    with caplog.at_level(logging.ERROR), pytest.raises(StorageUnavailable):
        world.step(at_ms=10)
    assert len(world.events_of(MiniBlockSealed)) == 1
    assert nonce_at_latest(world) == 1
    assert world.sequencer.published_version == 1
    assert world.history.transaction(lost.hash) is None
    assert world.sequencer.find_pending(lost.hash) == lost
    assert len(caplog.records) == 1
    assert caplog.records[0].exc_info is None


def test_after_a_failed_write_transactions_are_refused_and_reads_go_on():
    world = World(disk=MemoryDisk(writes_left=1))
    world.submit(transfer(0, 0))
    with pytest.raises(StorageUnavailable) as first:
        world.step()
    assert not world.sequencer.healthy
    assert world.sequencer.failure is first.value
    world.disk.writes_left = None  # Even if there is room again: part of a record may be in the file.
    for _ in range(2):
        with pytest.raises(StorageUnavailable):
            world.submit(transfer(0, 1))
        with pytest.raises(StorageUnavailable):
            world.step(at_ms=2_000)
    assert nonce_at_latest(world) == 0
    assert world.sequencer.pending_nonce(ADDRESSES[0]) == 1
    assert world.sequencer.environment().number == 1
    assert world.history.head.number == 0


@pytest.mark.parametrize(
    ("disk", "data", "told"),
    [
        (MemoryDisk(writes_left=1), b"", "StorageUnavailable"),
        (MemoryDisk(), CRASH + bytes(20), "SequencerStopped"),
    ],
)
def test_a_failure_is_the_last_thing_that_listeners_hear(disk: MemoryDisk, data: bytes, told: str):
    world = World(disk=disk)
    world.submit(transfer(0, 0, data=data, gas_limit=50_000))
    for _ in range(2):
        with pytest.raises((StorageUnavailable, ZeroDivisionError)):
            world.step()
    (failed,) = world.events_of(SequencerFailed)
    assert world.events[-1] is failed
    assert type(failed.error).__name__ == told
    with pytest.raises(type(failed.error), match=str(failed.error)):
        world.submit(transfer(0, 1))


def test_a_block_that_could_not_be_logged_is_not_announced():
    world = World(disk=MemoryDisk(writes_left=2))
    world.submit(transfer(0, 0))
    with pytest.raises(StorageUnavailable):
        world.run_until(1_000)
    assert world.events_of(BlockSealed) == []
    assert world.history.head.number == 0
    assert nonce_at_latest(world) == 1
    world.disk.writes_left = None
    again = world.reopen()
    again.run_until(1_500)  # It was due already, and is sealed at once.
    assert again.history.head.number == 1
    assert again.history.head.version == 1


def test_a_fault_of_our_own_is_logged_once_and_stops_the_node(caplog):
    world = World()
    world.submit(transfer(0, 0))
    world.step(at_ms=0)
    world.submit(transfer(0, 1, data=CRASH + bytes(20), gas_limit=50_000))
    with caplog.at_level(logging.ERROR), pytest.raises(ZeroDivisionError):
        world.step(at_ms=1)
    for _ in range(2):
        with pytest.raises(SequencerStopped, match="stopped after an internal error"):
            world.submit(transfer(0, 2))
        with pytest.raises(ZeroDivisionError):
            world.step(at_ms=2_000)
    assert len(caplog.records) == 1
    assert "the engine met its end" in caplog.text
    assert nonce_at_latest(world) == 1
    assert len(world.mini_blocks()) == 1


def test_a_restart_after_a_failure_goes_on_where_the_log_ends():
    world = World(disk=MemoryDisk(writes_left=2))
    world.submit(transfer(0, 0))
    world.step(at_ms=0)
    world.submit(transfer(0, 1))
    with pytest.raises(StorageUnavailable):
        world.step(at_ms=10)
    world.disk.writes_left = None
    again = world.reopen()
    assert nonce_at_latest(again) == 1
    again.submit(transfer(0, 1))
    again.run_until(100)
    assert nonce_at_latest(again) == 2
    assert [mini.index for mini in again.mini_blocks()] == [0, 1]
