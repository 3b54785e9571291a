"""Methods about the node, the chain and its fees."""

from dataclasses import dataclass
from typing import Any, Final

from primitives.constants import CLIENT_VERSION
from primitives.keccak import keccak256
from rpc.blocks import Blocks
from rpc.dispatch import Method, Parameter, Where
from rpc.encoding import data, quantity, read_block_number, read_data, read_list, read_number
from rpc.errors import InvalidValue, ServerError
from rpc.fees import blob_base_fee, blob_gas_max
from statestore.chain_blocks import BlockBody

FEE_HISTORY_BLOCKS_MAX: Final = 1_024
PERCENTILES_MAX: Final = 100
MODULES: Final = {"eth": "1.0", "net": "1.0", "rpc": "1.0", "txpool": "1.0", "web3": "1.0"}


def read_percentiles(value: Any) -> list[float]:
    """Ascending numbers from 0 to 100."""
    percentiles = read_list(value, "[]float64")
    if len(percentiles) > PERCENTILES_MAX:
        raise InvalidValue(f"over the query limit {PERCENTILES_MAX} of reward percentiles")
    previous = 0.0
    for index, percentile in enumerate(percentiles):
        if isinstance(percentile, bool) or not isinstance(percentile, int | float):
            raise InvalidValue("non-number", "float64")
        if not 0 <= percentile <= 100:
            raise InvalidValue(f"invalid reward percentile: {percentile}")
        if percentile < previous:
            raise InvalidValue(f"invalid reward percentile: #{index - 1}:{previous} >= #{index}:{percentile}")
        previous = float(percentile)
    return percentiles


@dataclass(frozen=True)
class ChainMethods:
    """`eth_chainId`, `eth_gasPrice`, `net_version`, ..."""

    blocks: Blocks

    def table(self) -> dict[str, Method]:
        """The methods by name."""
        chain_id = quantity(self.blocks.backend.chain.chain_id)
        network_id = str(self.blocks.backend.chain.chain_id)
        history_parameters = (Parameter(read_number), Parameter(read_block_number), Parameter(read_percentiles, None))
        return {
            "eth_chainId": Method(lambda: chain_id),
            "net_version": Method(lambda: network_id),
            "web3_clientVersion": Method(lambda: CLIENT_VERSION),
            "web3_sha3": Method(lambda message: data(keccak256(message)), (Parameter(read_data),)),
            "eth_blockNumber": Method(self.block_number),
            "eth_syncing": Method(lambda: False),
            "eth_gasPrice": Method(self.gas_price),
            "eth_maxPriorityFeePerGas": Method(lambda: quantity(self.blocks.backend.suggested_tip())),
            "eth_baseFee": Method(lambda: quantity(self.blocks.backend.environment().base_fee_per_gas)),
            "eth_blobBaseFee": Method(self.blob_base_fee),
            "eth_feeHistory": Method(self.fee_history, history_parameters, Where.READER),
            "eth_coinbase": Method(lambda: data(self.blocks.backend.environment().coinbase)),
            "eth_protocolVersion": Method(lambda: "0x41"),
            "eth_mining": Method(lambda: False),
            "eth_hashrate": Method(lambda: "0x0"),
            "net_listening": Method(lambda: True),
            "net_peerCount": Method(lambda: "0x0"),
            "rpc_modules": Method(lambda: MODULES),
        }

    def block_number(self) -> str:
        """The number of the last sealed block."""
        return quantity(self.blocks.head.number)

    def gas_price(self) -> str:
        """What a legacy transaction should offer: base fee and tip."""
        backend = self.blocks.backend
        return quantity(backend.environment().base_fee_per_gas + backend.suggested_tip())

    def blob_base_fee(self) -> str:
        """The price of blob gas in the block being built."""
        environment = self.blocks.backend.environment()
        return quantity(blob_base_fee(environment.excess_blob_gas, environment.fork))

    def fee_history(self, count: int, newest: str | int, percentiles: list[float] | None) -> dict[str, Any]:
        """Base fees and rewards of `count` blocks up to `newest`; base fees also of the block after them."""
        head = self.blocks.head.number
        last = min(self.blocks.number(newest) or 0, head) if isinstance(newest, str) else newest
        if last > head:
            raise ServerError(f"request beyond head block: requested {last}, head {head}")
        count = min(count, FEE_HISTORY_BLOCKS_MAX, last + 1)
        if not count:
            return {"oldestBlock": "0x0", "gasUsedRatio": None}
        first = last + 1 - count
        shown: dict[str, list[Any]] = {
            "baseFeePerGas": [],
            "gasUsedRatio": [],
            "baseFeePerBlobGas": [],
            "blobGasUsedRatio": [],
        }
        rewards = []
        for number in range(first, last + 1):
            sealed = self.blocks.sealed(number)
            assert sealed is not None, "blocks up to the head are there"
            header, environment = sealed.header, self.blocks.environment_of(sealed.header)
            shown["baseFeePerGas"].append(quantity(header.base_fee_per_gas or 0))
            shown["gasUsedRatio"].append(header.gas_used / header.gas_limit if header.gas_limit else 0.0)
            shown["baseFeePerBlobGas"].append(quantity(blob_base_fee(environment.excess_blob_gas, environment.fork)))
            shown["blobGasUsedRatio"].append((header.blob_gas_used or 0) / blob_gas_max(environment.fork))
            if percentiles:
                body = self.blocks.body(number) if header.gas_used else None
                rewards.append([quantity(reward) for reward in _rewards(body, percentiles)])
        after = self.blocks.sealed(last + 1)
        environment = self.blocks.backend.environment() if after is None else self.blocks.environment_of(after.header)
        shown["baseFeePerGas"].append(quantity(environment.base_fee_per_gas))
        shown["baseFeePerBlobGas"].append(quantity(blob_base_fee(environment.excess_blob_gas, environment.fork)))
        result = {"oldestBlock": quantity(first), **shown}
        return {**result, "reward": rewards} if percentiles else result


def _rewards(body: BlockBody | None, percentiles: list[float]) -> list[int]:
    """The priority fee (wei) below which each percentile of a block's gas was bought."""
    if body is None or not body.transactions:
        return [0] * len(percentiles)
    bought = sorted(
        (entry.receipt.effective_gas_price - entry.base_fee_per_gas, entry.receipt.gas_used)
        for entry in body.transactions
    )
    total = sum(gas for _, gas in bought)
    rewards = []
    position, gas_sum = 0, bought[0][1]
    for percentile in percentiles:
        while gas_sum < total * percentile / 100 and position + 1 < len(bought):
            position += 1
            gas_sum += bought[position][1]
        rewards.append(bought[position][0])
    return rewards
