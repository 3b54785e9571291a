"""Constants are folded to what the kernels of the same opcodes give."""

from random import Random

import pytest

from evm_jit.compiler.values import FOLDS, WORD_MASK, Small, Truth, Word, fold, identity
from evm_jit.engine import Call
from evm_jit.engines import make_engine
from evm_jit.opcodes import OPCODES
from primitives.block import BlockEnvironment
from primitives.forks import Fork
from statestore.state import State
from tests.asm import operands, push

EDGES = (0, 1, 2, 7, 31, 32, 255, 256, 1 << 64, 1 << 128, (1 << 255) - 1, 1 << 255, WORD_MASK - 1, WORD_MASK)
NUMBERS = {row.name: row.number for row in OPCODES.values()}
BINARY = [name for name in FOLDS if OPCODES[NUMBERS[name]].taken == 2]
CONTRACT, CALLER = bytes(18) + b"\x10\x00", bytes(18) + b"\xca\x11"


@pytest.fixture(scope="module")
def interpreted():
    engine = make_engine("native")
    environment = BlockEnvironment(fork=Fork.OSAKA, chain_id=1, number=1, timestamp=1, gas_limit=1 << 30)

    def run(name: str, values: tuple[int, ...]) -> int:
        state = State()
        state.set_code(
            CONTRACT, operands(*values) + bytes((NUMBERS[name],)) + push(0) + b"\x52" + operands(0, 32) + b"\xf3"
        )
        result = engine.call(Call(CALLER, CONTRACT, 1_000_000, frame_only=True), environment, state)
        return int.from_bytes(result.output, "big")

    return run


@pytest.mark.parametrize("name", FOLDS)
def test_a_fold_is_what_the_instruction_gives(name, interpreted):
    rng = Random(name)
    count = OPCODES[NUMBERS[name]].taken
    for _ in range(60):
        values = tuple(rng.choice(EDGES) if rng.random() < 0.8 else rng.getrandbits(256) for _ in range(count))
        assert fold(name, list(values)) == interpreted(name, values), (name, values)


def test_only_constants_are_folded():
    assert fold("ADD", [1, Word("%x")]) is None
    assert fold("EQ", [Truth("%x"), 1]) is None
    assert fold("SLOAD", [1]) is None


def test_instructions_that_change_nothing_are_known():
    x = Word("%x")
    assert identity("ADD", [0, x]) == identity("ADD", [x, 0]) == x
    assert identity("AND", [WORD_MASK, x]) == identity("MUL", [x, 1]) == identity("SHR", [0, x]) == x
    assert identity("SUB", [x, 0]) == identity("DIV", [x, 1]) == x
    assert identity("SUB", [0, x]) is identity("DIV", [1, x]) is identity("SHL", [x, 0x100]) is None


@pytest.mark.parametrize("name", BINARY)
def test_what_does_not_depend_on_the_other_word_is_known(name):
    x = Word("%x")
    others = [*EDGES, *range(3, 31), *(Random(seed).getrandbits(256) for seed in range(20))]
    for constant in EDGES:
        for known, given in (
            (identity(name, [constant, x]), [fold(name, [constant, other]) for other in others]),
            (identity(name, [x, constant]), [fold(name, [other, constant]) for other in others]),
        ):
            expected = x if given == others else given[0] if len(set(given)) == 1 else None
            assert known == expected, (constant, given)


@pytest.mark.parametrize("name", BINARY)
def test_what_becomes_of_a_word_and_itself_is_known(name):
    given = [fold(name, [word, word]) for word in EDGES]
    for x in (Word("%x"), Truth("%x"), Small("%x")):
        expected = x if given == list(EDGES) else given[0] if len(set(given)) == 1 else None
        assert identity(name, [x, x]) == expected
