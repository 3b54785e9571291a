"""The BLS12-381 contracts: group laws, ranges, subgroups, gas. The public state tests hold EIP-2537's vectors."""

import pytest
from eth.precompiles.bls12_381 import constants
from py_arkworks_bls12381 import G1Point, G2Point, Scalar

from evm_jit.precompiles import PrecompileFailed, msm_discounts
from evm_jit.precompiles import bls12_381 as bls

FIELD_MODULUS = 0x1A0111EA397FE69A4B1BA7B6434BACD764774B84F38512BF6730D2A0F6B0F6241EABFFFEB153FFFFB9FEFFFFFFFFAAAB
ORDER = 0x73EDA753299D7D483339D80809A1D80553BDA402FFFE5BFEFFFFFFFF00000001


def encode(point) -> bytes:
    data = point.to_xy_bytes_be()
    return b"".join(bytes(16) + data[start : start + 48] for start in range(0, len(data), 48))


def g1(scalar: int = 1) -> bytes:
    return encode(G1Point() * Scalar(scalar))


def g2(scalar: int = 1) -> bytes:
    return encode(G2Point() * Scalar(scalar))


def word(value: int) -> bytes:
    return value.to_bytes(32, "big")


def element(value: int) -> bytes:
    return value.to_bytes(64, "big")


def outside_the_subgroup() -> bytes:
    """A point of the curve that is not of the group: nearly every one."""
    x = 0
    while True:
        x += 1
        y = pow(x**3 + 4, (FIELD_MODULUS + 1) // 4, FIELD_MODULUS)
        if y * y % FIELD_MODULUS == (x**3 + 4) % FIELD_MODULUS:
            return element(x) + element(y)


def test_points_are_added():
    assert bls.run_g1_add(g1(2) + g1(3)) == g1(5)
    assert bls.run_g1_add(g1(2) + bytes(128)) == g1(2)
    assert bls.run_g2_add(g2(2) + g2(3)) == g2(5)
    assert bls.run_g2_add(bytes(512)) == bytes(256)


def test_points_are_multiplied_by_scalars_of_any_size():
    assert bls.run_g1_msm(g1(2) + word(3) + g1(5) + word(ORDER + 7)) == g1(41)
    assert bls.run_g2_msm(g2(2) + word(3) + g2(5) + word(ORDER)) == g2(6)


def test_the_pairing_is_bilinear():
    assert bls.run_pairing(g1(6) + g2(1) + g1(ORDER - 2) + g2(3)) == bls.TRUE
    assert bls.run_pairing(g1(6) + g2(1) + g1(ORDER - 2) + g2(2)) == bls.FALSE
    assert bls.run_pairing(bytes(128) + g2()) == bls.TRUE


def test_maps_lead_into_the_subgroup():
    assert bls.run_g1_msm(bls.run_map_to_g1(element(7)) + word(ORDER)) == bytes(128)
    assert bls.run_g2_msm(bls.run_map_to_g2(element(7) + element(8)) + word(ORDER)) == bytes(256)


def test_only_additions_take_points_outside_the_subgroup():
    point = outside_the_subgroup()
    assert bls.run_g1_add(point + bytes(128)) == point
    with pytest.raises(PrecompileFailed):
        bls.run_g1_msm(point + word(1))
    with pytest.raises(PrecompileFailed):
        bls.run_pairing(point + g2())


@pytest.mark.parametrize(
    ("run", "size"),
    [
        (bls.run_g1_add, 256),
        (bls.run_g1_msm, 160),
        (bls.run_g2_add, 512),
        (bls.run_g2_msm, 288),
        (bls.run_pairing, 384),
        (bls.run_map_to_g1, 64),
        (bls.run_map_to_g2, 128),
    ],
)
def test_lengths_padding_and_range_are_checked(run, size):
    run(bytes(size))
    for wrong in (b"", bytes(size - 1), bytes(size + 1), b"\x01" + bytes(size - 1), element(FIELD_MODULUS).ljust(size)):
        with pytest.raises(PrecompileFailed):
            run(wrong)


def test_gas_is_discounted_by_the_number_of_pairs():
    assert bls.gas_g1_msm(bytes(160)) == 12_000
    assert bls.gas_g1_msm(bytes(160 * 2)) == 2 * 12_000 * 949 // 1_000
    assert bls.gas_g1_msm(bytes(160 * 129)) == 129 * 12_000 * 519 // 1_000
    assert bls.gas_g2_msm(bytes(288 * 200)) == 200 * 22_500 * 524 // 1_000
    assert bls.gas_pairing(bytes(384 * 3)) == 37_700 + 3 * 32_600
    assert (bls.gas_g1_add(b""), bls.gas_g2_add(b"")) == (375, 600)
    assert (bls.gas_map_to_g1(b""), bls.gas_map_to_g2(b"")) == (5_500, 23_800)


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (msm_discounts.G1_MSM_DISCOUNTS, constants.G1_MSM_DISCOUNTS),
        (msm_discounts.G2_MSM_DISCOUNTS, constants.G2_MSM_DISCOUNTS),
    ],
)
def test_discounts_are_those_of_the_specification(ours, theirs):
    assert list(ours) == theirs
