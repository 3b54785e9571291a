"""Senders and transactions for the tests of the sequencer."""

from primitives.constants import CHAIN_ID_DEFAULT
from primitives.signature import address_of
from primitives.transaction import DYNAMIC_FEE, Transaction

KEYS = [bytes([number]) * 32 for number in range(1, 9)]
ADDRESSES = [address_of(key) for key in KEYS]
RECEIVER = b"\xee" * 20
GWEI = 10**9


def transfer(account: int, nonce: int, **fields: object) -> Transaction:
    """A signed transfer of 1 wei; `account` counts the keys."""
    return unsigned(nonce, **fields).signed_by(KEYS[account])


def unsigned(nonce: int, **fields: object) -> Transaction:
    defaults: dict[str, object] = {
        "type": DYNAMIC_FEE,
        "chain_id": CHAIN_ID_DEFAULT,
        "nonce": nonce,
        "max_priority_fee_per_gas": 0,
        "max_fee_per_gas": GWEI,
        "gas_limit": 21_000,
        "to": RECEIVER,
        "value": 1,
        "data": b"",
        "y_parity": 0,
        "r": 1,
        "s": 1,
    }
    return Transaction(**{**defaults, **fields})  # type: ignore[arg-type]


def believed(account: int, nonce: int, **fields: object) -> Transaction:
    """A transaction whose sender nobody needs to recover."""
    return unsigned(nonce, r=account + 1, known_sender=ADDRESSES[account], **fields)
