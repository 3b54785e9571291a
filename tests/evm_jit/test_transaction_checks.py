"""What may not enter a block, and that it leaves no trace."""

from dataclasses import replace

import pytest

from evm_jit import native
from evm_jit.transaction_checks import blob_base_fee
from primitives.errors import (
    BlobTransactionInvalid,
    BlockGasExhausted,
    FeeCapTooLow,
    FloorGasTooLow,
    GasLimitExceeded,
    InitCodeTooLarge,
    InsufficientFunds,
    IntrinsicGasTooLow,
    InvalidSignature,
    NonceTooHigh,
    NonceTooLow,
    SenderNotEoa,
    SetCodeTransactionInvalid,
    TipAboveFeeCap,
    TransactionGasCapExceeded,
    TypeNotSupported,
    WrongChainId,
)
from primitives.fee_market import BlobParameters
from primitives.forks import Fork
from primitives.transaction import BLOB, SET_CODE
from statestore.state import State
from tests.asm import STOP, deploy
from tests.evm_jit.scene import BASE_FEE, BLOCK, COINBASE, ETHER, OTHER, SENDER, balance, block, execute, signed

BLOB_NAME = b"\x01" + bytes(31)


def blobs(count: int = 1, **fields: object):
    return signed(**({"type": BLOB, "max_fee_per_blob_gas": 5, "blob_versioned_hashes": (BLOB_NAME,) * count} | fields))


REFUSALS = {
    "nonce too high": (signed(nonce=6), NonceTooHigh),
    "nonce too low": (signed(nonce=4), NonceTooLow),
    "value above the balance": (signed(nonce=5, value=10 * ETHER), InsufficientFunds),
    "gas at the maximum fee above the balance": (signed(nonce=5, max_fee_per_gas=10**14), InsufficientFunds),
    "blobs above the balance": (blobs(nonce=5, max_fee_per_blob_gas=10**14), InsufficientFunds),
    "fee below the base fee": (signed(nonce=5, max_fee_per_gas=BASE_FEE - 1), FeeCapTooLow),
    "tip above the fee": (signed(nonce=5, max_priority_fee_per_gas=11), TipAboveFeeCap),
    "intrinsic gas": (signed(nonce=5, gas_limit=20_999), IntrinsicGasTooLow),
    "floor gas": (signed(nonce=5, gas_limit=24_999, data=b"\x01" * 100), FloorGasTooLow),
    "gas above the block's": (signed(nonce=5, gas_limit=30_000_001), TransactionGasCapExceeded),
    "gas cap": (signed(nonce=5, gas_limit=2**24 + 1), TransactionGasCapExceeded),
    "gas left in the block": (signed(nonce=5, gas_limit=10_000_001), BlockGasExhausted),
    "chain id": (signed(nonce=5, chain_id=2), WrongChainId),
    "signature": (replace(signed(nonce=5), s=2**256 - 1), InvalidSignature),
    "init code": (signed(nonce=5, to=None, data=bytes(49_153)), InitCodeTooLarge),
    "too many blobs": (blobs(7, nonce=5), BlobTransactionInvalid),
    "no blobs": (blobs(0, nonce=5), BlobTransactionInvalid),
    "blob that creates": (blobs(nonce=5, to=None), BlobTransactionInvalid),
    "blob fee": (blobs(nonce=5, max_fee_per_blob_gas=0), BlobTransactionInvalid),
    "blob version": (blobs(nonce=5, blob_versioned_hashes=(bytes(32),)), BlobTransactionInvalid),
    "no authorizations": (signed(nonce=5, type=SET_CODE), SetCodeTransactionInvalid),
}


@pytest.mark.parametrize(("transaction", "error"), REFUSALS.values(), ids=REFUSALS.keys())
def test_a_refused_transaction_leaves_no_trace(engine, world, transaction, error):
    world.set_nonce(SENDER, 5)
    world.begin_transaction()
    before = world.account(SENDER)
    outcome, after = engine.execute([transaction, signed(nonce=5, to=OTHER)], BLOCK, world, gas_used_before=20_000_000)
    assert outcome.receipt is None
    assert type(outcome.refusal) is error
    assert after.receipt.cumulative_gas_used == 20_021_000
    assert balance(world, COINBASE) == 21_000
    assert world.account(SENDER) == (6, before.balance - 21_000 * (BASE_FEE + 1), before.code_hash)


