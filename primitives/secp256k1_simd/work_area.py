"""
What the recovery keeps in memory, all sizes and offsets in bytes; everything lies on a cache line of its own.

Eight signatures are a group, GROUPS computed side by side are a unit, UNITS of which share one inversion for the sums
of affine points. A work area begins with what all units share (SHARED), then come UNITS pieces of scratch space (UNIT),
then records that last through the whole call: one for each unit (SIGNERS), and one in front of the first.
"""

from typing import Final

from primitives.secp256k1_simd.field import CHAIN_SLOTS, NUMBER_SIZE_BYTES
from primitives.secp256k1_simd.ir_writer import LANES, VECTOR_SIZE_BYTES
from primitives.secp256k1_simd.scalars import INVERSE_SLOTS

GROUPS: Final = 2  # Chains of products that depend on each other leave room for another chain.
UNITS: Final = 8
SIGNATURES_IN_UNIT: Final = GROUPS * LANES
ROW_SIZE_BYTES: Final = 64  # A point in a table: x, y, four words each.

# u2 R: windows of both halves of u2.
WINDOW_BITS: Final = 5
WINDOWS: Final = 26
HALF_BITS: Final = WINDOW_BITS * WINDOWS  # Halves of a scalar are shorter.
MULTIPLES: Final = 1 << (WINDOW_BITS - 1)  # 1, 3, 5, ... 31 times a point.
TABLE_SIZE_BYTES: Final = MULTIPLES * ROW_SIZE_BYTES  # Of one lane.
# u1 G: a comb, whose table is the same for all signatures. Windows are added two by two first.
COMB_WINDOW_BITS: Final = 8
COMB_WINDOWS: Final = 32
COMB_BITS: Final = COMB_WINDOW_BITS * COMB_WINDOWS
COMB_MULTIPLES: Final = 1 << (COMB_WINDOW_BITS - 1)
COMB_PAIRS: Final = COMB_WINDOWS // 2
COMB_SIZE_BYTES: Final = COMB_WINDOWS * COMB_MULTIPLES * ROW_SIZE_BYTES
assert COMB_BITS == 256, "the comb takes every scalar"
assert COMB_WINDOWS % 2 == 0, "windows come in pairs"

NUMBER: Final = GROUPS * NUMBER_SIZE_BYTES  # One for each signature of a unit.
POINT: Final = 2 * NUMBER  # Affine.
PAIRS: Final = WINDOWS + COMB_PAIRS
SIGNS_AT: Final = VECTOR_SIZE_BYTES  # In a digit of a group: the offsets of eight rows come first, then signs.
DIGIT_OF_GROUP: Final = 2 * VECTOR_SIZE_BYTES
DIGIT: Final = GROUPS * DIGIT_OF_GROUP
SCALAR_WORDS: Final = 3 + 3 + 4  # Of a group: both halves of u2, and u1.
WORDS_OF_GROUP: Final = SCALAR_WORDS * VECTOR_SIZE_BYTES


class Layout:
    """Named pieces behind one another."""

    def __init__(self, **sizes: int) -> None:
        self._offsets: dict[str, int] = {}
        self.size_bytes = 0
        for name, size in sizes.items():
            assert size % VECTOR_SIZE_BYTES == 0, f"{name} ends where a cache line ends"
            self._offsets[name] = self.size_bytes
            self.size_bytes += size

    def __getitem__(self, name: str) -> int:
        return self._offsets[name]


SHARED: Final = Layout(
    x=NUMBER,  # The point that the ladder works on, in Jacobian coordinates.
    y=NUMBER,
    z=NUMBER,
    step=POINT,  # 2 R, which the table is built with.
    cube=NUMBER,  # x^3 + 7
    running=NUMBER,  # The product of all differences, later the inverse of what is left of it.
    chain=(CHAIN_SLOTS * NUMBER),
    multiples=(MULTIPLES * (POINT + NUMBER)),  # Odd multiples of R, each with the ratio of its z to the one before.
    sums=(PAIRS * POINT),  # Of two points each, for the unit that is worked on.
    inverse=NUMBER,
    scalar_chain=(INVERSE_SLOTS * NUMBER),
)
UNIT: Final = Layout(
    tables=(2 * GROUPS * LANES * TABLE_SIZE_BYTES),  # Of R, then of lambda R.
    digits=(2 * WINDOWS * DIGIT),  # Of both halves in turns.
    comb_digits=(COMB_WINDOWS * DIGIT),
    prefixes=(PAIRS * NUMBER),  # The product of the differences before each pair.
    z=NUMBER,  # What all points of the tables have in common.
)
SIGNERS: Final = Layout(
    r=NUMBER,  # Also the x of R.
    r_y=NUMBER,
    s=NUMBER,
    digest=NUMBER,
    r_prefix=NUMBER,  # The product of the r up to here, mod n.
    z_prefix=NUMBER,  # That of the z, mod p.
    status=(GROUPS * VECTOR_SIZE_BYTES),
    words=(GROUPS * WORDS_OF_GROUP),
    x=NUMBER,
    y=NUMBER,
    z=NUMBER,
)
UNITS_AT: Final = SHARED.size_bytes
SIGNERS_AT: Final = UNITS_AT + UNITS * UNIT.size_bytes


def work_area_size(unit_count: int) -> int:
    """Of a work area for so many units."""
    return SIGNERS_AT + (unit_count + 1) * SIGNERS.size_bytes
