"""
What the benchmarks execute: signed transfers of ether and of an ERC-20 token, from many senders.

Everything is derived from the workload's size, so that two runs execute the same bytes. Each sender signs one
transaction after another; each workload knows how to check that its transactions did what they say.
"""

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from primitives.constants import CHAIN_ID_DEFAULT, WEI_PER_ETHER, WEI_PER_GWEI
from primitives.keccak import keccak256
from primitives.signature import address_of
from primitives.transaction import DYNAMIC_FEE, Transaction

TOKEN_FILE = Path(__file__).parent / "contracts" / "Token.json"
TRANSFER_SELECTOR = keccak256(b"transfer(address,uint256)")[:4]
BALANCE_OF_SELECTOR = keccak256(b"balanceOf(address)")[:4]
FUNDS_WEI = 1_000 * WEI_PER_ETHER
TOKENS_PER_SENDER = 10**6
AMOUNT = 7  # Wei or token units that each transaction moves.


class Chain(Protocol):
    """What a workload asks of a chain to check its result: balances in wei, balances in token units."""

    def balance(self, address: bytes) -> int:
        """Ether of an account."""
        ...

    def token_balance(self, token: bytes, owner: bytes) -> int:
        """Token units of an account."""
        ...


@dataclass(frozen=True)
class Workload:
    """
    `setup` runs before the clock starts, `transactions` while it runs; all are signed.

    `check` raises AssertionError when the chain is not in the state that the transactions must lead to.
    """

    name: str
    setup: tuple[Transaction, ...]
    transactions: tuple[Transaction, ...]
    check: Callable[[Chain], None]


def sender_keys(count: int) -> list[bytes]:
    """Private keys of `count` senders."""
    return [keccak256(b"leveret bench sender %d" % index) for index in range(count)]


def recipient(index: int) -> bytes:
    """The address that the transaction with this index sends to; each has its own."""
    return keccak256(b"leveret bench recipient %d" % index)[12:]


def funded_addresses(sender_count: int) -> list[bytes]:
    """The accounts that must hold `FUNDS_WEI` before the setup."""
    return [address_of(key) for key in sender_keys(sender_count)]


def ether_transfers(count: int, sender_count: int) -> Workload:
    """Each transaction moves `AMOUNT` wei to an account that does not exist yet."""
    keys = sender_keys(sender_count)
    transactions = tuple(
        signed(keys[index % sender_count], index // sender_count, recipient(index), 21_000, value=AMOUNT)
        for index in range(count)
    )

    def check(chain: Chain) -> None:
        for index in _sample(count):
            assert chain.balance(recipient(index)) == AMOUNT, "a transfer is missing"

    return Workload("ETH transfers", (), transactions, check)


def token_transfers(count: int, sender_count: int) -> Workload:
    """Each transaction moves `AMOUNT` units of an ERC-20 token to an owner that had none."""
    keys = sender_keys(sender_count)
    owners = [address_of(key) for key in keys]
    deployer = keys[0]
    token = contract_address(owners[0], 0)
    code = bytes.fromhex(json.loads(TOKEN_FILE.read_text())["bytecode"][2:])
    supply = (2 * TOKENS_PER_SENDER * sender_count).to_bytes(32, "big")
    setup = [signed(deployer, 0, None, 2_000_000, data=code + supply)]
    for nonce, owner in enumerate(owners[1:], start=1):
        setup.append(signed(deployer, nonce, token, 100_000, data=transfer_input(owner, TOKENS_PER_SENDER)))
    nonces = [sender_count] + [0] * (sender_count - 1)
    transactions = []
    for index in range(count):
        sender = index % sender_count
        data = transfer_input(recipient(index), AMOUNT)
        transactions.append(signed(keys[sender], nonces[sender], token, 100_000, data=data))
        nonces[sender] += 1

    def check(chain: Chain) -> None:
        for index in _sample(count):
            assert chain.token_balance(token, recipient(index)) == AMOUNT, "a token transfer is missing"

    return Workload("ERC-20 transfers", tuple(setup), tuple(transactions), check)


def transfer_input(to: bytes, amount: int) -> bytes:
    """Calldata of `transfer(to, amount)`."""
    return TRANSFER_SELECTOR + to.rjust(32, b"\0") + amount.to_bytes(32, "big")


def contract_address(creator: bytes, nonce: int) -> bytes:
    """Where CREATE puts a contract (nonces below 128)."""
    assert nonce < 128
    return keccak256(b"\xd6\x94" + creator + (bytes((nonce,)) if nonce else b"\x80"))[12:]


def signed(key: bytes, nonce: int, to: bytes | None, gas_limit: int, value: int = 0, data: bytes = b"") -> Transaction:
    """A transaction of type 2, signed."""
    return Transaction(
        type=DYNAMIC_FEE,
        chain_id=CHAIN_ID_DEFAULT,
        nonce=nonce,
        max_priority_fee_per_gas=0,
        max_fee_per_gas=WEI_PER_GWEI,
        gas_limit=gas_limit,
        to=to,
        value=value,
        data=data,
        y_parity=0,
        r=0,
        s=0,
    ).signed_by(key)


def _sample(count: int) -> Iterable[int]:
    """At most 200 indexes spread over all, the last one included."""
    return sorted({*range(0, count, max(1, count // 200)), count - 1})
