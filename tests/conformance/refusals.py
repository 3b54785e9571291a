"""What the test corpora call the reasons to refuse something, and what leveret calls them."""

from evm_jit.statetest import Verdict

ERRORS = {
    "TransactionException.GAS_ALLOWANCE_EXCEEDED": {"GasLimitExceeded", "BlockGasExhausted"},
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
    "BlockException.EXTRA_DATA_TOO_BIG": {"extra data"},
    "BlockException.GASLIMIT_TOO_BIG": {"gas limit"},
    "BlockException.GAS_USED_OVERFLOW": {"gas used"},
    "BlockException.IMPORT_IMPOSSIBLE_UNCLES_OVER_PARIS": {"ommers", "ommers hash"},
    "BlockException.INCORRECT_BLOB_GAS_USED": {"blob gas used"},
    "BlockException.INCORRECT_BLOCK_FORMAT": {"withdrawals", "requests hash", "MalformedTransaction"},
    "BlockException.INCORRECT_EXCESS_BLOB_GAS": {"excess blob gas"},
    "BlockException.INVALID_BASEFEE_PER_GAS": {"base fee"},
    "BlockException.INVALID_BLOCK_NUMBER": {"number"},
    "BlockException.INVALID_BLOCK_TIMESTAMP_OLDER_THAN_PARENT": {"timestamp"},
    "BlockException.INVALID_DEPOSIT_EVENT_LAYOUT": {"deposit event"},
    "BlockException.INVALID_GASLIMIT": {"gas limit"},
    "BlockException.INVALID_GAS_USED": {"gas used"},
    "BlockException.INVALID_LOG_BLOOM": {"bloom"},
    "BlockException.INVALID_RECEIPTS_ROOT": {"receipts root"},
    "BlockException.INVALID_REQUESTS": {"requests hash"},
    "BlockException.INVALID_STATE_ROOT": {"state root"},
    "BlockException.INVALID_TRANSACTIONS_ROOT": {"transactions root"},
    "BlockException.INVALID_WITHDRAWALS_ROOT": {"withdrawals root"},
    "BlockException.RLP_INVALID_FIELD_OVERFLOW_64": {"DecodingError"},
    "BlockException.RLP_STRUCTURES_ENCODING": {"DecodingError"},
    "BlockException.SYSTEM_CONTRACT_CALL_FAILED": {"system call"},
    "BlockException.SYSTEM_CONTRACT_EMPTY": {"system contract"},
    "BlockException.UNKNOWN_PARENT": {"parent"},
    "BlockException.UNKNOWN_PARENT_ZERO": {"parent"},
    "EELS.BlobCountExceededError": {"BlobTransactionInvalid"},
    "EELS.DecodingError": {"MalformedTransaction"},
    "EELS.InsufficientTransactionGasError": {"IntrinsicGasTooLow", "FloorGasTooLow"},
    "EELS.TransactionGasLimitExceededError": {"TransactionGasCapExceeded"},
}

# Transactions that break another rule, too, which leveret happens to check first, by the name of the file.
ALSO_WRONG = {
    "EmptyTransaction": "IntrinsicGasTooLow",
    "UserTransactionGasLimitIsTooLowWhenZeroCost": "IntrinsicGasTooLow",
    "txCost-sec73": "IntrinsicGasTooLow",
}


def wrong_reason(verdict: Verdict) -> str | None:
    """In one sentence, that something was refused for something else than it had to be; None if it was not."""
    for error, exception in verdict.refusals:
        if any(error == also_wrong and f"/{file}.json/" in verdict.name for file, also_wrong in ALSO_WRONG.items()):
            continue
        alternatives = exception.split("|")
        # A reason that is not in the list can't be compared.
        if not any(name not in ERRORS or error in ERRORS[name] for name in alternatives):
            return f"refused as {error}, expected {exception}"
    return None
