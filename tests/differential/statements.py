"""
Statements that stay inside their frame: arithmetic, the stack, memory, storage, logs, jumps.

A statement is a function of the writer. It takes what it needs from the stack, or pushes it first.
"""

from typing import Final

from primitives.forks import Fork
from tests.differential.code_writer import (
    ADD,
    DUP1,
    ISZERO,
    JUMP,
    JUMPDEST,
    JUMPI,
    MUL,
    POP,
    PUSH2,
    SWAP1,
    Chooser,
    CodeWriter,
    Table,
)
from tests.differential.edge_words import SMALL_PUSHES

STORAGE_KEY_COUNT: Final = 6
# Values that make EIP-2200's cases: zero, the original one, another one.
STORED_VALUES: Final = 4
BLOCKS_MAX: Final = 3
LOOP_COUNT_MAX: Final = 5


def arithmetic(w: CodeWriter) -> None:
    chance = w.random()
    opcodes = w.opcodes
    if chance < 0.72:
        if chance < 0.4:
            w.operand()
        w.need(2)
        w.op(w.choose(opcodes.binary), 2, 1)
    elif chance < 0.86:
        w.need(1)
        w.op(w.choose(opcodes.unary), 1, 1)
    else:
        w.operand()
        w.need(3)
        w.op(w.choose(opcodes.ternary), 3, 1)


def operand(w: CodeWriter) -> None:
    w.operand()


def copy(w: CodeWriter) -> None:
    w.need(1)
    w.op(DUP1 + w.below(min(w.depth, 16)), 0, 1)


def swap(w: CodeWriter) -> None:
    w.need(2)
    w.op(SWAP1 + w.below(min(w.depth - w.floor - 1, 16)))


def pop(w: CodeWriter) -> None:
    w.need(1)
    w.op(POP, 1)


def outer_word(w: CodeWriter) -> None:
    """Change a word that was there before the block around this began, by what it was or whatever it was."""
    slots = [slot for slot in range(max(0, w.depth - 15), w.floor) if slot not in w.fixed]
    w.operand()
    if not slots:
        return
    distance = w.depth - 1 - slots[w.below(len(slots))]
    if w.random() < 0.6:
        w.op(DUP1 + distance, 0, 1)
        w.op(w.choose(w.opcodes.binary), 2, 1)
    w.op(SWAP1 + distance - 1)
    w.op(POP, 1)


def store_word(w: CodeWriter) -> None:
    w.need(1)
    w.offset()
    w.op(0x52 if w.random() < 0.75 else 0x53, 2)


def load_word(w: CodeWriter) -> None:
    w.offset()
    w.op(0x51, 1, 1)


def hash_memory(w: CodeWriter) -> None:
    w.region()
    w.op(0x20, 2, 1)


def copy_memory(w: CodeWriter) -> None:
    """CALLDATACOPY, CODECOPY, EXTCODECOPY, RETURNDATACOPY or MCOPY."""
    chance = w.random()
    if chance < 0.12:  # As much as there is.
        w.op(0x3D, 0, 1)
        w.push(0)
        w.offset()
        w.op(0x3E, 3)
        return
    w.size()
    w.offset()
    if chance < 0.3 and w.scenery.fork >= Fork.CANCUN:
        w.offset()
        w.op(0x5E, 3)
        return
    w.offset()
    if 0.3 <= chance < 0.304:  # Mostly more than there is.
        w.op(0x3E, 3)
        return
    if chance < 0.6:
        w.op(0x37, 3)
    elif chance < 0.85:
        w.op(0x39, 3)
    else:
        w.address()
        w.op(0x3C, 4)


def inspect(w: CodeWriter) -> None:
    """BALANCE, EXTCODESIZE or EXTCODEHASH of an account; BLOCKHASH; BLOBHASH."""
    chance = w.random()
    if chance < 0.8:
        w.address()
        w.op((0x31, 0x3B, 0x3F)[w.below(3)], 1, 1)
    elif chance < 0.92 or w.scenery.fork < Fork.CANCUN:
        if chance < 0.83:
            w.operand()
        else:
            w.push(1 + w.below(300))
            w.op(0x43, 0, 1)
            w.op(0x03, 2, 1)  # NUMBER - n
        w.op(0x40, 1, 1)
    else:
        w.push(w.below(4))
        w.op(0x49, 1, 1)


def environment(w: CodeWriter) -> None:
    w.op(w.choose(w.opcodes.environment), 0, 1)


def load_slot(w: CodeWriter) -> None:
    w.push(w.below(STORAGE_KEY_COUNT))
    w.op(0x54, 1, 1)


def store_slot(w: CodeWriter) -> None:
    if w.random() < 0.75:
        w.push(w.below(STORED_VALUES))
    else:
        w.need(1)
    w.push(w.below(STORAGE_KEY_COUNT))
    w.op(0x55, 2)


def transient(w: CodeWriter) -> None:
    """TLOAD or TSTORE; before Cancun, one more SLOAD."""
    if w.scenery.fork < Fork.CANCUN:
        load_slot(w)
    elif w.random() < 0.5:
        w.push(w.below(STORAGE_KEY_COUNT))
        w.op(0x5C, 1, 1)
    else:
        w.need(1)
        w.push(w.below(STORAGE_KEY_COUNT))
        w.op(0x5D, 2)


