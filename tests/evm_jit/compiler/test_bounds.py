"""What is said of small words holds for all of them."""

from itertools import product
from random import Random

import pytest

from evm_jit.compiler.bounds import HALF, WHOLE, Bounds, Interval
from evm_jit.compiler.values import FOLDS, WORD_MASK, Small, Truth

EDGES = (0, 1, 5, 255, 256, HALF - 2, HALF - 1, HALF, WHOLE - 1, -1, -7, -HALF)


def intervals(random: Random) -> Interval:
    while True:
        low, high = sorted(random.choices(EDGES, k=2))
        if high < (WHOLE if low >= 0 else HALF):
            return low, high


@pytest.mark.parametrize("operation", ["add", "sub", "and", "or", "xor"])
def test_results_are_the_words_that_the_instruction_gives(operation):
    random = Random(1)
    known_count = 0
    for _ in range(2_000):
        bounds, numbers = Bounds(), [intervals(random), intervals(random)]
        smalls = [bounds.note(f"%{index}", interval) for index, interval in enumerate(numbers)]
        result = bounds.result_of(operation, *smalls)
        if result is None:
            continue
        known_count += 1
        extension = bounds.extension_of(bounds.note("%result", result))
        for x, y in product(*({low, high, random.randint(low, high)} for low, high in numbers)):
            word = FOLDS[operation.upper()](x & WORD_MASK, y & WORD_MASK) & WORD_MASK
            bits = word & (WHOLE - 1)
            number = bits if extension == "zext" or bits < HALF else bits - WHOLE
            assert number & WORD_MASK == word and result[0] <= number <= result[1]
    assert known_count > 100


def test_what_does_not_fit_is_not_small():
    bounds = Bounds()
    half, other = bounds.note("%x", (0, HALF)), bounds.note("%y", (-1, 0))
    assert bounds.result_of("add", half, half) is None
    assert bounds.result_of("sub", other, half) is None
    assert bounds.result_of("add", half, HALF) is None
    assert bounds.result_of("and", half, other) is None
    assert bounds.of(HALF) is None and bounds.of(HALF - 1) == (HALF - 1, HALF - 1)


def test_words_compare_as_their_bits_if_those_mean_the_same():
    bounds = Bounds()
    low, high, below = bounds.note("%x", (0, 9)), bounds.note("%y", (0, HALF)), bounds.note("%z", (-1, 9))
    for with_signs in (False, True):
        assert bounds.are_comparable(low, below, with_signs=with_signs)
        assert bounds.are_comparable(low, high, with_signs=with_signs) is not with_signs
        assert not bounds.are_comparable(below, high, with_signs=with_signs)


def test_a_comparison_that_held_narrows_both_words():
    bounds = Bounds()
    x, y = bounds.note("%x", (0, 100)), bounds.note("%y", (10, 50))
    bounds.note_comparison("%less", x, y)
    bounds.note_opposite("%not_less", of="%less")
    other = bounds.copy()
    bounds.learn("%not_less", holds=False)
    assert bounds.of(x) == (0, 49) and bounds.of(y) == (10, 50)
    other.learn("%not_less", holds=True)
    assert other.of(x) == (10, 100) and other.of(y) == (10, 50)


def test_words_below_0_are_not_narrowed_by_a_comparison_without_signs():
    bounds = Bounds()
    x = bounds.note("%x", (-5, 5))
    bounds.note_comparison("%less", x, 3)
    bounds.learn("%less", holds=True)
    assert bounds.of(x) == (-5, 5)


def test_truths_are_small():
    assert Bounds().of(Truth("%t")) == (0, 1)
    assert Bounds().result_of("add", Truth("%t"), 7) == (7, 8)
    assert Bounds().of(Small("%x")) is None
