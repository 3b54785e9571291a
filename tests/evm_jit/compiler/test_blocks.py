"""Bytecode in blocks and sections."""

import pytest

from evm_jit.compiler.blocks import BLOCK_WEIGHT_MAX, BLOCK_WORDS_MAX, cut
from primitives.forks import Fork


def shape(code_hex: str, fork: Fork = Fork.OSAKA) -> dict[int, list[list[str]]]:
    """By block, the names of the opcodes in its sections."""
    program = cut(bytes.fromhex(code_hex), fork)
    return {
        pc: [[each.opcode.name for each in section.instructions] for section in block.sections]
        for pc, block in program.blocks.items()
    }


def test_a_block_ends_before_a_jumpdest_and_behind_a_jump():
    assert shape("60055760015b00") == {
        0: [["PUSH1", "JUMPI"]],
        3: [["PUSH1"]],
        5: [["JUMPDEST"], ["STOP"]],
    }


def test_what_reads_or_writes_state_has_a_section_of_its_own():
    assert shape("60015460020155") == {0: [["PUSH1"], ["SLOAD"], ["PUSH1", "ADD"], ["SSTORE"]]}


def test_a_block_ends_behind_what_the_interpreter_executes():
    assert shape("5ff160015500") == {0: [["PUSH0"], ["CALL"]], 2: [["PUSH1"], ["SSTORE"], ["STOP"]]}


def test_what_cannot_be_reached_is_in_no_block():
    assert list(shape("00600160025b00")) == [0, 5]
    assert list(shape("5ffd6001fe")) == [0]


def test_data_of_a_push_is_no_jump_destination():
    program = cut(bytes.fromhex("605b5b00"), Fork.OSAKA)
    assert program.jump_destinations == {2}
    assert program.entries == {0, 2}


def test_an_opcode_of_a_later_fork_is_the_interpreter_s():
    assert shape("5f", Fork.PARIS) == {0: [["INVALID"]]}
    assert shape("5f", Fork.SHANGHAI) == {0: [["PUSH0"]]}


def test_a_cut_off_push_is_padded_with_zeros():
    [block] = cut(bytes.fromhex("6201"), Fork.OSAKA).blocks.values()
    assert block.last.immediate == 0x010000


def test_a_section_s_gas_is_that_of_its_instructions():
    [block] = cut(bytes.fromhex("600160020154"), Fork.OSAKA).blocks.values()
    assert [section.gas for section in block.sections] == [9, 0]


def test_a_block_says_how_low_and_how_high_the_stack_gets():
    [block] = cut(bytes.fromhex("015f5f5f505050"), Fork.OSAKA).blocks.values()
    assert (block.least, block.growth, block.change) == (2, 2, -1)


def test_a_heavy_block_is_cut():
    program = cut(bytes.fromhex("8002") * BLOCK_WEIGHT_MAX, Fork.OSAKA)
    assert len(program.blocks) == 9
    assert max(block.weight for block in program.blocks.values()) < BLOCK_WEIGHT_MAX + 8


@pytest.mark.parametrize("number", [0x5F, 0x5A, 0x50, 0x17, 0x9F], ids=["PUSH0", "GAS", "POP", "OR", "SWAP16"])
def test_a_block_moves_few_words(number: int):
    blocks = cut(bytes((number,)) * 1_000, Fork.OSAKA).blocks.values()
    assert sum(len(list(block.instructions)) for block in blocks) == 1_000
    assert all(max(block.least, block.growth) <= BLOCK_WORDS_MAX for block in blocks)
