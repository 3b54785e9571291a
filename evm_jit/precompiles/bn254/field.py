"""
Fp of BN254: a number in [0, p), held in a U256 as x * 2^256 mod p (Montgomery form).

An element is always reduced, so two are equal if their words are.
"""

# mypy: allow-untyped-calls

from typing import Any, Final, TypeAlias

import numpy as np

from evm_jit.precompiles.binary_inverse import almost_inverse, inverse_scales
from evm_jit.precompiles.bn254.parameters import MODULUS
from evm_jit.precompiles.montgomery import difference_modulo, product_modulo, sum_modulo
from primitives.kernels_cache import njit
from primitives.u256 import load_limbs, store_big_endian
from primitives.wide_integers import Constant, choose, low_int64

WORD_SIZE_BYTES: Final = 32
RADIX: Final = 1 << 256

Fp: TypeAlias = Any  # A `Constant` in Python, a U256 in kernels.


def element(value: int) -> Constant:
    """An element that kernels can use as a global."""
    return Constant(value * RADIX % MODULUS)


# add(a, b), subtract(a, b): scalars of Fp.
add, subtract, _product = sum_modulo(MODULUS), difference_modulo(MODULUS), product_modulo(MODULUS)

ZERO: Final[Fp] = element(0)
ONE: Final[Fp] = element(1)
MODULUS_WORD: Final[Fp] = Constant(MODULUS)
WORD_ONE: Final[Fp] = Constant(1)
_INTO_MONTGOMERY: Final[Fp] = element(RADIX)  # Times it, a word x becomes x 2^256.
_INVERSE_SCALES: Final = inverse_scales(MODULUS, 256)


@njit
def multiply(a: Fp, b: Fp) -> Fp:
    """The product; a, b : scalars of Fp."""
    return _product(a, b)


@njit
def square(a: Fp) -> Fp:
    """The square; a : scalar of Fp."""
    return _product(a, a)


@njit
def halve(a: Fp) -> Fp:
    """Half of it; a : scalar of Fp."""
    return choose(low_int64(a) & 1 == 1, a + MODULUS_WORD, a) >> 1


@njit
def negate(a: Fp) -> Fp:
    """The negative; a : scalar of Fp."""
    return subtract(ZERO, a)


@njit
def invert(a: Fp) -> Fp:
    """The inverse, and 0 for 0; a : scalar of Fp."""
    if not a:
        return ZERO
    rest, k = almost_inverse(a, MODULUS_WORD)
    return multiply(rest, load_limbs(np.int64(_INVERSE_SCALES.ctypes.data) + WORD_SIZE_BYTES * k))


@njit
def from_word(word: Fp) -> Fp:
    """The element that a word below p stands for (scalars)."""
    return multiply(word, _INTO_MONTGOMERY)


@njit
def to_word(a: Fp) -> Fp:
    """The number in [0, p) that an element stands for (scalars)."""
    return multiply(a, WORD_ONE)


@njit
def store_number(a: Fp, address: int) -> None:
    """Write what a scalar of Fp stands for to the word at an address."""
    store_big_endian(address, to_word(a))
