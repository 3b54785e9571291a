"""Compiled contracts on disk: what is kept, what is refused, and that neither stops anybody."""

import logging
import os
from dataclasses import replace
from pathlib import Path

import pytest

from evm_jit.compiler import object_cache
from evm_jit.compiler.object_cache import ObjectCache, ObjectKey
from primitives.errors import ObjectCacheUntrusted
from primitives.forks import Fork

KEY = ObjectKey(bytes(range(32)), Fork.OSAKA, 1, "f" * 32)
OBJECT = b"\x7fELF" + bytes(range(256)) + b"\n\n"


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    return tmp_path / "objects"


@pytest.fixture
def cache(directory: Path) -> ObjectCache:
    return ObjectCache(directory)


def only_file(directory: Path) -> Path:
    [path] = directory.iterdir()
    return path


def other_key(number: int) -> ObjectKey:
    return replace(KEY, code_hash=number.to_bytes(32, "big"))


def test_an_object_comes_back_as_it_was(cache: ObjectCache, directory: Path) -> None:
    assert cache.load(KEY) is None
    assert KEY not in cache
    cache.store(KEY, OBJECT)
    assert KEY in cache
    assert cache.load(KEY) == OBJECT
    reopened = ObjectCache(directory)
    assert KEY in reopened
    assert reopened.load(KEY) == OBJECT


def test_directory_and_files_are_this_users_alone(cache: ObjectCache, directory: Path) -> None:
    cache.store(KEY, OBJECT)
    assert directory.stat().st_mode & 0o777 == 0o700
    assert only_file(directory).stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    "other",
    [
        replace(KEY, code_hash=bytes(32)),
        replace(KEY, fork=Fork.PRAGUE),
        replace(KEY, tier=2),
        replace(KEY, fingerprint="e" * 32),
    ],
    ids=["code", "fork", "tier", "fingerprint"],
)
def test_an_object_is_for_nothing_else(cache: ObjectCache, other: ObjectKey, directory: Path) -> None:
    cache.store(KEY, OBJECT)
    assert cache.load(other) is None
    only_file(directory).rename(directory / other.file_name)
    assert cache.load(other) is None
    assert list(directory.iterdir()) == []


@pytest.mark.parametrize("position", [0, 31, 32, 100, -1])
def test_an_altered_object_is_removed(
    cache: ObjectCache, directory: Path, position: int, caplog: pytest.LogCaptureFixture
) -> None:
    cache.store(KEY, OBJECT)
    path = only_file(directory)
    content = bytearray(path.read_bytes())
    content[position] ^= 1
    path.write_bytes(content)
    with caplog.at_level(logging.WARNING):
        assert cache.load(KEY) is None
    assert str(path) in caplog.text
    assert not path.exists()
    assert KEY not in cache
    cache.store(KEY, OBJECT)
    assert cache.load(KEY) == OBJECT


@pytest.mark.parametrize("size_bytes", [0, 10, 32, 150])
def test_a_torn_object_is_removed(cache: ObjectCache, directory: Path, size_bytes: int) -> None:
    cache.store(KEY, OBJECT)
    os.truncate(only_file(directory), size_bytes)
    assert cache.load(KEY) is None
    assert list(directory.iterdir()) == []


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o602, 0o666])
def test_a_file_that_is_open_to_others_is_removed(cache: ObjectCache, directory: Path, mode: int) -> None:
    cache.store(KEY, OBJECT)
    only_file(directory).chmod(mode)
    assert cache.load(KEY) is None
    assert list(directory.iterdir()) == []


def test_a_link_is_not_followed(cache: ObjectCache, directory: Path, tmp_path: Path) -> None:
    cache.store(KEY, OBJECT)
    path = only_file(directory)
    path.rename(tmp_path / "elsewhere")
    path.symlink_to(tmp_path / "elsewhere")
    assert cache.load(KEY) is None
    assert (tmp_path / "elsewhere").exists()


