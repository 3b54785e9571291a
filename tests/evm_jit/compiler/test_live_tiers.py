"""What is hot becomes machine code while transactions go on, and nobody can tell but by the time."""

import logging
from collections import deque
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from evm_jit import native
from evm_jit.compiler import live_tiers
from evm_jit.compiler.blocks import Section
from evm_jit.compiler.compile_queue import CompileQueue, Ready, Refused
from evm_jit.compiler.live_tiers import ASKED_GAS, LiveTiers
from evm_jit.compiler.loading import LoadedCode, load_object
from evm_jit.compiler.object_cache import ObjectCache, ObjectKey
from evm_jit.compiler.pipeline import compile_code
from evm_jit.compiler.tiering import HEAT_GAS
from evm_jit.engine import Call, Outcome
from evm_jit.machine import AT_ONCE, NEVER
from evm_jit.native import NativeEngine
from evm_jit.tiers import REPEATED_FIRST_COUNT
from primitives.forks import Fork
from primitives.keccak import keccak256
from statestore.overlay import Overlay
from statestore.state import State
from statestore.table import Capacities
from tests.evm_jit.compiler.fake_compilers import COMMAND, FINGERPRINT
from tests.evm_jit.scene import BLOCK, CONTRACT, ETHER, OTHER, SENDER, install, signed

# Turns calldata[0] times, adding up; then stores the sum in slot calldata[32], logs it, and returns it.
LOOPING = bytes.fromhex(
    "5f 5f35 5b 8015 6014 57 80 91 01 90 6001 90 03 6003 56 5b 50 80 602035 55 5f52 60205fa0 60205ff3"
)
GAS_PER_TURN = 52
GAS = 3_000_000


class InProcess:
    """A compile queue without a queue: each code is compiled when it is submitted. `change` is made to it before."""

    def __init__(self, change: Callable[[bytes], bytes] = bytes) -> None:
        self.submitted: list[tuple[int, bytes]] = []
        self.condemned: list[int] = []
        self.unloaded = self.closed = 0
        self._change = change
        self._results: deque[Ready[LoadedCode] | Refused] = deque()

    def is_kept(self, code_hash: bytes, fork: Fork, tier: int) -> bool:
        return False

    def submit(self, code_hash: bytes, code: bytes, fork: Fork, tier: int) -> bool:
        self.submitted.append((tier, code))
        loaded = load_object(compile_code(self._change(code), fork, tier).object_bytes)
        self._results.append(Ready(ObjectKey(code_hash, fork, tier, ""), loaded, 1))
        return True

    def poll(self) -> list[Ready[LoadedCode] | Refused]:
        found = list(self._results)
        self._results.clear()
        return found

    def condemn(self, code_hash: bytes, fork: Fork, tier: int) -> None:
        self.condemned.append(tier)

    def unload(self, unwanted: list[LoadedCode]) -> None:
        self.unloaded += len(unwanted)

    def close(self) -> None:
        self.closed += 1


def turns(count: int, slot: int = 0) -> bytes:
    return count.to_bytes(32, "big") + slot.to_bytes(32, "big")


def make_state(capacities: Capacities | None = None) -> State:
    state = State() if capacities is None else State(capacities=capacities)
    install(state, LOOPING)
    state.set_balance(SENDER, 100 * ETHER)
    state.begin_transaction()
    return state


def run(
    engine: NativeEngine, state: State, first_nonce: int, count: int, turn_count: int = 20_000, to: bytes = CONTRACT
) -> list[Outcome]:
    """One batch of `count` transactions, each with a slot of its own."""
    transactions = [
        signed(to=to, nonce=first_nonce + index, data=turns(turn_count, first_nonce + index), gas_limit=GAS)
        for index in range(count)
    ]
    return list(engine.execute(transactions, replace(BLOCK, gas_limit=GAS * count), state))


def engine_with(queue: InProcess) -> tuple[NativeEngine, LiveTiers]:
    tiers = LiveTiers(queue)  # type: ignore[arg-type]
    return NativeEngine(tiers), tiers


def raw_receipts(outcomes: list[Outcome]) -> list[bytes]:
    return [outcome.receipt.raw for outcome in outcomes if outcome.receipt is not None]


def entries(tiers: LiveTiers, state: State) -> int:
    """How many codes have machine code."""
    return int((tiers._tables[state][BLOCK.fork].records["entry"] != 0).sum())


def test_what_is_hot_is_compiled_and_leaves_the_same(caplog: pytest.LogCaptureFixture):
    queue = InProcess()
    engine, tiers = engine_with(queue)
    state, plain = make_state(), make_state()
    nonce = 0
    for count in (1, 1, 2, 40, 3):
        got, expected = run(engine, state, nonce, count), run(NativeEngine(), plain, nonce, count)
        assert got == expected
        assert raw_receipts(got) == raw_receipts(expected)
        nonce += count
    assert state.seal() == plain.seal()
    assert [tier for tier, _ in queue.submitted] == [1]
    assert entries(tiers, state) == 1
    assert caplog.records == []


