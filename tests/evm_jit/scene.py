"""The accounts and the block that engine tests share, and transactions signed for them."""

from dataclasses import replace
from typing import Any

from evm_jit.engine import Engine, Outcome
from primitives.block import BlockEnvironment
from primitives.forks import Fork
from primitives.signature import address_of
from primitives.transaction import DYNAMIC_FEE, Transaction
from statestore.view import WorldState

KEY = b"\x07" * 32
SENDER = address_of(KEY)
COINBASE = b"\xc0" * 20
CONTRACT = b"\xaa" * 20
OTHER = b"\xbb" * 20
ETHER = 10**18
BASE_FEE = 7

BLOCK = BlockEnvironment(
    fork=Fork.OSAKA,
    chain_id=1,
    number=1_000,
    timestamp=1_700_000_000,
    gas_limit=30_000_000,
    coinbase=COINBASE,
    base_fee_per_gas=BASE_FEE,
    block_hash=lambda number: number.to_bytes(32, "big"),
)


def block(fork: Fork) -> BlockEnvironment:
    return replace(BLOCK, fork=fork, base_fee_per_gas=BASE_FEE if fork >= Fork.LONDON else 0)


def signed(to: bytes | None = CONTRACT, key: bytes = KEY, **fields: Any) -> Transaction:
    """A transaction of type 2 with a tip of 1 wei, unless `fields` say otherwise."""
    neutral: dict[str, Any] = {
        "type": DYNAMIC_FEE,
        "chain_id": 1,
        "nonce": 0,
        "max_priority_fee_per_gas": 1,
        "max_fee_per_gas": 10,
        "gas_limit": 1_000_000,
        "to": to,
        "value": 0,
        "data": b"",
        "y_parity": 0,
        "r": 0,
        "s": 0,
    }
    return Transaction(**(neutral | fields)).signed_by(key)


def legacy(fork: Fork = Fork.OSAKA, **fields: Any) -> Transaction:
    """A legacy transaction at a price of 10 wei; with a chain id where forks know it."""
    chain_id = 1 if fork >= Fork.SPURIOUS_DRAGON else None
    return signed(**({"type": 0, "max_priority_fee_per_gas": 10, "chain_id": chain_id} | fields))


def execute(engine: Engine, world: WorldState, *transactions: Transaction, fork: Fork = Fork.OSAKA) -> Outcome:
    """What the last of `transactions` left."""
    return engine.execute(transactions, block(fork), world)[-1]


def install(world: WorldState, code: bytes, address: bytes = CONTRACT, balance_wei: int = 0) -> None:
    """Put a contract there, as if it had been there long before."""
    world.set_code(address, code)
    world.set_nonce(address, 1)
    world.set_balance(address, balance_wei)
    world.begin_transaction()


def balance(world: WorldState, address: bytes) -> int:
    account = world.account(address)
    return 0 if account is None else account.balance
