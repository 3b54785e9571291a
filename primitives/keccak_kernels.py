"""
Keccak-256 in kernels: one message, or many at once in the lanes of the processor's vectors.

The permutation is LLVM code made here, for one state or for `LANES` of them side by side: word i of every lane is one
vector. LLVM turns rotations and and-not into single AVX-512 instructions where there are any. In `keccak256_many` a
lane takes the next message when its own ends, so messages of different sizes keep all lanes at work.

Source: the Keccak reference, version 3.0, section 1.2; rate 136 bytes, padding 0x01 ... 0x80.
"""

# mypy: allow-untyped-defs, allow-untyped-calls

from typing import Any

import llvmlite.binding
import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils

from primitives.kernels_cache import njit, njit_without_lock
from primitives.u256 import WORD, load_big_endian
from primitives.wide_integers import U256, bytes_reversed, llvm_function, load_at, operation, store_at

ROUND_COUNT, STATE_WORDS = 24, 25
RATE_BYTES = 136
RATE_WORDS = RATE_BYTES // 8


def _round_constants() -> list[int]:
    """From the register x^8 + x^6 + x^5 + x^4 + 1: bit 2^j - 1 of round i is its output at time 7i + j."""
    register, constants = 1, []
    for _ in range(ROUND_COUNT):
        constant = 0
        for j in range(7):
            constant |= (register & 1) << (2**j - 1)
            register = (register << 1) ^ (0x171 if register & 0x80 else 0)
        constants.append(constant)
    return constants


def _rotations() -> list[int]:
    """How far word x + 5y turns: (t + 1)(t + 2) / 2 at the t-th place of a walk that begins at (1, 0)."""
    turns, x, y = [0] * STATE_WORDS, 1, 0
    for t in range(24):
        turns[x + 5 * y] = (t + 1) * (t + 2) // 2 % 64
        x, y = y, (2 * x + 3 * y) % 5
    return turns


ROUND_CONSTANTS, ROTATIONS = _round_constants(), _rotations()


def lanes_of(features: Any) -> int:
    """How many 64-bit words a vector of this processor holds."""
    widths = {"avx512f": 8, "avx2": 4, "sse2": 2, "neon": 2}
    return max([width for name, width in widths.items() if features.get(name)], default=1)


LANES = lanes_of(llvmlite.binding.get_host_cpu_features())
# One word in a vector of two: 25 words fit into 32 registers, and three are combined in one instruction.
IS_WIDE = bool(llvmlite.binding.get_host_cpu_features().get("avx512vl"))
INT64 = ir.IntType(64)
PAIR = ir.VectorType(INT64, 2)


def _widened(builder: Any, word: Any) -> Any:
    """A word in a vector, whose other half is anything."""
    return builder.insert_element(ir.Constant(PAIR, ir.Undefined), word, ir.IntType(32)(0))


def _narrowed(builder: Any, pair: Any) -> Any:
    """The word in such a vector."""
    return builder.extract_element(pair, ir.IntType(32)(0))


def _splat(builder: Any, scalar: Any, type_: Any) -> Any:
    """A vector whose lanes all hold one value."""
    if isinstance(type_, ir.IntType):
        return scalar
    first = builder.insert_element(ir.Constant(type_, ir.Undefined), scalar, ir.IntType(32)(0))
    order = ir.Constant(ir.VectorType(ir.IntType(32), type_.count), [0] * type_.count)
    return builder.shuffle_vector(first, ir.Constant(type_, ir.Undefined), order)


def _parity(builder: Any, state: list[Any]) -> list[Any]:
    """What the five words of each column are together."""
    parity = state[:5]
    for index in range(5, STATE_WORDS):
        parity[index % 5] = builder.xor(parity[index % 5], state[index])
    return parity


def _round(builder: Any, state: list[Any], parity: list[Any], constant: Any) -> list[Any]:
    """
    One round on the 25 words (or vectors) of a state of known parity, word x + 5y at row y and column x.

    It is written row by row: where there are fewer registers than words, a row that is done makes room for the next.
    """
    type_ = state[0].type
    suffix = "i64" if isinstance(type_, ir.IntType) else f"v{type_.count}i64"
    funnel = llvm_function(builder, f"llvm.fshl.{suffix}", type_, type_, type_, type_)

    def rotate(word: Any, bits: int) -> Any:
        return builder.call(funnel, [word, word, _splat(builder, INT64(bits), type_)]) if bits else word

    # THETA
    mixed = [builder.xor(parity[(x + 4) % 5], rotate(parity[(x + 1) % 5], 1)) for x in range(5)]
    result = []
    for row in range(5):
        # RHO AND PI
        moved = []
        for column in range(5):
            x, y = (column + 3 * row) % 5, column
            moved.append(rotate(builder.xor(state[x + 5 * y], mixed[x]), ROTATIONS[x + 5 * y]))
        # CHI
        for column in range(5):
            after, second = moved[(column + 1) % 5], moved[(column + 2) % 5]
            result.append(builder.xor(moved[column], builder.and_(builder.not_(after), second)))
        if row == 0:
            result[0] = builder.xor(result[0], _splat(builder, constant, type_))  # IOTA
    return result


