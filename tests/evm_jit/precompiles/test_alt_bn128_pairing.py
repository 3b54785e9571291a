"""The pairing on alt_bn128: bilinear, and as py_ecc has it; what is no point, or of another subgroup, fails."""

import random

import pytest
from py_ecc import optimized_bn128 as slow

from evm_jit.precompiles import PrecompileFailed
from evm_jit.precompiles import alt_bn128_pairing as pairing
from evm_jit.precompiles.bn254.parameters import TWIST_B

INFINITY_G1, INFINITY_G2 = bytes(64), bytes(128)
MODULUS = slow.field_modulus


def words(*values: int) -> bytes:
    return b"".join(int(value).to_bytes(32, "big") for value in values)


def g1(scalar: int = 1) -> bytes:
    return words(*slow.normalize(slow.multiply(slow.G1, scalar % slow.curve_order)))


def g2(scalar: int = 1) -> bytes:
    x, y = slow.normalize(slow.multiply(slow.G2, scalar % slow.curve_order))
    return words(x.coeffs[1], x.coeffs[0], y.coeffs[1], y.coeffs[0])


def square_root(value: int) -> int | None:
    """In Fp; the modulus is 3 modulo 4."""
    root = pow(value, (MODULUS + 1) // 4, MODULUS)
    return root if root * root % MODULUS == value % MODULUS else None


def outside_the_subgroup() -> bytes:
    """A point of the twist that is not in G2: nearly every one."""
    for x in range(1, 100):
        real, imaginary = (TWIST_B[0] + x**3) % MODULUS, TWIST_B[1]
        norm_root = square_root(real**2 + imaginary**2)
        if norm_root is None:
            continue
        for root in (norm_root, -norm_root):
            y_real = square_root((real + root) * pow(2, -1, MODULUS))
            if y_real:
                y_imaginary = imaginary * pow(2 * y_real, -1, MODULUS) % MODULUS
                return words(0, x, y_imaginary, y_real)
    raise AssertionError("no point found")


def test_it_is_bilinear_on_random_scalars():
    generator = random.Random(197)
    for _ in range(3):
        a, b = generator.randrange(1, slow.curve_order), generator.randrange(1, slow.curve_order)
        assert pairing.run(g1(a) + g2(b) + g1(-a * b) + g2()) == pairing.TRUE
        assert pairing.run(g1(a) + g2(b) + g1(-a * b + 1) + g2()) == pairing.FALSE


def test_it_is_py_eccs_pairing():
    """The two agree on whether a product of three is 1, also with the generators' own values in it."""
    third = slow.multiply(slow.G1, 7)
    product = slow.pairing(slow.G2, slow.multiply(slow.G1, 5)) * slow.pairing(slow.double(slow.G2), slow.G1)
    assert product * slow.pairing(slow.G2, slow.neg(third)) == slow.FQ12.one()
    assert pairing.run(g1(5) + g2() + g1() + g2(2) + g1(-7) + g2()) == pairing.TRUE


def test_a_pair_with_infinity_is_one():
    assert pairing.run(b"") == pairing.TRUE
    assert pairing.run(INFINITY_G1 + g2()) == pairing.TRUE
    assert pairing.run(g1() + INFINITY_G2) == pairing.TRUE
    assert pairing.run(INFINITY_G1 + INFINITY_G2 + g1() + g2()) == pairing.FALSE


@pytest.mark.parametrize(
    "data",
    [
        g1() + g2()[:-1],
        g1() + g2() + b"\x00",
        words(1, 1) + g2(),
        g1() + words(0, 1, 0, 1),
        g1() + words(MODULUS, 0, 0, 0),
        INFINITY_G1 + words(0, 0, 0, MODULUS),
    ],
)
def test_what_is_no_point_of_its_group_fails(data):
    with pytest.raises(PrecompileFailed):
        pairing.run(data)


def test_a_point_outside_the_subgroup_fails():
    with pytest.raises(PrecompileFailed, match="not in the subgroup"):
        pairing.run(INFINITY_G1 + outside_the_subgroup())


def test_points_of_small_order_and_sums_with_points_of_the_subgroup_fail():
    cofactor = 2 * MODULUS - slow.curve_order
    numbers = [int.from_bytes(outside_the_subgroup()[at : at + 32], "big") for at in range(0, 128, 32)]
    point = slow.FQ2(numbers[1::-1]), slow.FQ2(numbers[:1:-1]), slow.FQ2.one()
    for prime in (10_069, 5_864_401):
        small = slow.multiply(point, cofactor // prime * slow.curve_order)
        assert cofactor % prime == 0 and not slow.is_inf(small)
        for bad in (small, slow.add(small, slow.G2), slow.add(slow.neg(small), slow.multiply(slow.G2, 77))):
            x, y = slow.normalize(bad)
            with pytest.raises(PrecompileFailed, match="not in the subgroup"):
                pairing.run(g1() + words(x.coeffs[1], x.coeffs[0], y.coeffs[1], y.coeffs[0]))


def test_points_of_the_subgroup_are_accepted():
    generator = random.Random(2022)
    for scalar in (1, 2, 3, slow.curve_order - 1, *(generator.randrange(1, slow.curve_order) for _ in range(10))):
        assert pairing.run(INFINITY_G1 + g2(scalar)) == pairing.TRUE


def test_gas_by_fork():
    assert pairing.gas_byzantium(bytes(384)) == 260_000
    assert pairing.gas(bytes(384)) == 113_000
