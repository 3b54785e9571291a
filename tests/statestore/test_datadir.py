"""A data directory is used by one process of the chain that it belongs to, or refused in one sentence."""

import hashlib
import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from primitives.errors import (
    DatadirCorrupt,
    DatadirInUse,
    DatadirUnreadable,
    GenesisMismatch,
    StorageError,
    StorageUnavailable,
)
from primitives.forks import Fork, ForkSchedule
from statestore.datadir import ChainIdentity, Datadir

OSAKA = ForkSchedule.always(Fork.OSAKA)
IDENTITY = ChainIdentity(125_671, b"\x11" * 32, OSAKA)


def opened(path: Path) -> Datadir:
    return Datadir(path, IDENTITY)


def test_a_missing_directory_is_made_and_found_again(tmp_path: Path) -> None:
    path = tmp_path / "not" / "yet"
    datadir = opened(path)
    datadir.chain_disk.put_many([(b"k", b"v")], durable=True)
    datadir.close()
    datadir = opened(path)
    assert datadir.chain_disk.get(b"k") == b"v"
    datadir.close()


def test_a_second_opening_names_the_process_that_uses_it(tmp_path: Path) -> None:
    datadir = opened(tmp_path)
    with pytest.raises(DatadirInUse) as refusal:
        opened(tmp_path)
    expected = f"another leveret process (pid {os.getpid()}) uses {tmp_path}: stop it or give another --datadir"
    assert str(refusal.value) == expected
    datadir.close()
    opened(tmp_path).close()


