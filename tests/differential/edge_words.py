"""Words on which arithmetic goes wrong, and the shortest code that pushes them."""

from random import Random
from typing import Final

WORD_MAX: Final = (1 << 256) - 1
SIGN_BIT: Final = 1 << 255

PUSH0: Final = 0x5F


def push(value: int) -> bytes:
    """PUSH1 to PUSH32 of a number, as short as can be; never PUSH0, which forks before Shanghai lack."""
    size = (value.bit_length() + 7) // 8 or 1
    return bytes((PUSH0 + size,)) + value.to_bytes(size, "big")


def push_wide(value: int, size: int) -> bytes:
    """PUSH of `value` in `size` bytes."""
    return bytes((PUSH0 + size,)) + value.to_bytes(size, "big")


def _edges() -> list[int]:
    words = {0, 1, 2, 3, 5, 7, 8, 10, 16, 31, 32, 33, 255, 256, 257, 0xFFFF, 1 << 16, 0xDEADBEEF}
    for bits in (8, 31, 32, 63, 64, 65, 127, 128, 129, 160, 191, 192, 193, 254, 255):
        words |= {1 << bits, (1 << bits) - 1, (1 << bits) + 1, WORD_MAX - (1 << bits), WORD_MAX - (1 << bits) + 1}
    words |= {WORD_MAX, WORD_MAX - 1, SIGN_BIT, SIGN_BIT + 1, SIGN_BIT - 1}
    # Limbs that are all ones beside limbs that are zero: carries, borrows, and quotient digits that are guessed wrong.
    limb = (1 << 64) - 1
    words |= {limb << 64, limb << 128, limb << 192, limb << 192 | limb, (limb << 64 | limb) << 128}
    words |= {0x80 << 56, (0x80 << 56) << 64, int("55" * 32, 16), int("aa" * 32, 16), int("0123456789abcdef" * 4, 16)}
    return sorted(words)


EDGES: Final = _edges()
PUSHES: Final = [push(word) for word in EDGES]
SMALL_PUSHES: Final = [push(value) for value in range(512)]


def random_word(rng: Random) -> int:
    """An edge, or random bits of a random length."""
    if rng.random() < 0.6:
        return EDGES[int(rng.random() * len(EDGES))]
    return rng.getrandbits(1 + int(rng.random() * 256))


def random_push(rng: Random) -> bytes:
    """Code that pushes a random word."""
    chance = rng.random()
    if chance < 0.45:
        return PUSHES[int(chance / 0.45 * len(PUSHES))]
    if chance < 0.75:
        return SMALL_PUSHES[int((chance - 0.45) / 0.3 * 64)]
    size = 1 + int((chance - 0.75) / 0.25 * 32)
    return bytes((PUSH0 + size,)) + rng.randbytes(size)