def _rounds(builder: Any, state: list[Any], first: int, count: int) -> list[Any]:
    """
    An even number of rounds as a loop, the first of them being round number `first`.

    A turn hands the parity on, which it finds while the words are in registers. Two rounds are one turn where there
    are hardly registers: what was in memory for the first is in registers for the second.
    """
    constants = cgutils.global_constant(
        builder, "keccak_round_constants", ir.Constant(ir.ArrayType(INT64, ROUND_COUNT), ROUND_CONSTANTS)
    )
    rounds_a_turn = 2 if state[0].type == INT64 else 1
    values = [*state, *_parity(builder, state)]
    entry, body = builder.block, builder.append_basic_block("keccak_rounds")
    done = builder.append_basic_block("keccak_done")
    builder.branch(body)
    builder.position_at_end(body)
    number = builder.phi(INT64, name="round")
    phis = following = [builder.phi(value.type) for value in values]
    for turn in range(rounds_a_turn):
        place = builder.gep(constants, [INT64(0), builder.add(number, INT64(turn))], inbounds=True)
        words = _round(builder, following[:STATE_WORDS], following[STATE_WORDS:], builder.load(place))
        following = [*words, *_parity(builder, words)]
    next_number = builder.add(number, INT64(rounds_a_turn))
    for phi, before, after in zip([number, *phis], [INT64(first), *values], [next_number, *following], strict=True):
        phi.add_incoming(before, entry)
        phi.add_incoming(after, body)
    builder.cbranch(builder.icmp_unsigned("<", next_number, INT64(first + count)), body, done)
    builder.position_at_end(done)
    return following[:STATE_WORDS]


def permutation(lane_count: int) -> Any:
    """A function for kernels: permutes the states, uint64[25, lane_count], at an address (int64) in place."""
    is_widened = lane_count == 1 and IS_WIDE
    type_ = INT64 if lane_count == 1 else ir.VectorType(INT64, lane_count)

    def emit(builder: Any, address: Any) -> None:
        places = [builder.add(address, INT64(8 * lane_count * index)) for index in range(STATE_WORDS)]
        state = [load_at(builder, place, type_) for place in places]
        if is_widened:
            state = [_widened(builder, word) for word in state]
        for place, word in zip(places, _rounds(builder, state, 0, ROUND_COUNT), strict=True):
            store_at(builder, place, _narrowed(builder, word) if is_widened else word)

    return operation(types.void, (types.int64,), emit)


def digest_of_words(word_count: int) -> Any:
    """
    A function for kernels: the digest of so many words, 8 bytes each, at an address (int64), as a U256 with its first
    byte the most significant. The state is in no memory, and the last round makes the digest alone.
    """
    assert word_count < RATE_WORDS - 1, "the padding's ends are in words of their own"

    def emit(builder: Any, address: Any) -> Any:
        state = [load_at(builder, builder.add(address, INT64(8 * index)), INT64) for index in range(word_count)]
        state += [INT64(0x01), *[INT64(0)] * (STATE_WORDS - word_count - 1)]
        state[RATE_WORDS - 1] = INT64(1 << 63)
        if IS_WIDE:
            state = [_widened(builder, word) for word in state]
        state = _round(builder, state, _parity(builder, state), INT64(ROUND_CONSTANTS[0]))
        state = _rounds(builder, state, 1, ROUND_COUNT - 2)
        state = _round(builder, state, _parity(builder, state), INT64(ROUND_CONSTANTS[-1]))
        digest = WORD(0)
        for index, word in enumerate(state[:4]):
            octets = builder.zext(_narrowed(builder, word) if IS_WIDE else word, WORD)
            digest = builder.or_(digest, builder.shl(octets, WORD(64 * index)))
        return bytes_reversed(builder, digest)

    return operation(U256, (types.int64,), emit)


def _xor_word(builder, target, source):
    store_at(builder, target, builder.xor(load_at(builder, target, INT64), load_at(builder, source, INT64)))


def _xor_byte(builder, target, byte):
    byte_type = ir.IntType(8)
    store_at(builder, target, builder.xor(load_at(builder, target, byte_type), builder.trunc(byte, byte_type)))


def _fresh_state(builder):
    place = cgutils.alloca_once(builder, ir.ArrayType(INT64, STATE_WORDS))
    builder.store(place.type.pointee(None), place)
    return builder.ptrtoint(place, INT64)


