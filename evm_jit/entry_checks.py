"""
Whether a transaction may enter the block now, in compiled code: the verdict of `transaction_checks.check_transaction`.

Only the verdict: whoever needs the reason of a refusal asks `check_transaction`, which has the words.
"""

# mypy: allow-untyped-defs, allow-untyped-calls

from primitives.constants import INIT_CODE_SIZE_BYTES_MAX, TRANSACTION_GAS_CAP_OSAKA, U64_MAX
from primitives.forks import Fork
from primitives.intrinsic_gas import (
    GAS_ACCESS_LIST_ADDRESS,
    GAS_ACCESS_LIST_STORAGE_KEY,
    GAS_AUTHORIZATION,
    GAS_CREATE,
    GAS_DATA_NON_ZERO,
    GAS_DATA_ZERO,
    GAS_FLOOR_PER_TOKEN,
    GAS_INIT_CODE_WORD,
    GAS_TRANSACTION,
    TOKENS_PER_NON_ZERO_BYTE,
)
from primitives.kernels_cache import njit
from primitives.memory import load_byte
from primitives.signature import SECP256K1_HALF_N, SECP256K1_N
from primitives.transaction import ACCESS_LIST, BLOB, DYNAMIC_FEE, LEGACY, SET_CODE
from primitives.transaction_kernels import DECODED, blob_hash_at
from primitives.u256 import WORD
from primitives.validity import FIRST_FORK_OF_TYPE as FIRST_FORK
from primitives.validity import GAS_PER_BLOB, VERSIONED_HASH_VERSION_KZG, blob_count_max
from primitives.wide_integers import U256, leading_zeros, operation, u256, u512
from statestore.code import delegation_of
from statestore.table import as_tables

LONDON, SHANGHAI, PRAGUE, OSAKA = int(Fork.LONDON), int(Fork.SHANGHAI), int(Fork.PRAGUE), int(Fork.OSAKA)
GAS_END = 2**62  # More than any block has; below it gas is an int64 whatever is added.
FEE_BITS_SAFE = 190  # With gas of 64 bits and three summands the cost stays below 2^256.
BLOBS_MAX, BLOBS_MAX_PRAGUE = blob_count_max(Fork.CANCUN), blob_count_max(Fork.PRAGUE)
FIRST_FORK_OF_TYPE = tuple(int(FIRST_FORK[kind]) for kind in (LEGACY, ACCESS_LIST, DYNAMIC_FEE, BLOB, SET_CODE))

order = operation(U256, (), lambda builder: WORD(SECP256K1_N))
half_order = operation(U256, (), lambda builder: WORD(SECP256K1_HALF_N))


@njit
def may_enter(machine, transaction, sender):
    """
    Whether a transaction passes every check; its intrinsic gas and floor are left in the machine.

    sender : record of the account
    """
    return (
        fits_fork(machine, transaction)
        and fits_gas(machine, transaction)
        and fits_sender(machine, transaction, sender)
        and fits_fees(machine, transaction, sender)
    )


@njit
def fits_fork(machine, transaction):
    """Type, chain id, the signature's ranges, what belongs to blobs and delegations."""
    kind = transaction.type
    if transaction.status != DECODED or machine.fork < FIRST_FORK_OF_TYPE[kind]:
        return False
    if transaction.has_chain_id != 0 and transaction.chain_id != machine.chain_id:
        return False
    r, s = transaction.r, transaction.s
    if transaction.y_parity > 1 or r == 0 or r >= order() or s == 0 or s > half_order():
        return False
    if kind == SET_CODE:
        return transaction.is_creation == 0 and transaction.authorization_count > 0
    return kind != BLOB or fits_blobs(machine, transaction)


