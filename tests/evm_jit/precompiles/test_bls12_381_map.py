"""The maps onto BLS12-381 in kernels are arkworks', and refuse what is no element."""

import random
from itertools import product

import numpy as np
import pytest

from evm_jit.precompiles import PrecompileFailed, bls12_381
from evm_jit.precompiles.bls12_381_kernel import MODULUS, load_element, store_element
from evm_jit.precompiles.bls12_381_map_g2 import Z, root_or_root_times_z
from primitives.forks import Fork
from primitives.kernels_cache import njit
from tests.evm_jit.precompiles import native_call
from tests.evm_jit.precompiles.test_bls12_381_kernel import elements, root

SEED = 9_380
MAP_TO_G1, MAP_TO_G2 = 0x10, 0x11
EDGES = [0, 1, 2, 3, MODULUS - 1, MODULUS - 2, MODULUS // 2, 2**64 - 1, 2**64, 2**380, 2**384 % MODULUS]


def mapped(data: bytes, number: int = MAP_TO_G1) -> bytes | None:
    ran = native_call.run(number, Fork.PRAGUE, data)
    assert not ran.was_in_python
    try:
        expected = (bls12_381.run_map_to_g1 if number == MAP_TO_G1 else bls12_381.run_map_to_g2)(data)
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
    assert mapped(elements(value, 1), MAP_TO_G2) is None
    assert mapped(elements(1, value), MAP_TO_G2) is None


@pytest.mark.parametrize("size", [0, 63, 65, 127, 129, 192])
def test_other_sizes_are_refused(size):
    assert mapped(bytes(size)) is None
    assert mapped(bytes(size), MAP_TO_G2) is None


def test_elements_of_fp2_are_mapped_as_by_the_library():
    generator = random.Random(SEED)
    pairs = list(product(EDGES, EDGES)) + [[generator.randrange(MODULUS) for _ in range(2)] for _ in range(100)]
    for pair in pairs:
        assert mapped(elements(*pair), MAP_TO_G2) is not None


@njit
def root_at(data, output):
    """Of two elements at an address, the root of them or of Z times them; whether it is of them. All int64."""
    is_square, found = root_or_root_times_z((load_element(data), load_element(data + 64)))
    store_element(output, found[0])
    store_element(output + 64, found[1])
    return is_square


def times(a: tuple[int, int], b: tuple[int, int]) -> tuple[int, int]:
    return (a[0] * b[0] - a[1] * b[1]) % MODULUS, (a[0] * b[1] + a[1] * b[0]) % MODULUS


def test_roots_in_fp2():
    """Of squares and of others, real and imaginary ones too, where half of the sum with a root of the norm may be 0."""
    generator = random.Random(SEED)
    numbers = [0, 1, 2, 3, 4, 5, MODULUS - 1, MODULUS - 4, MODULUS - 5, generator.randrange(MODULUS)]
    for pair in [*product(numbers, numbers), *((generator.randrange(MODULUS), 0) for _ in range(20))]:
        for value in (pair, times(pair, pair)):
            data, output = np.frombuffer(elements(*value), dtype=np.uint8), np.zeros(128, dtype=np.uint8)
            is_square = root_at(np.int64(data.ctypes.data), np.int64(output.ctypes.data))
            found = int.from_bytes(output[:64].tobytes(), "big"), int.from_bytes(output[64:].tobytes(), "big")
            norm = value[0] ** 2 + value[1] ** 2
            assert is_square == (pow(norm, (MODULUS - 1) // 2, MODULUS) in (0, 1))
            assert times(found, found) == (value if is_square else times(Z, value)), value
