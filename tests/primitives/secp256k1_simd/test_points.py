"""Formulas for points give what the curve's group gives, and say so where they do not hold."""

import random

from primitives.secp256k1 import GENERATOR, P
from primitives.secp256k1_simd.curve import Point, add, multiply
from primitives.secp256k1_simd.field import Element
from primitives.secp256k1_simd.ir_writer import Function
from primitives.secp256k1_simd.ladder import signs
from primitives.secp256k1_simd.points import (
    Affine,
    Jacobian,
    add_with_same_z,
    affine_sum,
    double_with_same_z,
    negated_double,
    negated_sum,
)
from primitives.secp256k1_simd.work_area import COMB_PAIRS, WINDOW_BITS, WINDOWS
from tests.primitives.secp256k1_simd.vectors import GROUPS, limbs_of_numbers, needs_ifma, numbers_in, run, stored

pytestmark = needs_ifma
COUNT = 160
Coordinates = tuple[int, ...]
_rng = random.Random(5)
POINTS = [multiply(_rng.randrange(1, 2**256), GENERATOR) for _ in range(COUNT)]
ZS = [1, P - 1, 2, *(_rng.randrange(1, P) for _ in range(COUNT - 3))]


def some(point: Point) -> tuple[int, int]:
    assert point is not None
    return point


def negative(point: Point) -> Point:
    return None if point is None else (point[0], -point[1] % P)


def scaled(point: Point, z: int) -> Coordinates:
    """In Jacobian coordinates with this z."""
    x, y = some(point)
    return x * z * z % P, y * z**3 % P, z


def affine(x: int, y: int, z: int) -> Point:
    if z % P == 0:
        return None
    inverse = pow(z, -1, P)
    return x * inverse**2 % P, y * inverse**3 % P


def columns(rows: list[Coordinates]) -> list[object]:
    """One array for each coordinate; half of the numbers are not below p."""
    return [
        stored(limbs_of_numbers([value + P * (index % 2) for index, value in enumerate(column)]), garbage=True)
        for column in zip(*rows, strict=True)
    ]


def rows_of(arrays: list[object]) -> list[Coordinates]:
    return list(zip(*(numbers_in(array) for array in arrays), strict=True))


def loaded(f: Function, sources: list[str]) -> list[Element]:
    return [Element.load(f, source, GROUPS) for source in sources]


def store_all(values: list[Element], targets: list[str]) -> None:
    for value, target in zip(values, targets, strict=True):
        value.store(target)


def doubles(points: list[Coordinates]) -> list[Coordinates]:
    def emit(f: Function, sources: list[str], targets: list[str]) -> None:
        store_all(list(negated_double(Jacobian(*loaded(f, sources)))), targets)

    return rows_of(run(emit, 3, *columns(points)))


def sums(points: list[Coordinates], others: list[Coordinates]) -> list[Coordinates]:
    def emit(f: Function, sources: list[str], targets: list[str]) -> None:
        numbers = loaded(f, sources)
        store_all(list(negated_sum(Jacobian(*numbers[:3]), Affine(*numbers[3:]))), targets)

    return rows_of(run(emit, 3, *columns(points), *columns(others)))


def test_a_double_is_negated():
    points = [scaled(point, z) for point, z in zip(POINTS, ZS, strict=True)]
    found = [affine(*row) for row in doubles(points)]
    assert found == [negative(add(point, point)) for point in POINTS]


def test_a_sum_is_negated():
    points = [scaled(point, z) for point, z in zip(POINTS, ZS, strict=True)]
    others = [some(point) for point in reversed(POINTS)]
    found = [affine(*row) for row in sums(points, others)]
    assert found == [negative(add(*pair)) for pair in zip(POINTS, others, strict=True)]


def test_a_point_and_its_negative_come_out_as_infinity():
    points = [scaled(negative(point), z) for point, z in zip(POINTS, ZS, strict=True)]
    for x, y, z in sums(points, [some(point) for point in POINTS]):
        assert z % P == 0
        assert x % P != 0
        assert (x**3 - y**2) % P == 0


def test_what_a_sum_does_not_hold_for_is_zero_and_stays_it():
    others = [some(point) for point in POINTS]
    same = sums([scaled(point, z) for point, z in zip(POINTS, ZS, strict=True)], others)
    infinity = [(r**2 % P, r**3 % P, 0) for r in ZS]
    zeros = [(0, 0, 0)] * COUNT
    for after in (same, sums(infinity, others), sums(zeros, others), doubles(zeros), sums(doubles(infinity), others)):
        assert all(coordinate % P == 0 for row in after for coordinate in row)
    assert all(z % P == 0 and x % P != 0 for x, _, z in doubles(infinity))


def test_affine_points_are_added_with_the_inverse_of_a_difference():
    others = [some(point) for point in POINTS[1:] + POINTS[:1]]
    inverses = [(pow(other[0] - some(point)[0], -1, P),) for point, other in zip(POINTS, others, strict=True)]

    def emit(f: Function, sources: list[str], targets: list[str]) -> None:
        numbers = loaded(f, sources)
        store_all(list(affine_sum(Affine(*numbers[:2]), Affine(*numbers[2:4]), numbers[4])), targets)

    arrays = columns([some(point) for point in POINTS]), columns(others), columns(inverses)
    found = rows_of(run(emit, 2, *(array for each in arrays for array in each)))
    assert [affine(*row, 1) for row in found] == [add(*pair) for pair in zip(POINTS, others, strict=True)]


def test_points_with_one_z_are_doubled_and_added():
    def emit(f: Function, sources: list[str], targets: list[str]) -> None:
        first = double_with_same_z(Affine(*loaded(f, sources)))
        second = add_with_same_z(first.other, first.sum)
        z = first.ratio * second.ratio
        store_all([*first.sum, *first.other, first.ratio, *second.sum, *second.other, z], targets)

    for point, row in zip(POINTS, rows_of(run(emit, 10, *columns([some(point) for point in POINTS]))), strict=True):
        double = add(point, point)
        z1, z2 = row[4], row[9]
        assert affine(*row[0:2], z1) == double
        assert affine(*row[2:4], z1) == point
        assert affine(*row[5:7], z2) == add(double, point)
        assert affine(*row[7:9], z2) == double


def test_signs_of_the_ladder_give_the_sum_that_is_meant():
    """Numbers instead of points: doubles and sums are negated here, too."""
    found = signs()
    windows = [_rng.randrange(1, 2**20) for _ in range(WINDOWS)]
    pairs = [_rng.randrange(1, 2**20) for _ in range(COMB_PAIRS)]
    signed = [-value if flips else value for value, flips in zip(windows, found.windows, strict=True)]
    total = signed[-1]
    for window in reversed(signed[:-1]):
        for _ in range(WINDOW_BITS):
            total = -2 * total
        total = -(total + window)
    for pair, flips in zip(pairs, found.comb_pairs, strict=True):
        total = -(total + (-pair if flips else pair))
    assert total == sum(value << (WINDOW_BITS * index) for index, value in enumerate(windows)) + sum(pairs)
