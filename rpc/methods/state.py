"""Methods that read accounts, code and storage."""

from dataclasses import dataclass

from primitives.state_diff import EMPTY_ACCOUNT
from rpc.blocks import Blocks
from rpc.dispatch import Method, Parameter
from rpc.encoding import BlockReference, data, quantity, read_address, read_block, read_storage_key, word


@dataclass(frozen=True)
class StateMethods:
    """`eth_getBalance`, `eth_getTransactionCount`, `eth_getCode`, `eth_getStorageAt`."""

    blocks: Blocks

    def table(self) -> dict[str, Method]:
        """The methods by name."""
        address, block = Parameter(read_address), Parameter(read_block, "latest")
        return {
            "eth_getBalance": Method(self.balance, (address, block)),
            "eth_getTransactionCount": Method(self.transaction_count, (address, block)),
            "eth_getCode": Method(self.code, (address, block)),
            "eth_getStorageAt": Method(self.storage, (address, Parameter(read_storage_key), block)),
        }

    def balance(self, address: bytes, block: BlockReference) -> str:
        """In wei."""
        return quantity((self.blocks.state(block).account(address) or EMPTY_ACCOUNT).balance)

    def transaction_count(self, address: bytes, block: BlockReference) -> str:
        """The nonce; with "pending" the one that the next transaction needs."""
        if block == "pending":
            return quantity(self.blocks.backend.pending_nonce(address))
        return quantity((self.blocks.state(block).account(address) or EMPTY_ACCOUNT).nonce)

    def code(self, address: bytes, block: BlockReference) -> str:
        """The bytecode."""
        state = self.blocks.state(block)
        account = state.account(address)
        return "0x" if account is None else data(state.code(account.code_hash))

    def storage(self, address: bytes, key: int, block: BlockReference) -> str:
        """The value of a slot, all 32 bytes."""
        return word(self.blocks.state(block).storage(address, key))
