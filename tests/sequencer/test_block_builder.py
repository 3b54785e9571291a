"""What a sealed block holds, against roots computed from scratch."""

from dataclasses import replace
from itertools import pairwise

import pytest

from primitives.chain import ChainConfig
from primitives.constants import EMPTY_TRIE_ROOT, ZERO_HASH
from primitives.errors import UnknownBlock
from primitives.forks import Fork, ForkSchedule
from primitives.receipt import merge_blooms
from primitives.state_diff import Account
from statestore.ordered_trie import ordered_trie_root
from statestore.trie import state_root
from tests.sequencer.accounts import ADDRESSES, GWEI, RECEIVER, transfer
from tests.sequencer.world import LOG, START_S, ToyEngine, World, with_gas_limit


def run_three_seconds(chain: ChainConfig | None = None) -> World:
    world = World(chain)
    for number in range(30):
        account = number % 4
        data = LOG + bytes([number]) if number % 3 else b""
        world.submit(transfer(account, number // 4, gas_limit=60_000, data=data, value=number))
        world.run_until(100 * (number + 1))
    return world


def test_a_block_has_the_roots_of_what_is_in_it():
    world = run_three_seconds()
    blocks = world.blocks()
    assert len(blocks) == 4
    for parent, block in pairwise(blocks):
        minis = [world.history.mini_block(number) for number in range(block.first_mini_block, block.version)]
        assert len(minis) >= 9
        transactions = [transaction for mini in minis for transaction in mini.transactions]
        receipts = [receipt for mini in minis for receipt in mini.receipts]
        header = block.header
        assert header.parent_hash == parent.hash
        assert header.transactions_root == ordered_trie_root([transaction.raw for transaction in transactions])
        assert header.receipts_root == ordered_trie_root([receipt.raw for receipt in receipts])
        assert header.bloom == merge_blooms(receipt.bloom for receipt in receipts)
        assert any(header.bloom)
        assert header.gas_used == receipts[-1].cumulative_gas_used == 21_000 * len(transactions)
        accounts = world.state.accounts_at(block.version)
        assert header.state_root == state_root((address, account, {}) for address, account in accounts)


def test_timestamps_are_the_seconds_at_which_blocks_opened():
    world = run_three_seconds()
    assert [block.header.timestamp for block in world.blocks()[1:]] == [START_S, START_S + 1, START_S + 2]
    assert world.sequencer.environment().timestamp == START_S + 3


def test_blocks_of_a_fraction_of_a_second_share_timestamps():
    world = World(block_interval_ns=250_000_000)
    world.run_until(1_100)
    assert [block.header.timestamp - START_S for block in world.blocks()[1:]] == [0, 0, 0, 0]
    assert world.sequencer.environment().timestamp == START_S + 1


def test_a_late_seal_does_not_shift_the_blocks_that_follow():
    world = World()
    world.step(at_ms=0)
    world.step(at_ms=1_400)  # The machine was busy.
    assert world.history.head.number == 1
    assert world.step() == 2_000 * 10**6
    world.step(at_ms=4_100)
    assert world.history.head.number == 2
    assert world.step() == 5_000 * 10**6


def test_a_seal_late_by_most_of_an_interval_skips_a_boundary():
    world = World()
    world.step(at_ms=0)
    world.step(at_ms=1_990)
    assert world.step() == 3_000 * 10**6


def test_an_empty_block_has_empty_roots_and_no_mini_blocks():
    world = World()
    world.run_until(1_500)
    block = world.history.head
    assert (block.first_mini_block, block.mini_block_count) == (0, 0)
    assert block.header.transactions_root == block.header.receipts_root == EMPTY_TRIE_ROOT
    assert block.header.gas_used == 0


def test_an_environment_is_fixed_when_the_block_opens():
    world = World(ChainConfig(coinbase=b"\x0c" * 20))
    before = world.sequencer.environment()
    world.submit(transfer(0, 0))
    world.run_until(999)
    assert world.sequencer.environment() is before
    world.run_until(1_000)
    header = world.history.head.header
    assert (header.timestamp, header.prev_randao) == (before.timestamp, before.prev_randao)
    assert header.coinbase == before.coinbase == b"\x0c" * 20
    assert header.prev_randao != world.sequencer.environment().prev_randao
    mini = world.mini_blocks()[0]
    assert (mini.block_timestamp, mini.prev_randao) == (before.timestamp, before.prev_randao)


def test_contracts_see_the_hashes_of_earlier_blocks():
    world = World()
    world.run_until(2_500)
    block_hash = world.sequencer.environment().block_hash
    assert [block_hash(number) for number in range(3)] == [block.hash for block in world.blocks()]
    assert block_hash(3) == ZERO_HASH


def test_the_fork_is_chosen_for_each_block_by_its_timestamp():
    schedule = ForkSchedule(((0, Fork.SHANGHAI),), ((START_S + 2, Fork.PRAGUE),))
    world = World(ChainConfig(schedule=schedule))
    assert world.sequencer.environment().fork is Fork.SHANGHAI
    world.run_until(3_500)
    headers = [block.header for block in world.blocks()[1:]]
    assert [header.requests_hash is None for header in headers] == [True, True, False]
    assert headers[0].blob_gas_used is None
    assert headers[2].excess_blob_gas == 0


def test_before_london_there_is_no_base_fee():
    world = World(ChainConfig(schedule=ForkSchedule.always(Fork.BERLIN)))
    world.submit(transfer(0, 0, type=0, max_fee_per_gas=0))
    world.run_until(1_000)
    header = world.history.head.header
    assert header.base_fee_per_gas is None
    assert header.prev_randao == ZERO_HASH
    assert header.gas_used == 21_000


def test_an_adjusting_base_fee_moves_with_the_gas_used():
    chain = replace(with_gas_limit(84_000), base_fee_per_gas=GWEI, base_fee_adjusts=True)
    world = World(chain)
    genesis_fee = world.blocks()[0].header.base_fee_per_gas
    first_fee = world.sequencer.base_fee_per_gas
    assert first_fee == genesis_fee - genesis_fee // 8
    assert world.sequencer.suggested_tip() == GWEI
    world.submit(*[transfer(0, nonce, max_fee_per_gas=5 * GWEI) for nonce in range(4)])
    world.run_until(1_000)
    assert world.history.head.header.gas_used == 84_000
    assert world.sequencer.base_fee_per_gas == first_fee + first_fee // 8
    # What offers less than a base fee that rose waits until it has fallen.
    low = world.sequencer.base_fee_per_gas
    world.submit(*[transfer(0, nonce, max_fee_per_gas=5 * GWEI) for nonce in range(4, 8)])
    world.submit(transfer(1, 0, max_fee_per_gas=low))
    world.run_until(2_900)
    assert world.sequencer.base_fee_per_gas > low
    assert world.sequencer.pending_nonce(ADDRESSES[1]) == 1
    world.run_until(3_100)
    assert world.mini_blocks()[-1].transactions[0].max_fee_per_gas == low


def test_states_of_the_last_blocks_are_kept_and_older_ones_let_go():
    world = World(history_blocks=2)
    for number in range(5):
        world.submit(transfer(0, number, value=1))
        world.run_until(1_000 * (number + 1))
    for number in (3, 4, 5):
        view = world.state.view_at(world.blocks()[number].version)
        assert view.account(RECEIVER) == Account(balance=number)
    with pytest.raises(UnknownBlock):
        world.state.view_at(world.blocks()[2].version)


def test_a_block_over_its_gas_does_not_happen():
    world = World(with_gas_limit(100_000), engine=ToyEngine())
    for nonce in range(20):
        world.submit(transfer(0, nonce))
    world.run_until(6_000)
    assert [block.header.gas_used for block in world.blocks()[1:]] == [84_000] * 5 + [0]
