"""The cache of machine code follows every source that it was made from."""

import os
import shutil
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from primitives import kernels_cache
from primitives.errors import ConfigError
from primitives.kernels_cache import PROJECT, kernel_sources, sources_hash

CALLED = '''"""A constant."""

FACTOR = {factor}
'''
KERNEL = '''"""A kernel that calls another file."""

from statestore import called
from primitives.kernels_cache import njit


@njit
def scaled(number):
    """`number` times the factor."""
    return number * called.FACTOR
'''
RUN = "from statestore.kernel import scaled; print(scaled(3), sum(scaled.stats.cache_hits.values()))"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    for name in ("primitives", "statestore"):
        (tmp_path / name).mkdir()
        shutil.copy(PROJECT / name / "__init__.py", tmp_path / name)
    shutil.copy(PROJECT / "primitives" / "errors.py", tmp_path / "primitives")
    shutil.copy(PROJECT / "primitives" / "kernels_cache.py", tmp_path / "primitives")
    (tmp_path / "statestore" / "called.py").write_text(CALLED.format(factor=5))
    (tmp_path / "statestore" / "kernel.py").write_text(KERNEL)
    return tmp_path


def run(project: Path) -> list[str]:
    environment = {name: value for name, value in os.environ.items() if name != "NUMBA_CACHE_DIR"}
    environment |= {"XDG_CACHE_HOME": str(project / "cache"), "PYTHONPATH": str(project)}
    command = [sys.executable, "-c", RUN]
    done = subprocess.run(command, env=environment, cwd=project, capture_output=True, text=True, check=True)
    return done.stdout.split()


def test_an_edit_in_a_called_file_reaches_the_machine_code(project: Path) -> None:
    assert run(project) == ["15", "0"]
    assert run(project) == ["15", "1"]
    (project / "statestore" / "called.py").write_text(CALLED.format(factor=7))
    assert run(project) == ["21", "0"]
    directories = list((project / "cache" / "leveret").iterdir())
    assert len(directories) == 2
    assert all(stat.S_IMODE(path.stat().st_mode) == 0o700 for path in directories)


def test_sources_of_kernels_include_what_they_import() -> None:
    names = {str(path.relative_to(PROJECT)) for path in kernel_sources()}
    assert {"statestore/versions.py", "statestore/kernel_calls.py", "statestore/table.py"} <= names
    assert "statestore/state.py" not in names


def test_the_hash_follows_the_settings_that_change_the_code(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NUMBA_BOUNDSCHECK", "0")
    before = sources_hash()
    assert sources_hash() == before
    monkeypatch.setenv("NUMBA_BOUNDSCHECK", "1")
    assert sources_hash() != before


def test_a_directory_that_others_can_write_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    directory = kernels_cache.choose_directory()
    assert directory.parent == tmp_path / "leveret"
    directory.chmod(0o777)
    with pytest.raises(ConfigError, match="can be written by, another user"):
        kernels_cache.choose_directory()


def test_a_link_to_a_directory_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    (tmp_path / "elsewhere").mkdir(mode=0o700)
    (tmp_path / "leveret").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(ConfigError):
        kernels_cache.choose_directory()


def test_a_cache_that_cannot_be_made_is_replaced_by_a_temporary_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    directory = kernels_cache.choose_directory()
    assert directory.name.startswith("leveret-numba-")
    assert stat.S_IMODE(directory.stat().st_mode) == 0o700


def test_only_the_newest_directories_are_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    ours = tmp_path / "leveret"
    ours.mkdir(mode=0o700)
    for age in range(20):
        (ours / f"numba-{age:016x}").mkdir(mode=0o700)
        os.utime(ours / f"numba-{age:016x}", (1_000_000 - age, 1_000_000 - age))
    kept = kernels_cache.choose_directory()
    names = sorted(path.name for path in ours.iterdir() if path != kept)
    assert names == [f"numba-{age:016x}" for age in range(kernels_cache.DIRECTORIES_KEPT_MAX)]
