"""
Whole programs: some statements, and an end that shows what they left on the stack and in memory.

The same seed makes the same program on every Python: only `random.Random` decides.
"""

from random import Random
from typing import Final

from tests.differential.code_writer import CodeWriter, Scenery
from tests.differential.edge_words import push
from tests.differential.message_statements import STATEMENTS

SHOWN_WORDS_MAX: Final = 12
RESULT_OFFSET: Final = 0x140  # Above where most statements write, so that the end does not hide what they wrote.

# Calls itself with all the gas there is until none is left, or 1,024 frames are there; counts in storage slot 0.
RECURSION: Final = bytes.fromhex(
    "5a600052" + "60206000600060006000305a" + "f1" + "600054600101600055" + "60005260206000f3"
)


def program(rng: Random, scenery: Scenery, statement_count: int) -> bytes:
    """The bytecode of a contract; one in a hundred is nothing but random bytes, one in a hundred recurses."""
    chance = rng.random()
    if chance < 0.01:
        return rng.randbytes(rng.randrange(1, 60))
    if chance < 0.015:
        return RECURSION
    w = CodeWriter(rng, scenery, STATEMENTS)
    for statement in STATEMENTS.choose(rng, statement_count):
        statement(w)
    _end(w)
    return w.finish()


def init_code(rng: Random, scenery: Scenery, statement_count: int) -> bytes:
    """The data of a transaction that creates: a program whose end becomes the code, or one that deploys a program."""
    if rng.random() < 0.2:
        return program(rng, scenery, statement_count)
    runtime = program(rng, scenery, 1 + rng.randrange(statement_count))
    w = CodeWriter(rng, scenery, STATEMENTS)
    for statement in STATEMENTS.choose(rng, statement_count // 3):
        statement(w)
    w.push(len(runtime))
    w.data_offset(runtime)
    w.push(0)
    w.op(0x39, 3)  # CODECOPY
    w.push(len(runtime))
    w.push(0)
    w.op(0xF3, 2)
    return w.finish()


def _end(w: CodeWriter) -> None:
    chance = w.random()
    if chance < 0.9:
        _show_stack(w)
        if chance < 0.45:
            w.op(0x59, 0, 1)  # MSIZE: all of the memory.
        else:
            w.push(RESULT_OFFSET + 32 * SHOWN_WORDS_MAX)
        w.push(0)
        w.op(0xF3 if chance < 0.87 else 0xFD, 2)
    elif chance < 0.94:
        w.op(0x00)
    elif chance < 0.97:
        w.address()
        w.op(0xFF, 1)
    elif chance < 0.98:
        w.op(0xFE)
    elif chance < 0.99:
        w.code += push(w.rng.getrandbits(256))[: 1 + w.below(31)]  # A push that the code ends in.


def _show_stack(w: CodeWriter) -> None:
    """Write the top of the stack to memory, and sometimes the first word to storage too."""
    if w.depth and w.random() < 0.2:
        w.op(0x80, 0, 1)
        w.push(7)
        w.op(0x55, 2)
    for index in range(min(w.depth, SHOWN_WORDS_MAX)):
        w.push(RESULT_OFFSET + 32 * index)
        w.op(0x52, 2)
