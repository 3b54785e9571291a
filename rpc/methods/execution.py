"""
eth_call and eth_estimateGas.

A call runs in a thread over an overlay of one state and leaves nothing behind. What bounds it is gas: at most
`call_gas_cap` for one call, and for one estimate that times the dozen runs of its search.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from evm_jit.engine import Call, CallResult
from primitives.block import BlockEnvironment
from primitives.constants import KECCAK_EMPTY, TRANSACTION_GAS_CAP_OSAKA
from primitives.errors import InsufficientFunds
from primitives.forks import Fork
from primitives.intrinsic_gas import GAS_TRANSACTION
from primitives.state_diff import EMPTY_ACCOUNT
from rpc.blocks import Blocks
from rpc.call_arguments import (
    AccountOverride,
    BlockOverrides,
    CallArguments,
    read_block_overrides,
    read_call,
    read_state_overrides,
)
from rpc.dispatch import Method, Parameter, Where
from rpc.encoding import BlockReference, data, quantity, read_block
from rpc.gas_estimate import estimate_gas
from rpc.reverts import error_of_halt
from rpc.settings import RpcSettings
from statestore.overlay import Overlay

StateOverrides = Mapping[bytes, AccountOverride]


@dataclass(frozen=True)
class ExecutionMethods:
    """Runs transactions that nobody signed."""

    blocks: Blocks
    settings: RpcSettings

    def table(self) -> dict[str, Method]:
        """The methods by name."""
        parameters = (
            Parameter(read_call),
            Parameter(read_block, "latest"),
            Parameter(read_state_overrides, {}),
            Parameter(read_block_overrides, BlockOverrides()),
        )
        return {
            "eth_call": Method(self.call, parameters, Where.CALLER),
            "eth_estimateGas": Method(self.estimate_gas, parameters, Where.CALLER),
        }

    def call(
        self, arguments: CallArguments, block: BlockReference, states: StateOverrides, blocks: BlockOverrides
    ) -> str:
        """The return data, or the error of what went wrong."""
        environment = blocks.apply(self.blocks.environment(block), self.blocks.backend.chain)
        arguments.check_chain(environment.chain_id)
        price = arguments.price_of_gas(environment)
        gas = min(self.settings.call_gas_cap, environment.gas_limit, arguments.gas or self.settings.call_gas_cap)
        overlay = self._overlay(block, states)
        result = self._run(arguments, gas, price, environment, overlay)
        if result.halt is not None:
            raise error_of_halt(result.halt, result.output)
        return data(result.output)

    def estimate_gas(
        self, arguments: CallArguments, block: BlockReference, states: StateOverrides, blocks: BlockOverrides
    ) -> str:
        """The gas limit that a transaction needs to succeed."""
        return quantity(self.gas_needed(arguments, block, states, blocks))

    def gas_needed(
        self,
        arguments: CallArguments,
        block: BlockReference,
        states: StateOverrides | None = None,
        blocks: BlockOverrides | None = None,
    ) -> int:
        """The same as a number."""
        environment = self.blocks.environment(block)
        if blocks is not None:
            environment = blocks.apply(environment, self.blocks.backend.chain)
        arguments.check_chain(environment.chain_id)
        price = arguments.price_of_gas(environment)
        overrides = states or {}
        highest = self._highest(arguments, price, environment, self._overlay(block, overrides))

        # One view for all runs, so that the state does not move on between them.
        base = self._overlay(block, overrides)

        def run(gas: int) -> CallResult:
            return self._run(arguments, gas, price, environment, Overlay(base))

        account = base.account(arguments.to) if arguments.to is not None else None
        has_code = account is not None and account.code_hash != KECCAK_EMPTY
        is_transfer = not (
            arguments.data
            or arguments.access_list
            or arguments.authorization_list
            or arguments.to is None
            or has_code
            or _is_precompile(arguments.to)
        )
        return estimate_gas(run, highest, is_transfer=is_transfer)

    def _highest(self, arguments: CallArguments, price: int, environment: BlockEnvironment, overlay: Overlay) -> int:
        """The most gas that the search may allow: what was asked for, what is allowed, what can be paid."""
        highest = environment.gas_limit
        if arguments.gas is not None and arguments.gas >= GAS_TRANSACTION:
            highest = arguments.gas
        highest = min(highest, self.settings.call_gas_cap)
        if environment.fork >= Fork.OSAKA:
            highest = min(highest, TRANSACTION_GAS_CAP_OSAKA)
        if price:
            balance = (overlay.account(arguments.caller) or EMPTY_ACCOUNT).balance
            if arguments.value > balance:
                raise InsufficientFunds(balance, arguments.value)
            cap = arguments.gas_price or arguments.max_fee_per_gas or price
            highest = min(highest, (balance - arguments.value) // cap)
        return highest

    def _overlay(self, block: BlockReference, states: StateOverrides) -> Overlay:
        overlay = Overlay(self.blocks.state(block))
        for address, override in states.items():
            override.write_to(overlay, address)
        overlay.begin_transaction()
        return overlay

    def _run(
        self, arguments: CallArguments, gas: int, price: int, environment: BlockEnvironment, overlay: Overlay
    ) -> CallResult:
        call = Call(
            sender=arguments.caller,
            to=arguments.to,
            gas_limit=gas,
            value=arguments.value,
            data=arguments.data,
            gas_price=price,
            access_list=arguments.access_list or (),
            blob_versioned_hashes=arguments.blob_versioned_hashes,
            authorization_list=arguments.authorization_list or (),
        )
        if not price:
            environment = replace(environment, base_fee_per_gas=0)  # As geth does: nothing is paid for gas.
        return self.blocks.backend.engine.call(call, environment, overlay)


def _is_precompile(address: bytes) -> bool:
    """Whether an address is in the range that Ethereum gives to precompiles."""
    return 0 < int.from_bytes(address) < 0x200
