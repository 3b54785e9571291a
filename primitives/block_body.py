"""
A whole Ethereum block: the header with everything that its roots commit to, and its RLP.
"""

from dataclasses import dataclass

from primitives import rlp
from primitives.block import Header
from primitives.transaction import Transaction, decode_transaction

U64_SIZE_BYTES = 8


@dataclass(frozen=True)
class Withdrawal:
    """Ether that the consensus layer hands out at the end of a block (EIP-4895)."""

    index: int
    validator_index: int
    address: bytes
    amount_gwei: int

    def encode(self) -> bytes:
        """The consensus encoding, that the withdrawals root commits to."""
        number = rlp.encode_int
        items: list[rlp.Item] = [number(self.index), number(self.validator_index), self.address]
        return rlp.encode([*items, number(self.amount_gwei)])


@dataclass(frozen=True)
class Block:
    """`withdrawals` is None in a block without a list of them (before Shanghai); `size_bytes` is that of its RLP."""

    header: Header
    transactions: tuple[Transaction, ...]
    ommers: tuple[Header, ...]
    withdrawals: tuple[Withdrawal, ...] | None
    size_bytes: int


def decode_block(data: bytes) -> Block:
    """The block that `data` encodes; DecodingError, or the InvalidTransaction of a member, if it is none."""
    items = rlp.as_list(rlp.decode(data), "block")
    if len(items) not in (3, 4):
        items = rlp.as_list(items, "block", 4)
    return Block(
        header=Header.decode(rlp.encode(items[0])),
        transactions=tuple(_transaction(item) for item in rlp.as_list(items[1], "transactions")),
        ommers=tuple(Header.decode(rlp.encode(item)) for item in rlp.as_list(items[2], "ommers")),
        withdrawals=tuple(map(_withdrawal, rlp.as_list(items[3], "withdrawals"))) if len(items) == 4 else None,
        size_bytes=len(data),
    )


def _transaction(item: rlp.Item) -> Transaction:
    """A legacy transaction stands in the block as a list, any other as the bytes of its envelope."""
    return decode_transaction(item if isinstance(item, bytes) else rlp.encode(item))


def _withdrawal(item: rlp.Item) -> Withdrawal:
    index, validator_index, address, amount = rlp.as_list(item, "withdrawal", 4)
    return Withdrawal(
        index=rlp.as_int(index, "withdrawal index", U64_SIZE_BYTES),
        validator_index=rlp.as_int(validator_index, "withdrawal validator index", U64_SIZE_BYTES),
        address=rlp.as_bytes(address, "withdrawal address", 20),
        amount_gwei=rlp.as_int(amount, "withdrawal amount", U64_SIZE_BYTES),
    )
