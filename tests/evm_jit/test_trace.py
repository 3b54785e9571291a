"""What every engine says of every instruction; the lines are in the words of EIP-3155 and geth."""

import io
import json
from dataclasses import replace
from typing import Any

import pytest

from evm_jit.engine import Call, CallResult, Engine
from evm_jit.trace import Step, StepList, first_difference, step_line, summary_line
from evm_jit.trace_writer import TraceWriter
from primitives.forks import Fork
from primitives.signature import address_of, sign
from primitives.transaction import SET_CODE, Authorization
from statestore.state import State
from tests.asm import (
    ADD,
    GAS,
    INVALID,
    JUMP,
    POP,
    RETURNDATASIZE,
    STOP,
    call,
    callcode,
    create,
    delegatecall,
    deploy,
    mstore,
    push,
    ret,
    revert,
    selfdestruct,
    sload,
    sstore,
    staticcall,
)
from tests.evm_jit.scene import BLOCK, CONTRACT, ETHER, OTHER, SENDER, block, execute, install, signed

IDENTITY = (4).to_bytes(20, "big")
NOBODY = b"\xdd" * 20
GAS_LIMIT = 100_000


def funded() -> State:
    """Tables, for compiled code works on nothing else."""
    state = State()
    state.set_balance(SENDER, ETHER)
    return state


def traced(
    engine: Engine, code: bytes, gas: int = GAS_LIMIT, other: bytes = b"", fork: Fork = Fork.OSAKA, **tracing: bool
) -> tuple[list[Step], CallResult]:
    """The steps of a frame of CONTRACT with this code, OTHER having code too, and what it left."""
    world = funded()
    install(world, code, balance_wei=10)
    if other:
        install(world, other, OTHER)
    tracer = StepList(**tracing)
    frame = Call(SENDER, CONTRACT, gas, frame_only=True)
    result = engine.call(frame, replace(block(fork), base_fee_per_gas=0), world, tracer)
    return tracer.steps, result


def of(steps: list[Step], op: int) -> Step:
    """The one step with this opcode."""
    (step,) = [step for step in steps if step.op == op]
    return step


def path(steps: list[Step]) -> list[tuple[int, int]]:
    return [(step.depth, step.pc) for step in steps]


def test_step_says_what_was_so_before_the_instruction(engine: Engine) -> None:
    steps, _ = traced(engine, mstore(32, 7) + STOP, gas=1_000)
    assert steps == [
        Step(0, 0x60, 1_000, 3, 0, (), 1, 0),
        Step(2, 0x60, 997, 3, 0, (7,), 1, 0),
        Step(4, 0x52, 994, 3 + 6, 0, (7, 32), 1, 0),
        Step(5, 0x00, 985, 0, 64, (), 1, 0),
    ]


def test_line_has_the_members_of_the_eip_in_its_order() -> None:
    step = Step(4, 0x52, 994, 9, 32, (7, 32), 1, 4_800)
    assert step_line(step) == (
        '{"pc":4,"op":82,"gas":"0x3e2","gasCost":"0x9","memSize":32,"stack":["0x7","0x20"],'
        '"depth":1,"refund":4800,"opName":"MSTORE"}'
    )
    failed = step._replace(error="out of gas", memory=bytes(31) + b"\x01")
    assert list(json.loads(step_line(failed))) == [
        *("pc", "op", "gas", "gasCost", "memory", "memSize", "stack", "depth", "refund", "opName", "error")
    ]
    assert json.loads(step_line(failed))["memory"] == f"0x{1:064x}"
    assert "memory" not in json.loads(step_line(step._replace(memory=b"")))


@pytest.mark.parametrize(
    ("op", "name"),
    [(0x20, "KECCAK256"), (0x44, "DIFFICULTY"), (0x5F, "PUSH0"), (0xFE, "INVALID"), (0x0C, "opcode 0xc not defined")],
)
def test_opcodes_have_the_names_that_geth_gives_them(op: int, name: str) -> None:
    assert json.loads(step_line(Step(0, op, 0, 0, 0, (), 1, 0)))["opName"] == name


def test_summary_has_an_error_only_if_there_was_one() -> None:
    assert summary_line(b"\x01\x02", 21_000, None) == '{"output":"0102","gasUsed":"0x5208"}'
    assert summary_line(b"", 0, "out of gas") == '{"output":"","gasUsed":"0x0","error":"out of gas"}'


