"""
Imports point down: a module may import its own folder and the layers below it. A `__main__.py` puts parts together and
may import all of them.
"""

import ast
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
STATE = {"primitives", "statestore"}
MAY_IMPORT = {
    "primitives": set(),
    "statestore": {"primitives"},
    "evm_jit": STATE,
    "sequencer": STATE | {"evm_jit"},
    "rpc": STATE | {"evm_jit"},
}


def imported_folders(source: str) -> set[str]:
    names = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            names.add(node.module.split(".")[0])
    return names & (MAY_IMPORT.keys() | {"bench", "tests", "leveret"})


def violations(root: Path) -> list[str]:
    found = []
    for folder, allowed in MAY_IMPORT.items():
        for path in sorted((root / folder).rglob("*.py")):
            if path.name == "__main__.py":
                continue
            too_high = imported_folders(path.read_text()) - allowed - {folder}
            found += [f"{path.relative_to(root)} imports {name}" for name in sorted(too_high)]
    return found


def test_imports_point_down():
    assert violations(ROOT) == []


def test_a_violation_is_found(tmp_path):
    (tmp_path / "primitives").mkdir()
    (tmp_path / "primitives" / "bad.py").write_text("def f():\n    from statestore import view\n")
    assert violations(tmp_path) == ["primitives/bad.py imports statestore"]
