"""
BLAKE2F (0x09): the compression function of BLAKE2b with any number of rounds, at 1 gas a round.

The sixteen words of the state are four vectors, and one half of a round mixes its four columns, or diagonals, at once.
Source: EIP-152; RFC 7693, section 3.
"""

# mypy: allow-untyped-calls

from typing import Any, Final

import numpy as np
from llvmlite import ir
from numba import types

from evm_jit.precompiles import PrecompileFailed
from primitives.kernels_cache import njit, njit_without_lock
from primitives.memory import load_byte
from primitives.wide_integers import (
    bytes_reversed,
    llvm_function,
    load_at,
    operation,
    store_at,
)

INPUT_SIZE_BYTES: Final = 213
OUTPUT_SIZE_BYTES: Final = 64
# Where the input has what: rounds (32 bits, big-endian), state, message, two offset counters, final flag.
STATE_AT, MESSAGE_AT, OFFSET_AT, IS_FINAL_AT = 4, 68, 196, 212

IV: Final = [
    0x6A09E667F3BCC908,
    0xBB67AE8584CAA73B,
    0x3C6EF372FE94F82B,
    0xA54FF53A5F1D36F1,
    0x510E527FADE682D1,
    0x9B05688C2B3E6C1F,
    0x1F83D9ABFB41BD6B,
    0x5BE0CD19137E2179,
]

# Which words of the message a round mixes in, in order; the ten rounds repeat (RFC 7693, 2.7).
SIGMA: Final = [
    [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15],
    [14, 10, 4, 8, 9, 15, 13, 6, 1, 12, 0, 2, 11, 7, 5, 3],
    [11, 8, 12, 0, 5, 2, 15, 13, 10, 14, 3, 6, 7, 1, 9, 4],
    [7, 9, 3, 1, 13, 12, 11, 14, 2, 6, 5, 10, 4, 0, 15, 8],
    [9, 0, 5, 7, 2, 4, 10, 15, 14, 1, 11, 12, 6, 8, 3, 13],
    [2, 12, 6, 10, 0, 11, 8, 3, 4, 13, 7, 5, 15, 14, 1, 9],
    [12, 5, 1, 15, 14, 13, 4, 10, 0, 7, 6, 3, 9, 2, 8, 11],
    [13, 11, 7, 14, 12, 1, 3, 9, 5, 0, 15, 4, 8, 6, 2, 10],
    [6, 15, 14, 9, 11, 3, 0, 8, 12, 2, 13, 7, 1, 4, 10, 5],
    [10, 2, 8, 4, 7, 6, 1, 5, 15, 11, 9, 14, 3, 12, 13, 0],
]

ROTATIONS: Final = (32, 24, 16, 63)

WORD, INDEX = ir.IntType(64), ir.IntType(32)
ROW, MESSAGE = ir.VectorType(WORD, 4), ir.VectorType(WORD, 16)


def gas(data: bytes) -> int:
    """One for each round."""
    return int.from_bytes(data[:4], "big")


def run(data: bytes) -> bytes:
    """The state after compression. Input: rounds, state, message, two offset counters, final flag."""
    if len(data) != INPUT_SIZE_BYTES:
        raise PrecompileFailed("invalid input length")
    if data[-1] > 1:
        raise PrecompileFailed("invalid final flag")
    words, result = np.frombuffer(data, dtype=np.uint8), np.empty(OUTPUT_SIZE_BYTES, dtype=np.uint8)
    compress(words.ctypes.data, gas(data), result.ctypes.data)
    return result.tobytes()


def _picked(builder: Any, vector: Any, order: list[int]) -> Any:
    mask = ir.Constant(ir.VectorType(INDEX, len(order)), order)
    return builder.shuffle_vector(vector, ir.Constant(vector.type, ir.Undefined), mask)


def _mix(builder: Any, rows: list[Any], first: Any, second: Any) -> list[Any]:
    """The function G on four columns at once; `first` and `second` are words of the message for each."""
    a, b, c, d = rows
    turn = llvm_function(builder, "llvm.fshr.v4i64", ROW, ROW, ROW, ROW)

    def rotated(row: Any, bits: int) -> Any:
        return builder.call(turn, [row, row, ir.Constant(ROW, [bits] * 4)])

    for message, (d_bits, b_bits) in ((first, ROTATIONS[:2]), (second, ROTATIONS[2:])):
        a = builder.add(builder.add(a, b), message)
        d = rotated(builder.xor(d, a), d_bits)
        c = builder.add(c, d)
        b = rotated(builder.xor(b, c), b_bits)
    return [a, b, c, d]


