"""MODEXP: results and gas, from the EIPs' own vectors and from edges."""

import pytest

from evm_jit.precompiles import PrecompileFailed, modexp


def call(base: bytes, exponent: bytes, modulus: bytes) -> bytes:
    lengths = b"".join(len(operand).to_bytes(32, "big") for operand in (base, exponent, modulus))
    return lengths + base + exponent + modulus


def test_fermats_little_theorem():
    """EIP-198's first example: 3^(p-1) mod p."""
    p = (2**256 - 2**32 - 977).to_bytes(32, "big")
    data = call(b"\x03", (2**256 - 2**32 - 978).to_bytes(32, "big"), p)
    assert modexp.run(data) == (1).to_bytes(32, "big")
    assert modexp.gas_byzantium(data) == 13_056


@pytest.mark.parametrize(
    ("base", "exponent", "modulus", "result"),
    [
        (b"", b"", b"\x05", b"\x01"),  # 0^0 = 1.
        (b"", b"\x02", b"\x05", b"\x00"),
        (b"\x02", b"\x03", b"", b""),
        (b"\x02", b"\x03", b"\x00\x00", b"\x00\x00"),
        (b"\x02", b"\x03", b"\x00\x05", b"\x00\x03"),
        (b"\x02", b"", b"\x01", b"\x00"),  # Anything mod 1 is 0.
    ],
)
def test_edges(base, exponent, modulus, result):
    assert modexp.run(call(base, exponent, modulus)) == result


def test_input_that_is_cut_off_goes_on_with_zeros():
    data = call(b"\x02", b"\x01", b"\x07\x00")
    assert modexp.run(data[:-1]) == modexp.run(data) == (2).to_bytes(2, "big")
    assert modexp.run(b"") == b""


def test_an_exponent_of_any_announced_length_costs_no_time_without_modulus():
    data = bytes(32) + b"\xff" * 32 + bytes(32)
    assert modexp.gas_berlin(data) == 200
    assert modexp.run(data) == b""


@pytest.mark.parametrize(
    ("data", "byzantium", "berlin", "osaka"),
    [
        (call(b"\x02", b"\x03", b"\x05"), 0, 200, 500),
        (call(bytes(64), b"\x03", b"\x05" * 64), 204, 200, 500),
        (call(b"\xff" * 64, b"\xff" * 32, b"\xff" * 64), 52_224, 5_440, 32_640),
        (call(b"\xff" * 64, b"\xff" * 64, b"\xff" * 64), 104_652, 10_901, 98_176),
        (call(b"\xff" * 1_024, b"\x02", b"\xff" * 1_024), 17_868, 5_461, 32_768),
    ],
)
def test_gas_by_fork(data, byzantium, berlin, osaka):
    assert (modexp.gas_byzantium(data), modexp.gas_berlin(data), modexp.gas_osaka(data)) == (byzantium, berlin, osaka)


@pytest.mark.parametrize("place", range(3))
def test_osaka_fails_for_operands_of_more_than_1024_bytes(place):
    operands = [b"\x01"] * 3
    operands[place] = bytes(1_024)
    assert modexp.gas_osaka(call(*operands)) >= 500
    operands[place] = bytes(1_025)
    with pytest.raises(PrecompileFailed):
        modexp.gas_osaka(call(*operands))