def test_what_belongs_to_another_user_is_refused(
    cache: ObjectCache, directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache.store(KEY, OBJECT)
    somebody_else = os.getuid() + 1
    monkeypatch.setattr(os, "getuid", lambda: somebody_else)
    assert cache.load(KEY) is None
    with pytest.raises(ObjectCacheUntrusted, match="belongs to another user"):
        ObjectCache(directory)


@pytest.mark.parametrize("mode", [0o750, 0o705, 0o770, 0o707, 0o755])
def test_a_directory_that_is_open_to_others_is_refused(directory: Path, mode: int) -> None:
    directory.mkdir()
    directory.chmod(mode)
    with pytest.raises(ObjectCacheUntrusted, match=f"open to other users .mode 0{mode:o}."):
        ObjectCache(directory)


def test_a_directory_that_is_a_link_or_a_file_is_refused(directory: Path, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ObjectCacheUntrusted, match="can't be made"):
        ObjectCache(tmp_path / "file")
    (tmp_path / "real").mkdir(mode=0o700)
    directory.symlink_to(tmp_path / "real")
    with pytest.raises(ObjectCacheUntrusted, match="not a directory"):
        ObjectCache(directory)


def test_the_objects_used_longest_ago_make_room(directory: Path) -> None:
    cache = ObjectCache(directory, size_bytes_max=4 * 1_200)
    for number in range(4):
        cache.store(other_key(number), bytes(1_000))
        os.utime(directory / other_key(number).file_name, ns=(number, number))
    assert cache.load(other_key(0)) == bytes(1_000)  # Used now, so it is not the oldest any more.
    cache.store(other_key(4), bytes(1_000))
    assert [number for number in range(5) if other_key(number) in cache] == [0, 2, 3, 4]
    assert cache.load(other_key(1)) is None
    assert sum(path.stat().st_size for path in directory.iterdir()) <= 4 * 1_200


def test_a_file_that_another_process_removed_is_not_missed(cache: ObjectCache, directory: Path) -> None:
    cache.store(KEY, OBJECT)
    only_file(directory).unlink()
    assert cache.load(KEY) is None
    assert KEY not in cache


def test_a_disk_that_takes_nothing_is_no_trouble(
    cache: ObjectCache, directory: Path, caplog: pytest.LogCaptureFixture
) -> None:
    directory.rmdir()
    with caplog.at_level(logging.WARNING):
        cache.store(KEY, OBJECT)
    assert "can't be written" in caplog.text
    assert cache.load(KEY) is None


def test_what_was_read_is_used_though_the_disk_does_not_take_when(
    cache: ObjectCache, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(path: Path) -> None:
        raise OSError(30, "Read-only file system")

    cache.store(KEY, OBJECT)
    monkeypatch.setattr(os, "utime", fails)
    assert cache.load(KEY) == OBJECT
    assert KEY in cache


def test_a_refusal_takes_the_place_of_an_object_for_this_compiler_only(cache: ObjectCache, directory: Path) -> None:
    cache.store(KEY, OBJECT)
    assert cache.refusal(KEY) is None
    cache.refuse(KEY, "made LLVM abort")
    for each in (cache, ObjectCache(directory)):
        assert each.load(KEY) is None
        assert KEY not in each
        assert each.refusal(KEY) == "made LLVM abort"
        assert each.refusal(replace(KEY, fingerprint="e" * 32)) is None
        assert each.refusal(replace(KEY, tier=2)) is None


def test_an_altered_refusal_is_removed(cache: ObjectCache, directory: Path) -> None:
    cache.refuse(KEY, "made LLVM abort")
    path = only_file(directory)
    path.write_bytes(path.read_bytes() + b"!")
    assert cache.refusal(KEY) is None
    assert not path.exists()


def test_as_many_refusals_are_kept_as_there_may_be(directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(object_cache, "REFUSALS_COUNT_MAX", 2)
    cache = ObjectCache(directory)
    cache.store(KEY, OBJECT)
    os.utime(directory / KEY.file_name, ns=(0, 0))
    for number in range(4):
        cache.refuse(other_key(number), "weighs too much")
        os.utime(directory / other_key(number).refusal_name, ns=(number + 1, number + 1))
    assert [number for number in range(4) if cache.refusal(other_key(number)) is not None] == [2, 3]
    assert len(list(directory.iterdir())) == 3
    assert cache.load(KEY) == OBJECT


def test_a_long_reason_is_cut(cache: ObjectCache) -> None:
    cache.refuse(KEY, "\u20ac" * 2_000)
    reason = cache.refusal(KEY)
    assert reason is not None and len(reason) < 1_000


def test_no_temporary_file_stays(cache: ObjectCache, directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(self: Path, target: Path) -> Path:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", fails)
    cache.store(KEY, OBJECT)
    assert list(directory.iterdir()) == []


def test_what_a_killed_process_left_half_written_is_removed(
    cache: ObjectCache, directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def is_killed(self: Path, target: Path) -> Path:
        raise KeyboardInterrupt

    monkeypatch.setattr(Path, "replace", is_killed)
    for key in (KEY, other_key(1)):
        with pytest.raises(KeyboardInterrupt):
            cache.store(key, OBJECT)
    first, second = directory.iterdir()
    os.utime(first, (0, 0))
    ObjectCache(directory)
    assert list(directory.iterdir()) == [second]  # Another process may be writing it.