def _round(builder: Any, rows: list[Any], message: Any, order: list[int]) -> list[Any]:
    """Mix the columns, then the diagonals: row i turns by i places to make them columns, and back."""
    rows = _mix(builder, rows, _picked(builder, message, order[0:8:2]), _picked(builder, message, order[1:8:2]))
    turned = [_picked(builder, row, [(place + index) % 4 for place in range(4)]) for index, row in enumerate(rows)]
    turned = _mix(builder, turned, _picked(builder, message, order[8:16:2]), _picked(builder, message, order[9:16:2]))
    return [_picked(builder, row, [(place - index) % 4 for place in range(4)]) for index, row in enumerate(turned)]


def _compress(builder: Any, data: Any, round_count: Any, output: Any) -> None:
    """IR: ten blocks of a round each in a ring, left when no round is left."""
    at = lambda place: builder.add(data, WORD(place))  # noqa: E731
    state = [load_at(builder, at(STATE_AT + place), ROW) for place in (0, 32)]
    message = load_at(builder, at(MESSAGE_AT), MESSAGE)
    iv = [ir.Constant(ROW, IV[:4]), ir.Constant(ROW, IV[4:])]
    offset = load_at(builder, at(OFFSET_AT), ir.VectorType(WORD, 2))
    flag = builder.zext(load_at(builder, at(IS_FINAL_AT), ir.IntType(8)), WORD)
    changes = ir.Constant(ROW, [0, 0, 0, 0])
    for index in range(2):
        changes = builder.insert_element(changes, builder.extract_element(offset, INDEX(index)), INDEX(index))
    changes = builder.insert_element(changes, builder.neg(flag), INDEX(2))  # All ones, which inverts, if final.
    rows = [*state, iv[0], builder.xor(iv[1], changes)]

    names = [f"blake2f_round_{number}" for number in range(len(SIGMA))]
    entry, blocks = builder.block, [builder.append_basic_block(name) for name in names]
    bodies = [builder.append_basic_block(f"{name}_body") for name in names]
    done = builder.append_basic_block("blake2f_done")
    builder.branch(blocks[0])
    builder.position_at_end(done)
    results = [builder.phi(ROW) for _ in rows]
    builder.position_at_end(blocks[0])
    running = [builder.phi(ROW) for _ in rows]
    left = builder.phi(WORD)
    phis = [*running, left]
    for phi, value in zip(phis, [*rows, round_count], strict=True):
        phi.add_incoming(value, entry)
    for number, order in enumerate(SIGMA):
        builder.position_at_end(blocks[number])
        builder.cbranch(builder.icmp_unsigned("==", left, WORD(0)), done, bodies[number])
        for result, row in zip(results, running, strict=True):
            result.add_incoming(row, blocks[number])
        builder.position_at_end(bodies[number])
        running = _round(builder, running, message, order)
        left = builder.sub(left, WORD(1))
        builder.branch(blocks[(number + 1) % len(SIGMA)])
    for phi, value in zip(phis, [*running, left], strict=True):
        phi.add_incoming(value, bodies[-1])
    builder.position_at_end(done)
    for index, place in enumerate((0, 32)):
        mixed = builder.xor(builder.xor(results[index], results[index + 2]), state[index])
        store_at(builder, builder.add(output, WORD(place)), mixed)


def _rounds(builder: Any, data: Any) -> Any:
    return builder.zext(bytes_reversed(builder, load_at(builder, data, ir.IntType(32))), WORD)


_load_rounds = operation(types.int64, (types.int64,), _rounds)
_compress_at = operation(types.void, (types.int64, types.int64, types.int64), _compress)


@njit_without_lock  # One call may ask for as many rounds as a transaction has gas: a second.
def compress(data: int, round_count: int, output: int) -> None:
    """
    The compression function F.

    data : int64, the address of the contract's whole input, INPUT_SIZE_BYTES
    round_count : int64, not negative; the input's own number has been paid for
    output : int64, the address of OUTPUT_SIZE_BYTES, written

    Source: RFC 7693, section 3.2.
    """
    _compress_at(data, round_count, output)


@njit
def round_count(data: int) -> int:
    """The rounds (int64) that an input at an address asks for."""
    return _load_rounds(data)  # type: ignore[no-any-return]


@njit
def blake2f_at(data: int, size_bytes: int, output: int) -> bool:
    """Write the contract's result to `output`; false for an input that it refuses. All int64."""
    if size_bytes != INPUT_SIZE_BYTES or load_byte(data + IS_FINAL_AT) > 1:
        return False
    compress(data, round_count(data), output)
    return True
