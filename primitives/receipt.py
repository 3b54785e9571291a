"""
What a transaction left behind: logs, the receipt (EIP-658, EIP-2718), the bloom of a block.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache

from primitives import rlp
from primitives.keccak import keccak256

BLOOM_SIZE_BYTES = 256
BLOOM_BITS_KEPT_MAX = 16_384  # The same tokens, events and holders come again; an entry takes half a kilobyte.
_EMPTY_BLOOM = bytes(BLOOM_SIZE_BYTES)


@dataclass(frozen=True, slots=True)
class Log:
    """An event: the emitting address, up to four topics of 32 bytes, data."""

    address: bytes
    topics: tuple[bytes, ...]
    data: bytes

    def item(self) -> rlp.Item:
        """As it stands in a receipt."""
        return [self.address, list(self.topics), self.data]


@dataclass(frozen=True)
class Receipt:
    """
    The outcome of one transaction in its block.

    `cumulative_gas_used` counts from the start of the block; `effective_gas_price` is in wei;
    `contract_address` is set by creations, successful or not.
    """

    type: int
    succeeded: bool
    cumulative_gas_used: int
    gas_used: int
    logs: tuple[Log, ...]
    effective_gas_price: int
    contract_address: bytes | None = None

    @cached_property
    def bloom(self) -> bytes:
        """The 256-byte bloom of the logs."""
        return logs_bloom(self.logs)

    @cached_property
    def raw(self) -> bytes:
        """The consensus encoding, EIP-2718: what the receipts root commits to."""
        return self._encode(b"\x01" if self.succeeded else b"")

    def with_state_root(self, state_root: bytes) -> bytes:
        """The encoding before Byzantium: the root of the state after the transaction stands where the status is now."""
        return self._encode(state_root)

    def _encode(self, outcome: bytes) -> bytes:
        logs: rlp.Item = [log.item() for log in self.logs]
        body = rlp.encode([outcome, rlp.encode_int(self.cumulative_gas_used), self.bloom, logs])
        return body if self.type == 0 else bytes((self.type,)) + body


def logs_bloom(logs: Sequence[Log]) -> bytes:
    """The bloom filter over the addresses and topics of `logs` (Yellow Paper, 4.3.1)."""
    if not logs:
        return _EMPTY_BLOOM
    bits = 0
    for log in logs:
        for value in (log.address, *log.topics):
            bits |= bloom_bits(value)
    return bits.to_bytes(BLOOM_SIZE_BYTES, "big")


@lru_cache(BLOOM_BITS_KEPT_MAX)
def bloom_bits(value: bytes) -> int:
    """The three bits that `value` sets in a bloom read as a big-endian integer."""
    digest = keccak256(value)
    bits = 0
    for offset in (0, 2, 4):
        bits |= 1 << (int.from_bytes(digest[offset : offset + 2], "big") & 2047)
    return bits


def merge_blooms(blooms: Iterable[bytes]) -> bytes:
    """The bloom of everything that is in one of `blooms`."""
    bits = 0
    for bloom in blooms:
        bits |= int.from_bytes(bloom, "big")
    return bits.to_bytes(BLOOM_SIZE_BYTES, "big")


def logs_hash(logs: Sequence[Log]) -> bytes:
    """keccak256(rlp(logs)): how state test files name the logs of a transaction."""
    return keccak256(rlp.encode([log.item() for log in logs]))
