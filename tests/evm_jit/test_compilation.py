"""Compiling with a second process. The kernels are in the cache by then, so that both have little to do."""

import subprocess
import sys

import pytest

from evm_jit import compilation
from evm_jit.compilation import Helper, compile_all
from evm_jit.native_calls import compile_calls
from primitives.compilation import Progress, show_nothing


@pytest.fixture
def started(monkeypatch) -> list[subprocess.Popen]:
    """The processes that were started; a helper starts at once."""
    processes = []
    popen = subprocess.Popen

    def remember(*arguments, **options):
        processes.append(popen(*arguments, **options))
        return processes[-1]

    monkeypatch.setattr(compilation, "COLD_AFTER_S", 0)
    monkeypatch.setattr(compilation.os, "cpu_count", lambda: 2)
    monkeypatch.setattr(compilation.subprocess, "Popen", remember)
    return processes


def test_what_is_compiled_already_is_at_its_end_at_once():
    compile_calls()
    shown = []
    compile_all(lambda done, total: shown.append((done, total)))
    assert shown[-1][0] == shown[-1][1]


def test_a_helper_that_can_not_run_does_no_harm(monkeypatch, started):
    monkeypatch.setattr(sys, "executable", "/bin/false")
    helper = Helper(Progress(show_nothing, 10))
    helper.start()
    helper.join()
    helper.stop()
    assert started[0].returncode != 0
    monkeypatch.setattr(sys, "executable", "/nothing/here")
    nobody = Helper(Progress(show_nothing, 10))
    nobody.start()
    nobody.join()
    nobody.stop()
    assert len(started) == 1


def test_a_helper_compiles_the_other_half_and_ends(started):
    helper = Helper(Progress(show_nothing, 10))
    helper.start()
    helper.join()
    assert started[0].wait() == 0
    helper.stop()


def test_a_helper_that_is_stopped_early_ends(started):
    helper = Helper(Progress(show_nothing, 10))
    helper.start()
    helper.stop()
    assert started[0].returncode is not None


def test_a_helper_does_not_start_when_its_half_is_done_already(started):
    helper = Helper(Progress(show_nothing, 10))
    helper.join()
    helper.start()
    assert started == []


def test_on_one_processor_nobody_helps(monkeypatch, started):
    monkeypatch.setattr(compilation.os, "cpu_count", lambda: 1)
    compile_all()
    assert started == []