def test_writer_writes_a_line_for_each_step_and_one_for_the_end() -> None:
    file = io.StringIO()
    writer = TraceWriter(file)
    writer.step(Step(0, 0, 5, 0, 0, (), 1, 0))
    writer.end(b"", 0, None)
    writer.state(bytes(32), "a.json/t/Osaka/d0g0v0", "Osaka", True)
    lines = [json.loads(line) for line in file.getvalue().splitlines()]
    assert [next(iter(line)) for line in lines] == ["pc", "output", "stateRoot"]
    assert lines[2]["stateRoot"] == f"0x{0:064x}"


def test_end_of_the_code_is_a_stop_behind_it(engine: Engine) -> None:
    steps, _ = traced(engine, push(1))
    assert (steps[-1].pc, steps[-1].op, steps[-1].gas_cost) == (2, 0, 0)


def test_code_that_is_not_there_has_no_steps(engine: Engine) -> None:
    assert traced(engine, b"")[0] == []


@pytest.mark.parametrize(
    ("code", "error"),
    [
        (push(1) + ADD, "stack underflow (1 <=> 2)"),
        (b"\x5f" * 1_025, "stack limit reached 1024 (1023)"),
        (INVALID, "invalid opcode: INVALID"),
        (b"\x0c", "invalid opcode: opcode 0xc not defined"),
        (push(2) + JUMP, "invalid jump destination"),
        (push(1) + push(0) + push(0) + b"\x3e", "return data out of bounds"),
        (mstore(1 << 40, 1), "out of gas"),
        (push(0xC001) + push(0) + push(0) + b"\xf0", "max initcode size exceeded"),
    ],
)
def test_instruction_that_fails_has_one_step_that_costs_all_that_is_left(
    engine: Engine, code: bytes, error: str
) -> None:
    steps, result = traced(engine, code)
    assert steps[-1].error == error == result.halt
    assert steps[-1].gas_cost == steps[-1].gas > 0
    assert [step.error for step in steps[:-1]] == [None] * (len(steps) - 1)


def test_write_under_a_static_call_fails_in_the_callee_and_nowhere_else(engine: Engine) -> None:
    steps, result = traced(engine, staticcall(OTHER), other=sstore(1, 1))
    failed = of(steps, 0x55)
    assert (failed.error, failed.depth, failed.gas_cost) == ("write protection", 2, failed.gas)
    assert [step.error for step in steps if step.depth == 1] == [None] * 8
    assert result.halt is None


def test_revert_costs_its_memory_and_says_that_it_reverts(engine: Engine) -> None:
    steps, result = traced(engine, push(32) + push(0) + b"\xfd")
    assert (steps[-1].gas_cost, steps[-1].error) == (3, "execution reverted")
    assert result.gas_used == 9


@pytest.mark.parametrize("to_call", [call, callcode, delegatecall, staticcall])
def test_call_costs_what_it_hands_over_whatever_comes_back(engine: Engine, to_call: Any) -> None:
    steps, _ = traced(engine, to_call(OTHER) + STOP, other=push(1))
    opened = of(steps, to_call(OTHER)[-1])
    handed = steps[steps.index(opened) + 1].gas
    base = opened.gas - 2_600
    assert handed == base - base // 64
    assert opened.gas_cost == 2_600 + handed
    assert steps[-1].gas == opened.gas - 2_600 - 3, "it came back"


def test_stipend_is_not_in_the_cost_of_a_call(engine: Engine) -> None:
    steps, _ = traced(engine, call(OTHER, value=1, gas=push(100)), other=STOP)
    opened, first = of(steps, 0xF1), steps[-2]
    assert (first.depth, first.gas) == (2, 2_400)
    assert opened.gas_cost == 2_600 + 9_000 + 100


@pytest.mark.parametrize(
    ("to", "value", "cost"),
    [
        (IDENTITY, 0, 100 + 500),
        (NOBODY, 0, 2_600 + 500),
        (NOBODY, 1, 2_600 + 9_000 + 25_000 + 500),
        (OTHER, 11, 2_600 + 9_000 + 500),
    ],
)
def test_call_that_runs_no_code_has_no_steps_and_costs_what_it_would_hand_over(
    engine: Engine, to: bytes, value: int, cost: int
) -> None:
    steps, _ = traced(engine, call(to, value, gas=push(500)) + STOP, other=INVALID)
    assert {step.depth for step in steps} == {1}
    assert of(steps, 0xF1).gas_cost == cost


