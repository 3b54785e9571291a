"""
Whether transactions may enter the mempool, for all that have arrived in one call of compiled code: they are decoded and
hashed, what can be said without a signer is said, the signers of the others are recovered together, and their accounts
are looked up in the newest state that can be seen.

A record of each tells the verdict as a code; `sequencer.admission` has the words. The first check that fails counts, in
the order of the codes. What depends on the mempool (already known, funds for what is queued) is not decided here.
"""

# mypy: allow-untyped-defs, allow-untyped-calls

from typing import Final

import numpy as np

from evm_jit.entry_checks import count_zeros, half_order, order
from primitives.constants import (
    INIT_CODE_SIZE_BYTES_MAX,
    KECCAK_EMPTY,
    NONCE_MAX,
    TRANSACTION_GAS_CAP_OSAKA,
)
from primitives.forks import Fork
from primitives.intrinsic_gas import (
    GAS_ACCESS_LIST_ADDRESS,
    GAS_ACCESS_LIST_STORAGE_KEY,
    GAS_AUTHORIZATION,
    GAS_CREATE,
    GAS_DATA_NON_ZERO,
    GAS_DATA_NON_ZERO_FRONTIER,
    GAS_DATA_ZERO,
    GAS_FLOOR_PER_TOKEN,
    GAS_INIT_CODE_WORD,
    GAS_TRANSACTION,
    TOKENS_PER_NON_ZERO_BYTE,
)
from primitives.kernels_cache import njit, njit_without_lock
from primitives.records import address_of, offset_of, record_at, row_of
from primitives.sender_kernels import ask_for_sender, name_sender
from primitives.signature_kernels import recover_signers, signature_row
from primitives.transaction import ACCESS_LIST, BLOB, DYNAMIC_FEE, LEGACY, SET_CODE
from primitives.transaction_kernels import DECODED, WORD, decode_many, transaction_row
from primitives.validity import FIRST_FORK_OF_TYPE as FIRST_FORK
from primitives.wide_integers import Constant, u256, u512
from statestore.accounts import read_account
from statestore.code import delegation_of, find_code
from statestore.table import as_tables
from statestore.versions import ACCOUNT_SIZE_BYTES

# Verdicts. Those up to GAS_LIMIT need no signer, those up to FEE_CAP no account.
MAY_ENTER: Final = 0
IS_MALFORMED: Final = 1
HAS_BLOBS: Final = 2
NOT_PROTECTED: Final = 3
TYPE_TOO_NEW: Final = 4
PROTECTED_TOO_EARLY: Final = 5
WRONG_CHAIN: Final = 6
BAD_PARITY: Final = 7
BAD_R: Final = 8
BAD_S: Final = 9
HIGH_S: Final = 10
NONCE_AT_END: Final = 11
LARGE_INIT_CODE: Final = 12
DELEGATES_CREATION: Final = 13
NO_AUTHORIZATIONS: Final = 14
GAS_ABOVE_CAP: Final = 15
GAS_BELOW_INTRINSIC: Final = 16
GAS_BELOW_FLOOR: Final = 17
TIP_ABOVE_FEE: Final = 18
COST_TOO_WIDE: Final = 19
GAS_ABOVE_BLOCK: Final = 20
NO_KEY: Final = 21
FEE_BELOW_BASE: Final = 22
NONCE_USED: Final = 23
IS_CONTRACT: Final = 24
POOR: Final = 25

GATE = np.dtype(
    [
        ("tables", np.int64),  # address
        ("version", np.int64),  # of the state, as the tables count
        ("fork", np.int64),
        ("chain_id", *WORD),
        ("base_fee", *WORD),  # wei
        ("gas_limit", *WORD),  # of the block
    ]
)
VERDICT = np.dtype(
    [
        ("code", np.int64),
        ("gas_needed", np.int64),  # what the gas limit is below, if it is
        # The sender's account, as `statestore.versions` writes it; zeros if there is none.
        ("balance", *WORD),
        ("nonce", np.uint64),
        ("code_hash", *WORD),
    ]
)
ACCOUNT_AT = offset_of(VERDICT, "balance")
assert VERDICT.itemsize == ACCOUNT_AT + ACCOUNT_SIZE_BYTES

