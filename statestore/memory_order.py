"""
Fences between loads and stores.

On x86-64 a fence costs nothing at run time and keeps LLVM from reordering; elsewhere it is an instruction.
"""

from collections.abc import Callable
from typing import Any

from numba import types

from primitives.wide_integers import operation


def _fence(ordering: str) -> Callable[[], None]:
    def fence(builder: Any) -> None:
        builder.fence(ordering)

    made: Callable[[], None] = operation(types.void, (), fence)
    return made


# What was written before is visible no later than what is written after.
fence_release = _fence("release")
# What is read after is no older than what was read before.
fence_acquire = _fence("acquire")
