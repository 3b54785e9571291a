"""
u1 G + u2 R for the signatures of a unit, in routines that keep their numbers in memory.

1. `digits` cuts the scalars into windows: those of u2 say which odd multiples of R and of lambda R are added, those of
   u1 which points of the comb.
2. `odd_multiples` makes the tables of R and of lambda R. All points get one z: affine points of an isomorphic curve.
3. `pair_differences` and `pair_sums` add the points of a window of both halves of u2, and of two neighbouring windows
   of the comb, as affine points. That takes inverses; those of all pairs of some units come from one inversion.
4. `ladder` doubles, adds sums of pairs, and adds those of the comb at the end.

Sums that meet no point twice. Halves of u2 are odd and so are digits. Where a * R + b * lambda R is infinity, (a, b) is
in the lattice of `curve.py`: then a^2 - a b + b^2 is a multiple of n, and the greater of |a|, |b| at least sqrt(n / 3),
above 2^127. So the two points of a window, and what the ladder has come to when it adds another window, but for the
lowest, are neither equal nor opposite. What it has come to before the lowest may be equal to that window's point (for
few u2), and `ladder` sees to it. In the comb the two points of a pair are different multiples of G; the sum so far and
the next pair may be anything.
"""

from collections.abc import Iterator
from typing import Final, NamedTuple

from primitives.secp256k1 import N, P
from primitives.secp256k1_simd.curve import BETA
from primitives.secp256k1_simd.field import Element, reduced, square
from primitives.secp256k1_simd.ir_writer import LANES, VECTOR_SIZE_BYTES, ZERO, Function, Lanes, constant, constants
from primitives.secp256k1_simd.limbs import from_words, to_words
from primitives.secp256k1_simd.points import (
    Affine,
    Jacobian,
    add_with_same_z,
    affine_sum,
    double_with_same_z,
    negated_double,
    negated_sum,
)
from primitives.secp256k1_simd.signature_rows import load_four
from primitives.secp256k1_simd.work_area import (
    COMB_BITS,
    COMB_MULTIPLES,
    COMB_PAIRS,
    COMB_WINDOW_BITS,
    COMB_WINDOWS,
    DIGIT,
    DIGIT_OF_GROUP,
    GROUPS,
    HALF_BITS,
    MULTIPLES,
    NUMBER,
    POINT,
    ROW_SIZE_BYTES,
    SHARED,
    SIGNERS,
    SIGNS_AT,
    TABLE_SIZE_BYTES,
    UNIT,
    WINDOW_BITS,
    WINDOWS,
    WORDS_OF_GROUP,
)