HOMESTEAD, SPURIOUS_DRAGON, ISTANBUL = int(Fork.HOMESTEAD), int(Fork.SPURIOUS_DRAGON), int(Fork.ISTANBUL)
SHANGHAI, PRAGUE, OSAKA = int(Fork.SHANGHAI), int(Fork.PRAGUE), int(Fork.OSAKA)
FIRST_FORK_OF_TYPE = tuple(int(FIRST_FORK[kind]) for kind in (LEGACY, ACCESS_LIST, DYNAMIC_FEE, BLOB, SET_CODE))
NONCE_LAST = Constant(NONCE_MAX)
EMPTY_CODE = Constant(int.from_bytes(KECCAK_EMPTY, "big"))

as_gate = record_at(GATE)
verdict_row = row_of(VERDICT)


@njit_without_lock
def judge_all(functions, workspace, raw, starts, count, transactions, signing, signatures, gate_address, verdicts):
    """
    Decode transactions, hash them, find who sent them, and judge them.

    functions, workspace, raw, starts, count, transactions, signing, signatures : int64     as
        `sender_kernels.recover_senders_of` takes them
    gate_address : int64    of a GATE
    verdicts : int64        address of VERDICT[count], modified

    Returns as `judge_accounts`.
    """
    gate = as_gate(gate_address)
    decode_many(raw, starts, count, transactions, signing)
    for index in range(count):
        transaction, verdict = transaction_row(transactions, index, count), verdict_row(verdicts, index, count)
        signature = signature_row(signatures, index, count)
        verdict.code = judge_fields(gate, transaction, verdict)
        if verdict.code == MAY_ENTER:
            ask_for_sender(transaction, signature)
        else:
            signature.y_parity = 2  # Nobody's: nothing is recovered.
    recover_signers(functions, workspace, signatures, count, 1)
    for index in range(count):
        transaction, verdict = transaction_row(transactions, index, count), verdict_row(verdicts, index, count)
        name_sender(transaction, signature_row(signatures, index, count))
        if verdict.code == MAY_ENTER:
            verdict.code = judge_signer(gate, transaction)
    return judge_accounts(gate_address, transactions, verdicts, count)


@njit_without_lock
def judge_accounts(gate_address, transactions, verdicts, count):
    """
    Judge by the senders' accounts what nothing else speaks against; may be done again, for another state.

    gate_address, transactions, verdicts, count : int64     as `judge_all` takes them

    Returns 0; MOVED or DISCARDED of `statestore.table` if it has to be done again, for tables or a version that are
    there.
    """
    gate = as_gate(gate_address)
    for index in range(count):
        verdict = verdict_row(verdicts, index, count)
        if verdict.code == MAY_ENTER or verdict.code > FEE_BELOW_BASE:
            status = judge_account(gate, transaction_row(transactions, index, count), verdict)
            if status < 0:
                return status
    return 0


@njit
def judge_fields(gate, transaction, verdict):
    """
    The code (int64) that needs no signer.

    gate : GATE; transaction : DECODED_TRANSACTION; verdict : VERDICT, whose `gas_needed` is modified. All are records,
    passed as scalars.
    """
    if transaction.status != DECODED:
        return IS_MALFORMED
    kind = transaction.type
    if kind == BLOB:
        return HAS_BLOBS
    if transaction.has_chain_id == 0:
        return NOT_PROTECTED
    if gate.fork < FIRST_FORK_OF_TYPE[kind]:
        return TYPE_TOO_NEW
    if kind == LEGACY and gate.fork < SPURIOUS_DRAGON:
        return PROTECTED_TOO_EARLY
    if transaction.chain_id != gate.chain_id:
        return WRONG_CHAIN
    code = judge_numbers(gate, transaction)
    if code != MAY_ENTER:
        return code
    if u256(transaction.nonce) > NONCE_LAST:
        return NONCE_AT_END
    if transaction.is_creation != 0 and gate.fork >= SHANGHAI and transaction.data_size > INIT_CODE_SIZE_BYTES_MAX:
        return LARGE_INIT_CODE
    if kind == SET_CODE:
        if transaction.is_creation != 0:
            return DELEGATES_CREATION
        if transaction.authorization_count == 0:
            return NO_AUTHORIZATIONS
    return judge_gas(gate, transaction, verdict)


