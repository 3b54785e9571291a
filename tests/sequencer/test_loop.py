"""Order, cadence and what becomes of refused transactions."""

from dataclasses import replace

import pytest

from primitives.chain import ChainConfig
from primitives.constants import TRANSACTION_GAS_CAP_OSAKA, TRANSACTION_SIZE_BYTES_MAX
from primitives.errors import (
    AlreadyKnown,
    InsufficientFunds,
    InvalidSignature,
    MalformedTransaction,
    MempoolFull,
    NonceTooLow,
    ReplacementUnderpriced,
    TransactionExpired,
    TransactionReplaced,
    TransactionTooLarge,
)
from primitives.events import BlockSealed, MiniBlockSealed, TransactionQueued, TransactionRefused
from primitives.signature import address_of
from primitives.state_diff import Account
from sequencer.mempool import Mempool
from tests.sequencer.accounts import ADDRESSES, GWEI, RECEIVER, transfer
from tests.sequencer.world import (
    AUTHORIZE,
    DRAIN,
    MILLISECOND,
    SECOND,
    SIGNING_KEY,
    ToyEngine,
    VirtualClock,
    World,
    with_gas_limit,
)

FUNDS = 10**18


def sealed(world: World) -> list[list[tuple[int, int]]]:
    """(account, nonce) of the transactions in each mini-block."""
    return [
        [(ADDRESSES.index(transaction.sender), transaction.nonce) for transaction in mini_block.transactions]
        for mini_block in world.mini_blocks()
    ]


# Cadence.


def test_the_first_arrival_after_an_idle_interval_is_sealed_at_once():
    world = World()
    world.step(at_ms=50)
    world.submit(transfer(0, 0))
    world.step()
    assert sealed(world) == [[(0, 0)]]
    world.submit(transfer(0, 1))
    world.step(at_ms=61)
    assert sealed(world) == [[(0, 0)], [(0, 1)]]


def test_under_load_a_mini_block_is_sealed_every_ten_milliseconds():
    world = World()
    for nonce in range(35):
        world.submit(transfer(0, nonce))
        due_ns = world.step(at_ms=nonce)
    assert [len(transactions) for transactions in sealed(world)] == [1, 10, 10, 10]
    assert due_ns == 40 * MILLISECOND
    world.step(at_ms=40)
    assert [len(transactions) for transactions in sealed(world)] == [1, 10, 10, 10, 4]


def test_a_transaction_is_executed_when_it_arrives_not_when_it_is_sealed():
    executed = []
    world = World(engine=ToyEngine(executed.append))
    world.submit(transfer(0, 0))
    world.step(at_ms=0)
    world.submit(transfer(0, 1))
    world.step(at_ms=1)
    assert len(executed) == 2
    assert len(world.mini_blocks()) == 1
    assert world.sequencer.latest_view().account(ADDRESSES[0]).nonce == 1


def test_without_transactions_there_are_blocks_but_no_mini_blocks():
    world = World()
    world.run_until(3_500)
    assert world.mini_blocks() == []
    assert [block.header.number for block in world.blocks()] == [0, 1, 2, 3]
    assert {block.header.state_root for block in world.blocks()} == {world.blocks()[0].header.state_root}


def test_an_idle_sequencer_asks_to_be_called_for_the_next_block_only():
    world = World()
    world.clock.elapsed_ns = 300 * MILLISECOND
    assert world.step() == SECOND


def test_a_mini_block_never_spans_blocks():
    world = World()
    world.run_until(995)
    world.submit(transfer(0, 0))
    world.run_until(996)
    world.submit(transfer(0, 1))
    world.run_until(1_001)
    world.submit(transfer(0, 2))
    world.run_until(1_100)
    assert [(mini.block_number, mini.index, len(mini.transactions)) for mini in world.mini_blocks()] == [
        (1, 0, 1),
        (1, 1, 1),
        (2, 0, 1),
    ]


