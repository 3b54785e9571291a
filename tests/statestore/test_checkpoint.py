"""Checkpoints: the exact state of one block, written while the chain goes on, or passed over."""

import threading
from pathlib import Path

import pytest

from primitives.errors import DecodingError, StorageError, StorageUnavailable
from statestore import checkpoint as checkpoint_module
from statestore.checkpoint import (
    Checkpointer,
    Manifest,
    age_of,
    checkpoint_numbers,
    load_checkpoint,
    read_manifest,
    remove_unfinished,
)
from statestore.datadir import Datadir
from statestore.recovery import OpenChain, open_chain
from tests.statestore.chain_builder import GENESIS, ChainBuilder, contents


@pytest.fixture
def chain(tmp_path: Path):
    opened = open_chain(tmp_path / "data", GENESIS, durability="write")
    yield opened
    opened.close()


def datadir_of(chain: OpenChain) -> Datadir:
    assert chain.datadir is not None
    return chain.datadir


def checkpointer_of(chain: OpenChain, **arguments) -> Checkpointer:
    return Checkpointer(datadir_of(chain), chain.state, chain.history, **arguments)


def numbers_of(chain: OpenChain) -> list[int]:
    return checkpoint_numbers(datadir_of(chain).checkpoints_path)


def loaded(chain: OpenChain, number: int):
    manifest = read_manifest(datadir_of(chain), number)
    return None if manifest is None else load_checkpoint(datadir_of(chain), manifest, seed=3)


def test_a_checkpoint_is_the_state_of_its_block_though_the_chain_goes_on(chain: OpenChain, monkeypatch) -> None:
    monkeypatch.setattr(checkpoint_module, "_BATCH_ENTRIES", 7)  # An account with many slots spans batches.
    builder = ChainBuilder(chain)
    block = builder.blocks(30)[-1]
    expected = contents(chain.state, block.version)
    checkpointer = checkpointer_of(chain)
    checkpointer.start(block)
    written_meanwhile = 0
    while checkpointer.is_writing:
        later = builder.block(2)
        chain.state.discard_before(later.version)
        written_meanwhile += 1
    checkpointer.wait()
    assert written_meanwhile > 1
    restored = loaded(chain, block.number)
    assert restored is not None
    state, trie = restored
    assert contents(state) == expected
    assert state.version == block.version
    assert trie.root() == block.header.state_root
    assert chain.state.oldest_version >= block.version
    chain.state.discard_before(chain.state.version)
    assert chain.state.oldest_version == chain.state.version, "the pin is taken back"


def test_the_newest_two_are_kept(chain: OpenChain) -> None:
    builder, checkpointer = ChainBuilder(chain), checkpointer_of(chain)
    for _ in range(4):
        checkpointer.start(builder.block(1))
        checkpointer.wait()
    assert numbers_of(chain) == [3, 4]
    assert {path.name for path in datadir_of(chain).checkpoints_path.iterdir()} == {"3", "4"}


def test_one_is_written_after_so_many_blocks_that_changed_something(chain: OpenChain) -> None:
    builder, checkpointer = ChainBuilder(chain), checkpointer_of(chain, interval_blocks=4)
    for count in (1, 0, 1, 0, 0, 1, 0):
        checkpointer.block_sealed(builder.block(count))
        checkpointer.wait()
    assert numbers_of(chain) == []
    checkpointer.block_sealed(builder.block(1))
    checkpointer.wait()
    assert numbers_of(chain) == [8]
    checkpointer.block_sealed(builder.block(1))
    checkpointer.close()
    assert numbers_of(chain) == [8], "the newest is young enough"


def test_a_clean_stop_writes_one_when_the_newest_is_old(tmp_path: Path) -> None:
    kept = []
    for age in (0, 3, 0, 3):
        chain = open_chain(tmp_path / "data", GENESIS, durability="write")
        assert chain.checkpoint_age_blocks == age
        builder = ChainBuilder(chain)
        checkpointer = checkpointer_of(chain, interval_blocks=10, age_blocks=chain.checkpoint_age_blocks)
        for _ in range(3):
            checkpointer.block_sealed(builder.block(1))
        builder.mini_block()  # Of the open block: later than the checkpoint.
        checkpointer.close()
        kept.append(numbers_of(chain))
        chain.close()
    assert kept == [[], [6], [6], [6, 12]]


def test_empty_blocks_count_for_little(chain: OpenChain) -> None:
    builder = ChainBuilder(chain)
    assert age_of(builder.block(1)) == 1
    assert 0 < age_of(builder.block(0)) < 0.1


