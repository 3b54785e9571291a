"""
Kernels as Python calls them: C functions by address.

A call through Numba's dispatcher takes longer than most of the work that is asked for; one through `ctypes` takes
0.3 us, and can leave Python's lock to others meanwhile.
"""

import ctypes
from collections.abc import Callable
from typing import Any, Final

from numba import types

from primitives.kernels_cache import compile_function

# What Python passes; kernels get a pointer as its address.
POINTER, INT, NONCE = ctypes.c_void_p, ctypes.c_int64, ctypes.c_uint64

_KINDS: Final = {POINTER: types.int64, INT: types.int64, NONCE: types.uint64}


def compile_call(function: Callable[..., int], *parameters: Any, holds_lock: bool = False) -> Callable[..., int]:
    """
    A C function that Python can call, compiled or loaded from the disk cache; it returns int64.

    parameters : each POINTER, INT or NONCE
    holds_lock : for what takes less than a microsecond: to give Python's lock up would hand the processor to another
        thread

    What is returned keeps the machine code.
    """
    compiled, address = compile_function(function, types.int64(*[_KINDS[parameter] for parameter in parameters]))
    prototype = (ctypes.PYFUNCTYPE if holds_lock else ctypes.CFUNCTYPE)(INT, *parameters)
    called: Any = prototype(address)
    called.compiled = compiled
    return called  # type: ignore[no-any-return]