# fresh_state(): the address of 25 words of zeros, valid until the calling kernel returns. Not an array: Numba frees one
# after the last mention of it, though its address is in use.
fresh_state = operation(types.int64, (), _fresh_state)
permute, permute_lanes = permutation(1), permutation(LANES)
# keccak256_of_32(address), keccak256_of_64(address): of what contracts hash most, so many bytes.
keccak256_of_32, keccak256_of_64 = digest_of_words(4), digest_of_words(8)
xor_word = operation(types.void, (types.int64, types.int64), _xor_word)
store_word = operation(types.void, (types.int64, types.uint64), store_at)
xor_byte = operation(types.void, (types.int64, types.int64), _xor_byte)
byte_at_address = operation(
    types.int64, (types.int64,), lambda builder, address: builder.zext(load_at(builder, address, ir.IntType(8)), INT64)
)


@njit
def absorb(state, stride_bytes, source, size_bytes):
    """
    Mix the next block of a message into a state, with the padding if the message ends in it.

    state : int64 scalar      address of the state's first word; modified
    stride_bytes : int64      from one word of the state to the next
    source : int64            address of what is left of the message
    size_bytes : int64        how much is left; a block that is cut off is the last

    Returns whether it was the last.
    """
    is_last = size_bytes < RATE_BYTES
    word_count = size_bytes >> 3 if is_last else RATE_WORDS
    for word in range(word_count):
        xor_word(state + word * stride_bytes, source + 8 * word)
    if is_last:
        place = state + word_count * stride_bytes
        for position in range(size_bytes & 7):
            xor_byte(place + position, byte_at_address(source + 8 * word_count + position))
        xor_byte(place + (size_bytes & 7), 0x01)
        xor_byte(state + (RATE_WORDS - 1) * stride_bytes + 7, 0x80)
    return is_last


@njit
def keccak256_at(address, size_bytes):
    """
    The digest of a message in memory, as the word that KECCAK256 (0x20) leaves on the stack.

    address, size_bytes : int64 scalars

    Returns a U256.
    """
    state = fresh_state()
    while not absorb(state, 8, address, size_bytes):
        permute(state)
        address += RATE_BYTES
        size_bytes -= RATE_BYTES
    permute(state)
    return load_big_endian(state)


@njit
def keccak256_many_at(messages):
    """
    The digests of many messages, wherever they are.

    messages : int64[n, 3]    of each: its address, its size in bytes, the address of 32 bytes for the digest
    """
    count = len(messages)
    states = np.zeros((STATE_WORDS, LANES), dtype=np.uint64)
    message_of = np.full(LANES, -1)  # -1 is a lane at rest.
    done_bytes = np.zeros(LANES, dtype=np.int64)
    was_last = np.zeros(LANES, dtype=np.bool_)
    base, following, active = np.int64(states.ctypes.data), 0, 0
    while active > 0 or following < count:
        for lane in range(LANES):
            if message_of[lane] < 0 and following < count:
                message_of[lane], done_bytes[lane] = following, 0
                for word in range(STATE_WORDS):
                    states[word, lane] = 0
                following += 1
                active += 1
            message, done = message_of[lane], done_bytes[lane]
            if message >= 0:
                source, size = messages[message, 0] + done, messages[message, 1] - done
                was_last[lane] = absorb(base + 8 * lane, 8 * LANES, source, size)
                done_bytes[lane] = done + RATE_BYTES
        permute_lanes(base)
        for lane in range(LANES):
            if message_of[lane] >= 0 and was_last[lane]:
                for word in range(4):
                    store_word(messages[message_of[lane], 2] + 8 * word, states[word, lane])
                message_of[lane] = -1
                active -= 1


@njit
def write_message(messages, index, address, size_bytes, digest):
    """
    One row of what `keccak256_many_at` takes; an assignment of three at once takes a second to compile.

    messages : int64[n, 3]    modified
    index, address, size_bytes, digest : int64 scalars
    """
    messages[index, 0], messages[index, 1], messages[index, 2] = address, size_bytes, digest


@njit_without_lock
def keccak256_many(data, starts, sizes_bytes, digests):
    """
    The digests of many messages in one array.

    data : uint8[m]           holds every message, data[start : start + size]
    starts : int64[n]
    sizes_bytes : int64[n]
    digests : uint8[n, 32]    written
    """
    messages = np.empty((len(starts), 3), np.int64)
    source, target = np.int64(data.ctypes.data), np.int64(digests.ctypes.data)
    for index in range(len(starts)):
        write_message(messages, index, source + starts[index], sizes_bytes[index], target + 32 * index)
    keccak256_many_at(messages)
