"""Random programs, each in a frame of its own, leave the same behind on every engine and on revm."""

from random import Random

import pytest

from primitives.forks import Fork
from tests.differential import revm
from tests.differential.comparison import Tally, compare_frames
from tests.differential.engines import LEADING, engine, reports, seeds
from tests.differential.frames import BATCH_SIZE, FORKS, FramesOnEngine, batches, make_batch, make_frame

FRAMES = 600 if LEADING == "reference" else 4_000

needs_revm = pytest.mark.skipif(not revm.IS_INSTALLED, reason=revm.ABSENCE)


@needs_revm
def test_the_leading_engine_agrees_with_revm() -> None:
    tally = Tally()
    found = compare_frames([LEADING, "revm"], {LEADING: engine(LEADING)}, seeds(FRAMES), None, tally)
    assert reports(found) == []
    assert tally.success_share >= 0.6


@needs_revm
@pytest.mark.parametrize("fork", FORKS, ids=lambda fork: fork.name.lower())
def test_the_reference_engine_agrees_with_revm(fork: Fork) -> None:
    first = 1_000_000  # Seeds that the test above does not reach.
    found = compare_frames(
        ["reference", "revm"], {"reference": engine("reference")}, range(first, first + 50), fork, Tally()
    )
    assert reports(found) == []


def test_a_frame_leaves_the_state_as_it_was() -> None:
    batch = make_batch(3, Fork.CANCUN)
    together, alone = FramesOnEngine(batch, engine("reference")), {}
    seeds_of_batch = [3 * BATCH_SIZE + index for index in range(20)]
    for seed in seeds_of_batch:
        alone[seed] = FramesOnEngine(batch, engine("reference")).run(make_frame(seed, batch))
    Random(1).shuffle(seeds_of_batch)
    for seed in seeds_of_batch:
        assert together.run(make_frame(seed, batch)) == alone[seed]


def test_batches_hold_each_seed_once() -> None:
    found = [(batch.number, list(seeds)) for batch, seeds in batches(BATCH_SIZE - 2, BATCH_SIZE + 3)]
    assert [number for number, _ in found] == [0, 1, 2]
    first, last = BATCH_SIZE - 2, 2 * BATCH_SIZE
    assert [seed for _, seeds in found for seed in seeds] == list(range(first, last + 1))
