"""A call of a contract as the native engine makes it: gas, then the kernel, then Python if the kernel says so."""

from typing import NamedTuple

import numpy as np

from evm_jit.precompiles import PrecompileFailed
from evm_jit.precompiles.native import (
    FAILED,
    IN_PYTHON,
    PYTHON_CONTRACTS,
    precompile_functions,
    precompile_gas,
    precompile_number,
    precompile_output_room,
    run_precompile,
)
from primitives.kernels_cache import njit_without_lock
from primitives.u256 import from_limbs

ROOM_MAX = 1 << 20
GUARD = 0xE7
PROBE = 0xA9


@njit_without_lock
def number_of(low, high, fork):
    """The number of the contract at high * 2^64 + low; uint64."""
    return precompile_number(from_limbs((low, high, np.uint64(0), np.uint64(0))), fork)


@njit_without_lock
def gas_of(number, fork, data, size_bytes):
    return precompile_gas(number, fork, data, size_bytes)


@njit_without_lock
def room_of(number, data, size_bytes):
    return precompile_output_room(number, data, size_bytes)


@njit_without_lock
def run_of(number, fork, data, size_bytes, output, functions):
    return run_precompile(number, fork, data, size_bytes, output, functions)


class Ran(NamedTuple):
    """What came of a call: the output, None if it failed; and whether Python had to run it."""

    output: bytes | None
    was_in_python: bool


def number_at(address: int, fork: int) -> int:
    return number_of(np.uint64(address % 2**64), np.uint64(address >> 64), fork)


def gas(number: int, fork: int, data: bytes) -> int:
    memory = np.frombuffer(data + bytes([PROBE]), dtype=np.uint8)  # What lies behind the input must not matter.
    return gas_of(number, fork, memory.ctypes.data, len(data))


def run(number: int, fork: int, data: bytes) -> Ran:
    """After the gas was paid. Checks that the kernel wrote within the room that it asked for."""
    memory = np.frombuffer(data + bytes([PROBE]) * 64, dtype=np.uint8)
    room = room_of(number, memory.ctypes.data, len(data))
    assert 0 <= room <= ROOM_MAX
    output = np.full(64 + room + 64, GUARD, dtype=np.uint8)
    into = output.ctypes.data + 64
    size = run_of(number, fork, memory.ctypes.data, len(data), into, precompile_functions().ctypes.data)
    assert np.all(output[:64] == GUARD)
    assert np.all(output[64 + max(size, 0) :] == GUARD) or size in (FAILED, IN_PYTHON)
    assert np.all(output[64 + room :] == GUARD)
    if size == IN_PYTHON:
        try:
            return Ran(PYTHON_CONTRACTS[number](data), True)
        except PrecompileFailed:
            return Ran(None, True)
    if size == FAILED:
        return Ran(None, False)
    assert 0 <= size <= room
    return Ran(output[64 : 64 + size].tobytes(), False)
