"""A chain that is opened again is the chain that it was."""

from dataclasses import replace
from pathlib import Path

import pytest

from primitives.errors import DatadirCorrupt, GenesisMismatch, UnknownBlock
from primitives.forks import Fork, ForkSchedule
from statestore.checkpoint import Checkpointer, checkpoint_numbers
from statestore.genesis import Genesis, dev_genesis
from statestore.recovery import OpenChain, open_chain
from statestore.trie import state_root
from tests.statestore.chain_builder import CHAIN, GENESIS, SEQUENCER, ChainBuilder, contents, hashes


def opened(path: Path | None, history_blocks: int = 128) -> OpenChain:
    return open_chain(path, GENESIS, durability="write", history_blocks=history_blocks, sequencer=SEQUENCER)


def root_of(chain: OpenChain, version: int) -> bytes:
    return state_root((address, *rest) for address, rest in contents(chain.state, version).items())


def checkpoint(chain: OpenChain) -> None:
    assert chain.datadir is not None
    checkpointer = Checkpointer(chain.datadir, chain.state, chain.history)
    checkpointer.start(chain.history.head)
    checkpointer.wait()


def test_a_new_chain_starts_with_its_genesis_block(tmp_path: Path) -> None:
    chain = opened(tmp_path / "data")
    assert chain.history.head.header == chain.genesis_header
    assert (chain.state.version, chain.history.next_mini_block_number) == (0, 0)
    assert root_of(chain, 0) == chain.trie.root() == chain.genesis_header.state_root
    chain.close()


@pytest.mark.parametrize("with_checkpoints", [False, True])
@pytest.mark.parametrize("history_blocks", [0, 3, 128])
def test_a_reopened_chain_equals_what_it_was_also_amid_a_block(
    tmp_path: Path, with_checkpoints: bool, history_blocks: int
) -> None:
    for round_ in range(4):
        chain = opened(tmp_path / "data", history_blocks)
        builder = ChainBuilder(chain, round_)
        builder.blocks(5)
        if with_checkpoints:
            checkpoint(chain)
        builder.block(0)
        for _ in range(3):
            builder.mini_block()
        before = contents(chain.state), hashes(chain.history), chain.trie.root(), chain.history.last_mini_block_hash
        head, opened_before = chain.history.head, chain.history.open_mini_blocks()
        chain.close()

        chain = opened(tmp_path / "data", history_blocks)
        after = contents(chain.state), hashes(chain.history), chain.trie.root(), chain.history.last_mini_block_hash
        assert after == before
        assert (chain.history.head, chain.history.open_mini_blocks()) == (head, opened_before)
        assert chain.state.version == chain.history.next_mini_block_number == head.version + 3
        assert root_of(chain, head.version) == head.header.state_root
        chain.close()


def test_the_states_of_the_last_blocks_are_readable_after_a_restart(tmp_path: Path) -> None:
    chain = opened(tmp_path / "data")
    builder = ChainBuilder(chain)
    blocks = builder.blocks(6)
    checkpoint(chain)
    blocks += builder.blocks(6)
    checkpoint(chain)
    blocks += builder.blocks(2)
    chain.close()

    chain = opened(tmp_path / "data", history_blocks=5)
    for block in blocks[-6:]:
        assert root_of(chain, block.version) == block.header.state_root
    with pytest.raises(UnknownBlock):
        chain.state.view_at(blocks[-7].version)
    chain.close()


def test_a_code_that_nobody_has_at_the_checkpoint_can_come_back_after_it(tmp_path: Path) -> None:
    chain = opened(tmp_path / "data")
    builder = ChainBuilder(chain)
    address, code = b"\xcc" * 20, b"\x60\x01\x60\x02"
    for write in (lambda: chain.state.set_code(address, code), lambda: chain.state.delete_account(address)):
        write()
        builder.block(1)
    checkpoint(chain)
    chain.state.set_code(address, code)
    block = builder.block(1)
    assert code not in [code for each in chain.history.stored_mini_blocks(2, 2) for code in each.state_diff.codes]
    chain.close()

    chain = opened(tmp_path / "data", history_blocks=0)
    assert root_of(chain, block.version) == block.header.state_root
    chain.close()


