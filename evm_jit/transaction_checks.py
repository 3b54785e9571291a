"""
Whether a transaction may enter a block now: every check before the first change of state.

A transaction that fails one leaves nothing behind. py-evm's own checks lack some and get others wrong (the balance
of a sender of type 2 or 3, EIP-3607, a priority fee above the maximum, EIP-7623), so none of them is used.
"""

from primitives.block import BlockEnvironment
from primitives.constants import KECCAK_EMPTY, NONCE_MAX
from primitives.errors import (
    BlobTransactionInvalid,
    BlockGasExhausted,
    FeeCapTooLow,
    GasLimitExceeded,
    InsufficientFunds,
    NonceMaxed,
    NonceTooHigh,
    NonceTooLow,
    SenderNotEoa,
)
from primitives.fee_market import BLOB_PARAMETERS, blob_base_fee_after
from primitives.forks import Fork
from primitives.signature import recover
from primitives.state_diff import EMPTY_ACCOUNT, Account
from primitives.transaction import BLOB, Transaction
from primitives.validity import check_static, cost_max
from statestore.view import StateView

DELEGATION_PREFIX = b"\xef\x01\x00"  # EIP-7702; the 20 bytes of an address follow.
DELEGATION_SIZE_BYTES = 23


def check_transaction(
    transaction: Transaction, environment: BlockEnvironment, state: StateView, gas_used_before: int
) -> bytes:
    """
    The sender of a transaction that may be executed now; otherwise the InvalidTransaction that says why not.

    BlockGasExhausted comes last: with it a transaction is valid and only has to wait for the next block.
    """
    check_static(transaction, environment.fork, environment.chain_id)
    if transaction.gas_limit > environment.gas_limit:
        raise GasLimitExceeded(environment.gas_limit, transaction.gas_limit)
    sender = _sender(transaction, environment.fork)
    account = state.account(sender) or EMPTY_ACCOUNT
    _check_nonce(transaction.nonce, account.nonce)
    _check_sender_code(sender, account, state)
    check_fees(transaction, sender, environment)
    check_balance(account.balance, cost_max(transaction))
    gas_left = environment.gas_limit - gas_used_before
    if transaction.gas_limit > gas_left:
        raise BlockGasExhausted(gas_left, transaction.gas_limit)
    return sender


def _sender(transaction: Transaction, fork: Fork) -> bytes:
    """Who signed; Frontier also takes a high s (before EIP-2)."""
    if fork >= Fork.HOMESTEAD or transaction.known_sender is not None:
        return transaction.sender
    return recover(transaction.signing_hash, transaction.y_parity, transaction.r, transaction.s, low_s=False)


def check_fees(transaction: Transaction, sender: bytes, environment: BlockEnvironment) -> None:
    """FeeCapTooLow or BlobTransactionInvalid unless the maximum fees cover the block's base fees."""
    if transaction.max_fee_per_gas < environment.base_fee_per_gas and environment.fork >= Fork.LONDON:
        raise FeeCapTooLow(sender, transaction.max_fee_per_gas, environment.base_fee_per_gas)
    if transaction.type == BLOB:
        base_fee = blob_base_fee(environment)
        if transaction.max_fee_per_blob_gas < base_fee:
            raise BlobTransactionInvalid(
                f"max fee per blob gas less than block blob gas fee: address 0x{sender.hex()} "
                f"blobGasFeeCap: {transaction.max_fee_per_blob_gas}, blobBaseFee: {base_fee}"
            )


def check_balance(balance_wei: int, cost_wei: int) -> None:
    """InsufficientFunds unless the balance covers the cost."""
    if balance_wei < cost_wei:
        raise InsufficientFunds(balance_wei, cost_wei)


def blob_base_fee(environment: BlockEnvironment) -> int:
    """What a unit of blob gas costs in this block, in wei (EIP-4844); 0 before Cancun."""
    if environment.fork < Fork.CANCUN:
        return 0
    parameters = environment.blob_parameters or BLOB_PARAMETERS[environment.fork]
    return blob_base_fee_after(environment.excess_blob_gas, parameters.base_fee_update_fraction)


def is_delegation(code: bytes) -> bool:
    """Whether the code of an account only names another account's (EIP-7702)."""
    return len(code) == DELEGATION_SIZE_BYTES and code.startswith(DELEGATION_PREFIX)


def _check_nonce(got: int, expected: int) -> None:
    if got < expected:
        raise NonceTooLow(expected, got)
    if got > expected:
        raise NonceTooHigh(expected, got)
    if got > NONCE_MAX:
        raise NonceMaxed


def _check_sender_code(sender: bytes, account: Account, state: StateView) -> None:
    """EIP-3607, which holds for all forks: no key is known for the address of a contract."""
    if account.code_hash != KECCAK_EMPTY and not is_delegation(state.code(account.code_hash)):
        raise SenderNotEoa(sender)
