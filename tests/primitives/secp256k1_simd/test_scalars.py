"""Arithmetic mod n in lanes is that of Python's integers, and the parts of a scalar make up the scalar."""

import pytest

from primitives.secp256k1 import N
from primitives.secp256k1_simd import scalars
from primitives.secp256k1_simd.curve import LAMBDA, LATTICE
from primitives.secp256k1_simd.ir_writer import VECTOR_SIZE_BYTES, Function
from primitives.secp256k1_simd.scalars import SCALAR_SIZE_BYTES, SCALAR_TOP_MAX
from primitives.secp256k1_simd.work_area import HALF_BITS
from tests.primitives.secp256k1_simd.vectors import (
    GROUPS,
    limbs_at_the_limits,
    limbs_of_numbers,
    needs_ifma,
    numbers_in,
    run,
    stored,
    value_of,
    words_in,
)

pytestmark = needs_ifma
COUNT = 9600
EDGES = [
    0,
    1,
    2,
    N - 2,
    N - 1,
    N,
    N + 1,
    2**256 - 1,
    2**256,
    N // 2,
    N // 2 + 1,
    LAMBDA,
    N - LAMBDA,
    *map(abs, LATTICE),
]

A = limbs_at_the_limits(SCALAR_TOP_MAX, COUNT, 3)
B = limbs_at_the_limits(SCALAR_TOP_MAX, COUNT, 4)
A[100 : 100 + len(EDGES) ** 2] = limbs_of_numbers([a for a in EDGES for _ in EDGES])
B[100 : 100 + len(EDGES) ** 2] = limbs_of_numbers(EDGES * len(EDGES))
# Where a quotient is about to be rounded the other way.
for _index, _factor in enumerate((LATTICE.b2, -LATTICE.b1)):
    _middles = [(2 * k + 1) * N // (2 * _factor) + step for k in range(1, 2**127, 2**127 // 100) for step in (0, 1)]
    A[1000 + 400 * _index :][: len(_middles)] = limbs_of_numbers([middle % N for middle in _middles])


@pytest.mark.parametrize("plus", [0, 1, N - 1])
def test_products_are_products_mod_n(plus: int):
    def emit(f: Function, sources: list[str], targets: list[str]) -> None:
        for group in range(GROUPS):
            a, b = (scalars.load(f, source, group * SCALAR_SIZE_BYTES) for source in sources)
            scalars.store(f, scalars.multiply(f, a, b, plus), targets[0], group * SCALAR_SIZE_BYTES)

    (results,) = run(emit, 1, stored(A, garbage=False), stored(B, garbage=False))
    for a, b, result in zip(
        map(value_of, A), map(value_of, B), numbers_in(results, top_max=SCALAR_TOP_MAX), strict=True
    ):
        assert (result - a * b - plus) % N == 0, (hex(a), hex(b))


def test_an_inverse_is_the_inverse():
    numbers = A[:320]

    def emit(f: Function, sources: list[str], targets: list[str]) -> None:
        scratch = f.scalar(f"alloca [{scalars.INVERSE_SLOTS * SCALAR_SIZE_BYTES * GROUPS} x i8], align 64")
        f.call("scalar_inverse", targets[0], sources[0], scratch)

    (results,) = run(emit, 1, stored(numbers, garbage=False), text=scalars.routines(GROUPS))
    found = numbers_in(results, top_max=SCALAR_TOP_MAX)
    assert [result % N for result in found] == [pow(value_of(number), N - 2, N) for number in numbers]


def test_halves_of_a_scalar_are_odd_and_short_and_make_it_up():
    def emit(f: Function, sources: list[str], targets: list[str]) -> None:
        for group in range(GROUPS):
            halves = scalars.split(f, scalars.load(f, sources[0], group * SCALAR_SIZE_BYTES), HALF_BITS)
            for half, target in zip(halves, targets, strict=True):
                for index, word in enumerate(half):
                    f.store(word, target, group * SCALAR_SIZE_BYTES + index * VECTOR_SIZE_BYTES)

    firsts, seconds = (words_in(result, 3) for result in run(emit, 2, stored(A, garbage=False)))
    for number, first, second in zip(map(value_of, A), firsts, seconds, strict=True):
        k1, k2 = (2 * half - (2**HALF_BITS - 1) for half in (first, second))
        assert 0 <= min(first, second) <= max(first, second) < 2**HALF_BITS, hex(number)
        assert (k1 + k2 * LAMBDA - number) % N == 0, hex(number)


def test_odd_digits_of_the_comb_make_up_the_negative_quotient():
    def emit(f: Function, sources: list[str], targets: list[str]) -> None:
        for group in range(GROUPS):
            a, b = (scalars.load(f, source, group * SCALAR_SIZE_BYTES) for source in sources)
            for index, word in enumerate(scalars.comb_scalar(f, a, b, 256)):
                f.store(word, targets[0], group * SCALAR_SIZE_BYTES + index * VECTOR_SIZE_BYTES)

    (results,) = run(emit, 1, stored(A, garbage=False), stored(B, garbage=False))
    for a, b, bits in zip(map(value_of, A), map(value_of, B), words_in(results, 4), strict=True):
        assert (2 * bits - (2**256 - 1) + a * b) % N == 0, (hex(a), hex(b))
        assert bits < N, (hex(a), hex(b))
