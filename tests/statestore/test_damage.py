"""
What comes back from a data directory after a kill or after damage: an exact prefix of the chain, or a refusal.

Never a hole, never another error, and after a kill nothing less than what was acknowledged.
"""

import os
import random
import shutil
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from primitives.errors import StorageError
from statestore.checkpoint import Checkpointer
from statestore.recovery import OpenChain, open_chain
from statestore.trie import state_root
from tests.statestore.chain_builder import GENESIS, SEQUENCER, ChainBuilder, contents, hashes, is_prefix

ROOT = Path(__file__).resolve().parents[2]
KILLS = 20
FLIPS = 240
TRUNCATIONS = 40

# For each line that it reads it forks a process that appends until it is killed, with a checkpoint now and then, and
# prints each mini-block that was acknowledged. Forking saves loading everything again.
APPENDING = """
import os, sys
from pathlib import Path
from statestore.checkpoint import Checkpointer
from statestore.recovery import open_chain
from tests.statestore.chain_builder import GENESIS, SEQUENCER, ChainBuilder
open_chain(None, GENESIS)
for _ in sys.stdin:
    child = os.fork()
    if child:
        print("started", child, flush=True)
        os.waitpid(child, 0)
        print("ended", child, flush=True)
        continue
    chain = open_chain(Path(sys.argv[1]), GENESIS, durability=sys.argv[2], history_blocks=5, sequencer=SEQUENCER)
    builder = ChainBuilder(chain)
    checkpointer = Checkpointer(chain.datadir, chain.state, chain.history, interval_blocks=4)
    while True:
        for _ in range(3):
            mini_block = builder.mini_block()
            print(mini_block.number, mini_block.hash.hex(), flush=True)
        block = builder.block()
        checkpointer.block_sealed(block)
        chain.state.discard_before(block.version)
"""


def append_and_kill(forking: subprocess.Popen[str], count: int) -> Iterator[tuple[int, str]]:
    """Number and hash of each acknowledged mini-block; the process that wrote them is killed after `count`."""
    assert forking.stdin is not None
    assert forking.stdout is not None
    forking.stdin.write("\n")
    forking.stdin.flush()
    child = None
    for line in forking.stdout:
        what, value = line.split()
        if what == "started":
            child = int(value)
        elif what == "ended":
            return
        else:
            yield int(what), value
            count -= 1
        if count <= 0 and child is not None:
            os.kill(child, signal.SIGKILL)
            child = None


def reopened(path: Path) -> OpenChain:
    chain = open_chain(path, GENESIS, durability="write", history_blocks=1, sequencer=SEQUENCER)
    head = chain.history.head
    accounts = ((address, *rest) for address, rest in contents(chain.state, head.version).items())
    assert state_root(accounts) == head.header.state_root == chain.trie.root()
    assert chain.state.version == chain.history.next_mini_block_number
    return chain


