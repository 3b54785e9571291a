"""
What a block's fees follow from: its parent's header and the blob parameters of its fork.

Sources: EIP-1559 (base fee), EIP-4844 and EIP-7691 (blob gas), EIP-7918 (reserve price), EIP-7892 (forks that only
change blob parameters).
"""

from collections.abc import Mapping
from typing import Final, NamedTuple

from primitives.constants import WEI_PER_GWEI
from primitives.forks import Fork
from primitives.validity import GAS_PER_BLOB

ELASTICITY_MULTIPLIER: Final = 2
BASE_FEE_MAX_CHANGE_DENOMINATOR: Final = 8
BASE_FEE_WEI_INITIAL: Final = WEI_PER_GWEI  # Of the first block of London.

BLOB_BASE_FEE_WEI_MIN: Final = 1
BLOB_BASE_COST: Final = 1 << 13  # EIP-7918: gas of execution that a blob is worth at least.


class BlobParameters(NamedTuple):
    """Blobs that a block should have and may have, and how slowly the blob base fee reacts (EIP-7840)."""

    target: int
    max: int
    base_fee_update_fraction: int


BLOB_PARAMETERS: Final[Mapping[Fork, BlobParameters]] = {
    Fork.CANCUN: BlobParameters(3, 6, 3_338_477),
    Fork.PRAGUE: BlobParameters(6, 9, 5_007_716),
    Fork.OSAKA: BlobParameters(6, 9, 5_007_716),
}


def next_base_fee(base_fee_wei: int, gas_used: int, gas_limit: int) -> int:
    """The base fee after a block with this base fee, gas used and gas limit. Source: EIP-1559."""
    gas_target = gas_limit // ELASTICITY_MULTIPLIER
    assert gas_target > 0, "a block has room for gas"
    if gas_used == gas_target:
        return base_fee_wei
    if gas_used > gas_target:
        increase = base_fee_wei * (gas_used - gas_target) // gas_target // BASE_FEE_MAX_CHANGE_DENOMINATOR
        return base_fee_wei + max(increase, 1)
    decrease = base_fee_wei * (gas_target - gas_used) // gas_target // BASE_FEE_MAX_CHANGE_DENOMINATOR
    return base_fee_wei - decrease


def next_excess_blob_gas(
    fork: Fork, parameters: BlobParameters, excess_blob_gas: int, blob_gas_used: int, base_fee_wei: int
) -> int:
    """
    The excess blob gas of a block of `fork` whose parent has the last three; 0 and 0 for a parent without blobs.

    From Osaka on the blob base fee can't fall below a share of the base fee: the excess then falls no further
    (EIP-7918).
    """
    target_gas = parameters.target * GAS_PER_BLOB
    if excess_blob_gas + blob_gas_used < target_gas:
        return 0
    if fork >= Fork.OSAKA:
        blob_base_fee = blob_base_fee_after(excess_blob_gas, parameters.base_fee_update_fraction)
        if BLOB_BASE_COST * base_fee_wei > GAS_PER_BLOB * blob_base_fee:
            return excess_blob_gas + blob_gas_used * (parameters.max - parameters.target) // parameters.max
    return excess_blob_gas + blob_gas_used - target_gas


def blob_base_fee_after(excess_blob_gas: int, base_fee_update_fraction: int) -> int:
    """What a unit of blob gas costs at this excess, in wei."""
    return fake_exponential(BLOB_BASE_FEE_WEI_MIN, excess_blob_gas, base_fee_update_fraction)


def fake_exponential(factor: int, numerator: int, denominator: int) -> int:
    """The product factor * e^(numerator / denominator), by Taylor's series in integers (EIP-4844)."""
    index = 1
    total = 0
    term = factor * denominator
    while term > 0:
        total += term
        term = term * numerator // (denominator * index)
        index += 1
    return total // denominator
