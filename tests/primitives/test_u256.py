"""Every operation on words equals its naive twin, on the edges of limbs and on seeded random words."""

import random
from itertools import product

import numpy as np
import pytest

from primitives.kernels_cache import njit
from primitives.u256 import (
    arithmetic_shift_right,
    at_most,
    byte_at,
    from_limbs,
    is_negative,
    load_big_endian,
    load_limbs,
    sign_extend,
    signed_less,
    store_big_endian,
    store_limbs,
    to_limbs,
)
from primitives.u256_division import (
    add_modulo,
    divide,
    divide_limbs,
    divide_limbs_by_reciprocal,
    multiply_modulo,
    power,
    signed_quotient,
    signed_remainder,
)
from primitives.wide_integers import leading_zeros, low_int64, u64, u256
from tests.naive.u256 import MODULUS, OPERATIONS

SEED = 20_260_701
RANDOM_COUNT = 20_000
POWER_COUNT = 2_000
LIMB = 2**64 - 1
EDGES = sorted(
    {
        (sign * (1 << bits) + offset) % MODULUS
        for bits in (0, 63, 64, 128, 192, 255)
        for offset in (-1, 0, 1)
        for sign in (1, -1)
    }
    | {0, 1, 2, 3, 7, 31, 32, 248, 255, 256, 257, LIMB << 64, LIMB << 128, LIMB << 192, MODULUS - 2, MODULUS - 1}
)
SMALL_FIRST = {"shift left", "shift right", "arithmetic shift right", "byte", "sign extend"}
NUMBER = {name: number for number, name in enumerate(OPERATIONS)}
LIMIT = 1 << 62


@njit
def cheap(number, x, y):
    """A U256: the operation of a number (int64) on two, x and y, if it is none of the division's."""
    if number == 0:
        return x + y
    if number == 1:
        return x - y
    if number == 2:
        return x * y
    if number == 3:
        return x & y
    if number == 4:
        return x | y
    if number == 5:
        return x ^ y
    if number == 6:
        return ~x
    if number == 7:
        return -x
    if number == 8:
        return u256(x < y)
    if number == 9:
        return u256(x <= y)
    if number == 10:
        return u256(x > y)
    if number == 11:
        return u256(x >= y)
    if number == 12:
        return u256(x == y)
    if number == 13:
        return u256(x != y)
    if number == 14:
        return u256(signed_less(x, y))
    if number == 15:
        return u256(not x)
    if number == 16:
        return y << x
    if number == 17:
        return y >> x
    if number == 18:
        return arithmetic_shift_right(y, x)
    if number == 19:
        return byte_at(x, y)
    if number == 20:
        return sign_extend(x, y)
    return u256(leading_zeros(x))


@njit
def operate(numbers, words, results):
    """
    Carry out one operation on every row.

    numbers : int64[1]          the operation, by its place in OPERATIONS
    words : uint64[n, 3, 4]
    results : uint64[n, 4]      written
    """
    number = numbers[0]
    for row in range(len(words)):
        x = from_limbs((words[row, 0, 0], words[row, 0, 1], words[row, 0, 2], words[row, 0, 3]))
        y = load_limbs(words.ctypes.data + 96 * row + 32)
        z = load_limbs(words.ctypes.data + 96 * row + 64)
        if number <= 21:
            result = cheap(number, x, y)
        elif number == 22:
            store_big_endian(results.ctypes.data + 32 * row, x)
            result = load_limbs(results.ctypes.data + 32 * row)
            if load_big_endian(results.ctypes.data + 32 * row) != x:
                result = ~result
        elif number == 23:
            result = u256(at_most(x, LIMIT))
        elif number == 24:
            result = u256(low_int64(x))
        elif number == 25:
            result = divide(x, y)[0]
        elif number == 26:
            result = divide(x, y)[1]
        elif number == 27:
            result = signed_quotient(x, y)
        elif number == 28:
            result = signed_remainder(x, y)
        elif number == 29:
            result = add_modulo(x, y, z)
        elif number == 30:
            result = multiply_modulo(x, y, z)
        else:
            result = power(x, y)
        if row % 2 == 0:
            store_limbs(results.ctypes.data + 32 * row, result)
        else:
            for limb, value in enumerate(to_limbs(result)):
                results[row, limb] = value


def random_word(source: random.Random) -> int:
    kind = source.random()
    if kind < 0.15:
        return source.choice(EDGES)
    if kind < 0.35:  # Limbs of ones and zeros: digits that are estimated one too big.
        return sum(source.choice([0, 1, LIMB, LIMB - 1, 1 << 63, source.getrandbits(64)]) << 64 * i for i in range(4))
    return source.getrandbits(source.randint(1, 256))


def cases(name: str) -> list[tuple[int, int, int]]:
    """All pairs of edges, then random words, from a seed of the operation's own."""
    source = random.Random(f"{SEED} {name}")
    found = [(x, y, source.choice(EDGES)) for x, y in product(EDGES, EDGES)]
    for number in range(POWER_COUNT if name == "power" else RANDOM_COUNT):
        x, y, z = (random_word(source) for _ in range(3))
        if name in SMALL_FIRST and number % 2:
            x = source.randint(0, 300)
        if "divide" in name or "remainder" in name:
            # Rests at both ends: a multiple of the divisor, give or take one.
            x = source.choice([x, ((x >> source.randint(0, 255)) * y + source.choice([0, -1, 1, y - 1])) % MODULUS])
        found.append((x, y, z))
    return found


