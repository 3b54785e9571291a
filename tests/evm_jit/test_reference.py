"""What transactions leave behind: receipts, balances, storage, logs. For every engine and every kind of state."""

import gc
import threading
import weakref

import pytest

from evm_jit.engine import Call
from primitives import rlp
from primitives.errors import (
    FeeCapTooLow,
    FloorGasTooLow,
    InitCodeTooLarge,
    InsufficientFunds,
    IntrinsicGasTooLow,
)
from primitives.forks import Fork
from primitives.keccak import keccak256
from primitives.receipt import Log
from primitives.signature import address_of, sign
from primitives.transaction import BLOB, SET_CODE, Authorization
from statestore.overlay import Overlay
from tests.asm import (
    ADD,
    BASEFEE,
    BLOCKHASH,
    CALLER,
    CLZ,
    GAS,
    INVALID,
    JUMP,
    POP,
    STOP,
    SUB,
    SWAP1,
    call,
    callcode,
    code,
    create,
    create2,
    delegatecall,
    deploy,
    log,
    mstore,
    push,
    ret,
    return_word,
    revert,
    selfdestruct,
    sload,
    sstore,
    staticcall,
    tload,
    tstore,
)
from tests.evm_jit.scene import (
    BASE_FEE,
    BLOCK,
    COINBASE,
    CONTRACT,
    ETHER,
    OTHER,
    SENDER,
    balance,
    block,
    execute,
    install,
    legacy,
    signed,
)

DELEGATION = b"\xef\x01\x00"


def created_by(sender: bytes, nonce: int) -> bytes:
    return keccak256(rlp.encode([sender, rlp.encode_int(nonce)]))[12:]


@pytest.mark.parametrize("fork", Fork)
def test_a_transfer_moves_value_and_pays_the_coinbase(engine, world, fork):
    outcome = execute(engine, world, legacy(fork, to=OTHER, value=5), fork=fork)
    receipt = outcome.receipt
    assert outcome.halt is None
    assert (receipt.succeeded, receipt.gas_used, receipt.effective_gas_price) == (True, 21_000, 10)
    assert receipt.contract_address is None
    assert balance(world, OTHER) == 5
    assert balance(world, SENDER) == 10 * ETHER - 5 - 21_000 * 10
    assert balance(world, COINBASE) == 21_000 * (10 - block(fork).base_fee_per_gas)
    assert world.account(SENDER).nonce == 1


def test_the_priority_fee_goes_to_the_coinbase_and_the_base_fee_is_burnt(engine, world):
    receipt = execute(engine, world, signed(to=OTHER)).receipt
    assert receipt.effective_gas_price == BASE_FEE + 1
    assert balance(world, COINBASE) == 21_000
    assert balance(world, SENDER) == 10 * ETHER - 21_000 * (BASE_FEE + 1)


def test_gas_adds_up_over_transactions_and_blocks_of_transactions(engine, world):
    transactions = [signed(to=OTHER, nonce=nonce) for nonce in range(3)]
    outcomes = engine.execute(transactions, BLOCK, world, gas_used_before=50_000)
    assert [outcome.receipt.cumulative_gas_used for outcome in outcomes] == [71_000, 92_000, 113_000]


def test_a_creation_puts_code_where_sender_and_nonce_say(engine, world):
    outcome = execute(engine, world, signed(to=None, data=deploy(return_word(42))))
    address = created_by(SENDER, 0)
    assert outcome.receipt.contract_address == address
    assert outcome.output == return_word(42)
    account = world.account(address)
    assert (account.nonce, world.code(account.code_hash)) == (1, return_word(42))
    assert execute(engine, world, signed(to=address, nonce=1)).output == (42).to_bytes(32, "big")


def test_a_failed_creation_has_an_address_and_leaves_no_account(engine, world):
    outcome = execute(engine, world, signed(to=None, data=revert(b"no")))
    assert outcome.receipt.contract_address == created_by(SENDER, 0)
    assert not outcome.receipt.succeeded
    assert world.account(created_by(SENDER, 0)) is None


