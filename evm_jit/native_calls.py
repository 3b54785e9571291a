"""
Compiled code as Python calls it: C functions by address, which run without Python's lock.

Compiled once, or loaded from the disk cache if no source changed.
"""

# mypy: allow-untyped-defs, allow-untyped-calls

import ctypes
from collections.abc import Callable
from functools import cache
from threading import Lock
from typing import Any, Final, NamedTuple

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


ENTRIES: Final[dict[str, tuple[Callable[..., int], int]]] = {"decode_batch": (decode, 5), "execute_batch": (execute, 5)}

_lock = Lock()
_entries: Final[dict[str, Any]] = {}


def compile_entry(name: str) -> Callable[..., int]:
    """One of ENTRIES, compiled or loaded from the disk cache by the first call of the process."""
    with _lock:
        if name not in _entries:
            function, parameter_count = ENTRIES[name]
            compiled, address = compile_function(function, INT(*[INT] * parameter_count))
            prototype = ctypes.CFUNCTYPE(ctypes.c_int64, *[ctypes.c_int64] * parameter_count)
            called: Any = prototype(address)
            called.compiled = compiled  # Keeps the machine code.
            _entries[name] = called
        return _entries[name]  # type: ignore[no-any-return]


class Calls(NamedTuple):
    """The functions, compiled."""

    execute_batch: Callable[..., int]
    decode_batch: Callable[..., int]


@cache
def compile_calls() -> Calls:
    """All of them, and the precompiled contracts that they call by address."""
    precompile_functions()
    return Calls(**{name: compile_entry(name) for name in ENTRIES})
