"""MODEXP in a kernel computes what gmpy2 computes, for operands of every size, and leaves the long ones to it."""

import random

import pytest

from evm_jit.precompiles import modexp
from primitives.forks import Fork
from tests.evm_jit.precompiles import native_call

NUMBER = 0x05
SIZE_MAX = 32  # Of what the kernel takes.
SIZES = [0, 1, 7, 8, 9, 15, 16, 17, 24, 31, 32]


def call(base: bytes, exponent: bytes, modulus: bytes) -> bytes:
    return b"".join(len(part).to_bytes(32, "big") for part in (base, exponent, modulus)) + base + exponent + modulus


def operand(generator: random.Random, size: int) -> bytes:
    """Random, all ones, all zeros, one, or a run of ones with zeros around it."""
    kind = generator.randrange(5)
    if kind == 0 or size == 0:
        return generator.randbytes(size)
    if kind == 1:
        return b"\xff" * size
    if kind == 2:
        return generator.choice((0, 1)).to_bytes(size, "big")
    low, high = sorted(generator.randrange(8 * size + 1) for _ in range(2))
    run = (1 << high) - (1 << low)
    return (run | generator.getrandbits(8 * size) & run).to_bytes(size, "big")


def assert_power(data: bytes) -> None:
    ran = native_call.run(NUMBER, Fork.OSAKA, data)
    assert ran.output == modexp.run(data), data.hex()
    base_size, _, modulus_size = modexp.lengths(data)
    assert ran.was_in_python is (modulus_size > 0 and max(base_size, modulus_size) > SIZE_MAX), data.hex()


@pytest.mark.parametrize("exponent_size", [0, 1, 4, 5, 32, 33, 200])
def test_powers_of_all_sizes(exponent_size):
    generator = random.Random(exponent_size)
    for base_size in SIZES:
        for modulus_size in SIZES:
            for _ in range(3):
                parts = (operand(generator, size) for size in (base_size, exponent_size, modulus_size))
                assert_power(call(*parts))


def test_a_modulus_of_every_power_of_two_and_its_neighbours():
    generator = random.Random(2)
    for bits in range(0, 256, 5):
        for modulus in ((1 << bits) - 1, 1 << bits, (1 << bits) + 1, 3 << max(bits - 2, 0), (1 << 256) - (1 << bits)):
            base, exponent = generator.randbytes(32), generator.randbytes(generator.randrange(1, 9))
            assert_power(call(base, exponent, modulus.to_bytes(32, "big")))


def test_small_powers_of_small_numbers_are_all_right():
    for modulus in range(1, 17):
        for base in range(0, 17, 3):
            for exponent in range(6):
                assert_power(call(bytes([base]), bytes([exponent]), bytes([modulus])))


def test_exponents_with_zeros_before_and_after():
    for exponent in (b"\x00" * 31 + b"\x01", b"\x01" + b"\x00" * 31, b"\x00" * 100 + b"\x03" + b"\x00" * 50, b"\x10"):
        assert_power(call(b"\x03", exponent, b"\xff" * 31 + b"\xfd"))
        assert_power(call(b"\x03", exponent, b"\xff" * 31 + b"\xf0"))
        assert_power(call(b"\x03", exponent, b"\xfd"))


@pytest.mark.parametrize("modulus", [b"\x07", b"\x80" * 8, b"\x81" * 9, b"\x40" * 32, b"\x41" * 32])
def test_input_that_is_cut_off_goes_on_with_zeros(modulus):
    data = call(b"\x05" * 20, b"\x03\x00\xff", modulus)
    for size in range(len(data) + 1):
        assert_power(data[:size])


def test_lengths_of_any_size_without_modulus_give_nothing():
    huge = b"\xff" * 32
    assert_power(bytes(32) + huge + bytes(32))
    assert_power(huge + huge + bytes(32))
    assert_power(b"")


def test_long_operands_come_from_python():
    for sizes in ((33, 1, 32), (32, 1, 33), (0, 2, 1_024), (1_024, 3, 1)):
        generator = random.Random(sum(sizes))
        assert_power(call(*(generator.randbytes(size) for size in sizes)))


def test_room_is_as_long_as_the_modulus_says():
    huge = b"\xff" * 32
    assert native_call.room_of(NUMBER, 0, 0) == 0
    ran = native_call.run(NUMBER, Fork.BERLIN, call(b"\x02", b"\x03", b"\x00" * 20 + b"\x05"))
    assert ran.output == bytes(20) + b"\x03"
    assert native_call.gas(NUMBER, Fork.BERLIN, bytes(64) + huge) > 2**60
