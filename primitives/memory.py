"""
Memory at an address, for kernels: bytes and limbs in and out, copies, and scratch space on the native stack.

An address is an int64; the memory behind it is an array that Python keeps alive, or scratch space of the function
that runs. Nothing here checks a bound: who calls has checked it. Words of 256 bits are in `primitives.u256`.
"""

from typing import Any

from llvmlite import ir
from numba import types

from primitives.wide_integers import llvm_function, load_at, operation, store_at

BYTE, LIMB = ir.IntType(8), ir.IntType(64)
POINTER = BYTE.as_pointer()
# What every call leaves the stack aligned to. More can be asked of LLVM, which then counts on it, writes `address | 31`
# for `address + 31`, and is wrong where the function was inlined into one whose stack is not aligned anew.
STACK_ALIGNMENT = 16


def _load(bits: int) -> Any:
    def load(builder, address):  # type: ignore[no-untyped-def]
        value = load_at(builder, address, ir.IntType(bits))
        return value if bits == 64 else builder.zext(value, LIMB)

    return load


def _store(bits: int) -> Any:
    def store(builder, address, value):  # type: ignore[no-untyped-def]
        store_at(builder, address, value if bits == 64 else builder.trunc(value, ir.IntType(bits)))

    return store


# load_byte(address): 0 to 255 as an int64; store_byte(address, value) keeps the lowest eight bits.
load_byte = operation(types.int64, (types.int64,), _load(8))
store_byte = operation(types.void, (types.int64, types.int64), _store(8))
# 32 bits in the machine's order, zero-extended.
load_uint32 = operation(types.uint64, (types.int64,), _load(32))
store_uint32 = operation(types.void, (types.int64, types.uint64), _store(32))
# 64 bits in the machine's order, as what a limb is or as what a count is.
load_uint64 = operation(types.uint64, (types.int64,), _load(64))
store_uint64 = operation(types.void, (types.int64, types.uint64), _store(64))
load_int64 = operation(types.int64, (types.int64,), _load(64))
store_int64 = operation(types.void, (types.int64, types.int64), _store(64))


def _pointers(builder: Any, *addresses: Any) -> list[Any]:
    return [builder.inttoptr(address, POINTER) for address in addresses]


def _move(builder, target, source, size):  # type: ignore[no-untyped-def]
    move = llvm_function(builder, "llvm.memmove.p0.p0.i64", ir.VoidType(), POINTER, POINTER, LIMB, ir.IntType(1))
    builder.call(move, [*_pointers(builder, target, source), size, ir.IntType(1)(0)])


def _clear(builder, target, size):  # type: ignore[no-untyped-def]
    fill = llvm_function(builder, "llvm.memset.p0.i64", ir.VoidType(), POINTER, BYTE, LIMB, ir.IntType(1))
    builder.call(fill, [*_pointers(builder, target), BYTE(0), size, ir.IntType(1)(0)])


def _prefetch(builder, address):  # type: ignore[no-untyped-def]
    kinds = [ir.IntType(32)] * 3
    prefetch = llvm_function(builder, "llvm.prefetch.p0", ir.VoidType(), POINTER, *kinds)
    is_write, locality, is_data = 0, 3, 1
    flags = [kind(flag) for kind, flag in zip(kinds, (is_write, locality, is_data), strict=True)]
    builder.call(prefetch, [*_pointers(builder, address), *flags])


# copy_bytes(target, source, size): they may overlap. clear_bytes(target, size): zeros. Sizes are not negative.
copy_bytes = operation(types.void, (types.int64, types.int64, types.int64), _move)
clear_bytes = operation(types.void, (types.int64, types.int64), _clear)
# Ask for the cache line at an address, which need not be valid.
prefetch = operation(types.void, (types.int64,), _prefetch)


def scratch(size_bytes: int) -> Any:
    """
    A function for kernels: the address of `size_bytes` on the native stack of its caller, 16-byte aligned, undefined.

    One piece each place in the source that calls it, made on entry: a loop gets the same piece again.
    """

    def allocate(builder: Any) -> Any:
        with builder.goto_entry_block():
            block = builder.alloca(ir.ArrayType(BYTE, size_bytes))
            block.align = STACK_ALIGNMENT
        return builder.ptrtoint(block, LIMB)

    return operation(types.int64, (), allocate)


def foreign_call(result: Any, parameters: tuple[Any, ...]) -> Any:
    """
    A function for kernels that calls a C function by address: `call(function, *arguments)`.

    result, parameters : LLVM integer types of the C function; what kernels pass and get are int64

    The address comes in as data, so compiled code that is kept on disk names no address of one process.
    """

    def call(builder: Any, function: Any, *arguments: Any) -> Any:
        kind = ir.FunctionType(result, parameters)
        given = [
            argument if wanted.width == 64 else builder.trunc(argument, wanted)
            for argument, wanted in zip(arguments, parameters, strict=True)
        ]
        answer = builder.call(builder.inttoptr(function, kind.as_pointer()), given)
        return answer if result.width == 64 else builder.sext(answer, LIMB)

    return operation(types.int64, (types.int64,) * (len(parameters) + 1), call)