def test_a_revert_keeps_the_gas_left_and_returns_its_reason(engine, world):
    install(world, sstore(1, 2) + log() + revert(b"reason"))
    outcome = execute(engine, world, signed())
    assert (outcome.halt, outcome.output) == ("execution reverted", b"reason")
    assert not outcome.receipt.succeeded
    assert outcome.receipt.logs == ()
    assert outcome.receipt.gas_used < 100_000
    assert world.storage(CONTRACT, 1) == 0
    assert world.account(SENDER).nonce == 1


def test_any_other_halt_takes_all_the_gas(engine, world):
    install(world, sstore(1, 2) + INVALID)
    outcome = execute(engine, world, signed())
    assert outcome.receipt.gas_used == 1_000_000
    assert outcome.output == b""
    assert balance(world, SENDER) == 10 * ETHER - 1_000_000 * (BASE_FEE + 1)


def test_logs_are_those_of_successful_frames_in_order(engine, world):
    install(world, log((2,)) + revert(), OTHER)
    inner = b"\xdd" * 20
    install(world, log((3,)) + STOP, inner)
    install(world, log((1,)) + call(OTHER) + POP + call(inner) + POP + mstore(0, 9) + log((4, 5), size=32))
    logs = execute(engine, world, signed()).receipt.logs

    def word(value):
        return value.to_bytes(32, "big")

    assert logs == (
        Log(CONTRACT, (word(1),), b""),
        Log(inner, (word(3),), b""),
        Log(CONTRACT, (word(4), word(5)), word(9)),
    )


def test_a_reverted_call_undoes_its_writes(engine, world):
    install(world, sstore(1, 5) + tstore(1, 6) + revert(), OTHER)
    install(world, delegatecall(OTHER) + POP + sstore(2, sload(1)) + sstore(3, tload(1)))
    assert execute(engine, world, signed()).receipt.succeeded
    assert [world.storage(CONTRACT, key) for key in (1, 2, 3)] == [0, 0, 0]


def test_what_a_reverted_frame_warmed_is_cold_again(engine, world):
    gas_of_sload = code(GAS, sload(7), POP, GAS, SWAP1, SUB)
    install(world, sload(7) + POP + revert(), OTHER)
    install(world, delegatecall(OTHER) + POP + sstore(0, gas_of_sload) + sstore(1, gas_of_sload))
    assert execute(engine, world, signed()).receipt.succeeded
    around = 3 + 2 + 2  # PUSH1, POP, GAS.
    assert world.storage(CONTRACT, 0) == 2_100 + around
    assert world.storage(CONTRACT, 1) == 100 + around


def test_transient_storage_lasts_one_transaction(engine, world):
    install(world, sstore(0, tload(1)) + tstore(1, 7) + sstore(2, tload(1)))
    execute(engine, world, signed(), signed(nonce=1))
    assert (world.storage(CONTRACT, 0), world.storage(CONTRACT, 2)) == (0, 7)


def test_clearing_a_slot_refunds_up_to_a_fifth(engine, world):
    install(world, sstore(0, 0))
    world.set_storage(CONTRACT, 0, 1)
    used_before_refund = 21_000 + 2 * 2 + 1 + 5_000  # PUSH1 0 twice (3 each) less what PUSH0 would save.
    receipt = execute(engine, world, signed()).receipt
    assert receipt.gas_used == used_before_refund + 1 - 4_800


def test_a_selfdestruct_in_the_creating_transaction_removes_the_account(engine, world):
    outcome = execute(engine, world, signed(to=None, value=9, data=sstore(1, 1) + selfdestruct(OTHER)))
    assert outcome.receipt.succeeded
    assert world.account(created_by(SENDER, 0)) is None
    assert not world.has_storage(created_by(SENDER, 0))
    assert balance(world, OTHER) == 9


@pytest.mark.parametrize(("fork", "is_removed"), [(Fork.SHANGHAI, True), (Fork.CANCUN, False)])
def test_a_later_selfdestruct_removes_the_account_only_before_cancun(engine, world, fork, is_removed):
    install(world, selfdestruct(OTHER), balance_wei=9)
    execute(engine, world, signed(), fork=fork)
    assert balance(world, OTHER) == 9
    assert (world.account(CONTRACT) is None) is is_removed


