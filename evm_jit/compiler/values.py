"""
What the compiler knows of a word: its number, that it is 0 or 1, that it fits into 64 bits, or only the name of the
SSA value that has it.

Constants are folded here, before there is any IR: a jump's destination is mostly pushed just before it.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final, TypeAlias

WORD_MASK: Final = (1 << 256) - 1


@dataclass(frozen=True)
class Word:
    """An i256 by its name."""

    name: str


@dataclass(frozen=True)
class Truth:
    """An i1 by its name, 1 where a word is 1: comparisons stay so until somebody needs the word."""

    name: str


@dataclass(frozen=True)
class Small:
    """An i64 by its name; the bounds that are known of it (`Bounds`) say which word it is."""

    name: str


Value: TypeAlias = int | Word | Truth | Small


def signed(word: int) -> int:
    """A word as a signed number."""
    return word - (word >> 255 << 256)


def _shift_left(shift: int, word: int) -> int:
    return word << shift & WORD_MASK if shift < 256 else 0


def _byte(index: int, word: int) -> int:
    return word >> (248 - 8 * index) & 0xFF if index < 32 else 0


def _sign_extend(size: int, word: int) -> int:
    if size >= 31:
        return word
    unused = 248 - 8 * size
    return signed(word << unused & WORD_MASK) >> unused & WORD_MASK


# By name, what an opcode makes of constants, topmost first; the result is cut off to 256 bits.
FOLDS: Final[Mapping[str, Callable[..., int]]] = {
    "ADD": lambda x, y: x + y,
    "MUL": lambda x, y: x * y,
    "SUB": lambda x, y: x - y,
    "DIV": lambda x, y: x // y if y else 0,
    "MOD": lambda x, y: x % y if y else 0,
    "ADDMOD": lambda x, y, modulus: (x + y) % modulus if modulus else 0,
    "MULMOD": lambda x, y, modulus: x * y % modulus if modulus else 0,
    "SIGNEXTEND": _sign_extend,
    "LT": lambda x, y: x < y,
    "GT": lambda x, y: x > y,
    "SLT": lambda x, y: signed(x) < signed(y),
    "SGT": lambda x, y: signed(x) > signed(y),
    "EQ": lambda x, y: x == y,
    "ISZERO": lambda x: x == 0,
    "AND": lambda x, y: x & y,
    "OR": lambda x, y: x | y,
    "XOR": lambda x, y: x ^ y,
    "NOT": lambda x: ~x,
    "BYTE": _byte,
    "SHL": _shift_left,
    "SHR": lambda shift, word: word >> shift if shift < 256 else 0,
    "SAR": lambda shift, word: signed(word) >> min(shift, 255),
    "CLZ": lambda x: 256 - x.bit_length(),
}


def fold(name: str, operands: list[Value]) -> int | None:
    """The constant that an opcode makes of constants; None if it is not known."""
    function = FOLDS.get(name)
    numbers = [operand for operand in operands if isinstance(operand, int)]
    if function is None or len(numbers) < len(operands):
        return None
    return int(function(*numbers)) & WORD_MASK
