"""Receipts that compiled code encodes are those that Python would."""

import random
from dataclasses import replace

import pytest

from evm_jit.engine import Call
from evm_jit.native import NativeEngine
from evm_jit.outcomes import Outcomes
from evm_jit.receipts import TOGETHER
from primitives.transaction import ACCESS_LIST, LEGACY, Transaction
from statestore.state import State
from tests.evm_jit.scene import BLOCK, ETHER, OTHER, SENDER, install, signed

EMITTERS = {count: bytes((0xA0 + count,)) + count.to_bytes(19, "big") for count in range(5)}
MANY = b"\xcc" * 20


def emitter(topic_count: int) -> bytes:
    """CALLDATACOPY all of it, LOG all of it under the first words of calldata."""
    topics = b"".join(bytes((0x60, 32 * index, 0x35)) for index in range(topic_count))
    return bytes.fromhex("36 5f 5f 37") + topics + bytes.fromhex("36 5f") + bytes((0xA0 + topic_count, 0x00))


@pytest.fixture(scope="module")
def engine() -> NativeEngine:
    return NativeEngine()


@pytest.fixture
def state() -> State:
    world = State()
    for topic_count, address in EMITTERS.items():
        install(world, emitter(topic_count), address)
    install(world, bytes.fromhex("5f5fa0") * 40 + bytes.fromhex("602a5f5360015fa0 5f5ffd"), MANY)
    world.set_balance(SENDER, ETHER)
    world.begin_transaction()
    return world


def check(outcomes: Outcomes, count: int) -> None:
    """Each encoded receipt is that of an equal receipt without anything remembered."""
    assert len(outcomes) == count
    for index, outcome in enumerate(outcomes):
        assert outcome.receipt is not None, outcome.refusal
        fresh = replace(outcome.receipt)
        assert "raw" not in fresh.__dict__
        assert outcomes.receipt(index) == outcome.receipt.raw == fresh.raw
        assert outcome.receipt.bloom == fresh.bloom
        assert outcomes.succeeded[index] == fresh.succeeded


def run(engine: NativeEngine, state: State, transactions: list[Transaction]) -> Outcomes:
    outcomes = engine.execute(transactions, BLOCK, state)
    assert isinstance(outcomes, Outcomes)
    return outcomes


@pytest.mark.parametrize("size", [0, 1, 2, 31, 32, 55, 56, 255, 256, 257, 70_000])
def test_logs_of_every_shape(engine: NativeEngine, state: State, size: int):
    gas = 5_000_000
    transactions = [
        signed(address, nonce=nonce, data=random.Random(size).randbytes(size), gas_limit=gas)
        for nonce, address in enumerate(EMITTERS.values())
    ]
    outcomes = run(engine, state, transactions)
    check(outcomes, 5)
    assert [len(outcome.receipt.logs[0].topics) for outcome in outcomes if outcome.receipt] == [0, 1, 2, 3, 4]
    assert {len(outcome.receipt.logs[0].data) for outcome in outcomes if outcome.receipt} == {size}


@pytest.mark.parametrize("octet", [0, 1, 0x7F, 0x80, 0xFF])
def test_data_of_one_byte_is_its_own_item_below_0x80(engine: NativeEngine, state: State, octet: int):
    outcomes = run(engine, state, [signed(EMITTERS[2], data=bytes((octet,)))])
    check(outcomes, 1)


def test_types_statuses_and_gas_are_in_the_receipt(engine: NativeEngine, state: State):
    data = b"\x11" * 100
    transactions = [
        signed(EMITTERS[1], type=LEGACY, max_priority_fee_per_gas=10, data=data),
        signed(EMITTERS[4], nonce=1, type=ACCESS_LIST, max_priority_fee_per_gas=10, data=data),
        signed(MANY, nonce=2),  # 41 logs, all reverted.
        signed(None, nonce=3, data=emitter(0)),
        signed(OTHER, nonce=4, value=1, gas_limit=21_000),
        signed(EMITTERS[4], nonce=5, data=data, gas_limit=25_000),  # Out of gas.
    ]
    outcomes = run(engine, state, transactions)
    check(outcomes, 6)
    assert outcomes.succeeded.tolist() == [True, True, False, True, True, False]
    assert outcomes.gas_used == sum(outcome.receipt.gas_used for outcome in outcomes if outcome.receipt)


def test_many_transactions_are_hashed_in_parts(engine: NativeEngine, state: State):
    rng = random.Random(3)
    count = 2 * TOGETHER + 1
    transactions = [
        signed(EMITTERS[rng.randrange(5)], nonce=nonce, data=rng.randbytes(rng.randrange(100)), gas_limit=50_000)
        for nonce in range(count)
    ]
    state.set_balance(SENDER, ETHER)
    outcomes = engine.execute(transactions, replace(BLOCK, gas_limit=50_000 * count), state)
    assert isinstance(outcomes, Outcomes)
    check(outcomes, count)


def test_an_arena_that_is_full_is_emptied_and_used_again(state: State):
    engine = NativeEngine()
    machine = engine._machine()
    machine["logs_end"], machine["outputs_end"] = machine["logs"] + 2_000, machine["outputs"] + 2_000
    data = bytes(range(200))
    transactions = [
        signed(EMITTERS[nonce % 5], nonce=nonce, data=data + nonce.to_bytes(1, "big"), gas_limit=60_000)
        for nonce in range(30)
    ]
    outcomes = run(engine, state, transactions)
    check(outcomes, 30)
    for nonce, outcome in enumerate(outcomes):
        assert outcome.receipt is not None
        assert outcome.receipt.logs[0].data == transactions[nonce].data
        assert outcome.receipt.logs[0].address == EMITTERS[nonce % 5]


def test_what_the_reference_engine_executes_and_what_is_refused_keeps_its_place(state: State):
    engine = NativeEngine()
    machine = engine._machine()
    machine["logs_end"] = machine["logs"] + 500
    transactions = [
        signed(EMITTERS[0], nonce=0, data=b"small"),
        signed(EMITTERS[0], nonce=1, data=bytes(1_000)),  # More than the arena holds: not for compiled code.
        signed(EMITTERS[0], nonce=7, data=b"no"),  # A gap.
        signed(EMITTERS[3], nonce=2, data=b"small"),
    ]
    outcomes = run(engine, state, transactions)
    assert [outcome.receipt is None for outcome in outcomes] == [False, False, True, False]
    for index in (0, 1, 3):
        receipt = outcomes[index].receipt
        assert receipt is not None
        assert outcomes.receipt(index) == replace(receipt).raw
    assert outcomes.succeeded.tolist() == [True, True, False, True]
    gas = [outcome.receipt.cumulative_gas_used for outcome in outcomes if outcome.receipt]
    assert gas == sorted(gas)


def test_a_call_has_logs_and_no_receipt(engine: NativeEngine, state: State):
    """And nothing of it is left in the machine for the next batch."""
    result = engine.call(Call(SENDER, EMITTERS[1], 100_000, data=b"called"), BLOCK, state)
    assert result.logs[0].data == b"called"
    check(run(engine, state, [signed(EMITTERS[2], nonce=1, data=b"signed")]), 1)
