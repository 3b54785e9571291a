"""
Objects on disk are damaged while an engine with tiers executes transactions.

Whatever is done to them, what was damaged is refused and compiled anew, and what transactions leave is what they leave
in the interpreter: not because the interpreter's repetition of runs would have noticed, but because nothing else ran.
"""

import logging
import os
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import cache
from pathlib import Path
from random import Random
from threading import Semaphore
from typing import Final

import pytest

from evm_jit.compiler import tiering
from evm_jit.compiler.compile_queue import CompileQueue
from evm_jit.compiler.live_tiers import LiveTiers
from evm_jit.compiler.loading import LoadedCode, load_object
from evm_jit.compiler.object_cache import ObjectCache, ObjectKey
from evm_jit.compiler.pipeline import compile_code
from evm_jit.compiler.tiering import HEAT_GAS, Contract
from evm_jit.compiler.worker_process import Answer
from evm_jit.engine import Outcome
from evm_jit.native import NativeEngine
from evm_jit.tiers import REPEATED_FIRST_COUNT
from primitives.forks import Fork
from primitives.keccak import keccak256
from primitives.transaction import Transaction
from statestore.state import State
from tests.evm_jit.compiler.fake_compilers import FINGERPRINT
from tests.evm_jit.scene import BLOCK, ETHER, SENDER, install, signed

WAIT_S: Final = 60
# Adds up calldata[0], and what follows behind it, down to 1; adds a number of its own; stores and returns the sum.
SUMMING: Final = "5f 5f35 5b 8015 6014 57 80 91 01 90 6001 90 03 6003 56 5b 50 60{:02x}01 80 602035 55 5f52 60205ff3"
CODES: Final = tuple(bytes.fromhex(SUMMING.format(number)) for number in (3, 5, 7))  # Each leaves something else.
ADDRESSES: Final = tuple(bytes((0xC0, number)) * 10 for number in range(len(CODES)))
TIERS: Final = (1, 2)
BATCHES_COUNT: Final = 6  # Hot, tier 1 loaded, run, tier 2 loaded, run.
FIRST_TURNS, TURNS = 30_000, 300
CALLS_COUNT: Final = REPEATED_FIRST_COUNT + 4  # Of a contract in a batch: not all of an object's are repeated.
GAS: Final = 3_000_000

Damage = Callable[[list[Path], Random], None]


class RecordingQueue(CompileQueue[LoadedCode]):
    """Compiles in this process, each code before `submit` returns, and remembers what it has compiled."""

    def __init__(self, directory: Path) -> None:
        self._told = Semaphore(0)
        super().__init__(FINGERPRINT, load_object, ObjectCache(directory), notify=self._told.release)
        self.compiled: list[tuple[bytes, int]] = []

    def submit(self, code_hash: bytes, code: bytes, fork: Fork, tier: int) -> bool:
        assert super().submit(code_hash, code, fork, tier)
        assert self._told.acquire(timeout=WAIT_S)
        return True

    def ask(self, code: bytes, fork: Fork, tier: int) -> Answer:
        self.compiled.append((code, tier))
        return Answer(True, 1, 1, compile_code(code, fork, tier).object_bytes)

    def _running_worker(self) -> "RecordingQueue":  # type: ignore[override]
        return self


@cache
def batches() -> list[list[Transaction]]:
    """Calls of all contracts; each has a slot of its own."""
    found, nonce = [], 0
    for index in range(BATCHES_COUNT):
        batch = []
        for call in range(CALLS_COUNT * len(ADDRESSES)):
            turns = FIRST_TURNS if index == 0 and call < len(ADDRESSES) else TURNS
            data = turns.to_bytes(32, "big") + nonce.to_bytes(32, "big")
            batch.append(signed(nonce=nonce, to=ADDRESSES[call % len(ADDRESSES)], data=data, gas_limit=GAS))
            nonce += 1
        found.append(batch)
    return found


def left_by(engine: NativeEngine, between: dict[int, Callable[[], None]]) -> tuple[list[Outcome], object]:
    """Outcomes of all batches, and what the state has become; before some batches something else is done."""
    state = State()
    for address, code in zip(ADDRESSES, CODES, strict=True):
        install(state, code, address)
    state.set_balance(SENDER, 1_000 * ETHER)
    state.begin_transaction()
    outcomes: list[Outcome] = []
    for index, batch in enumerate(batches()):
        between.get(index, lambda: None)()
        outcomes += engine.execute(batch, replace(BLOCK, gas_limit=GAS * len(batch)), state)
    return outcomes, state.seal()


@cache
def expected() -> tuple[list[Outcome], object]:
    """What the interpreter leaves."""
    return left_by(NativeEngine(), {})


