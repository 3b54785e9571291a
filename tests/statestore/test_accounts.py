"""Accounts as an engine writes them, by row: whoever writes a field makes the account exist."""

import pytest

from primitives.constants import KECCAK_EMPTY, U256_MAX
from primitives.keccak import keccak256
from primitives.state_diff import EMPTY_ACCOUNT, Account, AccountChange
from statestore.table import OLDER_ACCOUNTS_FULL, UNDO_FULL, Capacities
from tests.statestore.table_kernels import BALANCE, CODE, NONCE, REMOVE, EngineState, limbs, write_account

ALICE = b"\xaa" * 20
CODE_HASH = keccak256(b"\x5b")


def engine_state() -> EngineState:
    """A state whose code 1 is one JUMPDEST, which no account has."""
    state = EngineState()
    state.set_code(b"\xcc" * 20, b"\x5b")
    state.delete_account(b"\xcc" * 20)
    state.seal_genesis()
    return state


@pytest.mark.parametrize(
    ("what", "value", "account"),
    [
        (BALANCE, U256_MAX, Account(0, U256_MAX, KECCAK_EMPTY)),
        (NONCE, 2**64 - 1, Account(2**64 - 1, 0, KECCAK_EMPTY)),
        (CODE, 1, Account(0, 0, CODE_HASH)),
        (BALANCE, 0, EMPTY_ACCOUNT),
        (NONCE, 0, EMPTY_ACCOUNT),
        (CODE, 0, EMPTY_ACCOUNT),
    ],
)
def test_a_write_creates_the_account(what: int, value: int, account: Account) -> None:
    state = engine_state()
    assert state.on_account(what, ALICE, value) == 0
    assert state.account(ALICE) == account
    state.revert(0)
    assert state.account(ALICE) is None
    state.on_account(what, ALICE, value)
    [change] = state.seal().accounts
    assert change == AccountChange(ALICE, account, ())


@pytest.mark.parametrize("what", [BALANCE, NONCE, CODE])
def test_a_write_of_what_is_there_leaves_no_entry(what: int) -> None:
    state = engine_state()
    state.on_account(what, ALICE, 1)
    count = state.snapshot()
    assert state.on_account(what, ALICE, 1) == 0
    assert state.snapshot() == count


def test_removing_is_undone_whole() -> None:
    state = engine_state()
    for what, value in ((BALANCE, 7), (NONCE, 8), (CODE, 1)):
        state.on_account(what, ALICE, value)
    before = state.snapshot()
    assert state.on_account(REMOVE, ALICE) == 0
    assert state.account(ALICE) is None
    removed = state.snapshot()
    assert state.on_account(REMOVE, ALICE) == 0
    assert state.snapshot() == removed
    state.revert(before)
    assert state.account(ALICE) == Account(8, 7, CODE_HASH)


@pytest.mark.parametrize("what", [BALANCE, NONCE, CODE, REMOVE])
@pytest.mark.parametrize("status", [UNDO_FULL, OLDER_ACCOUNTS_FULL])
def test_a_full_table_leaves_the_account_as_it_was(what: int, status: int) -> None:
    state = EngineState(0, Capacities(undo=8, older_accounts=2))
    state.set_code(ALICE, b"\x00")
    state.set_code(ALICE, b"\x5b")
    state.seal_genesis()
    if status == UNDO_FULL:
        state.tables.counters["undo_count"] = 5
    else:
        for number in range(2):
            assert state.once(write_account, BALANCE, bytes([number]) * 20, limbs(1)) == 0
    before = state.snapshot()
    assert state.once(write_account, what, ALICE, limbs(1)) == status
    assert state.account(ALICE) == Account(0, 0, CODE_HASH)
    assert state.snapshot() == before
