"""The journal of one transaction: what is cut back, and what empty accounts come to."""

import pytest

from evm_jit.account_database import RIPEMD160_ADDRESS, AccountDatabase
from primitives.receipt import Log
from primitives.state_diff import Account
from tests.evm_jit.scene import CONTRACT, OTHER


@pytest.fixture
def accounts(world) -> AccountDatabase:
    database = AccountDatabase(world, clears_empty_accounts=True)
    database.begin_transaction()
    return database


def test_a_discard_cuts_everything_back(accounts):
    accounts.mark_address_warm(CONTRACT)
    accounts.set_transient_storage(CONTRACT, 1, b"\x01")
    before = accounts.record()
    accounts.mark_address_warm(OTHER)
    accounts.mark_storage_warm(CONTRACT, 5)
    accounts.set_transient_storage(CONTRACT, 1, b"\x02")
    accounts.set_transient_storage(CONTRACT, 2, b"\x03")
    accounts.set_storage(CONTRACT, 3, 4)
    accounts.set_balance(OTHER, 6)
    accounts.logs.append(Log(CONTRACT, (), b""))
    accounts.deletions.append(CONTRACT)
    accounts.refund += 4_800
    accounts.discard(before)
    assert accounts.record() == before
    assert accounts.is_address_warm(CONTRACT)
    assert not accounts.is_address_warm(OTHER)
    assert not accounts.is_storage_warm(CONTRACT, 5)
    assert accounts.get_transient_storage(CONTRACT, 1) == b"\x01"
    assert accounts.get_transient_storage(CONTRACT, 2) == b""
    assert accounts.get_storage(CONTRACT, 3) == 0
    assert not accounts.account_exists(OTHER)


def test_a_new_transaction_starts_cold_and_empty(accounts):
    accounts.mark_address_warm(CONTRACT)
    accounts.set_transient_storage(CONTRACT, 1, b"\x01")
    accounts.refund = 1
    accounts.set_storage(CONTRACT, 3, 4)
    accounts.begin_transaction()
    assert not accounts.is_address_warm(CONTRACT)
    assert accounts.get_transient_storage(CONTRACT, 1) == b""
    assert accounts.refund == 0
    accounts.set_storage(CONTRACT, 3, 5)
    assert accounts.get_storage(CONTRACT, 3, from_journal=False) == 4


def test_a_touch_creates_nothing_from_spurious_dragon_on(world):
    newer, older = AccountDatabase(world, True), AccountDatabase(world, False)
    newer.touch_account(OTHER)
    newer.set_balance(OTHER, 0)
    assert world.account(OTHER) is None
    older.touch_account(OTHER)
    assert world.account(OTHER) == Account()


def test_an_account_left_empty_is_touched(accounts):
    accounts.world.touch(OTHER)
    accounts.touch_account(OTHER)
    accounts.set_balance(CONTRACT, 5)
    accounts.set_balance(CONTRACT, 0)
    assert accounts.touched == [OTHER, CONTRACT]


def test_a_touch_of_ripemd160_survives_a_revert(accounts):
    accounts.world.touch(RIPEMD160_ADDRESS)
    before = accounts.record()
    accounts.touch_account(RIPEMD160_ADDRESS)
    accounts.discard(before)
    assert accounts.touched == []
    assert accounts.ripemd160_was_touched


def test_code_and_nonce_of_an_account_that_does_not_exist_are_empty(accounts):
    assert accounts.get_code(OTHER) == b""
    assert accounts.get_nonce(OTHER) == 0
    assert accounts.account_is_empty(OTHER)
    assert not accounts.account_has_code_or_nonce(OTHER)