@pytest.mark.parametrize(("fork", "exists"), [(Fork.TANGERINE_WHISTLE, True), (Fork.SPURIOUS_DRAGON, False)])
def test_touched_empty_accounts_go_from_spurious_dragon_on(engine, world, fork, exists):
    execute(engine, world, legacy(fork, to=OTHER), fork=fork)
    assert (world.account(OTHER) is not None) is exists
    world.touch(OTHER)  # As older forks left them in the state.
    world.begin_transaction()
    execute(engine, world, legacy(fork, to=OTHER, nonce=1), fork=fork)
    assert (world.account(OTHER) is not None) is exists


def test_a_coinbase_that_earns_nothing_is_not_created(engine, world):
    execute(engine, world, signed(to=OTHER, value=1, max_priority_fee_per_gas=0))
    assert world.account(COINBASE) is None


def test_a_creation_over_an_account_that_has_storage_is_a_collision(engine, world):
    world.set_storage(created_by(SENDER, 0), 1, 1)
    world.set_balance(created_by(SENDER, 0), 3)
    outcome = execute(engine, world, signed(to=None, data=deploy(STOP)))
    assert outcome.halt == "contract address collision"
    assert outcome.receipt.gas_used == 1_000_000
    assert balance(world, created_by(SENDER, 0)) == 3
    assert world.storage(created_by(SENDER, 0), 1) == 1


def test_create2_collides_with_itself(engine, world):
    install(world, sstore(0, create2(deploy(STOP))) + sstore(1, create2(deploy(STOP))))
    execute(engine, world, signed())
    assert world.storage(CONTRACT, 0) != 0
    assert world.storage(CONTRACT, 1) == 0
    assert world.account(CONTRACT).nonce == 3  # The collision moves it too.


def test_init_code_that_is_too_long_stops_the_frame_before_the_balance_is_looked_at(engine, world):
    too_long = push(49_153) + push(0) + push(1)  # Size, offset, value: CREATE takes the value first.
    install(world, too_long + b"\xf0" + STOP)
    outcome = execute(engine, world, signed())
    assert outcome.halt == "max initcode size exceeded"


def test_create_from_a_delegated_sender_pays_for_its_init_code_once(engine, world):
    """The frame of a CREATE whose creator is the origin is not the outermost one."""
    install(world, sstore(0, create(deploy(STOP))), OTHER)
    plain = execute(engine, world, signed(to=OTHER)).receipt.gas_used
    world.set_code(SENDER, DELEGATION + OTHER)
    world.begin_transaction()
    delegated = execute(engine, world, signed(to=SENDER, nonce=1)).receipt.gas_used
    # The target is warm as the sender, its code's account comes free with it; only the first one's SSTORE differs.
    assert world.storage(SENDER, 0) == int.from_bytes(created_by(SENDER, 2), "big")
    assert delegated == plain


def test_value_calls_with_too_little_balance_fail_without_an_end(engine, world):
    install(world, sstore(0, call(OTHER, value=1)) + sstore(1, create(STOP, value=1)) + sstore(2, callcode(OTHER, 1)))
    assert execute(engine, world, signed()).receipt.succeeded
    assert [world.storage(CONTRACT, key) for key in range(3)] == [0, 0, 0]


def test_a_static_call_may_not_write(engine, world):
    install(world, sstore(0, 1), OTHER)
    install(world, sstore(0, staticcall(OTHER)) + sstore(1, 1))
    execute(engine, world, signed(gas_limit=10_000_000))
    assert world.storage(OTHER, 0) == 0
    assert (world.storage(CONTRACT, 0), world.storage(CONTRACT, 1)) == (0, 1)


def test_block_hashes_are_served_for_256_blocks(engine, world):
    numbers = (BLOCK.number, BLOCK.number - 1, BLOCK.number - 256, BLOCK.number - 257)
    install(world, b"".join(sstore(index, code(push(n), BLOCKHASH)) for index, n in enumerate(numbers)))
    execute(engine, world, signed())
    assert [world.storage(CONTRACT, index) for index in range(4)] == [0, BLOCK.number - 1, BLOCK.number - 256, 0]


