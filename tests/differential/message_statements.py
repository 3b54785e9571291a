"""
Statements that leave their frame: calls of contracts and precompiles, creations, self-destruction.

Most calls name the gas that they give: with all of it, a chain of calls that ends in a failure leaves nothing to those
who called, and hardly any transaction would succeed.
"""

from typing import Final

from tests.differential.code_writer import DUP1, Chooser, CodeWriter, Table
from tests.differential.edge_words import push
from tests.differential.precompile_inputs import precompile_call
from tests.differential.statements import BLOCKS, SIMPLE, SIMPLE_STATEMENTS

CALL, CALLCODE, DELEGATECALL, STATICCALL, CREATE, CREATE2 = 0xF1, 0xF2, 0xF4, 0xFA, 0xF0, 0xF5
CALL_OPCODES: Final = (CALL, CALL, CALL, CALLCODE, DELEGATECALL, DELEGATECALL, STATICCALL)
CALL_GAS: Final = [push(gas) for gas in (0, 1, 700, 2_300, 5_000, 20_000, 30_000, 40_000, 60_000, 60_000, 100_000)]
CALL_GAS_ODD: Final = [push(gas) for gas in (1 << 31, 1 << 63, (1 << 64) - 1, 1 << 64, (1 << 256) - 1)]
VALUES: Final = [push(value) for value in (1, 2, 3, 1_000, 1 << 64, 1 << 128)]

CODE_SIZE_MAX: Final = 24_576
INIT_CODE_SIZE_MAX: Final = 49_152
LEVELS_MAX: Final = 2


def call(w: CodeWriter) -> None:
    w.region()
    w.region()
    opcode = w.choose(CALL_OPCODES)
    if opcode in (CALL, CALLCODE):
        _value(w)
    w.address()
    _gas(w)
    _call_on_stack(w, opcode)


def precompile(w: CodeWriter) -> None:
    """Its input stands behind the code; the answer overwrites some of it."""
    to, data, output_size = precompile_call(w.rng, w.scenery.fork)
    base = w.below(65)
    w.push(len(data))
    w.data_offset(data)
    w.push(base)
    w.op(0x39, 3)  # CODECOPY
    w.push(output_size if w.random() < 0.9 else w.below(100))
    w.offset()
    w.push(len(data) if w.random() < 0.95 else w.below(300))
    w.push(base)
    opcode = w.choose(CALL_OPCODES)
    if opcode in (CALL, CALLCODE):
        _value(w)
    w.push(to)
    if w.random() < 0.9:
        w.op(0x5A, 0, 1)
    else:
        w.push(w.below(10_000))
    _call_on_stack(w, opcode)


def create(w: CodeWriter) -> None:
    """CREATE or CREATE2, and mostly a call of what came of it."""
    init_code = _init_code(w)
    w.push(len(init_code))
    w.data_offset(init_code)
    w.push(0)
    w.op(0x39, 3)  # CODECOPY
    is_salted = w.random() < 0.5
    for _ in range(2 if is_salted and w.random() < 0.15 else 1):  # The second one collides with the first.
        if is_salted:
            w.push(w.below(2))
        w.push(len(init_code) if w.random() < 0.98 else INIT_CODE_SIZE_MAX + w.below(2))
        w.push(0)
        if w.random() < 0.85:
            w.push(0)
        else:
            w.push_code(VALUES[w.below(len(VALUES))])
        w.op(CREATE2 if is_salted else CREATE, 4 if is_salted else 3, 1)
    chance = w.random()
    if chance < 0.6:
        w.region()
        w.region()
        opcode = w.choose((CALL, DELEGATECALL, STATICCALL))
        if opcode == CALL:
            _value(w)
        w.op(DUP1 + (5 if opcode == CALL else 4), 0, 1)
        _gas(w)
        _call_on_stack(w, opcode)
    elif chance < 0.8:
        w.op(DUP1, 0, 1)
        w.op((0x31, 0x3B, 0x3F)[w.below(3)], 1, 1)


