"""
Cases of the opcodes that compute: arithmetic, comparison, bits, Keccak, the stack, the memory, jumps, and what they
read of the transaction and the block. Operands that are slow to compute with stand beside those that are quick.
"""

from collections.abc import Iterator
from typing import Final

from bench.bytecode import (
    CALLDATASIZE,
    JUMPDEST,
    MSTORE,
    MSTORE8,
    RETURN,
    REVERT,
    STATICCALL,
    STOP,
    copy_calldata,
    operands,
    push,
)
from bench.gas_case import BLOCK_NUMBER, REVERT_TOP, GasCase, always

KIBIBYTE: Final = 1_024
SMALL: Final = 0x1234_5678_9ABC_DEF1
WORD: Final = 0xF3A1_C2B4_D5E6_0718_293A_4B5C_6D7E_8F90_A1B2_C3D4_E5F6_0819_2A3B_4C5D_6E7F_8091
MINUS_ONE: Final = (1 << 256) - 1
HALF: Final = WORD >> 128 | 1  # 128 bits
JUST_TWO_LIMBS: Final = (1 << 64) + 0x9E37_79B9  # 65 bits: the most digits that have to be estimated.
THREE_LIMBS: Final = WORD >> 64 | 1  # 192 bits
JUST_ABOVE: Final = (1 << 128) + 1  # A divisor whose quotient's digits are guessed too large.
IDENTITY: Final = 4

_TWO_WORDS: Final[tuple[tuple[str, int, tuple[tuple[str, int, int], ...]], ...]] = (
    ("ADD", 0x01, (("", WORD, WORD),)),
    ("MUL", 0x02, (("64 by 64 bits", SMALL, SMALL), ("256 by 256 bits", WORD, WORD))),
    ("SUB", 0x03, (("", WORD, THREE_LIMBS),)),
    *(
        (
            name,
            number,
            (
                ("64 by 64 bits", SMALL, SMALL >> 20),
                ("256 by 64 bits", WORD, SMALL),
                ("256 by 65 bits", WORD >> 1, JUST_TWO_LIMBS),
                ("256 by 128 bits", WORD >> 1, HALF >> 1),
                ("256 by 129 bits", MINUS_ONE - 1 if is_unsigned else MINUS_ONE >> 1, JUST_ABOVE),
                ("256 by 192 bits", WORD >> 1, THREE_LIMBS),
                ("256 by 256 bits", MINUS_ONE >> 1, WORD >> 1),
            ),
        )
        for name, number, is_unsigned in (
            ("DIV", 0x04, True),
            ("SDIV", 0x05, False),
            ("MOD", 0x06, True),
            ("SMOD", 0x07, False),
        )
    ),
    (
        "EXP",
        0x0A,
        (
            ("exponent of 0 bytes", WORD, 0),
            ("exponent of 1 byte", WORD, 0xFF),
            ("exponent of 8 bytes", WORD, (1 << 64) - 1),
            ("exponent of 32 bytes", WORD, MINUS_ONE),
        ),
    ),
    ("SIGNEXTEND", 0x0B, (("", 11, WORD),)),
    *(
        (name, number, (("", WORD, THREE_LIMBS),))
        for name, number in (("LT", 0x10), ("GT", 0x11), ("SLT", 0x12), ("SGT", 0x13), ("EQ", 0x14))
    ),
    *((name, number, (("", WORD, HALF),)) for name, number in (("AND", 0x16), ("OR", 0x17), ("XOR", 0x18))),
    ("BYTE", 0x1A, (("", 5, WORD),)),
    *((name, number, (("", 77, WORD),)) for name, number in (("SHL", 0x1B), ("SHR", 0x1C), ("SAR", 0x1D))),
)

# What pushes a word that is there already.
_NO_OPERANDS: Final = {
    **{"ADDRESS": 0x30, "ORIGIN": 0x32, "CALLER": 0x33, "CALLVALUE": 0x34, "CALLDATASIZE": 0x36, "CODESIZE": 0x38},
    **{"GASPRICE": 0x3A, "RETURNDATASIZE": 0x3D, "COINBASE": 0x41, "TIMESTAMP": 0x42, "NUMBER": 0x43},
    **{"PREVRANDAO": 0x44, "GASLIMIT": 0x45, "CHAINID": 0x46, "SELFBALANCE": 0x47, "BASEFEE": 0x48},
    **{"BLOBBASEFEE": 0x4A, "PC": 0x58, "MSIZE": 0x59, "GAS": 0x5A, "PUSH0": 0x5F},
}


