"""What random programs are made of."""

from random import Random

import pytest

from primitives.forks import Fork
from tests.differential.code_writer import CodeWriter
from tests.differential.message_statements import STATEMENTS
from tests.differential.minimise import instructions, minimised_code
from tests.differential.programs import program
from tests.differential.scenes import FORKS, scenery

# Every opcode that Berlin has, but the PUSH, DUP, SWAP and LOG families.
BERLIN = {
    *(0x00, *range(0x01, 0x0C), *range(0x10, 0x1E), 0x20, *range(0x30, 0x48)),
    *(*range(0x50, 0x5C), 0xF0, 0xF1, 0xF2, 0xF3, 0xF4, 0xF5, 0xFA, 0xFD, 0xFE, 0xFF),
}
FAMILIES = {*range(0x60, 0xA5)}
ADDED = {
    Fork.LONDON: {0x48},
    Fork.SHANGHAI: {0x5F},
    Fork.CANCUN: {0x49, 0x4A, 0x5C, 0x5D, 0x5E},
    Fork.OSAKA: {0x1E},
}


@pytest.mark.parametrize("fork", FORKS, ids=lambda fork: fork.name.lower())
def test_programs_have_every_opcode_of_their_fork(fork: Fork) -> None:
    rng = Random(1)
    codes = [program(rng, scenery(fork, 0), 30) for _ in range(600)]
    found = {code[start] for code in codes for start, _ in instructions(code)}
    expected = BERLIN | FAMILIES
    for first_fork, opcodes in ADDED.items():
        expected |= opcodes if first_fork <= fork else set()
    assert {hex(opcode) for opcode in expected - found} == set()


def test_a_writer_knows_how_deep_the_stack_is() -> None:
    """Executed in a straight line, without calls of others: no statement takes what is not there."""
    for seed in range(300):
        writer = CodeWriter(Random(seed), scenery(Fork.CANCUN, 0), STATEMENTS)
        for statement in STATEMENTS.choose(writer.rng, 30):
            statement(writer)
            assert writer.depth >= 0
            assert writer.floor == 0
            assert writer.blocks == 0


def test_a_seed_makes_the_same_program_again() -> None:
    assert program(Random(5), scenery(Fork.OSAKA, 0), 30) == program(Random(5), scenery(Fork.OSAKA, 0), 30)


def test_instructions_hold_their_data() -> None:
    assert list(instructions(bytes.fromhex("6001015b61ff"))) == [(0, 2), (2, 3), (3, 4), (4, 6)]


def test_a_code_is_made_small_without_moving_what_stays() -> None:
    code = bytes.fromhex("6001600201600360040260050300")

    def has_multiplication(smaller: bytes) -> bool:
        return any(smaller[start] == 0x02 for start, _ in instructions(smaller))

    assert minimised_code(code, has_multiplication) == b"\x5b" * 9 + b"\x02"
