"""EIP-7702: a set-code transaction writes, for each account that has signed for it, whose code that account runs."""

# mypy: allow-untyped-defs, allow-untyped-calls

from evm_jit.transaction_checks import DELEGATION_PREFIX, DELEGATION_SIZE_BYTES
from primitives.constants import NONCE_MAX
from primitives.keccak_kernels import keccak256_at
from primitives.kernels_cache import njit
from primitives.memory import scratch
from primitives.records import address_of
from primitives.secp256k1_calls import recover_address
from primitives.signature import SECP256K1_HALF_N
from primitives.transaction_kernels import AUTHORIZATION, AUTHORIZATION_HASH_AT, as_authorization, read_authorization
from primitives.u256 import WORD, store_big_endian
from primitives.wide_integers import U256, low_uint64, operation, u256
from statestore.access_list import warm_account
from statestore.accounts import intern_account, write_code, write_nonce
from statestore.code import delegation_of, intern_code
from statestore.table import account_row, as_tables

GAS_REFUND_EXISTING_AUTHORITY = 12_500  # PER_EMPTY_ACCOUNT_COST - PER_AUTH_BASE_COST
PREFIX = int.from_bytes(DELEGATION_PREFIX, "big")
PREFIX_SHIFT = 256 - 8 * len(DELEGATION_PREFIX)
ADDRESS_SHIFT = PREFIX_SHIFT - 160

half_order = operation(U256, (), lambda builder: WORD(SECP256K1_HALF_N))
authorization_buffer = scratch(AUTHORIZATION.itemsize)
code_buffer = scratch(32)


@njit
def write_delegations(machine, transaction):
    """Write those whose authorization is valid, skip the others; the refund for them is added. 0 or a status."""
    at = transaction.authorizations
    for _ in range(transaction.authorization_count):
        authorization = as_authorization(authorization_buffer())
        at = read_authorization(at, authorization)
        status = write_delegation(machine, authorization)
        if status < 0:
            return status
    return 0


@njit
def authority_of(machine, authorization):
    """The account that signed for this chain; 0 if none did."""
    chain_id = authorization.chain_id
    is_of_chain = chain_id == 0 or chain_id == machine.chain_id  # noqa: PLR1714 words have no containers
    if not is_of_chain or u256(authorization.nonce) > u256(NONCE_MAX) or authorization.s > half_order():
        return u256(0)
    digest = address_of(authorization) + AUTHORIZATION_HASH_AT
    return recover_address(machine.libsecp256k1, digest, authorization.y_parity, authorization.r, authorization.s)


@njit
def write_delegation(machine, authorization):
    """Write one delegation if its authorization is valid. 0 or a status."""
    authority = authority_of(machine, authorization)
    if authority == 0:
        return 0
    tables = as_tables(machine.tables)
    row = intern_account(tables, authority)
    if row < 0:
        return row
    status = warm_account(tables, row)  # From here on, whatever else is wrong with it.
    if status < 0:
        return status
    account = account_row(tables, row)
    is_contract = account.code != 0 and delegation_of(tables, account.code) == 0
    if is_contract or account.nonce != authorization.nonce:
        return 0
    if account.exists != 0:
        machine.refund += GAS_REFUND_EXISTING_AUTHORITY
    code = delegation_code(tables, authorization.address)
    if code < 0:
        return code
    status = write_code(tables, row, code)
    return status if status < 0 else write_nonce(tables, row, low_uint64(u256(account.nonce) + 1))


@njit
def delegation_code(tables, address):
    """The row of the code that delegates to an address, or a status; to address 0 it is the empty code."""
    if address == 0:
        return 0
    code = code_buffer()
    store_big_endian(code, (u256(PREFIX) << PREFIX_SHIFT) | (address << ADDRESS_SHIFT))
    return intern_code(tables, keccak256_at(code, DELEGATION_SIZE_BYTES), code, DELEGATION_SIZE_BYTES)
