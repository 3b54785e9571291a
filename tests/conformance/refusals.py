"""What the test corpora call the reasons to refuse a transaction, and the errors of leveret that say the same."""

from evm_jit.statetest import Verdict

ERRORS = {
    "TransactionException.GAS_ALLOWANCE_EXCEEDED": {"GasLimitExceeded"},
    "TransactionException.GAS_LIMIT_EXCEEDS_MAXIMUM": {"TransactionGasCapExceeded"},
    "TransactionException.GASLIMIT_PRICE_PRODUCT_OVERFLOW": {"CostOverflow"},
    "TransactionException.INITCODE_SIZE_EXCEEDED": {"InitCodeTooLarge"},
    "TransactionException.INSUFFICIENT_ACCOUNT_FUNDS": {"InsufficientFunds", "CostOverflow"},
    "TransactionException.INSUFFICIENT_MAX_FEE_PER_BLOB_GAS": {"BlobTransactionInvalid"},
    "TransactionException.INSUFFICIENT_MAX_FEE_PER_GAS": {"FeeCapTooLow"},
    "TransactionException.INTRINSIC_GAS_BELOW_FLOOR_GAS_COST": {"FloorGasTooLow"},
    "TransactionException.INTRINSIC_GAS_TOO_LOW": {"IntrinsicGasTooLow"},
    "TransactionException.NONCE_IS_MAX": {"NonceMaxed"},
    "TransactionException.NONCE_MISMATCH_TOO_HIGH": {"NonceTooHigh"},
    "TransactionException.NONCE_MISMATCH_TOO_LOW": {"NonceTooLow"},
    "TransactionException.PRIORITY_GREATER_THAN_MAX_FEE_PER_GAS": {"TipAboveFeeCap"},
    "TransactionException.RLP_INVALID_VALUE": {"MalformedTransaction"},
    "TransactionException.SENDER_NOT_EOA": {"SenderNotEoa"},
    "TransactionException.TYPE_1_TX_PRE_FORK": {"TypeNotSupported"},
    "TransactionException.TYPE_2_TX_PRE_FORK": {"TypeNotSupported"},
    "TransactionException.TYPE_3_TX_BLOB_COUNT_EXCEEDED": {"BlobTransactionInvalid"},
    "TransactionException.TYPE_3_TX_CONTRACT_CREATION": {"BlobTransactionInvalid", "MalformedTransaction"},
    "TransactionException.TYPE_3_TX_INVALID_BLOB_VERSIONED_HASH": {"BlobTransactionInvalid"},
    "TransactionException.TYPE_3_TX_MAX_BLOB_GAS_ALLOWANCE_EXCEEDED": {"BlobTransactionInvalid"},
    "TransactionException.TYPE_3_TX_PRE_FORK": {"TypeNotSupported"},
    "TransactionException.TYPE_3_TX_ZERO_BLOBS": {"BlobTransactionInvalid"},
    "TransactionException.TYPE_4_EMPTY_AUTHORIZATION_LIST": {"SetCodeTransactionInvalid"},
    "TransactionException.TYPE_4_TX_CONTRACT_CREATION": {"SetCodeTransactionInvalid", "MalformedTransaction"},
    "TransactionException.TYPE_4_TX_PRE_FORK": {"TypeNotSupported"},
    "EELS.BlobCountExceededError": {"BlobTransactionInvalid"},
    "EELS.DecodingError": {"MalformedTransaction"},
    "EELS.InsufficientTransactionGasError": {"IntrinsicGasTooLow", "FloorGasTooLow"},
    "EELS.TransactionGasLimitExceededError": {"TransactionGasCapExceeded"},
}


def wrong_reason(verdict: Verdict) -> str | None:
    """In one sentence, that a transaction was refused for something else than it had to be; None if it was not."""
    if verdict.refusal is None or verdict.exception is None:
        return None
    alternatives = verdict.exception.split("|")
    if any(name not in ERRORS or verdict.refusal in ERRORS[name] for name in alternatives):
        return None  # A reason that is not in the list can't be compared.
    return f"refused as {verdict.refusal}, expected {verdict.exception}"