def test_clz_counts_leading_zeros_from_osaka_on(engine, world):
    install(world, sstore(0, code(push(1), CLZ)) + sstore(1, code(push(0), CLZ)) + sstore(2, code(push(1 << 255), CLZ)))
    outcome = execute(engine, world, signed(), fork=Fork.PRAGUE)
    assert outcome.halt == "invalid opcode: CLZ"
    execute(engine, world, signed(nonce=1))
    assert [world.storage(CONTRACT, key) for key in range(3)] == [255, 256, 0]


def test_a_blob_transaction_burns_its_blob_fee_even_when_it_reverts(engine, world):
    install(world, revert())
    blobs = (b"\x01" + bytes(31),) * 2
    receipt = execute(engine, world, signed(type=BLOB, max_fee_per_blob_gas=5, blob_versioned_hashes=blobs)).receipt
    burnt = 2 * (1 << 17)  # The blob base fee is 1 wei.
    assert balance(world, SENDER) == 10 * ETHER - receipt.gas_used * receipt.effective_gas_price - burnt


# The account that delegates in the tests of EIP-7702.
AUTHORITY_KEY = b"\x09" * 32
AUTHORITY = address_of(AUTHORITY_KEY)


def authorization(address=CONTRACT, nonce=0, chain_id=1, key=AUTHORITY_KEY):
    unsigned = Authorization(chain_id, address, nonce, 0, 0, 0)
    return Authorization(chain_id, address, nonce, *sign(key, unsigned.signing_hash()))


def set_code(*authorizations, **fields):
    return signed(type=SET_CODE, authorization_list=authorizations, **fields)


def code_of(world, address):
    account = world.account(address)
    return b"" if account is None else world.code(account.code_hash)


def test_an_authorization_delegates_and_survives_a_revert(engine, world):
    install(world, sstore(0, code(CALLER)))
    install(world, revert(), OTHER)
    assert not execute(engine, world, set_code(authorization(), to=OTHER)).receipt.succeeded
    assert code_of(world, AUTHORITY) == DELEGATION + CONTRACT
    assert world.account(AUTHORITY).nonce == 1
    execute(engine, world, signed(to=AUTHORITY, nonce=1))
    assert world.storage(AUTHORITY, 0) == int.from_bytes(SENDER, "big")


def test_a_delegation_to_nothing_takes_the_code_away(engine, world):
    execute(engine, world, set_code(authorization(), to=OTHER))
    execute(engine, world, set_code(authorization(bytes(20), nonce=1), to=OTHER, nonce=1))
    assert code_of(world, AUTHORITY) == b""
    assert world.account(AUTHORITY).nonce == 2


@pytest.mark.parametrize(
    "wrong",
    [
        authorization(nonce=1),
        authorization(nonce=2**64 - 1),
        authorization(chain_id=2),
        Authorization(1, CONTRACT, 0, 0, 1, 2**255),
        Authorization(1, CONTRACT, 0, 27, 1, 1),
    ],
    ids=["nonce", "highest nonce", "chain id", "high s", "parity"],
)
def test_an_invalid_authorization_is_skipped(engine, world, wrong):
    outcome = execute(engine, world, set_code(wrong, authorization(chain_id=0), to=OTHER))
    assert outcome.receipt.gas_used == 21_000 + 2 * 25_000
    assert code_of(world, AUTHORITY) == DELEGATION + CONTRACT


def test_an_account_with_code_can_not_delegate(engine, world):
    install(world, STOP, AUTHORITY)
    execute(engine, world, set_code(authorization(nonce=1), to=OTHER))
    assert code_of(world, AUTHORITY) == STOP


def test_an_authority_that_exists_refunds_what_it_did_not_cost(engine, world):
    world.set_balance(AUTHORITY, 1)
    outcome = execute(engine, world, set_code(authorization(), to=OTHER))
    assert outcome.receipt.gas_used == 46_000 - 46_000 // 5  # 12,500 is more than a fifth.


