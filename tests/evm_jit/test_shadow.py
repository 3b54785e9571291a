"""The shadow engine: engines that agree pass, a seeded fault is caught, and its report repeats it."""

import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from evm_jit.engine import Call, CallResult, Outcome
from evm_jit.reference import ReferenceEngine
from evm_jit.shadow import ShadowEngine
from evm_jit.trace import Tracer
from evm_jit.workload import WorkloadMismatch, read_workload, run_workload
from primitives.block import BlockEnvironment
from primitives.errors import EnginesDiffer, InsufficientFunds, NonceTooLow
from primitives.receipt import Log
from primitives.transaction import Transaction
from statestore.state import State
from statestore.view import WorldState
from tests.asm import push, ret, sload, sstore
from tests.evm_jit.scene import BLOCK, CONTRACT, ETHER, OTHER, SENDER, install, signed

Fault = Callable[[Outcome, WorldState], Outcome]
BLOCKHASH = b"\x40"
# Counts in slot 1, and returns what slot 7 holds plus the hash of the parent.
PROGRAM = sstore(1, 2) + push(BLOCK.number - 1) + BLOCKHASH + sload(7) + b"\x01" + push(0) + b"\x52" + ret(0, 32)


class FaultyEngine(ReferenceEngine):
    """The reference engine, and then `fault` on each outcome and on the state."""

    name = "faulty"

    def __init__(self, fault: Fault) -> None:
        super().__init__()
        self._fault = fault

    def execute(
        self,
        transactions: Sequence[Transaction],
        environment: BlockEnvironment,
        state: WorldState,
        gas_used_before: int = 0,
        tracer: Tracer | None = None,
    ) -> list[Outcome]:
        outcomes = super().execute(transactions, environment, state, gas_used_before, tracer)
        return [self._fault(outcome, state) for outcome in outcomes]

    def call(
        self, call: Call, environment: BlockEnvironment, state: WorldState, tracer: Tracer | None = None
    ) -> CallResult:
        result = super().call(call, environment, state, tracer)
        self._fault(Outcome(None), state)
        return result


def world() -> State:
    state = State()
    state.set_balance(SENDER, ETHER)
    install(state, PROGRAM)
    state.set_storage(CONTRACT, 7, 8)
    install(state, b"\x00", OTHER)
    state.set_storage(OTHER, 3, 4)
    state.seal_genesis()
    return state


def shadow(fault: Fault, directory: Path = Path()) -> ShadowEngine:
    return ShadowEngine(FaultyEngine(fault), ReferenceEngine(), directory)


def with_receipt(**members: Any) -> Fault:
    def fault(outcome: Outcome, state: WorldState) -> Outcome:
        assert outcome.receipt is not None
        return replace(outcome, receipt=replace(outcome.receipt, **members))

    return fault


def with_state(write: Callable[[WorldState], None]) -> Fault:
    def fault(outcome: Outcome, state: WorldState) -> Outcome:
        write(state)
        return outcome

    return fault


def no_fault(outcome: Outcome, state: WorldState) -> Outcome:
    return outcome


def crash(state: WorldState) -> None:
    raise ZeroDivisionError("of its own")


FAULTS: dict[str, tuple[Fault, str]] = {
    "gas": (with_receipt(gas_used=1), r"receipt\.gas_used: the reference has 0x\w+, here it is 0x1"),
    "cumulative gas": (with_receipt(cumulative_gas_used=2), r"receipt\.cumulative_gas_used"),
    "status": (with_receipt(succeeded=False), r"receipt\.succeeded"),
    "price": (with_receipt(effective_gas_price=7), r"receipt\.effective_gas_price"),
    "logs": (with_receipt(logs=(Log(CONTRACT, (), b""),)), r"receipt\.logs"),
    "contract": (with_receipt(contract_address=OTHER), r"receipt\.contract_address"),
    "output": (lambda outcome, _: replace(outcome, output=b"\x01"), "output: the reference has 0x"),
    "halt": (lambda outcome, _: replace(outcome, halt="out of gas"), "halt: the reference has None"),
    "refusal": (lambda outcome, _: Outcome(None, NonceTooLow(1, 0)), "NonceTooLow: nonce too low"),
    "balance": (with_state(lambda state: state.set_balance(SENDER, 1)), f"account 0x{SENDER.hex()}"),
    "nonce": (with_state(lambda state: state.set_nonce(SENDER, 9)), f"account 0x{SENDER.hex()}"),
    "code": (with_state(lambda state: state.set_code(CONTRACT, b"")), f"account 0x{CONTRACT.hex()}"),
    "slot": (with_state(lambda state: state.set_storage(CONTRACT, 1, 3)), f"slot 0x1 of 0x{CONTRACT.hex()}"),
    "slot read": (with_state(lambda state: state.set_storage(CONTRACT, 7, 0)), "the reference leaves it alone"),
    "slot of nobody": (with_state(lambda state: state.set_storage(OTHER, 3, 5)), f"slot 0x3 of 0x{OTHER.hex()}"),
    "account of nobody": (with_state(lambda state: state.touch(b"\x99" * 20)), "the reference leaves it alone"),
    "deletion": (with_state(lambda state: state.delete_account(OTHER)), f"account 0x{OTHER.hex()}"),
    "slot forgotten": (with_state(lambda state: state.set_storage(CONTRACT, 1, 0)), "slot 0x1"),
    "crash": (with_state(crash), "the faulty engine crashed: ZeroDivisionError: of its own"),
}


