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


def test_a_word_that_a_turn_replaces_without_a_look_is_there_behind_the_loop():
    # PUSH1 3, PUSH0, MSTORE, PUSH1 32; JUMPDEST: out if memory[0] is 0; memory[0] -= 1; POP, PUSH1 5; again
    loop = "60035f526020" + "5b5f5115601a57" + "60015f51035f52" + "506005600656"
    code = bytes.fromhex(loop + "5b5ff3")  # JUMPDEST, PUSH0, RETURN: as many bytes as the word says.
    result, _ = run(code, HOT, 1_000, b"")
    assert result == run(code, 0, 1_000, b"")[0]
    assert len(result.output) == 5
