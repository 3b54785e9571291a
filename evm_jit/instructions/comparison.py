"""0x10 to 0x15: comparisons, 1 if they hold, else 0."""

# mypy: allow-untyped-defs, allow-untyped-calls

from primitives.kernels_cache import njit
from primitives.u256 import signed_less
from primitives.wide_integers import u256


@njit
def less(x, y):
    """LT (0x10): x < y."""
    return u256(x < y)


@njit
def greater(x, y):
    """GT (0x11): x > y."""
    return u256(x > y)


@njit
def less_signed(x, y):
    """SLT (0x12): x < y of signed words."""
    return u256(signed_less(x, y))


@njit
def greater_signed(x, y):
    """SGT (0x13): x > y of signed words."""
    return u256(signed_less(y, x))


@njit
def equal(x, y):
    """EQ (0x14): x = y."""
    return u256(x == y)


@njit
def is_zero(x):
    """ISZERO (0x15): x = 0."""
    return u256(x == 0)