def test_two_processes_do_not_share_a_directory(tmp_path: Path) -> None:
    datadir = opened(tmp_path)
    script = (
        "import sys; from pathlib import Path; from primitives.errors import DatadirInUse\n"
        "from statestore.datadir import ChainIdentity, Datadir\n"
        "from primitives.forks import ForkSchedule\n"
        "try: Datadir(Path(sys.argv[1]), ChainIdentity(125_671, b'\\x11' * 32, ForkSchedule(())))\n"
        "except DatadirInUse as error: print(error)\n"
    )
    command = [sys.executable, "-c", script, str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    assert f"(pid {os.getpid()}) uses {tmp_path}" in done.stdout
    datadir.close()


def test_the_lock_of_a_process_that_died_is_no_obstacle(tmp_path: Path) -> None:
    opened(tmp_path).close()
    (tmp_path / "leveret.lock").write_text("4000000\n")
    opened(tmp_path).close()


def test_a_file_in_place_of_the_directory_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("mine")
    for path in (file, file / "below"):
        with pytest.raises(DatadirUnreadable, match="is not a directory"):
            opened(path)
    assert file.read_text() == "mine"


def test_a_directory_with_something_else_in_it_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").write_text("...")
    with pytest.raises(DatadirUnreadable, match=r"is not a leveret data directory \(it holds 'thesis\.tex'\)"):
        opened(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.tex"]


def test_a_directory_of_another_user_is_refused(tmp_path: Path) -> None:
    script = (
        "import os, sys; from pathlib import Path; from primitives.errors import DatadirUnreadable\n"
        "from statestore.datadir import ChainIdentity, Datadir\n"
        "from primitives.forks import ForkSchedule\n"
        "if os.geteuid() == 0: os.setuid(65534)\n"
        "try: Datadir(Path(sys.argv[1]), ChainIdentity(1, bytes(32), ForkSchedule(())))\n"
        "except DatadirUnreadable as error: print(error)\n"
    )
    (tmp_path / "data").mkdir(mode=0o500)
    command = [sys.executable, "-c", script, str(tmp_path / "data")]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    assert "can't be read and written by this user" in done.stdout


@pytest.mark.parametrize("identity", [replace(IDENTITY, chain_id=1), replace(IDENTITY, genesis_hash=b"\x12" * 32)])
def test_another_chain_is_refused(tmp_path: Path, identity: ChainIdentity) -> None:
    opened(tmp_path).close()
    with pytest.raises(GenesisMismatch, match="give the"):
        Datadir(tmp_path, identity)
    opened(tmp_path).close()


PRAGUE = ForkSchedule.always(Fork.PRAGUE)
OSAKA_AT_100 = ForkSchedule(((0, Fork.PRAGUE),), ((100, Fork.OSAKA),))


def with_schedule(path: Path, schedule: ForkSchedule, last_number: int = 0, last_timestamp: int = 0) -> None:
    """Open and close it with these forks, up to a last block."""
    datadir = Datadir(path, replace(IDENTITY, schedule=schedule))
    try:
        datadir.check_schedule(0, last_number, last_timestamp)
    finally:
        datadir.close()


def test_other_forks_for_blocks_that_are_there_are_refused(tmp_path: Path) -> None:
    with_schedule(tmp_path, OSAKA)
    with pytest.raises(GenesisMismatch, match="is osaka from block 0 on, not prague: give the --fork or"):
        with_schedule(tmp_path, PRAGUE)
    with_schedule(tmp_path, OSAKA)


def test_forks_may_change_where_no_block_is_yet(tmp_path: Path) -> None:
    with_schedule(tmp_path, PRAGUE)
    with_schedule(tmp_path, OSAKA_AT_100, last_number=3, last_timestamp=99)
    with pytest.raises(GenesisMismatch, match="is osaka from block 0 on, not prague"):
        with_schedule(tmp_path, PRAGUE, last_number=4, last_timestamp=100)
    with_schedule(tmp_path, PRAGUE, last_number=4, last_timestamp=99)
    with_schedule(tmp_path, ForkSchedule(((0, Fork.PRAGUE), (5, Fork.OSAKA))), last_number=4, last_timestamp=10**9)


def test_forks_of_an_identity_that_names_none_are_those_first_given(tmp_path: Path) -> None:
    opened(tmp_path).close()
    file = tmp_path / "leveret.json"
    fields = json.loads(file.read_text())
    del fields["forks"], fields["checksum"]
    digest = hashlib.blake2b(json.dumps(fields, sort_keys=True).encode(), digest_size=16).hexdigest()
    file.write_text(json.dumps(fields | {"checksum": digest}))
    with_schedule(tmp_path, PRAGUE)
    with pytest.raises(GenesisMismatch, match="is prague from block 0 on, not osaka"):
        with_schedule(tmp_path, OSAKA)


def test_a_newer_format_is_refused(tmp_path: Path) -> None:
    opened(tmp_path).close()
    file = tmp_path / "leveret.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | {"format": 2, "added": True}))
    with pytest.raises(DatadirUnreadable, match="written by a newer leveret"):
        opened(tmp_path)


@pytest.mark.parametrize("stage", ["directory", "lock", "empty database", "unfinished identity"])
def test_an_interrupted_first_start_is_begun_again(tmp_path: Path, stage: str) -> None:
    if stage == "lock":
        (tmp_path / "leveret.lock").touch()
    if stage in ("empty database", "unfinished identity"):
        opened(tmp_path).close()
        (tmp_path / "leveret.json").unlink()
    if stage == "unfinished identity":
        (tmp_path / "leveret.json.tmp").write_text("{")
    opened(tmp_path).close()
    opened(tmp_path).close()


def test_a_chain_without_identity_or_an_identity_without_chain_is_damage(tmp_path: Path) -> None:
    datadir = opened(tmp_path)
    datadir.chain_disk.put_many([(b"k", b"v")], durable=True)
    datadir.close()
    (tmp_path / "sequencer.key").touch()
    (tmp_path / "leveret.json").rename(tmp_path.parent / "aside")
    with pytest.raises(DatadirCorrupt, match=r"leveret\.json is damaged \(it is missing"):
        opened(tmp_path)
    (tmp_path.parent / "aside").rename(tmp_path / "leveret.json")
    (tmp_path / "chain" / "CURRENT").unlink()
    with pytest.raises(DatadirCorrupt, match="chain"):
        opened(tmp_path)


def test_an_identity_with_any_bit_flipped_is_refused_or_unchanged(tmp_path: Path) -> None:
    opened(tmp_path).close()
    file = tmp_path / "leveret.json"
    whole = file.read_bytes()
    for bit in range(8 * len(whole)):
        damaged = bytearray(whole)
        damaged[bit // 8] ^= 1 << bit % 8
        file.write_bytes(damaged)
        try:
            opened(tmp_path).close()
        except StorageError as error:
            assert len(str(error).splitlines()) == 1
        else:
            assert json.loads(damaged) == json.loads(whole), "only spaces changed"


def test_a_full_disk_is_called_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*arguments: object, **named: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "mkdir", full)
    with pytest.raises(StorageUnavailable, match="no space is left"):
        opened(tmp_path)
