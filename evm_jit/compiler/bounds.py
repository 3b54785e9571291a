"""
Words that surely fit into 64 bits: between which numbers they lie, and what instructions on them give.

A small word is an i64. If it can't be below 0 it is extended by zeros. Else its largest number is below 2^63, and it is
extended by its sign: the word of a negative number is 2^256 less, and compares with others as the i64 does.
"""

from collections.abc import Callable, Mapping
from typing import Final, TypeAlias

from evm_jit.compiler.values import Small, Truth, Value

HALF, WHOLE = 1 << 63, 1 << 64
Interval: TypeAlias = tuple[int, int]  # The least and the greatest number.


def _bits_of(x: Interval, y: Interval) -> int:
    return max(x[1], y[1]).bit_length()


def _and(x: Interval, y: Interval) -> Interval:
    return 0, min(each[1] for each in (x, y))


def _or(x: Interval, y: Interval) -> Interval:
    return 0, (1 << _bits_of(x, y)) - 1


# By LLVM's name. Bits are of numbers that are not below 0.
_INTERVALS: Final[Mapping[str, Callable[[Interval, Interval], Interval]]] = {
    "add": lambda x, y: (x[0] + y[0], x[1] + y[1]),
    "sub": lambda x, y: (x[0] - y[1], x[1] - y[0]),
    "and": _and,
    "or": _or,
    "xor": _or,
}


def _fits(interval: Interval) -> bool:
    """Whether all numbers of an interval are small words."""
    low, high = interval
    return low >= -HALF and high < (WHOLE if low >= 0 else HALF)


class Bounds:
    """
    What is known on one way through the code.

    Comparisons are noted by the name of their truth as (x, y, is_less): x < y, or x >= y.
    """

    def __init__(self) -> None:
        self._intervals: dict[str, Interval] = {}
        self._comparisons: dict[str, tuple[Value, Value, bool]] = {}

    def copy(self) -> "Bounds":
        """The same, for another way."""
        twin = Bounds()
        twin._intervals, twin._comparisons = dict(self._intervals), dict(self._comparisons)
        return twin

    def note(self, name: str, interval: Interval) -> Small:
        """A small word of this name."""
        self._intervals[name] = interval
        return Small(name)

    def of(self, value: Value) -> Interval | None:
        """Between which numbers a word lies; None if it may not be small."""
        if isinstance(value, int):
            return (value, value) if value < HALF else None
        if isinstance(value, Truth):
            return 0, 1
        return self._intervals.get(value.name) if isinstance(value, Small) else None

    def extension_of(self, small: Small) -> str:
        """How LLVM makes the word of it."""
        return "zext" if self._intervals[small.name][0] >= 0 else "sext"

    def result_of(self, operation: str, x: Value, y: Value) -> Interval | None:
        """Between which numbers the result of an operation on small words lies; None if it may not be small."""
        first, second = self.of(x), self.of(y)
        if first is None or second is None or operation not in _INTERVALS:
            return None
        if operation in ("and", "or", "xor") and min(first[0], second[0]) < 0:
            return None
        interval = _INTERVALS[operation](first, second)
        return interval if _fits(interval) else None

    def are_comparable(self, x: Value, y: Value, *, with_signs: bool) -> bool:
        """Whether small words compare as their i64 do."""
        first, second = self.of(x), self.of(y)
        if first is None or second is None:
            return False
        return max(first[1], second[1]) < HALF or (not with_signs and min(first[0], second[0]) >= 0)

    def note_comparison(self, truth: str, x: Value, y: Value, *, is_less: bool = True) -> None:
        """Remember what a truth says of small words, without signs."""
        self._comparisons[truth] = x, y, is_less

    def note_opposite(self, truth: str, of: str) -> None:
        """Remember that a truth says the opposite of another."""
        if of in self._comparisons:
            x, y, is_less = self._comparisons[of]
            self._comparisons[truth] = x, y, not is_less

    def learn(self, truth: str, holds: bool) -> None:
        """It turned out whether a truth holds."""
        if truth not in self._comparisons:
            return
        x, y, is_less = self._comparisons[truth]
        first, second = self.of(x), self.of(y)
        if first is None or second is None or min(first[0], second[0]) < 0:
            return
        if is_less == holds:
            self._narrow(x, first[0], min(first[1], second[1] - 1))
            self._narrow(y, max(second[0], first[0] + 1), second[1])
        else:
            self._narrow(x, max(first[0], second[0]), first[1])
            self._narrow(y, second[0], min(second[1], first[1]))

    def _narrow(self, value: Value, low: int, high: int) -> None:
        if isinstance(value, Small) and low <= high:
            self._intervals[value.name] = low, high
