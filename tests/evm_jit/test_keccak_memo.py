"""Digests that are kept are those of what is asked for, whatever was asked for before."""

from random import Random

from evm_jit.engine import Call
from evm_jit.instructions.keccak import SHORT_SIZE_BYTES_MAX
from evm_jit.native import NativeEngine
from evm_jit.state_tests import PreAccount
from evm_jit.statetest import write_accounts
from primitives.block import BlockEnvironment
from primitives.forks import Fork
from primitives.keccak import keccak256
from statestore.state import State

CALLER, CONTRACT = bytes([0xCA]) * 20, bytes([0xEE]) * 20
HASH_OF_CALLDATA = bytes.fromhex("365f5f37365f205f5260205ff3")
ENVIRONMENT = BlockEnvironment(fork=Fork.OSAKA, chain_id=1, number=1, timestamp=1, gas_limit=10**9, base_fee_per_gas=0)


def _alike(size_bytes: int, rng: Random) -> list[bytes]:
    """Messages that differ in one byte, in their size, or in zeros at their end."""
    message = rng.randbytes(size_bytes)
    place = rng.randrange(size_bytes) if size_bytes else 0
    changed = message[:place] + bytes([rng.randrange(256)]) + message[place + 1 :]
    return [bytes(size_bytes), message, changed, message + b"\0", message[:-1], message]


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