def compute_cases() -> Iterator[GasCase]:
    """Every case of this file."""
    for name, number, choices in _TWO_WORDS:
        for variant, first, second in choices:
            yield case(name, variant, number, first, second)
    yield from _three_words()
    for name, number in {"ISZERO": 0x15, "NOT": 0x19, "CLZ": 0x1E}.items():
        yield case(name, "", number, SMALL)
    for name, number in _NO_OPERANDS.items():
        yield case(name, "", number)
    yield from _stack()
    yield from _keccak()
    yield from _memory()
    yield from _copies()
    yield from _block()
    yield from _jumps()
    yield from _logs()
    yield from _endings()


def case(
    subject: str, variant: str, number: int, *words: int | bytes, setup: bytes = b"", calldata: bytes = b""
) -> GasCase:
    """An opcode with the same operands each time, topmost first."""
    return GasCase(
        subject,
        variant,
        bytes((number,)),
        operands=always(operands(*words)),
        setup=setup,
        word_count=max(len(words), 1),
        calldata=calldata,
    )


def expand_memory(size_bytes: int) -> bytes:
    """Code that makes the memory at least so large."""
    return operands(size_bytes - 1, 1) + MSTORE8


def _three_words() -> Iterator[GasCase]:
    for name, number in (("ADDMOD", 0x08), ("MULMOD", 0x09)):
        yield case(name, "64 bits", number, SMALL, SMALL >> 1, SMALL >> 20)
        yield case(name, "modulus of 64 bits", number, WORD, MINUS_ONE, SMALL)
        yield case(name, "modulus of 65 bits", number, WORD, MINUS_ONE, JUST_TWO_LIMBS)
        yield case(name, "modulus of 128 bits", number, WORD, MINUS_ONE, HALF)
        yield case(name, "modulus of 129 bits", number, MINUS_ONE, MINUS_ONE - 1, JUST_ABOVE)
        yield case(name, "modulus of 192 bits", number, WORD, MINUS_ONE, THREE_LIMBS)
        yield case(name, "modulus of 256 bits", number, MINUS_ONE, WORD, MINUS_ONE - (1 << 32) - 976)


def _stack() -> Iterator[GasCase]:
    yield GasCase("POP", "", b"\x50", operands=always(push(1)))
    for size in range(1, 33):
        immediate = WORD.to_bytes(32, "big")[:size]
        yield GasCase(f"PUSH{size}", "", bytes((0x5F + size,)) + immediate)
    full = b"".join(push(index) for index in range(1, 18))
    for depth in range(1, 17):
        yield GasCase(f"DUP{depth}", "", bytes((0x7F + depth,)), setup=full)
        yield GasCase(f"SWAP{depth}", "", bytes((0x8F + depth,)), setup=full, word_count=0)


def _keccak() -> Iterator[GasCase]:
    for size in (0, 32, 64, 136, KIBIBYTE, 64 * KIBIBYTE):
        # Other content each time: a digest that was kept from before must not help.
        yield GasCase(
            "KECCAK256",
            f"{size:,} bytes",
            b"\x20",
            operands=lambda index, _, size=size: operands(0, index) + MSTORE + operands(0, size),  # type: ignore[misc]
            setup=expand_memory(max(size, 32)),
            word_count=2,
            repeats_max=480 if size <= KIBIBYTE else 16,
        )


