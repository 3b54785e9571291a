"""Modules import no circle, not even inside of functions or for types alone: each can be read after what it needs."""

import ast
from collections.abc import Iterable
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

from tests.tidy.source_files import ROOT, python_files


def imported_modules(source: str) -> set[str]:
    """Names of modules, and of what is taken from them, which may be modules too."""
    names = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return names


def imports(files: Iterable[Path], root: Path) -> dict[str, set[str]]:
    """The modules in these files, with those of them that they import."""
    paths = {".".join(path.relative_to(root).with_suffix("").parts): path for path in files}
    return {name: imported_modules(path.read_text()) & (paths.keys() - {name}) for name, path in paths.items()}


def test_modules_import_no_circle():
    TopologicalSorter(imports(python_files(), ROOT)).prepare()


def test_a_circle_is_found(tmp_path):
    hen, egg = tmp_path / "hen.py", tmp_path / "egg.py"
    hen.write_text("import egg\n")
    egg.write_text("def hatch():\n    from hen import Hen\n")
    with pytest.raises(CycleError, match="hen"):
        TopologicalSorter(imports([hen, egg], tmp_path)).prepare()