def test_calldata_costs_the_floor_at_least(engine, world):
    receipt = execute(engine, world, signed(to=OTHER, data=b"\x01" * 100)).receipt
    assert receipt.gas_used == 21_000 + 100 * 40
    assert execute(engine, world, signed(to=OTHER, data=b"\x01" * 100, nonce=1), fork=Fork.CANCUN).receipt.gas_used == (
        21_000 + 100 * 16
    )


def test_a_call_returns_output_logs_and_gas_of_the_transaction_it_would_be(engine, world):
    install(world, log((1,)) + return_word(42))
    result = engine.call(Call(SENDER, CONTRACT, 100_000), BLOCK, Overlay(world))
    assert int.from_bytes(result.output, "big") == 42
    assert result.logs == (Log(CONTRACT, ((1).to_bytes(32, "big"),), b""),)
    assert result.gas_used == execute(engine, world, signed()).receipt.gas_used


def test_a_call_needs_no_money_for_gas_and_sees_a_base_fee_of_zero(engine, world):
    install(world, mstore(0, code(BASEFEE)) + ret(0, 32))
    poor = b"\x99" * 20
    assert engine.call(Call(poor, CONTRACT, 100_000), BLOCK, Overlay(world)).output == bytes(32)
    with_price = engine.call(Call(SENDER, CONTRACT, 100_000, gas_price=10), BLOCK, Overlay(world))
    assert with_price.output == BASE_FEE.to_bytes(32, "big")


@pytest.mark.parametrize(
    ("call_made", "error"),
    [
        (Call(OTHER, CONTRACT, 100_000, value=1), InsufficientFunds),
        (Call(OTHER, CONTRACT, 100_000, gas_price=10), InsufficientFunds),
        (Call(SENDER, CONTRACT, 100_000, gas_price=BASE_FEE - 1), FeeCapTooLow),
        (Call(SENDER, CONTRACT, 20_999), IntrinsicGasTooLow),
        (Call(SENDER, CONTRACT, 23_000, data=b"\x01" * 100), FloorGasTooLow),
        (Call(SENDER, None, 10_000_000, data=bytes(49_153)), InitCodeTooLarge),
        (Call(OTHER, CONTRACT, 100_000, value=1, frame_only=True), InsufficientFunds),
        (Call(SENDER, None, 10_000_000, data=bytes(49_153), frame_only=True), InitCodeTooLarge),
    ],
)
def test_a_call_that_no_transaction_could_make_is_refused(engine, world, call_made, error):
    with pytest.raises(error):
        engine.call(call_made, BLOCK, Overlay(world))


def test_a_call_may_create_and_use_more_gas_than_a_transaction_may(engine, world):
    result = engine.call(Call(SENDER, None, 50_000_000, data=deploy(STOP)), BLOCK, Overlay(world))
    assert (result.halt, result.output) == (None, STOP)


def test_a_call_that_reverts_says_so(engine, world):
    install(world, revert(b"no"))
    result = engine.call(Call(SENDER, CONTRACT, 100_000), BLOCK, Overlay(world))
    assert (result.halt, result.output) == ("execution reverted", b"no")


def test_a_call_honours_blob_hashes_and_authorizations(engine, world):
    install(world, return_word(code(push(0), b"\x49")))
    name = b"\x01" + b"\x22" * 31
    result = engine.call(Call(SENDER, CONTRACT, 100_000, blob_versioned_hashes=(name,)), BLOCK, Overlay(world))
    assert result.output == name
    delegated = Call(SENDER, AUTHORITY, 200_000, authorization_list=(authorization(),))
    assert engine.call(delegated, BLOCK, Overlay(world)).output == bytes(32)


def test_a_call_over_overrides_may_wrap_balances(engine, world):
    overlay = Overlay(world)
    overlay.set_balance(OTHER, 2**256 - 1)
    assert engine.call(Call(SENDER, OTHER, 100_000, value=1), BLOCK, overlay).halt is None
    assert balance(overlay, OTHER) == 0


