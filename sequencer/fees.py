"""
The base fee of the next block, and the tip that a wallet is told to offer.

The base fee is a constant of the chain unless it adjusts, then EIP-1559 moves it from block to block.
"""

from typing import Final

from primitives.block import Header
from primitives.chain import ChainConfig
from primitives.constants import WEI_PER_GWEI

ELASTICITY_MULTIPLIER: Final = 2
BASE_FEE_MAX_CHANGE_DENOMINATOR: Final = 8
SUGGESTED_TIP_WEI: Final = WEI_PER_GWEI  # Only where fees adjust: order is arrival order, a tip buys nothing else.


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


def base_fee_after(parent: Header, chain: ChainConfig) -> int:
    """The base fee of the block that follows `parent`; a parent before London leaves the chain's initial one."""
    if not chain.base_fee_adjusts or parent.base_fee_per_gas is None:
        return chain.base_fee_per_gas
    return next_base_fee(parent.base_fee_per_gas, parent.gas_used, parent.gas_limit)


def suggested_tip(chain: ChainConfig) -> int:
    """The priority fee to recommend, in wei: none where the base fee is constant."""
    return SUGGESTED_TIP_WEI if chain.base_fee_adjusts else 0
