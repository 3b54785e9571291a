"""
Unsigned integers of any width as Numba types, each value one LLVM integer: `a + b` becomes add with carry.

- A type, `U256`, is for signatures; the function of its name in small letters, `u256(x)`, converts: it cuts off what
  is too wide, extends by zeros, and by the sign what Numba knows to be signed.
- Operators take two values of one type, or one and an integer, which is converted first: `word + 1`, `word == 0`,
  `word >> 64`. Two widths never meet without a conversion in sight. Results wrap; a shift by the width or more is 0.
- Division is no operator here: LLVM's own is a loop over bits. `primitives.u256_division` has it.

Values live in compiled code alone; they come and go as limbs (uint64) or through memory at an address. Kernels for
little-endian machines, as Numba's targets are.
"""

# mypy: allow-untyped-defs, allow-untyped-calls, allow-any-generics

import inspect
import operator
from collections.abc import Callable
from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.core.imputils import lower_constant
from numba.core.typing.templates import AbstractTemplate, infer_global, signature
from numba.extending import intrinsic, lower_builtin, lower_cast, models, register_model, typeof_impl

Emit = Callable[..., Any]


class UnsignedType(types.Type):
    """The type of unsigned integers of `bits` bits."""

    def __init__(self, bits: int) -> None:
        super().__init__(name=f"u{bits}")
        self.bits = bits


@register_model(UnsignedType)
class _UnsignedModel(models.PrimitiveModel):
    def __init__(self, manager: Any, type_: UnsignedType) -> None:
        super().__init__(manager, type_, ir.IntType(type_.bits))


U64, U128, U256, U320, U512 = (UnsignedType(bits) for bits in (64, 128, 256, 320, 512))


class Constant:
    """A number that kernels use as a global of the type U256, or of another one: `PRIME = Constant(2**255 - 19)`."""

    def __init__(self, value: int, type_: UnsignedType = U256) -> None:
        assert 0 <= value < 1 << type_.bits
        self.value, self.type = value, type_


@typeof_impl.register(Constant)
def _typeof_constant(constant: Constant, context: Any) -> UnsignedType:
    return constant.type


@lower_constant(UnsignedType)  # type: ignore[untyped-decorator]
def _lower_constant(context: Any, builder: Any, type_: UnsignedType, constant: Constant) -> Any:
    return ir.Constant(ir.IntType(type_.bits), constant.value)


def operation(result: Any, parameters: tuple[Any, ...], emit: Emit) -> Any:
    """
    A function for kernels that becomes `emit(builder, *arguments)`.

    result : a Numba type; None is the type of the arguments where a parameter is None
    parameters : Numba types; None takes a value of any unsigned type, the same for all
    """

    def typed(typing_context: Any, *arguments: Any) -> Any:
        wide = [argument for argument, wanted in zip(arguments, parameters, strict=True) if wanted is None]
        if any(argument != wide[0] or not isinstance(argument, UnsignedType) for argument in wide):
            return None

        def emitted(context: Any, builder: Any, signature: Any, values: Any) -> Any:
            value = emit(builder, *values)
            return context.get_dummy_value() if value is None else value

        return (result or wide[0])(*(wanted or wide[0] for wanted in parameters)), emitted

    # Numba asks for the parameters one by one.
    names = ["typing_context", *(f"argument_{index}" for index in range(len(parameters)))]
    listed = [inspect.Parameter(name, inspect.Parameter.POSITIONAL_OR_KEYWORD) for name in names]
    typed.__signature__ = inspect.Signature(listed)  # type: ignore[attr-defined]
    return intrinsic(typed)


def llvm_function(builder: Any, name: str, result: Any, *parameters: Any) -> Any:
    """The declaration of an LLVM intrinsic in the module that is being built."""
    return cgutils.get_or_insert_function(builder.module, ir.FunctionType(result, parameters), name)


