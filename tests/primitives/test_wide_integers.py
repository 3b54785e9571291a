"""Constants of kernels, and zeros at the end of a number."""

import numpy as np

from primitives.kernels_cache import njit
from primitives.u256 import load_limbs, store_limbs
from primitives.wide_integers import U64, Constant, trailing_zeros, u64, u256

LARGE = Constant(2**255 + 2**130 + 7)
PAIR = (Constant(2**64 - 1, U64), Constant(3))


@njit
def constants(words):
    """Into words : uint64[3, 4]."""
    store_limbs(words.ctypes.data, LARGE)
    store_limbs(words.ctypes.data + 32, u256(PAIR[0]))
    store_limbs(words.ctypes.data + 64, LARGE + PAIR[1])


@njit
def zeros(words):
    """Of words : uint64[1, 4]: at the end of all bits, and of the lowest 64."""
    word = load_limbs(words.ctypes.data)
    return trailing_zeros(word), trailing_zeros(u64(word))


def limbs(value: int) -> list[int]:
    return [value >> 64 * limb & (2**64 - 1) for limb in range(4)]


def test_a_constant_is_its_number_alone_and_in_a_tuple():
    words = np.zeros((3, 4), dtype=np.uint64)
    constants(words)
    assert words.tolist() == [limbs(LARGE.value), limbs(2**64 - 1), limbs(LARGE.value + 3)]


def test_trailing_zeros_are_counted_up_to_the_width():
    for bits in (0, 1, 63, 64, 65, 128, 255):
        assert zeros(np.array([limbs(1 << bits)], dtype=np.uint64)) == (bits, min(bits, 64))
    assert zeros(np.zeros((1, 4), dtype=np.uint64)) == (256, 64)