def test_the_batch_shrinks_when_execution_is_slow_and_grows_when_it_is_fast():
    world = World()
    world.engine.on_execute = lambda transaction: setattr(
        world.clock, "elapsed_ns", world.clock.elapsed_ns + 2 * MILLISECOND
    )
    world.submit(*[transfer(0, nonce) for nonce in range(120)])
    while world.sequencer._mempool.has_ready:
        world.step()
    assert world.engine.batches[:2] == [16, 2]
    assert max(world.engine.batches[1:]) == 2
    world.engine.on_execute = lambda transaction: None
    world.submit(*[transfer(0, nonce) for nonce in range(120, 320)])
    while world.sequencer._mempool.has_ready:
        world.step()
    assert world.engine.batches[-7:] == [2, 4, 8, 16, 32, 64, 74]


def test_transactions_that_may_use_all_of_their_gas_do_not_run_in_one_batch():
    world = World()
    world.submit(*[transfer(0, nonce, gas_limit=TRANSACTION_GAS_CAP_OSAKA) for nonce in range(3)])
    world.submit(*[transfer(0, nonce) for nonce in range(3, 10)])
    while world.sequencer._mempool.has_ready:
        world.step()
    assert world.engine.batches == [1, 1, 1, 7]


def test_a_stop_executes_nothing_after_its_time_and_seals_what_it_executed():
    world = World()
    world.engine.on_execute = lambda transaction: setattr(
        world.clock, "elapsed_ns", world.clock.elapsed_ns + 3 * SECOND
    )
    world.submit(*[transfer(0, nonce, gas_limit=TRANSACTION_GAS_CAP_OSAKA) for nonce in range(5)])
    world.sequencer.stop()
    world.sequencer.run()
    assert [nonce for transactions in sealed(world) for _, nonce in transactions] == [0, 1]


# Order.


def test_arrival_order_across_senders_and_nonce_order_within_one():
    world = World()
    world.submit(transfer(0, 1), transfer(1, 0), transfer(0, 0), transfer(2, 0), transfer(1, 1))
    world.step()
    assert sealed(world) == [[(1, 0), (0, 0), (0, 1), (2, 0), (1, 1)]]


def test_a_nonce_gap_waits():
    world = World()
    world.submit(transfer(0, 2))
    world.run_until(100)
    assert sealed(world) == []
    assert world.sequencer.pending_nonce(ADDRESSES[0]) == 0
    world.submit(transfer(0, 0))
    world.run_until(200)
    world.submit(transfer(0, 1))
    world.run_until(300)
    assert sealed(world) == [[(0, 0)], [(0, 1), (0, 2)]]


def test_what_the_block_has_no_gas_left_for_opens_the_next_one():
    world = World(with_gas_limit(100_000))
    world.submit(
        transfer(0, 0, gas_limit=60_000),
        transfer(0, 1, gas_limit=60_000),
        transfer(0, 2, gas_limit=60_000),
        transfer(0, 3),
        transfer(1, 0),
    )
    world.run_until(500)
    assert sealed(world) == [[(0, 0), (0, 1), (1, 0)]]
    assert world.sequencer.pending_nonce(ADDRESSES[0]) == 4
    world.run_until(1_500)
    assert sealed(world)[1:] == [[(0, 2), (0, 3)]]
    assert [block.header.gas_used for block in world.blocks()] == [0, 63_000]
    assert world.events_of(TransactionRefused) == []


# Admission through the sequencer.


def test_pending_is_what_was_queued_and_cannot_be_seen_yet():
    world = World()
    first, second, gapped = transfer(0, 0), transfer(0, 1), transfer(0, 5)
    world.submit(first)
    world.step()
    world.submit(second, gapped)
    world.step(at_ms=1)
    sequencer = world.sequencer
    assert sequencer.pending_transactions() == [second, gapped]
    assert sequencer.find_pending(second.hash) == second
    assert sequencer.pending_nonce(ADDRESSES[0]) == 2
    with pytest.raises(AlreadyKnown, match="already known"):
        world.submit(second)
    with pytest.raises(NonceTooLow, match="nonce too low: next nonce 2, tx nonce 1"):
        world.submit(transfer(0, 1, value=9))
    world.step(at_ms=10)
    assert sequencer.pending_transactions() == [gapped]
    assert sequencer.find_pending(second.hash) is None
    assert sequencer.pending_nonce(ADDRESSES[0]) == 2
    assert sequencer.pending_nonce(ADDRESSES[1]) == 0
    with pytest.raises(NonceTooLow, match="nonce too low: next nonce 2, tx nonce 1"):
        world.submit(second)


