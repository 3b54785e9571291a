"""
Blocks, transactions, receipts and logs as JSON-RPC shows them: the members of the execution-apis schemas.

The block being built has no hash yet, and zeros for its roots. What is in it names as its `blockHash` the mini-block
that it is in, until the block is sealed: clients such as ethers refuse a receipt without a hash.
"""

from typing import Any

from primitives.block import BlockEnvironment, Header
from primitives.constants import EMPTY_LIST_HASH, ZERO_HASH
from primitives.forks import Fork
from primitives.receipt import Log, merge_blooms
from primitives.transaction import BLOB, DYNAMIC_FEE, LEGACY, SET_CODE, AccessList, Transaction
from primitives.validity import GAS_PER_BLOB
from rpc.encoding import data, quantity
from rpc.fees import blob_base_fee
from statestore.chain_blocks import BlockBody, ChainTransaction

Json = dict[str, Any]


def header_object(header: Header) -> Json:
    """A sealed block without transactions."""
    shown: Json = {
        "number": quantity(header.number),
        "hash": data(header.hash),
        "parentHash": data(header.parent_hash),
        "sha3Uncles": data(header.ommers_hash),
        "miner": data(header.coinbase),
        "stateRoot": data(header.state_root),
        "transactionsRoot": data(header.transactions_root),
        "receiptsRoot": data(header.receipts_root),
        "logsBloom": data(header.bloom),
        "difficulty": quantity(header.difficulty),
        "gasLimit": quantity(header.gas_limit),
        "gasUsed": quantity(header.gas_used),
        "timestamp": quantity(header.timestamp),
        "extraData": data(header.extra_data),
        "mixHash": data(header.prev_randao),
        "nonce": data(header.nonce),
    }
    if header.base_fee_per_gas is not None:
        shown["baseFeePerGas"] = quantity(header.base_fee_per_gas)
    if header.withdrawals_root is not None:
        shown["withdrawalsRoot"] = data(header.withdrawals_root)
    if header.blob_gas_used is not None:
        shown["blobGasUsed"] = quantity(header.blob_gas_used)
    if header.excess_blob_gas is not None:
        shown["excessBlobGas"] = quantity(header.excess_blob_gas)
    if header.parent_beacon_block_root is not None:
        shown["parentBeaconBlockRoot"] = data(header.parent_beacon_block_root)
    if header.requests_hash is not None:
        shown["requestsHash"] = data(header.requests_hash)
    return shown


def open_header_object(body: BlockBody, environment: BlockEnvironment, parent_hash: bytes) -> Json:
    """The block being built, as far as it got."""
    receipts = [entry.receipt for entry in body.transactions]
    shown: Json = {
        "number": quantity(environment.number),
        "hash": None,
        "parentHash": data(parent_hash),
        "sha3Uncles": data(EMPTY_LIST_HASH),
        "miner": data(environment.coinbase),
        "stateRoot": data(ZERO_HASH),
        "transactionsRoot": data(ZERO_HASH),
        "receiptsRoot": data(ZERO_HASH),
        "logsBloom": data(merge_blooms(receipt.bloom for receipt in receipts if receipt.logs)),
        "difficulty": quantity(environment.difficulty),
        "gasLimit": quantity(environment.gas_limit),
        "gasUsed": quantity(receipts[-1].cumulative_gas_used if receipts else 0),
        "timestamp": quantity(environment.timestamp),
        "extraData": "0x",
        "mixHash": data(environment.prev_randao),
        "nonce": None,
    }
    if environment.fork >= Fork.LONDON:
        shown["baseFeePerGas"] = quantity(environment.base_fee_per_gas)
    if environment.fork >= Fork.SHANGHAI:
        shown["withdrawalsRoot"] = data(ZERO_HASH)
    if environment.fork >= Fork.CANCUN:
        blob_gas = sum(GAS_PER_BLOB * len(entry.transaction.blob_versioned_hashes) for entry in body.transactions)
        shown["blobGasUsed"] = quantity(blob_gas)
        shown["excessBlobGas"] = quantity(environment.excess_blob_gas)
        shown["parentBeaconBlockRoot"] = data(ZERO_HASH)
    if environment.fork >= Fork.PRAGUE:
        shown["requestsHash"] = data(ZERO_HASH)
    return shown


def with_transactions(header: Json, body: BlockBody, *, full: bool) -> Json:
    """A block: its header object with transactions (or their hashes), size and what else a block has."""
    transactions: list[Any]
    if full:
        transactions = [transaction_object(entry) for entry in body.transactions]
    else:
        transactions = [data(entry.transaction.hash) for entry in body.transactions]
    shown = {**header, "size": quantity(body.size_bytes), "transactions": transactions, "uncles": []}
    if "withdrawalsRoot" in header:
        shown["withdrawals"] = []
    return shown


