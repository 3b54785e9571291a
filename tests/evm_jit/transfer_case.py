"""A state test made here: a transfer of 1,000 wei, with the root it must end in computed by hand."""

import json
from pathlib import Path
from typing import Any

from primitives.constants import EMPTY_LIST_HASH
from primitives.signature import address_of
from primitives.state_diff import Account
from primitives.transaction import LEGACY, Transaction
from statestore.trie import state_root

KEY = bytes(31) + b"\x01"
SENDER = address_of(KEY)
RECIPIENT = b"\x0a" * 20
BALANCE = 10**18
GAS_PRICE = 7
VALUE = 1_000

SIGNED = Transaction(
    type=LEGACY,
    chain_id=1,
    nonce=0,
    max_priority_fee_per_gas=GAS_PRICE,
    max_fee_per_gas=GAS_PRICE,
    gas_limit=50_000,
    to=RECIPIENT,
    value=VALUE,
    data=b"",
    y_parity=0,
    r=0,
    s=0,
).signed_by(KEY)

ROOT_BEFORE = state_root([(SENDER, Account(0, BALANCE), {})])
# All of the price is base fee and burnt.
ROOT_AFTER = state_root(
    [(SENDER, Account(1, BALANCE - VALUE - 21_000 * GAS_PRICE), {}), (RECIPIENT, Account(0, VALUE), {})]
)


def hexadecimal(value: bytes) -> str:
    return f"0x{value.hex()}"


def entry(root: bytes = ROOT_AFTER, raw: bytes = SIGNED.raw, **more: object) -> dict[str, Any]:
    """A post entry."""
    return {
        "indexes": {"data": 0, "gas": 0, "value": 0},
        "hash": hexadecimal(root),
        "logs": hexadecimal(EMPTY_LIST_HASH),
        "txbytes": hexadecimal(raw),
        **more,
    }


def transfer_test(**post: list[dict[str, Any]]) -> dict[str, Any]:
    """A test with these posts; Cancun's, which passes, if none is given."""
    return {
        "env": {
            "currentCoinbase": "0x00000000000000000000000000000000000000c0",
            "currentGasLimit": "0x0f4240",
            "currentNumber": "0x01",
            "currentTimestamp": "0x03e8",
            "currentBaseFee": "0x07",
            "currentRandom": "0x00",
            "currentDifficulty": "0x020000",
            "currentExcessBlobGas": "0x00",
        },
        "pre": {
            hexadecimal(SENDER): {"nonce": "0x00", "balance": hex(BALANCE), "code": "0x", "storage": {"0x01": "0x00"}}
        },
        "transaction": {"data": ["0x"], "gasLimit": ["0xc350"], "value": ["0x03e8"]},
        "post": post or {"Cancun": [entry()]},
    }


def write(path: Path, document: object) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(document))
    return path
