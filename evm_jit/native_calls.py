"""
Compiled code as Python calls it: C functions by address, which run without Python's lock.

Compiled once, or loaded from the disk cache if no source changed.
"""

# mypy: allow-untyped-defs, allow-untyped-calls

import ctypes
from collections.abc import Callable
from threading import Lock

from numba import types

from evm_jit.batch import execute_batch
from evm_jit.precompiles.native import precompile_functions
from primitives.kernels_cache import compile_function
from primitives.transaction_kernels import decode_many

INT = types.int64


def execute(machine, transactions, results, count, resumed):
    """`batch.execute_batch`."""
    return execute_batch(machine, transactions, results, count, resumed)


def decode(raw, starts, count, records, signing):
    """`transaction_kernels.decode_many`."""
    return decode_many(raw, starts, count, records, signing)


class Calls:
    """The functions, compiled."""

    execute_batch: Callable[..., int]
    decode_batch: Callable[..., int]

    def __init__(self, progress: Callable[[str, int, int], None]) -> None:
        self._compiled = []  # Keeps the machine code.
        entries = (("decode_batch", decode, 5), ("execute_batch", execute, 5))
        progress("precompile_functions", 0, 1 + len(entries))
        precompile_functions()
        for done, (name, function, parameter_count) in enumerate(entries, start=1):
            progress(name, done, 1 + len(entries))
            compiled, address = compile_function(function, INT(*[INT] * parameter_count))
            self._compiled.append(compiled)
            prototype = ctypes.CFUNCTYPE(ctypes.c_int64, *[ctypes.c_int64] * parameter_count)
            setattr(self, name, prototype(address))
        progress("", 1 + len(entries), 1 + len(entries))


_lock = Lock()
_calls: list[Calls] = []


def compile_calls(progress: Callable[[str, int, int], None] = lambda name, done, count: None) -> Calls:
    """
    The compiled functions, compiled or loaded from the disk cache by the first call of the process.

    progress : called with the name of the function that comes next, how many are done, and how many there are
    """
    with _lock:
        if not _calls:
            _calls.append(Calls(progress))
        return _calls[0]
