"""
The Ethereum block that is sealed every second: header, hash, and the environment that contracts see.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Final

from primitives import rlp
from primitives.constants import EMPTY_LIST_HASH, EMPTY_TRIE_ROOT, ZERO_ADDRESS, ZERO_HASH
from primitives.errors import DecodingError
from primitives.fee_market import BlobParameters
from primitives.forks import Fork
from primitives.keccak import keccak256

# sha256 of nothing: the requests hash of a block without requests (EIP-7685).
EMPTY_REQUESTS_HASH: Final = bytes.fromhex("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855")

# Members of a header up to Berlin, then from London, Shanghai, Cancun and Prague on.
_FIELD_COUNTS: Final = (15, 16, 17, 20, 21)


@dataclass(frozen=True)
class Header:
    """
    A block header with the fields of its fork, in consensus order; later forks' fields are None before them.

    `timestamp` is in seconds, fees in wei, gas in units of gas.
    """

    parent_hash: bytes
    coinbase: bytes
    state_root: bytes
    transactions_root: bytes
    receipts_root: bytes
    bloom: bytes
    number: int
    gas_limit: int
    gas_used: int
    timestamp: int
    extra_data: bytes = b""
    prev_randao: bytes = ZERO_HASH
    nonce: bytes = bytes(8)
    difficulty: int = 0
    ommers_hash: bytes = EMPTY_LIST_HASH
    base_fee_per_gas: int | None = None  # London
    withdrawals_root: bytes | None = None  # Shanghai
    blob_gas_used: int | None = None  # Cancun
    excess_blob_gas: int | None = None  # Cancun
    parent_beacon_block_root: bytes | None = None  # Cancun
    requests_hash: bytes | None = None  # Prague

    @cached_property
    def hash(self) -> bytes:
        """The block hash."""
        return keccak256(self.encode())

    def encode(self) -> bytes:
        """RLP of the header, with the optional fields that are set."""
        number = rlp.encode_int
        items: list[rlp.Item] = [
            self.parent_hash,
            self.ommers_hash,
            self.coinbase,
            self.state_root,
            self.transactions_root,
            self.receipts_root,
            self.bloom,
            number(self.difficulty),
            number(self.number),
            number(self.gas_limit),
            number(self.gas_used),
            number(self.timestamp),
            self.extra_data,
            self.prev_randao,
            self.nonce,
        ]
        later = (
            self.base_fee_per_gas,
            self.withdrawals_root,
            self.blob_gas_used,
            self.excess_blob_gas,
            self.parent_beacon_block_root,
            self.requests_hash,
        )
        present = [value for value in later if value is not None]
        assert later[: len(present)] == tuple(present), "a fork has the fields of all forks before it"
        items += [number(value) if isinstance(value, int) else value for value in present]
        return rlp.encode(items)

    @classmethod
    def decode(cls, data: bytes) -> "Header":
        """The header that `data` encodes; DecodingError if it is none."""
        items = rlp.as_list(rlp.decode(data), "header")
        if len(items) not in _FIELD_COUNTS:
            raise DecodingError(f"rlp: header has {len(items)} members, which no fork's has")
        optional = items[15:] + [None] * (21 - len(items))

        def optional_int(index: int, what: str, size_max: int) -> int | None:
            item = optional[index]
            return None if item is None else rlp.as_int(item, what, size_max)

        def optional_hash(index: int, what: str) -> bytes | None:
            item = optional[index]
            return None if item is None else rlp.as_bytes(item, what, 32)

        return cls(
            parent_hash=rlp.as_bytes(items[0], "parent hash", 32),
            ommers_hash=rlp.as_bytes(items[1], "ommers hash", 32),
            coinbase=rlp.as_bytes(items[2], "coinbase", 20),
            state_root=rlp.as_bytes(items[3], "state root", 32),
            transactions_root=rlp.as_bytes(items[4], "transactions root", 32),
            receipts_root=rlp.as_bytes(items[5], "receipts root", 32),
            bloom=rlp.as_bytes(items[6], "bloom", 256),
            difficulty=rlp.as_int(items[7], "difficulty"),
            number=rlp.as_int(items[8], "number", 8),
            gas_limit=rlp.as_int(items[9], "gas limit", 8),
            gas_used=rlp.as_int(items[10], "gas used", 8),
            timestamp=rlp.as_int(items[11], "timestamp", 8),
            extra_data=rlp.as_bytes(items[12], "extra data"),
            prev_randao=rlp.as_bytes(items[13], "prev randao", 32),
            nonce=rlp.as_bytes(items[14], "nonce", 8),
            base_fee_per_gas=optional_int(0, "base fee", 32),
            withdrawals_root=optional_hash(1, "withdrawals root"),
            blob_gas_used=optional_int(2, "blob gas used", 8),
            excess_blob_gas=optional_int(3, "excess blob gas", 8),
            parent_beacon_block_root=optional_hash(4, "parent beacon block root"),
            requests_hash=optional_hash(5, "requests hash"),
        )


def header_of_fork(fork: Fork, **fields: object) -> Header:
    """A header with the neutral value in each field that `fork` has and `fields` does not give."""
    neutral: dict[str, object] = {}
    if fork >= Fork.LONDON:
        neutral["base_fee_per_gas"] = 0
    if fork >= Fork.SHANGHAI:
        neutral["withdrawals_root"] = EMPTY_TRIE_ROOT
    if fork >= Fork.CANCUN:
        neutral |= {"blob_gas_used": 0, "excess_blob_gas": 0, "parent_beacon_block_root": ZERO_HASH}
    if fork >= Fork.PRAGUE:
        neutral["requests_hash"] = EMPTY_REQUESTS_HASH
    return Header(**{**neutral, **fields})  # type: ignore[arg-type]


def unknown_block_hash(number: int) -> bytes:
    """The hash function of an environment that knows no earlier blocks."""
    return ZERO_HASH


@dataclass(frozen=True)
class BlockEnvironment:
    """
    What a transaction sees of the block that it runs in.

    `block_hash(n)` is the hash of block n; engines ask it only for the 256 blocks before `number`.
    `timestamp` is in seconds; `difficulty` counts before Paris, `prev_randao` from Paris on. `blob_parameters` None
    means those of the fork.
    """

    fork: Fork
    chain_id: int
    number: int
    timestamp: int
    gas_limit: int
    coinbase: bytes = ZERO_ADDRESS
    base_fee_per_gas: int = 0
    prev_randao: bytes = ZERO_HASH
    difficulty: int = 0
    excess_blob_gas: int = 0
    blob_parameters: BlobParameters | None = None
    block_hash: Callable[[int], bytes] = field(default=unknown_block_hash, compare=False)


@dataclass(frozen=True)
class SealedBlock:
    """
    A block that is closed for good, and which mini-blocks it is made of.

    A block without transactions has no mini-blocks; `first_mini_block` is then the number of the next one.
    """

    header: Header
    first_mini_block: int
    mini_block_count: int

    @property
    def number(self) -> int:
        """The block number."""
        return self.header.number

    @property
    def hash(self) -> bytes:
        """The block hash."""
        return self.header.hash

    @property
    def version(self) -> int:
        """The version of the state at the end of the block: how many mini-blocks the chain has by then."""
        return self.first_mini_block + self.mini_block_count