def _memory() -> Iterator[GasCase]:
    ready = expand_memory(64 * KIBIBYTE)
    for name, number, values in (("MLOAD", 0x51, ()), ("MSTORE", 0x52, (WORD,)), ("MSTORE8", 0x53, (0x5A,))):
        yield case(name, "", number, 7, *values, setup=ready)
        yield GasCase(
            name,
            "memory grows by a word",
            bytes((number,)),
            operands=lambda index, _, values=values: operands(32 * index, *values),  # type: ignore[misc]
            word_count=2,
        )
        whole = always(operands(1024 * KIBIBYTE - 32, *values))
        yield GasCase(name, "memory grows to 1 MiB", bytes((number,)), operands=whole, word_count=2, repeats_max=1)
    for size in (0, 32, KIBIBYTE, 32 * KIBIBYTE):
        yield case("MCOPY", f"{size:,} bytes", 0x5E, 1, 33, size, setup=ready)


def _copies() -> Iterator[GasCase]:
    ready = expand_memory(64 * KIBIBYTE)
    data = bytes(range(256)) * 128
    returned = copy_calldata() + operands(b"\x5a", IDENTITY, 0, CALLDATASIZE, 0, 0) + STATICCALL
    yield case("CALLDATALOAD", "", 0x35, 5, calldata=data[:64])
    yield case("CALLDATALOAD", "behind the end", 0x35, 1 << 40, calldata=data[:64])
    for size in (0, 32, KIBIBYTE, 32 * KIBIBYTE):
        variant = f"{size:,} bytes"
        yield case("CALLDATACOPY", variant, 0x37, 0, 0, size, setup=ready, calldata=data)
        yield case("CODECOPY", variant, 0x39, 0, 1, size, setup=ready)
        yield case("RETURNDATACOPY", variant, 0x3E, 0, 0, size, setup=ready + returned, calldata=data)
    yield case("CALLDATACOPY", "32,768 bytes behind the end", 0x37, 0, 1 << 40, 32 * KIBIBYTE, setup=ready)


def _block() -> Iterator[GasCase]:
    yield case("BLOCKHASH", "the last block", 0x40, BLOCK_NUMBER - 1)
    yield case("BLOCKHASH", "the oldest block", 0x40, BLOCK_NUMBER - 256)
    yield case("BLOCKHASH", "too old a block", 0x40, 1)
    yield case("BLOBHASH", "", 0x49, 1)
    yield case("BLOBHASH", "none", 0x49, 100)


def _jumps() -> Iterator[GasCase]:
    yield GasCase("JUMPDEST", "", JUMPDEST, word_count=0)
    # The destination is the JUMPDEST that follows the jump: 3 bytes of PUSH2 and the jump lie between.
    yield GasCase("JUMP", "", b"\x56", operands=lambda _, position: push(position + 4, 2), rest=JUMPDEST)
    yield GasCase(
        "JUMPI",
        "taken",
        b"\x57",
        operands=lambda _, position: push(1) + push(position + 6, 2),
        rest=JUMPDEST,
        word_count=2,
    )
    yield GasCase(
        "JUMPI",
        "not taken",
        b"\x57",
        operands=lambda _, position: push(0) + push(position + 5, 2),
        rest=JUMPDEST,
        word_count=2,
    )


def _logs() -> Iterator[GasCase]:
    for topic_count in range(5):
        for size in (0, 32, KIBIBYTE):
            # The frame reverts: else the logs would be counted together with what makes Python objects of them.
            yield GasCase(
                f"LOG{topic_count}",
                f"{size:,} bytes",
                bytes((0xA0 + topic_count,)),
                operands=always(operands(0, size, *([WORD] * topic_count))),
                setup=expand_memory(KIBIBYTE),
                ending=REVERT_TOP,
                word_count=2 + topic_count,
                can_fail=True,
            )


def _endings() -> Iterator[GasCase]:
    """What ends a frame, each against a STOP; and a STOP against the end of the code."""
    yield GasCase("STOP", "", b"", ending=STOP, control_ending=b"")
    for size in (0, KIBIBYTE):
        ends = operands(0, size)
        stop = ends + STOP
        yield GasCase("RETURN", f"{size:,} bytes", b"", ending=ends + RETURN, control_ending=stop)
        yield GasCase("REVERT", f"{size:,} bytes", b"", ending=ends + REVERT, control_ending=stop, can_fail=True)
    yield GasCase("INVALID", "1,000 gas", b"", ending=b"\xfe", control_ending=STOP, can_fail=True, frame_gas=1_000)