def test_engines_that_agree_leave_what_one_leaves() -> None:
    one, watched = world(), world()
    transactions = [signed(), signed(nonce=1, value=5), signed(nonce=1), signed(nonce=2, to=None, data=ret(0, 1))]
    engine = shadow(no_fault)
    outcomes = engine.execute(transactions, BLOCK, watched, 1_000)
    expected = ReferenceEngine().execute(transactions, BLOCK, one, 1_000)
    assert [(got.receipt, got.output, got.halt) for got in outcomes] == [
        (same.receipt, same.output, same.halt) for same in expected
    ]
    assert isinstance(outcomes[2].refusal, NonceTooLow)
    assert watched.seal() == one.seal()


@pytest.mark.parametrize(("fault", "difference"), FAULTS.values(), ids=FAULTS)
def test_a_fault_is_caught_and_told(tmp_path: Path, fault: Fault, difference: str) -> None:
    with pytest.raises(EnginesDiffer, match=difference) as caught:
        shadow(fault, tmp_path).execute([signed()], BLOCK, world())
    assert caught.value.report.parent == tmp_path
    assert str(caught.value.report) in str(caught.value)


@pytest.mark.parametrize(("fault", "difference"), FAULTS.values(), ids=FAULTS)
def test_the_report_repeats_the_fault_and_suits_the_reference(tmp_path: Path, fault: Fault, difference: str) -> None:
    with pytest.raises(EnginesDiffer) as caught:
        shadow(fault, tmp_path).execute([signed()], BLOCK, world(), 1_000)
    workload = read_workload(caught.value.report)
    assert workload.environment.fork is BLOCK.fork
    run = run_workload(workload, ReferenceEngine(), 0)
    assert int.from_bytes(run.output, "big") == 8 + BLOCK.number - 1
    with pytest.raises((WorkloadMismatch, ZeroDivisionError)):
        run_workload(workload, FaultyEngine(fault), 0)


def test_the_report_names_differences_and_holds_the_signed_bytes(tmp_path: Path) -> None:
    with pytest.raises(EnginesDiffer) as caught:
        shadow(FAULTS["gas"][0], tmp_path).execute([signed()], BLOCK, world())
    [(name, test)] = json.loads(caught.value.report.read_text()).items()
    assert name == f"transaction 0x{signed().hash.hex()}"
    assert test["transaction"][0]["raw"] == f"0x{signed().raw.hex()}"
    assert "receipt.gas_used" in test["differences"][0]
    assert test["pre"][f"0x{CONTRACT.hex()}"]["storage"] == {"0x7": "0x8"}


def test_only_the_transaction_that_differs_is_in_the_report(tmp_path: Path) -> None:
    calls = 0

    def at_the_third(outcome: Outcome, state: WorldState) -> Outcome:
        nonlocal calls
        calls += 1
        return replace(outcome, output=b"\x01") if calls == 3 else outcome

    transactions = [signed(nonce=nonce) for nonce in range(4)]
    with pytest.raises(EnginesDiffer) as caught:
        shadow(at_the_third, tmp_path).execute(transactions, BLOCK, world())
    workload = read_workload(caught.value.report)
    assert [transaction.hash for transaction in workload.transactions] == [transactions[2].hash]
    assert run_workload(workload, ReferenceEngine(), 0).error is None


def test_a_refusal_of_another_kind_or_in_other_words_is_a_difference(tmp_path: Path) -> None:
    poor = signed(value=2 * ETHER)

    def other_words(outcome: Outcome, state: WorldState) -> Outcome:
        return Outcome(None, InsufficientFunds(0, 1))

    with pytest.raises(EnginesDiffer, match="refusal") as caught:
        shadow(other_words, tmp_path).execute([poor], BLOCK, world())
    workload = read_workload(caught.value.report)
    assert "insufficient funds" in str(run_workload(workload, ReferenceEngine(), 0).error)
    with pytest.raises(WorkloadMismatch):
        run_workload(workload, FaultyEngine(other_words), 0)


def test_a_call_on_the_state_itself_is_compared_too(tmp_path: Path) -> None:
    call = Call(SENDER, CONTRACT, 100_000, frame_only=True)
    state = world()
    assert shadow(no_fault).call(call, BLOCK, state).halt is None
    assert state.storage(CONTRACT, 1) == 2
    with pytest.raises(EnginesDiffer, match=f"call of 0x{CONTRACT.hex()}") as caught:
        shadow(with_state(lambda world: world.set_storage(CONTRACT, 1, 9)), tmp_path).call(call, BLOCK, world())
    assert run_workload(read_workload(caught.value.report), ReferenceEngine(), 0).error is None


def test_where_the_directory_is_missing_the_report_is_written_where_we_are(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(EnginesDiffer) as caught:
        shadow(FAULTS["gas"][0], tmp_path / "nothing").execute([signed()], BLOCK, world())
    assert (tmp_path / caught.value.report).is_file()
