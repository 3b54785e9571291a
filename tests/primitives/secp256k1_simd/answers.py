"""Answers to signatures: those of the lanes alone, and those of libsecp256k1 alone."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from primitives.kernels_cache import njit_without_lock
from primitives.secp256k1_calls import libsecp256k1_functions
from primitives.secp256k1_simd.kernels import recover_in_lanes
from primitives.secp256k1_simd.switch import NO_WORKSPACE
from primitives.signature_kernels import judge_ranges, recover_signers
from primitives.signature_record import INVALID, SIGNATURE, UNDECIDED, VALID
from tests.primitives.secp256k1_simd.crafted import Signature

FUNCTIONS = libsecp256k1_functions()


def records_of(signatures: Sequence[Signature]) -> Any:
    """SIGNATURE[n]."""
    records = np.zeros(len(signatures), SIGNATURE)
    numbers = b"".join(each.r.to_bytes(32, "big") + each.s.to_bytes(32, "big") for each in signatures)
    records["numbers"] = np.frombuffer(numbers, np.uint8).reshape(-1, 64)
    digests = b"".join(each.digest.to_bytes(32, "big") for each in signatures)
    records["digest"] = np.frombuffer(digests, np.uint8).reshape(-1, 32)
    records["y_parity"] = [each.y_parity for each in signatures]
    return records


@njit_without_lock
def lanes_alone(functions, workspace, signatures, count):
    """Judge, then ask the lanes and nobody else; all int64 scalars."""
    judge_ranges(signatures, count, 0)
    return recover_in_lanes(functions, workspace, signatures, count)


def ask_lanes(workspace: int, records: Any) -> None:
    assert lanes_alone(FUNCTIONS.ctypes.data, workspace, records.ctypes.data, len(records))


def ask_libsecp256k1(records: Any) -> None:
    recover_signers(FUNCTIONS.ctypes.data, NO_WORKSPACE, records.ctypes.data, len(records), 0)


def differences(found: Any, wanted: Any) -> list[int]:
    """Where the lanes are wrong: they gave another key, found an invalid signature valid, or left it undecided."""
    decided = found["is_valid"] != UNDECIDED
    same_key = (found["key"][:, 1:] == wanted["key"][:, 1:]).all(axis=1)
    is_right = np.where(
        decided,
        (found["is_valid"] == wanted["is_valid"]) & (same_key | (wanted["is_valid"] == INVALID)),
        wanted["is_valid"] == VALID,
    )
    return [int(index) for index in np.nonzero(~is_right)[0]]
