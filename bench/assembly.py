"""
Assembly as text, for contracts of the benchmarks that are longer than an expression.

Words are mnemonics; numbers, which are pushed by the shortest PUSH; `name:`, a JUMPDEST; `name=`, a place without one;
`@name`, a PUSH2 of where that is; `"00ff"`, bytes as they are. A semicolon begins a comment.
"""

from typing import Final

from bench.bytecode import push
from evm_jit.opcodes import OPCODES

NUMBERS: Final = {row.name: row.number for row in OPCODES.values()}
PLACE_SIZE_BYTES: Final = 2


def assemble(text: str) -> bytes:
    """The code; KeyError for a word that means nothing."""
    code = bytearray()
    places: dict[str, int] = {}
    uses: list[tuple[int, str]] = []
    for word in _words(text):
        if word[-1] in ":=":
            assert word[:-1] not in places, f"{word[:-1]} is in two places"
            places[word[:-1]] = len(code)
            code += b"\x5b" if word[-1] == ":" else b""
        elif word[0] == "@":
            uses.append((len(code) + 1, word[1:]))
            code += push(0, PLACE_SIZE_BYTES)
        elif word[0] == '"':
            code += bytes.fromhex(word.strip('"'))
        elif word[0].isdigit():
            code += push(int(word, 0))
        else:
            code.append(NUMBERS[word])
    for position, name in uses:
        code[position : position + PLACE_SIZE_BYTES] = places[name].to_bytes(PLACE_SIZE_BYTES, "big")
    return bytes(code)


def _words(text: str) -> list[str]:
    return [word for line in text.splitlines() for word in line.partition(";")[0].split()]
