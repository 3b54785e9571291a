"""
Arithmetic modulo the prime p of secp256k1: numbers of five limbs, reduced only as far as the next operation needs.

p is 2^256 - 2^32 - 977, so what is above bit 256 (or 260) comes back multiplied by a number of 33 bits (or 37). A sum
of products is reduced once. Sums and differences are not reduced at all: their limbs may be negative, and grow, until
`normal` moves the carries on, adding as many p as keep the number from being negative. No lane ever decides anything.
"""

from collections.abc import Callable, Sequence
from typing import Final

from primitives.secp256k1 import P
from primitives.secp256k1_simd.curve import P_COMPLEMENT
from primitives.secp256k1_simd.ir_writer import VECTOR_SIZE_BYTES, ZERO, Function, Lanes, constant
from primitives.secp256k1_simd.limbs import (
    LIMB_BITS,
    LIMB_COUNT,
    LIMB_MAX,
    TOP_BITS,
    TOP_MAX,
    Limbs,
    canonical,
    carried,
    constant_limbs,
    is_zero,
    multiply_columns,
    square_columns,
)

NUMBER_SIZE_BYTES: Final = LIMB_COUNT * VECTOR_SIZE_BYTES  # Of eight lanes.
STORED_TOP_MAX: Final = 2**49 + 2**12  # Of the uppermost limb, in memory and from one pass of a loop to the next.
_FOLD_256, _FOLD_260 = constant(P_COMPLEMENT), constant(P_COMPLEMENT << 4)
_MULTIPLES_MAX: Final = 1 << 10
CHAIN_SLOTS: Final = 8  # Numbers that a chain of powers remembers.
assert P_COMPLEMENT << 4 <= LIMB_MAX, "a fold is one factor"


class Element:
    """
    Numbers mod p in all lanes of one or several groups of eight, which are computed side by side.

    groups : of each its five limbs, of which the uppermost is never raw
    """

    def __init__(self, f: Function, groups: Sequence[Limbs]) -> None:
        self.f = f
        self.groups = list(groups)

    @classmethod
    def constant(cls, f: Function, value: int, group_count: int) -> "Element":
        """The same number everywhere."""
        return cls(f, [constant_limbs(value)] * group_count)

    @classmethod
    def load(cls, f: Function, pointer: str, group_count: int, stride: int = NUMBER_SIZE_BYTES) -> "Element":
        """What `store` left at a place."""
        return cls(
            f,
            [
                stored_limbs([f.load(pointer, stride * group + VECTOR_SIZE_BYTES * limb) for limb in range(LIMB_COUNT)])
                for group in range(group_count)
            ],
        )

    def store(self, pointer: str, stride: int = NUMBER_SIZE_BYTES) -> None:
        """Five vectors a group, the groups `stride` bytes apart."""
        for group, limbs in enumerate(self.storable().groups):
            for index, limb in enumerate(limbs):
                self.f.store(limb, pointer, stride * group + VECTOR_SIZE_BYTES * index)

    @property
    def lanes(self) -> list[Lanes]:
        """All limbs of all groups, in a row."""
        return [limb for limbs in self.groups for limb in limbs]

    def with_lanes(self, lanes: Sequence[Lanes]) -> "Element":
        """An element of as many groups from limbs in a row."""
        starts = range(0, len(lanes), LIMB_COUNT)
        return Element(self.f, [list(lanes[start : start + LIMB_COUNT]) for start in starts])

    def __add__(self, other: "Element") -> "Element":
        return self._pairwise(self.f.add, other)

    def __sub__(self, other: "Element") -> "Element":
        return self._pairwise(self.f.subtract, other)

    def __neg__(self) -> "Element":
        return Element(self.f, [[self.f.subtract(ZERO, limb) for limb in limbs] for limbs in self.clean().groups])

    def __mul__(self, other: "Element") -> "Element":
        return reduced(multiply(self, other))

    def doubled(self, times: int = 1) -> "Element":
        """2^times of it."""
        return Element(self.f, [[self.f.shift_left(limb, times) for limb in limbs] for limbs in self.clean().groups])

    def _pairwise(self, operation: Callable[[Lanes, Lanes], Lanes], other: "Element") -> "Element":
        pairs = zip(self.clean().groups, other.clean().groups, strict=True)
        return Element(self.f, [[operation(a, b) for a, b in zip(*pair, strict=True)] for pair in pairs])

    def clean(self) -> "Element":
        """Without raw limbs."""
        return Element(self.f, [_clean(self.f, limbs) for limbs in self.groups])

    def normal(self) -> "Element":
        """With limbs that a multiplication can read."""
        return Element(self.f, [_normal(self.f, limbs) for limbs in self.groups])

    def storable(self) -> "Element":
        """Normal, with an uppermost limb of at most STORED_TOP_MAX."""
        return Element(self.f, [_storable(self.f, limbs) for limbs in self.groups])

    def residue(self) -> "Element":
        """Below p, with clean limbs."""
        nearly = self.below_2_256()
        return Element(self.f, [canonical(self.f, limbs, P_COMPLEMENT) for limbs in nearly.groups])

    def below_2_256(self) -> "Element":
        """Clean limbs of a number that is at most 2^256 + 2^208, and congruent."""
        folded = [_folded(self.f, limbs) for limbs in self.storable().groups]
        return Element(self.f, [_clean(self.f, limbs) for limbs in folded])

    def is_zero(self) -> list[str]:
        """Of each group the mask of the lanes that are divisible by p."""
        return [is_zero(self.f, limbs) for limbs in self.residue().groups]

    def select(self, masks: Sequence[str], other: "Element") -> "Element":
        """This one where the mask of a group is, else the other."""
        chosen = zip(masks, self.groups, other.groups, strict=True)
        return Element(
            self.f,
            [[self.f.select(mask, a, b) for a, b in zip(one, two, strict=True)] for mask, one, two in chosen],
        )


