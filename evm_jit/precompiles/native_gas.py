"""
What the precompiled contracts cost, in kernels, from Berlin to Osaka.

Source: Yellow Paper, appendix E; EIP-152, 1108, 2537, 2565, 4844, 7823, 7883, 7951.
"""

# mypy: allow-untyped-defs, allow-untyped-calls

from typing import Final

import numpy as np

from evm_jit.precompiles import (
    alt_bn128,
    alt_bn128_pairing,
    bls12_381,
    ecrecover,
    p256verify,
    point_evaluation,
    ripemd160,
)
from evm_jit.precompiles.blake2f import INPUT_SIZE_BYTES as BLAKE2F_INPUT_SIZE_BYTES
from evm_jit.precompiles.blake2f import round_count
from evm_jit.precompiles.bn254.pairing import PAIR_SIZE_BYTES
from evm_jit.precompiles.contract_numbers import (
    BLAKE2F,
    BLS_G1_ADD,
    BLS_G1_MSM,
    BLS_G2_ADD,
    BLS_MAP_TO_G1,
    BLS_MAP_TO_G2,
    BLS_PAIRING,
    BN254_ADD,
    BN254_MULTIPLY,
    BN254_PAIRING,
    ECRECOVER,
    IDENTITY,
    MODEXP,
    P256VERIFY,
    POINT_EVALUATION,
    RIPEMD160,
    SHA256,
)
from evm_jit.precompiles.modexp_kernel import modexp_gas
from evm_jit.precompiles.msm_discounts import G1_MSM_DISCOUNTS, G2_MSM_DISCOUNTS
from evm_jit.precompiles.statuses import FAILED
from primitives.kernels_cache import njit

GAS_SHA256_BASE, GAS_SHA256_WORD = 60, 12
GAS_RIPEMD160_BASE, GAS_RIPEMD160_WORD = ripemd160.GAS_BASE, ripemd160.GAS_WORD
GAS_IDENTITY_BASE, GAS_IDENTITY_WORD = 15, 3
GAS_ECRECOVER: Final = ecrecover.GAS
GAS_BN254_ADD, GAS_BN254_MULTIPLY = alt_bn128.GAS_ADD, alt_bn128.GAS_MULTIPLY
GAS_BN254_PAIRING, GAS_BN254_PAIR = alt_bn128_pairing.GAS_BASE, alt_bn128_pairing.GAS_PAIR
GAS_POINT_EVALUATION: Final = point_evaluation.GAS
GAS_G1_ADD, GAS_G1_MULTIPLY = bls12_381.GAS_G1_ADD, bls12_381.GAS_G1_MULTIPLY
GAS_G2_ADD, GAS_G2_MULTIPLY = bls12_381.GAS_G2_ADD, bls12_381.GAS_G2_MULTIPLY
GAS_BLS_PAIRING, GAS_BLS_PAIR = bls12_381.GAS_PAIRING, bls12_381.GAS_PAIRING_PAIR
BLS_PAIR_SIZE_BYTES: Final = bls12_381.PAIR_SIZE_BYTES
GAS_MAP_TO_G1, GAS_MAP_TO_G2 = bls12_381.GAS_MAP_TO_G1, bls12_381.GAS_MAP_TO_G2
G1_TERM_SIZE_BYTES: Final = bls12_381.G1_SIZE_BYTES + bls12_381.SCALAR_SIZE_BYTES
G2_TERM_SIZE_BYTES: Final = bls12_381.G2_SIZE_BYTES + bls12_381.SCALAR_SIZE_BYTES
GAS_P256VERIFY: Final = p256verify.GAS

# By the number of terms, in thousandths; the last of each is for all greater numbers. Nothing for none: the call fails.
G1_DISCOUNTS: Final = np.array([0, *G1_MSM_DISCOUNTS], dtype=np.int64)
G2_DISCOUNTS: Final = np.array([0, *G2_MSM_DISCOUNTS], dtype=np.int64)
DISCOUNT_DENOMINATOR: Final = bls12_381.DISCOUNT_DENOMINATOR


