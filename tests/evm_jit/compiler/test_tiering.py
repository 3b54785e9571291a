"""When contracts change their tier, and in what order; without a compiler."""

import logging

import pytest

from evm_jit.compiler import tiering
from evm_jit.compiler.compile_queue import CompileQueue, Ready, Refused
from evm_jit.compiler.object_cache import ObjectKey
from evm_jit.compiler.tiering import (
    HEAT_GAS,
    HEAT_KEPT_GAS,
    PINNED_COUNT_MAX,
    Change,
    Compiler,
    Contract,
    Tiering,
)
from primitives.forks import Fork

WARM, HOT = HEAT_GAS


def contract(number: int, fork: Fork = Fork.OSAKA) -> Contract:
    return Contract(number.to_bytes(32, "big"), fork)


ONE, TWO, THREE = (contract(number) for number in (1, 2, 3))


class FakeCompiler:
    """Keeps what was submitted until a test decides what becomes of it."""

    def __init__(self) -> None:
        self.submitted: list[tuple[Contract, int]] = []
        self.room = 100
        self.kept: set[tuple[Contract, int]] = set()
        self.condemned: list[tuple[Contract, int]] = []
        self._results: list[Ready[str] | Refused] = []

    def is_kept(self, code_hash: bytes, fork: Fork, tier: int) -> bool:
        return (Contract(code_hash, fork), tier) in self.kept

    def submit(self, code_hash: bytes, code: bytes, fork: Fork, tier: int) -> bool:
        assert code == b"code of " + code_hash
        if len(self.submitted) >= self.room:
            return False
        self.submitted.append((Contract(code_hash, fork), tier))
        return True

    def poll(self) -> list[Ready[str] | Refused]:
        found, self._results = self._results, []
        return found

    def condemn(self, code_hash: bytes, fork: Fork, tier: int) -> None:
        self.condemned.append((Contract(code_hash, fork), tier))

    def finish(self, size_bytes: int = 10) -> None:
        """Everything that was submitted compiles."""
        for one, tier in self.submitted:
            key = ObjectKey(*one, tier, "")
            self._results.append(Ready(key, f"{int.from_bytes(one.code_hash, 'big')} in {tier}", size_bytes))
        self.submitted = []

    def refuse(self) -> None:
        self._results += [Refused(ObjectKey(*one, tier, ""), "weighs too much") for one, tier in self.submitted]
        self.submitted = []


class Scene:
    def __init__(self) -> None:
        self.compiler = FakeCompiler()
        self.tiering: Tiering[str] = Tiering(self.compiler, lambda code_hash: b"code of " + code_hash)

    def heat(self, one: Contract, gas: int) -> list[tuple[Contract, int]]:
        """What is submitted after that much work."""
        self.tiering.add_work(one, gas)
        self.tiering.advance()
        return self.compiler.submitted

    def load(self, one: Contract, gas: int = WARM, size_bytes: int = 10) -> list[Change[str]]:
        """What changes once it is compiled."""
        self.heat(one, gas)
        self.compiler.finish(size_bytes)
        return self.tiering.advance()


@pytest.fixture
def scene() -> Scene:
    return Scene()


def test_a_queue_is_a_compiler() -> None:
    queue: CompileQueue[str] = CompileQueue("", lambda object_bytes: "")
    compiler: Compiler[str] = queue
    assert Tiering(compiler, lambda code_hash: b"").advance() == []


def test_a_contract_is_hot_at_the_gas_of_its_tier_and_not_one_before(scene: Scene) -> None:
    assert scene.heat(ONE, WARM - 1) == []
    assert scene.heat(ONE, 1) == [(ONE, 1)]


