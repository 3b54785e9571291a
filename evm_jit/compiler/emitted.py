"""What the compiler makes of a code, for people: `leveret run --engine compiled --emit ir|asm|stats`."""

import time
from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import Final

from evm_jit.compiler.loading import load_object
from evm_jit.compiler.object_code import HOT, QUICK, emit_assembly
from evm_jit.compiler.pipeline import compile_code, translate_code
from primitives.forks import Fork

TIERS: Final[Mapping[str, int]] = {"compiled": QUICK, "compiled-hot": HOT}  # Of the engines that compile all code.


def _ir(code: bytes, fork: Fork, tier: int) -> str:
    """The IR as it is written, before LLVM's passes."""
    return translate_code(code, fork, tier).text


def _assembly(code: bytes, fork: Fork, tier: int) -> str:
    """The machine code."""
    return emit_assembly(translate_code(code, fork, tier).text, tier)


def _stats(code: bytes, fork: Fork, tier: int) -> str:
    """What a compilation takes and gives."""
    compiled = compile_code(code, fork, tier)
    figures = asdict(compiled.stats) | {"load_ns": _load_ns(compiled.object_bytes)}
    return "\n".join(f"{name.replace('_', ' '):20}{value:>14,}" for name, value in figures.items())


def _load_ns(object_bytes: bytes) -> int:
    """What it takes to link an object when it is not the first one; of this thread's processor."""
    load_object(object_bytes)
    began = time.thread_time_ns()
    load_object(object_bytes)
    return time.thread_time_ns() - began


EMITTED: Final[Mapping[str, Callable[[bytes, Fork, int], str]]] = {"ir": _ir, "asm": _assembly, "stats": _stats}