@njit
def by_words(base, per_word, size_bytes):
    """Gas that grows with the words (32 bytes) of input; all int64."""
    return base + per_word * ((size_bytes + 31) >> 5)


@njit
def bls_gas(number, size_bytes):
    """Gas (int64) of a contract over BLS12-381; FAILED for a size that it does not take."""
    if number == BLS_G1_ADD:
        return GAS_G1_ADD if size_bytes == 2 * bls12_381.G1_SIZE_BYTES else FAILED
    if number == BLS_G2_ADD:
        return GAS_G2_ADD if size_bytes == 2 * bls12_381.G2_SIZE_BYTES else FAILED
    if number == BLS_MAP_TO_G1:
        return GAS_MAP_TO_G1 if size_bytes == bls12_381.ELEMENT_SIZE_BYTES else FAILED
    if number == BLS_MAP_TO_G2:
        return GAS_MAP_TO_G2 if size_bytes == 2 * bls12_381.ELEMENT_SIZE_BYTES else FAILED
    if number == BLS_PAIRING:
        count = size_bytes // BLS_PAIR_SIZE_BYTES
        return GAS_BLS_PAIRING + GAS_BLS_PAIR * count if is_multiple(size_bytes, BLS_PAIR_SIZE_BYTES) else FAILED
    if number == BLS_G1_MSM:
        if not is_multiple(size_bytes, G1_TERM_SIZE_BYTES):
            return FAILED
        count = size_bytes // G1_TERM_SIZE_BYTES
        return count * GAS_G1_MULTIPLY * G1_DISCOUNTS[min(count, len(G1_DISCOUNTS) - 1)] // DISCOUNT_DENOMINATOR
    if not is_multiple(size_bytes, G2_TERM_SIZE_BYTES):
        return FAILED
    count = size_bytes // G2_TERM_SIZE_BYTES
    return count * GAS_G2_MULTIPLY * G2_DISCOUNTS[min(count, len(G2_DISCOUNTS) - 1)] // DISCOUNT_DENOMINATOR


@njit
def is_multiple(size_bytes, unit_bytes):
    """Whether a size (int64) is one or more units."""
    return size_bytes > 0 and size_bytes % unit_bytes == 0


@njit
def precompile_gas(number, fork, data, size_bytes):
    """
    The gas (int64) of a call of a contract, at most GAS_MAX; FAILED if it fails whatever gas there is.

    number : int64, of `precompile_number`
    fork : int64, a Fork from Berlin on
    data, size_bytes : int64, the input
    """
    if number == ECRECOVER:
        return GAS_ECRECOVER
    if number == SHA256:
        return by_words(GAS_SHA256_BASE, GAS_SHA256_WORD, size_bytes)
    if number == RIPEMD160:
        return by_words(GAS_RIPEMD160_BASE, GAS_RIPEMD160_WORD, size_bytes)
    if number == IDENTITY:
        return by_words(GAS_IDENTITY_BASE, GAS_IDENTITY_WORD, size_bytes)
    if number == MODEXP:
        return modexp_gas(fork, data, size_bytes)
    if number == BN254_ADD:
        return GAS_BN254_ADD
    if number == BN254_MULTIPLY:
        return GAS_BN254_MULTIPLY
    if number == BN254_PAIRING:
        if size_bytes % PAIR_SIZE_BYTES != 0:
            return FAILED
        return GAS_BN254_PAIRING + GAS_BN254_PAIR * (size_bytes // PAIR_SIZE_BYTES)
    if number == BLAKE2F:
        return round_count(data) if size_bytes == BLAKE2F_INPUT_SIZE_BYTES else FAILED
    if number == POINT_EVALUATION:
        return GAS_POINT_EVALUATION if size_bytes == point_evaluation.INPUT_SIZE_BYTES else FAILED
    if number == P256VERIFY:
        return GAS_P256VERIFY
    return bls_gas(number, size_bytes)
