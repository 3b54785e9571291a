"""Products, sums, differences and inverses modulo odd numbers are those of Python's integers, at the edges of words."""

import random
from itertools import product

import numpy as np
import pytest
from llvmlite import ir
from numba import types

from evm_jit.precompiles import bls12_381_kernel, p256_kernel
from evm_jit.precompiles.bn254 import parameters
from evm_jit.precompiles.montgomery import (
    clearing_factor_of,
    difference_modulo,
    inverse_of_odd,
    product_modulo,
    product_modulo_by_llvm,
    product_modulo_odd,
    sum_modulo,
)
from primitives.kernels_cache import njit
from primitives.u256 import load_limbs, store_limbs
from primitives.wide_integers import U256, UnsignedType, load_at, low_uint64, operation, store_at, u64, u128, u256

WIDTH = 1 << 256
SMALL = 2**254 - 1  # Two spare bits: no sum goes beyond the word.
LARGE = 2**256 - 189
small_sum, small_difference, small_product = sum_modulo(SMALL), difference_modulo(SMALL), product_modulo(SMALL)
large_sum, large_difference, large_product = sum_modulo(LARGE), difference_modulo(LARGE), product_modulo(LARGE)
WIDTHS = [64, 128, 256]


@njit
def small_operations(words, results):
    """Of words : uint64[2, 4], into results : uint64[3, 4]."""
    a, b = load_limbs(words.ctypes.data), load_limbs(words.ctypes.data + 32)
    store_limbs(results.ctypes.data, small_sum(a, b))
    store_limbs(results.ctypes.data + 32, small_difference(a, b))
    store_limbs(results.ctypes.data + 64, small_product(a, b))


@njit
def large_operations(words, results):
    """The same."""
    a, b = load_limbs(words.ctypes.data), load_limbs(words.ctypes.data + 32)
    store_limbs(results.ctypes.data, large_sum(a, b))
    store_limbs(results.ctypes.data + 32, large_difference(a, b))
    store_limbs(results.ctypes.data + 64, large_product(a, b))


@njit
def clearing_factor(number):
    return low_uint64(-inverse_of_odd(number))


@njit
def of_any_modulus(words, results):
    """Of a, b and m in words : uint64[3, 4]: products in 64, 128 and 256 bits, then inverses of m."""
    a, b, m = (
        load_limbs(words.ctypes.data),
        load_limbs(words.ctypes.data + 32),
        load_limbs(words.ctypes.data + 64),
    )
    at = results.ctypes.data
    store_limbs(at, u256(product_modulo_odd(u64(a), u64(b), u64(m), clearing_factor(u64(m)))))
    store_limbs(at + 32, u256(product_modulo_odd(u128(a), u128(b), u128(m), clearing_factor(u128(m)))))
    store_limbs(at + 64, product_modulo_odd(a, b, m, clearing_factor(m)))
    store_limbs(at + 96, u256(inverse_of_odd(u64(m))))
    store_limbs(at + 128, u256(inverse_of_odd(u128(m))))
    store_limbs(at + 160, inverse_of_odd(m))


def to_array(*values: int) -> np.ndarray:
    return np.array([[value >> 64 * limb & (2**64 - 1) for limb in range(4)] for value in values], dtype=np.uint64)


def to_integers(array: np.ndarray) -> list[int]:
    return [sum(int(limb) << 64 * index for index, limb in enumerate(row)) for row in array]


@pytest.mark.parametrize(("modulus", "kernel"), [(SMALL, small_operations), (LARGE, large_operations)])
def test_arithmetic_modulo_a_constant(modulus, kernel):
    generator = random.Random(modulus)
    edges = [0, 1, 2, 2**64 - 1, 2**64, 2**192, modulus // 2, modulus // 2 + 1, modulus - 2, modulus - 1]
    pairs = list(product(edges, edges))
    pairs += [(generator.randrange(modulus), generator.randrange(modulus)) for _ in range(500)]
    for a, b in pairs:
        results = np.zeros((3, 4), dtype=np.uint64)
        kernel(to_array(a, b), results)
        radix_inverse = pow(WIDTH, -1, modulus)
        assert to_integers(results) == [(a + b) % modulus, (a - b) % modulus, a * b * radix_inverse % modulus], (a, b)


def test_arithmetic_modulo_any_odd_number_in_three_widths():
    generator = random.Random(3)
    for _ in range(1_000):
        width = generator.choice(WIDTHS)
        modulus = generator.choice((2**width - 1, 2 ** (width - 1) + 1, 1, 3, generator.getrandbits(width))) | 1
        # One factor may be any word.
        a, b = generator.choice((2**width - 1, generator.getrandbits(width))), generator.randrange(modulus)
        results = np.zeros((6, 4), dtype=np.uint64)
        of_any_modulus(to_array(a, b, modulus), results)
        found = to_integers(results)
        for index, bits in enumerate(WIDTHS):
            if bits >= width:
                assert found[index] == a * b * pow(2**bits, -1, modulus) % modulus, (bits, a, b, modulus)
            assert found[3 + index] == pow(modulus, -1, 2**bits)


def test_the_clearing_factor_clears_the_low_limb():
    for modulus in (1, 3, SMALL, LARGE):
        assert (1 + clearing_factor_of(modulus) * modulus) % 2**64 == 0


def kernel_of_products(modulus: int, type_: UnsignedType, form):
    """A kernel that writes the product of the numbers at two addresses to a third, made by `form`."""
    word = ir.IntType(type_.bits)
    load = operation(type_, (types.int64,), lambda builder, address: load_at(builder, address, word))
    store = operation(types.void, (types.int64, type_), store_at)
    product = form(modulus, type_)

    @njit
    def multiply_at(a, b, result):
        store(result, product(load(a), load(b)))

    return multiply_at


FIELDS = [
    (parameters.MODULUS, U256),
    (bls12_381_kernel.MODULUS, bls12_381_kernel.U384),
    (p256_kernel.P, U256),
    (SMALL, U256),
    (2**382 - 1, bls12_381_kernel.U384),
]


@pytest.mark.parametrize("form", [product_modulo, product_modulo_by_llvm])
@pytest.mark.parametrize(("modulus", "type_"), FIELDS)
def test_products_in_the_fields_of_curves(modulus, type_, form):
    size = type_.bits // 8
    multiply_at = kernel_of_products(modulus, type_, form)
    radix_inverse = pow(1 << type_.bits, -1, modulus)
    generator = random.Random(modulus)
    limbs = [0, 1, 2**32, 2**64 - 1, 2**63]
    edges = [0, 1, 2, modulus - 1, modulus - 2, modulus // 2, radix_inverse, (1 << type_.bits) % modulus]
    edges += [sum(generator.choice(limbs) << place for place in range(0, type_.bits, 64)) % modulus for _ in range(40)]
    pairs = list(product(edges, edges)) + [[generator.randrange(modulus) for _ in range(2)] for _ in range(500)]
    result = np.zeros(size, dtype=np.uint8)
    for pair in pairs:
        data = [np.frombuffer(number.to_bytes(size, "little"), dtype=np.uint8) for number in pair]
        multiply_at(*(np.int64(number.ctypes.data) for number in data), np.int64(result.ctypes.data))
        assert int.from_bytes(result.tobytes(), "little") == pair[0] * pair[1] * radix_inverse % modulus, pair
