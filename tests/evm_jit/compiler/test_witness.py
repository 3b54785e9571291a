"""
Machine code asks the state for what the interpreter asks for, whatever the gas: a witness, which is what was asked for,
is the same on every tier.

Every run is over a state that fetches each account and slot when it is first named, and notes which. So what a frame
touched is known even if it ran out of gas and all of it was undone. What the journal holds afterwards (what changed, is
warm, was created or destroyed) must be alike, too, gas, halt and output, and which block hashes were wanted.
"""

from dataclasses import dataclass, field, replace
from functools import cached_property
from random import Random
from typing import Final

import pytest

from evm_jit.compiler.blocks import cut
from evm_jit.compiler.carried import carried_words
from evm_jit.compiler.loops import find_loops
from evm_jit.compiler.object_code import HOT, QUICK
from evm_jit.engine import Call, CallResult
from evm_jit.recording import Recording
from evm_jit.trace import Step
from primitives.block import BlockEnvironment
from primitives.forks import Fork
from statestore.overlay import EmptyView, Overlay
from statestore.partial_state import PartialState
from statestore.state import State
from statestore.view import StateView, Touched, WorldState
from tests.differential.engines import seeds
from tests.evm_jit.compiler.test_forced import engine
from tests.evm_jit.compiler.witness_programs import (
    ADDRESSES,
    CALLEE,
    CALLER,
    COINBASE,
    CONTRACT,
    PADDING,
    SHAPES,
    TOUCHING,
    calling,
    touching_loops,
    touching_program,
    write_world,
)

GAS_ENOUGH, GAS_OF_LOOPS = 400_000, 60_000
LIMITS_OF_INSTRUCTIONS_MAX, LIMITS_AT_RANDOM = 36, 8
PROGRAM_COUNT, LOOPS_COUNT = 30, 30
WARM_KEYS: Final = tuple(key.to_bytes(32, "big") for key in (0, 1, 2, 21))
ACCESS_LIST: Final = ((CONTRACT, WARM_KEYS), *((address, ()) for address in ADDRESSES[3:8]))
BLOCK: Final = BlockEnvironment(
    fork=Fork.OSAKA,
    chain_id=1,
    number=1_000,
    timestamp=1,
    gas_limit=1 << 40,
    coinbase=COINBASE,
    block_hash=lambda number: number.to_bytes(32, "big"),
)


@dataclass(frozen=True)
class Trail:
    """What a run gives, what it asked the state for, and what its journal tells."""

    result: CallResult
    accounts: frozenset[bytes]
    slots: frozenset[tuple[bytes, int]]
    touched: Touched
    changed: Touched
    hashes: frozenset[int]


@dataclass
class GasUsed:
    """A tracer: what was used of `gas_limit` before each instruction of the outermost frame."""

    gas_limit: int
    amounts: set[int] = field(default_factory=set)
    wants_memory: bool = False

    def step(self, step: Step) -> None:
        if step.depth == 1:
            self.amounts.add(self.gas_limit - step.gas)


@dataclass(frozen=True)
class Scene:
    """A program and how it is run: by a transaction, as a frame alone, or called by a contract that goes on."""

    code: bytes
    data: bytes = b""
    is_frame: bool = False
    is_called: bool = False
    is_warm: bool = False
    gas_enough: int = GAS_ENOUGH

    def call(self, gas: int) -> Call:
        """A call in which the program, or the transaction with it, gets so much gas."""
        if self.is_called:
            return Call(CALLER, CONTRACT, 3 * self.gas_enough, data=gas.to_bytes(32, "big"))
        access_list = ACCESS_LIST if self.is_warm else ()
        return Call(CALLER, CONTRACT, gas, data=self.data, access_list=access_list, frame_only=self.is_frame)

    def write_to(self, state: WorldState) -> None:
        """Write the world with the program in it."""
        write_world(state)
        state.set_code(CONTRACT, calling() if self.is_called else self.code)
        state.set_code(CALLEE, self.code)
        state.begin_transaction()

    @cached_property
    def base(self) -> StateView:
        """The same, for reading."""
        state = Overlay(EmptyView())
        self.write_to(state)
        return state

    def run(self, tier: int, gas: int) -> Trail:
        """`tier` is 0 for the interpreter."""
        hashes: set[int] = set()

        def block_hash(number: int) -> bytes:
            hashes.add(number)
            return BLOCK.block_hash(number)

        recording = Recording(self.base)
        state = PartialState(recording, (COINBASE, CALLER, CONTRACT))
        result = engine(tier).call(self.call(gas), replace(BLOCK, block_hash=block_hash), state)
        accounts, slots = frozenset(recording.accounts), frozenset(recording.slots)
        return Trail(result, accounts, slots, state.touched(), state.changed(), frozenset(hashes))

    def limits(self, random: Random) -> list[int]:
        """Gas that just suffices for the instructions so far, a bit less, a bit more, and any."""
        alone = replace(self, is_called=False, is_frame=self.is_frame or self.is_called)
        state = State()
        alone.write_to(state)
        used = GasUsed(self.gas_enough)
        engine(0).call(alone.call(self.gas_enough), BLOCK, state, used)
        least, most = min(used.amounts), max(used.amounts)
        around = sorted({max(amount + more, least) for amount in used.amounts for more in (-1, 0, 1)})
        chosen = random.sample(around, min(len(around), LIMITS_OF_INSTRUCTIONS_MAX))
        return [*chosen, *(random.randint(least, most) for _ in range(LIMITS_AT_RANDOM)), most + 3_000, self.gas_enough]


def check(scene: Scene, random: Random, name: str) -> list[Trail]:
    """What the interpreter leaves with each limit of gas; machine code of either tier must leave the same."""
    trails = []
    for gas in scene.limits(random):
        expected = scene.run(0, gas)
        for tier in (QUICK, HOT):
            assert scene.run(tier, gas) == expected, f"{name}, tier {tier}, gas {gas}: {scene.code.hex()}"
        trails.append(expected)
    return trails


@pytest.mark.parametrize("name", TOUCHING)
def test_what_an_instruction_touches_is_the_interpreter_s_whatever_the_gas(name: str):
    for number, padding in enumerate(PADDING):
        for shape, write in SHAPES.items():
            scene = Scene(write(TOUCHING[name], padding), is_called=number == 2, is_warm=number == 3)
            trails = check(scene, Random(f"{shape}, {number}"), f"{shape}, padding {number}")
            assert scene.is_warm or len({(trail.accounts, trail.slots) for trail in trails}) > 1, "gas decides"


def test_random_programs_touch_what_they_touch_in_the_interpreter():
    for seed in seeds(PROGRAM_COUNT):
        scene = Scene(touching_program(seed), is_frame=seed % 3 == 0, is_called=seed % 3 == 1)
        check(scene, Random(seed), f"seed {seed}")


def test_random_loops_touch_what_they_touch_in_the_interpreter():
    tree_count = 0
    for seed in seeds(LOOPS_COUNT):
        code, data = touching_loops(seed)
        program = cut(code, Fork.OSAKA)
        tree_count += len(find_loops(program, carried_words(program)))
        scene = Scene(code, data, is_frame=True, is_called=seed % 2 == 1, gas_enough=GAS_OF_LOOPS)
        check(scene, Random(seed), f"seed {seed}")
    assert tree_count >= len(seeds(LOOPS_COUNT)) / 2
