"""Jump destinations against the naive twin: every PUSH at every place of a block, and random code."""

import random

import numpy as np
import pytest

from primitives.compiled_calls import INT, POINTER, compile_call
from statestore.jump_destinations import bitmap_size, mark_jump_destinations
from tests.naive.jump_destinations import jump_destinations

GUARD = 0xA5


def mark(code, size, bitmap):  # type: ignore[no-untyped-def]
    mark_jump_destinations(code, size, bitmap)
    return bitmap_size(size)


@pytest.fixture(scope="module")
def marked():  # type: ignore[no-untyped-def]
    kernel = compile_call(mark, POINTER, INT, POINTER, holds_lock=True)

    def marked(code: bytes) -> set[int]:
        """The positions marked; what lies behind the code is JUMPDESTs, which must not matter."""
        size_bytes = (len(code) + 63) // 64 * 8
        bitmap = np.full(size_bytes + 8, GUARD, np.uint8)
        assert kernel(code + b"\x5b" * 64, len(code), bitmap.ctypes.data) == size_bytes
        assert (bitmap[size_bytes:] == GUARD).all()
        return set(np.flatnonzero(np.unpackbits(bitmap[:size_bytes], bitorder="little")).tolist())

    return marked


@pytest.mark.parametrize("opcode", range(256))
def test_only_jumpdest_is_one_and_only_a_push_has_data(marked, opcode):  # type: ignore[no-untyped-def]
    for before in (*range(3), *range(28, 68)):
        code = b"\x00" * before + bytes([opcode]) + b"\x5b" * 70
        assert marked(code) == jump_destinations(code)


@pytest.mark.parametrize("opcode", [0x00, 0x5B, 0x5F, 0x60, 0x61, 0x7E, 0x7F, 0x80, 0xFF])
def test_code_of_one_byte_again_and_again(marked, opcode):  # type: ignore[no-untyped-def]
    for size in (*range(200), 24_576):
        code = bytes([opcode]) * size
        assert marked(code) == jump_destinations(code)


def test_data_may_end_at_the_end_or_behind_it(marked):  # type: ignore[no-untyped-def]
    for start in range(130):
        for present in range(34):
            code = b"\x5b" * start + b"\x7f" + b"\x5b" * present
            assert marked(code) == {*range(start)} | ({start + 33} if present == 33 else set())


@pytest.mark.parametrize("seed", range(4))
def test_random_code(marked, seed):  # type: ignore[no-untyped-def]
    rng = random.Random(seed)
    for _ in range(500):
        opcodes = rng.choice([range(256), (0x5B, 0x60), (0x5B, *range(0x5E, 0x82)), (0x5B, 0x7F, 0x00)])
        code = bytes(rng.choices(opcodes, k=rng.randrange(400)))
        assert marked(code) == jump_destinations(code)
