"""
Whether a block may follow its parent: before it is executed, what headers and body say; afterwards, what must come
out of it.

Seals are not checked. A block that breaks a rule is an InvalidBlock that names the part.
"""

from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

from evm_jit.block_execution import Executed, requests_hash
from primitives import rlp
from primitives.block import Header
from primitives.block_body import Block
from primitives.constants import EMPTY_LIST_HASH
from primitives.errors import InvalidBlock
from primitives.fee_market import (
    BASE_FEE_WEI_INITIAL,
    BLOB_PARAMETERS,
    ELASTICITY_MULTIPLIER,
    BlobParameters,
    next_base_fee,
    next_excess_blob_gas,
)
from primitives.forks import Fork
from primitives.keccak import keccak256
from primitives.receipt import merge_blooms
from primitives.validity import GAS_PER_BLOB
from statestore.ordered_trie import ordered_trie_root

GAS_LIMIT_MIN: Final = 5_000
GAS_LIMIT_MAX: Final = 2**63 - 1
GAS_LIMIT_BOUND_DIVISOR: Final = 1_024
EXTRA_DATA_BYTES_MAX: Final = 32
BLOCK_SIZE_BYTES_MAX: Final = 8 * 1024 * 1024  # EIP-7934: 10 MiB, less 2 MiB for what the consensus layer adds.

DIFFICULTY_MIN: Final = 131_072
DIFFICULTY_BOUND_DIVISOR: Final = 2_048
BOMB_PERIOD_BLOCKS: Final = 100_000
# EIP-649, EIP-1234, EIP-3554.
BOMB_DELAYS_BLOCKS: Final = (
    (Fork.LONDON, 9_700_000),
    (Fork.CONSTANTINOPLE, 5_000_000),
    (Fork.BYZANTIUM, 3_000_000),
    (Fork.FRONTIER, 0),
)

OMMERS_MAX: Final = 2
OMMER_GENERATIONS_MAX: Final = 6


class Rules(NamedTuple):
    """What holds for one block; `blobs` None means the parameters of the fork."""

    fork: Fork
    blobs: BlobParameters | None = None


def check_block(block: Block, parent: Header, rules: Rules) -> None:
    """Every rule but those of ommers, which need the ancestors."""
    _check_fields(block, rules.fork)
    check_header(block.header, parent, rules)
    _check_body(block, rules.fork)


def check_header(header: Header, parent: Header, rules: Rules) -> None:
    """The rules of a header, also an ommer's."""
    fork = rules.fork
    _require(header.number == parent.number + 1, "number", f"is {header.number}, expected {parent.number + 1}")
    _require(
        header.timestamp > parent.timestamp,
        "timestamp",
        f"is {header.timestamp}, but the parent's is {parent.timestamp}",
    )
    _check_gas(header, parent, fork)
    size_bytes = len(header.extra_data)
    _require(size_bytes <= EXTRA_DATA_BYTES_MAX, "extra data", f"has {size_bytes} bytes, at most 32 are allowed")
    if fork < Fork.PARIS:
        expected = difficulty(header, parent, fork)
        _require(header.difficulty == expected, "difficulty", f"is {header.difficulty}, expected {expected}")
    else:
        _require(header.difficulty == 0, "difficulty", f"is {header.difficulty}, expected 0")
        _require(not any(header.nonce), "nonce", "is not zero")
    if fork >= Fork.CANCUN:
        _check_blob_gas(header, parent, rules)


def check_ommers(block: Block, ancestors: Sequence[Block], rules_of: Callable[[Header], Rules]) -> None:
    """
    The ommers of a block before Paris; `ancestors` are up to seven blocks before it, newest first.

    An ommer's parent is one of the ancestors but the newest, and no block of the chain had it. Source: Yellow Paper,
    section 11.1.
    """
    _require(len(block.ommers) <= OMMERS_MAX, "ommers", f"are {len(block.ommers)}, at most {OMMERS_MAX} are allowed")
    used = {header.hash for ancestor in ancestors for header in (ancestor.header, *ancestor.ommers)}
    parents = {ancestor.header.hash: ancestor.header for ancestor in ancestors[1 : OMMER_GENERATIONS_MAX + 1]}
    for ommer in block.ommers:
        _require(ommer.hash not in used, "ommers", "hold a block of this chain, or one twice")
        used.add(ommer.hash)
        parent = parents.get(ommer.parent_hash)
        if parent is None:
            raise InvalidBlock("ommers", "hold a block whose parent is not an ancestor of up to seven generations")
        check_header(ommer, parent, rules_of(ommer))


def check_result(block: Block, executed: Executed, state_root: bytes) -> None:
    """
    What the execution of the block left is what its header says.

    The transactions root is here, too: a block with a transaction that may not be executed is refused for that.
    """
    header = block.header
    transactions_root = ordered_trie_root([transaction.raw for transaction in block.transactions])
    _require(header.transactions_root == transactions_root, "transactions root", "is not that of the transactions")
    gas_used = executed.gas_used
    _require(header.gas_used == gas_used, "gas used", f"is {header.gas_used}, but {gas_used} was used")
    receipts_root = ordered_trie_root(executed.encoded_receipts)
    _require(header.receipts_root == receipts_root, "receipts root", "is not that of the receipts")
    bloom = merge_blooms(receipt.bloom for receipt in executed.receipts)
    _require(header.bloom == bloom, "bloom", "is not that of the logs")
    if header.requests_hash is not None:
        told = requests_hash(executed.requests)
        _require(header.requests_hash == told, "requests hash", "is not that of the requests")
    _require(header.state_root == state_root, "state root", f"is 0x{header.state_root.hex()}, not 0x{state_root.hex()}")


