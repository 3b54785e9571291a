"""
What the throughput of a whole batch is measured with: signed transactions by as many senders, and a state for them.

Everything is derived from the sizes, so that two runs execute the same bytes. Balances are written straight into the
state, as many accounts as one likes; the contracts are those of the public workloads (bench/public_data.py).
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeVar

import numpy as np
import numpy.typing as npt

from bench.mixed_contracts import counted, mixed_calls, mixed_contracts
from bench.public_data import contracts_folder
from bench.workloads import (
    FUNDS_WEI,
    sender_keys,
    signed,
    transfer_input,
)
from evm_jit.statetest import write_accounts
from evm_jit.workload import TIMESTAMP, Workload, read_workload
from primitives.block import BlockEnvironment
from primitives.constants import BASE_FEE_WEI_DEFAULT, CHAIN_ID_DEFAULT
from primitives.forks import Fork
from primitives.keccak import keccak256
from primitives.keccak_kernels import keccak256_many
from primitives.signature import address_of
from primitives.transaction import Transaction
from statestore.state import State
from statestore.table import Capacities

GAS_LIMIT: Final = 10**12  # One block holds a whole batch.
TRANSFER_FILE: Final = "oz.erc20-transfer.json"
SWAP_FILE: Final = "uniswap.v2-router-swap.json"
BALANCES, ALLOWANCES = 0, 1  # Where the mappings of OpenZeppelin's ERC-20 are.
TOKENS: Final = 10**24
UNLIMITED: Final = (1 << 256) - 1
SWAP_SELECTOR: Final = keccak256(b"swapExactTokensForTokens(uint256,uint256,address[],address,uint256)")[:4]
DEADLINE: Final = 1 << 40
WRITES_OF_ONE_TRANSACTION: Final = 4_096  # While a state is filled: what can be undone takes memory.

Item = TypeVar("Item")


@dataclass(frozen=True)
class Batch:
    """Signed transactions in order, `senders` of each, and the state before them; `check` is as in `Workload`."""

    name: str
    transactions: Sequence[Transaction]
    senders: Sequence[bytes]
    state: State
    check: Callable[[State], None]

    @property
    def environment(self) -> BlockEnvironment:
        """The block that holds them all."""
        return BlockEnvironment(
            fork=Fork.OSAKA,
            chain_id=CHAIN_ID_DEFAULT,
            number=1,
            timestamp=TIMESTAMP,
            gas_limit=GAS_LIMIT,
            base_fee_per_gas=BASE_FEE_WEI_DEFAULT,
        )


def ether_batch(count: int) -> Batch:
    """Each sender sends ether to one of the others."""
    keys, owners = _senders(count)
    to = [owners[index] for index in _choice(count, count)]
    transactions = [signed(key, 0, to[index], 21_000, value=1 + index) for index, key in enumerate(keys)]
    state = _state(count, slots=1)
    for owner in _in_turns(owners, state):
        state.set_balance(owner, FUNDS_WEI)
    state.restore_version(0)

    def check(after: State) -> None:
        received = dict.fromkeys(owners, 0)
        for index, owner in enumerate(to):
            received[owner] += 1 + index
        for index, owner in enumerate(owners):
            account = after.account(owner)
            assert account is not None
            assert account.nonce == 1, "a sender's nonce has not moved"
            paid = FUNDS_WEI + received[owner] - 1 - index - account.balance
            assert paid == 21_000 * BASE_FEE_WEI_DEFAULT, "a balance is wrong"

    return Batch("ETH transfers", transactions, owners, state, check)


def token_batch(count: int, holder_count: int) -> Batch:
    """Each sender sends OpenZeppelin tokens to a holder chosen at random; senders are spread among the holders."""
    assert count <= holder_count
    file = contracts_folder() / TRANSFER_FILE
    token = _target(read_workload(file))
    keys, owners = _senders(count)
    holders = _others(holder_count)
    holders[:: holder_count // count][:count] = np.frombuffer(b"".join(owners), np.uint8).reshape(count, 20)
    chosen = [holders[index].tobytes() for index in _choice(holder_count, count)]
    transactions = [
        signed(key, 0, token, 100_000, data=transfer_input(chosen[index], 1 + index)) for index, key in enumerate(keys)
    ]
    slots = _mapping_keys(holders, BALANCES)
    state = _state(holder_count, slots=holder_count)
    _write_contracts(file, state)
    for owner, slot in _in_turns(zip(_rows(holders), slots, strict=True), state):
        state.set_balance(owner, FUNDS_WEI)
        state.set_storage(token, slot, TOKENS)
    state.restore_version(0)

    def check(after: State) -> None:
        expected = dict.fromkeys((*owners, *chosen), TOKENS)
        for index, owner in enumerate(owners):
            expected[owner] -= 1 + index
            expected[chosen[index]] += 1 + index
        for owner, amount in expected.items():
            slot = _mapping_key(owner, BALANCES)
            assert after.storage(token, slot) == amount, "a token balance is wrong"

    return Batch(f"ERC-20 transfers, {holder_count:,} holders", transactions, owners, state, check)


def swap_batch(count: int) -> Batch:
    """Each sender swaps through the router of Uniswap V2, one token for the other and the next one the other way."""
    file = contracts_folder() / SWAP_FILE
    workload = read_workload(file)
    router = _target(workload)
    data = workload.calls[0].data
    tokens = [data[-52:-32], data[-20:]]
    keys, owners = _senders(count)
    transactions = []
    for index, key in enumerate(keys):
        path = tokens if index % 2 else tokens[::-1]
        transactions.append(signed(key, 0, router, 300_000, data=swap_input(10**15 + index, path, owners[index])))
    state = _state(count, slots=4 * count)
    _write_contracts(file, state)
    for owner in _in_turns(owners, state):
        state.set_balance(owner, FUNDS_WEI)
        for token in tokens:
            state.set_storage(token, _mapping_key(owner, BALANCES), TOKENS)
            state.set_storage(token, _mapping_key(router, _mapping_key(owner, ALLOWANCES)), UNLIMITED)
    state.restore_version(0)

    def check(after: State) -> None:
        for index, owner in enumerate(owners):
            path = tokens if index % 2 else tokens[::-1]
            sold, bought = (after.storage(token, _mapping_key(owner, BALANCES)) for token in path)
            assert sold == TOKENS - 10**15 - index, "a sold amount is wrong"
            assert TOKENS < bought < TOKENS + 2 * 10**15, "a bought amount is wrong"

    return Batch("V2 router swaps", transactions, owners, state, check)


def mixed_batch(count: int) -> Batch:
    """Each sender calls one of 200 contracts, some of them much more often than others."""
    contracts = mixed_contracts()
    keys, owners = _senders(count)
    calls = list(mixed_calls(contracts, count, list(_rows(_others(count)))))
    transactions = [
        signed(key, 0, call.contract.address, 1_000_000, data=call.data) for key, call in zip(keys, calls, strict=True)
    ]
    state = _state(count, slots=4 * count)
    for owner in _in_turns(owners, state):
        state.set_balance(owner, FUNDS_WEI)
    for contract in contracts:
        state.set_code(contract.address, contract.code)
    state.restore_version(0)

    def check(after: State) -> None:
        for (address, slot), total in counted(calls).items():
            assert after.storage(address, slot) == total, "a counter is wrong"

    return Batch(f"{len(contracts)} contracts", transactions, owners, state, check)


def swap_input(amount: int, path: Sequence[bytes], to: bytes) -> bytes:
    """Calldata of `swapExactTokensForTokens`, with any amount out."""
    words = [amount, 0, 160, int.from_bytes(to, "big"), DEADLINE, len(path)]
    return SWAP_SELECTOR + b"".join(
        word.to_bytes(32, "big") for word in (*words, *(int.from_bytes(token, "big") for token in path))
    )


def _senders(count: int) -> tuple[list[bytes], list[bytes]]:
    keys = sender_keys(count)
    return keys, [address_of(key) for key in keys]


def _choice(among: int, count: int) -> list[int]:
    chosen: list[int] = np.random.default_rng(count).integers(0, among, count).tolist()
    return chosen


def _others(count: int) -> npt.NDArray[np.uint8]:
    """Addresses of accounts that sign nothing, uint8[count, 20]."""
    return np.random.default_rng(20).integers(0, 256, (count, 20), dtype=np.uint8)


def _rows(addresses: npt.NDArray[np.uint8]) -> Iterable[bytes]:
    flat = addresses.tobytes()
    return (flat[start : start + 20] for start in range(0, len(flat), 20))


def _mapping_keys(addresses: npt.NDArray[np.uint8], slot: int) -> list[int]:
    """Where a mapping at `slot` keeps the value of each address."""
    count = len(addresses)
    preimages = np.zeros((count, 64), np.uint8)
    preimages[:, 12:32] = addresses
    preimages[:, 63] = slot
    digests = np.empty((count, 32), np.uint8)
    keccak256_many(preimages.reshape(-1), np.arange(count) * 64, np.full(count, 64), digests)  # type: ignore[no-untyped-call]
    flat = digests.tobytes()
    return [int.from_bytes(flat[start : start + 32], "big") for start in range(0, len(flat), 32)]


def _mapping_key(address: bytes, slot: int) -> int:
    return int.from_bytes(keccak256(address.rjust(32, b"\0") + slot.to_bytes(32, "big")), "big")


def _target(workload: Workload) -> bytes:
    to = workload.calls[0].to
    assert to is not None
    return to


def _write_contracts(file: Path, state: State) -> None:
    write_accounts([account for account in read_workload(file).accounts if account.code], state)


def _state(accounts: int, slots: int) -> State:
    """With room for what a batch needs: growing is not what is measured."""
    return State(capacities=Capacities(accounts=_room(accounts), slots=_room(slots), undo=1 << 16))


def _room(count: int) -> int:
    return max(1 << 16, 1 << (2 * count).bit_length())


def _in_turns(items: Iterable[Item], state: State) -> Iterator[Item]:
    """The items; writes so far become permanent now and then."""
    for index, item in enumerate(items):
        if index % WRITES_OF_ONE_TRANSACTION == 0:
            state.begin_transaction()
        yield item
