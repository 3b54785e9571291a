"""What is derived from the curve's numbers is what libsecp256k1 finds."""

import coincurve
import pytest

from primitives.secp256k1 import GENERATOR, N, P
from primitives.secp256k1_simd.curve import BETA, LAMBDA, LATTICE, add, comb_points, lift, multiply


def of_library(scalar: int) -> tuple[int, int]:
    return coincurve.PublicKey.from_secret((scalar % N).to_bytes(32, "big")).point()


@pytest.mark.parametrize("scalar", [1, 2, 3, LAMBDA, N - 1, N // 2, 2**255])
def test_multiples_of_the_generator_are_those_of_libsecp256k1(scalar: int):
    assert multiply(scalar, GENERATOR) == of_library(scalar)


def test_sums_know_infinity_and_doubles():
    negative = (GENERATOR[0], P - GENERATOR[1])
    assert add(GENERATOR, negative) is None
    assert add(None, GENERATOR) == add(GENERATOR, None) == GENERATOR
    assert add(GENERATOR, GENERATOR) == of_library(2)


def test_a_point_is_lifted_with_the_parity_that_is_wanted():
    x, y = GENERATOR
    assert lift(x, y % 2) == GENERATOR
    assert lift(x, 1 - y % 2) == (x, P - y)
    assert lift(5, 0) is None


def test_the_endomorphism_multiplies_by_a_cube_root_of_one():
    assert pow(BETA, 3, P) == pow(LAMBDA, 3, N) == 1
    assert 1 not in (BETA, LAMBDA)
    point = of_library(12345)
    assert multiply(LAMBDA, point) == (BETA * point[0] % P, point[1])


def test_the_vectors_of_the_lattice_are_short():
    assert max(abs(number) for number in LATTICE) < 2**129


def test_the_comb_has_odd_multiples_of_powers():
    points = list(comb_points(4, 3))
    assert points == [of_library((2 * odd + 1) * 16**window) for window in range(3) for odd in range(8)]
