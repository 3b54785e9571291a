"""Fp and its tower: against Python's integers and py_ecc on edges and seeded random elements."""

import random
from itertools import pairwise, product

import numpy as np
from numba import njit
from py_ecc.fields import optimized_bn128_FQ2 as Slow2
from py_ecc.fields import optimized_bn128_FQ12 as Slow12

from evm_jit.precompiles.bn254 import field, tower
from evm_jit.precompiles.bn254.parameters import MODULUS, ORDER, signed_digits

LIMB_MASK = 2**64 - 1
EDGES = [0, 1, 2, MODULUS - 1, MODULUS - 2, MODULUS // 2, 2**64 - 1, 2**64, 2**192 - 1, 2**253, 2**256 % MODULUS]


def to_array(values) -> np.ndarray:
    return np.array([[value >> 64 * limb & LIMB_MASK for limb in range(4)] for value in values], dtype=np.uint64)


def to_integers(array: np.ndarray) -> list[int]:
    return [sum(int(limb) << 64 * index for index, limb in enumerate(row)) for row in array]


@njit
def read(words, row):
    """An element from words : uint64[n, 4]."""
    return field.from_word(field.read_word(words, row))


@njit
def field_operations(words, results):
    """Of words : uint64[2, 4]."""
    a, b = read(words, 0), read(words, 1)
    field.write_number(field.add(a, b), results, 0)
    field.write_number(field.subtract(a, b), results, 1)
    field.write_number(field.multiply(a, b), results, 2)
    field.write_number(field.negate(a), results, 3)
    field.write_number(field.invert(a), results, 4)
    return field.is_equal(a, b)


@njit
def read_12(words, row):
    """Twelve elements of words : uint64[n, 4], as a tuple of Fp12."""
    c0, c1 = (read(words, row), read(words, row + 1)), (read(words, row + 2), read(words, row + 3))
    c2, c3 = (read(words, row + 4), read(words, row + 5)), (read(words, row + 6), read(words, row + 7))
    c4, c5 = (read(words, row + 8), read(words, row + 9)), (read(words, row + 10), read(words, row + 11))
    return (c0, c2, c4), (c1, c3, c5)


@njit
def write_12(a, words, row):
    """A tuple of Fp12 to words : uint64[n, 4]."""
    (c0, c2, c4), (c1, c3, c5) = a
    for coefficient in (c0, c1, c2, c3, c4, c5):
        field.write_number(coefficient[0], words, row)
        field.write_number(coefficient[1], words, row + 1)
        row += 2


@njit
def tower_operations(words, results):
    """Of words : uint64[24, 4]."""
    a, b = read_12(words, 0), read_12(words, 12)
    write_12(tower.multiply_12(a, b), results, 0)
    write_12(tower.square_12(a), results, 12)
    write_12(tower.invert_12(a), results, 24)
    write_12(tower.frobenius_12(a), results, 36)
    write_12(tower.frobenius_squared_12(a), results, 48)
    write_12(tower.conjugate_12(a), results, 60)
    line = b[0][0], b[1][0], b[1][1]
    write_12(tower.multiply_12_by_line(a, *line), results, 72)
    return tower.is_one_12(a)


def slow_12(coefficients: list[int]) -> Slow12:
    """py_ecc has Fp[w] / (w^12 - 18 w^6 + 82): i = w^6 - 9."""
    values = [0] * 12
    for power in range(6):
        real, imaginary = coefficients[2 * power : 2 * power + 2]
        values[power], values[power + 6] = (real - 9 * imaginary) % MODULUS, imaginary
    return Slow12(values)


def assert_field_operations(a: int, b: int) -> None:
    results = np.zeros((5, 4), dtype=np.uint64)
    is_same = field_operations(to_array([a, b]), results)
    inverse = pow(a, -1, MODULUS) if a else 0
    assert to_integers(results) == [
        *((a + b) % MODULUS, (a - b) % MODULUS, a * b % MODULUS, -a % MODULUS, inverse),
    ], (a, b)
    assert is_same == (a == b)


def test_the_field_is_that_of_pythons_integers_at_its_edges():
    for a, b in product(EDGES, EDGES):
        assert_field_operations(a, b)


def test_the_field_is_that_of_pythons_integers_on_random_elements():
    generator = random.Random(254)
    for _ in range(300):
        assert_field_operations(generator.randrange(MODULUS), generator.randrange(MODULUS))


def test_words_of_any_size_are_compared_with_the_modulus():
    @njit
    def is_below(words):
        """Of words : uint64[1, 4]."""
        return field.is_less(field.read_word(words, 0), field.MODULUS_WORD)

    assert [bool(is_below(to_array([value]))) for value in (0, MODULUS - 1, MODULUS, MODULUS + 1, 2**256 - 1)] == [
        *(True, True, False, False, False)
    ]


def test_the_tower_is_py_eccs():
    generator = random.Random(12)
    pairs = [[generator.choice(EDGES) for _ in range(24)] for _ in range(6)]
    pairs += [[generator.randrange(MODULUS) for _ in range(24)] for _ in range(6)]
    pairs += [[1] + [0] * 23]
    for values in pairs:
        results = np.zeros((84, 4), dtype=np.uint64)
        is_one = tower_operations(to_array(values), results)
        numbers = to_integers(results)
        got = [slow_12(numbers[start : start + 12]) for start in range(0, 84, 12)]
        a, b = slow_12(values[:12]), slow_12(values[12:])
        assert got[0] == a * b
        assert got[1] == a * a
        assert got[2] * a == Slow12.one()
        line = slow_12(values[12:16] + [0, 0] + values[18:20] + [0] * 4)
        assert got[6] == a * line
        assert is_one == (a == Slow12.one())
        assert got[3] == a**MODULUS
        assert got[4] == frobenius(got[3])
        assert got[5] == frobenius(frobenius(frobenius(frobenius(got[4]))))


def frobenius(a: Slow12) -> Slow12:
    return a**MODULUS


def test_signed_digits_are_the_number_and_no_two_neighbours_count():
    for value in (1, 2, 3, 7, ORDER, 2**127 - 1):
        digits = signed_digits(value)
        assert sum(digit * 2**power for power, digit in enumerate(reversed(digits))) == value
        assert not any(first and second for first, second in pairwise(digits))


def test_xi_has_neither_a_square_nor_a_cube_root():
    """Which makes the tower one of fields."""
    xi = Slow2((9, 1))
    assert xi ** ((MODULUS**2 - 1) // 2) != Slow2.one()
    assert xi ** ((MODULUS**2 - 1) // 3) != Slow2.one()
