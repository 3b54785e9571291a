"""Bytecode as text, for reports."""

from typing import Final

from eth.vm import mnemonics, opcode_values

from tests.differential.minimise import JUMPDEST, instructions

NAMES: Final = {
    value: getattr(mnemonics, name)
    for name, value in vars(opcode_values).items()
    if isinstance(value, int) and hasattr(mnemonics, name)
} | {0x1E: "CLZ", 0x20: "KECCAK256", 0xFE: "INVALID"}


def disassembled(code: bytes) -> str:
    """One line of mnemonics; runs of JUMPDEST, as `minimise` leaves them, are shortened to one."""
    words: list[str] = []
    for start, stop in instructions(code):
        opcode = code[start]
        if opcode == JUMPDEST and words and words[-1] == "JUMPDEST":
            continue
        word = NAMES.get(opcode, f"0x{opcode:02x}")
        words.append(f"{word} 0x{code[start + 1 : stop].hex()}" if stop - start > 1 else word)
    return " ".join(words)
