"""0x40 to 0x4a: the block, and the blobs of the transaction."""

# mypy: allow-untyped-defs, allow-untyped-calls

from evm_jit.frame_memory import stop
from evm_jit.halt_codes import BLOCK_HASHES_NEEDED
from evm_jit.machine import BLOCK_HASH_COUNT
from primitives.kernels_cache import njit
from primitives.transaction_kernels import blob_hash_at
from primitives.u256 import load_big_endian, load_limbs
from primitives.wide_integers import low_int64, u256


@njit
def block_hash(machine, gas_left, number_word):
    """BLOCKHASH (0x40): of one of the 256 blocks before this one, else 0."""
    if number_word >= u256(machine.number):
        return gas_left, u256(0)
    number = low_int64(number_word)
    if machine.number - number > BLOCK_HASH_COUNT:
        return gas_left, u256(0)
    if machine.block_hashes_number != machine.number:
        return stop(machine, BLOCK_HASHES_NEEDED), u256(0)
    return gas_left, load_limbs(machine.block_hashes + 32 * (number % BLOCK_HASH_COUNT))


@njit
def coinbase(machine):
    """COINBASE (0x41): who gets the priority fees."""
    return machine.coinbase


@njit
def timestamp(machine):
    """TIMESTAMP (0x42): in seconds."""
    return u256(machine.timestamp)


@njit
def block_number(machine):
    """NUMBER (0x43)."""
    return u256(machine.number)


@njit
def prev_randao(machine):
    """PREVRANDAO (0x44, EIP-4399), before Paris DIFFICULTY."""
    return machine.prev_randao


@njit
def block_gas_limit(machine):
    """GASLIMIT (0x45): of the block."""
    return machine.gas_limit


@njit
def chain_id(machine):
    """CHAINID (0x46, EIP-1344)."""
    return machine.chain_id


@njit
def base_fee(machine):
    """BASEFEE (0x48, EIP-3198): in wei."""
    return machine.base_fee


@njit
def blob_hash(machine, index):
    """BLOBHASH (0x49, EIP-4844): the versioned hash of a blob of this transaction, 0 if it has not so many."""
    if index >= u256(machine.blob_hash_count):
        return u256(0)
    return load_big_endian(blob_hash_at(machine.blob_hashes, low_int64(index)))


@njit
def blob_base_fee(machine):
    """BLOBBASEFEE (0x4a, EIP-7516): in wei."""
    return machine.blob_base_fee
