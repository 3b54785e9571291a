"""A partial state fetches what it lacks, and is told to stop when that takes too long."""

import pytest

from evm_jit.engine import Call, CallResult
from evm_jit.native import NativeEngine
from primitives.errors import CallTimedOut
from primitives.state_diff import Account
from statestore import partial_state
from statestore.overlay import Overlay
from statestore.state import State
from tests.evm_jit.scene import BLOCK, CONTRACT, ETHER, OTHER, SENDER, install

SLOTS = 40
# SLOAD of slots 0 to 39, added up and returned.
ADDING = b"\x5f" + b"".join(bytes((0x60, key, 0x54, 0x01)) for key in range(SLOTS)) + bytes.fromhex("5f5260205ff3")
# CREATE2 with empty init code and salt 0; returns the address.
CREATING = bytes.fromhex("5f5f5f5ff5 5f5260205ff3")
# BALANCE of OTHER, EXTCODEHASH of OTHER, SELFDESTRUCT to it.
LEAVING = b"\x73" + OTHER + bytes.fromhex("803150 803f50 ff")


class Counting(Overlay):
    """An overlay that counts who asks it."""

    def __init__(self, base: State) -> None:
        super().__init__(base)
        self.asked: list[object] = []

    def account(self, address: bytes) -> Account | None:
        self.asked.append(address)
        return super().account(address)

    def storage(self, address: bytes, key: int) -> int:
        self.asked.append((address, key))
        return super().storage(address, key)


@pytest.fixture
def base() -> State:
    state = State()
    install(state, ADDING, balance_wei=7)
    for key in range(0, SLOTS, 2):
        state.set_storage(CONTRACT, key, key)
    state.set_balance(SENDER, ETHER)
    state.begin_transaction()
    return state


def run(world: Overlay, to: bytes | None = CONTRACT, gas: int = 1_000_000) -> CallResult:
    return NativeEngine().call(Call(SENDER, to, gas), BLOCK, world)


def test_each_slot_is_fetched_once_whether_it_is_zero_or_not(base: State):
    world = Counting(base)
    result = run(world)
    assert int.from_bytes(result.output, "big") == sum(range(0, SLOTS, 2))
    slots = [asked for asked in world.asked if isinstance(asked, tuple)]
    assert sorted(slots) == [(CONTRACT, key) for key in range(SLOTS)]


def test_the_second_call_costs_what_the_first_one_did(base: State):
    """Nothing that was fetched is warm when the call begins anew."""
    first, second = run(Overlay(base)), run(Overlay(base))
    assert first == second == NativeEngine().call(Call(SENDER, CONTRACT, 1_000_000), BLOCK, base)


def test_where_storage_was_left_no_contract_is_created(base: State):
    install(base, CREATING)
    created = run(Overlay(base)).output[12:]
    assert any(created)
    base.set_storage(created, 5, 5)
    base.set_balance(created, 0)
    base.begin_transaction()
    assert not any(run(Overlay(base)).output)


def test_what_is_written_is_in_the_overlay_and_not_below_it(base: State):
    install(base, LEAVING, balance_wei=7)
    world = Overlay(base)
    assert run(world).halt is None
    other = world.account(OTHER)
    assert other is not None
    assert other.balance == 7
    assert base.account(OTHER) is None


def test_who_makes_it_begin_again_for_too_long_is_stopped(base: State, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(partial_state, "CALL_S_MAX", -1)
    with pytest.raises(CallTimedOut, match=r"^execution aborted \(timeout = -1s\)$"):
        run(Overlay(base))


def test_a_full_table_is_doubled_here_too(base: State, monkeypatch: pytest.MonkeyPatch):
    small = partial_state.CAPACITIES._replace(accounts=4, slots=4, undo=4, codes=2, code_bytes=64)
    monkeypatch.setattr(partial_state, "CAPACITIES", small)
    assert int.from_bytes(run(Overlay(base)).output, "big") == sum(range(0, SLOTS, 2))