def test_many_are_admitted_at_once_each_with_its_own_answer():
    world = World()
    good, poor, late = transfer(0, 0), transfer(1, 0, value=FUNDS), transfer(0, 1)
    outcomes = world.sequencer.admit([each.raw for each in (good, poor, good, late)])
    assert outcomes[0] == good.hash
    assert isinstance(outcomes[1], InsufficientFunds)
    assert isinstance(outcomes[2], AlreadyKnown)
    assert outcomes[3] == late.hash
    world.step()
    assert sealed(world) == [[(0, 0), (0, 1)]]


def test_what_can_be_no_transaction_is_refused_in_its_place():
    world = World()
    good, late = transfer(0, 0), transfer(0, 1)
    raws = [b"", good.raw, bytes(TRANSACTION_SIZE_BYTES_MAX + 1), good.raw[:-1], late.raw]
    outcomes = world.sequencer.admit(raws)
    assert [type(outcome) for outcome in outcomes] == [
        MalformedTransaction,
        bytes,
        TransactionTooLarge,
        MalformedTransaction,
        bytes,
    ]


def test_mini_blocks_go_on_among_thousands_of_invalid_transactions():
    world = World()
    good = [transfer(0, nonce) for nonce in range(6)]
    for nonce, transaction in enumerate(good):
        nobodys = [replace(transaction, r=0, value=number).raw for number in range(1_000)]
        outcomes = world.sequencer.admit([*nobodys[:400], transaction.raw, *nobodys[400:]])
        assert [type(outcome) for outcome in outcomes].count(InvalidSignature) == 1_000
        assert outcomes[400] == transaction.hash
        world.run_until(10 * (nonce + 1))
    assert sealed(world) == [[(0, nonce)] for nonce in range(6)]


