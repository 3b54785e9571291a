"""
Products modulo odd numbers without division: of a and b, both below m, it is a b / 2^w mod m, w the width of the type.

Numbers are held as x * 2^w mod m (Montgomery form), which products, sums and differences keep. Of any width of
`primitives.wide_integers`; a modulus that is known when the code is made costs less.
"""

# mypy: allow-untyped-defs, allow-untyped-calls

from typing import Any, Final

from llvmlite import ir
from numba import types

from evm_jit.precompiles.montgomery_instructions import has_product, product_function
from primitives.instructions import HAS_TWO_CARRIES
from primitives.kernels_cache import njit
from primitives.wide_integers import U256, UnsignedType, operation

LIMB_BITS: Final = 64
LIMB_VALUES: Final = 1 << LIMB_BITS
LIMB, TWO_LIMBS = ir.IntType(LIMB_BITS), ir.IntType(2 * LIMB_BITS)


def clearing_factor_of(modulus: int) -> int:
    """The factor f = -1 / m modulo 2^64: adding t f m to t clears its low limb."""
    return -pow(modulus, -1, LIMB_VALUES) % LIMB_VALUES


def _limbs(builder: Any, word: Any) -> list[Any]:
    """From the least significant one."""
    places = range(0, word.type.width, LIMB_BITS)
    return [builder.trunc(builder.lshr(word, word.type(place)), LIMB) for place in places]


def _joined(builder: Any, limbs: list[Any]) -> Any:
    whole = ir.IntType(LIMB_BITS * len(limbs))
    word = whole(0)
    for index, limb in enumerate(limbs):
        word = builder.or_(word, builder.shl(builder.zext(limb, whole), whole(LIMB_BITS * index)))
    return word


def _multiply_add(builder: Any, a: Any, b: Any, *addends: Any) -> tuple[Any, Any]:
    """High and low limb of a b + one or two addends, which never exceeds 128 bits."""
    total = builder.mul(builder.zext(a, TWO_LIMBS), builder.zext(b, TWO_LIMBS))
    for addend in addends:
        total = builder.add(total, builder.zext(addend, TWO_LIMBS))
    return _split(builder, total)


def _split(builder: Any, total: Any) -> tuple[Any, Any]:
    return builder.trunc(builder.lshr(total, TWO_LIMBS(LIMB_BITS)), LIMB), builder.trunc(total, LIMB)


def _product(builder: Any, a: Any, b: Any, modulus: Any, factor: Any, has_spare_bits: bool = False) -> Any:
    """
    IR: limb by limb of b, add a b_i, clear the low limb by a multiple of the modulus, drop it.

    has_spare_bits : whether the highest two bits of the modulus are 0; then no sum has a bit above the width

    Source: Montgomery, Modular Multiplication without Trial Division (1985), in the form CIOS of Koc, Acar and Kaliski
    (1996). The total is below twice the modulus after each step, so that what is above the width is 0 or 1.
    """
    modulus_limbs, a_limbs = _limbs(builder, modulus), _limbs(builder, a)
    count = len(a_limbs)
    total, above = [LIMB(0)] * count, LIMB(0)
    for b_limb in _limbs(builder, b):
        carry, low = _multiply_add(builder, a_limbs[0], b_limb, total[0])
        multiple = builder.mul(low, factor)
        clearing_carry, _ = _multiply_add(builder, multiple, modulus_limbs[0], low)
        for index in range(1, count):
            carry, low = _multiply_add(builder, a_limbs[index], b_limb, total[index], carry)
            clearing_carry, total[index - 1] = _multiply_add(
                builder, multiple, modulus_limbs[index], low, clearing_carry
            )
        if has_spare_bits:
            total[-1] = builder.add(carry, clearing_carry)
        else:
            upper = builder.add(builder.zext(carry, TWO_LIMBS), builder.zext(clearing_carry, TWO_LIMBS))
            above, total[-1] = _split(builder, builder.add(upper, builder.zext(above, TWO_LIMBS)))
    result = _joined(builder, total)
    is_reduced = builder.icmp_unsigned("<", result, modulus)
    if not has_spare_bits:
        is_reduced = builder.and_(is_reduced, builder.icmp_unsigned("==", above, LIMB(0)))
    return builder.select(is_reduced, result, builder.sub(result, modulus))


def product_modulo_by_llvm(modulus: int, type_: UnsignedType = U256) -> Any:
    """A function for kernels: `product(a, b)`, both below the odd modulus, which becomes part of the code."""
    word, factor = ir.IntType(type_.bits)(modulus), LIMB(clearing_factor_of(modulus))
    has_spare_bits = modulus.bit_length() <= type_.bits - 2

    def emit(builder: Any, a: Any, b: Any) -> Any:
        return _product(builder, a, b, word, factor, has_spare_bits)

    return operation(type_, (type_, type_), emit)


def product_modulo(modulus: int, type_: UnsignedType = U256) -> Any:
    """The same by a function of `montgomery_instructions`, if it has one."""
    if not (HAS_TWO_CARRIES and has_product(modulus, type_.bits)):
        return product_modulo_by_llvm(modulus, type_)
    word = ir.IntType(type_.bits)

    def emit(builder: Any, a: Any, b: Any) -> Any:
        function = product_function(builder.module, modulus, type_.bits, clearing_factor_of(modulus))
        with builder.goto_entry_block():
            places = [builder.alloca(word) for _ in range(3)]
        builder.store(a, places[1])
        builder.store(b, places[2])
        builder.call(function, places)
        return builder.load(places[0])

    return operation(type_, (type_, type_), emit)


def sum_modulo(modulus: int, type_: UnsignedType = U256) -> Any:
    """A function for kernels: `sum(a, b)`, both below the modulus."""
    word = ir.IntType(type_.bits)(modulus)

    def emit(builder: Any, a: Any, b: Any) -> Any:
        total = builder.add(a, b)
        return builder.select(builder.icmp_unsigned("<", total, word), total, builder.sub(total, word))

    def emit_of_whole_width(builder: Any, a: Any, b: Any) -> Any:
        """The difference of a and -b: a sum may have a bit more than the word."""
        return _difference(builder, a, builder.sub(word, b), word)

    return operation(type_, (type_, type_), emit_of_whole_width if modulus.bit_length() == type_.bits else emit)


def _difference(builder: Any, a: Any, b: Any, modulus: Any) -> Any:
    correction = builder.select(builder.icmp_unsigned("<", a, b), modulus, modulus.type(0))
    return builder.add(builder.sub(a, b), correction)


def difference_modulo(modulus: int, type_: UnsignedType = U256) -> Any:
    """A function for kernels: `difference(a, b)`, both below the modulus."""
    word = ir.IntType(type_.bits)(modulus)
    return operation(type_, (type_, type_), lambda builder, a, b: _difference(builder, a, b, word))


# product_modulo_odd(a, b, modulus, factor): any width, a and b below the modulus; `factor`, uint64, of this modulus.
product_modulo_odd = operation(None, (None, None, None, types.uint64), _product)


@njit
def inverse_of_odd(number):
    """
    1 / number modulo 2^w, for an odd number of any width w (a scalar), and of that type.

    x (2 - n x) has twice as many right bits as x; the number itself has three. Source: Dumas, On Newton-Raphson
    Iteration for Multiplicative Inverses Modulo Prime Powers (2014).
    """
    inverse = number
    while True:
        error = number * inverse - 1
        if not error:
            return inverse
        inverse = inverse - inverse * error
