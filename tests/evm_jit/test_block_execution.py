"""System calls, withdrawals and requests, on every engine and kind of state."""

import hashlib
from collections.abc import Sequence
from dataclasses import replace

import pytest

from evm_jit.block_execution import DEPOSIT_TOPIC, Executed, execute_block, requests_hash, start_block
from evm_jit.engine import Engine
from primitives.block import BlockEnvironment
from primitives.block_body import Block, Withdrawal
from primitives.errors import InvalidBlock
from primitives.forks import Fork
from primitives.system_contracts import (
    BEACON_ROOTS_ADDRESS,
    BEACON_ROOTS_CODE,
    CONSOLIDATION_REQUESTS_ADDRESS,
    DEPOSIT_ADDRESS,
    HISTORY_STORAGE_ADDRESS,
    HISTORY_STORAGE_CODE,
    SYSTEM_ADDRESS,
    WITHDRAWAL_REQUESTS_ADDRESS,
)
from primitives.transaction import Transaction
from statestore.view import WorldState
from tests.asm import BASEFEE, CALLER, GAS, INVALID, STOP, code, mstore, push, ret, sstore
from tests.evm_jit.block_case import genesis_header, next_header
from tests.evm_jit.scene import BASE_FEE, COINBASE, CONTRACT, OTHER, SENDER, balance, block, install, signed

PARENT_HASH = b"\x11" * 32
BEACON_ROOT = b"\x22" * 32
GASPRICE = b"\x3a"
RING = 8_191  # Both contracts keep as many values.


def environment(fork: Fork = Fork.OSAKA) -> BlockEnvironment:
    return replace(block(fork), number=10_000, timestamp=1_700_000_003)


def start(engine: Engine, world: WorldState, fork: Fork = Fork.OSAKA) -> bool:
    return start_block(engine, environment(fork), world, PARENT_HASH, BEACON_ROOT)


def test_the_hash_of_the_parent_is_stored_under_its_number(engine: Engine, world: WorldState) -> None:
    install(world, HISTORY_STORAGE_CODE, HISTORY_STORAGE_ADDRESS)
    assert start(engine, world)
    assert world.storage(HISTORY_STORAGE_ADDRESS, 9_999 % RING) == int.from_bytes(PARENT_HASH)
    assert not start(engine, world, Fork.CANCUN)


def test_the_beacon_root_is_stored_under_its_time(engine: Engine, world: WorldState) -> None:
    install(world, BEACON_ROOTS_CODE, BEACON_ROOTS_ADDRESS)
    assert start(engine, world, Fork.CANCUN)
    slot = 1_700_000_003 % RING
    assert world.storage(BEACON_ROOTS_ADDRESS, slot) == 1_700_000_003
    assert world.storage(BEACON_ROOTS_ADDRESS, slot + RING) == int.from_bytes(BEACON_ROOT)
    assert not start(engine, world, Fork.SHANGHAI)


def test_system_call_costs_nobody_and_touches_nobody(engine: Engine, world: WorldState) -> None:
    install(world, HISTORY_STORAGE_CODE, HISTORY_STORAGE_ADDRESS)
    before = world.account(SENDER), world.account(HISTORY_STORAGE_ADDRESS)
    start(engine, world)
    assert (world.account(SENDER), world.account(HISTORY_STORAGE_ADDRESS)) == before
    assert world.account(SYSTEM_ADDRESS) is None
    assert world.account(COINBASE) is None


def test_system_call_sees_the_system_address_all_its_gas_and_the_base_fee(engine: Engine, world: WorldState) -> None:
    seen = sstore(0, code(GAS)) + sstore(1, code(CALLER)) + sstore(2, code(GASPRICE)) + sstore(3, code(BASEFEE))
    install(world, seen, HISTORY_STORAGE_ADDRESS)
    start(engine, world)
    values = [world.storage(HISTORY_STORAGE_ADDRESS, key) for key in range(4)]
    assert values == [30_000_000 - 2, int.from_bytes(SYSTEM_ADDRESS), BASE_FEE, BASE_FEE]


def test_transaction_after_a_system_call_finds_the_contract_cold(engine: Engine, world: WorldState) -> None:
    install(world, HISTORY_STORAGE_CODE, HISTORY_STORAGE_ADDRESS)
    probe = push(HISTORY_STORAGE_ADDRESS) + b"\x31\x50" + STOP  # BALANCE of the contract.
    install(world, probe)
    start(engine, world)
    outcome = engine.execute([signed()], environment(), world)[0]
    assert outcome.receipt is not None
    assert outcome.receipt.gas_used == 21_000 + 3 + 2_600 + 2


def test_contract_that_is_missing_or_fails_changes_nothing(engine: Engine, world: WorldState) -> None:
    assert not start(engine, world)
    assert world.account(HISTORY_STORAGE_ADDRESS) is None
    install(world, sstore(0, 1) + INVALID, HISTORY_STORAGE_ADDRESS)
    assert start(engine, world)
    assert world.storage(HISTORY_STORAGE_ADDRESS, 0) == 0


# Whole blocks.


