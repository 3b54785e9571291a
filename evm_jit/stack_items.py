"""
How many items each opcode takes from the stack and puts on it (Yellow Paper, appendix H.2).

Depths are checked before an opcode runs, with the two numbers that geth names in its errors.
"""

from typing import Final

STACK_ITEMS_MAX: Final = 1_024

_CONTEXT: Final = (0x30, 0x32, 0x33, 0x34, 0x36, 0x38, 0x3A, 0x3D)  # ADDRESS to RETURNDATASIZE.
_PUSHES: Final = range(0x5F, 0x80)

# Opcodes by (items taken, items given); an opcode that is not here is invalid in every fork.
_TAKEN_AND_GIVEN: Final = {
    (0, 0): (0x00, 0x5B, 0xFE),
    (0, 1): (*_CONTEXT, *range(0x41, 0x49), 0x4A, *range(0x58, 0x5B), *_PUSHES),
    (1, 0): (0x50, 0x56, 0xFF),
    (1, 1): (0x15, 0x19, 0x1E, 0x31, 0x35, 0x3B, 0x3F, 0x40, 0x49, 0x51, 0x54, 0x5C),
    (2, 0): (0x52, 0x53, 0x55, 0x57, 0x5D, 0xA0, 0xF3, 0xFD),
    (2, 1): (*range(0x01, 0x08), 0x0A, 0x0B, *range(0x10, 0x15), *range(0x16, 0x19), *range(0x1A, 0x1E), 0x20),
    (3, 0): (0x37, 0x39, 0x3E, 0x5E, 0xA1),
    (3, 1): (0x08, 0x09, 0xF0),
    (4, 0): (0x3C, 0xA2),
    (4, 1): (0xF5,),
    (5, 0): (0xA3,),
    (6, 0): (0xA4,),
    (6, 1): (0xF4, 0xFA),
    (7, 1): (0xF1, 0xF2),
}
_DUPS: Final = {(n, n + 1): (0x7F + n,) for n in range(1, 17)}
_SWAPS: Final = {(n + 1, n + 1): (0x8F + n,) for n in range(1, 17)}


def _by_opcode() -> list[tuple[int, int]]:
    items = [(0, 0)] * 256
    for taken_and_given, opcodes in (_TAKEN_AND_GIVEN | _DUPS | _SWAPS).items():
        for opcode in opcodes:
            items[opcode] = taken_and_given
    return items


STACK_ITEMS: Final = tuple(_by_opcode())

# The stack must hold at least and at most this many items when the opcode begins.
STACK_DEPTH_LEAST: Final = tuple(taken for taken, _ in STACK_ITEMS)
STACK_DEPTH_MOST: Final = tuple(STACK_ITEMS_MAX + taken - given for taken, given in STACK_ITEMS)
