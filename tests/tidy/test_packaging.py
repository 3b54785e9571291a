"""pyproject.toml, the lock files and the folders say the same."""

import ast
import re
import sys
import tomllib
from importlib.metadata import packages_distributions

from tests.tidy.source_files import ROOT, python_files

PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
OURS = {"leveret", "tests"} | {name.split(".")[0] for name in PYPROJECT["tool"]["setuptools"]["packages"]}
# Which of these two is installed depends on Python.
DISTRIBUTION_OF = {**packages_distributions(), "plyvel": ["plyvel"], "plyvel_next": ["plyvel-next"]}
PINNED = re.compile(r"^([a-z0-9-]+)==([^ ;]+)( ; .+)?$")


def pins(name: str) -> set[str]:
    """The lines of a lock file that are not comments."""
    return {line for line in (ROOT / name).read_text().splitlines() if not line.startswith("#")}


def pinned_names(name: str) -> set[str]:
    return {line.split("==")[0] for line in pins(name)}


def required_names(requirements: list[str]) -> set[str]:
    return {re.split(r"[^A-Za-z0-9._-]", requirement)[0].lower() for requirement in requirements}


def distributions_imported(source: str) -> set[str]:
    """Names, as pyproject.toml spells them, of the distributions whose modules are imported."""
    modules = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            modules |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            modules.add(node.module.split(".")[0])
    foreign = modules - sys.stdlib_module_names - OURS
    return {DISTRIBUTION_OF.get(module, [module])[0].replace("_", "-").lower() for module in foreign}


def test_packages_are_the_folders_with_code():
    folders = {path.parent.relative_to(ROOT) for path in python_files() if path.name == "__init__.py"}
    listed = PYPROJECT["tool"]["setuptools"]["packages"]
    assert sorted(listed) == sorted(".".join(folder.parts) for folder in folders)


def test_a_lock_file_holds_pins_and_nothing_else():
    for name in ("requirements.lock", "requirements-dev.lock"):
        assert [line for line in pins(name) if not PINNED.match(line)] == []


def test_the_runtime_lock_is_part_of_the_dev_lock():
    assert pins("requirements.lock") <= pins("requirements-dev.lock")


def test_every_dependency_is_locked():
    project = PYPROJECT["project"]
    build = required_names(PYPROJECT["dependency-groups"]["build"])
    assert required_names(project["dependencies"]) | build <= pinned_names("requirements.lock")
    assert required_names(project["optional-dependencies"]["dev"]) <= pinned_names("requirements-dev.lock")


def test_every_import_is_of_a_declared_dependency():
    project = PYPROJECT["project"]
    runtime = required_names(project["dependencies"])
    everything = runtime | required_names(project["optional-dependencies"]["dev"])
    found = {}
    for path in python_files():
        declared = everything if path.relative_to(ROOT).parts[0] in {"tests", "bench"} else runtime
        missing = distributions_imported(path.read_text()) - declared
        if missing:
            found[str(path.relative_to(ROOT))] = missing
    assert found == {}


def test_the_build_tool_is_the_locked_one():
    assert PYPROJECT["build-system"]["requires"] == PYPROJECT["dependency-groups"]["build"]
