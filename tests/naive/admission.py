"""Whether a transaction may enter the mempool, one at a time, with Python's numbers: the twin of the kernels."""

from evm_jit.transaction_checks import is_delegation
from primitives.block import BlockEnvironment
from primitives.constants import KECCAK_EMPTY, TRANSACTION_SIZE_BYTES_MAX
from primitives.errors import (
    FeeCapTooLow,
    GasLimitExceeded,
    InsufficientFunds,
    InvalidTransaction,
    NonceTooLow,
    NotReplayProtected,
    SenderNotEoa,
    TransactionTooLarge,
    TypeNotSupported,
)
from primitives.state_diff import EMPTY_ACCOUNT, Account
from primitives.transaction import BLOB, Transaction, decode_transaction
from primitives.validity import check_static, cost_max
from statestore.view import StateView


def refusal_of(raw: bytes, environment: BlockEnvironment, state: StateView) -> InvalidTransaction | None:
    """Why these bytes are no transaction for a block like this one; None if they are."""
    try:
        transaction = decode_transaction(raw)
        sender = check_transaction(transaction, environment)
        check_sender(transaction, state.account(sender), state, 0)
    except InvalidTransaction as refusal:
        return refusal
    return None


def check_transaction(transaction: Transaction, environment: BlockEnvironment) -> bytes:
    """
    The sender of a transaction that a block like this one may hold; InvalidTransaction says why it may not.

    The environment is that of the open block.
    """
    _check_fields(transaction, environment)
    return _check_sender_and_fee(transaction, environment)


def _check_fields(transaction: Transaction, environment: BlockEnvironment) -> None:
    """All that can be refused without knowing who signed."""
    if len(transaction.raw) > TRANSACTION_SIZE_BYTES_MAX:
        raise TransactionTooLarge(len(transaction.raw), TRANSACTION_SIZE_BYTES_MAX)
    if transaction.type == BLOB:
        raise TypeNotSupported(BLOB, "this chain has no blobs")
    if transaction.chain_id is None:
        raise NotReplayProtected
    check_static(transaction, environment.fork, environment.chain_id)
    if transaction.gas_limit > environment.gas_limit:
        raise GasLimitExceeded(environment.gas_limit, transaction.gas_limit)


def _check_sender_and_fee(transaction: Transaction, environment: BlockEnvironment) -> bytes:
    sender = transaction.sender
    if transaction.max_fee_per_gas < environment.base_fee_per_gas:
        raise FeeCapTooLow(sender, transaction.max_fee_per_gas, environment.base_fee_per_gas)
    return sender


def check_sender(transaction: Transaction, account: Account | None, state: StateView, queued_wei: int) -> None:
    """
    Compare with the sender's account in `state`: nonce not used, no contract's code, balance for this and the rest.

    `queued_wei` is what the sender's other queued transactions cost at most.
    """
    nonce, balance_wei, code_hash = account or EMPTY_ACCOUNT
    if transaction.nonce < nonce:
        raise NonceTooLow(nonce, transaction.nonce)
    if code_hash != KECCAK_EMPTY and not is_delegation(state.code(code_hash)):
        raise SenderNotEoa(transaction.sender)
    cost_wei = cost_max(transaction)
    if balance_wei < cost_wei:
        raise InsufficientFunds(balance_wei, cost_wei)
    if balance_wei < cost_wei + queued_wei:
        raise InsufficientFunds(balance_wei, cost_wei, queued_wei)
