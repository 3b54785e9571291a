"""Whose signature is nobody's changes nothing, whatever the account with address 0 has."""

from dataclasses import replace

import pytest

from evm_jit.engine import Engine
from primitives.errors import InvalidSignature
from primitives.signature import SECP256K1_N
from primitives.transaction import Transaction, decode_transaction
from primitives.transaction_batch import TransactionBatch
from statestore.view import WorldState
from tests.evm_jit.scene import BLOCK, ETHER, OTHER, signed

NOBODY = bytes(20)


def unsigned() -> list[Transaction]:
    """With numbers in range that no key fits, and out of range."""
    good = signed(OTHER, value=5)
    numbers = [{"r": good.r + difference} for difference in range(1, 12)] + [{"s": SECP256K1_N - 1}, {"r": 0}]
    found = [decode_transaction(replace(good, **changes).raw) for changes in numbers]
    return [each for each in found if is_unsigned(each)]


def is_unsigned(transaction: Transaction) -> bool:
    try:
        return not transaction.sender
    except InvalidSignature:
        return True


@pytest.mark.parametrize("is_batch", [False, True])
def test_nobody_s_transaction_is_refused(engine: Engine, world: WorldState, is_batch: bool):
    world.set_balance(NOBODY, ETHER)
    world.begin_transaction()
    transactions = unsigned()
    assert len(transactions) > 4
    given = TransactionBatch([each.raw for each in transactions]) if is_batch else transactions
    for outcome in engine.execute(given, BLOCK, world):
        assert isinstance(outcome.refusal, InvalidSignature)
    assert world.account(OTHER) is None