def run(
    engine: Engine,
    world: WorldState,
    fork: Fork,
    transactions: Sequence[Transaction] = (),
    withdrawals: Sequence[Withdrawal] = (),
) -> Executed:
    header = next_header(genesis_header(fork, {}), fork)
    whole = Block(header, tuple(transactions), (), tuple(withdrawals) if fork >= Fork.SHANGHAI else None, 0)
    return execute_block(engine, whole, environment(fork), world, lambda: bytes(32))


def test_withdrawals_are_paid_in_gwei_and_nothing_creates_nothing(engine: Engine, world: WorldState) -> None:
    withdrawals = [Withdrawal(0, 0, OTHER, 5), Withdrawal(1, 0, OTHER, 2), Withdrawal(2, 0, CONTRACT, 0)]
    run(engine, world, Fork.CANCUN, withdrawals=withdrawals)
    assert balance(world, OTHER) == 7 * 10**9
    assert world.account(CONTRACT) is None


def test_block_with_a_transaction_that_is_refused_is_invalid_and_says_why(engine: Engine, world: WorldState) -> None:
    with pytest.raises(InvalidBlock, match="transaction 1 is refused: nonce too high"):
        run(engine, world, Fork.CANCUN, [signed(), signed(nonce=2)])


def install_queues(world: WorldState, withdrawals: bytes = STOP, consolidations: bytes = STOP) -> None:
    install(world, withdrawals, WITHDRAWAL_REQUESTS_ADDRESS)
    install(world, consolidations, CONSOLIDATION_REQUESTS_ADDRESS)


def test_requests_are_what_the_contracts_return_and_empty_ones_are_left_out(engine: Engine, world: WorldState) -> None:
    install_queues(world)
    assert run(engine, world, Fork.PRAGUE).requests == []
    install_queues(world, consolidations=mstore(0, 7) + ret(0, 32))
    assert run(engine, world, Fork.PRAGUE).requests == [b"\x02" + (7).to_bytes(32, "big")]
    assert run(engine, world, Fork.CANCUN).requests == []


def test_block_without_the_contracts_of_requests_is_invalid(engine: Engine, world: WorldState) -> None:
    with pytest.raises(InvalidBlock, match="does not exist"):
        run(engine, world, Fork.PRAGUE)
    install_queues(world, withdrawals=INVALID)
    with pytest.raises(InvalidBlock, match="failed"):
        run(engine, world, Fork.PRAGUE)


FIELDS = (b"\xa1" * 48, b"\xa2" * 32, b"\xa3" * 8, b"\xa4" * 96, b"\xa5" * 8)


def deposit_data(**wrong: int) -> bytes:
    """The data of a DepositEvent as Solidity encodes it; `wrong` changes a word, by its number."""
    words = [160, 256, 320, 384, 512]
    tail = b""
    for field in FIELDS:
        tail += len(field).to_bytes(32, "big") + field + bytes(-len(field) % 32)
    data = b"".join(word.to_bytes(32, "big") for word in words) + tail
    for number, value in wrong.items():
        offset = 32 * int(number[1:])
        data = data[:offset] + value.to_bytes(32, "big") + data[offset + 32 :]
    return data


def logging(data: bytes, topic: bytes = DEPOSIT_TOPIC) -> bytes:
    """A program that logs `data` under one topic."""
    padded = data + bytes(-len(data) % 32)
    stores = [mstore(offset, padded[offset : offset + 32]) for offset in range(0, len(padded), 32)]
    return b"".join(stores) + push(topic) + push(len(data)) + push(0) + b"\xa1" + STOP


def deposit(engine: Engine, world: WorldState, program: bytes, to: bytes = DEPOSIT_ADDRESS) -> list[bytes]:
    install_queues(world)
    install(world, program, to)
    return run(engine, world, Fork.PRAGUE, [signed(to)]).requests


def test_deposits_are_read_from_logs(engine: Engine, world: WorldState) -> None:
    assert deposit(engine, world, logging(deposit_data())) == [b"\x00" + b"".join(FIELDS)]


def test_logs_of_other_contracts_are_no_deposits(engine: Engine, world: WorldState) -> None:
    assert deposit(engine, world, logging(deposit_data()), CONTRACT) == []


def test_other_events_of_the_deposit_contract_are_no_deposits(engine: Engine, world: WorldState) -> None:
    assert deposit(engine, world, logging(b"\x01", b"\x77" * 32)) == []


@pytest.mark.parametrize(
    "data",
    [deposit_data() + bytes(32), deposit_data()[:-1], b"", deposit_data(w0=161), deposit_data(w5=49)],
    ids=["long", "short", "empty", "offset", "size"],
)
def test_deposit_of_another_layout_makes_the_block_invalid(engine: Engine, world: WorldState, data: bytes) -> None:
    with pytest.raises(InvalidBlock, match="deposit event"):
        deposit(engine, world, logging(data))


def test_requests_hash_is_that_of_eip_7685() -> None:
    assert requests_hash([]).hex().startswith("e3b0c442")
    one, two = b"\x00" + bytes(192), b"\x01\x02"
    digests = hashlib.sha256(one).digest() + hashlib.sha256(two).digest()
    assert requests_hash([one, two]) == hashlib.sha256(digests).digest()
