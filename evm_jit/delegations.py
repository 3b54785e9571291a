"""EIP-7702: a set-code transaction writes, for each account that has signed for it, whose code that account runs."""

# mypy: allow-untyped-defs, allow-untyped-calls

from evm_jit.transaction_checks import DELEGATION_PREFIX, DELEGATION_SIZE_BYTES
from primitives.constants import U64_MAX
from primitives.kernels_cache import njit
from primitives.keccak_kernels import keccak256_at
from primitives.memory import scratch
from primitives.secp256k1_calls import recover_address
from primitives.transaction_kernels import authorization_at
from primitives.u256 import store_big_endian
from primitives.wide_integers import low_uint64, u256
from statestore.access_list import warm_account
from statestore.accounts import intern_account, write_code, write_nonce
from statestore.code import delegation_of, intern_code
from statestore.table import account_row, as_tables

GAS_REFUND_EXISTING_AUTHORITY = 12_500  # PER_EMPTY_ACCOUNT_COST - PER_AUTH_BASE_COST
PREFIX_BITS = 8 * len(DELEGATION_PREFIX)
PREFIX = int.from_bytes(DELEGATION_PREFIX, "big")