def test_a_failure_is_reported_and_the_chain_goes_on(chain: OpenChain, monkeypatch) -> None:
    errors: list[StorageError] = []
    builder, checkpointer = ChainBuilder(chain), checkpointer_of(chain, on_error=errors.append)

    def fail(path: Path) -> None:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(checkpoint_module, "sync_file", fail)
    checkpointer.start(builder.block(1))
    with pytest.raises(StorageUnavailable, match="Input/output error"):
        checkpointer.wait()
    assert len(errors) == 1
    monkeypatch.undo()
    assert numbers_of(chain) == []
    checkpointer.start(builder.block(1))
    checkpointer.wait()
    assert numbers_of(chain) == [2]


def test_one_of_ours_is_raised_and_not_swallowed(chain: OpenChain, monkeypatch) -> None:
    checkpointer = checkpointer_of(chain)

    def fail(*arguments: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(checkpoint_module, "write_checkpoint", fail)
    builder = ChainBuilder(chain)
    checkpointer.start(builder.block(1))
    with pytest.raises(ZeroDivisionError):
        checkpointer.close()
    checkpointer.start(builder.block(1))
    while checkpointer.is_writing:
        pass
    with pytest.raises(ZeroDivisionError):
        checkpointer.block_sealed(builder.block(1))


def test_the_records_last_before_the_checkpoint_does(chain: OpenChain, monkeypatch) -> None:
    order: list[str] = []
    sync = chain.history.sync
    monkeypatch.setattr(chain.history, "sync", lambda: (sync(), order.append(f"sync {numbers_of(chain)}")))
    checkpointer = checkpointer_of(chain)
    checkpointer.start(ChainBuilder(chain).block(1))
    checkpointer.wait()
    assert order == ["sync []"]
    assert numbers_of(chain) == [1]


def test_an_abandoned_checkpoint_is_removed_at_the_next_start(chain: OpenChain, monkeypatch) -> None:
    monkeypatch.setattr(checkpoint_module, "_BATCH_ENTRIES", 1)
    monkeypatch.setattr(checkpoint_module, "_REST_S", 60)
    checkpointer = checkpointer_of(chain)
    checkpointer.start(ChainBuilder(chain).block(1))
    checkpointer.abandon()
    assert not checkpointer.is_writing
    directory = datadir_of(chain).checkpoints_path
    assert numbers_of(chain) == []
    (directory / "7.tmp").mkdir(exist_ok=True)
    remove_unfinished(directory)
    assert list(directory.iterdir()) == []


def test_a_checkpoint_of_another_chain_is_none(chain: OpenChain, tmp_path: Path) -> None:
    checkpointer = checkpointer_of(chain)
    checkpointer.start(ChainBuilder(chain).block(1))
    checkpointer.wait()
    directory = datadir_of(chain).checkpoints_path
    (directory / "1").rename(directory / "2")
    assert read_manifest(datadir_of(chain), 2) is None
    (directory / "2").rename(directory / "1")
    assert read_manifest(datadir_of(chain), 1) is not None
    assert read_manifest(datadir_of(chain), 3) is None


def test_only_numbers_are_checkpoints(tmp_path: Path) -> None:
    for name in ("10", "9", "7.tmp", "notes", "007", "²"):
        (tmp_path / name).mkdir()
    assert checkpoint_numbers(tmp_path) == [9, 10]


def test_a_manifest_with_any_bit_flipped_is_refused() -> None:
    manifest = Manifest(1, b"\1" * 32, 2, b"\2" * 32, b"\3" * 32, 3, 4, 5)
    encoded = manifest.encode()
    assert Manifest.decode(encoded) == manifest
    for bit in range(8 * len(encoded)):
        damaged = bytearray(encoded)
        damaged[bit // 8] ^= 1 << bit % 8
        with pytest.raises(DecodingError):
            Manifest.decode(bytes(damaged))
    for size in range(len(encoded)):
        with pytest.raises(DecodingError):
            Manifest.decode(encoded[:size])


def test_a_thread_that_waits_sees_the_end(chain: OpenChain) -> None:
    checkpointer = checkpointer_of(chain)
    checkpointer.wait()
    checkpointer.start(ChainBuilder(chain).block(1))
    waiter = threading.Thread(target=checkpointer.wait)
    waiter.start()
    waiter.join()
    assert numbers_of(chain) == [1]
