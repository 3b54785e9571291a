"""Arithmetic mod p in lanes is that of Python's integers, at the limits of what limbs may hold."""

from collections.abc import Callable

import pytest

from primitives.secp256k1 import P
from primitives.secp256k1_simd import field
from primitives.secp256k1_simd.field import Element, multiply, reduced, square
from primitives.secp256k1_simd.ir_writer import Function, Lanes
from primitives.secp256k1_simd.limbs import Limbs
from tests.primitives.secp256k1_simd.vectors import (
    GROUPS,
    LIMB_MAX,
    STORED_TOP_MAX,
    limbs_at_the_limits,
    limbs_of_numbers,
    needs_ifma,
    numbers_in,
    run,
    stored,
    value_of,
)

pytestmark = needs_ifma
COUNT = 9600
EDGES = [0, 1, 2, P - 1, P, P + 1, 2**256 - 1, 2**256, 2 * P - 1, 2 * P, 2 * P + 1, 2**208, 2**52 - 1, 2**255]

A = limbs_at_the_limits(STORED_TOP_MAX, COUNT, 1)
B = limbs_at_the_limits(STORED_TOP_MAX, COUNT, 2)
A[100 : 100 + len(EDGES) ** 2] = limbs_of_numbers([a for a in EDGES for _ in EDGES])
B[100 : 100 + len(EDGES) ** 2] = limbs_of_numbers(EDGES * len(EDGES))
# Each sum of the two is divisible by p, or nearly.
B[1000:1200] = [limbs_of_numbers([-value_of(a) % P + index % 3])[0] for index, a in enumerate(A[1000:1200])]

Formula = Callable[[Element, Element], Element]
FORMULAS: dict[str, tuple[Formula, Callable[[int, int], int]]] = {
    "product": (lambda a, b: a * b, lambda a, b: a * b),
    "square": (lambda a, b: reduced(square(a)), lambda a, b: a * a),
    "product twice": (lambda a, b: reduced(multiply(a, b), times=2), lambda a, b: 2 * a * b),
    "square three times": (lambda a, b: reduced(square(a), times=3), lambda a, b: 3 * a * a),
    "product less multiples": (
        lambda a, b: reduced(multiply(a, b), minus=a.doubled(3) + b),
        lambda a, b: a * b - 8 * a - b,
    ),
    "square and more": (lambda a, b: reduced(square(a), minus=-(a + b.doubled(2))), lambda a, b: a * a + a + 4 * b),
    "twice a product less a number": (
        lambda a, b: reduced(multiply(a, b), times=2, minus=b - a),
        lambda a, b: 2 * a * b + a - b,
    ),
    "sum of products": (
        lambda a, b: reduced(multiply(a, b - a.doubled(), onto=square(b).twice())),
        lambda a, b: a * (b - 2 * a) + 2 * b * b,
    ),
    "products of differences": (lambda a, b: (a - b) * (b - a.doubled()), lambda a, b: (a - b) * (b - 2 * a)),
    "difference": (lambda a, b: a - b, lambda a, b: a - b),
    "negative multiples": (lambda a, b: -(a.doubled(2)) - b, lambda a, b: -4 * a - b),
    "sum of many": (lambda a, b: (a + b).doubled() + a, lambda a, b: 3 * a + 2 * b),
    "residue of a sum": (lambda a, b: (a + b).residue(), lambda a, b: a + b),
    "residue": (lambda a, b: a.residue(), lambda a, b: a),
}


@pytest.mark.parametrize("name", FORMULAS)
@pytest.mark.parametrize("garbage", [False, True], ids=["clean", "raw"])
def test_a_formula_in_lanes_is_the_formula(name: str, garbage: bool):
    formula, expected = FORMULAS[name]

    def emit(f: Function, sources: list[str], targets: list[str]) -> None:
        a, b = (Element.load(f, source, GROUPS) for source in sources)
        formula(a, b).store(targets[0])

    (results,) = run(emit, 1, stored(A, garbage=garbage), stored(B, garbage=garbage))
    for a, b, result in zip(map(value_of, A), map(value_of, B), numbers_in(results), strict=True):
        assert (result - expected(a, b)) % P == 0, (hex(a), hex(b))
        if name.startswith("residue"):
            assert result < P, (hex(a), hex(b))


def test_only_multiples_of_p_are_zero():
    def emit(f: Function, sources: list[str], targets: list[str]) -> None:
        a, b = (Element.load(f, source, GROUPS) for source in sources)
        masks = (a + b).is_zero()
        Element.constant(f, 1, GROUPS).select(masks, Element.constant(f, 0, GROUPS)).store(targets[0])

    (results,) = run(emit, 1, stored(A, garbage=True), stored(B, garbage=True))
    sums = [value_of(a) + value_of(b) for a, b in zip(A, B, strict=True)]
    assert numbers_in(results) == [int(total % P == 0) for total in sums]
    assert 60 < sum(total % P == 0 for total in sums) < COUNT // 2


@pytest.mark.parametrize(
    ("name", "power"), [("square_root", (P + 1) // 4), ("inverse", P - 2)], ids=["square root", "inverse"]
)
def test_a_chain_of_powers_is_the_power(name: str, power: int):
    numbers = A[:320]

    def emit(f: Function, sources: list[str], targets: list[str]) -> None:
        scratch = f.scalar(f"alloca [{8 * field.NUMBER_SIZE_BYTES * GROUPS} x i8], align 64")
        f.call(name, targets[0], sources[0], scratch)

    (results,) = run(emit, 1, stored(numbers, garbage=True), text=field.routines(GROUPS))
    expected = [pow(value_of(number), power, P) for number in numbers]
    assert [result % P for result in numbers_in(results)] == expected


def limbs(*bounds: tuple[int, int]) -> list[Limbs]:
    return [[Lanes(f"%l{index}", low, high) for index, (low, high) in enumerate(bounds)]]


def test_a_formula_whose_limbs_could_overflow_is_refused():
    f = Function("f", "ptr %p")
    a = Element.load(f, "%p", 1)
    with pytest.raises(AssertionError, match="overflows"):
        for _ in range(20):
            a = a + a
    too_high = Element(f, limbs(*[(0, LIMB_MAX)] * 4, (0, LIMB_MAX + 1)))
    with pytest.raises(AssertionError):
        multiply(too_high, too_high)
    with pytest.raises(AssertionError):
        reduced(multiply(a, a), minus=Element(f, limbs(*[(0, 2**62)] * 5)))
