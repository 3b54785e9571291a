"""
Contracts that are made to be expensive to compile: each is many times one thing, or a mix of several.

A bomb is named by its seed, which decides what it is made of and how long it is. Every statement leaves the height of
the stack as it was and needs no more than 17 words, so they can be mixed; what it works on comes from calldata, so that
nothing can be computed beforehand. All bombs run, some of them until there is no gas left.
"""

from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from typing import Final

CODE_SIZE_BYTES_MAX: Final = 24_576
SIZES_BYTES: Final = (300, 1_500, 6_000, 12_000, *[CODE_SIZE_BYTES_MAX] * 4)  # Most are as long as may be.
BOMB_COUNT: Final = 1_000
MIXED_SHARE: Final = 0.3
WORD_COUNT: Final = 17
LIVE_WORD_COUNT: Final = 1_000
RUN_LENGTH: Final = 40  # Statements of one kind behind each other in a mix.

STOP, JUMPDEST, POP, PUSH1, PUSH2 = b"\x00", b"\x5b", b"\x50", b"\x60", b"\x61"

Statement = Callable[[bytearray, Random], None]


@dataclass(frozen=True)
class Bomb:
    """A contract, and what it is made of."""

    seed: int
    name: str
    code: bytes


def bombs(count: int = BOMB_COUNT, first_seed: int = 0, size_bytes: int | None = None) -> list[Bomb]:
    """Bombs of `first_seed` and the seeds behind it; of all kinds equally often."""
    return [bomb(seed, size_bytes) for seed in range(first_seed, first_seed + count)]


def bomb(seed: int, size_bytes: int | None = None) -> Bomb:
    """The bomb of a seed; of `size_bytes` or a little less, or of a size that the seed chooses."""
    random = Random(seed)
    size_bytes = size_bytes or random.choice(SIZES_BYTES)
    names = list(STATEMENTS)
    chosen = [names[seed % len(names)]]
    if random.random() < MIXED_SHARE:
        chosen += random.sample(names, random.randint(1, 4))
    word_count = LIVE_WORD_COUNT if chosen[0] == "live words" and size_bytes > 6 * LIVE_WORD_COUNT else WORD_COUNT
    code = bytearray(b"\x63" + seed.to_bytes(4, "big") + POP + _words(word_count))  # No two are the same.
    while len(code) < size_bytes:
        statement = STATEMENTS[random.choice(chosen)]
        for _ in range(RUN_LENGTH):
            statement(code, random)
    return Bomb(seed, " + ".join(chosen), bytes(code[: size_bytes - 1] + STOP))


def _words(count: int) -> bytes:
    """Words of calldata, which nobody knows."""
    return b"".join(PUSH1 + bytes((index % 256,)) + b"\x35" for index in range(count))


def _always(*choices: str) -> Statement:
    """One of these pieces of code, in hex."""
    pieces = [bytes.fromhex(choice) for choice in choices]

    def write(code: bytearray, random: Random) -> None:
        code += random.choice(pieces)

    return write


def _position(number: int) -> bytes:
    return PUSH2 + number.to_bytes(2, "big")


def push_32(code: bytearray, random: Random) -> None:
    """PUSH32, POP."""
    code += b"\x7f" + random.randbytes(32) + POP


def push_and_add(code: bytearray, random: Random) -> None:
    """A constant of any length, ADD."""
    size = random.randint(1, 32)
    code += bytes((0x5F + size,)) + random.randbytes(size) + b"\x01"


def diamond(code: bytearray, random: Random) -> None:
    """DUP1, JUMPI over something that changes a word."""
    body = random.choice((b"\x80\x02", b"\x81\x90\x50", b"\x80\x80\x09", b"\x51"))
    end = len(code) + 1 + 3 + 1 + len(body)
    code += b"\x80" + _position(end) + b"\x57" + body + JUMPDEST