def test_a_frame_alone_is_charged_for_nothing_around_it(engine, world):
    install(world, sstore(0, 0) + return_word(42))
    world.set_storage(CONTRACT, 0, 1)
    world.begin_transaction()
    overlay = Overlay(world)
    result = engine.call(Call(SENDER, CONTRACT, 10_000, frame_only=True), BLOCK, overlay)
    assert result.output == (42).to_bytes(32, "big")
    assert result.gas_used == 5_000 + 2 * 3 + (3 + 3 + 6) + 2 * 3  # SSTORE, MSTORE with a word of memory, RETURN.
    assert overlay.account(SENDER) == world.account(SENDER)


@pytest.mark.parametrize("again", [call, delegatecall, callcode])
def test_calls_nest_1024_deep(engine, world, again):
    install(world, sstore(0, code(sload(0), push(1), ADD)) + again(CONTRACT))
    deep = Overlay(world)
    assert engine.call(Call(SENDER, CONTRACT, 10**13), BLOCK, deep).halt is None
    assert deep.storage(CONTRACT, 0) == 1_025  # The first frame's depth is 0.


def test_creations_nest_1024_deep(engine, world):
    if engine.name == "compiled":
        pytest.skip("init code is handed to the compiler half a million times: a call may not take so long")
    itself = b"\x38\x5f\x5f\x39"  # CODESIZE PUSH0 PUSH0 CODECOPY
    install(world, itself + b"\x38\x5f\x5f\xf0")  # CODESIZE PUSH0 PUSH0 CREATE
    deep = Overlay(world)
    assert engine.call(Call(SENDER, CONTRACT, 10**16), BLOCK, deep).halt is None
    creator, count = CONTRACT, 0
    while deep.account(created_by(creator, 1)) is not None:
        creator, count = created_by(creator, 1), count + 1
    assert count == 1_024


def test_deep_calls_need_no_large_stack_of_the_thread(engine, world):
    install(world, sstore(0, code(sload(0), push(1), ADD)) + call(CONTRACT))
    deep = Overlay(world)
    size_before = threading.stack_size(256 * 1024)
    try:
        thread = threading.Thread(target=lambda: engine.call(Call(SENDER, CONTRACT, 10**13), BLOCK, deep))
        thread.start()
    finally:
        threading.stack_size(size_before)
    thread.join()
    assert deep.storage(CONTRACT, 0) == 1_025


class Borrowed:
    """A state whose end can be seen."""

    def __init__(self, state):
        self._state = state

    def __getattr__(self, name):
        return getattr(self._state, name)


@pytest.mark.parametrize("program", [STOP, INVALID, revert(b"no"), call(OTHER) + POP + push(0) + JUMP], ids=range(4))
def test_no_result_keeps_the_state_alive(engine, world, program):
    install(world, revert(), OTHER)
    install(world, program)
    gc.disable()  # A cycle would be found out by its survival.
    try:
        borrowed = Borrowed(Overlay(world))
        is_alive = weakref.ref(borrowed)
        kept = [
            engine.call(Call(SENDER, CONTRACT, 100_000), BLOCK, borrowed),
            engine.execute([signed(nonce=9), signed()], BLOCK, borrowed),
        ]
        del borrowed
        assert is_alive() is None
        assert len(kept) == 2
    finally:
        gc.enable()


def test_the_same_transactions_leave_the_same(engine, world):
    install(world, sstore(0, code(sload(0), push(1), ADD)) + log((7,)) + sstore(9, create(deploy(STOP))))
    transactions = [signed(nonce=nonce) for nonce in range(4)]
    first, second = Overlay(world), Overlay(world)
    outcomes = engine.execute(transactions, BLOCK, first)
    assert engine.execute(transactions, BLOCK, second) == outcomes
    for address in (SENDER, CONTRACT, COINBASE, *(created_by(CONTRACT, nonce) for nonce in range(1, 5))):
        assert first.account(address) == second.account(address)
    assert first.storage(CONTRACT, 9) == second.storage(CONTRACT, 9) != 0
