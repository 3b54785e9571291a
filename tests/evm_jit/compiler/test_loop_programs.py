"""Random loops end alike on compiled code and in the interpreter, whatever their gas."""

from random import Random

from evm_jit.compiler.blocks import cut
from evm_jit.compiler.carried import carried_words
from evm_jit.compiler.loops import find_loops
from evm_jit.compiler.object_code import HOT
from evm_jit.engine import Call, CallResult
from primitives.forks import Fork
from statestore.state import State
from tests.differential.engines import seeds
from tests.evm_jit.compiler.loop_programs import loop_program
from tests.evm_jit.compiler.test_forced import CALLER, CONTRACT, ENVIRONMENT, engine

PROGRAM_COUNT, GAS_COUNT, SLOT_COUNT = 25, 6, 10


def run(code: bytes, tier: int, gas: int, data: bytes) -> tuple[CallResult, list[int]]:
    """What a call of the code gives, and its storage afterwards."""
    state = State()
    state.set_code(CONTRACT, code)
    result = engine(tier).call(Call(CALLER, CONTRACT, gas, data=data, frame_only=True), ENVIRONMENT, state)
    return result, [state.storage(CONTRACT, key) for key in range(SLOT_COUNT)]


def test_loops_written_as_trees_end_like_the_interpreter_s():
    tree_count = 0
    for seed in seeds(PROGRAM_COUNT):
        code, gas, data = loop_program(seed)
        program = cut(code, Fork.OSAKA)
        tree_count += len(find_loops(program, carried_words(program)))
        random = Random(seed)
        for limit in (gas, *(random.randrange(21, gas + 22) for _ in range(GAS_COUNT - 1))):
            assert run(code, HOT, limit, data) == run(code, 0, limit, data), f"seed {seed}, gas {limit}"
    assert tree_count >= len(seeds(PROGRAM_COUNT)) / 2