def log(w: CodeWriter) -> None:
    count = w.below(5)
    w.need(count)
    w.region()
    w.op(0xA0 + count, 2 + count)


def condition(w: CodeWriter) -> None:
    """Push something that is zero or not."""
    w.need(1)
    if w.random() < 0.5:
        w.op(DUP1, 0, 1)
        w.op(ISZERO, 1, 1)


def branch(w: CodeWriter) -> None:
    """A body that is jumped over or not."""
    condition(w)
    end = w.forward_jump(JUMPI)
    _body(w, 1 + w.below(5))
    w.land(end)


def computed_jump(w: CodeWriter) -> None:
    """Like `branch`, but the target is computed: start + condition * (end - start)."""
    condition(w)
    w.op(ISZERO, 1, 1)
    w.code.append(PUSH2)
    difference = len(w.code)
    w.code += b"\x00\x00"
    w.code.append(MUL)
    w.code.append(PUSH2)
    w.code += (len(w.code) + 4).to_bytes(2, "big")
    w.op(ADD)
    w.op(JUMP, 1)
    start = len(w.code)
    w.op(JUMPDEST)
    _body(w, 1 + w.below(4))
    w.code[difference : difference + 2] = (len(w.code) - start).to_bytes(2, "big")
    w.op(JUMPDEST)


def loop(w: CodeWriter) -> None:
    """A body that runs a few times; the counter is below its floor."""
    w.push(1 + w.below(LOOP_COUNT_MAX))
    start = len(w.code)
    w.op(JUMPDEST)
    w.fixed.append(w.depth - 1)
    _body(w, 1 + w.below(4))
    w.fixed.pop()
    w.code += b"\x60\x01\x90\x03\x80"  # PUSH1 1, SWAP1, SUB, DUP1
    w.code.append(PUSH2)
    w.code += start.to_bytes(2, "big")
    w.code.append(JUMPI)
    w.op(POP, 1)


def subroutine(w: CodeWriter) -> None:
    """A body that is jumped into and returns to the address on the stack."""
    w.code.append(PUSH2)
    back = len(w.code)
    w.code += b"\x00\x00"
    w.depth += 1
    entry = w.forward_jump(JUMP)
    w.land(entry)
    w.fixed.append(w.depth - 1)
    _body(w, 1 + w.below(4))
    w.fixed.pop()
    w.op(JUMP, 1)
    w.land(back)


def oddity(w: CodeWriter) -> None:
    """What ends a frame early, mostly where no condition leads to it."""
    if w.random() < 0.7:
        w.op(0x36, 0, 1)  # CALLDATASIZE: mostly not zero.
        end = w.forward_jump(JUMPI)
        _end_early(w)
        w.land(end)
    elif w.random() < 0.1:
        _end_early(w)


def _end_early(w: CodeWriter) -> None:
    """The writer's depth stays what it is: nothing comes here from before."""
    chance = w.below(9)
    depth = w.depth
    if chance == 0:
        w.op(0xFE)
    elif chance == 1:
        w.op((0x0C, 0x1F, 0x21, 0x4F, 0xA5, 0xEF, 0xF6, 0xFC, 0xE0, 0xD0)[w.below(10)])
    elif chance == 2:
        w.push_code(SMALL_PUSHES[w.below(256)])
        w.op(JUMP, 1)
    elif chance == 3:
        w.code += b"\x50" * (w.depth + 1 + w.below(3))  # One item more than there is.
    elif chance == 4:  # A jump to a 0x5b that is the data of a PUSH1.
        w.code += b"\x60\x5b\x61" + (len(w.code) + 1).to_bytes(2, "big") + b"\x56"
    elif chance == 5:
        start = len(w.code)
        w.code += b"\x5b\x5a\x61" + start.to_bytes(2, "big") + b"\x56"  # A stack that overflows.
    elif chance == 6:
        w.region()
        w.op(0xFD, 2)
    elif chance == 7:
        w.region()
        w.op(0xF3, 2)
    else:
        w.address()
        w.op(0xFF, 1)
    w.depth = depth


def _body(w: CodeWriter, count: int) -> None:
    """Some statements with a floor of their own, after which the stack is as deep as before."""
    chooser = w.chooser if w.blocks < BLOCKS_MAX else SIMPLE_STATEMENTS
    floor, depth = w.floor, w.depth
    w.floor = depth
    w.blocks += 1
    for statement in chooser.choose(w.rng, count):
        statement(w)
    w.blocks -= 1
    w.settle(depth)
    w.floor = floor


SIMPLE: Final[Table] = (
    (26, arithmetic),
    (6, operand),
    (5, copy),
    (5, swap),
    (3, pop),
    (5, outer_word),
    (8, store_word),
    (5, load_word),
    (3, hash_memory),
    (5, copy_memory),
    (5, inspect),
    (4, environment),
    (5, load_slot),
    (5, store_slot),
    (4, transient),
    (2, log),
)
BLOCKS: Final[Table] = ((4, branch), (1, computed_jump), (2, loop), (1, subroutine), (1, oddity))
SIMPLE_STATEMENTS: Final = Chooser(SIMPLE)