def test_a_sender_with_code_is_refused_unless_it_is_a_delegation(engine, world):
    world.set_code(SENDER, STOP)
    world.begin_transaction()
    assert type(execute(engine, world, signed()).refusal) is SenderNotEoa
    world.set_code(SENDER, b"\xef\x01\x00" + OTHER)
    world.begin_transaction()
    assert execute(engine, world, signed()).refusal is None


JUST_ENOUGH = {
    "a transfer": (signed(to=OTHER, value=1_000), 1_000_000 * 10 + 1_000),
    "blobs": (blobs(3, max_fee_per_blob_gas=7, value=9), 1_000_000 * 10 + 3 * 2**17 * 7 + 9),
    "fees of many bits": (signed(to=OTHER, max_fee_per_gas=2**230), 1_000_000 * 2**230),
    "blob fees of many bits": (blobs(max_fee_per_blob_gas=2**230), 1_000_000 * 10 + 2**17 * 2**230),
}


@pytest.mark.parametrize(("transaction", "cost_wei"), JUST_ENOUGH.values(), ids=JUST_ENOUGH.keys())
def test_a_balance_that_covers_the_highest_cost_is_enough(engine, world, transaction, cost_wei, monkeypatch):
    if engine.name != "reference" and isinstance(world, State):
        monkeypatch.setattr(native, "reference_engine", lambda: pytest.fail("compiled code did not take it"))
    world.set_balance(SENDER, cost_wei - 1)
    world.begin_transaction()
    assert type(execute(engine, world, transaction).refusal) is InsufficientFunds
    world.set_balance(SENDER, cost_wei)
    world.begin_transaction()
    assert execute(engine, world, transaction).refusal is None


def test_a_creation_that_can_just_pay_for_its_code_has_it(engine, world):
    data = deploy(b"\x5b" * 100)
    receipt = execute(engine, world, signed(to=None, data=data)).receipt
    assert receipt is not None and receipt.succeeded
    short = execute(engine, world, signed(nonce=1, to=None, data=data, gas_limit=receipt.gas_used - 1)).receipt
    enough = execute(engine, world, signed(nonce=2, to=None, data=data, gas_limit=receipt.gas_used)).receipt
    assert short is not None and not short.succeeded
    assert enough is not None and enough.succeeded


def test_a_sender_that_does_not_exist_owns_nothing(engine, world):
    transaction = signed(key=b"\x55" * 32)
    assert type(execute(engine, world, transaction).refusal) is InsufficientFunds
    assert world.account(transaction.sender) is None


def test_the_block_gas_limit_bounds_a_transaction(engine, world):
    at_limit = signed(to=OTHER, gas_limit=BLOCK.gas_limit)
    assert execute(engine, world, at_limit, fork=Fork.PRAGUE).refusal is None
    above = signed(to=OTHER, nonce=1, gas_limit=BLOCK.gas_limit + 1)
    assert type(execute(engine, world, above, fork=Fork.PRAGUE).refusal) is GasLimitExceeded


@pytest.mark.parametrize(
    ("transaction", "fork"),
    [
        (signed(type=1, max_priority_fee_per_gas=10), Fork.ISTANBUL),
        (signed(), Fork.BERLIN),
        (blobs(), Fork.SHANGHAI),
        (signed(type=SET_CODE), Fork.CANCUN),
    ],
)
def test_a_type_is_refused_before_its_fork(engine, world, transaction, fork):
    assert type(execute(engine, world, transaction, fork=fork).refusal) is TypeNotSupported


@pytest.mark.parametrize(("fork", "most"), [(Fork.CANCUN, 6), (Fork.PRAGUE, 9), (Fork.OSAKA, 6)])
def test_the_number_of_blobs_is_bounded_by_fork(engine, world, fork, most):
    assert execute(engine, world, blobs(most), fork=fork).refusal is None
    assert type(execute(engine, world, blobs(most + 1, nonce=1), fork=fork).refusal) is BlobTransactionInvalid


def test_the_blob_base_fee_follows_the_excess():
    excess = 10 * 2**20
    assert blob_base_fee(replace(block(Fork.SHANGHAI), excess_blob_gas=excess)) == 0
    assert blob_base_fee(replace(block(Fork.CANCUN), excess_blob_gas=excess)) == 23
    assert blob_base_fee(replace(block(Fork.OSAKA), excess_blob_gas=excess)) == 8
    other = replace(block(Fork.OSAKA), excess_blob_gas=excess, blob_parameters=BlobParameters(3, 6, 3_338_477))
    assert blob_base_fee(other) == 23