def test_funds_must_cover_everything_that_is_queued():
    world = World()
    gas = 21_000 * GWEI
    world.submit(transfer(0, 3, value=FUNDS // 2))
    with pytest.raises(InsufficientFunds, match=f"queued cost {FUNDS // 2 + gas}, tx cost {FUNDS // 2 + gas}"):
        world.submit(transfer(0, 0, value=FUNDS // 2))
    # The replaced one does not count.
    world.submit(transfer(0, 3, value=FUNDS // 2 + 1, max_fee_per_gas=2 * GWEI))


def test_a_replacement_takes_the_place_and_the_replaced_one_is_announced():
    world = World()
    old, new = transfer(0, 1), transfer(0, 1, max_fee_per_gas=2 * GWEI)
    world.submit(old)
    with pytest.raises(ReplacementUnderpriced):
        world.submit(transfer(0, 1, value=2))
    world.submit(new, transfer(0, 0))
    world.step()
    assert world.mini_blocks()[0].transactions[1] == new
    (refused,) = world.events_of(TransactionRefused)
    assert refused.hash == old.hash
    assert isinstance(refused.error, TransactionReplaced)


def test_an_evicted_transaction_is_announced():
    world = World(mempool=Mempool(count_max=1))
    gapped = transfer(0, 4)
    world.submit(gapped, transfer(1, 0))
    world.step()
    (refused,) = world.events_of(TransactionRefused)
    assert refused.hash == gapped.hash
    assert isinstance(refused.error, MempoolFull)


def test_an_expired_transaction_is_announced():
    world = World(mempool=Mempool(lifetime_s=2))
    gapped = transfer(0, 4)
    world.submit(gapped)
    world.run_until(2_900)
    assert world.sequencer.pending_transactions() == [gapped]
    world.run_until(4_100)
    (refused,) = world.events_of(TransactionRefused)
    assert isinstance(refused.error, TransactionExpired)
    assert world.sequencer.pending_transactions() == []


# Refused at execution.


def test_a_drained_sender_is_dropped_and_its_followers_wait():
    world = World()
    doomed = transfer(1, 0)
    world.submit(transfer(0, 0, data=DRAIN + ADDRESSES[1], gas_limit=30_000), doomed, transfer(1, 1), transfer(2, 0))
    world.run_until(50)
    assert sealed(world) == [[(0, 0), (2, 0)]]
    (refused,) = world.events_of(TransactionRefused)
    assert refused.hash == doomed.hash
    assert isinstance(refused.error, InsufficientFunds)
    assert world.sequencer.pending_nonce(ADDRESSES[1]) == 0
    world.submit(transfer(0, 1, to=ADDRESSES[1], value=FUNDS // 2))
    world.run_until(100)
    world.submit(transfer(1, 0, value=3))
    world.run_until(150)
    assert sealed(world)[1:] == [[(0, 1)], [(1, 0), (1, 1)]]


def test_a_nonce_that_an_authorization_raised_is_followed():
    world = World()
    overtaken = transfer(1, 0)
    bump = transfer(0, 0, data=AUTHORIZE + ADDRESSES[1], gas_limit=40_000)
    world.submit(bump, overtaken, transfer(1, 1), transfer(2, 1))
    world.step()
    assert sealed(world) == [[(0, 0), (1, 1)]]
    (refused,) = world.events_of(TransactionRefused)
    assert refused.hash == overtaken.hash
    assert str(refused.error) == "nonce too low: next nonce 1, tx nonce 0"
    # A gap that such a raise fills is noticed too.
    world.submit(transfer(0, 1, data=AUTHORIZE + ADDRESSES[2], gas_limit=40_000))
    world.run_until(100)
    assert sealed(world)[1:] == [[(0, 1)], [(2, 1)]]


# What is sealed.


def test_mini_blocks_are_chained_signed_and_numbered():
    world = World()
    for nonce in range(5):
        world.submit(transfer(0, nonce))
        world.run_until(300 * (nonce + 1))
    minis = world.mini_blocks()
    parents = [world.blocks()[0].hash, *[mini.hash for mini in minis[:-1]]]
    assert [mini.parent_hash for mini in minis] == parents
    assert [mini.number for mini in minis] == [0, 1, 2, 3, 4]
    assert [(mini.block_number, mini.index) for mini in minis] == [(1, 0), (1, 1), (1, 2), (1, 3), (2, 0)]
    assert {mini.signer() for mini in minis} == {address_of(SIGNING_KEY)}
    assert [mini.timestamp_us for mini in minis] == sorted(mini.timestamp_us for mini in minis)


def test_events_come_in_the_order_of_what_happened():
    world = World()
    first, second = transfer(0, 0), transfer(0, 1)
    world.submit(first, second)
    world.run_until(1_000)
    assert [type(event) for event in world.events] == [
        TransactionQueued,
        TransactionQueued,
        MiniBlockSealed,
        BlockSealed,
    ]
    assert world.events[0].transaction == first
    assert world.events[2].mini_block == world.mini_blocks()[0]
    assert world.events[3].block == world.blocks()[1]


def test_latest_is_the_newest_mini_block():
    world = World()
    assert world.sequencer.published_version == 0
    world.submit(transfer(0, 0, value=77))
    world.step()
    assert world.sequencer.published_version == 1
    assert world.sequencer.latest_view().account(RECEIVER) == Account(balance=77)


def test_the_fee_a_wallet_is_told_is_the_open_blocks():
    world = World(ChainConfig(base_fee_per_gas=12))
    assert world.sequencer.base_fee_per_gas == 12
    assert world.sequencer.suggested_tip() == 0
    assert world.sequencer.environment().base_fee_per_gas == 12


def test_a_wall_clock_that_runs_backwards_never_lowers_a_timestamp():
    clock = VirtualClock()
    world = World(clock=clock)
    for nonce in range(6):
        world.submit(transfer(0, nonce))
        world.run_until(1_000 * (nonce + 1))
        clock.wall_offset_us -= 3_000_000
    timestamps = [block.header.timestamp for block in world.blocks()]
    assert timestamps == sorted(timestamps)
    assert len(timestamps) >= 5
    micros = [mini.timestamp_us for mini in world.mini_blocks()]
    assert micros == sorted(micros)