def test_creation_costs_nothing_of_what_it_hands_over(engine: Engine) -> None:
    init_code = deploy(b"\x00" * 3)
    steps, _ = traced(engine, create(init_code) + STOP)
    created = of(steps, 0xF0)
    assert created.gas_cost == 32_000 + 2 * ((len(init_code) + 31) // 32)
    inner = [step for step in steps if step.depth == 2]
    handed = created.gas - created.gas_cost
    assert inner[0].gas == handed - handed // 64
    left = inner[-1].gas - inner[-1].gas_cost - 200 * 3
    assert steps[-1].gas == handed // 64 + left, "the deposit is in no step"


def test_creation_that_fails_before_its_frame_costs_the_same(engine: Engine) -> None:
    for code in (create(b"", value=11), create(b"")):
        steps, _ = traced(engine, code + STOP)
        assert of(steps, 0xF0).gas_cost == 32_000
        assert {step.depth for step in steps} == {1}


def test_creation_that_collides_costs_the_same_and_loses_what_it_hands_over(engine: Engine) -> None:
    steps, _ = traced(engine, create(deploy(STOP)) + POP + STOP)
    address = steps[-2].stack[0].to_bytes(20, "big")
    world = funded()
    install(world, create(deploy(STOP)) + STOP, balance_wei=10)
    install(world, INVALID, address)
    tracer = StepList()
    engine.call(Call(SENDER, CONTRACT, GAS_LIMIT, frame_only=True), replace(BLOCK, base_fee_per_gas=0), world, tracer)
    created = of(tracer.steps, 0xF0)
    assert created.gas_cost == of(steps, 0xF0).gas_cost
    assert tracer.steps[-1].gas == (created.gas - created.gas_cost) // 64


def test_code_that_is_too_long_to_deposit_is_no_error_of_a_step(engine: Engine) -> None:
    steps, result = traced(engine, create(ret(0, 24_577)) + STOP)
    assert [step.error for step in steps] == [None] * len(steps)
    assert steps[-1].stack == (0,)
    assert result.halt is None


def test_selfdestruct_costs_the_account_that_it_makes(engine: Engine) -> None:
    steps, _ = traced(engine, selfdestruct(NOBODY))
    assert steps[-1].gas_cost == 5_000 + 2_600 + 25_000


def test_callee_stands_between_its_call_and_what_follows(engine: Engine) -> None:
    steps, _ = traced(engine, call(OTHER) + STOP, other=push(1) + revert())
    inside = [index for index, step in enumerate(steps) if step.depth == 2]
    assert inside == list(range(8, 8 + 4)), "a frame that reverts stays in the trace"
    assert steps[7].op == 0xF1
    assert (steps[12].pc, steps[12].stack) == (steps[7].pc + 1, (0,))


def test_refund_counts_what_the_instruction_itself_adds(engine: Engine) -> None:
    steps, _ = traced(engine, sstore(1, 1) + sstore(1, 0) + STOP)
    assert [step.refund for step in steps if step.op in (0x55, 0x00)] == [0, 19_900, 19_900]


def test_refund_of_a_failed_frame_is_gone_behind_its_last_step(engine: Engine) -> None:
    steps, _ = traced(engine, call(OTHER) + STOP, other=sstore(1, 1) + sstore(1, 0) + revert())
    assert [step.refund for step in steps if step.op in (0xF1, 0xFD, 0x00)] == [0, 19_900, 0]


def test_refund_of_a_creation_whose_code_is_refused_is_still_in_its_last_step(engine: Engine) -> None:
    steps, _ = traced(engine, create(sstore(1, 1) + sstore(1, 0) + ret(0, 24_577)) + STOP, gas=1_000_000)
    assert [step.refund for step in steps if step.op in (0xF0, 0xF3, 0x00)] == [0, 19_900, 0]


def test_instruction_that_fails_refunds_nothing(engine: Engine) -> None:
    code = sstore(1, 1) + sstore(1, 0)
    needed = traced(engine, code)[1].gas_used
    (second,) = [step for step in traced(engine, code, gas=needed - 1)[0] if step.error is not None]
    assert (second.op, second.refund, second.error) == (0x55, 0, "out of gas")


def test_memory_is_told_only_if_asked_for(engine: Engine) -> None:
    code = mstore(0, 5) + STOP
    assert {step.memory for step in traced(engine, code)[0]} == {None}
    steps, _ = traced(engine, code, wants_memory=True)
    assert [step.memory for step in steps] == [b"", b"", b"", bytes(31) + b"\x05"]


def test_delegated_code_is_traced_and_its_refund_counted_from_the_start(engine: Engine) -> None:
    key = b"\x09" * 32
    authority = address_of(key)
    world = funded()
    world.set_balance(authority, 1)
    install(world, push(1), CONTRACT)
    signature = sign(key, Authorization(1, CONTRACT, 0, 0, 0, 0).signing_hash())
    authorization = Authorization(1, CONTRACT, 0, *signature)
    transaction = signed(authority, type=SET_CODE, authorization_list=(authorization,))
    tracer = StepList()
    (outcome,) = engine.execute([transaction], BLOCK, world, 0, tracer)
    assert outcome.halt is None
    assert [(step.pc, step.op, step.refund) for step in tracer.steps] == [(0, 0x60, 12_500), (2, 0, 12_500)]


def test_transactions_are_traced_one_after_the_other(engine: Engine) -> None:
    world = funded()
    install(world, sload(1) + STOP)
    tracer = StepList()
    transactions = [signed(), signed(nonce=9), signed(nonce=1, gas_limit=50_000)]
    engine.execute(transactions, BLOCK, world, 0, tracer)
    assert path(tracer.steps) == 2 * [(1, 0), (1, 2), (1, 3)], "the refused one has no step"
    assert [step.gas for step in tracer.steps if step.pc == 0] == [979_000, 29_000]


DEEP = b"".join(
    [
        sstore(1, 1),
        call(OTHER, value=1),
        RETURNDATASIZE,
        create(deploy(b"\x00" * 5)),
        delegatecall(OTHER),
        GAS,
        push(600) + JUMP,
    ]
)


@pytest.mark.parametrize("code", [DEEP, DEEP[:-1], revert(b"no")])
def test_tracing_changes_nothing(engine: Engine, code: bytes) -> None:
    results = []
    for tracer in (None, StepList(wants_memory=True)):
        state = State()
        state.set_balance(SENDER, ETHER)
        install(state, code, balance_wei=10)
        install(state, sstore(2, 5) + revert(b"data"), OTHER)
        (outcome,) = engine.execute([signed(gas_limit=500_000)], BLOCK, state, 0, tracer)
        results.append((outcome, state.seal()))
    assert results[0] == results[1]


def test_tracing_reaches_the_deepest_frame(engine: Engine) -> None:
    steps, _ = traced(engine, call(CONTRACT), gas=1 << 60)
    assert max(step.depth for step in steps) == 1_025
    assert len(steps) == 9 * 1_025


def test_selfdestruct_adds_its_refund_until_london(engine: Engine) -> None:
    steps, _ = traced(engine, call(OTHER) + STOP, other=selfdestruct(SENDER), fork=Fork.BERLIN)
    assert [step.refund for step in steps if step.op in (0xF1, 0xFF, 0x00)] == [0, 24_000, 24_000]


def test_outcome_is_what_the_summary_says(engine: Engine) -> None:
    world = funded()
    install(world, revert(b"no"))
    outcome = execute(engine, world, signed())
    assert outcome.receipt is not None
    line = json.loads(summary_line(outcome.output, outcome.receipt.gas_used, outcome.halt))
    assert line == {"output": b"no".hex(), "gasUsed": hex(outcome.receipt.gas_used), "error": "execution reverted"}


def test_first_difference_names_the_step_and_the_fields() -> None:
    one = [Step(0, 1, 9, 3, 0, (), 1, 0), Step(1, 1, 6, 3, 0, (), 1, 0)]
    assert first_difference(one, list(one)) is None
    other = [one[0], one[1]._replace(gas=7, stack=(1,))]
    found = first_difference(one, other)
    assert found is not None
    assert found.splitlines() == ["step 1 (gas, stack):", f"  {step_line(one[1])}", f"  {step_line(other[1])}"]
    shorter = first_difference(one, one[:1])
    assert shorter is not None
    assert shorter.splitlines()[2] == "  the trace ends"
