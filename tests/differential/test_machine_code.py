"""Random transactions leave the same behind on machine code, of both tiers, and in the interpreter."""

from math import ceil

import pytest

from tests.differential.comparison import Tally, compare_cases
from tests.differential.engines import FACTOR, engine, reports, seeds

CASES = {"compiled": 150, "compiled-hot": 60}
FIRST = 2_000_000  # Of seeds that no other test reaches.


@pytest.mark.parametrize("part", range(max(1, ceil(FACTOR))))  # In parts, each in less time than a test may take.
@pytest.mark.parametrize("name", CASES)
def test_machine_code_agrees_with_the_interpreter(name: str, part: int) -> None:
    engines = {each: engine(each) for each in (name, "interpreter")}
    tally = Tally()
    count = CASES[name]
    chosen = range(FIRST, FIRST + len(seeds(count)))[part * count : (part + 1) * count]
    assert reports(compare_cases([*engines], engines, chosen, None, tally)) == []
    assert not chosen or tally.success_share >= 0.5
