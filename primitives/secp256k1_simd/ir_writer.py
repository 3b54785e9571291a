"""
Text of LLVM functions whose values are vectors of eight 64-bit lanes, with the bounds of what a lane may hold.

Each value knows the least and the greatest number that a lane of it can be. Every operation computes the bounds of its
result from those of its operands, and asserts that no lane overflows: where code is written, not where it runs. Of a
*raw* value the lowest 52 bits alone mean something; a multiplication reads no more, so many masks need not be there.

The lines come out in the order of the calls: LLVM keeps that order closely, so whoever writes products that do not
depend on each other side by side keeps the multipliers at work.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Final

VECTOR: Final = "<8 x i64>"
MASK: Final = "<8 x i1>"
LANES: Final = 8
VECTOR_SIZE_BYTES: Final = 64
FACTOR_BITS: Final = 52  # What vpmadd52luq and vpmadd52huq read of a lane.
FACTOR_MAX: Final = 2**FACTOR_BITS - 1
WORD_MAX: Final = 2**64 - 1
_SIGNED_MIN, _SIGNED_MAX = -(2**63), 2**63 - 1

_MULTIPLY_LOW, _MULTIPLY_HIGH = (f"@llvm.x86.avx512.vpmadd52{half}.uq.512" for half in "lh")
DECLARATIONS: Final = f"""
declare {VECTOR} {_MULTIPLY_LOW}({VECTOR}, {VECTOR}, {VECTOR})
declare {VECTOR} {_MULTIPLY_HIGH}({VECTOR}, {VECTOR}, {VECTOR})
declare {VECTOR} @llvm.fshl.v8i64({VECTOR}, {VECTOR}, {VECTOR})
declare {VECTOR} @llvm.bswap.v8i64({VECTOR})
declare i64 @llvm.umin.i64(i64, i64)
"""


@dataclass(frozen=True, slots=True)
class Lanes:
    """
    Eight numbers: what LLVM calls the vector, and their bounds.

    The bounds lie in the range of signed or in that of unsigned 64-bit numbers.
    is_raw : whether only the lowest 52 bits of each lane count; the bounds are of these
    """

    name: str
    low: int
    high: int
    is_raw: bool = False

    def __post_init__(self) -> None:
        is_signed = self.low >= _SIGNED_MIN and self.high <= _SIGNED_MAX
        is_unsigned = self.low >= 0 and self.high <= WORD_MAX
        assert self.low <= self.high, f"{self.name}: bounds {self.low}, {self.high}"
        assert is_signed or is_unsigned, f"{self.name} overflows: {self.low} to {self.high}"

    def raw(self) -> "Lanes":
        """The same, but only its lowest 52 bits are meant."""
        return Lanes(self.name, 0, FACTOR_MAX, is_raw=True)

    def known(self, low: int, high: int) -> "Lanes":
        """The same with bounds that the caller can prove."""
        return replace(self, low=low, high=high)

    @property
    def is_factor(self) -> bool:
        """Whether a multiplication reads all of it."""
        return self.is_raw or (self.low >= 0 and self.high <= FACTOR_MAX)


def constant(value: int) -> Lanes:
    """The same number in all lanes."""
    return Lanes(f"splat (i64 {value - 2**64 if value > _SIGNED_MAX else value})" if value else _ZERO, value, value)


def constants(values: Sequence[int]) -> Lanes:
    """A number for each lane."""
    assert len(values) == LANES
    return Lanes(f"<{', '.join(f'i64 {value}' for value in values)}>", min(values), max(values))


_ZERO: Final = "zeroinitializer"
ZERO: Final = constant(0)


@dataclass(slots=True)
class Loop:
    """
    A loop that is being written.

    index : an i64, from 0
    carried : what the body gets from the pass before, or from before the loop
    """

    index: str
    carried: list[Lanes]
    following: list[Lanes] = field(default_factory=list)

    def carry(self, values: Sequence[Lanes]) -> None:
        """What the next pass gets, within the bounds of what the first one got; after the loop these are the last."""
        for given, wanted in zip(values, self.carried, strict=True):
            assert wanted.low <= given.low, f"{given.name} is too low for the next pass"
            assert given.high <= wanted.high, f"{given.name} is too high for the next pass"
            assert wanted.is_raw or not given.is_raw, f"{given.name} is raw"
        self.following = list(values)


class Function:
    """
    One function. Pointers and i64 scalars are plain names; offsets and sizes are in bytes.

    parameters : as LLVM writes them; is_exported : whether others than this module call it; it then returns an i64
    """

    def __init__(self, name: str, parameters: str, *, is_exported: bool = False) -> None:
        head = "define i64" if is_exported else "define internal void"
        self.name = name
        self._lines = [f"{head} @{name}({parameters}) noinline {{", "entry:"]
        self._count = 0
        self._block = "entry"

    def text(self, returned: str | None = None) -> str:
        """The whole function; `returned` is the i64 that an exported one answers with."""
        end = "  ret void" if returned is None else f"  ret i64 {returned}"
        return "\n".join([*self._lines, end, "}", ""])

    def line(self, text: str) -> None:
        """Something that has no value."""
        self._lines.append(f"  {text}")

    def scalar(self, text: str) -> str:
        """Something that has: its name."""
        self._count += 1
        self.line(f"%v{self._count} = {text}")
        return f"%v{self._count}"

    def _lanes(self, text: str, low: int, high: int) -> Lanes:
        return Lanes(self.scalar(text), low, high)

    # Sums, shifts, bits.

    def add(self, a: Lanes, b: Lanes) -> Lanes:
        """`a + b`."""
        assert not a.is_raw, a
        assert not b.is_raw, b
        if a is ZERO or b is ZERO:
            return a if b is ZERO else b
        return self._lanes(f"add {VECTOR} {a.name}, {b.name}", a.low + b.low, a.high + b.high)

    def subtract(self, a: Lanes, b: Lanes) -> Lanes:
        """`a - b`."""
        assert not a.is_raw, a
        assert not b.is_raw, b
        return self._lanes(f"sub {VECTOR} {a.name}, {b.name}", a.low - b.high, a.high - b.low)

    def shift_right(self, a: Lanes, bits: int) -> Lanes:
        """`a / 2^bits`, rounded down."""
        assert not a.is_raw, a
        assert a.low >= 0 or a.high <= _SIGNED_MAX, a
        operation = "lshr" if a.low >= 0 else "ashr"
        return self._lanes(f"{operation} {VECTOR} {a.name}, {constant(bits).name}", a.low >> bits, a.high >> bits)

    def shift_left(self, a: Lanes, bits: int, *, drops: bool = False) -> Lanes:
        """`a * 2^bits`; what leaves the lane at the top may be lost only if `drops`."""
        assert not a.is_raw, a
        low, high = (0, WORD_MAX) if drops else (a.low << bits, a.high << bits)
        return self._lanes(f"shl {VECTOR} {a.name}, {constant(bits).name}", low, high)

    def funnel_left(self, high: Lanes, low: Lanes, bits: int) -> Lanes:
        """The upper word of (high, low) * 2^bits."""
        name = f"call {VECTOR} @llvm.fshl.v8i64({VECTOR} {high.name}, {VECTOR} {low.name}, {VECTOR} "
        return self._lanes(f"{name}{constant(bits).name})", 0, WORD_MAX)

    def low_bits(self, a: Lanes, bits: int) -> Lanes:
        """`a mod 2^bits`."""
        assert bits <= FACTOR_BITS or not a.is_raw, a
        mask = 2**bits - 1
        high = mask if a.low < 0 or a.is_raw else min(a.high, mask)
        return self._lanes(f"and {VECTOR} {a.name}, {constant(mask).name}", 0, high)

    def both(self, a: Lanes, b: Lanes) -> Lanes:
        """`a & b`; one of them is a sign (0 or -1), the other is not negative."""
        sign, other = (a, b) if a.low < 0 else (b, a)
        assert (sign.low, sign.high) == (-1, 0), sign
        assert other.low >= 0, other
        return self._lanes(f"and {VECTOR} {a.name}, {b.name}", 0, other.high)

    def either(self, a: Lanes, b: Lanes) -> Lanes:
        """`a | b`, neither negative."""
        return self._lanes(f"or {VECTOR} {a.name}, {b.name}", 0, _all_ones(a, b))

    def differing(self, a: Lanes, b: Lanes) -> Lanes:
        """`a ^ b`, neither negative; or both signs (0 or -1)."""
        if a.low < 0 or b.low < 0:
            assert min(a.low, b.low) == -1, "signs"
            assert max(a.high, b.high) <= 0, "signs"
            low, high = -1, 0
        else:
            low, high = 0, _all_ones(a, b)
        return self._lanes(f"xor {VECTOR} {a.name}, {b.name}", low, high)

    def complemented(self, a: Lanes, sign: Lanes, bits: int) -> Lanes:
        """The lowest bits of a where sign is 0, their complement where it is -1."""
        assert (sign.low, sign.high) == (-1, 0), sign
        turned = self._lanes(f"xor {VECTOR} {a.name}, {sign.name}", _SIGNED_MIN, _SIGNED_MAX)
        return self.low_bits(turned, bits)

    def bytes_reversed(self, a: Lanes) -> Lanes:
        """Words whose first byte becomes the last."""
        return self._lanes(f"call {VECTOR} @llvm.bswap.v8i64({VECTOR} {a.name})", 0, WORD_MAX)

    # Products.

    def multiply_low(self, total: Lanes, a: Lanes, b: Lanes) -> Lanes:
        """`total + a b mod 2^52`."""
        return self._multiply(_MULTIPLY_LOW, total, a, b, min(FACTOR_MAX, a.high * b.high))

    def multiply_high(self, total: Lanes, a: Lanes, b: Lanes) -> Lanes:
        """`total + a b / 2^52`, rounded down."""
        return self._multiply(_MULTIPLY_HIGH, total, a, b, a.high * b.high >> FACTOR_BITS)

    def _multiply(self, operation: str, total: Lanes, a: Lanes, b: Lanes, product_max: int) -> Lanes:
        assert a.is_factor, a
        assert b.is_factor, b
        assert not total.is_raw, total
        text = f"call {VECTOR} {operation}({VECTOR} {total.name}, {VECTOR} {a.name}, {VECTOR} {b.name})"
        return self._lanes(text, total.low, total.high + product_max)

    # Choices: masks have one bit a lane and are plain names.

    def is_equal(self, a: Lanes, b: Lanes) -> str:
        """Where a = b."""
        assert not a.is_raw, a
        assert not b.is_raw, b
        return self.scalar(f"icmp eq {VECTOR} {a.name}, {b.name}")

    def is_at_least(self, a: Lanes, b: Lanes) -> str:
        """Where a >= b, neither negative."""
        assert min(a.low, b.low) >= 0, "neither negative"
        assert not a.is_raw, a
        return self.scalar(f"icmp uge {VECTOR} {a.name}, {b.name}")

    def negated(self, mask: str) -> str:
        """Where the mask is not."""
        return self.scalar(f"xor {MASK} {mask}, splat (i1 true)")

    def both_masks(self, a: str, b: str) -> str:
        """Where both are."""
        return self.scalar(f"and {MASK} {a}, {b}")

    def select(self, mask: str, a: Lanes, b: Lanes) -> Lanes:
        """`a` where the mask is, else `b`."""
        chosen = self.scalar(f"select {MASK} {mask}, {VECTOR} {a.name}, {VECTOR} {b.name}")
        return Lanes(chosen, min(a.low, b.low), max(a.high, b.high), a.is_raw or b.is_raw)

    # Memory.

    def place(self, pointer: str, offset: int) -> str:
        """The pointer that many bytes behind."""
        return self.scalar(f"getelementptr i8, ptr {pointer}, i64 {offset}") if offset else pointer

    def row(self, pointer: str, index: str, size: int, offset: int = 0) -> str:
        """The pointer to an item of an array, or to something in it."""
        distance = self.scalar(f"mul i64 {index}, {size}")
        if offset:
            distance = self.scalar(f"add i64 {distance}, {offset}")
        return self.scalar(f"getelementptr i8, ptr {pointer}, i64 {distance}")

    def load(self, pointer: str, offset: int = 0, high: int = WORD_MAX, *, low: int = 0, alignment: int = 64) -> Lanes:
        """Eight words in a row, which whoever stored them kept within the bounds."""
        place = self.place(pointer, offset)
        return self._lanes(f"load {VECTOR}, ptr {place}, align {alignment}", low, high)

    def store(self, a: Lanes, pointer: str, offset: int = 0, alignment: int = 64) -> None:
        """Eight words in a row."""
        self.line(f"store {VECTOR} {a.name}, ptr {self.place(pointer, offset)}, align {alignment}")

    def transposed(self, rows: Sequence[Lanes]) -> list[Lanes]:
        """
        From eight words of each lane to each word of eight lanes, and back; 24 shuffles.

        Four vectors are two tables of 4 x 4, side by side.
        """
        table = list(rows)
        for step in (1, 2, 4)[: len(rows).bit_length() - 1]:
            first = [p if not p & step else LANES + p - step for p in range(LANES)]
            second = [p + step if not p & step else LANES + p for p in range(LANES)]
            for i in range(len(table)):
                if not i & step:
                    pair = table[i], table[i + step]
                    table[i], table[i + step] = (self.shuffled(*pair, order) for order in (first, second))
        return table

    def shuffled(self, a: Lanes, b: Lanes, order: Sequence[int]) -> Lanes:
        """Words of a (0 to 7) and b (8 to 15) in another order."""
        places = ", ".join(f"i32 {place}" for place in order)
        text = f"shufflevector {VECTOR} {a.name}, {VECTOR} {b.name}, <8 x i32> <{places}>"
        return self._lanes(text, min(a.low, b.low), max(a.high, b.high))

    # Control.

    def call(self, function: str, *arguments: str) -> None:
        """Call another function of the module; an argument is a pointer unless it says what it is (`i64 3`)."""
        given = ", ".join(argument if " " in argument else f"ptr {argument}" for argument in arguments)
        self.line(f"call void @{function}({given})")

    @contextmanager
    def loop(self, count: str | int, carried: Sequence[Lanes] = ()) -> Iterator[Loop]:
        """Write a loop of `count` passes, at least one."""
        self._count += 1
        label, before, number = f"loop{self._count}", self._block, self._count
        self._lines += [f"  br label %{label}", f"{label}:"]
        place = len(self._lines)
        names = [f"%c{number}_{index}" for index in range(len(carried))]
        loop = Loop(f"%i{number}", [replace(value, name=name) for value, name in zip(carried, names, strict=True)])
        self._block = label
        yield loop
        index, latch = loop.index, self._block
        self._lines[place:place] = [
            f"  {index} = phi i64 [0, %{before}], [{index}n, %{latch}]",
            *(
                f"  {name} = phi {VECTOR} [{first.name}, %{before}], [{later.name}, %{latch}]"
                for name, first, later in zip(names, carried, loop.following, strict=True)
            ),
        ]
        self.line(f"{index}n = add i64 {index}, 1")
        self.line(f"{index}c = icmp ult i64 {index}n, {count}")
        self.line(f"br i1 {index}c, label %{label}, label %{label}e")
        self._lines.append(f"{label}e:")
        self._block = f"{label}e"


def _all_ones(a: Lanes, b: Lanes) -> int:
    assert min(a.low, b.low) >= 0, "neither negative"
    return int((1 << max(a.high, b.high).bit_length()) - 1)
