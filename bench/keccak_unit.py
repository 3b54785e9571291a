"""
The unit that figures of a noisy machine are also given in: one scalar permutation keccak-f[1600].

Execution and permutations slow down together when others use the machine, so their ratio tells more than either time.
"""

# mypy: allow-untyped-defs, allow-untyped-calls

import time
from typing import Final

from primitives.keccak_kernels import fresh_state, permute
from primitives.kernels_cache import njit_without_lock
from primitives.memory import load_byte

PERMUTATIONS: Final = 40_000  # About 10 ms.


@njit_without_lock
def permute_often(count):
    """Permute a state `count` times, each the result of the one before. count : int64 scalar. Returns a byte of it."""
    state = fresh_state()
    for _ in range(count):
        permute(state)
    return load_byte(state)


def permutation_ns() -> float:
    """Nanoseconds of this thread for one permutation, now."""
    began = time.thread_time_ns()
    permute_often(PERMUTATIONS)
    return (time.thread_time_ns() - began) / PERMUTATIONS
