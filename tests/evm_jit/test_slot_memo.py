"""Rows of slots are remembered by a machine that serves one state after the other."""

from dataclasses import replace

import pytest

from evm_jit.compiler.forced import CompiledEngine
from evm_jit.compiler.object_code import HOT
from evm_jit.engine import Call
from evm_jit.machine import SLOT_MEMO_COUNT
from evm_jit.native import NativeEngine
from primitives.block import BlockEnvironment
from primitives.forks import Fork
from statestore.state import State
from statestore.table import Capacities
from tests.asm import ADD, code, mstore, push, ret, return_word, sload, sstore
from tests.evm_jit.scene import BLOCK, ETHER, SENDER, install, signed

CALLDATALOAD, SLOAD, SSTORE = b"\x35", b"\x54", b"\x55"
CALLER, FIRST, SECOND = (bytes(18) + tail for tail in (b"\xca\x11", b"\x10\x00", b"\x10\x01"))
ENVIRONMENT = BlockEnvironment(fork=Fork.OSAKA, chain_id=1, number=1, timestamp=1, gas_limit=1 << 40)


@pytest.fixture(params=(NativeEngine, CompiledEngine, lambda: CompiledEngine(HOT)), ids=("native", "compiled", "hot"))
def engine(request):
    return request.param()


def loaded(engine, state, address):
    result = engine.call(Call(CALLER, address, 10_000_000, frame_only=True), ENVIRONMENT, state)
    assert result.halt is None
    return int.from_bytes(result.output, "big")


def test_a_slot_of_another_state_is_another_slot(engine):
    for value in (5, 6, 7):
        state = State()
        for other in range(value):  # Rows differ from state to state.
            state.set_storage(SECOND, other, 100 + other)
        state.set_code(FIRST, return_word(sload(1)))
        state.set_storage(FIRST, 1, value)
        assert loaded(engine, state, FIRST) == value


def test_accounts_have_slots_of_their_own(engine):
    state = State()
    for address, value in ((FIRST, 1), (SECOND, 2)):
        state.set_code(address, return_word(sload(9)))
        state.set_storage(address, 9, value)
    assert [loaded(engine, state, address) for address in (FIRST, SECOND, FIRST)] == [1, 2, 1]


def test_a_row_that_another_slot_got_is_not_taken_for_that_of_the_first(engine):
    state = State(capacities=Capacities(slots=64))
    state.set_balance(SENDER, ETHER)
    # Returns what is under the key that the first word of calldata names, after adding the second word to it.
    key, added = code(push(0), CALLDATALOAD), code(push(32), CALLDATALOAD)
    loaded = code(key, SLOAD)
    add = code(added, loaded, ADD)
    install(state, mstore(0, loaded) + add + key + SSTORE + ret(0, 32))
    state.seal_genesis()
    words = (
        [(key, 0) for key in range(100)] + [(key, key) for key in range(100, 120)] + [(key, 0) for key in range(120)]
    )
    transactions = [
        signed(nonce=nonce, data=key.to_bytes(32, "big") + added.to_bytes(32, "big"))
        for nonce, (key, added) in enumerate(words)
    ]
    outcomes = engine.execute(transactions, replace(BLOCK, gas_limit=1 << 40), state)
    found = [int.from_bytes(outcome.output, "big") for outcome in outcomes]
    assert found == [0] * 120 + [0] * 100 + list(range(100, 120))
    assert len(state.tables.slots) == 64


def test_more_slots_than_are_remembered_keep_their_values(engine):
    count = 3 * SLOT_MEMO_COUNT
    state = State()
    writes = b"".join(sstore(key << 60, key) for key in range(1, count + 1))
    total = push(0) + b"".join(sload(key << 60) + ADD for key in range(1, count + 1))
    state.set_code(FIRST, writes + total + push(0) + b"\x52" + push(32) + push(0) + b"\xf3")
    result = engine.call(Call(CALLER, FIRST, 1 << 30, frame_only=True), ENVIRONMENT, state)
    assert int.from_bytes(result.output, "big") == count * (count + 1) // 2
