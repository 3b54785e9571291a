"""
Fp of BN254 as a type of Numba: a number in [0, p), held as x * 2^256 mod p (Montgomery form) in one 256-bit word.

The word is LLVM's i256, which is four registers of 64 bits in machine code. An element is always reduced, so two are
equal if their words are. In Python a constant is a `Constant`, and kernels may use it, and tuples of it, as a global.
"""

from collections.abc import Callable
from typing import Any, Final, TypeAlias

import numpy as np
from llvmlite import ir
from numba.core import types
from numba.core.imputils import lower_constant
from numba.extending import intrinsic, models, register_model, typeof_impl
from numpy.typing import NDArray

from evm_jit.precompiles.bn254.parameters import MODULUS
from primitives.kernels_cache import njit

LIMB_COUNT: Final = 4
LIMB_BITS: Final = 64
RADIX: Final = 1 << (LIMB_COUNT * LIMB_BITS)
LIMB_MASK: Final = (1 << LIMB_BITS) - 1
# m = -1 / p modulo 2^64: adding t m p to t clears its low limb.
CLEARING_FACTOR: Final = -pow(MODULUS, -1, 1 << LIMB_BITS) % (1 << LIMB_BITS)
assert 4 * MODULUS < RADIX, "a sum of two elements fits a word, and products need no carry beyond it"

Fp: TypeAlias = Any  # A `Constant` in Python, an i256 in kernels.

I64 = ir.IntType(LIMB_BITS)
I128 = ir.IntType(2 * LIMB_BITS)
I256 = ir.IntType(LIMB_COUNT * LIMB_BITS)


class Constant:
    """An element that kernels can use as a global."""

    def __init__(self, value: int, is_montgomery: bool = True) -> None:
        self.word = value * RADIX % MODULUS if is_montgomery else value


class FpType(types.Type):
    """The type of an element in kernels."""

    def __init__(self) -> None:
        super().__init__(name="bn254.fp")


fp: Final = FpType()


@register_model(FpType)
class _FpModel(models.PrimitiveModel):
    def __init__(self, manager: Any, type_: Any) -> None:
        super().__init__(manager, type_, I256)  # type: ignore[no-untyped-call]


@typeof_impl.register(Constant)
def _typeof_constant(value: Constant, context: Any) -> FpType:
    return fp


@lower_constant(FpType)  # type: ignore[no-untyped-call, untyped-decorator]
def _lower_constant(context: Any, builder: Any, type_: Any, value: Constant) -> Any:
    return ir.Constant(I256, value.word)


# What LLVM does for one operation. `emit` takes the builder and LLVM values.


def operation(declaration: Callable[..., Any]) -> Callable[..., Any]:
    """What kernels call by the name of a function that declares it."""
    return intrinsic(declaration)