def transaction_object(entry: ChainTransaction) -> Json:
    """A transaction that is in a block."""
    return {
        "blockHash": data(entry.block_hash),
        "blockNumber": quantity(entry.block_number),
        "blockTimestamp": quantity(entry.block_timestamp),
        "transactionIndex": quantity(entry.index),
        **_transaction_members(entry.transaction, entry.transaction.effective_gas_price(entry.base_fee_per_gas)),
    }


def pending_transaction_object(transaction: Transaction) -> Json:
    """A transaction that is in no block yet."""
    return {
        "blockHash": None,
        "blockNumber": None,
        "blockTimestamp": None,
        "transactionIndex": None,
        **_transaction_members(transaction, transaction.max_fee_per_gas),
    }


def _transaction_members(transaction: Transaction, gas_price: int) -> Json:
    return {"from": data(transaction.sender), "hash": data(transaction.hash), **payload_members(transaction, gas_price)}


def payload_members(transaction: Transaction, gas_price: int) -> Json:
    """What a transaction itself holds, signed or not; `gas_price` in wei."""
    kind = transaction.type
    shown: Json = {
        "type": quantity(kind),
        "nonce": quantity(transaction.nonce),
        "gas": quantity(transaction.gas_limit),
        "gasPrice": quantity(gas_price),
        "to": None if transaction.to is None else data(transaction.to),
        "value": quantity(transaction.value),
        "input": data(transaction.data),
        "v": quantity(transaction.v),
        "r": quantity(transaction.r),
        "s": quantity(transaction.s),
    }
    if transaction.chain_id is not None:
        shown["chainId"] = quantity(transaction.chain_id)
    if kind == LEGACY:
        return shown
    shown["yParity"] = quantity(transaction.y_parity)
    shown["accessList"] = access_list_object(transaction.access_list)
    if kind in (DYNAMIC_FEE, BLOB, SET_CODE):
        shown["maxFeePerGas"] = quantity(transaction.max_fee_per_gas)
        shown["maxPriorityFeePerGas"] = quantity(transaction.max_priority_fee_per_gas)
    if kind == BLOB:
        shown["maxFeePerBlobGas"] = quantity(transaction.max_fee_per_blob_gas)
        shown["blobVersionedHashes"] = [data(item) for item in transaction.blob_versioned_hashes]
    if kind == SET_CODE:
        shown["authorizationList"] = [
            {
                "chainId": quantity(entry.chain_id),
                "address": data(entry.address),
                "nonce": quantity(entry.nonce),
                "yParity": quantity(entry.y_parity),
                "r": quantity(entry.r),
                "s": quantity(entry.s),
            }
            for entry in transaction.authorization_list
        ]
    return shown


def access_list_object(access_list: AccessList) -> list[Json]:
    """An EIP-2930 list."""
    return [{"address": data(address), "storageKeys": [data(key) for key in keys]} for address, keys in access_list]


def receipt_object(entry: ChainTransaction, excess_blob_gas: int = 0, fork: Fork = Fork.OSAKA) -> Json:
    """A receipt; the last two arguments set the price of blobs in its block."""
    transaction, receipt = entry.transaction, entry.receipt
    shown: Json = {
        "blockHash": data(entry.block_hash),
        "blockNumber": quantity(entry.block_number),
        "contractAddress": None if receipt.contract_address is None else data(receipt.contract_address),
        "cumulativeGasUsed": quantity(receipt.cumulative_gas_used),
        "effectiveGasPrice": quantity(receipt.effective_gas_price),
        "from": data(transaction.sender),
        "gasUsed": quantity(receipt.gas_used),
        "logs": [log_object(entry, index, log) for index, log in enumerate(receipt.logs)],
        "logsBloom": data(receipt.bloom),
        "status": "0x1" if receipt.succeeded else "0x0",
        "to": None if transaction.to is None else data(transaction.to),
        "transactionHash": data(transaction.hash),
        "transactionIndex": quantity(entry.index),
        "type": quantity(transaction.type),
    }
    if transaction.type == BLOB:
        shown["blobGasUsed"] = quantity(GAS_PER_BLOB * len(transaction.blob_versioned_hashes))
        shown["blobGasPrice"] = quantity(blob_base_fee(excess_blob_gas, fork))
    return shown


def without_block_hash(receipt: Json) -> Json:
    """As the methods that wait for a receipt give it before the block is sealed: `blockHash` is null."""
    return {**receipt, "blockHash": None, "logs": [{**log, "blockHash": None} for log in receipt["logs"]]}


def log_object(entry: ChainTransaction, index: int, log: Log) -> Json:
    """The log at `index` of a transaction's logs."""
    return {
        "address": data(log.address),
        "topics": [data(topic) for topic in log.topics],
        "data": data(log.data),
        "blockNumber": quantity(entry.block_number),
        "transactionHash": data(entry.transaction.hash),
        "transactionIndex": quantity(entry.index),
        "blockHash": data(entry.block_hash),
        "blockTimestamp": quantity(entry.block_timestamp),
        "logIndex": quantity(entry.first_log_index + index),
        "removed": False,
    }
