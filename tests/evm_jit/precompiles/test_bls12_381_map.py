"""The maps onto BLS12-381 in kernels are arkworks', and refuse what is no element."""

import random

import pytest

from evm_jit.precompiles import PrecompileFailed, bls12_381
from evm_jit.precompiles.bls12_381_kernel import MODULUS
from primitives.forks import Fork
from tests.evm_jit.precompiles import native_call
from tests.evm_jit.precompiles.test_bls12_381_kernel import elements, root

SEED = 9_380
MAP_TO_G1 = 0x10
EDGES = [0, 1, 2, 3, MODULUS - 1, MODULUS - 2, MODULUS // 2, 2**64 - 1, 2**64, 2**380, 2**384 % MODULUS]


def mapped(data: bytes) -> bytes | None:
    ran = native_call.run(MAP_TO_G1, Fork.PRAGUE, data)
    assert not ran.was_in_python
    try:
        expected = bls12_381.run_map_to_g1(data)
    except PrecompileFailed:
        expected = None
    assert ran.output == expected, data.hex()
    return ran.output


def test_elements_of_fp_are_mapped_as_by_the_library():
    generator = random.Random(SEED)
    for value in [*EDGES, *(generator.randrange(MODULUS) for _ in range(150))]:
        assert mapped(elements(value)) is not None


def test_elements_of_fp_for_which_a_denominator_would_be_zero():
    """Z^2 u^4 + Z u^2 = 0 with Z = 11: for u = 0, and where Z u^2 = -1."""
    exceptional = root(-pow(11, -1, MODULUS))
    assert exceptional is not None
    assert mapped(elements(exceptional)) != mapped(elements(MODULUS - exceptional))
    assert mapped(elements(0)) is not None


@pytest.mark.parametrize("value", [MODULUS, MODULUS + 1, 2**381, 2**384 - 1, 2**384, 1 << 511])
def test_what_is_no_element_is_refused(value):
    assert mapped(elements(value)) is None


@pytest.mark.parametrize("size", [0, 63, 65, 128])
def test_other_sizes_are_refused(size):
    assert mapped(bytes(size)) is None
