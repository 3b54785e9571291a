"""What is hot becomes machine code while transactions go on, and nobody can tell but by the time."""

import logging
from collections import deque
from collections.abc import Callable
from dataclasses import replace

import pytest

from evm_jit import native
from evm_jit.compiler.compile_queue import Ready, Refused
from evm_jit.compiler.live_tiers import ASKED_GAS, LiveTiers
from evm_jit.compiler.loading import LoadedCode, load_object
from evm_jit.compiler.object_cache import ObjectKey
from evm_jit.compiler.pipeline import compile_code
from evm_jit.compiler.tiering import HEAT_GAS, SHADOWED_FIRST_COUNT
from evm_jit.engine import Call, Outcome
from evm_jit.machine import AT_ONCE, NEVER
from evm_jit.native import NativeEngine
from primitives.forks import Fork
from statestore.overlay import Overlay
from statestore.state import State
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


def turns(count: int, slot: int = 0) -> bytes:
    return count.to_bytes(32, "big") + slot.to_bytes(32, "big")


def make_state() -> State:
    state = State()
    install(state, LOOPING)
    state.set_balance(SENDER, 100 * ETHER)
    state.begin_transaction()
    return state


def run(engine: NativeEngine, state: State, first_nonce: int, count: int, turn_count: int = 20_000) -> list[Outcome]:
    """One batch of `count` transactions, each with a slot of its own."""
    transactions = [
        signed(nonce=first_nonce + index, data=turns(turn_count, first_nonce + index), gas_limit=GAS)
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


def test_code_that_gives_something_else_is_noticed_and_never_used_again(caplog: pytest.LogCaptureFixture):
    """The compiler turns ADD into OR; no wrong result gets out."""
    queue = InProcess(lambda code: code.replace(b"\x91\x01", b"\x91\x17"))
    engine, tiers = engine_with(queue)
    state, plain = make_state(), make_state()
    for nonce in range(0, 8, 2):
        assert run(engine, state, nonce, 2) == run(NativeEngine(), plain, nonce, 2)
    assert state.seal() == plain.seal()
    assert entries(tiers, state) == 0
    assert queue.condemned == [1, 2]
    [record] = caplog.records
    assert record.levelno == logging.CRITICAL
    assert "THE COMPILER IS WRONG" in record.message


def test_the_first_runs_are_repeated_and_one_now_and_then_after(monkeypatch: pytest.MonkeyPatch):
    queue = InProcess()
    engine, tiers = engine_with(queue)
    state = make_state()
    told: list[str | None] = []
    repeated = tiers.repeated
    monkeypatch.setattr(tiers, "repeated", lambda *arguments: (told.append(arguments[-1]), repeated(*arguments)))
    run(engine, state, 0, 3)
    run(engine, state, 3, 1)  # Behind it, what was compiled is taken over.
    assert told == []
    run(engine, state, 4, SHADOWED_FIRST_COUNT + 4, turn_count=10)
    assert SHADOWED_FIRST_COUNT <= len(told) <= SHADOWED_FIRST_COUNT + 1
    assert set(told) == {None}


def test_calls_over_views_are_interpreted():
    queue = InProcess()
    engine, _ = engine_with(queue)
    state = make_state()
    call = Call(SENDER, CONTRACT, 3 * ASKED_GAS, data=turns(2 * ASKED_GAS // 60))
    assert engine.call(call, BLOCK, Overlay(state)).halt is None
    assert queue.submitted == []


def test_states_share_what_was_compiled():
    queue = InProcess()
    engine, tiers = engine_with(queue)
    first, second = make_state(), make_state()
    install(second, b"\x5f", OTHER)
    run(engine, first, 0, 3)
    run(engine, second, 0, 1, turn_count=1)
    assert entries(tiers, first) == entries(tiers, second) == 1
    assert len(queue.submitted) == 1
