"""
A block on an engine: what the protocol does to the state before, between and after the transactions.

1. at the start, system calls: the beacon root (EIP-4788), the hash of the parent (EIP-2935);
2. the transactions;
3. at the end, what ether the block hands out: withdrawals (EIP-4895), or the miner's reward before Paris;
4. then requests to the consensus layer (EIP-7685): deposits from logs (EIP-6110), withdrawals (EIP-7002) and
   consolidations (EIP-7251), which their contracts return to a system call.

A sequencer takes step 1 alone: a layer 2 has no consensus layer, no withdrawals and no requests to one.

A system call is `Engine.call` with `frame_only` on the state itself: no fees, no nonce, nothing warm but what every
transaction finds warm, and what it writes stays. It pays the base fee per unit only in name, so that GASPRICE and
BASEFEE see what they see in a transaction.
"""

import hashlib
from collections.abc import Callable, Iterable, Sequence
from typing import Final, NamedTuple

from evm_jit.engine import Call, CallResult, Engine
from primitives.block import BlockEnvironment, Header
from primitives.block_body import Block, Withdrawal
from primitives.constants import KECCAK_EMPTY, WEI_PER_ETHER, WEI_PER_GWEI, ZERO_HASH
from primitives.errors import InvalidBlock
from primitives.forks import Fork
from primitives.receipt import Log, Receipt
from primitives.state_diff import EMPTY_ACCOUNT
from primitives.system_contracts import (
    BEACON_ROOTS_ADDRESS,
    CONSOLIDATION_REQUESTS_ADDRESS,
    DEPOSIT_ADDRESS,
    HISTORY_STORAGE_ADDRESS,
    SYSTEM_ADDRESS,
    SYSTEM_CALL_GAS,
    WITHDRAWAL_REQUESTS_ADDRESS,
)
from primitives.transaction import Transaction
from statestore.view import WorldState

DEPOSIT_TYPE: Final = b"\x00"
WITHDRAWAL_TYPE: Final = b"\x01"
CONSOLIDATION_TYPE: Final = b"\x02"
DEPOSIT_TOPIC: Final = bytes.fromhex("649bbc62d0e31342afea4e5cd82d4049e7e1ee912fc0889aa790803be39038c5")
# EIP-6110: public key, withdrawal credentials, amount, signature and index, each where its length says.
DEPOSIT_SIZES: Final = (48, 32, 8, 96, 8)
DEPOSIT_OFFSETS: Final = (160, 256, 320, 384, 512)
DEPOSIT_DATA_SIZE_BYTES: Final = 576
WORD: Final = 32

REWARDS_WEI: Final = (
    (Fork.CONSTANTINOPLE, 2 * WEI_PER_ETHER),
    (Fork.BYZANTIUM, 3 * WEI_PER_ETHER),
    (Fork.FRONTIER, 5 * WEI_PER_ETHER),
)


class Executed(NamedTuple):
    """
    Receipts of a block's transactions in order, as such and as the receipts root commits to them, and its requests,
    type byte first, from Prague on.
    """

    receipts: list[Receipt]
    encoded_receipts: list[bytes]
    requests: list[bytes]

    @property
    def gas_used(self) -> int:
        """Gas of all its transactions."""
        return self.receipts[-1].cumulative_gas_used if self.receipts else 0


def execute_block(
    engine: Engine, block: Block, environment: BlockEnvironment, state: WorldState, root_after: Callable[[], bytes]
) -> Executed:
    """
    All of a block; InvalidBlock if a transaction may not be in it, or its requests can't be had.

    `root_after` gives the root of what was written so far; it is asked after each transaction before Byzantium.
    """
    header, fork = block.header, environment.fork
    start_block(engine, environment, state, header.parent_hash, header.parent_beacon_block_root or ZERO_HASH)
    if fork >= Fork.BYZANTIUM:
        receipts = _execute_transactions(engine, block.transactions, environment, state)
        encoded = [receipt.raw for receipt in receipts]
    else:
        receipts, encoded = [], []
        for transaction in block.transactions:
            gas_used = receipts[-1].cumulative_gas_used if receipts else 0
            receipts += _execute_transactions(engine, [transaction], environment, state, gas_used)
            encoded.append(receipts[-1].with_state_root(root_after()))
    if fork < Fork.PARIS:
        _reward(header, block.ommers, fork, state)
    _withdraw(block.withdrawals or (), state)
    requests = _collect_requests(engine, environment, state, receipts) if fork >= Fork.PRAGUE else []
    return Executed(receipts, encoded, requests)


def start_block(
    engine: Engine,
    environment: BlockEnvironment,
    state: WorldState,
    parent_hash: bytes,
    parent_beacon_block_root: bytes,
) -> bool:
    """
    The system calls before the first transaction, and whether a contract was there to be called.

    Where one is missing or fails nothing happens.
    """
    results = []
    if environment.fork >= Fork.CANCUN:
        results.append(_system_call(engine, environment, state, BEACON_ROOTS_ADDRESS, parent_beacon_block_root))
    if environment.fork >= Fork.PRAGUE:
        results.append(_system_call(engine, environment, state, HISTORY_STORAGE_ADDRESS, parent_hash))
    return any(result is not None for result in results)


