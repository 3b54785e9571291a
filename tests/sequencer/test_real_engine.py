"""The loop over the reference engine: what wallets do first."""

import pytest

from evm_jit.engines import make_engine
from primitives.keccak import keccak256
from primitives.transaction import LEGACY
from statestore.trie import state_root
from tests.sequencer.accounts import ADDRESSES, RECEIVER, transfer
from tests.sequencer.world import World, with_gas_limit

# Stores 42 in slot 0 when created; the code left behind is one STOP.
INIT_CODE = bytes.fromhex("602a6000556001600df3")


def test_a_transfer_and_a_deployment_are_sealed_into_a_block():
    world = World(engine=make_engine("reference"))
    world.submit(
        transfer(0, 0, value=5),
        transfer(1, 0, type=LEGACY, to=None, value=0, data=INIT_CODE, gas_limit=200_000),
        transfer(0, 1, value=6),
    )
    world.run_until(1_000)
    block = world.history.head
    assert [receipt.succeeded for mini in world.mini_blocks() for receipt in mini.receipts] == [True] * 3
    view = world.state.view_at(block.version)
    assert view.account(RECEIVER).balance == 11
    contract = world.mini_blocks()[0].receipts[1].contract_address
    assert view.account(contract).code_hash == keccak256(b"\x00")
    assert view.storage(contract, 0) == 42
    accounts = [
        (address, account, dict(world.state.storage_at(block.version, address)))
        for address, account in world.state.accounts_at(block.version)
    ]
    assert block.header.state_root == state_root(accounts)
    assert block.header.gas_used == sum(mini.gas_used for mini in world.mini_blocks())


@pytest.mark.parametrize("seed", range(2))
def test_what_the_engine_refuses_for_now_waits_and_nothing_is_lost(seed):
    world = World(with_gas_limit(150_000), engine=make_engine("reference"), seed=seed)
    sent = [
        transfer(account, nonce, to=ADDRESSES[0], gas_limit=(21_000, 100_000)[(account + nonce + seed) % 2])
        for nonce in range(5)
        for account in range(3)
    ]
    world.submit(*sent)
    world.run_until(6_000)
    assert world.sequencer.pending_transactions() == []
    transactions = [transaction for mini in world.mini_blocks() for transaction in mini.transactions]
    assert sorted(transaction.hash for transaction in transactions) == sorted(transaction.hash for transaction in sent)
    assert all(block.header.gas_used <= 150_000 for block in world.blocks())
