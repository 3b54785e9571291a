"""
Object code becomes code that can be called.

Objects name what they call; the addresses are filled in here, so that an object can be kept on disk and mean the same
in the next process.
"""

# mypy: allow-untyped-calls

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from itertools import count
from typing import Any

import llvmlite.binding as llvm
from numba import types

from evm_jit.compiler.builtins import compile_builtins
from evm_jit.compiler.object_code import CODE_LEVELS, QUICK, target_machine
from evm_jit.compiler.ways_in import ENTRY
from evm_jit.tiers import LEFT
from primitives.kernels_cache import compile_function

_numbers = count()


@dataclass(frozen=True)
class LoadedCode:
    """The address of the entry function; valid while this object lives, which must be longer than any frame in it."""

    address: int
    library: Any


@cache
def _linker() -> Any:
    return llvm.create_lljit_compiler(target_machine(CODE_LEVELS[QUICK]), use_jit_link=True)


@cache
def _leave() -> tuple[Any, int]:
    def leave(machine, frame):  # type: ignore[no-untyped-def]
        return LEFT

    return compile_function(leave, types.int64(types.int64, types.int64))


def interpreter_entry() -> int:
    """What can be entered in place of compiled code, and leaves at once."""
    return _leave()[1]


def link(object_bytes: bytes, symbols: Iterable[str]) -> Any:
    """Link an object of ours with the builtins: a library whose items are the addresses of its `symbols`."""
    builder = llvm.JITLibraryBuilder().add_object_img(object_bytes).add_current_process()
    for symbol, (_, address) in compile_builtins().items():
        builder.import_symbol(symbol, address)
    for symbol in symbols:
        builder.export_symbol(symbol)
    return builder.link(_linker(), f"contract-{next(_numbers)}")


def load_object(object_bytes: bytes) -> LoadedCode:
    """What the object of one contract becomes."""
    library = link(object_bytes, (ENTRY,))
    return LoadedCode(library[ENTRY], library)