def _execute_transactions(
    engine: Engine,
    transactions: Sequence[Transaction],
    environment: BlockEnvironment,
    state: WorldState,
    gas_used_before: int = 0,
) -> list[Receipt]:
    """The receipts; InvalidBlock, caused by the reason, if a transaction may not be in the block."""
    receipts = []
    outcomes = engine.execute(transactions, environment, state, gas_used_before)
    for index, outcome in enumerate(outcomes):
        if outcome.receipt is None:
            raise InvalidBlock(f"transaction {index}", f"is refused: {outcome.refusal}") from outcome.refusal
        receipts.append(outcome.receipt)
    return receipts


def _withdraw(withdrawals: Iterable[Withdrawal], state: WorldState) -> None:
    """Hand out what the consensus layer says."""
    for withdrawal in withdrawals:
        if withdrawal.amount_gwei:  # Nothing does not even create the account (EIP-161).
            _give(state, withdrawal.address, withdrawal.amount_gwei * WEI_PER_GWEI)


def _reward(header: Header, ommers: Sequence[Header], fork: Fork, state: WorldState) -> None:
    """The miner's reward before Paris, and those for ommers. Source: Yellow Paper, 11.3; EIP-649, EIP-1234."""
    block_reward = next(amount for first, amount in REWARDS_WEI if fork >= first)
    _give(state, header.coinbase, block_reward + len(ommers) * (block_reward // 32))
    for ommer in ommers:
        _give(state, ommer.coinbase, (8 + ommer.number - header.number) * block_reward // 8)


def _collect_requests(
    engine: Engine, environment: BlockEnvironment, state: WorldState, receipts: Iterable[Receipt]
) -> list[bytes]:
    """The requests of a block from Prague on; InvalidBlock if a contract is missing, fails or logs nonsense."""
    deposits = b"".join(_deposit(log) for receipt in receipts for log in receipt.logs if _is_deposit(log))
    requests = [
        DEPOSIT_TYPE + deposits,
        WITHDRAWAL_TYPE + _queue(engine, environment, state, WITHDRAWAL_REQUESTS_ADDRESS),
        CONSOLIDATION_TYPE + _queue(engine, environment, state, CONSOLIDATION_REQUESTS_ADDRESS),
    ]
    return [request for request in requests if len(request) > 1]


def requests_hash(requests: Iterable[bytes]) -> bytes:
    """What a header commits to requests with (EIP-7685)."""
    return hashlib.sha256(b"".join(hashlib.sha256(request).digest() for request in requests)).digest()


def _system_call(
    engine: Engine, environment: BlockEnvironment, state: WorldState, address: bytes, data: bytes
) -> CallResult | None:
    """The result of the call, None if there is no contract."""
    account = state.account(address)
    if account is None or account.code_hash == KECCAK_EMPTY:
        return None
    call = Call(
        sender=SYSTEM_ADDRESS,
        to=address,
        gas_limit=SYSTEM_CALL_GAS,
        data=data,
        gas_price=environment.base_fee_per_gas,
        frame_only=True,
    )
    result = engine.call(call, environment, state)
    state.begin_transaction()
    return result


def _queue(engine: Engine, environment: BlockEnvironment, state: WorldState, address: bytes) -> bytes:
    """The requests that a contract has taken in and now gives out."""
    result = _system_call(engine, environment, state, address, b"")
    if result is None:
        raise InvalidBlock("system contract", f"0x{address.hex()} does not exist")
    if result.halt is not None:
        raise InvalidBlock("system call", f"of 0x{address.hex()} failed: {result.halt}")
    return result.output


def _give(state: WorldState, address: bytes, amount_wei: int) -> None:
    state.set_balance(address, (state.account(address) or EMPTY_ACCOUNT).balance + amount_wei)


def _is_deposit(log: Log) -> bool:
    return log.address == DEPOSIT_ADDRESS and log.topics[:1] == (DEPOSIT_TOPIC,)


def _deposit(log: Log) -> bytes:
    """The request of one deposit: the five fields of the event one after the other, of fixed sizes."""
    data = log.data
    if len(data) != DEPOSIT_DATA_SIZE_BYTES:
        raise InvalidBlock("deposit event", f"has {len(data)} bytes, expected {DEPOSIT_DATA_SIZE_BYTES}")
    fields = []
    for index, (offset, size) in enumerate(zip(DEPOSIT_OFFSETS, DEPOSIT_SIZES, strict=True)):
        told = _word(data, WORD * index), _word(data, offset)
        if told != (offset, size):
            raise InvalidBlock("deposit event", f"has field {index} elsewhere or of another size")
        fields.append(data[offset + WORD : offset + WORD + size])
    return b"".join(fields)


def _word(data: bytes, offset: int) -> int:
    return int.from_bytes(data[offset : offset + WORD], "big")