assert 2 ** (HALF_BITS - WINDOW_BITS + 1) < (N // 3) ** 0.5, "the ladder meets no point twice before its last window"
_MULTIPLE_SIZE: Final = POINT + NUMBER
_TABLES_SIZE: Final = GROUPS * LANES * TABLE_SIZE_BYTES


class Signs(NamedTuple):
    """Which windows, and which pairs of the comb, are added with the opposite sign."""

    windows: list[bool]
    comb_pairs: list[bool]


def signs() -> Signs:
    """
    Doubles and sums come out negated: what is added has to have the sign that the point has got by then.

    At the end it is to be the right one; else everything is added with the opposite sign.
    """
    is_negated = False
    windows = {WINDOWS - 1: False}
    for window in range(WINDOWS - 2, -1, -1):
        is_negated ^= WINDOW_BITS % 2 == 1
        windows[window] = is_negated
        is_negated = not is_negated
    pairs = []
    for _ in range(COMB_PAIRS):
        pairs.append(is_negated)
        is_negated = not is_negated
    return Signs([windows[window] ^ is_negated for window in range(WINDOWS)], [pair ^ is_negated for pair in pairs])


def digits() -> str:
    """The text of `digits(signers, unit)`: for each window the offsets of eight rows of a table, and signs."""
    f = Function("digits", "ptr noalias %signers, ptr noalias %unit")
    windows, comb_pairs = signs()
    for group in range(GROUPS):
        words = [
            f.load("%signers", SIGNERS["words"] + group * WORDS_OF_GROUP + word * VECTOR_SIZE_BYTES)
            for word in range(WORDS_OF_GROUP // VECTOR_SIZE_BYTES)
        ]
        tables = constants([(group * LANES + lane) * TABLE_SIZE_BYTES for lane in range(LANES)])
        for half in range(2):
            for window, digit in enumerate(_windows(f, words[3 * half : 3 * half + 3], WINDOW_BITS, HALF_BITS)):
                place = UNIT["digits"] + (2 * window + half) * DIGIT + group * DIGIT_OF_GROUP
                _store_digit(f, digit, WINDOW_BITS, tables, place, is_opposite=windows[window])
        for window, digit in enumerate(_windows(f, words[6:], COMB_WINDOW_BITS, COMB_BITS)):
            place = UNIT["comb_digits"] + window * DIGIT + group * DIGIT_OF_GROUP
            _store_digit(f, digit, COMB_WINDOW_BITS, ZERO, place, is_opposite=comb_pairs[window // 2])
    return f.text()


def _windows(f: Function, words: list[Lanes], window_bits: int, bits: int) -> Iterator[Lanes]:
    """The windows of a scalar, the lowest first."""
    for lowest in range(0, bits, window_bits):
        index, shift = divmod(lowest, 64)
        if shift + window_bits > 64 and index + 1 < len(words):
            window = f.funnel_left(words[index + 1], words[index], 64 - shift)
        else:
            window = f.shift_right(words[index], shift) if shift else words[index]
        yield f.low_bits(window, window_bits)


def _store_digit(f: Function, window: Lanes, window_bits: int, tables: Lanes, place: int, *, is_opposite: bool) -> None:
    """A window of bits is the digit 2 window - (2^bits - 1), whose multiple has the index |digit| / 2."""
    sign = f.subtract(f.shift_right(window, window_bits - 1), constant(1))  # -1 if the digit is negative.
    index = f.complemented(window, sign, window_bits - 1)
    f.store(f.add(f.shift_left(index, ROW_SIZE_BYTES.bit_length() - 1), tables), "%unit", place)
    f.store(f.subtract(constant(-1), sign) if is_opposite else sign, "%unit", place + SIGNS_AT)


def odd_multiples() -> str:
    """
    The text of `odd_multiples(signers, shared, unit)`: tables of R, 3 R, ... 31 R, and of the same times lambda.

    Each sum multiplies the z that the step and the sum have; afterwards all are brought to the last z. Then they are
    affine points of y^2 = x^3 + 7 z^6, for which the formulas hold as well, for none of them uses the 7. lambda (x, y)
    is (beta x, y) there, too.
    """
    f = Function("odd_multiples", "ptr noalias %signers, ptr noalias %shared, ptr noalias %unit")
    multiples, step_at = f.place("%shared", SHARED["multiples"]), f.place("%shared", SHARED["step"])
    step, first, ratio = double_with_same_z(
        Affine(*(Element.load(f, f.place("%signers", SIGNERS[name]), GROUPS) for name in ("r", "r_y")))
    )
    _store_point(f, first, multiples)
    ratio.store(f.place(multiples, POINT))
    _store_point(f, step, step_at)
    with f.loop(MULTIPLES - 1) as loop:
        place = f.row(multiples, loop.index, _MULTIPLE_SIZE)
        following, step, ratio = add_with_same_z(_load_point(f, place), _load_point(f, step_at))
        _store_point(f, following, f.place(place, _MULTIPLE_SIZE))
        ratio.store(f.place(place, _MULTIPLE_SIZE + POINT))
        _store_point(f, step, step_at)
    z_at = f.place("%unit", UNIT["z"])
    Element.constant(f, 1, GROUPS).store(z_at)
    with f.loop(MULTIPLES) as loop:
        index = f.scalar(f"sub i64 {MULTIPLES - 1}, {loop.index}")
        place = f.row(multiples, index, _MULTIPLE_SIZE)
        z = Element.load(f, z_at, GROUPS)
        z_squared = reduced(square(z))
        z_cubed = z * z_squared
        point = _load_point(f, place)
        x, y = point.x * z_squared, (point.y * z_cubed).residue()
        turned_x = (x * Element.constant(f, BETA, GROUPS)).residue()
        (z * Element.load(f, f.place(place, POINT), GROUPS)).store(z_at)
        row = f.row("%unit", index, ROW_SIZE_BYTES, UNIT["tables"])
        for table, xs in enumerate((x.residue(), turned_x)):
            for group in range(GROUPS):
                rows = f.transposed([*to_words(f, xs.groups[group]), *to_words(f, y.groups[group])])
                for lane, words in enumerate(rows):
                    f.store(words, row, table * _TABLES_SIZE + (group * LANES + lane) * TABLE_SIZE_BYTES)
    return f.text()


def _load_point(f: Function, place: str) -> Affine:
    return Affine(Element.load(f, place, GROUPS), Element.load(f, f.place(place, NUMBER), GROUPS))


def _store_point(f: Function, point: Affine, place: str) -> None:
    point.x.store(place)
    point.y.store(f.place(place, NUMBER))


class Digit(NamedTuple):
    """Where a table is, and where the digits of one window are."""

    table: str
    digit: str

    def rows(self, f: Function, group: int) -> list[str]:
        """The rows of the table that the lanes of a group want."""
        offsets = f.place(self.digit, group * DIGIT_OF_GROUP)
        found = []
        for lane in range(LANES):
            offset = f.scalar(f"load i64, ptr {f.place(offsets, 8 * lane)}")
            found.append(f.scalar(f"getelementptr i8, ptr {self.table}, i64 {offset}"))
        return found

    def x(self, f: Function) -> Element:
        """The x of the points."""
        groups = [load_four(f, self.rows(f, group), 0, VECTOR_SIZE_BYTES // 2) for group in range(GROUPS)]
        return Element(f, [from_words(f, words) for words in groups])

    def point(self, f: Function) -> Affine:
        """The points, with the signs of the digits."""
        xs, ys = [], []
        for group in range(GROUPS):
            words = f.transposed([f.load(row) for row in self.rows(f, group)])
            xs.append(from_words(f, words[:4]))
            ys.append(from_words(f, words[4:]))
        y = Element(f, ys).clean()
        signs_at = [SIGNS_AT + group * DIGIT_OF_GROUP for group in range(GROUPS)]
        keeps_sign = [f.is_equal(f.load(self.digit, place), ZERO) for place in signs_at]
        # Limb by limb: the lowest may be negative, which sums take.
        return Affine(Element(f, xs), y.select(keeps_sign, Element.constant(f, P, GROUPS) - y))


def _window_pair(f: Function, index: str) -> tuple[Digit, Digit]:
    """A window of both halves of u2."""
    table, digit = f.place("%unit", UNIT["tables"]), f.row("%unit", index, 2 * DIGIT, UNIT["digits"])
    return Digit(table, digit), Digit(f.place(table, _TABLES_SIZE), f.place(digit, DIGIT))


def _comb_pair(f: Function, index: str) -> tuple[Digit, Digit]:
    """Two windows of u1."""
    size = COMB_MULTIPLES * ROW_SIZE_BYTES
    table, digit = f.row("%comb", index, 2 * size), f.row("%unit", index, 2 * DIGIT, UNIT["comb_digits"])
    return Digit(table, digit), Digit(f.place(table, size), f.place(digit, DIGIT))


# What makes a pair, how many there are, which is the first of all pairs.
_KINDS: Final = ((_window_pair, WINDOWS, 0), (_comb_pair, COMB_PAIRS, WINDOWS))
assert COMB_PAIRS * 2 == COMB_WINDOWS
_PAIR_PARAMETERS: Final = "ptr noalias %unit, ptr noalias %shared, ptr noalias %comb"


def pair_differences() -> str:
    """
    The text of `pair_differences(unit, shared, comb)`: multiplies x2 - x1 of all pairs into the running product.

    What the product was before each is kept. Source: Montgomery's trick.
    """
    f = Function("pair_differences", _PAIR_PARAMETERS)
    running_at = f.place("%shared", SHARED["running"])
    for pair_of, count, first in _KINDS:
        initial = Element.load(f, running_at, GROUPS)
        with f.loop(count, initial.lanes) as loop:
            running = initial.with_lanes(loop.carried)
            one, other = pair_of(f, loop.index)
            difference = (other.x(f) - one.x(f)).normal()
            running.store(f.row("%unit", loop.index, NUMBER, UNIT["prefixes"] + first * NUMBER))
            running = (running * difference).storable()
            loop.carry(running.lanes)
        running.store(running_at)
    return f.text()


def pair_sums() -> str:
    """The text of `pair_sums(unit, shared, comb)`: the same backwards, with the inverse of the product: adds pairs."""
    f = Function("pair_sums", _PAIR_PARAMETERS)
    running_at = f.place("%shared", SHARED["running"])
    for pair_of, count, first in reversed(_KINDS):
        initial = Element.load(f, running_at, GROUPS)
        with f.loop(count, initial.lanes) as loop:
            running = initial.with_lanes(loop.carried)
            index = f.scalar(f"sub i64 {count - 1}, {loop.index}")
            one, other = (digit.point(f) for digit in pair_of(f, index))
            prefix_at = f.row("%unit", index, NUMBER, UNIT["prefixes"] + first * NUMBER)
            inverse = running * Element.load(f, prefix_at, GROUPS)
            running = (running * (other.x - one.x)).storable()
            total = affine_sum(one, other, inverse)
            _store_point(f, total, f.row("%shared", index, POINT, SHARED["sums"] + first * POINT))
            loop.carry(running.lanes)
        running.store(running_at)
    return f.text()


def doublings() -> str:
    """The text of `doublings(point, count)`."""
    f = Function("doublings", "ptr noalias %point, i64 %count")
    with f.loop("%count"):
        _store_jacobian(f, negated_double(_load_jacobian(f, "%point")), "%point")
    return f.text()


def addition() -> str:
    """The text of `addition(point, other)`, `other` affine."""
    f = Function("addition", "ptr noalias %point, ptr noalias %other")
    _store_jacobian(f, negated_sum(_load_jacobian(f, "%point"), _load_point(f, "%other")), "%point")
    return f.text()


def _load_jacobian(f: Function, place: str) -> Jacobian:
    return Jacobian(*(Element.load(f, f.place(place, index * NUMBER), GROUPS) for index in range(3)))


def _store_jacobian(f: Function, point: Jacobian, place: str) -> None:
    for index, coordinate in enumerate(point):
        coordinate.store(f.place(place, index * NUMBER))


def ladder() -> str:
    """
    The text of `ladder(signers, shared, unit)`: x, y and z of u1 G + u2 R, z = 0 if it is infinity or was met twice.

    If the lowest window adds a point to itself, twice the window's point is put in.
    """
    f = Function("ladder", "ptr noalias %signers, ptr noalias %shared, ptr noalias %unit")
    point, sums = f.place("%shared", SHARED["x"]), f.place("%shared", SHARED["sums"])
    assert (SHARED["y"], SHARED["z"]) == (SHARED["x"] + NUMBER, SHARED["x"] + 2 * NUMBER), "one Jacobian point"
    one = Element.constant(f, 1, GROUPS)
    _store_jacobian(f, Jacobian(*_load_point(f, f.place(sums, (WINDOWS - 1) * POINT)), one), point)
    with f.loop(WINDOWS - 1) as loop:
        f.call("doublings", point, f"i64 {WINDOW_BITS}")
        index = f.scalar(f"sub i64 {WINDOWS - 2}, {loop.index}")
        f.call("addition", point, f.row(sums, index, POINT))
    found = _load_jacobian(f, point)
    instead = negated_double(Jacobian(*_load_point(f, sums), one))
    was_met_twice = found.z.is_zero()
    x, y, z = (b.storable().select(was_met_twice, a) for a, b in zip(found, instead, strict=True))
    # From the isomorphic curve back to ours.
    _store_jacobian(f, Jacobian(x, y, z * Element.load(f, f.place("%unit", UNIT["z"]), GROUPS)), point)
    with f.loop(COMB_PAIRS) as loop:
        f.call("addition", point, f.row(sums, loop.index, POINT, WINDOWS * POINT))
    for name, coordinate in zip("xyz", _load_jacobian(f, point), strict=True):
        coordinate.store(f.place("%signers", SIGNERS[name]))
    return f.text()