def difficulty(header: Header, parent: Header, fork: Fork) -> int:
    """The difficulty of a block before Paris. Source: Yellow Paper, 4.3.4; EIP-2, EIP-100, EIP-649."""
    seconds = header.timestamp - parent.timestamp
    if fork >= Fork.BYZANTIUM:
        steps = max((2 if parent.ommers_hash != EMPTY_LIST_HASH else 1) - seconds // 9, -99)
    elif fork >= Fork.HOMESTEAD:
        steps = max(1 - seconds // 10, -99)
    else:
        steps = 1 if seconds < 13 else -1
    value = parent.difficulty + parent.difficulty // DIFFICULTY_BOUND_DIVISOR * steps
    delay = next(blocks for first, blocks in BOMB_DELAYS_BLOCKS if fork >= first)
    period = max(0, header.number - delay) // BOMB_PERIOD_BLOCKS - 2
    return max(value + (1 << period if period >= 0 else 0), DIFFICULTY_MIN)


def _check_fields(block: Block, fork: Fork) -> None:
    """A header has the fields of its fork and no other; a block a list of withdrawals from Shanghai on."""
    header = block.header
    for first, part, value in (
        (Fork.LONDON, "base fee", header.base_fee_per_gas),
        (Fork.SHANGHAI, "withdrawals root", header.withdrawals_root),
        (Fork.SHANGHAI, "withdrawals", block.withdrawals),
        (Fork.CANCUN, "blob gas used", header.blob_gas_used),
        (Fork.CANCUN, "excess blob gas", header.excess_blob_gas),
        (Fork.CANCUN, "parent beacon block root", header.parent_beacon_block_root),
        (Fork.PRAGUE, "requests hash", header.requests_hash),
    ):
        _require((value is not None) == (fork >= first), part, "is missing" if value is None else "is not of this fork")


def _check_gas(header: Header, parent: Header, fork: Fork) -> None:
    _require(header.gas_used <= header.gas_limit, "gas used", f"is {header.gas_used}, the limit {header.gas_limit}")
    _require(header.gas_limit <= GAS_LIMIT_MAX, "gas limit", f"is {header.gas_limit}, more than 63 bits")
    is_first_of_london = fork >= Fork.LONDON and parent.base_fee_per_gas is None
    before = parent.gas_limit * (ELASTICITY_MULTIPLIER if is_first_of_london else 1)
    change = abs(header.gas_limit - before)
    _require(
        change < before // GAS_LIMIT_BOUND_DIVISOR and header.gas_limit >= GAS_LIMIT_MIN,
        "gas limit",
        f"is {header.gas_limit}, which the parent's {parent.gas_limit} does not allow",
    )
    if fork < Fork.LONDON:
        return
    base_fee = BASE_FEE_WEI_INITIAL
    if parent.base_fee_per_gas is not None:
        base_fee = next_base_fee(parent.base_fee_per_gas, parent.gas_used, parent.gas_limit)
    _require(header.base_fee_per_gas == base_fee, "base fee", f"is {header.base_fee_per_gas}, expected {base_fee}")


def _check_blob_gas(header: Header, parent: Header, rules: Rules) -> None:
    parameters = rules.blobs or BLOB_PARAMETERS[rules.fork]
    used = header.blob_gas_used or 0
    most = parameters.max * GAS_PER_BLOB
    _require(used % GAS_PER_BLOB == 0 and used <= most, "blob gas used", f"is {used}, at most {most} is allowed")
    excess = next_excess_blob_gas(
        rules.fork, parameters, parent.excess_blob_gas or 0, parent.blob_gas_used or 0, parent.base_fee_per_gas or 0
    )
    _require(header.excess_blob_gas == excess, "excess blob gas", f"is {header.excess_blob_gas}, expected {excess}")


def _check_body(block: Block, fork: Fork) -> None:
    header = block.header
    size_bytes = block.size_bytes
    _require(
        fork < Fork.OSAKA or size_bytes <= BLOCK_SIZE_BYTES_MAX,
        "size",
        f"is {size_bytes} bytes, at most {BLOCK_SIZE_BYTES_MAX} are allowed",
    )
    _require(fork < Fork.PARIS or not block.ommers, "ommers", "are not allowed from Paris on")
    _require(header.ommers_hash == _ommers_hash(block.ommers), "ommers hash", "is not that of the ommers")
    if block.withdrawals is not None:
        root = ordered_trie_root([withdrawal.encode() for withdrawal in block.withdrawals])
        _require(header.withdrawals_root == root, "withdrawals root", "is not that of the withdrawals")
    if fork >= Fork.CANCUN:
        blobs = sum(len(transaction.blob_versioned_hashes) for transaction in block.transactions)
        _require(header.blob_gas_used == blobs * GAS_PER_BLOB, "blob gas used", f"is not that of {blobs} blobs")


def _ommers_hash(ommers: Sequence[Header]) -> bytes:
    return keccak256(rlp.join([ommer.encode() for ommer in ommers]))


def _require(holds: bool, part: str, detail: str) -> None:
    if not holds:
        raise InvalidBlock(part, detail)
