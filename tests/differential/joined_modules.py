"""
Many programs in one module of LLVM, which takes and links them at a small part of what modules of their own would cost.

Each keeps its text; what all call the same has a number behind it, and what all declare stands there once. Blocks may
leave a mark when they are executed, so that somebody can tell how much of the machine code ever ran.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from evm_jit.compiler.ir_text import METADATA
from evm_jit.compiler.outlined import OUTLINED
from evm_jit.compiler.ways_in import ENTRY

MARKS: Final = "leveret_marks"
_OWN: Final = re.compile(rf"@({ENTRY}|blocks|entries)\b")
_DECLARATION: Final = re.compile(r"^declare .*\n", re.MULTILINE)
# A block of the program or the turn of a loop's tree; phis have to stay in front.
_BLOCK: Final = re.compile(r"^(b|turn)\d+:\n(?:  \S+ = phi .*\n)*", re.MULTILINE)


@dataclass(frozen=True)
class JoinedModule:
    """
    The text of a module with several programs.

    entries : the symbols of their entry functions
    blocks, trees : for each program, which marks are its blocks', and which its loops'
    """

    text: str
    entries: list[str]
    blocks: list[list[int]]
    trees: list[list[int]]

    @property
    def mark_count(self) -> int:
        return sum(map(len, (*self.blocks, *self.trees)))


def join_modules(texts: Sequence[str], *, has_marks: bool = False) -> JoinedModule:
    """One module of several."""
    declared: dict[str, None] = {}
    outlined: dict[str, None] = {}
    bodies: list[str] = []
    marked: list[dict[str, list[int]]] = []
    mark_count = 0
    for number, text in enumerate(texts):
        assert text.endswith(METADATA), "the compiler writes it at the end"
        declared |= dict.fromkeys(_DECLARATION.findall(text))
        body = _DECLARATION.sub("", text.removesuffix(METADATA))
        for definition in OUTLINED.values():
            if definition in body:
                outlined[definition] = None
                body = body.replace(definition, "")
        found: dict[str, list[int]] = {"b": [], "turn": []}
        if has_marks:
            for index, block in enumerate(_BLOCK.finditer(body), mark_count):
                found[block[1]].append(index)
            indices = iter(range(mark_count, mark_count + sum(map(len, found.values()))))
            body = _BLOCK.sub(lambda block, indices=indices: f"{block[0]}{_mark(next(indices))}", body)  # type: ignore[misc]
            mark_count += sum(map(len, found.values()))
        marked.append(found)
        bodies.append(_OWN.sub(rf"@\1.{number}", body))
    marks = [f"@{MARKS} = global [{mark_count} x i8] zeroinitializer"] if has_marks else []
    return JoinedModule(
        "\n".join(["".join(declared), *marks, *bodies, *outlined, METADATA]),
        [f"{ENTRY}.{number}" for number in range(len(texts))],
        [each["b"] for each in marked],
        [each["turn"] for each in marked],
    )


def _mark(index: int) -> str:
    return f"  store i8 1, ptr getelementptr (i8, ptr @{MARKS}, i64 {index}), align 1\n"