class Columns:
    """A sum of products that is not reduced yet, ten columns a group."""

    def __init__(self, f: Function, groups: Sequence[Limbs]) -> None:
        self.f = f
        self.groups = list(groups)

    def twice(self) -> "Columns":
        """Two of it."""
        return Columns(self.f, [[self.f.add(column, column) for column in columns] for columns in self.groups])


def stored_limbs(loaded: Sequence[Lanes]) -> Limbs:
    """The limbs of what was stored, or is handed on by a loop."""
    return [*(limb.raw() for limb in loaded[:-1]), loaded[-1].known(0, STORED_TOP_MAX)]


def multiply(a: Element, b: Element, onto: Columns | None = None) -> Columns:
    """`a b`, or that and what `onto` has."""
    totals = [None] * len(a.groups) if onto is None else onto.groups
    pairs = zip(a.normal().groups, b.normal().groups, totals, strict=True)
    return Columns(a.f, [multiply_columns(a.f, one, other, total) for one, other, total in pairs])


def square(a: Element) -> Columns:
    """`a^2`."""
    return Columns(a.f, [square_columns(a.f, limbs) for limbs in a.normal().groups])


def reduced(columns: Columns, times: int = 1, minus: Element | None = None) -> Element:
    """What the columns say, once, twice or three times, minus something."""
    subtracted = [None] * len(columns.groups) if minus is None else minus.clean().groups
    pairs = zip(columns.groups, subtracted, strict=True)
    return Element(columns.f, [_reduced(columns.f, each, times, limbs) for each, limbs in pairs])


def _reduced(f: Function, columns: Limbs, times: int, minus: Limbs | None) -> Limbs:
    """
    Five limbs of ten columns.

    1. Carries go on in the upper five columns, which then come back, times 2^260 mod p.
    2. The number is multiplied, `minus` is subtracted, and as many p are added as keep it from being negative.
    3. What is above bit 256 comes back, times 2^256 mod p.
    4. Carries go on in the lower five.
    """
    columns = list(columns)
    for index in range(LIMB_COUNT, 2 * LIMB_COUNT - 1):
        columns[index + 1] = f.add(columns[index + 1], f.shift_right(columns[index], LIMB_BITS))
        columns[index] = columns[index].raw()
    low = [*columns[:LIMB_COUNT], ZERO]
    for index, column in enumerate(columns[LIMB_COUNT:]):
        low[index] = f.multiply_low(low[index], column, _FOLD_260)
        low[index + 1] = f.multiply_high(low[index + 1], column, _FOLD_260)
    assert 1 <= times <= 3
    once = low
    for _ in range(times - 1):
        low = [f.add(total, limb) for total, limb in zip(low, once, strict=True)]
    if minus is not None:
        low = [*(f.subtract(total, limb) for total, limb in zip(low[:-1], minus, strict=True)), low[-1]]
        multiples = max(0, -(low[4].low >> TOP_BITS))
        if multiples:
            low[4] = f.add(low[4], constant(multiples << TOP_BITS))
        # One more p, whose 2^256 follows after the split: lower limbs may still be negative, and borrow.
        low[0] = f.subtract(low[0], constant((multiples + 1) * P_COMPLEMENT))
    above = f.add(f.shift_right(low[4], TOP_BITS), f.shift_left(low[5], LIMB_BITS - TOP_BITS))
    low[4] = f.low_bits(low[4], TOP_BITS)
    if minus is not None:
        low[4] = f.add(low[4], constant(TOP_MAX + 1))
    low[0] = f.multiply_low(low[0], above, _FOLD_256)
    low[1] = f.multiply_high(low[1], above, _FOLD_256)
    limbs = carried(f, low[:LIMB_COUNT], is_masked=False)
    assert 0 <= limbs[-1].low <= limbs[-1].high <= STORED_TOP_MAX, limbs[-1]
    return limbs


