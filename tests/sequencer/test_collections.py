"""Python's collections of garbage beside mini-blocks."""

import gc

from primitives.events import BlockSealed
from sequencer.__main__ import collect_after_block, make_collections_short
from tests.sequencer.world import World

OBJECTS_COUNT = 300_000  # As 50,000 transactions that the history remembers, with what belongs to them.


def test_what_the_history_remembers_is_not_looked_at_again_and_again() -> None:
    threshold = gc.get_threshold()
    try:
        make_collections_short()
        before = gc.get_stats()
        remembered = [[index] for index in range(OBJECTS_COUNT)]
        after = gc.get_stats()
    finally:
        gc.set_threshold(*threshold)
        gc.unfreeze()
    assert len(remembered) == OBJECTS_COUNT
    assert after[0]["collections"] > before[0]["collections"]
    assert after[2]["collections"] == before[2]["collections"]


def test_what_is_young_is_looked_at_once_a_block() -> None:
    world = World()
    world.sequencer.subscribe(collect_after_block)
    gc.disable()
    try:
        before = gc.get_stats()
        world.run_until(3_000)
        after = gc.get_stats()
    finally:
        gc.enable()
    block_count = len(world.events_of(BlockSealed))
    assert block_count >= 3
    assert [after[index]["collections"] - before[index]["collections"] for index in (1, 2)] == [block_count, 0]
