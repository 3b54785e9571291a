"""Block tests made here: chains of transfers whose states are computed by hand."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from evm_jit.block_validity import difficulty
from primitives import rlp
from primitives.block import Header, header_of_fork
from primitives.block_body import Withdrawal
from primitives.constants import EMPTY_TRIE_ROOT
from primitives.fee_market import next_base_fee
from primitives.forks import Fork
from primitives.keccak import keccak256
from primitives.receipt import BLOOM_SIZE_BYTES, Receipt
from primitives.signature import address_of
from primitives.state_diff import Account
from primitives.transaction import LEGACY, Transaction
from statestore.ordered_trie import ordered_trie_root
from statestore.trie import state_root

KEY = bytes(31) + b"\x01"
SENDER = address_of(KEY)
RECIPIENT = b"\x0a" * 20
COINBASE = b"\xc0" * 20
ETHER = 10**18
GAS_PRICE = 10
VALUE = 1_000
TRANSFER_GAS = 21_000

Accounts = Mapping[bytes, Account]


def transfer(nonce: int = 0, **fields: Any) -> Transaction:
    """A legacy transfer of VALUE at GAS_PRICE."""
    blank: dict[str, Any] = dict.fromkeys(("y_parity", "r", "s"), 0)
    fees = {"max_priority_fee_per_gas": GAS_PRICE, "max_fee_per_gas": GAS_PRICE, "gas_limit": TRANSFER_GAS}
    named = {"type": LEGACY, "chain_id": None, "nonce": nonce, "to": RECIPIENT, "value": VALUE, "data": b""}
    return Transaction(**{**blank, **fees, **named, **fields}).signed_by(KEY)


def root_of(accounts: Accounts) -> bytes:
    return state_root((address, account, {}) for address, account in accounts.items())


def genesis_header(fork: Fork, accounts: Accounts, **fields: Any) -> Header:
    """A block 0 with a base fee of 7 from London on, and a difficulty of 2^17 before Paris."""
    defaults: dict[str, Any] = {
        "parent_hash": bytes(32),
        "coinbase": bytes(20),
        "state_root": root_of(accounts),
        "transactions_root": EMPTY_TRIE_ROOT,
        "receipts_root": EMPTY_TRIE_ROOT,
        "bloom": bytes(BLOOM_SIZE_BYTES),
        "number": 0,
        "gas_limit": 30_000_000,
        "gas_used": 0,
        "timestamp": 1_000,
        "difficulty": 1 << 17 if fork < Fork.PARIS else 0,
    }
    if fork >= Fork.LONDON:
        defaults["base_fee_per_gas"] = 7
    return header_of_fork(fork, **{**defaults, **fields})


def next_header(parent: Header, fork: Fork, **fields: Any) -> Header:
    """The header of a valid empty block 12 seconds later."""
    changed: dict[str, Any] = {
        "parent_hash": parent.hash,
        "coinbase": COINBASE,
        "number": parent.number + 1,
        "timestamp": parent.timestamp + 12,
        "gas_used": 0,
        "transactions_root": EMPTY_TRIE_ROOT,
        "receipts_root": EMPTY_TRIE_ROOT,
    }
    if parent.base_fee_per_gas is not None:
        changed["base_fee_per_gas"] = next_base_fee(parent.base_fee_per_gas, parent.gas_used, parent.gas_limit)
    header = replace(parent, **changed)
    if fork < Fork.PARIS:
        header = replace(header, difficulty=difficulty(header, parent, fork))
    return replace(header, **fields)


def block_rlp(
    header: Header,
    transactions: Sequence[Transaction] = (),
    ommers: Sequence[Header] = (),
    withdrawals: Sequence[Withdrawal] = (),
) -> bytes:
    """The block, with a list of withdrawals if the header has a root of one."""
    bodies = [item.raw if item.type == LEGACY else rlp.encode(item.raw) for item in transactions]
    members = [header.encode(), rlp.join(bodies), rlp.join([ommer.encode() for ommer in ommers])]
    if header.withdrawals_root is not None:
        members.append(rlp.join([withdrawal.encode() for withdrawal in withdrawals]))
    return rlp.join(members)


def ommers_hash(ommers: Sequence[Header]) -> bytes:
    return keccak256(rlp.join([ommer.encode() for ommer in ommers]))


def transfer_block(
    parent: Header, fork: Fork, transactions: Sequence[Transaction], accounts: Accounts, **fields: Any
) -> tuple[bytes, Header]:
    """A block of transfers after which there are `accounts`; its receipts are those from Byzantium on."""
    receipts = [
        Receipt(item.type, True, TRANSFER_GAS * (index + 1), TRANSFER_GAS, (), GAS_PRICE).raw
        for index, item in enumerate(transactions)
    ]
    told = {
        "gas_used": TRANSFER_GAS * len(transactions),
        "transactions_root": ordered_trie_root([item.raw for item in transactions]),
        "receipts_root": ordered_trie_root(receipts),
        "state_root": root_of(accounts),
    }
    header = next_header(parent, fork, **{**told, **fields})
    return block_rlp(header, transactions), header


def hexadecimal(value: bytes) -> str:
    return f"0x{value.hex()}"


def listed(accounts: Accounts) -> dict[str, Any]:
    """Accounts without code as a file lists them."""
    assert all(account.code_hash == keccak256(b"") for account in accounts.values())
    return {
        hexadecimal(address): {
            "nonce": hex(account.nonce),
            "balance": hex(account.balance),
            "code": "0x",
            "storage": {},
        }
        for address, account in accounts.items()
    }


def block_test(
    network: str,
    genesis: Header,
    pre: Accounts,
    blocks: Sequence[tuple[bytes, str | None]],
    last: Header,
    post: Accounts,
    **more: object,
) -> dict[str, Any]:
    """A test; each of `blocks` with the reason why it must be refused, or None."""
    entries = [
        {"rlp": hexadecimal(raw), **({} if reason is None else {"expectException": reason})} for raw, reason in blocks
    ]
    return {
        "network": network,
        "sealEngine": "NoProof",
        "genesisRLP": hexadecimal(block_rlp(genesis)),
        "pre": listed(pre),
        "blocks": entries,
        "lastblockhash": hexadecimal(last.hash),
        "postState": listed(post),
        **more,
    }
