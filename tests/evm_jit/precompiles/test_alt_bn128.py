"""alt_bn128: against py_ecc on edges and seeded random points."""

import random

import pytest
from py_ecc import optimized_bn128 as slow

from evm_jit.precompiles import PrecompileFailed, alt_bn128
from evm_jit.precompiles.bn254.parameters import BASIS, EIGENVALUE

INFINITY = bytes(64)


def encode(point) -> bytes:
    x, y = slow.normalize(point)
    return b"".join(int(value).to_bytes(32, "big") for value in (x, y))


def word(value: int) -> bytes:
    return value.to_bytes(32, "big")


def test_sums_and_products_are_py_eccs():
    generator = random.Random(196)
    for _ in range(4):
        first, second = (slow.multiply(slow.G1, generator.randrange(1, slow.curve_order)) for _ in range(2))
        scalar = generator.getrandbits(256)
        assert alt_bn128.run_add(encode(first) + encode(second)) == encode(slow.add(first, second))
        assert alt_bn128.run_multiply(encode(first) + word(scalar)) == encode(slow.multiply(first, scalar))


def test_edges_of_the_group():
    one, two, minus_one = encode(slow.G1), encode(slow.double(slow.G1)), encode(slow.neg(slow.G1))
    assert alt_bn128.run_add(one + one) == two
    assert alt_bn128.run_add(one + minus_one) == INFINITY
    assert alt_bn128.run_add(one) == alt_bn128.run_add(INFINITY + one) == one  # What is missing is zero.
    assert alt_bn128.run_add(b"") == INFINITY
    assert alt_bn128.run_multiply(one) == INFINITY
    assert alt_bn128.run_multiply(INFINITY + word(5)) == INFINITY
    assert alt_bn128.run_multiply(one + word(slow.curve_order)) == INFINITY
    assert alt_bn128.run_multiply(one + word(slow.curve_order - 1)) == minus_one
    assert alt_bn128.run_multiply(one + word(2) + b"more") == two


def test_a_multiple_by_any_scalar_is_that_of_its_two_parts():
    """Scalars near multiples of what the endomorphism multiplies by, and near points of the lattice, are split too."""
    generator = random.Random(2001)
    order = slow.curve_order
    base = slow.multiply(slow.G1, 1234567)
    scalars = [0, 1, 2, 3, 15, 16, 17, order // 2, order - 2, order + 1, 2**127, 2**128 - 1, 2**254, 2**256 - 1]
    scalars += [(EIGENVALUE * factor + offset) % order for factor in (1, 2, 2**63, 2**126) for offset in (-1, 0, 1)]
    scalars += [abs(number) for row in BASIS for number in row]
    scalars += [generator.getrandbits(bits) for bits in range(1, 257, 15)]
    for scalar in scalars:
        expected = slow.multiply(base, scalar % order)
        got = alt_bn128.run_multiply(encode(base) + word(scalar))
        assert got == (INFINITY if slow.is_inf(expected) else encode(expected)), scalar


@pytest.mark.parametrize(
    "point",
    [word(1) + word(1), word(slow.field_modulus) + word(0), word(1) + word(slow.field_modulus + 2), word(0) + word(1)],
)
def test_what_is_no_point_fails(point):
    for run in (alt_bn128.run_add, alt_bn128.run_multiply):
        with pytest.raises(PrecompileFailed):
            run(point)


def test_gas_by_fork():
    assert (alt_bn128.gas_add_byzantium(b""), alt_bn128.gas_add(b"")) == (500, 150)
    assert (alt_bn128.gas_multiply_byzantium(b""), alt_bn128.gas_multiply(b"")) == (40_000, 6_000)
