"""
The base fee of the next block, and the tip that a wallet is told to offer.

The base fee is a constant of the chain unless it adjusts, then EIP-1559 moves it from block to block.
"""

from typing import Final

from primitives.block import Header
from primitives.chain import ChainConfig
from primitives.constants import WEI_PER_GWEI
from primitives.fee_market import next_base_fee

SUGGESTED_TIP_WEI: Final = WEI_PER_GWEI  # Only where fees adjust: order is arrival order, a tip buys nothing else.


def base_fee_after(parent: Header, chain: ChainConfig) -> int:
    """The base fee of the block that follows `parent`; a parent before London leaves the chain's initial one."""
    if not chain.base_fee_adjusts or parent.base_fee_per_gas is None:
        return chain.base_fee_per_gas
    return next_base_fee(parent.base_fee_per_gas, parent.gas_used, parent.gas_limit)


def suggested_tip(chain: ChainConfig) -> int:
    """The priority fee to recommend, in wei: none where the base fee is constant."""
    return SUGGESTED_TIP_WEI if chain.base_fee_adjusts else 0
