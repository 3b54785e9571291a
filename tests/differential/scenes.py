"""
The world that transactions and frames run in: accounts, contracts, a block.

Addresses are the same for every seed; what is at them is not.
"""

from collections.abc import Sequence
from dataclasses import replace
from random import Random
from typing import Final

from evm_jit.state_tests import PreAccount, block_hash
from primitives.block import BlockEnvironment
from primitives.constants import TRANSACTION_GAS_CAP_OSAKA, ZERO_ADDRESS, ZERO_HASH
from primitives.forks import Fork
from primitives.keccak import keccak256
from primitives.signature import address_of
from tests.differential.code_writer import Scenery
from tests.differential.precompile_inputs import addresses as precompile_addresses
from tests.differential.programs import program
from tests.differential.statements import STORAGE_KEY_COUNT, STORED_VALUES

FORKS: Final = tuple(fork for fork in Fork if fork >= Fork.BERLIN)
CHAIN_ID: Final = 1
CONTRACT_COUNT: Final = 6
KEYS: Final = tuple(keccak256(f"key {index}".encode()) for index in range(6))
EOAS: Final = tuple(address_of(key) for key in KEYS)
CONTRACTS: Final = tuple(keccak256(f"contract {index}".encode())[12:] for index in range(CONTRACT_COUNT))
NOBODY: Final = keccak256(b"nobody")[12:]
DELEGATED: Final = tuple(keccak256(f"delegated {index}".encode())[12:] for index in range(2))
MINER: Final = keccak256(b"miner")[12:]
DELEGATION_PREFIX: Final = b"\xef\x01\x00"
WEALTH_WEI: Final = 10**24


def precompiles(fork: Fork) -> tuple[bytes, ...]:
    """Their addresses; and the first one that is none."""
    known = precompile_addresses(fork)
    return tuple(number.to_bytes(20, "big") for number in (*known, 0x12))


def scenery(fork: Fork, index: int) -> Scenery:
    """What the contract `index` knows: it calls those behind it, and knows all others."""
    others = (*CONTRACTS[: index + 1], *EOAS, *precompiles(fork), NOBODY, MINER, ZERO_ADDRESS)
    if fork >= Fork.PRAGUE:
        others += DELEGATED
    return Scenery(fork, CONTRACTS[index + 1 :], others)


def contracts(rng: Random, fork: Fork, *, statements_max: int) -> list[PreAccount]:
    """The contracts, each with a program, a balance and some storage."""
    return [
        PreAccount(
            address=address,
            nonce=1,
            balance_wei=rng.choice((0, 1, 1_000, 10**18)),
            code=program(rng, scenery(fork, index), 2 + rng.randrange(statements_max)),
            storage=storage(rng),
        )
        for index, address in enumerate(CONTRACTS)
    ]


def storage(rng: Random) -> dict[int, int]:
    """A value that is not zero in about half of the slots that programs use."""
    keys = (key for key in range(STORAGE_KEY_COUNT) if rng.random() < 0.5)
    return {key: 1 + rng.randrange(STORED_VALUES - 1) for key in keys}


def delegated(rng: Random, fork: Fork) -> list[PreAccount]:
    """Accounts that run another's code (EIP-7702): a contract's, a precompile's, each other's, their own, nobody's."""
    if fork < Fork.PRAGUE:
        return []
    targets = (*CONTRACTS, *DELEGATED, precompiles(fork)[rng.randrange(9)], NOBODY, EOAS[0])
    return [
        PreAccount(address, rng.randrange(3), rng.choice((0, 10**18)), DELEGATION_PREFIX + rng.choice(targets), {})
        for address in DELEGATED
    ]


def environment(rng: Random, fork: Fork, coinbases: Sequence[bytes]) -> BlockEnvironment:
    """A block with varied fields, those that the fork has."""
    return BlockEnvironment(
        fork=fork,
        chain_id=CHAIN_ID,
        number=rng.choice((1, 2, 255, 256, 257, 20_000_000)),
        timestamp=rng.choice((1_000, 1_700_000_000, (1 << 32) + 5)),
        gas_limit=rng.choice((TRANSACTION_GAS_CAP_OSAKA, 30_000_000, 1_000_000_000)),
        coinbase=rng.choice(coinbases),
        base_fee_per_gas=rng.choice((0, 7, 10**9)) if fork >= Fork.LONDON else 0,
        prev_randao=rng.randbytes(32) if fork >= Fork.PARIS else ZERO_HASH,
        difficulty=rng.getrandbits(rng.choice((1, 50, 200))) if fork < Fork.PARIS else 0,
        excess_blob_gas=rng.choice((0, 393_216, 50_000_000)) if fork >= Fork.CANCUN else 0,
        block_hash=block_hash,
    )


def block(fork: Fork, coinbase: bytes, gas_limit: int) -> BlockEnvironment:
    """A block without anything special."""
    return BlockEnvironment(
        fork=fork,
        chain_id=CHAIN_ID,
        number=1_000,
        timestamp=1_700_000_000,
        gas_limit=gas_limit,
        coinbase=coinbase,
        block_hash=block_hash,
    )


def frame_environment(rng: Random, fork: Fork, coinbases: Sequence[bytes]) -> BlockEnvironment:
    """A block in which gas costs nothing, as it is for a call that nobody pays for."""
    return replace(environment(rng, fork, coinbases), base_fee_per_gas=0)
