"""Machine code is kept on disk, and read only if it is whole, ours, and meant."""

from collections.abc import Callable
from pathlib import Path

import pytest

from primitives.secp256k1_simd import machine_code
from primitives.secp256k1_simd.machine_code import MachineCode, compiled, linked, load
from primitives.secp256k1_simd.switch import recovers_right
from tests.primitives.secp256k1_simd.vectors import needs_ifma


class CompiledAgainError(Exception):
    pass


def _refuse() -> bytes:
    raise CompiledAgainError


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> tuple[bytes, str]:
    """What a load leaves in an empty directory, and its name."""
    folder = tmp_path_factory.mktemp("kernels")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(machine_code, "ROOT", folder)
        patch.setattr(machine_code, "BEGAN_S", float("inf"))
        assert recovers_right(load())
    (path,) = folder.iterdir()
    assert path.stat().st_mode & 0o777 == 0o600
    return path.read_bytes(), path.name


@pytest.fixture
def place(tmp_path: Path, kept: tuple[bytes, str], monkeypatch: pytest.MonkeyPatch) -> Path:
    """The file in a directory of its own; whoever compiles fails."""
    monkeypatch.setattr(machine_code, "ROOT", tmp_path)
    monkeypatch.setattr(machine_code, "BEGAN_S", float("inf"))
    monkeypatch.setattr(machine_code, "_made", _refuse)
    path = tmp_path / kept[1]
    path.write_bytes(kept[0])
    path.chmod(0o600)
    return path


@needs_ifma
def test_what_was_kept_is_loaded_without_compiling(place: Path):
    code = load()
    assert isinstance(code, MachineCode)
    assert recovers_right(code)
    assert code.comb.ctypes.data % 64 == 0


@needs_ifma
@pytest.mark.parametrize(
    "damage",
    [
        lambda content: b"",
        lambda content: content[:-1],
        lambda content: content + b"\0",
        lambda content: content[:5000] + bytes([content[5000] ^ 1]) + content[5001:],
    ],
    ids=["empty", "short", "long", "altered"],
)
def test_a_damaged_file_is_not_loaded(place: Path, damage: Callable[[bytes], bytes]):
    place.write_bytes(damage(place.read_bytes()))
    with pytest.raises(CompiledAgainError):
        load()


@needs_ifma
def test_a_file_that_others_may_write_is_not_loaded(place: Path):
    place.chmod(0o622)
    with pytest.raises(CompiledAgainError):
        load()


@needs_ifma
def test_a_link_is_not_followed(place: Path):
    place.rename(place.with_suffix(".elsewhere"))
    place.symlink_to(place.with_suffix(".elsewhere"))
    with pytest.raises(CompiledAgainError):
        load()


@needs_ifma
def test_a_file_for_another_processor_has_another_name(place: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(machine_code, "environment_hash", lambda: "another")
    with pytest.raises(CompiledAgainError):
        load()
    place.rename(machine_code._path() or place)  # The content tells its name, too.
    with pytest.raises(CompiledAgainError):
        load()


@needs_ifma
def test_sources_that_changed_meanwhile_are_compiled_for_this_process_alone(
    place: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(machine_code, "BEGAN_S", 0.0)
    with pytest.raises(CompiledAgainError):
        load()


def test_a_processor_without_the_instructions_is_seen(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(machine_code.llvm, "get_host_cpu_features", lambda: {"avx512f": True, "avx2": True})
    assert not machine_code.is_supported()
    with pytest.raises(AssertionError):
        compiled("")


@needs_ifma
def test_code_that_is_not_there_is_refused():
    with pytest.raises(RuntimeError):
        linked(compiled("define i64 @here() { ret i64 1 }"), "nothing", ("elsewhere",))