def test_the_second_tier_is_for_what_stays_hot():
    queue = InProcess()
    engine, _ = engine_with(queue)
    state = make_state()
    per_run = run(engine, state, 0, 1)[0].receipt
    assert per_run is not None
    count = HEAT_GAS[1] // per_run.gas_used + 2
    for nonce in range(1, count, 20):
        assert all(each.receipt and each.receipt.succeeded for each in run(engine, state, nonce, 20))
    assert [tier for tier, _ in queue.submitted] == [1, 2]


def test_a_transaction_that_is_hot_in_itself_goes_on_in_machine_code():
    queue = InProcess()
    engine, tiers = engine_with(queue)
    state, plain = make_state(), make_state()
    call = Call(SENDER, CONTRACT, 3 * ASKED_GAS, data=turns(2 * ASKED_GAS // 60))
    result = engine.call(call, BLOCK, state)
    assert [tier for tier, _ in queue.submitted] == [1]
    assert result == NativeEngine().call(call, BLOCK, plain)
    assert entries(tiers, state) == 1


@pytest.mark.parametrize("mode", (NEVER, AT_ONCE), ids=("bytecode", "threaded code"))
def test_a_loop_comes_to_machine_code_on_its_way_which_is_repeated_too(
    mode: int, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
):
    """The compiler's is another program, which counts by two; that it ran in the middle of the loop is noticed."""
    monkeypatch.setattr(native, "TRANSLATES", mode)
    queue = InProcess(lambda code: code.replace(b"\x60\x01\x90\x03", b"\x60\x02\x90\x03"))
    engine, _ = engine_with(queue)
    state, plain, environment = make_state(), make_state(), replace(BLOCK, gas_limit=1 << 24)
    transaction = signed(data=turns(3 * ASKED_GAS // GAS_PER_TURN), gas_limit=1 << 24)
    found = list(engine.execute([transaction], environment, state))
    assert found == list(NativeEngine().execute([transaction], environment, plain))
    assert state.seal() == plain.seal()
    [record] = caplog.records
    assert "THE COMPILER IS WRONG" in record.message


# What a compiler could make wrong of the program, in hex.
MUTANTS = {
    "a sum": ("91 01", "91 17"),  # ADD becomes OR.
    "a slot": ("80 602035 55", "80 604035 55"),
    "a log": ("60205fa0", "601f5fa0"),
    "the output": ("60205ff3", "601f5ff3"),
    "a jump": ("6003 56", "6004 56"),
    "the gas": ("", ""),
}


@pytest.mark.parametrize("name", MUTANTS)
def test_code_that_gives_something_else_is_noticed_and_never_used_again(
    name: str, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
):
    """No wrong result gets out."""
    right, wrong = map(bytes.fromhex, MUTANTS[name])
    if not right:
        gas = Section.gas.fget
        assert gas is not None
        monkeypatch.setattr(Section, "gas", property(lambda section: gas(section) + 1))
    queue = InProcess(lambda code: code.replace(right, wrong) if right else code)
    engine, tiers = engine_with(queue)
    state, plain = make_state(), make_state()
    for nonce in range(0, 8, 2):
        got, expected = run(engine, state, nonce, 2), run(NativeEngine(), plain, nonce, 2)
        assert got == expected
        assert raw_receipts(got) == raw_receipts(expected)
    assert state.seal() == plain.seal()
    assert entries(tiers, state) == 0
    assert queue.condemned == [1, 2]
    assert queue.unloaded == 1
    [record] = caplog.records
    assert record.levelno == logging.CRITICAL
    assert "THE COMPILER IS WRONG" in record.message
    assert [tier for tier, _ in queue.submitted] == [1]


def test_the_first_runs_are_repeated_and_one_now_and_then_after():
    engine, _ = engine_with(InProcess())
    state = make_state()
    machine = engine._machine()
    run(engine, state, 0, 3)
    run(engine, state, 3, 1)  # Behind it, what was compiled is taken over.
    assert machine["repetitions"] == 0
    run(engine, state, 4, REPEATED_FIRST_COUNT + 4, turn_count=10)
    assert REPEATED_FIRST_COUNT <= machine["repetitions"] <= REPEATED_FIRST_COUNT + 1


def test_a_transaction_that_begins_again_in_larger_tables_is_repeated_all_the_same(caplog: pytest.LogCaptureFixture):
    queue = InProcess(lambda code: code.replace(b"\x91\x01", b"\x91\x17"))
    engine, tiers = engine_with(queue)
    state = make_state()
    run(engine, state, 0, 3)
    run(engine, state, 3, 1)
    assert entries(tiers, state) == 1
    small, plain = make_state(Capacities(2, 2, 2, 8, 8, 2, 2, 2)), make_state()
    assert run(engine, small, 0, 6) == run(NativeEngine(), plain, 0, 6)
    assert small.seal() == plain.seal()
    assert "THE COMPILER IS WRONG" in caplog.text


def test_a_difference_is_the_fault_of_what_ran_then(caplog: pytest.LogCaptureFixture):
    wrong = LOOPING.replace(b"\x91\x01", b"\x91\x17")
    queue = InProcess(lambda code: code.replace(b"\x91\x17", b"\x91\x18"))  # OR becomes XOR.
    engine, tiers = engine_with(queue)
    state = make_state()
    install(state, wrong, OTHER)
    state.begin_transaction()
    run(engine, state, 0, 3)
    for nonce in (3, 5, 7):
        run(engine, state, nonce, 2, to=OTHER)
    [record] = caplog.records
    assert keccak256(wrong).hex() in record.message
    assert entries(tiers, state) == 1


def test_calls_over_views_are_interpreted():
    queue = InProcess()
    engine, _ = engine_with(queue)
    state = make_state()
    call = Call(SENDER, CONTRACT, 3 * ASKED_GAS, data=turns(2 * ASKED_GAS // 60))
    assert engine.call(call, BLOCK, Overlay(state)).halt is None
    assert queue.submitted == []


def test_tiers_that_are_closed_compile_nothing_more_and_go_on_running_what_they_have():
    queue = InProcess()
    engine, tiers = engine_with(queue)
    state, plain = make_state(), make_state()
    for nonce, count in ((0, 3), (3, 1)):
        assert run(engine, state, nonce, count) == run(NativeEngine(), plain, nonce, count)
    engine.close()
    engine.close()
    assert queue.closed == 2
    assert run(engine, state, 4, 3) == run(NativeEngine(), plain, 4, 3)
    assert entries(tiers, state) == 1


def test_closing_ends_the_worker_and_the_thread(tmp_path: Path):
    queue = CompileQueue(FINGERPRINT, lambda octets: LoadedCode(0, None), ObjectCache(tmp_path / "objects"), COMMAND)
    engine = NativeEngine(LiveTiers(queue))
    state = make_state()
    run(engine, state, 0, 3)
    assert queue._thread is not None and queue._thread.is_alive()
    engine.close()
    engine.close()
    assert not queue._thread.is_alive()
    assert queue.worker_pid is None
    assert not queue.submit(bytes(32), b"add", BLOCK.fork, 1)


def test_closing_before_anything_was_hot_opens_nothing_afterwards(monkeypatch: pytest.MonkeyPatch):
    opened: list[CompileQueue[LoadedCode]] = []

    def open_queue() -> CompileQueue[LoadedCode]:
        opened.append(CompileQueue(FINGERPRINT, load_object, None, COMMAND))
        return opened[-1]

    monkeypatch.setattr(live_tiers, "open_queue", open_queue)
    engine = NativeEngine(LiveTiers())
    engine.close()
    run(engine, make_state(), 0, 3)
    assert [(queue._thread, queue.worker_pid) for queue in opened] == [(None, None)]


def test_no_batch_waits_for_the_queue_to_be_opened(monkeypatch: pytest.MonkeyPatch):
    opened: list[InProcess] = []

    def open_queue() -> InProcess:
        opened.append(InProcess())
        return opened[-1]

    monkeypatch.setattr(live_tiers, "open_queue", open_queue)
    engine = NativeEngine(LiveTiers())
    engine.warm_up()
    assert len(opened) == 1
    run(engine, make_state(), 0, 3)
    assert len(opened) == 1
    assert len(opened[0].submitted) == 1


def test_states_share_what_was_compiled():
    queue = InProcess()
    engine, tiers = engine_with(queue)
    first, second = make_state(), make_state()
    install(second, b"\x5f", OTHER)
    run(engine, first, 0, 3)
    run(engine, second, 0, 1, turn_count=1)
    assert entries(tiers, first) == entries(tiers, second) == 1
    assert len(queue.submitted) == 1


def test_a_contract_that_another_state_gets_later_runs_as_machine_code_there():
    queue = InProcess()
    engine, tiers = engine_with(queue)
    first, second = make_state(), State()
    second.set_balance(SENDER, 100 * ETHER)
    second.begin_transaction()
    run(engine, second, 0, 1)  # A transfer: nobody has code there.
    run(engine, first, 0, 3)
    run(engine, first, 3, 1, turn_count=1)
    assert (entries(tiers, first), entries(tiers, second)) == (1, 0)
    install(second, LOOPING)
    second.begin_transaction()
    run(engine, second, 1, 1, turn_count=1)
    assert entries(tiers, second) == 1
    assert len(queue.submitted) == 1