def _declare(result: Any, arguments: tuple[Any, ...], emit: Callable[..., Any]) -> tuple[Any, Any]:
    def lower(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        return emit(builder, *values)

    return result(*arguments), lower


def _reduce_once(builder: Any, total: Any) -> Any:
    """From [0, 2p) to [0, p)."""
    modulus = ir.Constant(I256, MODULUS)
    is_reduced = builder.icmp_unsigned("<", total, modulus, name="is_reduced")
    return builder.select(is_reduced, total, builder.sub(total, modulus), name="reduced")


def _emit_sum(builder: Any, a: Any, b: Any) -> Any:
    return _reduce_once(builder, builder.add(a, b, name="total"))


def _emit_difference(builder: Any, a: Any, b: Any) -> Any:
    is_negative = builder.icmp_unsigned("<", a, b, name="is_negative")
    correction = builder.select(is_negative, ir.Constant(I256, MODULUS), ir.Constant(I256, 0), name="correction")
    return builder.add(builder.sub(a, b), correction, name="difference")


def _limbs(builder: Any, word: Any) -> list[Any]:
    shifts = [ir.Constant(I256, LIMB_BITS * index) for index in range(LIMB_COUNT)]
    return [builder.trunc(builder.lshr(word, shift), I64) for shift in shifts]


def _multiply_add(builder: Any, a: Any, b: Any, *addends: Any) -> tuple[Any, Any]:
    """High and low limb of a b + one or two addends, which never exceeds 128 bits."""
    total = builder.mul(builder.zext(a, I128), builder.zext(b, I128))
    for addend in addends:
        total = builder.add(total, builder.zext(addend, I128))
    return builder.trunc(builder.lshr(total, ir.Constant(I128, LIMB_BITS)), I64), builder.trunc(total, I64)


def _emit_product(builder: Any, a: Any, b: Any) -> Any:
    """
    The word a b / 2^256 mod p, limb by limb of b: add a b_i, clear the low limb by a multiple of p, drop it.

    Source: Montgomery, Modular Multiplication without Trial Division (1985), in the form CIOS of Koc, Acar and Kaliski
    (1996). The two carries of a round fit one limb because the highest bits of p are zero (gnark-crypto, ecc/bn254).
    """
    modulus = [ir.Constant(I64, MODULUS >> (LIMB_BITS * index) & LIMB_MASK) for index in range(LIMB_COUNT)]
    a_limbs = _limbs(builder, a)
    total = [ir.Constant(I64, 0)] * LIMB_COUNT
    for b_limb in _limbs(builder, b):
        carry, low = _multiply_add(builder, a_limbs[0], b_limb, total[0])
        factor = builder.mul(low, ir.Constant(I64, CLEARING_FACTOR), name="factor")
        clearing_carry, _ = _multiply_add(builder, factor, modulus[0], low)
        for index in range(1, LIMB_COUNT):
            carry, low = _multiply_add(builder, a_limbs[index], b_limb, total[index], carry)
            clearing_carry, total[index - 1] = _multiply_add(builder, factor, modulus[index], low, clearing_carry)
        total[LIMB_COUNT - 1] = builder.add(carry, clearing_carry)
    return _reduce_once(builder, _join(builder, *total))


def _join(builder: Any, *limbs: Any) -> Any:
    word = ir.Constant(I256, 0)
    for index, limb in enumerate(limbs):
        shifted = builder.shl(builder.zext(limb, I256), ir.Constant(I256, LIMB_BITS * index))
        word = builder.or_(word, shifted)
    return word


@operation
def subtract(typing_context: Any, a: Any, b: Any) -> Any:
    """The difference of two elements."""
    return _declare(fp, (fp, fp), _emit_difference)


@operation
def add(typing_context: Any, a: Any, b: Any) -> Any:
    """The sum of two elements."""
    return _declare(fp, (fp, fp), _emit_sum)


@operation
def _product(typing_context: Any, a: Any, b: Any) -> Any:
    return _declare(fp, (fp, fp), _emit_product)


@operation
def is_equal(typing_context: Any, a: Any, b: Any) -> Any:
    """Whether two elements are the same."""
    return _declare(types.boolean, (fp, fp), lambda builder, x, y: builder.icmp_unsigned("==", x, y))


@operation
def is_less(typing_context: Any, a: Any, b: Any) -> Any:
    """Whether the word of `a` is below that of `b`: for numbers that are not in Montgomery form."""
    return _declare(types.boolean, (fp, fp), lambda builder, x, y: builder.icmp_unsigned("<", x, y))


@operation
def word_difference(typing_context: Any, a: Any, b: Any) -> Any:
    """The difference of two words that are not in Montgomery form, a >= b."""
    return _declare(fp, (fp, fp), lambda builder, x, y: builder.sub(x, y))


@operation
def word_sum(typing_context: Any, a: Any, b: Any) -> Any:
    """The sum of two words that are not in Montgomery form, below 2^256."""
    return _declare(fp, (fp, fp), lambda builder, x, y: builder.add(x, y))


@operation
def trailing_zeros(typing_context: Any, word: Any) -> Any:
    """How many zeros end a word, not 0, as int64."""

    def emit(builder: Any, word: Any) -> Any:
        return builder.trunc(builder.cttz(word, ir.Constant(ir.IntType(1), 1)), I64)

    return _declare(types.int64, (fp,), emit)


@operation
def shift_right(typing_context: Any, word: Any, count: Any) -> Any:
    """A word without its last bits, count int64 in [0, 256)."""
    return _declare(fp, (fp, types.int64), lambda builder, word, count: builder.lshr(word, builder.zext(count, I256)))


@operation
def shift_left(typing_context: Any, word: Any, count: Any) -> Any:
    """A word with zeros after it, count int64 in [0, 256)."""
    return _declare(fp, (fp, types.int64), lambda builder, word, count: builder.shl(word, builder.zext(count, I256)))


@operation
def bit(typing_context: Any, word: Any, index: Any) -> Any:
    """The bit of a word with index int64 in [0, 256), as int64."""

    def emit(builder: Any, word: Any, index: Any) -> Any:
        shifted = builder.lshr(word, builder.zext(index, I256))
        return builder.and_(builder.trunc(shifted, I64), ir.Constant(I64, 1))

    return _declare(types.int64, (fp, types.int64), emit)


@operation
def _join_limbs(typing_context: Any, low: Any, second: Any, third: Any, high: Any) -> Any:
    return _declare(fp, (types.uint64,) * LIMB_COUNT, _join)


@operation
def _limb(typing_context: Any, word: Any, index: Any) -> Any:
    def emit(builder: Any, word: Any, index: Any) -> Any:
        shift = builder.mul(builder.zext(index, I256), ir.Constant(I256, LIMB_BITS))
        return builder.trunc(builder.lshr(word, shift), I64)

    return _declare(types.uint64, (fp, types.int64), emit)


# Kernels.

ZERO: Final = Constant(0)
ONE: Final = Constant(1)
MODULUS_WORD: Final = Constant(MODULUS, is_montgomery=False)
_INTO_MONTGOMERY: Final = Constant(RADIX)  # Times it, a word x becomes x 2^256.
_OUT_OF_MONTGOMERY: Final = Constant(1, is_montgomery=False)
_WORD_ONE: Final = _OUT_OF_MONTGOMERY
# 2^(3 * 256 - k) for each k: times it, (x 2^256)^-1 2^k becomes x^-1 2^256.
_INVERSE_SCALES: Final = np.array(
    [
        [
            pow(2, 3 * LIMB_COUNT * LIMB_BITS - k, MODULUS) >> (LIMB_BITS * limb) & LIMB_MASK
            for limb in range(LIMB_COUNT)
        ]
        for k in range(2 * MODULUS.bit_length() + 1)
    ],
    dtype=np.uint64,
)


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
    if is_equal(a, ZERO):
        return ZERO
    u, v, r, s = MODULUS_WORD, a, ZERO, _WORD_ONE
    zeros = trailing_zeros(v)
    v = shift_right(v, zeros)
    k = zeros
    while True:
        if is_less(v, u):
            u, r = word_difference(u, v), word_sum(r, s)
            zeros = trailing_zeros(u)
            u, s = shift_right(u, zeros), shift_left(s, zeros)
        else:
            v, s = word_difference(v, u), word_sum(r, s)
            if is_equal(v, ZERO):
                break
            zeros = trailing_zeros(v)
            v, r = shift_right(v, zeros), shift_left(r, zeros)
        k += zeros
    if not is_less(r, MODULUS_WORD):
        r = word_difference(r, MODULUS_WORD)
    return multiply(word_difference(MODULUS_WORD, r), read_word(_INVERSE_SCALES, k))


@njit
def read_word(words: NDArray[np.uint64], row: int) -> Fp:
    """Row `row` of words : uint64[n, 4], least significant limb first; not in Montgomery form, perhaps not below p."""
    return _join_limbs(words[row, 0], words[row, 1], words[row, 2], words[row, 3])


@njit
def from_word(word: Fp) -> Fp:
    """The element that a word below p stands for (scalars)."""
    return multiply(word, _INTO_MONTGOMERY)


@njit
def write_number(a: Fp, words: NDArray[np.uint64], row: int) -> None:
    """Write the number, in [0, p), to row `row` of words : uint64[n, 4], least significant limb first."""
    word = multiply(a, _OUT_OF_MONTGOMERY)
    for index in range(LIMB_COUNT):
        words[row, index] = _limb(word, index)
