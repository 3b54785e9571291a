"""Objects go to disk and come back as code that can be called; without a safe place for them they are made again."""

import logging
from pathlib import Path
from threading import Semaphore

import pytest

from evm_jit.compiler import node_queue
from evm_jit.compiler.compile_queue import CompileQueue, Ready
from evm_jit.compiler.fingerprint import fingerprint
from evm_jit.compiler.loading import LoadedCode, load_object
from evm_jit.compiler.node_queue import DIRECTORY_NAME, open_cache, open_queue
from primitives.forks import Fork
from tests.evm_jit.compiler.test_worker import COMMAND, WAIT_S

CODE = bytes.fromhex("6001600201")


@pytest.fixture(autouse=True)
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(node_queue, "ROOT", tmp_path)
    return tmp_path


def test_an_object_is_loaded_when_it_is_made_and_when_it_comes_from_disk() -> None:
    cpu_ns = []
    for _ in range(2):
        told = Semaphore(0)
        queue: CompileQueue[LoadedCode] = CompileQueue(fingerprint(), load_object, open_cache(), COMMAND, told.release)
        assert queue.submit(bytes(32), CODE, Fork.OSAKA, 1)
        assert told.acquire(timeout=WAIT_S)
        [found] = queue.poll()
        assert isinstance(found, Ready)
        assert found.loaded.address > 0
        cpu_ns.append(found.cpu_ns)
        queue.close()
    assert cpu_ns[0] > 0
    assert cpu_ns[1] == 0


def test_a_queue_that_is_not_used_starts_nothing(root: Path) -> None:
    queue = open_queue()
    assert queue.worker_pid is None
    assert not queue.is_kept(bytes(32), Fork.OSAKA, 1)
    queue.close()
    assert (root / DIRECTORY_NAME).stat().st_mode & 0o777 == 0o700


def test_a_place_that_is_open_to_others_is_not_used(root: Path, caplog: pytest.LogCaptureFixture) -> None:
    (root / DIRECTORY_NAME).mkdir()
    (root / DIRECTORY_NAME).chmod(0o777)
    with caplog.at_level(logging.WARNING):
        assert open_cache() is None
    assert "is open to other users (mode 0777)" in caplog.text
    queue = open_queue()
    assert not queue.is_kept(bytes(32), Fork.OSAKA, 1)
    queue.close()
