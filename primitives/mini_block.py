"""
The mini-block: what the sequencer seals every 10 ms, chained by hash and signed.

It has no roots and no bloom. It names the environment of the block that it belongs to, so that an open block
can be continued from its mini-blocks alone.
"""

from dataclasses import dataclass, replace
from functools import cached_property

from primitives import rlp
from primitives.errors import InvalidSignature
from primitives.keccak import keccak256
from primitives.receipt import Receipt
from primitives.signature import recover, sign
from primitives.state_diff import StateDiff
from primitives.transaction import Transaction


@dataclass(frozen=True)
class MiniBlock:
    """
    `number` counts from 0 over the whole chain, `index` from 0 within block `block_number`.

    `timestamp_us` is in microseconds, `block_timestamp` in seconds. `signature` is r, s (32 bytes each) and the
    y parity (1 byte) over `hash`, empty until signed.
    """

    number: int
    block_number: int
    index: int
    timestamp_us: int
    parent_hash: bytes
    block_timestamp: int
    gas_limit: int
    coinbase: bytes
    base_fee_per_gas: int
    prev_randao: bytes
    transactions: tuple[Transaction, ...]
    receipts: tuple[Receipt, ...]
    state_diff: StateDiff
    signature: bytes = b""

    @cached_property
    def hash(self) -> bytes:
        """Commits to every field but the signature."""
        number = rlp.encode_int
        receipts = rlp.join([rlp.encode(_receipt_item(receipt)) for receipt in self.receipts])
        items: list[rlp.Item] = [
            number(self.number),
            number(self.block_number),
            number(self.index),
            number(self.timestamp_us),
            self.parent_hash,
            number(self.block_timestamp),
            number(self.gas_limit),
            self.coinbase,
            number(self.base_fee_per_gas),
            self.prev_randao,
            keccak256(b"".join([transaction.hash for transaction in self.transactions])),
            keccak256(receipts),
            self.state_diff.hash,
        ]
        return keccak256(rlp.encode(items))

    @property
    def gas_used(self) -> int:
        """Gas of all its transactions."""
        return sum(receipt.gas_used for receipt in self.receipts)

    def signed_by(self, private_key: bytes) -> "MiniBlock":
        """This mini-block with the sequencer's signature."""
        y_parity, r, s = sign(private_key, self.hash)
        signed = replace(self, signature=r.to_bytes(32, "big") + s.to_bytes(32, "big") + bytes((y_parity,)))
        signed.__dict__["hash"] = self.hash  # It does not commit to the signature.
        return signed

    def signer(self) -> bytes | None:
        """The address that signed, or None when the signature is missing or invalid."""
        if len(self.signature) != 65:
            return None
        r, s = int.from_bytes(self.signature[:32], "big"), int.from_bytes(self.signature[32:64], "big")
        try:
            return recover(self.hash, self.signature[64], r, s)
        except InvalidSignature:
            return None


def _receipt_item(receipt: Receipt) -> bytes:
    """The consensus encoding of a receipt, and what it leaves out."""
    gas_used, price = rlp.encode_int(receipt.gas_used), rlp.encode_int(receipt.effective_gas_price)
    items = receipt.raw, gas_used, price, receipt.contract_address or b""
    return rlp.join([rlp.encode(item) for item in items])
