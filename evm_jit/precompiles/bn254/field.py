"""
Fp of BN254: a number in [0, p), held in a U256 as x * 2^256 mod p (Montgomery form).

An element is always reduced, so two are equal if their words are.
"""

# mypy: allow-untyped-calls

from typing import Any, Final, TypeAlias

import numpy as np
from llvmlite import ir
from numba import types

from evm_jit.precompiles.bn254.parameters import MODULUS
from evm_jit.precompiles.montgomery import difference_modulo, product_modulo, sum_modulo
from primitives.kernels_cache import njit
from primitives.u256 import from_limbs, load_big_endian, store_big_endian
from primitives.wide_integers import U256, Constant, llvm_function, low_int64, operation, trailing_zeros, u64

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
# 2^(3 * 256 - k) for each k, in limbs: times it, (x 2^256)^-1 2^k becomes x^-1 2^256.
_INVERSE_SCALES: Final = np.array(
    [
        [pow(2, 3 * 256 - k, MODULUS) >> 64 * limb & (2**64 - 1) for limb in range(4)]
        for k in range(2 * MODULUS.bit_length() + 1)
    ],
    dtype=np.uint64,
)


def _shift(name: str) -> Any:
    """A shift by 0 to 63, limb by limb: half as long as LLVM's of any length."""

    def emit(builder: Any, word: Any, count: Any) -> Any:
        double = ir.IntType(64)
        funnel = llvm_function(builder, f"llvm.{name}.i64", double, double, double, double)
        limbs = [builder.trunc(builder.lshr(word, word.type(place)), double) for place in range(0, 256, 64)]
        beside = [double(0), *limbs] if name == "fshl" else [*limbs[1:], double(0)]
        shifted = word.type(0)
        for index, limb in enumerate(limbs):
            pair = [limb, beside[index]] if name == "fshl" else [beside[index], limb]
            part = builder.zext(builder.call(funnel, [*pair, count]), word.type)
            shifted = builder.or_(shifted, builder.shl(part, word.type(64 * index)))
        return shifted

    return operation(U256, (U256, types.int64), emit)


shift_left, shift_right = _shift("fshl"), _shift("fshr")


@njit
def multiply(a: Fp, b: Fp) -> Fp:
    """The product; a, b : scalars of Fp."""
    return _product(a, b)


@njit
def negate(a: Fp) -> Fp:
    """The negative; a : scalar of Fp."""
    return subtract(ZERO, a)


@njit
def invert(a: Fp) -> Fp:
    """
    The inverse, and 0 for 0; a : scalar of Fp.

    The binary algorithm, which keeps a r = -u 2^k and a s = v 2^k (mod p) and ends with u = 1 and v = 0. Shifting out
    all zeros at once, it takes at most 508 steps, and some 180 as a rule.
    Source: Kaliski, The Montgomery Inverse and Its Applications (1995), phase 1; phase 2 is a product by a table.
    """
    if not a:
        return ZERO
    u, v, r, s = MODULUS_WORD, a, ZERO, WORD_ONE
    k = trailing_zeros(v)
    v = v >> k
    while True:
        if v < u:
            u, r = u - v, r + s
            while not low_int64(u) & 1:
                zeros = min(trailing_zeros(u64(u)), 63)
                u, s = shift_right(u, zeros), shift_left(s, zeros)
                k += zeros
        else:
            v, s = v - u, r + s
            if not v:
                break
            while not low_int64(v) & 1:
                zeros = min(trailing_zeros(u64(v)), 63)
                v, r = shift_right(v, zeros), shift_left(r, zeros)
                k += zeros
    if r >= MODULUS_WORD:
        r = r - MODULUS_WORD
    scale = _INVERSE_SCALES[k]
    return multiply(MODULUS_WORD - r, from_limbs((scale[0], scale[1], scale[2], scale[3])))  # type: ignore[call-arg]


@njit
def from_word(word: Fp) -> Fp:
    """The element that a word below p stands for (scalars)."""
    return multiply(word, _INTO_MONTGOMERY)


@njit
def to_word(a: Fp) -> Fp:
    """The number in [0, p) that an element stands for (scalars)."""
    return multiply(a, WORD_ONE)


@njit
def load_word(address: int, index: int) -> Fp:
    """Word `index` of those that begin at an address, as contracts get them: a U256, perhaps not below p."""
    return load_big_endian(address + WORD_SIZE_BYTES * index)


@njit
def store_number(a: Fp, address: int, index: int) -> None:
    """Write what a scalar of Fp stands for as word `index` of those that begin at an address."""
    store_big_endian(address + WORD_SIZE_BYTES * index, to_word(a))