@njit
def fits_blobs(machine, transaction):
    """EIP-4844, with the bounds of EIP-7691 and EIP-7594."""
    count = transaction.blob_hash_count
    most = BLOBS_MAX_PRAGUE if machine.fork == PRAGUE else BLOBS_MAX
    if transaction.is_creation != 0 or count == 0 or count > most:
        return False
    for index in range(count):
        if load_byte(blob_hash_at(transaction.blob_hashes, index)) != VERSIONED_HASH_VERSION_KZG:
            return False
    return transaction.max_fee_per_blob_gas >= machine.blob_base_fee


@njit
def fits_gas(machine, transaction):
    """The gas limit: of the fork, of the block, for what runs before the first opcode, for EIP-7623's floor."""
    limit = u256(transaction.gas_limit)
    if machine.fork >= OSAKA and limit > u256(TRANSACTION_GAS_CAP_OSAKA):
        return False
    if limit > machine.gas_limit or limit > machine.gas_limit - u256(machine.gas_used) or limit >= u256(GAS_END):
        return False
    gas, floor = intrinsic_gas(machine, transaction)
    machine.intrinsic_gas, machine.floor_gas = gas, floor
    return limit >= u256(max(gas, floor))


@njit
def intrinsic_gas(machine, transaction):
    """What `primitives.intrinsic_gas` computes: the gas that is used before anything runs, and the floor."""
    zero_count = count_zeros(transaction.data, transaction.data_size)
    other_count = transaction.data_size - zero_count
    gas = GAS_TRANSACTION + GAS_DATA_ZERO * zero_count + GAS_DATA_NON_ZERO * other_count
    if transaction.is_creation != 0:
        gas += GAS_CREATE
        if machine.fork >= SHANGHAI:
            gas += GAS_INIT_CODE_WORD * ((transaction.data_size + 31) >> 5)
    gas += GAS_ACCESS_LIST_ADDRESS * transaction.access_list_count
    gas += GAS_ACCESS_LIST_STORAGE_KEY * transaction.storage_key_count
    gas += GAS_AUTHORIZATION * transaction.authorization_count
    if machine.fork < PRAGUE:
        return gas, 0
    return gas, GAS_TRANSACTION + GAS_FLOOR_PER_TOKEN * (zero_count + TOKENS_PER_NON_ZERO_BYTE * other_count)


@njit
def count_zeros(address, size):
    """How many of the bytes at an address (both int64) are 0."""
    count = 0
    for position in range(size):
        count += 1 if load_byte(address + position) == 0 else 0
    return count


@njit
def fits_sender(machine, transaction, sender):
    """Nonce (EIP-2681), no code but a delegation (EIP-3607, EIP-7702), the size of init code (EIP-3860)."""
    nonce = u256(sender.nonce)
    if u256(transaction.nonce) != nonce or nonce == u256(U64_MAX):
        return False
    if transaction.is_creation != 0 and machine.fork >= SHANGHAI and transaction.data_size > INIT_CODE_SIZE_BYTES_MAX:
        return False
    return sender.code == 0 or delegation_of(as_tables(machine.tables), sender.code) != 0


@njit
def fits_fees(machine, transaction, sender):
    """The maximum fees cover the block's, and the balance covers gas, blobs and value at the highest price offered."""
    fee = transaction.max_fee
    if transaction.max_priority_fee > fee or (machine.fork >= LONDON and fee < machine.base_fee):
        return False
    gas, blob_gas = u256(transaction.gas_limit), u256(transaction.blob_hash_count * GAS_PER_BLOB)
    blob_fee = transaction.max_fee_per_blob_gas
    value, balance = transaction.value, sender.balance
    if leading_zeros(fee) >= 256 - FEE_BITS_SAFE and leading_zeros(blob_fee) >= 256 - FEE_BITS_SAFE:
        cost = fee * gas + blob_fee * blob_gas
        return cost + value >= cost and balance >= cost + value
    wide_cost = u512(fee) * u512(gas)
    if wide_cost >> 256 != 0:
        return False
    return u512(balance) >= wide_cost + u512(blob_fee) * u512(blob_gas) + u512(value)
