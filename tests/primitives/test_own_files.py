"""What runs when it is loaded is read only if it is ours."""

import os
from pathlib import Path

import pytest

from primitives.own_files import read_own_file, write_own_file

CONTENT = bytes(range(256))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "file"
    write_own_file(path, CONTENT)
    return path


def test_what_was_written_is_read(path: Path) -> None:
    assert read_own_file(path, len(CONTENT)) == CONTENT
    assert path.stat().st_mode & 0o777 == 0o600
    assert list(path.parent.iterdir()) == [path]


def test_what_is_larger_is_not_read(path: Path) -> None:
    assert read_own_file(path, len(CONTENT) - 1) is None


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o602, 0o610, 0o601])
def test_what_others_can_get_at_is_not_read(path: Path, mode: int) -> None:
    path.chmod(mode)
    assert read_own_file(path, len(CONTENT)) is None


def test_what_belongs_to_another_user_is_not_read(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    somebody_else = os.getuid() + 1
    monkeypatch.setattr(os, "getuid", lambda: somebody_else)
    assert read_own_file(path, len(CONTENT)) is None


def test_a_link_a_pipe_and_a_directory_are_not_read(path: Path) -> None:
    link, pipe = path.with_name("link"), path.with_name("pipe")
    link.symlink_to(path)
    os.mkfifo(pipe, 0o600)
    with pytest.raises(OSError, match="symbolic links"):
        read_own_file(link, len(CONTENT))
    assert read_own_file(pipe, len(CONTENT)) is None
    with pytest.raises(OSError, match="directory"):
        read_own_file(path.parent, len(CONTENT))


def test_a_disk_that_takes_nothing_leaves_what_was_there(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(self: Path, target: Path) -> Path:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", fails)
    with pytest.raises(OSError, match="No space left"):
        write_own_file(path, b"other")
    assert read_own_file(path, len(CONTENT)) == CONTENT
    assert list(path.parent.iterdir()) == [path]
