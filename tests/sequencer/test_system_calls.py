"""What system calls write at the start of each block, on the real engine: where it is recorded, and that it lasts."""

import pytest

from evm_jit.reference import ReferenceEngine
from primitives.chain import ChainConfig
from primitives.events import MiniBlockSealed
from primitives.forks import Fork, ForkSchedule
from primitives.system_contracts import (
    BEACON_ROOTS_ADDRESS,
    BEACON_ROOTS_CODE,
    HISTORY_STORAGE_ADDRESS,
    HISTORY_STORAGE_CODE,
)
from statestore.genesis import GenesisAccount
from statestore.recovery import open_chain
from statestore.trie import state_root
from tests.asm import INVALID
from tests.sequencer.accounts import transfer
from tests.sequencer.world import START_S, World

RING = 8_191
CONTRACTS = {
    HISTORY_STORAGE_ADDRESS: GenesisAccount(nonce=1, code=HISTORY_STORAGE_CODE),
    BEACON_ROOTS_ADDRESS: GenesisAccount(nonce=1, code=BEACON_ROOTS_CODE),
}


@pytest.fixture
def world() -> World:
    return World(engine=ReferenceEngine(), contracts=CONTRACTS)


def stored_hash(world: World, number: int) -> bytes:
    return world.sequencer.latest_view().storage(HISTORY_STORAGE_ADDRESS, number % RING).to_bytes(32, "big")


def root_from_scratch(world: World) -> bytes:
    version = world.state.version
    return state_root(
        (address, account, dict(world.state.storage_at(version, address)))
        for address, account in world.state.accounts_at(version)
    )


def test_first_mini_block_of_a_block_carries_what_its_system_calls_wrote(world: World) -> None:
    world.submit(transfer(0, 0))
    world.run_until(15)
    world.submit(transfer(0, 1))
    world.run_until(30)
    first, second = world.mini_blocks()
    changed = {change.address: change.storage for change in first.state_diff.accounts}
    parent_hash = world.history.head.hash
    assert changed[HISTORY_STORAGE_ADDRESS] == ((0, int.from_bytes(parent_hash)),)
    assert changed[BEACON_ROOTS_ADDRESS] == ((START_S % RING, START_S),)
    assert HISTORY_STORAGE_ADDRESS not in {change.address for change in second.state_diff.accounts}
    assert stored_hash(world, 0) == parent_hash


def test_block_without_transactions_ends_in_a_mini_block_with_what_its_system_calls_wrote(world: World) -> None:
    world.run_until(999)
    assert world.mini_blocks() == []
    world.run_until(3_500)
    blocks = world.blocks()
    assert [(block.first_mini_block, block.mini_block_count) for block in blocks[1:]] == [(0, 1), (1, 1), (2, 1)]
    assert [mini_block.transactions for mini_block in world.mini_blocks()] == [()] * 3
    assert [stored_hash(world, block.number) for block in blocks[:-1]] == [block.hash for block in blocks[:-1]]
    assert len(world.events_of(MiniBlockSealed)) == 3
    assert blocks[-1].header.gas_used == 0


def test_root_of_every_block_is_that_of_the_tables(world: World) -> None:
    for number in range(4):
        if number % 2:
            world.submit(transfer(0, number // 2))
        world.run_until(1_000 * (number + 1))
        assert world.history.head.header.state_root == root_from_scratch(world)


def test_node_that_restarts_in_a_block_does_not_call_twice(world: World) -> None:
    world.submit(transfer(0, 0))
    world.run_until(1_200)
    world.submit(transfer(0, 1))
    world.run_until(1_300)
    again = world.reopen()
    again.submit(transfer(0, 2))
    again.run_until(2_100)
    world.submit(transfer(0, 2))
    world.run_until(2_100)
    assert again.history.head.header.state_root == root_from_scratch(again)
    assert stored_hash(again, 1) == again.blocks()[1].hash
    kept = [
        HISTORY_STORAGE_ADDRESS in {change.address for change in mini.state_diff.accounts}
        for mini in again.mini_blocks()
    ]
    assert kept == [True, True, False]


def test_node_that_restarts_before_a_mini_block_calls_again(world: World) -> None:
    world.run_until(1_300)
    again = world.reopen()
    again.submit(transfer(0, 0))
    again.run_until(2_100)
    assert stored_hash(again, 1) == again.blocks()[1].hash
    assert again.history.head.header.state_root == root_from_scratch(again)


def test_recovery_ends_in_the_same_states(world: World) -> None:
    world.submit(transfer(0, 0))
    world.run_until(3_500)
    world.submit(transfer(0, 1))
    world.run_until(3_600)
    opened = open_chain(None, world.genesis, disk=world.disk)
    assert opened.trie.root() == world.history.head.header.state_root
    assert opened.state.version == world.state.version == 4
    addresses = (HISTORY_STORAGE_ADDRESS, BEACON_ROOTS_ADDRESS)
    for state in (opened.state, world.state):
        slots = [dict(state.storage_at(4, address)) for address in addresses]
        assert [len(found) for found in slots] == [4, 4]
    assert slots[0][3] == int.from_bytes(world.history.head.hash)


def test_contract_that_fails_leaves_the_chain_alone() -> None:
    world = World(engine=ReferenceEngine(), contracts={HISTORY_STORAGE_ADDRESS: GenesisAccount(nonce=1, code=INVALID)})
    world.run_until(2_100)
    assert world.history.head.number == 2
    assert [mini_block.state_diff.accounts for mini_block in world.mini_blocks()] == [(), ()]


def test_chain_without_the_contracts_seals_no_empty_mini_blocks() -> None:
    world = World(engine=ReferenceEngine())
    world.run_until(3_500)
    assert world.mini_blocks() == []


def test_forks_before_the_contracts_do_not_call_them() -> None:
    chain = ChainConfig(schedule=ForkSchedule.always(Fork.SHANGHAI))
    world = World(chain, engine=ReferenceEngine(), contracts=CONTRACTS)
    world.run_until(2_500)
    assert world.mini_blocks() == []
