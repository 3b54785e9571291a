"""
Signatures handed to the lanes of vectors by compiled code, and some of the answers compared with libsecp256k1.

A workspace belongs to one thread: no two calls may use it at a time.
"""

# mypy: allow-untyped-defs, allow-untyped-calls

from typing import Final

import numpy as np
from llvmlite import ir

from primitives.kernels_cache import njit
from primitives.memory import foreign_call, load_int64, load_uint64, scratch, store_int64
from primitives.records import address_of, record_at, row_of
from primitives.secp256k1_calls import recover_key
from primitives.secp256k1_simd.work_area import SIGNATURES_IN_UNIT
from primitives.signature_record import (
    DIGEST_AT,
    KEY_SIZE_BYTES,
    NUMBERS_AT,
    POINT_AT,
    SIGNATURE,
    UNDECIDED,
    VALID,
)

WORKSPACE: Final = np.dtype(
    [
        ("lift", np.int64),  # addresses: of what `lifting.py` and `recovery.py` describe, and of what it takes
        ("recover", np.int64),
        ("comb", np.int64),
        ("work", np.int64),
        ("places", np.int64),  # int64[unit_count_max * SIGNATURES_IN_UNIT]
        ("unit_count_max", np.int64),
        ("random", np.uint64),  # never 0
        ("unchecked", np.int64),  # signatures until the next is checked
        ("check_interval", np.int64),  # one in so many is checked, on average
        ("checked_count", np.int64),
        ("mismatch_count", np.int64),  # once there is one, the lanes are not asked any more
    ]
)
# A unit costs as much as this many signatures cost libsecp256k1, however few there are in it.
BATCH_MIN: Final = 4
ADDRESS_SIZE_BYTES: Final = 8
SIX, TWELVE, TWENTY_FIVE, TWENTY_SEVEN = (np.uint64(bits) for bits in (6, 12, 25, 27))
MULTIPLIER: Final = np.uint64(2685821657736338717)

signature_row = row_of(SIGNATURE)
as_signature = record_at(SIGNATURE)
as_workspace = record_at(WORKSPACE)
_WORD = ir.IntType(64)
_lift = foreign_call(_WORD, (_WORD, _WORD, _WORD))
_recover = foreign_call(_WORD, (_WORD, _WORD, _WORD, _WORD))
_key_scratch = scratch(KEY_SIZE_BYTES)


@njit
def recover_in_lanes(functions, workspace_address, signatures, count):
    """
    Find the keys of signatures that are UNDECIDED, as far as that can be done, and is worth while.

    functions : int64           address of what `secp256k1_calls.libsecp256k1_functions` made
    workspace_address : int64   of a WORKSPACE
    signatures : int64          address of SIGNATURE[count]; of those that are UNDECIDED r and s are in range and the
                                parity is 0 or 1. They get a key and VALID, or INVALID, or stay as they are

    Returns whether libsecp256k1 agrees, as far as it was asked; if not, no answer is to be believed.
    """
    workspace = as_workspace(workspace_address)
    taken_max = workspace.unit_count_max * SIGNATURES_IN_UNIT
    index = 0
    while index < count and workspace.mismatch_count == 0:
        taken = 0
        while index < count and taken < taken_max:
            signature = signature_row(signatures, index, count)
            if signature.is_valid == UNDECIDED:
                store_int64(workspace.places + ADDRESS_SIZE_BYTES * taken, address_of(signature))
                taken += 1
            index += 1
        if taken >= BATCH_MIN:
            unit_count = fill_units(workspace, taken)
            _lift(workspace.lift, workspace.places, unit_count, workspace.work)
            check_some(functions, workspace, taken)
            taken = keep_undecided(workspace, taken)
        if taken >= BATCH_MIN:
            unit_count = fill_units(workspace, taken)
            _recover(workspace.recover, workspace.places, unit_count, workspace.comb, workspace.work)
            check_some(functions, workspace, taken)
    return workspace.mismatch_count == 0


@njit
def fill_units(workspace, count):
    """
    Have lanes that are left over in the last unit do the first signature again.

    workspace : a WORKSPACE with `count` places, 1 <= count (int64). Returns how many units there are.
    """
    unit_count = (count + SIGNATURES_IN_UNIT - 1) // SIGNATURES_IN_UNIT
    for lane in range(count, unit_count * SIGNATURES_IN_UNIT):
        store_int64(workspace.places + ADDRESS_SIZE_BYTES * lane, load_int64(workspace.places))
    return unit_count


@njit
def keep_undecided(workspace, count):
    """Move the places of what is still UNDECIDED to the front. workspace : a WORKSPACE; count : int64. How many."""
    kept = 0
    for lane in range(count):
        place = load_int64(workspace.places + ADDRESS_SIZE_BYTES * lane)
        if as_signature(place).is_valid == UNDECIDED:
            store_int64(workspace.places + ADDRESS_SIZE_BYTES * kept, place)
            kept += 1
    return kept


@njit
def check_some(functions, workspace, count):
    """
    Compare some of the answers with libsecp256k1's, at intervals that nobody can foresee.

    functions : int64; workspace : a WORKSPACE, modified; count : int64, how many of its places were used
    """
    while workspace.unchecked < count:
        place = load_int64(workspace.places + ADDRESS_SIZE_BYTES * workspace.unchecked)
        if as_signature(place).is_valid != UNDECIDED:  # What will be decided may be checked then.
            workspace.checked_count = workspace.checked_count + 1
            if not is_confirmed(functions, place):
                workspace.mismatch_count = workspace.mismatch_count + 1
        # xorshift64*, Vigna (2016): evenly 1 to 2 interval - 1, but for less than one in 2^40.
        state = workspace.random
        state ^= state >> TWELVE
        state ^= state << TWENTY_FIVE
        state ^= state >> TWENTY_SEVEN
        workspace.random = state
        above = np.int64((state * MULTIPLIER) >> SIX >> TWELVE)
        workspace.unchecked = workspace.unchecked + 1 + above % (2 * workspace.check_interval - 1)
    workspace.unchecked = workspace.unchecked - count


@njit
def is_confirmed(functions, place):
    """
    Whether libsecp256k1 finds what a record says.

    functions, place : int64 scalars, addresses; the second that of a SIGNATURE that is VALID or INVALID
    """
    signature = as_signature(place)
    key = _key_scratch()
    is_valid = recover_key(functions, place + DIGEST_AT, signature.y_parity, place + NUMBERS_AT, key)
    if not is_valid or signature.is_valid != VALID:
        return is_valid == (signature.is_valid == VALID)
    for word in range(0, KEY_SIZE_BYTES - 1, 8):
        if load_uint64(place + POINT_AT + word) != load_uint64(key + 1 + word):
            return False
    return True
