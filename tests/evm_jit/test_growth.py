"""Tables grow for a transaction that names more than they have room for, whatever was vacant in them."""

import pytest

from evm_jit.native import NativeEngine
from statestore.state import State
from statestore.table import Capacities
from tests.asm import POP, code, push, sload
from tests.evm_jit.scene import BLOCK, ETHER, SENDER, install, signed

BALANCE = b"\x31"
CAPACITY, GROWTHS_MAX = 64, 20


@pytest.fixture
def growths(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The statuses that tables grew for; no test is to go on for ever."""
    found: list[int] = []
    grow = State.grow

    def bounded(self: State, status: int) -> None:
        found.append(status)
        assert len(found) <= GROWTHS_MAX
        grow(self, status)

    monkeypatch.setattr(State, "grow", bounded)
    return found


@pytest.mark.parametrize("count", [30, 62, 70, 200])
@pytest.mark.parametrize("is_of_slots", [True, False], ids=["slots", "accounts"])
def test_a_transaction_may_name_more_than_was_vacant(is_of_slots: bool, count: int, growths: list[int]) -> None:
    capacities = Capacities(slots=CAPACITY) if is_of_slots else Capacities(accounts=CAPACITY)
    state = State(capacities=capacities)
    state.set_balance(SENDER, ETHER)
    named = (sload(key) if is_of_slots else push(1 << 80 | key) + BALANCE for key in range(count))
    install(state, code(*(each + POP for each in named)))
    state.seal_genesis()
    [outcome] = NativeEngine().execute([signed()], BLOCK, state)
    assert outcome.halt is None
    table = state.tables.slots if is_of_slots else state.tables.accounts
    assert len(table) >= count or not growths


@pytest.mark.usefixtures("growths")
def test_transactions_that_name_something_each_share_what_is_vacant() -> None:
    state = State(capacities=Capacities(slots=CAPACITY))
    state.set_balance(SENDER, ETHER)
    install(state, push(0) + b"\x35\x54")  # Loads the slot that calldata names.
    state.seal_genesis()
    transactions = [signed(nonce=key, gas_limit=30_000, data=key.to_bytes(32, "big")) for key in range(6 * CAPACITY)]
    assert all(outcome.halt is None for outcome in NativeEngine().execute(transactions, BLOCK, state))
    assert len(state.tables.slots) == CAPACITY
