"""
The seven contracts over the curve BLS12-381 (0x0b to 0x11): additions, multi-scalar multiplications, pairing, maps.

A field element is 64 bytes, the first 16 of them zero; a point of G1 is two, one of G2 four; infinity is all zeros.
arkworks does the arithmetic and refuses elements that are not below the field's modulus.
Source: EIP-2537.
"""

from collections.abc import Callable, Sequence
from typing import Any, Final

from py_arkworks_bls12381 import GT, G1Point, G2Point, Scalar

from evm_jit.precompiles import PrecompileFailed
from evm_jit.precompiles.msm_discounts import G1_MSM_DISCOUNTS, G2_MSM_DISCOUNTS

GAS_G1_ADD: Final = 375
GAS_G1_MULTIPLY: Final = 12_000
GAS_G2_ADD: Final = 600
GAS_G2_MULTIPLY: Final = 22_500
GAS_PAIRING: Final = 37_700
GAS_PAIRING_PAIR: Final = 32_600
GAS_MAP_TO_G1: Final = 5_500
GAS_MAP_TO_G2: Final = 23_800
DISCOUNT_DENOMINATOR: Final = 1_000

ELEMENT_SIZE_BYTES: Final = 64
ELEMENT_PADDING: Final = bytes(16)
SCALAR_SIZE_BYTES: Final = 32
G1_SIZE_BYTES: Final = 128
G2_SIZE_BYTES: Final = 256
PAIR_SIZE_BYTES: Final = G1_SIZE_BYTES + G2_SIZE_BYTES

TRUE: Final = (1).to_bytes(32, "big")
FALSE: Final = bytes(32)


def gas_g1_add(data: bytes) -> int:
    """The same for every input."""
    return GAS_G1_ADD


def run_g1_add(data: bytes) -> bytes:
    """The sum of two points of G1; the subgroup is not checked."""
    first, second = _pieces(data, G1_SIZE_BYTES, exactly=2)
    return _encode(_g1(first) + _g1(second))


def gas_g1_msm(data: bytes) -> int:
    """By pairs of point and scalar, with a discount that grows with their number."""
    count = len(data) // (G1_SIZE_BYTES + SCALAR_SIZE_BYTES)
    return _gas_msm(count, GAS_G1_MULTIPLY, G1_MSM_DISCOUNTS)


def run_g1_msm(data: bytes) -> bytes:
    """The sum of points of G1, each times its scalar."""
    return _multi_scalar_multiply(data, G1_SIZE_BYTES, _g1, G1Point)


def gas_g2_add(data: bytes) -> int:
    """The same for every input."""
    return GAS_G2_ADD


def run_g2_add(data: bytes) -> bytes:
    """The sum of two points of G2; the subgroup is not checked."""
    first, second = _pieces(data, G2_SIZE_BYTES, exactly=2)
    return _encode(_g2(first) + _g2(second))


def gas_g2_msm(data: bytes) -> int:
    """By pairs of point and scalar, with a discount that grows with their number."""
    count = len(data) // (G2_SIZE_BYTES + SCALAR_SIZE_BYTES)
    return _gas_msm(count, GAS_G2_MULTIPLY, G2_MSM_DISCOUNTS)


def run_g2_msm(data: bytes) -> bytes:
    """The sum of points of G2, each times its scalar."""
    return _multi_scalar_multiply(data, G2_SIZE_BYTES, _g2, G2Point)


def gas_pairing(data: bytes) -> int:
    """By pairs of points."""
    return GAS_PAIRING + GAS_PAIRING_PAIR * (len(data) // PAIR_SIZE_BYTES)


def run_pairing(data: bytes) -> bytes:
    """One in 32 bytes if the product of the pairings is the identity, else zero."""
    pairs = _pieces(data, PAIR_SIZE_BYTES)
    firsts = [_in_subgroup(_g1(pair[:G1_SIZE_BYTES])) for pair in pairs]
    seconds = [_in_subgroup(_g2(pair[G1_SIZE_BYTES:])) for pair in pairs]
    return TRUE if GT.pairing_check(firsts, seconds) else FALSE


def gas_map_to_g1(data: bytes) -> int:
    """The same for every input."""
    return GAS_MAP_TO_G1


def run_map_to_g1(data: bytes) -> bytes:
    """The point of G1 for an element of the field."""
    (element,) = _pieces(data, ELEMENT_SIZE_BYTES, exactly=1)
    return _encode(_checked(G1Point.map_from_fp_be, _unpad(element)))


def gas_map_to_g2(data: bytes) -> int:
    """The same for every input."""
    return GAS_MAP_TO_G2


def run_map_to_g2(data: bytes) -> bytes:
    """The point of G2 for an element of the field's quadratic extension."""
    (element,) = _pieces(data, 2 * ELEMENT_SIZE_BYTES, exactly=1)
    return _encode(_checked(G2Point.map_from_fp2_be, _unpad(element)))


def _gas_msm(count: int, gas_multiply: int, discounts: Sequence[int]) -> int:
    if count == 0:
        return 0  # The contract fails.
    discount = discounts[min(count, len(discounts)) - 1]
    return count * gas_multiply * discount // DISCOUNT_DENOMINATOR


def _multi_scalar_multiply(data: bytes, point_size: int, decode: Callable[[bytes], Any], group: Any) -> bytes:
    pairs = _pieces(data, point_size + SCALAR_SIZE_BYTES)
    points = [_in_subgroup(decode(pair[:point_size])) for pair in pairs]
    scalars = [Scalar.from_be_bytes_mod_order(pair[point_size:]) for pair in pairs]
    return _encode(group.multiexp_unchecked(points, scalars))


def _pieces(data: bytes, size: int, exactly: int | None = None) -> list[bytes]:
    """`data` in pieces of `size` bytes: `exactly` so many, or one or more."""
    count = len(data) // size
    if len(data) % size or count == 0 or exactly not in (None, count):
        raise PrecompileFailed("invalid input length")
    return [data[start : start + size] for start in range(0, len(data), size)]


def _g1(data: bytes) -> Any:
    """The point of the curve (not necessarily of the subgroup) that `data` encodes."""
    return _checked(G1Point.from_xy_bytes_unchecked_be, _unpad(data))


def _g2(data: bytes) -> Any:
    """The point of the twisted curve (not necessarily of the subgroup) that `data` encodes."""
    return _checked(G2Point.from_xy_bytes_unchecked_be, _unpad(data))


def _unpad(data: bytes) -> bytes:
    """Field elements in 48 bytes each."""
    elements = _pieces(data, ELEMENT_SIZE_BYTES)
    if not all(element.startswith(ELEMENT_PADDING) for element in elements):
        raise PrecompileFailed("invalid field element top bytes")
    return b"".join(element[len(ELEMENT_PADDING) :] for element in elements)


def _encode(point: Any) -> bytes:
    data: bytes = point.to_xy_bytes_be()
    size = ELEMENT_SIZE_BYTES - len(ELEMENT_PADDING)
    return b"".join(ELEMENT_PADDING + data[start : start + size] for start in range(0, len(data), size))


def _checked(decode: Callable[[bytes], Any], data: bytes) -> Any:
    try:
        return decode(data)
    except ValueError as error:
        raise PrecompileFailed(f"invalid point: {error}") from error


def _in_subgroup(point: Any) -> Any:
    if not point.is_in_subgroup():
        raise PrecompileFailed("point is not on correct subgroup")
    return point
