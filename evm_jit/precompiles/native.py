"""
The precompiled contracts of the native engine, from Berlin to Osaka: numbers, gas and results in kernels.

A contract's number is its address. A call goes in three steps: `precompile_number`, `precompile_gas`, and once the gas
is paid, `run_precompile`. What has no kernel of ours, or is faster in a library, comes back IN_PYTHON: the caller
suspends its frames and calls PYTHON_CONTRACTS.

The kernels are compiled as one C function, called by address: code that calls it would otherwise be compiled with a
pairing inside, each time that it changes.
"""

# mypy: allow-untyped-defs, allow-untyped-calls

from collections.abc import Callable, Mapping
from functools import cache
from types import MappingProxyType
from typing import Any, Final

import numpy as np
from llvmlite import ir
from numba import types
from numpy.typing import NDArray

from evm_jit.precompiles import bls12_381, modexp, point_evaluation
from evm_jit.precompiles.blake2f import OUTPUT_SIZE_BYTES as BLAKE2F_OUTPUT_SIZE_BYTES
from evm_jit.precompiles.blake2f import blake2f_at
from evm_jit.precompiles.bls12_381_kernel import add_at
from evm_jit.precompiles.bls12_381_map import map_to_g1_at
from evm_jit.precompiles.bls12_381_map_g2 import map_to_g2_at
from evm_jit.precompiles.bls12_381_msm import g1_sum_at, g2_sum_at
from evm_jit.precompiles.bn254.curve import OK, add_points, multiply_point
from evm_jit.precompiles.bn254.field import WORD_SIZE_BYTES
from evm_jit.precompiles.bn254.pairing import NOT_ONE, PAIR_SIZE_BYTES, check_pairing
from evm_jit.precompiles.contract_numbers import (
    BLAKE2F,
    BLS_G1_ADD,
    BLS_G1_MSM,
    BLS_G2_ADD,
    BLS_G2_MSM,
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
    PRECOMPILE_ADDRESSES_MAX,
    RIPEMD160,
    SHA256,
    precompile_addresses,
    precompile_number,
)
from evm_jit.precompiles.input_words import head_scratch, padded_head
from evm_jit.precompiles.modexp_kernel import modexp_at, operand_sizes
from evm_jit.precompiles.native_gas import precompile_gas
from evm_jit.precompiles.p256_kernel import is_valid_signature
from evm_jit.precompiles.p256verify import INPUT_SIZE_BYTES as P256VERIFY_INPUT_SIZE_BYTES
from evm_jit.precompiles.ripemd160_kernel import OUTPUT_SIZE_BYTES as RIPEMD160_OUTPUT_SIZE_BYTES
from evm_jit.precompiles.ripemd160_kernel import ripemd160_at
from evm_jit.precompiles.sha256_kernel import DIGEST_SIZE_BYTES, sha256_at
from evm_jit.precompiles.statuses import FAILED, IN_PYTHON
from primitives import secp256k1_calls
from primitives.kernels_cache import compile_function, njit
from primitives.memory import copy_bytes, foreign_call, load_int64
from primitives.secp256k1_calls import recover_address
from primitives.u256 import load_big_endian, store_big_endian
from primitives.wide_integers import low_int64, u256

__all__ = [
    "FAILED",
    "IN_PYTHON",
    "OUTPUT_SIZE_BYTES_MAX",
    "PRECOMPILE_ADDRESSES_MAX",
    "PYTHON_CONTRACTS",
    "precompile_addresses",
    "precompile_functions",
    "precompile_gas",
    "precompile_number",
    "precompile_output_room",
    "run_precompile",
]

OUTPUT_SIZE_BYTES_MAX: Final = 256  # Of all but IDENTITY and MODEXP; that of BLS_G2_ADD.

PYTHON_CONTRACTS: Final[Mapping[int, Callable[[bytes], bytes]]] = MappingProxyType(
    {
        MODEXP: modexp.run,
        POINT_EVALUATION: point_evaluation.run,
        BLS_PAIRING: bls12_381.run_pairing,
    }
)

POINT_SIZE_BYTES: Final = 2 * WORD_SIZE_BYTES
V_EVEN: Final = 27  # In ECRECOVER's input: 27 for an even y, 28 for an odd one.

# In the table of functions: behind those of libsecp256k1, the kernels that are called by address.
RUN_NATIVE, CHECK_PAIRING = 4, 5
_INT64 = ir.IntType(64)
_call_native, _call_pairing = foreign_call(_INT64, (_INT64,) * 5), foreign_call(_INT64, (_INT64,) * 2)