def _binary(symbol: Any, emit: Emit, result: Any = None) -> None:
    """Declare an operator of two values of one type; the result has that type too, or `result`."""

    @infer_global(symbol)
    class Operator(AbstractTemplate):
        def generic(self, args, kws):
            wide = [argument for argument in args if isinstance(argument, UnsignedType)]
            if len(args) == 2 and wide and all(a == wide[0] or isinstance(a, types.Integer) for a in args):
                return signature(result or wide[0], wide[0], wide[0])
            return None

    @lower_builtin(symbol, UnsignedType, UnsignedType)
    def lower(context, builder, sig, args):
        return emit(builder, *args)


def _unary(symbol: Any, emit: Emit, result: Any = None) -> None:
    """Declare an operator of one value."""

    @infer_global(symbol)
    class Operator(AbstractTemplate):
        def generic(self, args, kws):
            return signature(result or args[0], args[0]) if isinstance(args[0], UnsignedType) else None

    @lower_builtin(symbol, UnsignedType)
    def lower(context, builder, sig, args):
        return emit(builder, *args)


def _shift(emit: Emit) -> Emit:
    """A shift that gives 0 when it is by the width or more, where LLVM's is undefined."""

    def shift(builder, value, count):
        in_range = builder.icmp_unsigned("<", count, value.type(value.type.width))
        return builder.select(
            in_range, emit(builder, value, builder.select(in_range, count, value.type(0))), value.type(0)
        )

    return shift


def _compare(symbol: str) -> Emit:
    return lambda builder, left, right: builder.icmp_unsigned(symbol, left, right)


for _symbols, _emit in (
    ((operator.add, operator.iadd), ir.IRBuilder.add),
    ((operator.sub, operator.isub), ir.IRBuilder.sub),
    ((operator.mul, operator.imul), ir.IRBuilder.mul),
    ((operator.and_, operator.iand), ir.IRBuilder.and_),
    ((operator.or_, operator.ior), ir.IRBuilder.or_),
    ((operator.xor, operator.ixor), ir.IRBuilder.xor),
    ((operator.lshift, operator.ilshift), _shift(ir.IRBuilder.shl)),
    ((operator.rshift, operator.irshift), _shift(ir.IRBuilder.lshr)),
):
    for _symbol in _symbols:
        _binary(_symbol, _emit)
for _symbol, _name in (
    (operator.lt, "<"),
    (operator.le, "<="),
    (operator.gt, ">"),
    (operator.ge, ">="),
    (operator.eq, "=="),
    (operator.ne, "!="),
):
    _binary(_symbol, _compare(_name), types.boolean)
_unary(operator.invert, lambda builder, value: builder.not_(value))
_unary(operator.neg, lambda builder, value: builder.neg(value))
_unary(operator.not_, lambda builder, value: builder.icmp_unsigned("==", value, value.type(0)), types.boolean)
_unary(bool, lambda builder, value: builder.icmp_unsigned("!=", value, value.type(0)), types.boolean)


def _resize(builder: Any, value: Any, bits: int, is_signed: bool = False) -> Any:
    """An LLVM integer cut off or extended to a width."""
    wanted = ir.IntType(bits)
    if value.type.width >= bits:
        return value if value.type.width == bits else builder.trunc(value, wanted)
    return builder.sext(value, wanted) if is_signed else builder.zext(value, wanted)


@lower_cast(types.Integer, UnsignedType)
def _cast(context, builder, from_type, to_type, value):
    return _resize(builder, value, to_type.bits, from_type.signed)


def _conversion(to_type: Any) -> Any:
    bits = to_type.bits if isinstance(to_type, UnsignedType) else to_type.bitwidth

    def convert(typing_context: Any, value: Any) -> Any:
        if not isinstance(value, UnsignedType | types.Integer | types.Boolean):
            return None
        is_signed = isinstance(value, types.Integer) and value.signed  # type: ignore[attr-defined]

        def emitted(context: Any, builder: Any, signature: Any, values: Any) -> Any:
            return _resize(builder, context.data_model_manager[value].as_argument(builder, values[0]), bits, is_signed)

        return to_type(value), emitted

    return intrinsic(convert)


