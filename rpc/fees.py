"""What gas costs: now, in earlier blocks, and for blobs."""

from typing import Final

from primitives.forks import Fork

BLOB_BASE_FEE_MIN_WEI: Final = 1
# Wei; how far excess blob gas moves the price (EIP-4844, EIP-7691).
BLOB_FEE_UPDATE_FRACTION_CANCUN: Final = 3_338_477
BLOB_FEE_UPDATE_FRACTION_PRAGUE: Final = 5_007_716
BLOB_GAS_MAX_CANCUN: Final = 6 * 131_072
BLOB_GAS_MAX_PRAGUE: Final = 9 * 131_072


def blob_base_fee(excess_blob_gas: int, fork: Fork) -> int:
    """The price of a unit of blob gas, in wei; 0 before Cancun. EIP-4844's fake_exponential."""
    if fork < Fork.CANCUN:
        return 0
    fraction = BLOB_FEE_UPDATE_FRACTION_PRAGUE if fork >= Fork.PRAGUE else BLOB_FEE_UPDATE_FRACTION_CANCUN
    output, term, index = 0, BLOB_BASE_FEE_MIN_WEI * fraction, 1
    while term > 0:
        output += term
        term = term * excess_blob_gas // (fraction * index)
        index += 1
    return output // fraction


def blob_gas_max(fork: Fork) -> int:
    """The most blob gas of one block."""
    return BLOB_GAS_MAX_PRAGUE if fork >= Fork.PRAGUE else BLOB_GAS_MAX_CANCUN