def test_another_genesis_or_chain_id_is_refused(tmp_path: Path) -> None:
    opened(tmp_path / "data").close()
    with pytest.raises(GenesisMismatch, match="genesis block 0x"):
        open_chain(tmp_path / "data", dev_genesis(CHAIN, [], 1))
    with pytest.raises(GenesisMismatch, match="holds chain 125671, not chain 5"):
        open_chain(tmp_path / "data", dev_genesis(type(CHAIN)(chain_id=5), list(GENESIS.alloc), 10**21))
    opened(tmp_path / "data").close()


def test_other_forks_than_those_of_its_blocks_are_refused(tmp_path: Path) -> None:
    opened(tmp_path / "data").close()
    prague = replace(GENESIS, config=replace(CHAIN, schedule=ForkSchedule.always(Fork.PRAGUE)))
    with pytest.raises(GenesisMismatch, match="is osaka from block 0 on, not prague"):
        open_chain(tmp_path / "data", prague)
    opened(tmp_path / "data").close()


def test_a_fork_can_be_planned_but_not_put_before_the_open_block(tmp_path: Path) -> None:
    """The two genesis blocks have one hash."""
    prague = replace(CHAIN, schedule=ForkSchedule.always(Fork.PRAGUE))
    genesis = dev_genesis(prague, list(GENESIS.alloc), 10**21)
    chain = open_chain(tmp_path / "data", genesis)
    builder = ChainBuilder(chain)
    builder.block(1)
    builder.mini_block()
    timestamp = chain.history.open_mini_blocks()[-1].block_timestamp
    chain.close()

    def planned(first: int) -> Genesis:
        return replace(
            genesis, config=replace(prague, schedule=ForkSchedule(((0, Fork.PRAGUE),), ((first, Fork.OSAKA),)))
        )

    with pytest.raises(GenesisMismatch, match="not osaka"):
        open_chain(tmp_path / "data", planned(timestamp))
    open_chain(tmp_path / "data", planned(timestamp + 1)).close()


def test_a_mini_block_with_another_signature_is_refused(tmp_path: Path) -> None:
    chain = opened(tmp_path / "data")
    ChainBuilder(chain).mini_block(signed=False)
    chain.close()
    with pytest.raises(DatadirCorrupt, match="mini-block 0 is not signed by 0x"):
        opened(tmp_path / "data")
    open_chain(tmp_path / "data", GENESIS).close()


def test_damaged_checkpoints_are_passed_over(tmp_path: Path) -> None:
    chain = opened(tmp_path / "data")
    builder = ChainBuilder(chain)
    for _ in range(2):
        builder.blocks(3)
        checkpoint(chain)
    block = builder.block(2)
    assert chain.datadir is not None
    checkpoints = chain.datadir.checkpoints_path
    chain.close()
    numbers = checkpoint_numbers(checkpoints)
    assert numbers == [3, 6]
    for number in reversed(numbers):
        for file in (checkpoints / str(number)).glob("*.l*"):
            file.write_bytes(file.read_bytes()[:-40] + bytes(40))
        chain = opened(tmp_path / "data", history_blocks=0)
        assert root_of(chain, block.version) == block.header.state_root
        chain.close()


def test_records_lost_behind_a_checkpoint_are_noticed(tmp_path: Path) -> None:
    chain = opened(tmp_path / "data")
    ChainBuilder(chain).blocks(3)
    assert chain.datadir is not None
    chain_path, checkpoints = chain.datadir.chain_disk.path, chain.datadir.checkpoints_path
    checkpoint(chain)
    chain.close()
    (log,) = chain_path.glob("*.log")
    log.write_bytes(log.read_bytes()[:-200])
    with pytest.raises(DatadirCorrupt, match=f"ends at block 2, .* move {checkpoints / '3'} aside"):
        opened(tmp_path / "data")
    (checkpoints / "3").rename(tmp_path / "aside")
    chain = opened(tmp_path / "data")
    assert chain.history.head.number == 2
    chain.close()


def test_progress_counts_blocks(tmp_path: Path) -> None:
    chain = opened(tmp_path / "data")
    ChainBuilder(chain).blocks(3)
    chain.close()
    seen: list[tuple[int, int]] = []
    open_chain(tmp_path / "data", GENESIS, on_progress=lambda done, total: seen.append((done, total))).close()
    assert seen == [(1, 3), (2, 3), (3, 3)]