@cache
def precompile_functions() -> NDArray[np.int64]:
    """
    int64[6]: the addresses of the functions that `run_precompile` calls, valid in this process alone.

    Made once, and kept; the first call on a machine compiles the contracts, for some seconds.
    """
    table = secp256k1_calls.libsecp256k1_functions()
    assert len(table) == RUN_NATIVE
    for kernel, parameter_count in ((run_native, 5), (check_pairing.py_func, 2)):  # type: ignore[attr-defined]
        kept, address = compile_function(kernel, types.int64(*[types.int64] * parameter_count))
        _KEPT.append(kept)
        table = np.append(table, np.int64(address))
    return table


_KEPT: Final[list[Any]] = []


@njit
def precompile_output_room(number, data, size_bytes):
    """How many bytes (int64) `run_precompile` may write for an input at an address, once its gas is paid."""
    if number == IDENTITY:
        return size_bytes
    if number == MODEXP:
        return operand_sizes(data, size_bytes)[2]
    return OUTPUT_SIZE_BYTES_MAX


@njit
def run_precompile(number, fork, data, size_bytes, output, functions):
    """
    Run a contract whose gas has been paid.

    number : int64, of `precompile_number`
    fork : int64
    data, size_bytes : int64, the input
    output : int64, an address with the room of `precompile_output_room`, apart from the input; written
    functions : int64, the address of what `precompile_functions` made

    Returns the size of the output in bytes (int64); FAILED if the call fails and its gas is gone; IN_PYTHON if
    PYTHON_CONTRACTS[number] has to be called with the input, which returns the output or raises PrecompileFailed.
    """
    if number == IDENTITY:
        copy_bytes(output, data, size_bytes)
        return size_bytes
    native = load_int64(functions + 8 * RUN_NATIVE)
    return _call_native(native, number, data, size_bytes, output, functions)


def run_native(number: Any, data: Any, size_bytes: Any, output: Any, functions: Any) -> Any:
    """`run_precompile` where that calls by address."""
    if number == ECRECOVER:
        return run_ecrecover(data, size_bytes, output, functions)
    if number == SHA256:
        sha256_at(data, size_bytes, output)
        return DIGEST_SIZE_BYTES
    if number == RIPEMD160:
        ripemd160_at(data, size_bytes, output)
        return RIPEMD160_OUTPUT_SIZE_BYTES
    if number == BN254_ADD:
        words = padded_head(data, size_bytes, head_scratch())
        return POINT_SIZE_BYTES if add_points(words, output) == OK else FAILED
    if number == BN254_MULTIPLY:
        words = padded_head(data, size_bytes, head_scratch())
        return POINT_SIZE_BYTES if multiply_point(words, output) == OK else FAILED
    if number == BN254_PAIRING:
        return run_pairing(data, size_bytes, output, functions)
    if number == MODEXP:
        return modexp_at(data, size_bytes, output)
    if number == BLAKE2F:
        return BLAKE2F_OUTPUT_SIZE_BYTES if blake2f_at(data, size_bytes, output) else FAILED
    if number in (BLS_G1_ADD, BLS_G2_ADD):
        return add_at(number, data, size_bytes, output)
    if number == BLS_G1_MSM:
        return g1_sum_at(data, size_bytes, output)
    if number == BLS_G2_MSM:
        return g2_sum_at(data, size_bytes, output)
    if number == BLS_MAP_TO_G1:
        return map_to_g1_at(data, size_bytes, output)
    if number == BLS_MAP_TO_G2:
        return map_to_g2_at(data, size_bytes, output)
    if number == P256VERIFY:
        if size_bytes != P256VERIFY_INPUT_SIZE_BYTES or not is_valid_signature(data):
            return 0
        store_big_endian(output, u256(1))
        return WORD_SIZE_BYTES
    return IN_PYTHON


@njit
def run_ecrecover(data, size_bytes, output, functions):
    """ECRECOVER (0x01): digest, v, r, s; the output is empty if no key fits. All int64. Yellow Paper, appendix E.1."""
    words = padded_head(data, size_bytes, head_scratch())
    v = load_big_endian(words + 32)
    if v > V_EVEN + 1:
        return 0
    r, s = load_big_endian(words + 64), load_big_endian(words + 96)
    address = recover_address(functions, words, low_int64(v) - V_EVEN, r, s)
    if not address:
        return 0
    store_big_endian(output, address)
    return WORD_SIZE_BYTES


@njit
def run_pairing(data, size_bytes, output, functions):
    """The pairing check (0x08): one or zero in a word. All int64. EIP-197."""
    if size_bytes % PAIR_SIZE_BYTES != 0:
        return FAILED
    check = load_int64(functions + 8 * CHECK_PAIRING)
    status = _call_pairing(check, data, size_bytes // PAIR_SIZE_BYTES)
    if status not in (OK, NOT_ONE):
        return FAILED
    store_big_endian(output, u256(status == OK))
    return WORD_SIZE_BYTES
