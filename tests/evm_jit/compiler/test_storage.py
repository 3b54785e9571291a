"""Slots that machine code writes in place: gas, refunds, the journal and the diff are those of the interpreter."""

from random import Random
from typing import Final

import pytest

from evm_jit.compiler.forced import CompiledEngine
from evm_jit.compiler.object_code import HOT
from evm_jit.compiler.values import WORD_MASK
from evm_jit.engine import Engine, Outcome
from evm_jit.native import NativeEngine
from statestore.state import State
from statestore.table import Capacities
from tests.asm import (
    ADD,
    POP,
    call,
    code,
    delegatecall,
    operands,
    push,
    ret,
    return_word,
    revert,
    sload,
    sstore,
    staticcall,
)
from tests.differential.engines import seeds
from tests.evm_jit.scene import BLOCK, CONTRACT, ETHER, OTHER, SENDER, install, signed

PROGRAM_COUNT = 40
KEYS = range(4)
VALUES: Final = (0, 0, 1, 2, 3, WORD_MASK)
BEFORE: Final = {1: 1, 2: 2, 3: WORD_MASK}
MSTORE = b"\x52"


def writes(rng: Random, count: int) -> bytes:
    """Writes to few slots, some of what another holds."""
    parts = []
    for _ in range(count):
        key, other = rng.choice(KEYS), rng.choice(KEYS)
        value = rng.choice((push(rng.choice(VALUES)), sload(other), code(sload(other), push(1), ADD)))
        parts.append(value + push(key) + b"\x55")
    return b"".join(parts)


def calls(rng: Random) -> bytes:
    """A call of the other contract, which writes its own slots or, delegated, the caller's, and may be reverted."""
    gas = push(rng.choice((2_300, 2_301, 2_900, 3_000, 8_000, 60_000)))
    made = rng.choice((delegatecall(OTHER), delegatecall(OTHER), call(OTHER, gas=gas), staticcall(OTHER)))
    return made + POP


def program(rng: Random) -> bytes:
    """Writes and calls, and what is in the slots at the end."""
    parts = [rng.choice((writes(rng, 3), calls(rng))) for _ in range(6)]
    shown = b"".join(operands(32 * key, sload(key)) + MSTORE for key in KEYS)
    return b"".join(parts) + shown + ret(0, 32 * len(KEYS))


def found(engine: Engine, seed: int) -> tuple[list[Outcome], object]:
    """What the transactions of three blocks leave, and the diffs of the blocks."""
    rng = Random(seed)
    state = State(capacities=Capacities(undo=16 if seed % 2 else 1 << 10))
    state.set_balance(SENDER, ETHER)
    install(state, program(rng))
    install(state, writes(rng, 4) + (revert() if rng.random() < 0.5 else b""), OTHER)
    for address in (CONTRACT, OTHER):
        for key, value in BEFORE.items():
            state.set_storage(address, key, value)
    state.seal_genesis()
    outcomes, diffs = [], []
    for number in range(3):
        limits = [rng.choice((400_000, 21_000 + rng.randrange(60_000))) for _ in range(3)]
        transactions = [signed(nonce=3 * number + index, gas_limit=limit) for index, limit in enumerate(limits)]
        outcomes += engine.execute(transactions, BLOCK, state)
        diffs.append(state.seal())
    return outcomes, diffs


@pytest.mark.parametrize("seed", seeds(PROGRAM_COUNT))
def test_a_slot_written_in_place_is_written_as_the_interpreter_does(seed):
    assert found(CompiledEngine(HOT), seed) == found(NativeEngine(), seed)


def test_nothing_is_written_in_place_by_a_static_call():
    state = State()
    state.set_balance(SENDER, ETHER)
    install(state, call(OTHER) + POP + return_word(staticcall(OTHER)))
    install(state, sstore(1, 5) + sstore(1, 6), OTHER)
    state.set_storage(OTHER, 1, 4)
    state.seal_genesis()
    [outcome] = CompiledEngine(HOT).execute([signed()], BLOCK, state)
    assert (int.from_bytes(outcome.output, "big"), state.storage(OTHER, 1)) == (0, 6)


def test_the_journal_grows_for_what_is_written_in_place():
    state, count = State(capacities=Capacities(undo=16)), 100
    state.set_balance(SENDER, ETHER)
    install(state, b"".join(sstore(1, value) for value in range(1, 1 + count)))
    state.set_storage(CONTRACT, 1, 1000)
    state.seal_genesis()
    [outcome] = CompiledEngine(HOT).execute([signed()], BLOCK, state)
    assert outcome.halt is None
    assert state.storage(CONTRACT, 1) == count < len(state.tables.undo)
