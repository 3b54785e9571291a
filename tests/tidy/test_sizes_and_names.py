"""A file is one noun, a function fits a screen, and names say what they hold."""

import ast
import re
from collections.abc import Callable

from tests.tidy.source_files import ROOT, python_files

FILE_LINES_MAX = 600
FUNCTION_LINES_MAX = 70
SHAPE = re.compile(r"\[|\bu?int\d+|\btuples?\b|\bscalars?\b|\bwords?\b|\bU256\b|\bFp2?\b|\bpointers?\b", re.IGNORECASE)
# Declared in statestore/table.py and trie_nodes.py, evm_jit/machine.py and primitives/transaction_kernels.py.
RECORDS = {"tables", "machine", "frame", "account", "transaction", "record", "trie", "leaf"}
# Operands of instructions are words: evm_jit/opcodes.py says so, for all. Kernels of tests have tests as readers.
DECLARED_ELSEWHERE = ("evm_jit/instructions/", "tests/")
NAMES_OF_NOTHING = {"utils", "util", "common", "helpers", "helper", "base", "misc"}


def long_functions(source: str) -> list[str]:
    return [
        f"{node.name}: {node.end_lineno - node.lineno + 1} lines"
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and node.end_lineno is not None
        and node.end_lineno - node.lineno + 1 > FUNCTION_LINES_MAX
    ]


def kernels_without_shapes(source: str) -> list[str]:
    """
    Names of @njit functions whose docstring does not say what they take: a shape, a type, or scalars.

    A function that works on a record needs no words: the record is declared once, with the types of its fields.
    """
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FunctionDef) and any("njit" in ast.unparse(item) for item in node.decorator_list):
            text = ast.get_docstring(node) or ""
            takes_record = bool(node.args.args) and node.args.args[0].arg in RECORDS
            if not text or not (takes_record or SHAPE.search(text)):
                found.append(node.name)
    return found


def complaints(check: Callable[[str], list[str]]) -> dict[str, list[str]]:
    """By file, what `check` finds in its source; files without complaints are left out."""
    found = {str(path.relative_to(ROOT)): check(path.read_text()) for path in python_files()}
    return {name: what for name, what in found.items() if what}


def test_files_are_small():
    counts = {str(path.relative_to(ROOT)): path.read_text().count("\n") for path in python_files()}
    assert {name: count for name, count in counts.items() if count > FILE_LINES_MAX} == {}


def test_functions_fit_a_screen():
    assert complaints(long_functions) == {}


def test_kernels_say_the_shapes_they_take():
    found = complaints(kernels_without_shapes)
    assert {name: what for name, what in found.items() if not name.startswith(DECLARED_ELSEWHERE)} == {}


def test_a_name_says_what_a_file_holds():
    parts = {part for path in python_files() for part in path.relative_to(ROOT).with_suffix("").parts}
    assert parts & NAMES_OF_NOTHING == set()


def test_a_long_function_and_a_kernel_without_shapes_are_found():
    body = "    x = 1\n" * FUNCTION_LINES_MAX
    assert long_functions(f"def f():\n{body}") == ["f: 71 lines"]
    assert long_functions(f"def f():\n{body}"[:-10]) == []
    kernel = '@njit(cache=True)\ndef f(x):\n    """{}"""\n'
    assert kernels_without_shapes(kernel.format("Add one.")) == ["f"]
    assert kernels_without_shapes(kernel.format("x : uint64[n]")) == []
    assert kernels_without_shapes(kernel.format("x : scalar")) == []
    assert kernels_without_shapes("@njit\ndef f(tables, row):\n    pass\n") == ["f"]
    assert kernels_without_shapes('@njit\ndef f(tables, row):\n    """Keep the row."""\n') == []
