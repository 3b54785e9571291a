"""Methods that show blocks, transactions, receipts and logs."""

from dataclasses import dataclass
from typing import Any

from primitives.forks import Fork
from primitives.transaction import BLOB
from rpc.blocks import Blocks
from rpc.dispatch import Method, Parameter, Where
from rpc.encoding import (
    BlockReference,
    data,
    quantity,
    read_block,
    read_block_number,
    read_boolean,
    read_hash,
    read_quantity,
)
from rpc.json_objects import (
    Json,
    header_object,
    open_header_object,
    pending_transaction_object,
    receipt_object,
    transaction_object,
    with_transactions,
)
from rpc.logs import LogSearch, read_log_criteria
from statestore.chain_blocks import BlockBody, ChainTransaction


@dataclass(frozen=True)
class BlockMethods:
    """`eth_getBlockByNumber`, `eth_getTransactionReceipt`, `eth_getLogs`, ..."""

    blocks: Blocks
    search: LogSearch

    def table(self) -> dict[str, Method]:
        """The methods by name."""
        by_hash, by_number = (Parameter(read_hash),), (Parameter(read_block_number),)
        full, index, thread = Parameter(read_boolean, False), Parameter(read_quantity), Where.READER
        return {
            "eth_getBlockByHash": Method(self.block, (*by_hash, full), thread),
            "eth_getBlockByNumber": Method(self.block, (*by_number, full), thread),
            "eth_getHeaderByHash": Method(self.header, by_hash),
            "eth_getHeaderByNumber": Method(self.header, by_number),
            "eth_getBlockReceipts": Method(self.block_receipts, (Parameter(read_block),), thread),
            "eth_getBlockTransactionCountByHash": Method(self.transaction_count, by_hash, thread),
            "eth_getBlockTransactionCountByNumber": Method(self.transaction_count, by_number, thread),
            "eth_getUncleCountByBlockHash": Method(self.uncle_count, by_hash),
            "eth_getUncleCountByBlockNumber": Method(self.uncle_count, by_number),
            "eth_getUncleByBlockHashAndIndex": Method(lambda block, index: None, (*by_hash, index)),
            "eth_getUncleByBlockNumberAndIndex": Method(lambda block, index: None, (*by_number, index)),
            "eth_getTransactionByBlockHashAndIndex": Method(self.transaction_at, (*by_hash, index), thread),
            "eth_getTransactionByBlockNumberAndIndex": Method(self.transaction_at, (*by_number, index), thread),
            "eth_getTransactionByHash": Method(self.transaction, by_hash),
            "eth_getRawTransactionByHash": Method(self.raw_transaction, by_hash),
            "eth_getTransactionReceipt": Method(self.receipt, by_hash),
            "eth_getLogs": Method(self.search.find, (Parameter(read_log_criteria),), thread),
        }

    def block(self, reference: BlockReference, full: bool) -> Json | None:
        """A block, None if there is none."""
        body = self.blocks.body(reference)
        return None if body is None else with_transactions(self._header_of(body), body, full=full)

    def header(self, reference: BlockReference) -> Json | None:
        """The header of a block, None if there is none."""
        sealed = self.blocks.sealed(reference)
        if sealed is not None:
            return header_object(sealed.header)
        body = self.blocks.body(reference)
        return None if body is None else self._header_of(body)

    def block_receipts(self, reference: BlockReference) -> list[Json] | None:
        """All receipts of a block, None if there is none."""
        body = self.blocks.body(reference)
        return None if body is None else [self.receipt_of(entry) for entry in body.transactions]

    def transaction_count(self, reference: BlockReference) -> str | None:
        """How many transactions a block has, None if there is no such block."""
        body = self.blocks.body(reference)
        return None if body is None else quantity(len(body.transactions))

    def uncle_count(self, reference: BlockReference) -> str | None:
        """Zero, None if there is no such block."""
        is_there = self.blocks.sealed(reference) is not None or self.blocks.body(reference) is not None
        return "0x0" if is_there else None

    def transaction_at(self, reference: BlockReference, index: int) -> Json | None:
        """One transaction of a block, None if there is none."""
        body = self.blocks.body(reference)
        return None if body is None or index >= len(body.transactions) else transaction_object(body.transactions[index])

    def transaction(self, transaction_hash: bytes) -> Json | None:
        """A transaction of a block or of the mempool."""
        pending = self.blocks.backend.find_pending(transaction_hash)
        entry = self.blocks.backend.history.transaction(transaction_hash)
        if entry is not None:
            return transaction_object(entry)
        return None if pending is None else pending_transaction_object(pending)

    def raw_transaction(self, transaction_hash: bytes) -> str | None:
        """The bytes that were sent."""
        pending = self.blocks.backend.find_pending(transaction_hash)
        entry = self.blocks.backend.history.transaction(transaction_hash)
        if entry is not None:
            return data(entry.transaction.raw)
        return None if pending is None else data(pending.raw)

    def receipt(self, transaction_hash: bytes) -> Json | None:
        """A receipt, None while the transaction was not executed."""
        entry = self.blocks.backend.history.transaction(transaction_hash)
        return None if entry is None else self.receipt_of(entry)

    def receipt_of(self, entry: ChainTransaction) -> Json:
        """The receipt of a transaction in a block."""
        if entry.transaction.type != BLOB:
            return receipt_object(entry)
        sealed = self.blocks.sealed(entry.block_number)
        excess = 0 if sealed is None else sealed.header.excess_blob_gas or 0
        return receipt_object(entry, excess, self._fork_of(entry))

    def _fork_of(self, entry: ChainTransaction) -> Fork:
        return self.blocks.backend.chain.schedule.fork_at(entry.block_number, entry.block_timestamp)

    def _header_of(self, body: BlockBody) -> dict[str, Any]:
        if body.header is not None:
            return header_object(body.header)
        return open_header_object(body, self.blocks.backend.environment(), self.blocks.head.hash)
