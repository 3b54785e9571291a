"""The key of a data directory: written once, for its owner alone, and never replaced by another."""

import random
import stat
from pathlib import Path

import pytest

from primitives.errors import DatadirCorrupt
from primitives.signature import SECP256K1_N
from sequencer.signing_key import FILE_NAME, new_signing_key, read_signing_key, write_signing_key


def test_a_directory_without_a_key_has_none(tmp_path: Path) -> None:
    assert read_signing_key(tmp_path) is None
    assert read_signing_key(tmp_path / "not there") is None


def test_a_key_is_read_back_and_only_its_owner_can_read_it(tmp_path: Path) -> None:
    key = new_signing_key(random.Random(1))
    write_signing_key(tmp_path, key)
    assert read_signing_key(tmp_path) == key
    assert stat.S_IMODE((tmp_path / FILE_NAME).stat().st_mode) == 0o600
    assert [entry.name for entry in tmp_path.iterdir()] == [FILE_NAME]


def test_what_an_interrupted_write_left_does_not_stop_the_next(tmp_path: Path) -> None:
    (tmp_path / FILE_NAME).with_suffix(".tmp").write_text("12")
    write_signing_key(tmp_path, b"\x01" * 32)
    assert read_signing_key(tmp_path) == b"\x01" * 32


@pytest.mark.parametrize(
    "text", ["", "nonsense", "01" * 31, "01" * 33, "00" * 32, f"{SECP256K1_N:064x}"], ids=lambda text: text[:8]
)
def test_a_damaged_key_is_refused_by_its_name(tmp_path: Path, text: str) -> None:
    (tmp_path / FILE_NAME).write_text(text)
    with pytest.raises(DatadirCorrupt, match=r"sequencer\.key is damaged"):
        read_signing_key(tmp_path)
