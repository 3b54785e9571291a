"""Where instructions begin, against the obvious loop."""

import random

from evm_jit.bytecode import Bytecode, instruction_starts


def starts_one_by_one(code: bytes) -> bytes:
    starts = bytearray(len(code))
    position = 0
    while position < len(code):
        starts[position] = 1
        is_push = 0x60 <= code[position] <= 0x7F
        position += code[position] - 0x5E if is_push else 1
    return bytes(starts)


def test_data_of_a_push_is_no_instruction():
    assert instruction_starts(b"\x60\x5b\x5b") == b"\x01\x00\x01"
    assert instruction_starts(b"\x5b\x7f\x5b") == b"\x01\x01\x00"  # The data may be cut off by the end.
    assert instruction_starts(b"") == b""


def test_random_code_is_read_as_one_by_one():
    generator = random.Random(20)
    for _ in range(300):
        code = bytes(generator.choice((0x5B, 0x5F, 0x60, 0x61, 0x7F, 0x80)) for _ in range(generator.randrange(120)))
        assert instruction_starts(code) == starts_one_by_one(code)


def test_a_jump_behind_the_end_is_not_valid():
    code = Bytecode(b"\x5b\x60")
    assert code.is_valid_opcode(0)
    assert not code.is_valid_opcode(2)
    assert not code.is_valid_opcode(2**200)


def test_code_made_of_pushes_alone_needs_no_recursion():
    assert instruction_starts(b"\x60" * 49_152).count(1) == 24_576
