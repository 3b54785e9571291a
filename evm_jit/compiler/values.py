"""
What the compiler knows of a word: its number, that it is 0 or 1, that it fits into 64 bits, or only the name of the
SSA value that has it.

Constants are folded here, before there is any IR: a jump's destination is mostly pushed just before it.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final, TypeAlias

WORD_MASK: Final = (1 << 256) - 1

SIGN: Final = 1 << 255  # As a signed number the smallest word.


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


# What an opcode makes of a word and the same word.
_OF_THE_SAME: Final = {**dict.fromkeys(("SUB", "XOR", "MOD", "SHR", "LT", "GT", "SLT", "SGT"), 0), "EQ": 1}
# By name and a constant in the topmost place, what an opcode makes of that and any word below; then the other way.
_OF_TOPMOST: Final = {
    **dict.fromkeys((("AND", 0), ("MUL", 0), ("DIV", 0), ("MOD", 0), ("GT", 0)), 0),
    **dict.fromkeys((("LT", WORD_MASK), ("SGT", SIGN), ("SLT", SIGN - 1)), 0),
    ("OR", WORD_MASK): WORD_MASK,
}
_OF_SECOND: Final = {
    **{(name, 0): 0 for name in ("AND", "MUL", "DIV", "MOD", "LT", "SHL", "SHR", "SAR", "BYTE")},
    **dict.fromkeys((("MOD", 1), ("GT", WORD_MASK), ("SLT", SIGN), ("SGT", SIGN - 1)), 0),
    **{(name, WORD_MASK): WORD_MASK for name in ("OR", "SAR")},
}


def identity(name: str, operands: list[Value]) -> Value | None:
    """
    What an opcode gives without doing anything, as x + 0 or x < x do; None if it must be done.

    What is not known here LLVM's instruction selection may find out; at level 0 that leaves blocks that no branch leads
    to any more, and on flags that are copied in one of them LLVM ends the process.
    """
    if len(operands) != 2:
        return None
    x, y = operands
    if x == y:
        return x if name in ("AND", "OR", "SIGNEXTEND") else _OF_THE_SAME.get(name)
    if isinstance(x, int):
        return y if _leaves_second(name, x) else _of_topmost(name, x)
    if isinstance(y, int):
        return x if _leaves_topmost(name, y) else _of_second(name, y)
    return None


def _leaves_second(name: str, x: int) -> bool:
    """Whether an opcode gives the word below this one."""
    if name in ("ADD", "OR", "XOR", "SHL", "SHR", "SAR"):
        return x == 0
    return (name, x) in (("AND", WORD_MASK), ("MUL", 1)) or (name == "SIGNEXTEND" and x >= 31)


def _of_topmost(name: str, x: int) -> int | None:
    """The constant that an opcode makes of this one and any word below, if it is one."""
    if (name in ("SHL", "SHR") and x >= 256) or (name == "BYTE" and x >= 32):
        return 0
    return _OF_TOPMOST.get((name, x))


def _of_second(name: str, y: int) -> int | None:
    """The constant that an opcode makes of this one and any word above, if it is one."""
    if name == "SIGNEXTEND" and -0x80 <= signed(y) < 0x80:
        return y
    return _OF_SECOND.get((name, y))


def _leaves_topmost(name: str, y: int) -> bool:
    """Whether an opcode gives the word above this one."""
    if name in ("ADD", "OR", "XOR", "SUB"):
        return y == 0
    return (name, y) in (("AND", WORD_MASK), ("MUL", 1), ("DIV", 1))