def _clean(f: Function, limbs: Limbs) -> Limbs:
    return [f.low_bits(limb, LIMB_BITS) if limb.is_raw else limb for limb in limbs]


def _normal(f: Function, limbs: Limbs) -> Limbs:
    if all(limb.is_factor for limb in limbs):
        return limbs
    limbs = _clean(f, limbs)
    multiples = _multiples_of_p(limbs)
    if multiples:
        limbs[4] = f.add(limbs[4], constant(multiples << TOP_BITS))
        limbs[0] = f.subtract(limbs[0], constant(multiples * P_COMPLEMENT))
    limbs = carried(f, limbs, is_masked=False)
    assert limbs[-1].is_factor, limbs[-1]
    return limbs


def _multiples_of_p(limbs: Limbs) -> int:
    """How many p, written as 2^256 - c, have to be added so that carries leave no lane negative."""
    for multiples in range(_MULTIPLES_MAX):
        low = limbs[0].low - multiples * P_COMPLEMENT
        for limb in limbs[1:]:
            low = limb.low + (low >> LIMB_BITS)
        if low + (multiples << TOP_BITS) >= 0:
            return multiples
    raise AssertionError(f"no multiple of p is enough: {limbs}")


def _storable(f: Function, limbs: Limbs) -> Limbs:
    limbs = _normal(f, limbs)
    return limbs if limbs[-1].high <= STORED_TOP_MAX else _folded(f, limbs)


def _folded(f: Function, limbs: Limbs) -> Limbs:
    """What is above bit 256 comes back; of a number below 2^260 no more than a bit is left there."""
    limbs = _clean(f, limbs)
    above = f.shift_right(limbs[4], TOP_BITS)
    assert above.high * P_COMPLEMENT <= LIMB_MAX, "the fold is one limb"
    limbs[4] = f.low_bits(limbs[4], TOP_BITS)
    limbs[0] = f.multiply_low(limbs[0], above, _FOLD_256)
    return carried(f, limbs, is_masked=False)


def routines(group_count: int) -> str:
    """
    The text of what is called, for numbers of some groups, the limbs of one group behind those of the other.

    field_multiply(target, a, b); field_squarings(target, source, count), for source^(2^count); square_root(target,
    source, scratch) and inverse(target, source, scratch), with room for CHAIN_SLOTS numbers.
    """
    multiplied = Function("field_multiply", "ptr %target, ptr %a, ptr %b")
    a, b = (Element.load(multiplied, pointer, group_count) for pointer in ("%a", "%b"))
    (a * b).store("%target")
    squared = Function("field_squarings", "ptr %target, ptr %source, i64 %count")
    first = Element.load(squared, "%source", group_count)
    with squared.loop("%count", first.lanes) as loop:
        result = reduced(square(first.with_lanes(loop.carried))).storable()
        loop.carry(result.lanes)
    result.store("%target")
    chains = _chain("square_root", group_count, is_root=True) + _chain("inverse", group_count, is_root=False)
    return multiplied.text() + squared.text() + chains


def _chain(name: str, group_count: int, *, is_root: bool) -> str:
    """
    source^((p + 1) / 4), which is a square root if there is one, or source^(p - 2), the inverse.

    The exponents are mostly ones: x_n is source^(2^n - 1), and runs of ones are doubled, as in libsecp256k1. What the
    exponent comes to is computed beside it, and checked.
    """
    f = Function(name, "ptr %target, ptr %source, ptr %scratch")
    slot_size = NUMBER_SIZE_BYTES * group_count
    x2, x3, x6, x22, x44, x88, total, powered = (f.place("%scratch", slot_size * slot) for slot in range(CHAIN_SLOTS))
    exponents = {"%source": 1}

    def step(target: str, source: str, squarings: int, factor: str | None) -> None:
        """Target is source^(2^squarings) times a factor."""
        exponents[target] = (exponents[source] << squarings) + (exponents[factor] if factor else 0)
        f.call("field_squarings", target if factor is None else powered, source, f"i64 {squarings}")
        if factor is not None:
            f.call("field_multiply", target, powered, factor)

    for target, source, squarings, factor in (
        *((x2, "%source", 1, "%source"), (x3, x2, 1, "%source"), (x6, x3, 3, x3), (total, x6, 3, x3)),
        *((total, total, 2, x2), (x22, total, 11, total), (x44, x22, 22, x22), (x88, x44, 44, x44)),
        *((total, x88, 88, x88), (total, total, 44, x44), (total, total, 3, x3), (total, total, 23, x22)),
    ):
        step(target, source, squarings, factor)
    if is_root:
        step(total, total, 6, x2)
        step("%target", total, 2, None)
    else:
        step(total, total, 5, "%source")
        step(total, total, 3, x2)
        step("%target", total, 2, "%source")
    assert exponents["%target"] == ((P + 1) // 4 if is_root else P - 2), "the chain computes this power"
    return f.text()
