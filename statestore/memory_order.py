"""
What kernels need beneath Numba's arrays: fences between loads and stores, and memory at an address.

On x86-64 a fence costs nothing at run time and keeps LLVM from reordering; elsewhere it is an instruction.
"""

from collections.abc import Callable
from typing import Any, cast

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

Emitter = Callable[[Any, ir.IRBuilder, Any, Any], Any]


def _fence(ordering: str) -> Callable[[], None]:
    def fence(typing_context: Any) -> tuple[Any, Emitter]:
        def emit(context: Any, builder: ir.IRBuilder, signature: Any, arguments: Any) -> Any:
            builder.fence(ordering)
            return context.get_dummy_value()

        return types.void(), emit

    return cast(Callable[[], None], intrinsic(fence))


# What was written before is visible no later than what is written after.
fence_release = _fence("release")
# What is read after is no older than what was read before.
fence_acquire = _fence("acquire")


def _pointer_at(typing_context: Any, address: Any) -> tuple[Any, Emitter]:
    def emit(context: Any, builder: ir.IRBuilder, signature: Any, arguments: Any) -> Any:
        return builder.inttoptr(arguments[0], cgutils.voidptr_t)

    return types.voidptr(types.int64), emit


# The memory at an address, for `carray`.
pointer_at = cast(Callable[[int], Any], intrinsic(_pointer_at))