class Scene:
    """A directory with an object of every contract in every tier, and engines that find it."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self.check(compiled=TIERS)
        self.objects = {path: path.read_bytes() for path in directory.iterdir()}
        assert len(self.objects) == len(CODES) * len(TIERS)

    def path(self, code: bytes, tier: int, fork: Fork = BLOCK.fork) -> Path:
        return self._directory / ObjectKey(keccak256(code), fork, tier, FINGERPRINT).file_name

    def paths(self, *tiers: int) -> list[Path]:
        """Of these tiers, contract by contract."""
        return [self.path(code, tier) for code in CODES for tier in tiers]

    def check(self, compiled: tuple[int, ...] | None, between: dict[int, Callable[[], None]] | None = None) -> None:
        """Execute everything with tiers, and compile nothing but the contracts in these tiers, or whatever it takes."""
        queue = RecordingQueue(self._directory)
        tiers = LiveTiers(queue)
        engine = NativeEngine(tiers)
        try:
            assert left_by(engine, between or {}) == expected()
        finally:
            engine.close()
        if compiled is not None:
            assert sorted(queue.compiled) == sorted((code, tier) for code in CODES for tier in compiled)
        assert tiers._tiering is not None
        for code in CODES:
            assert tiers._tiering.tier(Contract(keccak256(code), BLOCK.fork)) == max(TIERS)

    def check_restored(self) -> None:
        """Everything is on disk again as it was."""
        assert {path: path.read_bytes() for path in self._directory.iterdir()} == self.objects
        assert not any(path.is_symlink() for path in self.objects)


@pytest.fixture
def scene(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> Iterator[Scene]:
    monkeypatch.setattr(tiering, "HEAT_GAS", (HEAT_GAS[0], HEAT_GAS[0] + 1))
    yield Scene(tmp_path / "objects")
    # No run was repeated with another result.
    assert [record for record in caplog.records if record.levelno > logging.WARNING] == []


def flip_a_bit(paths: list[Path], random: Random) -> None:
    for path in paths:
        content = bytearray(path.read_bytes())
        content[random.randrange(len(content))] ^= 1 << random.randrange(8)
        path.write_bytes(content)


def alter_the_checksum(paths: list[Path], random: Random) -> None:
    for path in paths:
        path.write_bytes(random.randbytes(32) + path.read_bytes()[32:])


def cut(paths: list[Path], random: Random) -> None:
    for path in paths:
        os.truncate(path, random.randrange(path.stat().st_size))


def lengthen(paths: list[Path], random: Random) -> None:
    for path in paths:
        path.write_bytes(path.read_bytes() + b"\0")


def zero_a_page(paths: list[Path], random: Random) -> None:
    for path in paths:
        content = path.read_bytes()
        start = random.randrange(len(content) - 1) & ~0xFFF
        path.write_bytes(content[:start] + bytes(len(content[start : start + 4096])) + content[start + 4096 :])


def exchange(paths: list[Path], random: Random) -> None:
    """Each becomes its neighbour: of another tier, and the last of a contract's of another contract."""
    contents = [path.read_bytes() for path in paths]
    for path, content in zip(paths, contents[1:] + contents[:1], strict=True):
        path.write_bytes(content)


def open_to_others(paths: list[Path], random: Random) -> None:
    for path in paths:
        path.chmod(0o600 | random.choice((0o040, 0o020, 0o004, 0o002)))


def link(paths: list[Path], random: Random) -> None:
    for path in paths:
        elsewhere = path.parent.parent / path.name
        path.replace(elsewhere)
        path.symlink_to(elsewhere)


DAMAGES: Final[dict[str, Damage]] = {
    damage.__name__.replace("_", " "): damage
    for damage in (flip_a_bit, alter_the_checksum, cut, lengthen, zero_a_page, exchange, open_to_others, link)
}


def warnings(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]


def test_what_is_whole_is_loaded(scene: Scene, caplog: pytest.LogCaptureFixture) -> None:
    scene.check(compiled=())
    scene.check_restored()
    assert warnings(caplog) == []


@pytest.mark.parametrize("name", DAMAGES)
def test_what_is_damaged_is_refused_and_compiled_anew(
    scene: Scene, name: str, caplog: pytest.LogCaptureFixture
) -> None:
    DAMAGES[name](scene.paths(*TIERS), Random(name))
    scene.check(compiled=TIERS)
    assert sorted(warning.split()[0] for warning in warnings(caplog)) == sorted(map(str, scene.objects))
    scene.check_restored()


@pytest.mark.parametrize("name", DAMAGES)
def test_what_is_damaged_under_a_running_engine_is_refused_when_it_comes_to_it(scene: Scene, name: str) -> None:
    """The second tier is looked for in the third batch; what is loaded already goes on."""
    scene.check(compiled=(2,), between={2: lambda: DAMAGES[name](scene.paths(2), Random(name))})
    scene.check_restored()
    scene.check(compiled=(), between={5: lambda: DAMAGES[name](scene.paths(*TIERS), Random(name))})


def test_the_object_of_another_fork_is_refused(scene: Scene, tmp_path: Path) -> None:
    cache = ObjectCache(tmp_path / "objects")
    for code in CODES:
        for tier in TIERS:
            key = ObjectKey(keccak256(code), Fork.PRAGUE, tier, FINGERPRINT)
            cache.store(key, compile_code(code, Fork.PRAGUE, tier).object_bytes)
            scene.path(code, tier, Fork.PRAGUE).replace(scene.path(code, tier))
    scene.check(compiled=TIERS)
    scene.check_restored()


def test_objects_of_another_user_are_refused(
    scene: Scene, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    somebody_else = os.getuid() + 1

    def come() -> None:
        monkeypatch.setattr(os, "getuid", lambda: somebody_else)

    scene.check(compiled=TIERS, between={0: come})
    assert len(warnings(caplog)) == len(scene.objects)


@pytest.mark.parametrize("seed", range(4))
def test_any_damage_at_any_time_changes_no_result(scene: Scene, seed: int) -> None:
    random = Random(seed)

    def damage() -> None:
        for path in scene.objects:
            if random.random() < 0.5 and path.is_file() and not path.is_symlink() and path.stat().st_size > 1:
                random.choice(list(DAMAGES.values()))([path], random)

    for _ in range(2):
        scene.check(compiled=None, between=dict.fromkeys(range(BATCHES_COUNT), damage))