@njit
def judge_numbers(gate, transaction):
    """The code (int64) of a signature whose numbers are out of range (EIP-2). Both are records, passed as scalars."""
    r, s = transaction.r, transaction.s
    if transaction.y_parity > 1:
        return BAD_PARITY
    if r == u256(0) or r >= order():
        return BAD_R
    if s == u256(0) or s >= order():
        return BAD_S
    return HIGH_S if gate.fork >= HOMESTEAD and s > half_order() else MAY_ENTER


@njit
def judge_gas(gate, transaction, verdict):
    """The code (int64) of the gas limit and of the fees. Records as `judge_fields` takes them, scalars."""
    limit = transaction.gas_limit
    if gate.fork >= OSAKA and limit > TRANSACTION_GAS_CAP_OSAKA:
        return GAS_ABOVE_CAP
    gas, floor = gas_bounds(gate.fork, transaction)
    if limit < gas:
        verdict.gas_needed = gas
        return GAS_BELOW_INTRINSIC
    if limit < floor:
        verdict.gas_needed = floor
        return GAS_BELOW_FLOOR
    if transaction.max_priority_fee > transaction.max_fee:
        return TIP_ABOVE_FEE
    if (u512(u256(limit)) * u512(transaction.max_fee)) >> 256 != 0:
        return COST_TOO_WIDE
    return GAS_ABOVE_BLOCK if u256(limit) > gate.gas_limit else MAY_ENTER


@njit
def gas_bounds(fork, transaction):
    """Both bounds of `primitives.intrinsic_gas` (int64), of any fork (int64); the second is 0 before Prague."""
    zero_count = count_zeros(transaction.data, transaction.data_size)
    other_count = transaction.data_size - zero_count
    gas = GAS_TRANSACTION + GAS_DATA_ZERO * zero_count
    gas += other_count * (GAS_DATA_NON_ZERO if fork >= ISTANBUL else GAS_DATA_NON_ZERO_FRONTIER)
    if transaction.is_creation != 0:
        if fork >= HOMESTEAD:
            gas += GAS_CREATE
        if fork >= SHANGHAI:
            gas += GAS_INIT_CODE_WORD * ((transaction.data_size + 31) >> 5)
    gas += GAS_ACCESS_LIST_ADDRESS * transaction.access_list_count
    gas += GAS_ACCESS_LIST_STORAGE_KEY * transaction.storage_key_count
    gas += GAS_AUTHORIZATION * transaction.authorization_count
    if fork < PRAGUE:
        return gas, 0
    return gas, GAS_TRANSACTION + GAS_FLOOR_PER_TOKEN * (zero_count + TOKENS_PER_NON_ZERO_BYTE * other_count)


@njit
def judge_signer(gate, transaction):
    """The code (int64) once the signer was looked for. Both are records, passed as scalars."""
    if transaction.status != DECODED:
        return HIGH_S if transaction.s > half_order() else NO_KEY
    return FEE_BELOW_BASE if transaction.max_fee < gate.base_fee else MAY_ENTER


@njit
def judge_account(gate, transaction, verdict):
    """
    Compare with the sender's account, which the verdict keeps.

    Records as `judge_fields` takes them, scalars. Returns 0, MOVED or DISCARDED.
    """
    tables = as_tables(gate.tables)
    status = read_account(tables, transaction.sender, gate.version, address_of(verdict) + ACCOUNT_AT)
    if status < 0:
        return status
    if status == 0:
        verdict.balance, verdict.nonce, verdict.code_hash = u256(0), np.uint64(0), EMPTY_CODE
    if transaction.nonce < verdict.nonce:
        verdict.code = NONCE_USED
    elif verdict.code_hash != EMPTY_CODE and delegation_of(tables, find_code(tables, verdict.code_hash)) == u256(0):
        verdict.code = IS_CONTRACT
    else:
        cost = u512(u256(transaction.gas_limit)) * u512(transaction.max_fee) + u512(transaction.value)
        verdict.code = POOR if u512(verdict.balance) < cost else MAY_ENTER
    return 0
