"""0x01 to 0x0b: sums, products, quotients, powers; signed words are in two's complement."""

# mypy: allow-untyped-defs, allow-untyped-calls

from evm_jit.gas import GAS_EXPONENTIATION_PER_BYTE
from primitives.kernels_cache import njit
from primitives.u256 import sign_extend
from primitives.u256_division import (
    add_modulo,
    divide,
    multiply_modulo,
    power,
    signed_quotient,
    signed_remainder,
)
from primitives.wide_integers import leading_zeros


@njit
def add(x, y):
    """ADD (0x01): x + y."""
    return x + y


@njit
def multiply(x, y):
    """MUL (0x02): x * y."""
    return x * y


@njit
def subtract(x, y):
    """SUB (0x03): x - y."""
    return x - y


@njit
def quotient(x, y):
    """DIV (0x04): x / y, rounded towards 0; 0 if y is 0."""
    return divide(x, y)[0]


@njit
def quotient_signed(x, y):
    """SDIV (0x05): the same of signed words; -2^255 / -1 is -2^255."""
    return signed_quotient(x, y)


@njit
def remainder(x, y):
    """MOD (0x06): x mod y, 0 if y is 0."""
    return divide(x, y)[1]


@njit
def remainder_signed(x, y):
    """SMOD (0x07): the same of signed words; the sign is that of x."""
    return signed_remainder(x, y)


@njit
def addmod(x, y, modulus):
    """ADDMOD (0x08): x + y, which is not cut off, mod `modulus`; 0 if that is 0."""
    return add_modulo(x, y, modulus)


@njit
def mulmod(x, y, modulus):
    """MULMOD (0x09): x * y, which is not cut off, mod `modulus`; 0 if that is 0."""
    return multiply_modulo(x, y, modulus)


@njit
def exponentiate(gas_left, base, exponent):
    """EXP (0x0a): base^exponent; 50 gas for each byte of the exponent (EIP-160)."""
    size = (256 - leading_zeros(exponent) + 7) >> 3
    gas_left -= GAS_EXPONENTIATION_PER_BYTE * size
    if gas_left < 0:
        return gas_left, base
    return gas_left, power(base, exponent)


@njit
def signextend(size, x):
    """SIGNEXTEND (0x0b): the signed number in the lowest `size` + 1 bytes of x."""
    return sign_extend(size, x)
