"""The bombs are what they claim to be; `python -m tests.evm_jit.compiler` measures what the compiler makes of them."""

from random import Random

import pytest

from evm_jit.compiler.blocks import Section
from evm_jit.compiler.forced import CompiledEngine
from evm_jit.disassembly import instructions
from evm_jit.gas import STACK_ITEMS_MAX
from evm_jit.native import NativeEngine
from tests.evm_jit.compiler.bomb_results import difference
from tests.evm_jit.compiler.bombs import (
    CODE_SIZE_BYTES_MAX,
    LIVE_WORD_COUNT,
    RUN_LENGTH,
    STATEMENTS,
    WORD_COUNT,
    bomb,
    bombs,
)

SAMPLE_SEED, SAMPLE_SIZE_BYTES = 20_000, 300


@pytest.mark.parametrize("name", [name for name in STATEMENTS if name != "random bytes"])
def test_a_statement_leaves_the_height_of_the_stack_as_it_was(name: str) -> None:
    code, random = bytearray(), Random(1)
    for _ in range(RUN_LENGTH):
        start, height = len(code), 0
        STATEMENTS[name](code, random)
        for instruction in instructions(bytes(code[start:])):
            assert instruction.name != "INVALID"
            height -= instruction.pops
            assert height >= -WORD_COUNT
            height += instruction.pushes
            assert height + LIVE_WORD_COUNT <= STACK_ITEMS_MAX
        assert height == 0


def test_a_seed_makes_the_same_bomb_again() -> None:
    assert bombs(50) == bombs(50)
    assert bomb(7).code == bombs(3, 6)[1].code


def test_bombs_are_of_every_kind_and_as_long_as_they_may_be() -> None:
    found = bombs(4 * len(STATEMENTS))
    assert {one.name.split(" + ")[0] for one in found} == set(STATEMENTS)
    assert max(len(one.code) for one in found) == CODE_SIZE_BYTES_MAX
    assert len({one.code for one in found}) == len(found)


@pytest.mark.parametrize("size_bytes", [1, 100, 5_000, CODE_SIZE_BYTES_MAX])
def test_a_bomb_has_the_size_that_is_asked_for(size_bytes: int) -> None:
    assert {len(one.code) for one in bombs(len(STATEMENTS), size_bytes=size_bytes)} == {size_bytes}


@pytest.mark.parametrize("tier", [1, 2])
def test_a_small_bomb_of_every_kind_leaves_what_the_interpreter_leaves(tier: int) -> None:
    compiled, interpreter = CompiledEngine(tier), NativeEngine()
    for seed in range(SAMPLE_SEED, SAMPLE_SEED + len(STATEMENTS)):
        one = bomb(seed, SAMPLE_SIZE_BYTES)
        assert difference(one, compiled, interpreter) is None, one.name


def test_a_difference_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    gas = Section.gas.fget
    assert gas is not None
    monkeypatch.setattr(Section, "gas", property(lambda section: gas(section) + 1))
    found = difference(bomb(0, SAMPLE_SIZE_BYTES), CompiledEngine(1), NativeEngine())
    assert found is not None
    assert "gas_used" in found
