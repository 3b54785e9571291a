"""0x16 to 0x1e: bits, shifts, and how many bits lead."""

# mypy: allow-untyped-defs, allow-untyped-calls

from primitives.kernels_cache import njit
from primitives.u256 import arithmetic_shift_right, byte_at
from primitives.wide_integers import leading_zeros, u256


@njit
def bitwise_and(x, y):
    """AND (0x16): x & y."""
    return x & y


@njit
def bitwise_or(x, y):
    """OR (0x17): x | y."""
    return x | y


@njit
def bitwise_xor(x, y):
    """XOR (0x18): x ^ y."""
    return x ^ y


@njit
def bitwise_not(x):
    """NOT (0x19): ~x."""
    return ~x


@njit
def byte(index, x):
    """BYTE (0x1a): byte `index` of x, 0 the most significant; 0 beyond byte 31."""
    return byte_at(index, x)


@njit
def shift_left(shift, x):
    """SHL (0x1b): x << shift (EIP-145)."""
    return x << shift


@njit
def shift_right(shift, x):
    """SHR (0x1c): x >> shift (EIP-145)."""
    return x >> shift


@njit
def shift_right_signed(shift, x):
    """SAR (0x1d): the signed x >> shift (EIP-145)."""
    return arithmetic_shift_right(x, shift)


@njit
def count_leading_zeros(x):
    """CLZ (0x1e): how many bits stand before the first 1, 256 for 0 (EIP-7939)."""
    return u256(leading_zeros(x))
