"""Random transactions leave the same behind on machine code, of both tiers, and in the interpreter."""

import pytest

from tests.differential.comparison import Tally, compare_cases
from tests.differential.engines import engine, reports, seeds

CASES = {"compiled": 150, "compiled-hot": 60}


@pytest.mark.parametrize("name", CASES)
def test_machine_code_agrees_with_the_interpreter(name: str) -> None:
    engines = {each: engine(each) for each in (name, "interpreter")}
    tally = Tally()
    first = 2_000_000  # Seeds that no other test reaches.
    found = compare_cases([*engines], engines, range(first, first + len(seeds(CASES[name]))), None, tally)
    assert reports(found) == []
    assert tally.success_share >= 0.5
