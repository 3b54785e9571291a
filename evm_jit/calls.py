"""
Calls that nobody signed, as the transactions that engines execute, and what even a call has to hold.
"""

from dataclasses import replace

from evm_jit.engine import Call
from evm_jit.transaction_checks import check_balance, check_fees
from primitives import rlp
from primitives.block import BlockEnvironment
from primitives.constants import INIT_CODE_SIZE_BYTES_MAX, NONCE_MAX
from primitives.errors import FloorGasTooLow, InitCodeTooLarge, IntrinsicGasTooLow
from primitives.forks import Fork
from primitives.intrinsic_gas import floor_gas, intrinsic_gas
from primitives.keccak import keccak256
from primitives.state_diff import EMPTY_ACCOUNT
from primitives.transaction import BLOB, DYNAMIC_FEE, SET_CODE, Transaction
from statestore.view import StateView


def transaction_of(call: Call, environment: BlockEnvironment, state: StateView) -> Transaction:
    """A transaction with the fields of `call` and the next nonce of its sender; nobody signed it."""
    account = state.account(call.sender)
    kind = SET_CODE if call.authorization_list else BLOB if call.blob_versioned_hashes else DYNAMIC_FEE
    return Transaction(
        type=kind,
        chain_id=environment.chain_id,
        nonce=0 if account is None else min(account.nonce, NONCE_MAX),
        max_priority_fee_per_gas=call.gas_price,
        max_fee_per_gas=call.gas_price,
        gas_limit=call.gas_limit,
        to=call.to,
        value=call.value,
        data=call.data,
        y_parity=0,
        r=0,
        s=0,
        access_list=call.access_list,
        blob_versioned_hashes=call.blob_versioned_hashes,
        authorization_list=call.authorization_list,
        known_sender=call.sender,
    )


def check_call(transaction: Transaction, call: Call, environment: BlockEnvironment, state: StateView) -> None:
    """
    Init code and balance; unless the call is `frame_only`, gas for what runs before the frame, and fees.

    Raises the InvalidTransaction that a transaction like it would meet.
    """
    balance = (state.account(call.sender) or EMPTY_ACCOUNT).balance
    if call.frame_only:
        check_balance(balance, transaction.value)
        _check_init_code(transaction, environment.fork)
        return
    gas = intrinsic_gas(transaction, environment.fork)
    if call.gas_limit < gas:
        raise IntrinsicGasTooLow(call.gas_limit, gas)
    floor = floor_gas(transaction, environment.fork)
    if call.gas_limit < floor:
        raise FloorGasTooLow(call.gas_limit, floor)
    _check_init_code(transaction, environment.fork)
    if call.gas_price:
        check_fees(replace(transaction, type=DYNAMIC_FEE), call.sender, environment)
    check_balance(balance, call.gas_limit * call.gas_price + call.value)


def _check_init_code(transaction: Transaction, fork: Fork) -> None:
    size_bytes = len(transaction.data)
    if transaction.to is None and fork >= Fork.SHANGHAI and size_bytes > INIT_CODE_SIZE_BYTES_MAX:
        raise InitCodeTooLarge(size_bytes, INIT_CODE_SIZE_BYTES_MAX)


def creation_address(sender: bytes, nonce: int) -> bytes:
    """Where a creation by a transaction puts its contract (Yellow Paper, section 7)."""
    return keccak256(rlp.encode([sender, rlp.encode_int(nonce)]))[12:]