def nested_diamonds(code: bytearray, random: Random) -> None:
    """Ten conditions inside each other, which all end at the same place."""
    depth, head_size_bytes = 10, 6
    end = len(code) + depth * head_size_bytes
    for _ in range(depth):
        code += bytes((0x80 + random.randrange(16),)) + _position(end) + b"\x57\x19"
    code += JUMPDEST


def mesh(code: bytearray, random: Random) -> None:
    """A block that may go back to any block of its kind before it."""
    target = code.rfind(b"\x5b\x80\x61", 0, random.randint(0, len(code)))
    code += JUMPDEST + b"\x80" + _position(max(target, 0)) + b"\x57"


def loop(code: bytearray, random: Random) -> None:
    """A loop around nothing: JUMPDEST, DUP, JUMPI to it."""
    start = len(code)
    code += JUMPDEST + random.choice((b"\x80", b"\x81\x10\x80")) + _position(start) + b"\x57"


def internal_call(code: bytearray, random: Random) -> None:
    """A function with its own return address, as compilers make them; whoever pushes the address can be returned to."""
    function = len(code) + 8
    code += _position(function + 4) + _position(function) + b"\x56" + b"\x00" + JUMPDEST + b"\x90\x90" + b"\x56"
    code += JUMPDEST


def known_destination(code: bytearray, random: Random) -> None:
    """A JUMPDEST whose position is pushed: any jump might go there."""
    code += JUMPDEST + _position(len(code)) + POP


def random_bytes(code: bytearray, random: Random) -> None:
    """Anything at all."""
    code += random.randbytes(20)


STATEMENTS: Final[dict[str, Statement]] = {
    "MUL": _always("8002"),
    "EXP": _always("800a"),
    "variable shifts": _always("801b", "801c", "801d", "811b", "821c", "831d"),
    "MULMOD": _always("808009", "818109"),
    "ADDMOD": _always("808008", "818108"),
    "division": _always("8004", "8105", "8106", "8107"),
    "SIGNEXTEND and BYTE": _always("800b", "811a", "810b", "801a"),
    "comparison": _always("8110", "8111", "8112", "8113", "8114", "15", "19"),
    "ADD and SUB": _always("8001", "8103", "8201"),
    "CLZ": _always("1e", "801e90035f01"),
    "MLOAD": _always("51"),
    "MSTORE": _always("818152", "818153"),
    "memory near by": _always("60405160405260605160805251", "80604052"),
    "copies": _always("82828237", "82828239", "8282823e", "8282825e", "838383833c"),
    "KECCAK256": _always("8120"),
    "SLOAD": _always("54"),
    "SSTORE": _always("818155"),
    "transient storage": _always("5c", "81815d"),
    "LOG": _always("858585858585a4", "8181a0"),
    "JUMPDEST": _always("5b"),
    "unresolved JUMPI": _always("818157"),
    "unresolved JUMPI to many": _always("5b818157"),
    "known destinations": known_destination,
    "diamonds": diamond,
    "nested diamonds": nested_diamonds,
    "mesh": mesh,
    "loops": loop,
    "internal calls": internal_call,
    "SWAP16": _always("9f"),
    "SWAP": _always(*[f"{0x90 + index:02x}" for index in range(16)]),
    "DUP16": _always("8f50"),
    "live words": _always("9f0159", "8f01", "5b9e", "5a9d01"),
    "PUSH32": push_32,
    "constants": push_and_add,
    "GAS": _always("5a50", "5a01", "5901"),
    "CALL": _always("86868686868686f150"),
    "DELEGATECALL": _always("858585858585f450"),
    "STATICCALL": _always("858585858585fa50"),
    "CREATE": _always("828282f050", "83838383f550"),
    "environment": _always("3050", "3250", "3350", "3450", "35", "3650", "3850", "3a50", "3d50", "4150", "4250"),
    "accounts": _always("31", "3b", "3f", "40", "4750"),
    "random bytes": random_bytes,
}
