"""Bytecode as expressions: what the benchmarks execute is put together here."""

from typing import Final

STOP: Final = b"\x00"
ADD: Final = b"\x01"
SUB: Final = b"\x03"
EQ: Final = b"\x14"
ISZERO: Final = b"\x15"
ADDRESS: Final = b"\x30"
CALLER: Final = b"\x33"
CALLDATASIZE: Final = b"\x36"
CALLDATACOPY: Final = b"\x37"
RETURNDATASIZE: Final = b"\x3d"
RETURNDATACOPY: Final = b"\x3e"
POP: Final = b"\x50"
MSTORE: Final = b"\x52"
MSTORE8: Final = b"\x53"
SSTORE: Final = b"\x55"
JUMPI: Final = b"\x57"
GAS: Final = b"\x5a"
JUMPDEST: Final = b"\x5b"
TSTORE: Final = b"\x5d"
SWAP1: Final = b"\x90"
CALL: Final = b"\xf1"
RETURN: Final = b"\xf3"
STATICCALL: Final = b"\xfa"
REVERT: Final = b"\xfd"
INVALID: Final = b"\xfe"


def push(value: int, size_bytes: int | None = None) -> bytes:
    """The shortest PUSH of a number, or that of a given size."""
    size = (value.bit_length() + 7) // 8 if size_bytes is None else size_bytes
    return bytes((0x5F + size,)) + value.to_bytes(size, "big")


def operands(*values: int | bytes) -> bytes:
    """The words of an operation, topmost first; bytes are code that leaves one word."""
    return b"".join(value if isinstance(value, bytes) else push(value) for value in reversed(values))


def duplicate(depth: int) -> bytes:
    """DUP1 to DUP16."""
    assert 1 <= depth <= 16
    return bytes((0x7F + depth,))


def copy_calldata() -> bytes:
    """All of it to the start of the memory."""
    return operands(0, 0, CALLDATASIZE) + CALLDATACOPY


def return_memory(offset: int, size_bytes: int) -> bytes:
    """End the frame with a piece of its memory."""
    return operands(offset, size_bytes) + RETURN


def repeat(count: int, before: bytes, body: bytes, after: bytes, start: int = 0) -> bytes:
    """
    `before`, `count` times `body`, and `after`; `start` is where in the code this will be.

    In the body the topmost word of the stack counts down from `count` to 1, and it must leave the stack as it was.
    """
    loop = start + len(before) + len(push(count))
    step = push(1) + SWAP1 + SUB + duplicate(1) + push(loop, 3) + JUMPI
    return before + push(count) + JUMPDEST + body + step + POP + after
