"""
The numbers of the precompiled contracts, which are their addresses, and the fork in which each begins.

From Berlin on; the nine oldest are always there.
"""

# mypy: allow-untyped-defs, allow-untyped-calls

from typing import Final

from primitives.forks import Fork
from primitives.kernels_cache import njit
from primitives.wide_integers import low_int64

ECRECOVER, SHA256, RIPEMD160, IDENTITY, MODEXP, BN254_ADD, BN254_MULTIPLY, BN254_PAIRING, BLAKE2F = range(1, 10)
POINT_EVALUATION: Final = 0x0A
BLS_G1_ADD, BLS_G1_MSM, BLS_G2_ADD, BLS_G2_MSM, BLS_PAIRING, BLS_MAP_TO_G1, BLS_MAP_TO_G2 = range(0x0B, 0x12)
P256VERIFY: Final = 0x100
PRECOMPILE_ADDRESSES_MAX: Final = P256VERIFY

CANCUN, PRAGUE, OSAKA = int(Fork.CANCUN), int(Fork.PRAGUE), int(Fork.OSAKA)


@njit
def precompile_number(address, fork):
    """
    The number (int64) of the contract at an address at a fork; 0 for none.

    address : U256
    fork : int64, a Fork from Berlin on
    """
    if address > PRECOMPILE_ADDRESSES_MAX:
        return 0
    number = low_int64(address)
    if number <= BLAKE2F:
        return number
    if number == POINT_EVALUATION:
        return number if fork >= CANCUN else 0
    if number <= BLS_MAP_TO_G2:
        return number if fork >= PRAGUE else 0
    return number if number == P256VERIFY and fork >= OSAKA else 0


def precompile_addresses(fork: int) -> tuple[int, ...]:
    """The addresses of the contracts at a fork from Berlin on; all are warm from the start (EIP-2929)."""
    addresses = list(range(ECRECOVER, BLAKE2F + 1))
    if fork >= CANCUN:
        addresses.append(POINT_EVALUATION)
    if fork >= PRAGUE:
        addresses.extend(range(BLS_G1_ADD, BLS_MAP_TO_G2 + 1))
    if fork >= OSAKA:
        addresses.append(P256VERIFY)
    return tuple(addresses)
