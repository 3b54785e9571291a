"""What is fixed for a chain from its first block on: identity, rules, limits."""

from dataclasses import dataclass, field

from primitives.constants import BASE_FEE_WEI_DEFAULT, BLOCK_GAS_LIMIT_DEFAULT, CHAIN_ID_DEFAULT, ZERO_ADDRESS
from primitives.forks import Fork, ForkSchedule


@dataclass(frozen=True)
class ChainConfig:
    """
    `base_fee_per_gas` (wei) holds for every block unless `base_fee_adjusts`, then it is the first block's
    and EIP-1559 moves it.
    """

    chain_id: int = CHAIN_ID_DEFAULT
    schedule: ForkSchedule = field(default_factory=lambda: ForkSchedule.always(Fork.OSAKA))
    gas_limit: int = BLOCK_GAS_LIMIT_DEFAULT
    coinbase: bytes = ZERO_ADDRESS
    base_fee_per_gas: int = BASE_FEE_WEI_DEFAULT
    base_fee_adjusts: bool = False