def results_of(name: str, rows: list[tuple[int, int, int]]) -> list[int]:
    raw = b"".join(word.to_bytes(32, "little") for row in rows for word in row)
    words = np.frombuffer(raw, dtype=np.uint64).reshape(-1, 3, 4).copy()
    results = np.zeros((len(rows), 4), dtype=np.uint64)
    operate(np.array([NUMBER[name]]), words, results)
    return [int.from_bytes(result.tobytes(), "little") for result in results]


@pytest.mark.parametrize("name", OPERATIONS)
def test_an_operation_equals_its_naive_twin(name: str) -> None:
    rows = cases(name)
    wrong = [
        (row, found, expected)
        for row, found in zip(rows, results_of(name, rows), strict=True)
        if found != (expected := OPERATIONS[name](*row))
    ]
    assert [tuple(map(hex, (*row, found, expected))) for row, found, expected in wrong[:3]] == []


@njit
def mixed(word, number, limbs):
    """
    Operators with integers beside a word.

    word : uint64    made a word
    number : int64   below 0
    limbs : uint64[4, 4], written
    """
    x = u256(word)
    limbs[0] = np.array(to_limbs(x + 1))
    limbs[1] = np.array(to_limbs(x + number))
    limbs[2] = np.array(to_limbs((x << 64) | word))
    limbs[3] = np.array(
        to_limbs(u256(is_negative(u256(number))) + u256(x == word) + u256(x << 256) + u256(x >> number))
    )


def test_an_integer_beside_a_word_is_extended_by_its_sign() -> None:
    limbs = np.zeros((4, 4), dtype=np.uint64)
    mixed(np.uint64(LIMB), -5, limbs)
    words = [int.from_bytes(row.tobytes(), "little") for row in limbs]
    assert words == [LIMB + 1, LIMB - 5, (LIMB << 64) | LIMB, 2]


def test_sums_and_products_modulo_numbers_of_every_length() -> None:
    """Around each power of two as modulus: operands around it, multiples of it, and the largest words."""
    source = random.Random(SEED)
    rows = []
    for bits in range(257):
        for modulus in {max((1 << bits) + offset, 0) % MODULUS for offset in (-1, 0, 1)}:
            near = [(modulus + offset) % MODULUS for offset in (-1, 0, 1)]
            near += [(modulus * source.getrandbits(256 - bits) + offset) % MODULUS for offset in (-1, 0, 1)]
            near += [MODULUS - 1, MODULUS - 2, 1 << 255]
            rows += [(x, y, modulus) for x in near for y in near]
    for name in ("add modulo", "multiply modulo"):
        for row, found in zip(rows, results_of(name, rows), strict=True):
            assert found == OPERATIONS[name](*row), (name, *map(hex, row))


def test_quotients_and_rests_by_divisors_of_every_length() -> None:
    source = random.Random(SEED)
    rows = []
    for bits in range(257):
        for divisor in {max((1 << bits) + offset, 0) % MODULUS for offset in (-1, 0, 1)} | {
            source.getrandbits(256) >> (256 - bits)
        }:
            multiple = divisor * source.getrandbits(256 - bits)
            dividends = [MODULUS - 1, divisor, 1 << 255, *(multiple + offset for offset in (-1, 0, 1))]
            rows += [(dividend % MODULUS, divisor, 0) for dividend in dividends]
    for name in ("divide", "remainder", "signed divide", "signed remainder"):
        for row, found in zip(rows, results_of(name, rows), strict=True):
            assert found == OPERATIONS[name](*row), (name, *map(hex, row))


@njit
def divide_two_limbs(rows, results):
    """
    Both ways to divide two limbs by one.

    rows : uint64[n, 3]      high, low, divisor
    results : uint64[n, 4]   written: quotient and rest by the processor's instruction, then by a reciprocal
    """
    for row in range(len(rows)):
        high, low, divisor = u64(rows[row, 0]), u64(rows[row, 1]), u64(rows[row, 2])
        quotient, rest = divide_limbs(high, low, divisor)
        results[row, 0], results[row, 1] = to_limbs(u256(quotient))[0], to_limbs(u256(rest))[0]
        quotient, rest = divide_limbs_by_reciprocal(high, low, divisor)
        results[row, 2], results[row, 3] = to_limbs(u256(quotient))[0], to_limbs(u256(rest))[0]


def test_two_limbs_are_divided_alike_with_and_without_the_instruction() -> None:
    source = random.Random(SEED)
    rows = []
    for bits in range(64):
        for divisor in (1 << bits, (2 << bits) - 1, source.getrandbits(bits) | 1 << bits):
            highs = (0, divisor - 1, source.randrange(divisor), divisor // 2)
            rows += [(high, low, divisor) for high in highs for low in (0, LIMB, source.getrandbits(64), divisor)]
    words, results = np.array(rows, dtype=np.uint64), np.zeros((len(rows), 4), dtype=np.uint64)
    divide_two_limbs(words, results)
    for (high, low, divisor), found in zip(rows, results.tolist(), strict=True):
        assert found == [*divmod(high << 64 | low, divisor)] * 2, (high, low, divisor)
