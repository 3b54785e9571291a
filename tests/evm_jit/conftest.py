"""Every engine, over a state of each kind."""

from collections.abc import Callable

import pytest

from evm_jit.engine import Engine
from evm_jit.engines import ENGINES_TESTED, make_engine
from statestore.overlay import EmptyView, Overlay
from statestore.state import State
from statestore.view import WorldState
from tests.evm_jit.scene import ETHER, SENDER

WORLDS: dict[str, Callable[[], WorldState]] = {"overlay": lambda: Overlay(EmptyView()), "tables": State}


@pytest.fixture(params=ENGINES_TESTED)
def engine(request: pytest.FixtureRequest) -> Engine:
    return make_engine(request.param)


@pytest.fixture(params=WORLDS)
def world(request: pytest.FixtureRequest) -> WorldState:
    """A state in which SENDER has ten ether."""
    state = WORLDS[request.param]()
    state.set_balance(SENDER, 10 * ETHER)
    state.begin_transaction()
    return state
