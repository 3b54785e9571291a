"""Threaded code does what bytecode does: the same gas, outputs, logs, state, and the same reason for every end."""

import pytest

from evm_jit import native
from evm_jit.engine import Call, CallResult
from evm_jit.machine import AT_ONCE, NEVER, WHEN_HOT
from evm_jit.native import NativeEngine
from evm_jit.state_tests import PreAccount
from evm_jit.statetest import write_accounts
from primitives.block import BlockEnvironment
from primitives.forks import Fork
from statestore.state import State
from tests.differential.cases import make_case
from tests.differential.engine_runs import run_on_engine

CALLER, CALLEE, OTHER = (bytes([number]) * 20 for number in (0xCA, 0xEE, 0x0A))
ENVIRONMENT = BlockEnvironment(fork=Fork.OSAKA, chain_id=1, number=1, timestamp=1, gas_limit=10**9, base_fee_per_gas=0)
PROGRAMS = {
    "arithmetic in a loop": "60055b6001900380600a600202600760031b0150600160a01b6001900316600257" + "60aa5f5260205ff3",
    "gas, memory and storage": "5a60405260406040205f555a60205260205f2054505a5f5260605ffd",
    "words missing behind a jump": "6004565b01600101" + "50" * 8,
    "stack of 1,024 and more": "5b5f5f5f5f600056",
    "a jump into data": "600456605b00",
    "a jump to nowhere": "62ffffff56",
    "a jump beyond the cells": "69ffffffffffffffffffff56",
    "a jump from the stack": "6008600560035b56005b60055f55",
    "an opcode that is none": "6001600201505c0c",
    "a push that is cut off": "60016002017f01",
    "a log in a static frame": "5f5f5f5f730a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a5afa5f5260205ff3",
    "return data out of bounds": "60015f5f3e",
    "memory that nobody can pay": "6001600201637fffffff5250",
    "a mask that is no constant": "6001600160a01b03805f5260ff60081b60010360205260405ff3",
    "the position of an instruction": "5858586001580160005260205ff3",
}
OTHER_CODE = bytes.fromhex("60205f5260015fa060045f5560aa5f526001601ff3")


def _run(code: bytes, gas: int, mode: int, monkeypatch: pytest.MonkeyPatch) -> tuple[CallResult, object]:
    monkeypatch.setattr(native, "TRANSLATES", mode)
    state = State()
    accounts = [
        PreAccount(address, 1, 10**18, program, {})
        for address, program in ((CALLER, b""), (CALLEE, code), (OTHER, OTHER_CODE))
    ]
    write_accounts(accounts, state)
    state.seal_genesis()
    call = Call(sender=CALLER, to=CALLEE, gas_limit=gas, gas_price=0, frame_only=True, value=0, data=b"\x07" * 40)
    result = NativeEngine().call(call, ENVIRONMENT, state)
    return result, state.seal()


@pytest.mark.parametrize("name", PROGRAMS)
def test_threaded_code_ends_as_bytecode_does_with_any_gas(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    code = bytes.fromhex(PROGRAMS[name])
    enough = min(_run(code, 100_000, NEVER, monkeypatch)[0].gas_used + 2, 700)
    for gas in (*range(enough), 5_000, 22_000, 30_000, 100_000):
        assert _run(code, gas, AT_ONCE, monkeypatch) == _run(code, gas, NEVER, monkeypatch), gas


def test_random_transactions_end_as_in_bytecode(monkeypatch: pytest.MonkeyPatch) -> None:
    for seed in range(60):
        case = make_case(seed)
        monkeypatch.setattr(native, "TRANSLATES", NEVER)
        expected = run_on_engine(case, NativeEngine())
        monkeypatch.setattr(native, "TRANSLATES", AT_ONCE)
        assert run_on_engine(case, NativeEngine()) == expected, seed


def test_a_code_becomes_threaded_once_it_has_used_gas_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(native, "TRANSLATES", WHEN_HOT)
    state = State()
    loop = bytes.fromhex("61ffff5b6001900380600357")
    write_accounts([PreAccount(CALLEE, 1, 0, loop, {}), PreAccount(CALLER, 1, 10**18, b"", {})], state)
    state.seal_genesis()
    engine = NativeEngine()
    call = Call(sender=CALLER, to=CALLEE, gas_limit=10**7, gas_price=0, frame_only=True, value=0, data=b"")
    tops = []
    for _ in range(3):
        engine.call(call, ENVIRONMENT, state)
        tops.append(engine._machine()["threaded_top"] - engine._machine()["threaded"])
    assert tops[0] == 0 and tops[1] > 0 and tops[2] == tops[1]


def test_code_without_room_stays_bytecode_until_the_next_transaction(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(native, "TRANSLATES", AT_ONCE)
    state = State()
    code = bytes.fromhex(PROGRAMS["arithmetic in a loop"])
    write_accounts([PreAccount(CALLEE, 1, 0, code, {}), PreAccount(CALLER, 1, 10**18, b"", {})], state)
    state.seal_genesis()
    engine = NativeEngine()
    machine = engine._machine()
    machine["threaded_top"] = machine["threaded_end"] - 8
    call = Call(sender=CALLER, to=CALLEE, gas_limit=10**7, gas_price=0, frame_only=True, value=0, data=b"")
    results = [engine.call(call, ENVIRONMENT, state) for _ in range(2)]
    assert results[0] == results[1]
    assert 0 < machine["threaded_top"] - machine["threaded"] < 10_000
    assert machine["threaded_is_full"] == 0
