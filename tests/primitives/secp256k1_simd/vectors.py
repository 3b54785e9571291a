"""Generated routines as functions of Python's integers: what tests compare with."""

import ctypes
import itertools
import random
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest

from primitives.secp256k1_simd.field import NUMBER_SIZE_BYTES, STORED_TOP_MAX
from primitives.secp256k1_simd.ir_writer import DECLARATIONS, LANES, Function
from primitives.secp256k1_simd.limbs import LIMB_BITS, LIMB_COUNT, LIMB_MAX, TOP_MAX
from primitives.secp256k1_simd.machine_code import aligned, compiled, is_supported, linked

needs_ifma = pytest.mark.skipif(not is_supported(), reason="this processor has no AVX-512 IFMA")

GROUPS = 2
NUMBERS_IN_UNIT = GROUPS * LANES
UNIT_SIZE_BYTES = GROUPS * NUMBER_SIZE_BYTES
NAMES = (f"tested{number}" for number in itertools.count())
Limbs = tuple[int, ...]

# Writes code that reads numbers at some pointers (one for each argument) and writes at others (one for each result).
Emit = Callable[[Function, list[str], list[str]], None]


def value_of(limbs: Sequence[int]) -> int:
    return sum(limb << (LIMB_BITS * index) for index, limb in enumerate(limbs))


def limbs_at_the_limits(top_max: int, count: int, seed: int) -> list[Limbs]:
    """Numbers of five limbs whose limbs are at their limits, all together and one by one, and random ones."""
    source = random.Random(seed)
    lower, tops = (0, 1, LIMB_MAX - 1, LIMB_MAX), (0, 1, TOP_MAX, min(TOP_MAX + 1, top_max), top_max - 1, top_max)
    found = [(low,) * 4 + (top,) for low in lower for top in tops]
    while len(found) < count:
        limbs = [source.choice((*lower, source.randrange(LIMB_MAX + 1))) for _ in range(4)]
        found.append((*limbs, source.choice((*tops, source.randrange(top_max + 1)))))
    return found


def limbs_of_numbers(values: Sequence[int]) -> list[Limbs]:
    return [(*(value >> (LIMB_BITS * i) & LIMB_MAX for i in range(4)), value >> (4 * LIMB_BITS)) for value in values]


def stored(numbers: Sequence[Limbs], *, garbage: bool) -> Any:
    """uint64[units, GROUPS, 5, 8] on a cache line; garbage fills the upper bits of limbs that may be raw."""
    assert len(numbers) % NUMBERS_IN_UNIT == 0
    limbs = np.array(numbers, np.uint64).reshape(-1, GROUPS, LANES, LIMB_COUNT).transpose(0, 1, 3, 2)
    if garbage:
        upper = np.random.default_rng(1).integers(0, 2**12, limbs.shape, dtype=np.uint64) << np.uint64(LIMB_BITS)
        upper[:, :, LIMB_COUNT - 1] = 0
        limbs = limbs | upper
    place = aligned(limbs.nbytes).view(np.uint64).reshape(limbs.shape)
    place[:] = limbs
    return place


def run(emit: Emit, result_count: int, *arguments: Any, text: str = "") -> list[Any]:
    """
    Compile what `emit` writes, a unit of numbers at a time, and run it on arrays that `stored` made.

    text : other functions of the module
    """
    name = next(NAMES)
    given = ", ".join(f"ptr %a{index}" for index in range(len(arguments)))
    taken = ", ".join(f"ptr %r{index}" for index in range(result_count))
    f = Function(name, f"{given}, {taken}, i64 %count", is_exported=True)
    with f.loop("%count") as loop:
        sources, targets = (
            [f.row(f"%{letter}{index}", loop.index, UNIT_SIZE_BYTES) for index in range(count)]
            for letter, count in (("a", len(arguments)), ("r", result_count))
        )
        emit(f, sources, targets)
    keeps, (address,) = linked(compiled(DECLARATIONS + text + f.text("%count")), name, (name,))
    shape = arguments[0].shape
    results = [aligned(arguments[0].nbytes).view(np.uint64).reshape(shape) for _ in range(result_count)]
    kinds = [ctypes.c_void_p] * (len(arguments) + result_count)
    call = ctypes.CFUNCTYPE(ctypes.c_int64, *kinds, ctypes.c_int64)(address)
    call(*(array.ctypes.data for array in (*arguments, *results)), len(arguments[0]))
    assert keeps
    return results


def numbers_in(array: Any, *, top_max: int = STORED_TOP_MAX) -> list[int]:
    """The values of what was stored; the uppermost limb is within its bound."""
    limbs = array.transpose(0, 1, 3, 2).reshape(-1, LIMB_COUNT)
    assert int(limbs[:, -1].max()) <= top_max
    return [value_of([*(int(limb) & LIMB_MAX for limb in row[:-1]), int(row[-1])]) for row in limbs]


def words_in(array: Any, count: int) -> list[int]:
    """Of each number the value of its first words of 64 bits, which were stored like limbs."""
    words = array.transpose(0, 1, 3, 2).reshape(-1, LIMB_COUNT)
    return [sum(int(word) << (64 * index) for index, word in enumerate(row[:count])) for row in words]