def self_destruct(w: CodeWriter) -> None:
    """Mostly in code that may be called and come back to; in the outermost, only where nothing leads to it."""
    w.op(0x34, 0, 1)  # CALLVALUE: a call without value goes on.
    w.op(0x15, 1, 1)
    end = w.forward_jump(0x57)
    w.address()
    w.op(0xFF, 1)
    w.land(end)


def _value(w: CodeWriter) -> None:
    if w.random() < 0.8:
        w.push(0)
    else:
        w.push_code(VALUES[w.below(len(VALUES))])


def _gas(w: CodeWriter) -> None:
    chance = w.random()
    if chance < 0.25:
        w.op(0x5A, 0, 1)
    elif chance < 0.97:
        w.push_code(CALL_GAS[w.below(len(CALL_GAS))])
    else:
        w.push_code(CALL_GAS_ODD[w.below(len(CALL_GAS_ODD))])


def _call_on_stack(w: CodeWriter, opcode: int) -> None:
    w.op(opcode, 7 if opcode in (CALL, CALLCODE) else 6, 1)
    chance = w.random()
    if chance < 0.3:  # RETURNDATACOPY of all that came back.
        w.op(0x3D, 0, 1)
        w.push(0)
        w.offset()
        w.op(0x3E, 3)
    elif chance < 0.5:
        w.op(0x3D, 0, 1)


def _init_code(w: CodeWriter) -> bytes:
    """Mostly what leaves a small contract; else what a creation may fail by."""
    chance = w.random()
    if chance < 0.7 and w.level < LEVELS_MAX:
        return _deploying(w)
    if chance < 0.73:
        return b""
    if chance < 0.76:
        return b"\x00"
    if chance < 0.82:  # Code that begins with 0xEF, which London forbids.
        return b"\x60\xef\x60\x00\x53\x60" + bytes((1 + w.below(24),)) + b"\x60\x00\xf3"
    if chance < 0.84:  # The largest code there may be, or one byte more.
        return push(CODE_SIZE_MAX + w.below(2)) + b"\x60\x00\xf3"
    if chance < 0.9:
        return b"\x60\x2a\x60\x00\x52\x60" + bytes((w.below(64),)) + b"\x60\x00\xfd"
    if chance < 0.93:
        return b"\xfe"
    if chance < 0.96:
        return b"\x30\xff"  # Destroys itself, for itself.
    return b"\x33\xff"  # Destroys itself, for its creator.


def _deploying(w: CodeWriter) -> bytes:
    """Init code of a few statements that leaves a contract of a few statements."""
    runtime = nested_program(w, 1 + w.below(8))
    inner = _nested(w)
    for statement in inner.chooser.choose(w.rng, w.below(4)):
        statement(inner)
    inner.push(len(runtime))
    inner.data_offset(runtime)
    inner.push(0)
    inner.op(0x39, 3)  # CODECOPY
    inner.push(len(runtime))
    inner.push(0)
    inner.op(0xF3, 2)
    return inner.finish()


def _nested(w: CodeWriter) -> CodeWriter:
    chooser = NESTED_STATEMENTS if w.level + 1 < LEVELS_MAX else SIMPLE_STATEMENTS
    return CodeWriter(w.rng, w.scenery, chooser, level=w.level + 1)


def nested_program(w: CodeWriter, count: int) -> bytes:
    """A contract of `count` statements that returns a word."""
    inner = _nested(w)
    if w.random() < 0.15:
        self_destruct(inner)
    for statement in inner.chooser.choose(w.rng, count):
        statement(inner)
    inner.need(1)
    inner.push(0)
    inner.op(0x52, 2)
    inner.push(32)
    inner.push(0)
    inner.op(0xF3, 2)
    return inner.finish()


MESSAGES: Final[Table] = ((6, call), (1.5, precompile), (1.2, create), (0.4, self_destruct))
STATEMENTS: Final = Chooser((*SIMPLE, *BLOCKS, *MESSAGES))
NESTED_STATEMENTS: Final = Chooser((*SIMPLE, (2, call), (0.3, precompile), (0.3, create)))