@pytest.mark.parametrize("durability", ["fsync", "write"])
def test_nothing_acknowledged_is_lost_by_kills_at_random_moments(tmp_path: Path, durability: str) -> None:
    rng = random.Random(11)
    acknowledged: dict[int, str] = {}
    command = [sys.executable, "-c", APPENDING, str(tmp_path / "data"), durability]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT) as forking:
        for _ in range(KILLS // 2):
            newest = max(acknowledged, default=-1)
            for number, mini_block_hash in append_and_kill(forking, rng.randrange(60)):
                assert number > newest, "an acknowledged mini-block is sealed again"
                acknowledged[number] = mini_block_hash
        assert forking.stdin is not None
        forking.stdin.close()
    chain = reopened(tmp_path / "data")
    found = [mini_block_hash.hex() for mini_block_hash in hashes(chain.history)[1]]
    assert len(acknowledged) > KILLS
    assert {number: found[number] for number in acknowledged} == acknowledged
    assert chain.datadir is not None
    assert len(list(chain.datadir.checkpoints_path.iterdir())) >= 2
    chain.close()


@pytest.fixture(scope="module")
def whole(ram_root: Path) -> tuple[Path, list[bytes], list[bytes]]:
    """A data directory with tables, a log, two checkpoints and an open block; the hashes in it."""
    path = ram_root / "whole"
    for seed in range(3):
        chain = open_chain(path, GENESIS, durability="write")
        builder = ChainBuilder(chain, seed)
        builder.blocks(4)
        if seed:
            assert chain.datadir is not None
            checkpointer = Checkpointer(chain.datadir, chain.state, chain.history)
            checkpointer.start(chain.history.head)
            checkpointer.close()
        builder.blocks(2)
        builder.mini_block()
        known = hashes(chain.history)
        chain.close()
    return path, *known


@pytest.fixture
def damage(whole, tmp_path: Path):
    """Copies the directory, damages the copy, opens it, and says what came of it."""
    source, blocks, mini_blocks = whole

    def try_out(hurt: Callable[[Path], None], *, read_bodies: bool = True) -> str:
        copy = tmp_path / "copy"
        shutil.copytree(source, copy)
        try:
            hurt(copy)
            try:
                chain = reopened(copy)
            except StorageError as error:
                assert len(str(error).splitlines()) == 1
                assert str(tmp_path) in str(error)
                return type(error).__name__
            try:
                blocks_left, mini_blocks_left = hashes(chain.history)
                assert is_prefix(blocks_left, blocks)
                assert is_prefix(mini_blocks_left, mini_blocks)
                is_whole = (blocks_left, mini_blocks_left) == (blocks, mini_blocks)
                for number in range(len(blocks_left) if read_bodies else 0):
                    body = chain.history.body(number)
                    for entry in body.transactions if body is not None else ():
                        assert chain.history.transaction(entry.transaction.hash) == entry
                ChainBuilder(chain, 9).blocks(1)
                return "whole" if is_whole else "prefix"
            except StorageError:
                return "refused later"  # Tables are read as they are needed: what was read until then was right.
            finally:
                chain.close()
        finally:
            shutil.rmtree(copy)

    return try_out


def files_of(path: Path) -> list[Path]:
    """Every file that matters, relative: not LevelDB's own messages and locks."""
    names = (file for file in path.rglob("*") if file.is_file() and not file.name.startswith(("LOG", "LOCK")))
    return sorted(file.relative_to(path) for file in names)


def test_an_undamaged_copy_is_whole(damage) -> None:
    assert damage(lambda path: None) == "whole"


def test_a_cut_log_gives_an_exact_prefix(whole, damage) -> None:
    rng = random.Random(3)
    (log,) = [file for file in files_of(whole[0]) if file.parent.name == "chain" and file.suffix == ".log"]
    size = (whole[0] / log).stat().st_size
    results = Counter()
    for kept in [0, 1, size - 1, *(rng.randrange(size) for _ in range(TRUNCATIONS))]:
        # Without its checkpoints, which are ahead of a shortened chain.
        def hurt(path: Path, kept: int = kept) -> None:
            shutil.rmtree(path / "checkpoints")
            with (path / log).open("r+b") as file:
                file.truncate(kept)

        results[damage(hurt)] += 1
    assert set(results) == {"prefix"}


def test_flipped_bits_give_a_prefix_or_a_refusal(whole, damage) -> None:
    rng = random.Random(4)
    files = files_of(whole[0])
    kinds = {file.suffix or file.name.split("-")[0] for file in files}
    assert kinds >= {".log", ".ldb", "MANIFEST", "CURRENT", ".json"}
    results = Counter()
    for round_ in range(FLIPS):
        file = files[round_ % len(files)]

        def hurt(path: Path, file: Path = file) -> None:
            data = bytearray((path / file).read_bytes())
            if data:
                position = rng.randrange(len(data))
                data[position] ^= 1 << rng.randrange(8)
            (path / file).write_bytes(data)

        results[file.parts[0], damage(hurt, read_bodies=file.parts[0] == "chain")] += 1
    assert results["chain", "DatadirCorrupt"] > 10
    assert {result for part, result in results if part == "checkpoints"} == {"whole"}, results


def test_zeroed_and_removed_and_cut_files_give_a_prefix_or_a_refusal(whole, damage) -> None:
    rng = random.Random(6)

    def zero_a_page(file: Path) -> None:
        data = bytearray(file.read_bytes())
        start = rng.randrange(len(data)) if data else 0
        data[start : start + 4_096] = bytes(len(data[start : start + 4_096]))
        file.write_bytes(data)

    def cut(file: Path) -> None:
        data = file.read_bytes()
        file.write_bytes(data[: rng.randrange(len(data) + 1)])

    for relative in files_of(whole[0]):
        for hurt_file in (Path.unlink, cut, zero_a_page, zero_a_page):
            damage(lambda path, relative=relative, hurt_file=hurt_file: hurt_file(path / relative))


# Appends until the file size limit makes a write fail in the middle of a record, and goes on trying without the limit.
FILLING = """
import resource, sys
from pathlib import Path
from primitives.errors import StorageUnavailable
from statestore.recovery import open_chain
from tests.statestore.chain_builder import GENESIS, SEQUENCER, ChainBuilder
chain = open_chain(Path(sys.argv[1]), GENESIS, durability="fsync", sequencer=SEQUENCER)
builder = ChainBuilder(chain, int(sys.argv[2]))
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[2]), resource.RLIM_INFINITY))
try:
    while True:
        print(builder.mini_block().hash.hex(), flush=True)
except StorageUnavailable as error:
    assert "storage unavailable" in str(error)
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
try:
    builder.block()
except StorageUnavailable:
    assert chain.history.mini_block(0) is not None
    print("ok")
"""


@pytest.mark.parametrize("limit_bytes", [9_000, 40_001])
def test_a_write_that_fails_half_way_ends_writing_and_leaves_a_prefix(tmp_path: Path, limit_bytes: int) -> None:
    command = [sys.executable, "-c", FILLING, str(tmp_path / "data"), str(limit_bytes)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=True, timeout=120)
    *acknowledged, last = done.stdout.split()
    assert last == "ok"
    assert len(acknowledged) > 3
    chain = reopened(tmp_path / "data")
    found = [mini_block_hash.hex() for mini_block_hash in hashes(chain.history)[1]]
    assert is_prefix(acknowledged, found)  # type: ignore[arg-type]
    ChainBuilder(chain, 5).blocks(2)
    chain.close()
