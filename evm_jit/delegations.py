"""EIP-7702: a set-code transaction writes, for each account that has signed for it, whose code that account runs."""

# mypy: allow-untyped-defs, allow-untyped-calls

from evm_jit.transaction_checks import DELEGATION_PREFIX
from primitives.kernels_cache import njit

GAS_REFUND_EXISTING_AUTHORITY = 12_500  # PER_EMPTY_ACCOUNT_COST - PER_AUTH_BASE_COST
PREFIX_BITS = 8 * len(DELEGATION_PREFIX)
PREFIX = int.from_bytes(DELEGATION_PREFIX, "big")


@njit
def write_delegations(machine, transaction):
    """Write those whose authorization is valid. 0 or a status."""
    return 0