u64, u128, u256, u320, u512 = (_conversion(type_) for type_ in (U64, U128, U256, U320, U512))
# The lowest 64 bits, as Numba's own integers.
low_uint64, low_int64 = _conversion(types.uint64), _conversion(types.int64)


def _leading_zeros(builder: Any, value: Any) -> Any:
    count = llvm_function(builder, f"llvm.ctlz.i{value.type.width}", value.type, value.type, ir.IntType(1))
    return _resize(builder, builder.call(count, [value, ir.IntType(1)(0)]), 64)


def _trailing_zeros(builder: Any, value: Any) -> Any:
    count = llvm_function(builder, f"llvm.cttz.i{value.type.width}", value.type, value.type, ir.IntType(1))
    return _resize(builder, builder.call(count, [value, ir.IntType(1)(0)]), 64)


def bytes_reversed(builder: Any, value: Any) -> Any:
    """IR: the bytes of an LLVM integer in the opposite order."""
    return builder.call(llvm_function(builder, f"llvm.bswap.i{value.type.width}", value.type, value.type), [value])


def load_at(builder: Any, address: Any, type_: Any) -> Any:
    """IR: a value at an address of any alignment."""
    value = builder.load(builder.inttoptr(address, type_.as_pointer()))
    value.align = 1
    return value


def store_at(builder: Any, address: Any, value: Any) -> None:
    """IR: keep a value at an address of any alignment."""
    builder.store(value, builder.inttoptr(address, value.type.as_pointer())).align = 1


def _shift_limbs(name: str) -> Emit:
    """A shift by 0 to 63, limb by limb: half as long as LLVM's of any length."""

    def emit(builder: Any, word: Any, count: Any) -> Any:
        funnel = llvm_function(builder, f"llvm.{name}.i64", *[ir.IntType(64)] * 4)
        places = range(0, word.type.width, 64)
        limbs = [builder.trunc(builder.lshr(word, word.type(place)), ir.IntType(64)) for place in places]
        # A limb gets bits from its lower neighbour or from its upper one.
        none = ir.IntType(64)(0)
        upper, lower = (limbs, [none, *limbs[:-1]]) if name == "fshl" else ([*limbs[1:], none], limbs)
        shifted = word.type(0)
        for place, high, low in zip(places, upper, lower, strict=True):
            part = builder.zext(builder.call(funnel, [high, low, count]), word.type)
            shifted = builder.or_(shifted, builder.shl(part, word.type(place)))
        return shifted

    return emit


def _funnel_left(builder: Any, high: Any, low: Any, count: Any) -> Any:
    return builder.call(llvm_function(builder, "llvm.fshl.i64", *[ir.IntType(64)] * 4), [high, low, count])


def _rarely(builder: Any, condition: Any) -> Any:
    return builder.call(llvm_function(builder, "llvm.expect.i1", *[ir.IntType(1)] * 3), [condition, ir.IntType(1)(0)])


# int64: how many of the highest bits are 0; the width for 0. The operation of CLZ (EIP-7939).
leading_zeros = operation(types.int64, (None,), _leading_zeros)
# int64: how many of the lowest bits are 0; the width for 0.
trailing_zeros = operation(types.int64, (None,), _trailing_zeros)
# choose(condition, x, y): x if the condition holds, else y, without a branch.
choose = operation(None, (types.boolean, None, None), ir.IRBuilder.select)
# shift_left(x, count), shift_right(x, count): by an int64 from 0 to 63; x has a width of whole limbs.
shift_left, shift_right = (operation(None, (None, types.int64), _shift_limbs(name)) for name in ("fshl", "fshr"))
# funnel_left(high, low, count): the upper limb of high * 2^64 + low moved up by an int64 from 0 to 63; U64 all.
funnel_left = operation(U64, (U64, U64, types.int64), _funnel_left)
# rarely(condition): the same. LLVM makes a branch of it, which is foretold, and no choice, which is waited for.
rarely = operation(types.boolean, (types.boolean,), _rarely)
