"""Additions on BLS12-381 in a kernel give what arkworks gives, on both curves, and refuse what it refuses."""

import random
from collections.abc import Callable
from typing import NamedTuple

import pytest
from py_arkworks_bls12381 import G1Point, G2Point, Scalar

from evm_jit.precompiles import PrecompileFailed, bls12_381
from evm_jit.precompiles.bls12_381_kernel import MODULUS
from primitives.forks import Fork
from tests.evm_jit.precompiles import native_call

SEED = 2_537


class Group(NamedTuple):
    number: int
    run: Callable[[bytes], bytes]
    generator: object
    element_count: int  # Of a point.


GROUPS = [
    Group(0x0B, bls12_381.run_g1_add, G1Point(), 2),
    Group(0x0D, bls12_381.run_g2_add, G2Point(), 4),
]


@pytest.fixture(params=GROUPS, ids=["G1", "G2"])
def group(request) -> Group:
    return request.param


def encode(point) -> bytes:
    data = point.to_xy_bytes_be()
    return b"".join(bytes(16) + data[start : start + 48] for start in range(0, len(data), 48))


def multiple(group: Group, scalar: int) -> bytes:
    return encode(group.generator * Scalar.from_be_bytes_mod_order(scalar.to_bytes(32, "big")))


def numbers(point: bytes) -> list[int]:
    return [int.from_bytes(point[start : start + 64], "big") for start in range(0, len(point), 64)]


def elements(*values: int) -> bytes:
    return b"".join(value.to_bytes(64, "big") for value in values)


def opposite(point: bytes) -> bytes:
    values = numbers(point)
    half = len(values) // 2
    return elements(*values[:half], *((MODULUS - value) % MODULUS for value in values[half:]))


def total(group: Group, data: bytes) -> bytes | None:
    ran = native_call.run(group.number, Fork.PRAGUE, data)
    assert not ran.was_in_python
    try:
        expected = group.run(data)
    except PrecompileFailed:
        expected = None
    assert ran.output == expected, data.hex()
    return ran.output


def test_sums_of_random_points(group):
    generator = random.Random(SEED)
    for _ in range(60):
        first, second = (multiple(group, generator.randrange(1, 2**255)) for _ in range(2))
        assert total(group, first + second) == total(group, second + first)


def test_sums_with_infinity_with_itself_and_with_the_opposite(group):
    infinity = bytes(64 * group.element_count)
    assert total(group, infinity * 2) == infinity
    for scalar in (1, 2, 3, 2**200 + 7):
        point = multiple(group, scalar)
        assert total(group, point + infinity) == total(group, infinity + point) == point
        assert total(group, point * 2) == multiple(group, 2 * scalar)
        assert total(group, point + opposite(point)) == infinity


def test_points_out_of_the_subgroup_are_added(group):
    """On G1, x = 0 gives y = 2."""
    generator = multiple(group, 5)
    outside = elements(0, 2) if group.element_count == 2 else elements(*twist_point_out_of_the_subgroup())
    assert total(group, outside + generator) is not None
    assert total(group, outside * 2) is not None
    assert total(group, outside + opposite(outside)) == bytes(64 * group.element_count)


def twist_point_out_of_the_subgroup() -> tuple[int, int, int, int]:
    """A root of c + d i is (s + d / (2 s) i), where s^2 = (c + sqrt(c^2 + d^2)) / 2."""
    for x in range(1, 100):
        c, d = x**3 + 4, 4
        norm = root(c * c + d * d)
        if norm is None:
            continue
        for sign in (1, -1):
            s = root((c + sign * norm) * pow(2, -1, MODULUS))
            if s:
                return x, 0, s, d * pow(2 * s, -1, MODULUS) % MODULUS
    raise AssertionError("no point found")


def root(value: int) -> int | None:
    candidate = pow(value % MODULUS, (MODULUS + 1) // 4, MODULUS)
    return candidate if candidate * candidate % MODULUS == value % MODULUS else None


def test_what_is_no_point_is_refused(group):
    point = multiple(group, 77)
    values = numbers(point)
    for index in range(group.element_count):
        for bad in (
            values[index] + MODULUS,
            MODULUS,
            2**384 - 1,
            values[index] + (1 << 384),
            1 << 511,
            1 << 447,
            1 << 448,
        ):
            changed = elements(*values[:index], bad, *values[index + 1 :])
            assert total(group, changed + point) is None
            assert total(group, point + changed) is None
        near = elements(*values[:index], (values[index] + 1) % MODULUS, *values[index + 1 :])
        assert total(group, near + point) is None
        assert total(group, bytes(len(point)) + near) is None
        assert total(group, point + elements(*[0] * index, 1, *[0] * (group.element_count - index - 1))) is None


def test_edges_of_the_field_are_compared_with_the_library(group):
    generator = random.Random(SEED)
    edges = [0, 1, 2, MODULUS - 1, MODULUS - 2, MODULUS // 2, 2**64 - 1, 2**320, 2**383]
    for _ in range(200):
        total(group, elements(*(generator.choice(edges) for _ in range(2 * group.element_count))))
