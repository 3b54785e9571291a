"""What stops a frame, in the words that clients look for."""

import pytest

from evm_jit.engine import Call
from primitives.forks import Fork
from tests.asm import (
    INVALID,
    JUMP,
    POP,
    RETURNDATASIZE,
    STOP,
    call,
    code,
    deploy,
    memory,
    operands,
    push,
    ret,
    revert,
    selfdestruct,
    sstore,
    staticcall,
)
from tests.evm_jit.scene import BLOCK, CONTRACT, OTHER, SENDER, execute, install, signed

MSTORE = b"\x52"
DUP16 = b"\x8f"
SWAP2 = b"\x91"
RETURNDATACOPY = operands(0, 0, 1) + b"\x3e"


@pytest.mark.parametrize(
    ("program", "halt"),
    [
        (revert(), "execution reverted"),
        (push(0) + JUMP, "invalid jump destination"),
        (push(2**255) + JUMP, "invalid jump destination"),
        (push(4) + JUMP + b"\x60\x5b", "invalid jump destination"),
        (INVALID, "invalid opcode: INVALID"),
        (b"\x0c", "invalid opcode: opcode 0xc not defined"),
        (b"\xef", "invalid opcode: opcode 0xef not defined"),
        (POP, "stack underflow (0 <=> 1)"),
        (push(1) + MSTORE, "stack underflow (1 <=> 2)"),
        (push(1) + SWAP2, "stack underflow (1 <=> 3)"),
        (push(1) * 15 + DUP16, "stack underflow (15 <=> 16)"),
        (push(1) * 1_025, "stack limit reached 1024 (1023)"),
        (push(1) * 1_024 + b"\x80", "stack limit reached 1024 (1023)"),
        (RETURNDATACOPY, "return data out of bounds"),
        (operands(0, 0, 2**200) + b"\x3e", "out of gas"),
        (operands(2**20, 0, 1) + b"\x3e", "out of gas"),
        (push(1) + push(2**64) + MSTORE, "out of gas"),
        (b"\x5b" + push(0) + JUMP, "out of gas"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_frame_halts_in_geths_words(engine, world, program, halt):
    install(world, program)
    assert execute(engine, world, signed(gas_limit=100_000)).halt == halt


@pytest.mark.parametrize(
    ("init_code", "halt"),
    [
        (deploy(b"\xef"), "invalid code: must not begin with 0xef"),
        (ret(0, 24_577), "max code size exceeded"),
        (ret(0, 5_000), "contract creation code storage out of gas"),
        (revert(), "execution reverted"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_creation_halts_in_geths_words(engine, world, init_code, halt):
    assert execute(engine, world, signed(to=None, data=init_code, gas_limit=1_000_000)).halt == halt


@pytest.mark.parametrize(
    "write",
    [sstore(0, 1), operands(0, 0) + b"\xa0", call(OTHER, value=1), operands(0, 0, 0) + b"\xf0", selfdestruct(OTHER)],
    ids=["SSTORE", "LOG0", "CALL", "CREATE", "SELFDESTRUCT"],
)
def test_a_write_in_a_static_call_is_a_write_protection(engine, world, write):
    """The halt of the inner frame is not seen outside, so the outer one reports whether it failed."""
    install(world, write + STOP, OTHER, balance_wei=5)
    install(world, sstore(0, 7) + sstore(0, staticcall(OTHER)) + sstore(1, code(RETURNDATASIZE)))
    assert execute(engine, world, signed(gas_limit=10_000_000)).receipt.succeeded
    assert (world.storage(CONTRACT, 0), world.storage(CONTRACT, 1)) == (0, 0)
    assert world.account(OTHER).balance == 5


def test_an_opcode_of_a_later_fork_is_named(engine, world):
    install(world, operands(0, 0, 0) + b"\x5e")
    assert execute(engine, world, signed(), fork=Fork.SHANGHAI).halt == "invalid opcode: MCOPY"


def test_a_precompile_says_why_it_failed(engine, world):
    point_evaluation = (0x0A).to_bytes(20, "big")
    result = engine.call(Call(SENDER, point_evaluation, 100_000, data=b"short"), BLOCK, world)
    assert result.halt == "invalid input length"
    assert result.gas_used == 100_000


def test_memory_is_written_word_by_word(engine, world):
    install(world, memory(b"x" * 40) + ret(0, 40))
    assert execute(engine, world, signed()).output == b"x" * 40