def test_work_counts_and_not_calls(scene: Scene) -> None:
    assert scene.heat(TWO, WARM) == [(TWO, 1)]
    scene.compiler.submitted.clear()
    for _ in range(1_000):
        scene.tiering.add_work(ONE, WARM // 1_000)
    assert scene.heat(ONE, 0) == [(ONE, 1)]
    for _ in range(10_000):
        scene.tiering.add_work(THREE, 20)
    assert scene.heat(THREE, 0) == [(ONE, 1)]


def test_a_few_dozen_token_transfers_make_a_contract_hot() -> None:
    execution_gas = 29_000 - 5_000  # With a balance that was not zero before; without what a transaction itself costs.
    assert 24 <= WARM / execution_gas <= 60


def test_a_contract_is_submitted_once(scene: Scene) -> None:
    assert scene.heat(ONE, WARM) == [(ONE, 1)]
    assert scene.heat(ONE, HOT) == [(ONE, 1)]


def test_tier_two_follows_tier_one(scene: Scene) -> None:
    assert scene.load(ONE, HOT) == [Change(ONE, "1 in 1", None)]
    assert (scene.tiering.loaded(ONE), scene.tiering.tier(ONE)) == ("1 in 1", 1)
    assert scene.load(ONE, 1) == [Change(ONE, "1 in 2", "1 in 1")]
    assert (scene.tiering.loaded(ONE), scene.tiering.tier(ONE)) == ("1 in 2", 2)
    assert scene.heat(ONE, HOT) == []


def test_tier_two_needs_its_own_heat(scene: Scene) -> None:
    scene.load(ONE)
    assert scene.heat(ONE, HOT - WARM - 1) == []
    assert scene.heat(ONE, 1) == [(ONE, 2)]


def test_an_object_on_disk_is_loaded_early(scene: Scene) -> None:
    scene.compiler.kept = {(ONE, 1), (ONE, 2)}
    assert scene.heat(ONE, HEAT_KEPT_GAS - 1) == []
    assert scene.load(ONE, 1) == [Change(ONE, "1 in 1", None)]
    assert scene.load(ONE, 1) == [Change(ONE, "1 in 2", "1 in 1")]
    assert scene.heat(TWO, HEAT_KEPT_GAS) == []


def test_the_hottest_come_first_and_the_others_wait(scene: Scene) -> None:
    scene.compiler.room = 2
    for one, gas in ((ONE, WARM), (TWO, 3 * WARM), (THREE, 2 * WARM)):
        scene.tiering.add_work(one, gas)
    scene.tiering.advance()
    assert scene.compiler.submitted == [(TWO, 1), (THREE, 1)]
    scene.tiering.add_work(contract(4), 4 * WARM)
    scene.tiering.advance()
    assert scene.compiler.submitted == [(TWO, 1), (THREE, 1)]
    scene.compiler.finish()
    scene.compiler.room = 1
    scene.tiering.advance()
    assert scene.compiler.submitted == [(contract(4), 1)]
    scene.compiler.finish()
    scene.tiering.advance()
    assert scene.compiler.submitted == [(ONE, 1)]


def test_what_is_refused_stays_where_it_is(scene: Scene) -> None:
    scene.heat(ONE, WARM)
    scene.compiler.refuse()
    assert scene.heat(ONE, HOT) == []
    assert scene.tiering.tier(ONE) == 0
    scene.load(TWO, HOT)
    scene.heat(TWO, 1)
    scene.compiler.refuse()
    assert scene.heat(TWO, HOT) == []
    assert scene.tiering.tier(TWO) == 1


def test_two_forks_are_two_contracts(scene: Scene) -> None:
    scene.load(ONE)
    before = contract(1, Fork.PRAGUE)
    assert scene.tiering.loaded(before) is None
    assert scene.heat(before, WARM) == [(before, 1)]


def test_contracts_that_ran_longest_ago_make_room(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tiering, "LOADED_SIZE_BYTES_MAX", 25)
    scene.load(ONE)
    scene.load(TWO)
    scene.tiering.add_work(ONE, 1)
    assert scene.load(THREE) == [Change(THREE, "3 in 1", None), Change(TWO, None, "2 in 1")]
    assert (scene.tiering.loaded(ONE), scene.tiering.loaded(TWO)) == ("1 in 1", None)
    assert scene.heat(TWO, WARM - 1) == []
    assert scene.heat(TWO, 1) == [(TWO, 1)]


def test_an_object_larger_than_the_room_runs_alone(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tiering, "LOADED_SIZE_BYTES_MAX", 25)
    scene.load(ONE)
    assert scene.load(TWO, size_bytes=100) == [Change(TWO, "2 in 1", None), Change(ONE, None, "1 in 1")]


def test_a_larger_object_of_the_same_contract_counts_once(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tiering, "LOADED_SIZE_BYTES_MAX", 25)
    scene.load(ONE)
    scene.load(TWO, HOT, size_bytes=10)
    assert scene.load(TWO, 1, size_bytes=15) == [Change(TWO, "2 in 2", "2 in 1")]


def test_heat_is_known_of_so_many_contracts(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tiering, "CONTRACTS_COUNT_MAX", 2)
    scene.load(ONE)
    scene.tiering.add_work(TWO, WARM - 1)
    scene.tiering.add_work(THREE, 1)
    assert scene.tiering.advance() == [Change(ONE, None, "1 in 1")]
    scene.tiering.add_work(ONE, 1)
    assert scene.heat(TWO, 1) == []


def test_what_was_forgotten_while_it_was_compiled_is_not_used(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tiering, "CONTRACTS_COUNT_MAX", 1)
    scene.heat(ONE, WARM)
    scene.heat(TWO, 1)
    scene.compiler.finish()
    assert scene.tiering.advance() == []


def test_a_difference_pins_a_contract_loudly(scene: Scene, caplog: pytest.LogCaptureFixture) -> None:
    scene.load(ONE)
    with caplog.at_level(logging.CRITICAL):
        assert scene.tiering.pin(ONE, "gas used 5, not 7") == [Change(ONE, None, "1 in 1")]
    [record] = caplog.records
    assert record.levelno == logging.CRITICAL
    assert f"0x{ONE.code_hash.hex()} (osaka, tier 1)" in record.getMessage()
    assert "gas used 5, not 7" in record.getMessage()
    assert scene.compiler.condemned == [(ONE, 1), (ONE, 2)]
    assert scene.heat(ONE, HOT) == []
    assert scene.tiering.loaded(ONE) is None
    assert scene.heat(TWO, WARM) == [(TWO, 1)]


def test_a_contract_that_is_pinned_while_it_is_compiled_stays_so(scene: Scene) -> None:
    scene.load(ONE, HOT)
    scene.heat(ONE, 1)
    assert scene.tiering.pin(ONE, "other logs") == [Change(ONE, None, "1 in 1")]
    scene.compiler.finish()
    assert scene.tiering.advance() == []
    assert scene.tiering.loaded(ONE) is None


def test_a_compiler_that_was_wrong_often_is_not_used_any_more(scene: Scene) -> None:
    scene.load(TWO)
    for number in range(PINNED_COUNT_MAX - 1):
        assert scene.tiering.pin(contract(100 + number), "other output") == []
    assert scene.tiering.is_trusted
    assert scene.tiering.pin(THREE, "other output") == [Change(TWO, None, "2 in 1")]
    assert not scene.tiering.is_trusted
    assert scene.heat(TWO, HOT) == []
