"""Digests that are kept are those of what is asked for, whatever was asked for before."""

from ctypes import c_ubyte
from random import Random

import numpy as np
import pytest

from evm_jit.engine import Call
from evm_jit.instructions.keccak import SHORT_SIZE_BYTES_MAX, keccak256_of_pair, keccak256_of_short, keccak256_of_word
from evm_jit.machine import (
    MEMO_COUNT,
    MEMO_SIZE_BYTES,
    SHORT_MEMO_COUNT,
    SHORT_MEMO_SIZE_BYTES,
    Machine,
    as_machine,
)
from evm_jit.native import NativeEngine
from evm_jit.state_tests import PreAccount
from evm_jit.statetest import write_accounts
from primitives.block import BlockEnvironment
from primitives.forks import Fork
from primitives.keccak import keccak256
from primitives.kernels_cache import njit
from primitives.u256 import store_big_endian
from statestore.state import State

CALLER, CONTRACT = bytes([0xCA]) * 20, bytes([0xEE]) * 20
HASH_OF_CALLDATA = bytes.fromhex("365f5f37365f205f5260205ff3")
ENVIRONMENT = BlockEnvironment(fork=Fork.OSAKA, chain_id=1, number=1, timestamp=1, gas_limit=10**9, base_fee_per_gas=0)


def _alike(size_bytes: int, rng: Random) -> list[bytes]:
    """Messages that differ in one byte, in their size, or in zeros at their end; each often enough to be kept."""
    message = rng.randbytes(size_bytes)
    place = rng.randrange(size_bytes) if size_bytes else 0
    changed = message[:place] + bytes([rng.randrange(256)]) + message[place + 1 :]
    messages = [bytes(size_bytes), message, changed, message + b"\0", message[:-1]]
    return [*messages, *messages, *messages, *rng.sample(3 * messages, 3 * len(messages))]


def test_digests_of_messages_that_are_alike_are_told_apart() -> None:
    state = State()
    write_accounts([PreAccount(CALLER, 1, 1, b"", {}), PreAccount(CONTRACT, 1, 0, HASH_OF_CALLDATA, {})], state)
    state.seal_genesis()
    engine, rng = NativeEngine(), Random(136)
    for size_bytes in range(SHORT_SIZE_BYTES_MAX + 12):
        for message in _alike(size_bytes, rng):
            call = Call(
                sender=CALLER, to=CONTRACT, gas_limit=10**6, gas_price=0, frame_only=True, value=0, data=message
            )
            assert engine.call(call, ENVIRONMENT, state).output == keccak256(message), message.hex()


@njit
def hash_at(machine, address, size_bytes, digest):
    """The digest (32 bytes, written) of 32, 64 or another number of bytes, as KECCAK256 finds it."""
    machine = as_machine(machine)
    if size_bytes == 64:
        store_big_endian(digest, keccak256_of_pair(machine, address))
    elif size_bytes == 32:
        store_big_endian(digest, keccak256_of_word(machine, address))
    else:
        store_big_endian(digest, keccak256_of_short(machine, address, size_bytes))


@pytest.mark.parametrize("size_bytes", [1, 32, 33, 64, 85, 128])
def test_an_element_s_name_is_kept_at_once_and_others_when_they_are_hashed_again(size_bytes: int) -> None:
    machine, rng = Machine(), Random(size_bytes)
    message, digest = np.frombuffer(rng.randbytes(size_bytes) + bytes(128), np.uint8), np.zeros(32, np.uint8)
    memos = [
        np.frombuffer((c_ubyte * octets).from_address(machine[name]), np.uint8)
        for name, octets in (
            ("memo", MEMO_COUNT * MEMO_SIZE_BYTES),
            ("short_memo", SHORT_MEMO_COUNT * SHORT_MEMO_SIZE_BYTES),
        )
    ]

    def hash_and_count() -> int:
        before = [memo.copy() for memo in memos]
        hash_at(machine.address, message.ctypes.data, size_bytes, digest.ctypes.data)
        assert digest.tobytes() == keccak256(message[:size_bytes].tobytes())
        return sum(int((memo != old).any()) for memo, old in zip(memos, before, strict=True))

    assert [hash_and_count() for _ in range(4)] == ([1, 0, 0, 0] if size_bytes == 64 else [0, 1, 0, 0])
