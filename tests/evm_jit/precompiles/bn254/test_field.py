"""Fp and its tower: against Python's integers and py_ecc on edges and seeded random elements."""

import random
from itertools import pairwise, product

import numpy as np
from numba import njit
from py_ecc.fields import optimized_bn128_FQ2 as Slow2
from py_ecc.fields import optimized_bn128_FQ12 as Slow12

from evm_jit.precompiles.bn254 import field, tower
from evm_jit.precompiles.bn254.parameters import MODULUS, ORDER, signed_digits
from primitives.u256 import load_big_endian

EDGES = [0, 1, 2, MODULUS - 1, MODULUS - 2, MODULUS // 2, 2**64 - 1, 2**64, 2**192 - 1, 2**253, 2**256 % MODULUS]


def to_array(values) -> np.ndarray:
    return np.frombuffer(b"".join(value.to_bytes(32, "big") for value in values), dtype=np.uint8)


def to_integers(array: np.ndarray) -> list[int]:
    return [int.from_bytes(row.tobytes(), "big") for row in array]


@njit
def read(address, index):
    """An element from the words at an address (int64)."""
    return field.from_word(load_big_endian(address + 32 * index))


@njit
def field_operations(words, results):
    """Of words : uint8[64], into results : uint8[5, 32]."""
    a, b = read(words.ctypes.data, 0), read(words.ctypes.data, 1)
    into = results.ctypes.data
    field.store_number(field.add(a, b), into)
    field.store_number(field.subtract(a, b), into + 32 * 1)
    field.store_number(field.multiply(a, b), into + 32 * 2)
    field.store_number(field.negate(a), into + 32 * 3)
    field.store_number(field.invert(a), into + 32 * 4)
    return a == b


@njit
def read_12(words, row):
    """Twelve elements from the words at an address (int64), as a tuple of Fp12."""
    c0, c1 = (read(words, row), read(words, row + 1)), (read(words, row + 2), read(words, row + 3))
    c2, c3 = (read(words, row + 4), read(words, row + 5)), (read(words, row + 6), read(words, row + 7))
    c4, c5 = (read(words, row + 8), read(words, row + 9)), (read(words, row + 10), read(words, row + 11))
    return (c0, c2, c4), (c1, c3, c5)


@njit
def write_12(a, words, row):
    """A tuple of Fp12 to the words at an address (int64)."""
    (c0, c2, c4), (c1, c3, c5) = a
    for coefficient in (c0, c1, c2, c3, c4, c5):
        field.store_number(coefficient[0], words + 32 * row)
        field.store_number(coefficient[1], words + 32 * (row + 1))
        row += 2


@njit
def tower_operations(words, results):
    """Of words : uint8[24 * 32], into results : uint8[84, 32]."""
    a, b = read_12(words.ctypes.data, 0), read_12(words.ctypes.data, 12)
    into = results.ctypes.data
    write_12(tower.multiply_12(a, b), into, 0)
    write_12(tower.square_12(a), into, 12)
    write_12(tower.invert_12(a), into, 24)
    write_12(tower.frobenius_12(a), into, 36)
    write_12(tower.frobenius_squared_12(a), into, 48)
    write_12(tower.conjugate_12(a), into, 60)
    line = b[0][0], b[1][0], b[1][1]
    write_12(tower.multiply_12_by_line(a, *line), into, 72)
    return tower.is_one_12(a)


def slow_12(coefficients: list[int]) -> Slow12:
    """py_ecc has Fp[w] / (w^12 - 18 w^6 + 82): i = w^6 - 9."""
    values = [0] * 12
    for power in range(6):
        real, imaginary = coefficients[2 * power : 2 * power + 2]
        values[power], values[power + 6] = (real - 9 * imaginary) % MODULUS, imaginary
    return Slow12(values)


def assert_field_operations(a: int, b: int) -> None:
    results = np.zeros((5, 32), dtype=np.uint8)
    is_same = field_operations(to_array([a, b]), results)
    inverse = pow(a, -1, MODULUS) if a else 0
    assert to_integers(results) == [
        *((a + b) % MODULUS, (a - b) % MODULUS, a * b % MODULUS, -a % MODULUS, inverse),
    ], (a, b)
    assert is_same == (a == b)


def test_the_field_is_that_of_pythons_integers_at_its_edges():
    for a, b in product(EDGES, EDGES):
        assert_field_operations(a, b)


def test_elements_whose_montgomery_form_ends_in_many_zeros_have_inverses():
    """The binary algorithm shifts them out by at most 63 at a time."""
    for zeros in (1, 62, 63, 64, 65, 128, 192, 252):
        a = (1 << zeros) * pow(field.RADIX, -1, MODULUS) % MODULUS
        assert_field_operations(a, 1)
        assert_field_operations(-a % MODULUS, 1)


def test_the_field_is_that_of_pythons_integers_on_random_elements():
    generator = random.Random(254)
    for _ in range(300):
        assert_field_operations(generator.randrange(MODULUS), generator.randrange(MODULUS))


def test_the_tower_is_py_eccs():
    generator = random.Random(12)
    pairs = [[generator.choice(EDGES) for _ in range(24)] for _ in range(6)]
    pairs += [[generator.randrange(MODULUS) for _ in range(24)] for _ in range(6)]
    pairs += [[1] + [0] * 23]
    for values in pairs:
        results = np.zeros((84, 32), dtype=np.uint8)
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


@njit
def cyclotomic_squares(words, results):
    """Of a in words : uint8[12 * 32], made to satisfy a^(p^4 - p^2 + 1) = 1: both squares, results : uint8[24, 32]."""
    a = read_12(words.ctypes.data, 0)
    unitary = tower.multiply_12(tower.conjugate_12(a), tower.invert_12(a))
    element = tower.multiply_12(tower.frobenius_squared_12(unitary), unitary)
    write_12(tower.square_12(element), results.ctypes.data, 0)
    write_12(tower.square_cyclotomic(element), results.ctypes.data, 12)


def test_squares_in_the_cyclotomic_subgroup_are_squares():
    generator = random.Random(2010)
    for values in ([1] + [0] * 11, *([generator.randrange(MODULUS) for _ in range(12)] for _ in range(20))):
        results = np.zeros((24, 32), dtype=np.uint8)
        cyclotomic_squares(to_array(values), results)
        assert (results[:12] == results[12:]).all()
