"""
Whether a transaction can be valid at all: every check that needs its fields and the fork, but no state.

What is left for admission and engines are the checks against a state or a block: nonce, balance, sender without
code, base fee, blob base fee, gas left in the block.
"""

from typing import Final

from primitives.constants import (
    INIT_CODE_SIZE_BYTES_MAX,
    NONCE_MAX,
    TRANSACTION_GAS_CAP_OSAKA,
    U256_MAX,
)
from primitives.errors import (
    BlobTransactionInvalid,
    CostOverflow,
    FloorGasTooLow,
    InitCodeTooLarge,
    IntrinsicGasTooLow,
    InvalidSignature,
    NonceMaxed,
    SetCodeTransactionInvalid,
    TipAboveFeeCap,
    TransactionGasCapExceeded,
    TypeNotSupported,
    WrongChainId,
)
from primitives.forks import Fork
from primitives.intrinsic_gas import floor_gas, intrinsic_gas
from primitives.signature import check_ranges
from primitives.transaction import ACCESS_LIST, BLOB, DYNAMIC_FEE, LEGACY, SET_CODE, Transaction

FIRST_FORK_OF_TYPE: Final = {
    LEGACY: Fork.FRONTIER,
    ACCESS_LIST: Fork.BERLIN,
    DYNAMIC_FEE: Fork.LONDON,
    BLOB: Fork.CANCUN,
    SET_CODE: Fork.PRAGUE,
}

GAS_PER_BLOB: Final = 1 << 17
VERSIONED_HASH_VERSION_KZG: Final = 0x01


def check_static(transaction: Transaction, fork: Fork, chain_id: int | None) -> None:
    """
    Raise the InvalidTransaction that says why the transaction can't enter any block of this fork.

    `chain_id` None leaves the chain id unchecked. A legacy transaction without one passes: whether to take it is
    admission's choice. The signature's ranges are checked, but nobody is recovered.
    """
    if fork < FIRST_FORK_OF_TYPE[transaction.type]:
        raise TypeNotSupported(transaction.type, f"it begins with {FIRST_FORK_OF_TYPE[transaction.type].name.title()}")
    _check_signature(transaction, fork, chain_id)
    if transaction.nonce > NONCE_MAX:
        raise NonceMaxed
    if transaction.to is None and fork >= Fork.SHANGHAI and len(transaction.data) > INIT_CODE_SIZE_BYTES_MAX:
        raise InitCodeTooLarge(len(transaction.data), INIT_CODE_SIZE_BYTES_MAX)
    if transaction.type == BLOB:
        _check_blobs(transaction, fork)
    if transaction.type == SET_CODE:
        _check_authorizations(transaction)
    _check_gas(transaction, fork)
    if transaction.max_priority_fee_per_gas > transaction.max_fee_per_gas:
        raise TipAboveFeeCap(transaction.max_priority_fee_per_gas, transaction.max_fee_per_gas)
    if transaction.gas_limit * transaction.max_fee_per_gas > U256_MAX:
        raise CostOverflow


def cost_max(transaction: Transaction) -> int:
    """What the sender must own, in wei: all the gas at the highest price offered, the blobs, and the value."""
    blob_gas = GAS_PER_BLOB * len(transaction.blob_versioned_hashes)
    return (
        transaction.gas_limit * transaction.max_fee_per_gas
        + blob_gas * transaction.max_fee_per_blob_gas
        + transaction.value
    )


def blob_count_max(fork: Fork) -> int:
    """The most blobs that one transaction may carry (EIP-4844, EIP-7691, EIP-7594)."""
    return 9 if fork == Fork.PRAGUE else 6


def _check_signature(transaction: Transaction, fork: Fork, chain_id: int | None) -> None:
    if transaction.chain_id is not None:
        if transaction.type == LEGACY and fork < Fork.SPURIOUS_DRAGON:
            raise InvalidSignature(f"v is {transaction.v}, but replay protection begins with Spurious Dragon")
        if chain_id is not None and transaction.chain_id != chain_id:
            raise WrongChainId(chain_id, transaction.chain_id)
    check_ranges(transaction.y_parity, transaction.r, transaction.s, low_s=fork >= Fork.HOMESTEAD)


def _check_gas(transaction: Transaction, fork: Fork) -> None:
    if fork >= Fork.OSAKA and transaction.gas_limit > TRANSACTION_GAS_CAP_OSAKA:
        raise TransactionGasCapExceeded(TRANSACTION_GAS_CAP_OSAKA, transaction.gas_limit)
    gas = intrinsic_gas(transaction, fork)
    if transaction.gas_limit < gas:
        raise IntrinsicGasTooLow(transaction.gas_limit, gas)
    floor = floor_gas(transaction, fork)
    if transaction.gas_limit < floor:
        raise FloorGasTooLow(transaction.gas_limit, floor)


def _check_blobs(transaction: Transaction, fork: Fork) -> None:
    hashes = transaction.blob_versioned_hashes
    if transaction.to is None:
        raise BlobTransactionInvalid("input blob transaction is a create transaction")
    if not hashes:
        raise BlobTransactionInvalid("blob transaction missing blob hashes")
    if len(hashes) > blob_count_max(fork):
        raise BlobTransactionInvalid(f"too many blobs in transaction: have {len(hashes)}, max {blob_count_max(fork)}")
    for index, versioned_hash in enumerate(hashes):
        if versioned_hash[0] != VERSIONED_HASH_VERSION_KZG:
            raise BlobTransactionInvalid(f"blob {index} has invalid hash version {versioned_hash[0]}")


def _check_authorizations(transaction: Transaction) -> None:
    if transaction.to is None:
        raise SetCodeTransactionInvalid("EIP-7702 transaction cannot be used to create contract")
    if not transaction.authorization_list:
        raise SetCodeTransactionInvalid("EIP-7702 transaction with empty auth list")
