"""
Blocks and transactions where they stand in the chain, put together from mini-blocks.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from primitives.block import Header
from primitives.mini_block import MiniBlock
from primitives.receipt import Receipt
from primitives.transaction import Transaction


@dataclass(frozen=True, slots=True)
class ChainTransaction:
    """
    A transaction where it stands in the chain, with its receipt.

    `block_hash` is that of the block or, until it is sealed, of the mini-block; `index` and `first_log_index` count
    from the start of the block.
    """

    transaction: Transaction
    receipt: Receipt
    block_number: int
    block_hash: bytes
    is_sealed: bool
    block_timestamp: int
    base_fee_per_gas: int
    index: int
    first_log_index: int
    mini_block_number: int


@dataclass(frozen=True)
class BlockBody:
    """
    A block with its transactions; the open one has no header yet.

    `mini_blocks` are the numbers of its mini-blocks, `size_bytes` that of the block in RLP (of the open one: of its
    transactions).
    """

    header: Header | None
    transactions: tuple[ChainTransaction, ...]
    mini_blocks: range
    size_bytes: int


def block_body(
    header: Header | None, numbers: range, mini_blocks: Iterable[MiniBlock], before: BlockBody | None = None
) -> BlockBody:
    """The block whose transactions are those of `before` and then those of `mini_blocks`."""
    transactions = [] if before is None else list(before.transactions)
    first_log_index = 0
    if transactions:
        first_log_index = transactions[-1].first_log_index + len(transactions[-1].receipt.logs)
    header_hash = None if header is None else header.hash
    for mini_block in mini_blocks:
        for position, receipt in enumerate(mini_block.receipts):
            index = len(transactions)
            transactions.append(chain_transaction(mini_block, position, header_hash, index, first_log_index))
            first_log_index += len(receipt.logs)
    return BlockBody(header, tuple(transactions), numbers, _size_bytes(header, transactions))


def chain_transaction(
    mini_block: MiniBlock, position: int, header_hash: bytes | None, index: int, first_log_index: int
) -> ChainTransaction:
    """
    A transaction of `mini_block`, whose block has this hash (None until it is sealed).

    position : int     in the mini-block
    index, first_log_index : int     of the transaction and of its first log in the block
    """
    return ChainTransaction(
        transaction=mini_block.transactions[position],
        receipt=mini_block.receipts[position],
        block_number=mini_block.block_number,
        block_hash=header_hash or mini_block.hash,
        is_sealed=header_hash is not None,
        block_timestamp=mini_block.block_timestamp,
        base_fee_per_gas=mini_block.base_fee_per_gas,
        index=index,
        first_log_index=first_log_index,
        mini_block_number=mini_block.number,
    )


def _size_bytes(header: Header | None, transactions: Iterable[ChainTransaction]) -> int:
    """Of rlp([header, transactions, ommers, withdrawals]); the last two are empty lists, from Shanghai on both."""
    transactions_size = 0
    for entry in transactions:
        raw_size = len(entry.transaction.raw)
        # A typed transaction stands in the list as a string, a legacy one as the list that it is.
        transactions_size += raw_size if entry.transaction.type == 0 else _with_prefix(raw_size)
    if header is None:
        return transactions_size
    empty_lists = 1 if header.withdrawals_root is None else 2
    return _with_prefix(len(header.encode()) + _with_prefix(transactions_size) + empty_lists)


def _with_prefix(size_bytes: int) -> int:
    """What a string (of more than one byte) or list with this much content takes in RLP."""
    return size_bytes + (1 if size_bytes < 56 else 1 + (size_bytes.bit_length() + 7) // 8)
