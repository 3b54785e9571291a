"""Python's collections of garbage beside mini-blocks."""

import gc

from sequencer.__main__ import make_collections_short

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
