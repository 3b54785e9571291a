"""A call over a view does what the same call does over tables: compiled code fetches what it needs."""

import pytest

from evm_jit.engine import Call, CallResult
from evm_jit.engines import make_engine
from evm_jit.statetest import write_accounts
from primitives.errors import InvalidTransaction
from primitives.forks import Fork
from primitives.state_diff import Account
from statestore.overlay import EmptyView, Overlay
from statestore.state import State
from statestore.view import StateView, Touched, WorldState
from tests.differential.account_states import account_states
from tests.differential.frames import BATCH_SIZE, CALLER, Batch, Frame, make_batch, make_frame

BATCHES = 6
FRAMES = 40  # Of each batch.


def world_with(batch: Batch, frame: Frame, world: WorldState) -> None:
    write_accounts(batch.accounts, world)
    world.set_code(frame.to, frame.code)
    world.begin_transaction()


def call(batch: Batch, frame: Frame, world: WorldState) -> CallResult | str:
    """Calls are charged as transactions are in every other frame."""
    asked = Call(CALLER, frame.to, frame.gas_limit, frame.value, frame.data, frame_only=frame.seed % 2 == 0)
    try:
        return make_engine("native").call(asked, batch.environment, world)
    except InvalidTransaction as refusal:
        return str(refusal)


def contents(view: StateView, touched: Touched) -> tuple[dict[bytes, Account | None], dict[tuple[bytes, int], int]]:
    return (
        {address: view.account(address) for address in touched.accounts},
        {(address, key): view.storage(address, key) for address, key in touched.slots},
    )


@pytest.mark.parametrize("number", range(BATCHES))
@pytest.mark.parametrize("fork", [Fork.BERLIN, Fork.CANCUN, Fork.OSAKA], ids=lambda fork: fork.name.lower())
def test_calls_over_views_and_over_tables_agree(number: int, fork: Fork):
    batch = make_batch(number, fork)
    known = account_states(batch.accounts)
    for seed in range(number * BATCH_SIZE, number * BATCH_SIZE + FRAMES):
        frame = make_frame(seed, batch)
        tables, base = State(), Overlay(EmptyView())
        world_with(batch, frame, tables)
        world_with(batch, frame, base)
        overlay = Overlay(base)
        results = call(batch, frame, tables), call(batch, frame, overlay)
        assert results[0] == results[1], f"seed {seed}"
        touched = tables.touched()
        slots = {(address, key) for address, account in known.items() for key in account.storage}
        everything = Touched(touched.accounts | known.keys(), touched.slots | slots)
        assert contents(overlay, everything) == contents(tables, everything), f"seed {seed}"
