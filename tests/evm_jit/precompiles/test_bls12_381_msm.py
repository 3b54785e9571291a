"""Sums of multiples on BLS12-381 in kernels are arkworks', and points outside the subgroups are refused."""

import random
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import pytest
from py_ecc import optimized_bls12_381 as slow

from evm_jit.precompiles import PrecompileFailed, bls12_381
from evm_jit.precompiles.bls12_381_kernel import COFACTORS, MODULUS
from evm_jit.precompiles.bls12_381_msm import ORDER, TERMS_MAX
from evm_jit.precompiles.weierstrass import WINDOW_BITS, write_digits
from primitives.forks import Fork
from tests.evm_jit.precompiles import native_call
from tests.evm_jit.precompiles.test_bls12_381_kernel import elements, opposite, root, twist_point_out_of_the_subgroup

SEED = 12_381
SCALARS = [0, 1, 2, 15, 16, 31, 2**63, 2**64 - 1, 2**64, 2**127, 2**128 - 1, 2**255, ORDER - 1, ORDER, ORDER + 1]
SCALARS += [2 * ORDER - 1, 2 * ORDER, 2**256 - 1, 0xD201000000010000, 0xD201000000010000**2, 0xD201000000010000**3]


class Group(NamedTuple):
    number: int
    run: Callable[[bytes], bytes]
    point: Callable[[int], bytes]
    outside: Callable[[], list[bytes]]
    point_size: int


def g1_point(index: int) -> bytes:
    return bls12_381.run_map_to_g1(elements(index + 1))


def g2_point(index: int) -> bytes:
    return bls12_381.run_map_to_g2(elements(index + 1, index + 2))


def encode(point) -> bytes:
    x, y = slow.normalize(point)
    if isinstance(x, slow.FQ2):
        return elements(*(int(number) for number in (*x.coeffs, *y.coeffs)))
    return elements(int(x), int(y))


def outside_g1() -> list[bytes]:
    """A point of order 3, one of order 11, and some whose order is a multiple of r."""
    points = [elements(0, 2), elements(0, MODULUS - 2)]
    for x in range(1, 12):
        y = root(x**3 + 4)
        if y is not None:
            point = slow.FQ(x), slow.FQ(y), slow.FQ.one()
            points.append(elements(x, y))
            small = slow.multiply(point, COFACTORS[0] // 11 * ORDER)
            if not slow.is_inf(small):
                points.append(encode(small))
    return points


def outside_g2() -> list[bytes]:
    """A point whose order is a multiple of r, and one of order 13."""
    x, x_imaginary, y, y_imaginary = twist_point_out_of_the_subgroup()
    point = slow.FQ2((x, x_imaginary)), slow.FQ2((y, y_imaginary)), slow.FQ2.one()
    small = slow.multiply(point, COFACTORS[1] // 13**2 * ORDER)
    return [elements(x, x_imaginary, y, y_imaginary), *([] if slow.is_inf(small) else [encode(small)])]


GROUPS = [
    Group(0x0C, bls12_381.run_g1_msm, g1_point, outside_g1, 128),
    Group(0x0E, bls12_381.run_g2_msm, g2_point, outside_g2, 256),
]


@pytest.fixture(params=GROUPS, ids=["G1", "G2"])
def group(request) -> Group:
    return request.param


def word(scalar: int) -> bytes:
    return scalar.to_bytes(32, "big")


def total(group: Group, data: bytes) -> bytes | None:
    ran = native_call.run(group.number, Fork.PRAGUE, data)
    assert not ran.was_in_python
    try:
        expected = group.run(data)
    except PrecompileFailed:
        expected = None
    assert ran.output == expected, data.hex()
    return ran.output


def test_multiples_by_scalars_at_the_edges(group):
    point = group.point(3)
    for scalar in SCALARS:
        assert total(group, point + word(scalar)) is not None


def test_sums_of_random_terms(group):
    generator = random.Random(SEED)
    for count in [*range(1, 2 * TERMS_MAX + 2), 40]:
        terms = [
            group.point(generator.randrange(50)) + word(generator.choice((generator.getrandbits(256), *SCALARS)))
            for _ in range(count)
        ]
        assert total(group, b"".join(terms)) is not None


def test_terms_that_cancel_or_are_infinity(group):
    point, infinity = group.point(7), bytes(group.point_size)
    for scalar in (1, 2, 5, 2**200 + 3):
        assert total(group, point + word(scalar) + opposite(point) + word(scalar)) == infinity
        assert total(group, point + word(scalar) + point + word(ORDER - scalar)) == infinity
        assert total(group, (point + word(scalar)) * (TERMS_MAX + 1)) is not None
        assert total(group, (point + word(scalar) + opposite(point) + word(scalar)) * TERMS_MAX) == infinity
        assert total(group, infinity + word(scalar)) == infinity
        assert total(group, infinity + word(scalar) + point + word(1)) == point
    # The first eight are infinity, then there is something, and after it nothing again.
    zeros, one = (infinity + word(9)) * TERMS_MAX, point + word(1)
    assert total(group, zeros + one) == total(group, one + zeros) == point
    assert total(group, one * TERMS_MAX + opposite(point) + word(TERMS_MAX - 1)) == point
    assert total(group, one * TERMS_MAX + (opposite(point) + word(1)) * TERMS_MAX) == infinity


def test_points_outside_the_subgroup_are_refused(group):
    outside = group.outside()
    assert len(outside) >= 2
    for point in outside:
        for scalar in (0, 1, ORDER):
            assert total(group, point + word(scalar)) is None
        assert total(group, group.point(1) + word(2) + point + word(3)) is None
        assert total(group, (group.point(1) + word(2)) * TERMS_MAX + point + word(3)) is None


def test_what_is_no_point_is_refused_and_so_are_other_sizes(group):
    point = group.point(1)
    half = len(point) // 2
    for bad in (
        elements(*[1] * (len(point) // 64)),
        point[:half] + elements(*[MODULUS] * (half // 64)),
        bytes([1]) + point[1:],
        point[:-1] + bytes([point[-1] ^ 1]),
    ):
        assert total(group, bad + word(1)) is None
        assert total(group, point + word(1) + bad + word(0)) is None
    for size in (0, 1, len(point) + 31, len(point) + 33, 2 * len(point) + 63):
        assert native_call.run(group.number, Fork.PRAGUE, bytes(size)).output is None


def test_signed_digits_are_the_number():
    generator = random.Random(SEED)
    for bit_count in (64, 128, 256):
        edges = [0, 1, 15, 16, 17, 31, 2 ** (bit_count - 1), 2**bit_count - 1, 2**bit_count - 16, 2**bit_count // 3]
        for number in [*edges, *(generator.getrandbits(bit_count) for _ in range(200))]:
            scalar = np.frombuffer(number.to_bytes(40, "little"), dtype=np.uint8)
            digits = np.full(bit_count + WINDOW_BITS, 77, dtype=np.int8)
            write_digits(np.int64(scalar.ctypes.data), np.int64(bit_count), np.int64(digits.ctypes.data))
            assert sum(int(digit) << place for place, digit in enumerate(digits)) == number
            assert all(digit == 0 or (digit % 2 and abs(digit) <= 15) for digit in digits.tolist())
            assert not digits[bit_count + 1 :].any()
