"""The loop over the engines themselves: what wallets do first."""

import pytest

from evm_jit.engines import ENGINES_TESTED, make_engine
from evm_jit.reference import ReferenceEngine
from evm_jit.shadow import ShadowEngine
from primitives.errors import EnginesDiffer, SequencerStopped
from primitives.keccak import keccak256
from primitives.transaction import LEGACY
from statestore.trie import state_root
from tests.sequencer.accounts import ADDRESSES, GWEI, RECEIVER, transfer
from tests.sequencer.world import World, with_gas_limit

# Stores 42 in slot 0 when created; the code left behind is one STOP.
INIT_CODE = bytes.fromhex("602a6000556001600df3")


@pytest.fixture(params=ENGINES_TESTED)
def engine(request):
    return make_engine(request.param)


def test_a_transfer_and_a_deployment_are_sealed_into_a_block(engine):
    world = World(engine=engine)
    world.submit(
        transfer(0, 0, value=5),
        transfer(1, 0, type=LEGACY, max_priority_fee_per_gas=GWEI, to=None, value=0, data=INIT_CODE, gas_limit=200_000),
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
def test_what_the_engine_refuses_for_now_waits_and_nothing_is_lost(seed, engine):
    world = World(with_gas_limit(150_000), engine=engine, seed=seed)
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


class Generous(ReferenceEngine):
    """Gives the receiver of a transfer a wei of its own, from the second transaction on."""

    name = "generous"

    def execute(self, transactions, environment, state, gas_used_before=0, tracer=None):
        outcomes = super().execute(transactions, environment, state, gas_used_before, tracer)
        for transaction in transactions:
            if transaction.nonce:
                state.set_balance(transaction.to, state.account(transaction.to).balance + 1)
        return outcomes


def test_where_the_engines_differ_the_sequencer_stops_and_names_the_report(tmp_path, caplog):
    world = World(engine=ShadowEngine(Generous(), ReferenceEngine(), tmp_path))
    world.submit(transfer(0, 0, value=5))
    world.run_until(100)
    world.submit(transfer(0, 1, value=5))
    with pytest.raises(EnginesDiffer):
        world.run_until(200)
    [report] = tmp_path.iterdir()
    assert isinstance(world.sequencer.failure, EnginesDiffer)
    assert str(report) in caplog.text
    assert "Traceback" not in caplog.text
    with pytest.raises(SequencerStopped):
        world.submit(transfer(0, 2))
    assert world.sequencer.latest_view().account(RECEIVER).balance == 5
