"""
Small wrongs that a source could hold: a constant that is off by one, a comparison that is not the right one, a gas
cost that is one too high.

A mutation replaces a piece of one line; everything else of the file stays as it is.
"""

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Final

CONSTANT: Final = "constant"
COMPARISON: Final = "comparison"
GAS: Final = "gas"
KINDS: Final = (CONSTANT, COMPARISON, GAS)

# What the rules of Ethereum are written in. Not the reference engine, nor what only measures, traces or reports.
FOLDERS: Final = ("evm_jit/instructions", "evm_jit/precompiles")
FILES: Final = (
    "evm_jit/accounts.py",
    "evm_jit/batch.py",
    "evm_jit/creation_address.py",
    "evm_jit/delegations.py",
    "evm_jit/dispatch.py",
    "evm_jit/entry_checks.py",
    "evm_jit/frame_memory.py",
    "evm_jit/frames.py",
    "evm_jit/gas.py",
    "evm_jit/opcodes.py",
    "evm_jit/transition.py",
    "primitives/u256.py",
    "primitives/u256_division.py",
)
COMPARISONS: Final = {
    ast.Lt: ("<", "<="),
    ast.LtE: ("<=", "<"),
    ast.Gt: (">", ">="),
    ast.GtE: (">=", ">"),
    ast.Eq: ("==", "!="),
    ast.NotEq: ("!=", "=="),
}
GAS_NAME: Final = re.compile(r"^(GAS|REFUND)_[A-Z0-9_]+$")


@dataclass(frozen=True)
class Mutation:
    """In line `line` (from 1) of `path`, `before`, which begins at byte `column`, becomes `after`."""

    path: str
    line: int
    column: int
    before: str
    after: str
    kind: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.before} -> {self.after}"

    def apply(self, root: Path) -> None:
        """Write it into the file under `root`."""
        path = root / self.path
        lines = path.read_bytes().split(b"\n")
        line, before = lines[self.line - 1], self.before.encode()
        end = self.column + len(before)
        assert line[self.column : end] == before, "the file is the one that the mutation was found in"
        lines[self.line - 1] = line[: self.column] + self.after.encode() + line[end:]
        path.write_bytes(b"\n".join(lines))


def sources(root: Path) -> list[str]:
    """The files that may be mutated, those of them that are there."""
    found = [path for folder in FOLDERS for path in (root / folder).rglob("*.py") if path.name != "__init__.py"]
    found += [root / name for name in FILES]
    return sorted(path.relative_to(root).as_posix() for path in found if path.is_file())


def mutations_of(path: str, source: str) -> Iterator[Mutation]:
    """Everything that could be wrong in one file."""
    lines = source.encode().split(b"\n")
    tree = ast.parse(source)
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and type(node.value) is int:
            kind = GAS if path.endswith("gas.py") else CONSTANT
            yield _replaced(path, node, lines, str(node.value + 1), kind)
            if node.value > 0:
                yield _replaced(path, node, lines, str(node.value - 1), kind)
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load) and GAS_NAME.match(node.id):
            yield _replaced(path, node, lines, f"({node.id} + 1)", GAS)
        elif isinstance(node, ast.Compare) and len(node.ops) == 1:
            mutation = _compared_otherwise(path, node, lines)
            if mutation is not None:
                yield mutation


def chosen(root: Path, seed: int, count: int) -> list[Mutation]:
    """`count` mutations that a seed chooses, as many of each kind as of the others, no line twice."""
    rng = Random(seed)
    by_kind: dict[str, list[Mutation]] = {kind: [] for kind in KINDS}
    for path in sources(root):
        for mutation in mutations_of(path, (root / path).read_text()):
            by_kind[mutation.kind].append(mutation)
    picked: list[Mutation] = []
    taken: set[tuple[str, int]] = set()
    while len(picked) < count:
        candidates = by_kind[KINDS[len(picked) % len(KINDS)]]
        mutation = rng.choice(candidates)
        if (mutation.path, mutation.line) not in taken:
            taken.add((mutation.path, mutation.line))
            picked.append(mutation)
    return picked


def _replaced(path: str, node: ast.expr, lines: list[bytes], after: str, kind: str) -> Mutation:
    assert node.end_col_offset is not None
    before = lines[node.lineno - 1][node.col_offset : node.end_col_offset].decode()
    return Mutation(path, node.lineno, node.col_offset, before, after, kind)


def _compared_otherwise(path: str, node: ast.Compare, lines: list[bytes]) -> Mutation | None:
    """The comparison with the operator beside its own; None for `in` and `is`, or over more than one line."""
    operators = COMPARISONS.get(type(node.ops[0]))
    right = node.comparators[0]
    if operators is None or node.left.end_lineno != right.lineno or node.left.end_col_offset is None:
        return None
    between = lines[right.lineno - 1][node.left.end_col_offset : right.col_offset]
    column = node.left.end_col_offset + between.index(operators[0].encode())
    return Mutation(path, right.lineno, column, operators[0], operators[1], COMPARISON)
