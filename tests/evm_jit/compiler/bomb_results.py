"""
What bombs leave behind as machine code, beside what they leave in the interpreter.

A bomb is called by transactions with different calldata and gas: enough for all of it, for a part, and for next to
nothing. Receipts, outputs, halts and the whole state must be the same, each time.
"""

from dataclasses import replace
from random import Random
from typing import Final

from evm_jit.compiler.loading import LoadedCode, interpreter_entry
from evm_jit.engine import Outcome
from evm_jit.native import NativeEngine
from evm_jit.tier_table import ForcedTiers
from statestore.state import State
from tests.evm_jit.compiler.bombs import Bomb
from tests.evm_jit.scene import BLOCK, ETHER, OTHER, SENDER, install, signed

INTRINSIC_GAS: Final = 25_000  # As much as the calldata may cost, at least.
GAS: Final = (3_000_000, 200_000, 15_000, 500)
CALLDATA_SIZE_BYTES: Final = 80


def left_by(engine: NativeEngine, bomb: Bomb) -> tuple[list[Outcome], object]:
    """Outcomes and what the state has become."""
    random, state = Random(bomb.seed), State()
    install(state, bomb.code)
    install(state, b"\x60\x01\x5f\x55\x5f\x5f\xfd", OTHER)  # Writes, and reverts.
    state.set_balance(SENDER, ETHER)
    state.begin_transaction()
    data = [random.randbytes(CALLDATA_SIZE_BYTES), bytes(CALLDATA_SIZE_BYTES), 2 * (bytes(12) + OTHER), b"\xff" * 64]
    transactions = [
        signed(nonce=nonce, data=data[nonce], gas_limit=INTRINSIC_GAS + gas)
        for nonce, gas in enumerate(random.sample(GAS, len(GAS)))
    ]
    outcomes = list(engine.execute(transactions, replace(BLOCK, gas_limit=2 * sum(GAS)), state))
    assert all(outcome.receipt is not None for outcome in outcomes)
    return outcomes, state.seal()


def difference(bomb: Bomb, compiled_engine: NativeEngine, interpreter: NativeEngine) -> str | None:
    """What is not the same; None if all is."""
    compiled, interpreted = left_by(compiled_engine, bomb), left_by(interpreter, bomb)
    if compiled == interpreted:
        return None
    for index, (one, other) in enumerate(zip(compiled[0], interpreted[0], strict=True)):
        if one != other:
            return f"transaction {index}: {one}, the interpreter's {other}"
    return f"state: {compiled[1]}, the interpreter's {interpreted[1]}"


def engine_of(bomb: Bomb, loaded: LoadedCode) -> NativeEngine:
    """One that runs a bomb as its machine code, and interprets all else."""
    return NativeEngine(ForcedTiers(lambda code, _: loaded.address if code == bomb.code else interpreter_entry()))
