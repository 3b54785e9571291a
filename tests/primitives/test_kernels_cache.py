"""The cache of machine code follows every source that it was made from."""

import ast
import os
import shutil
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from evm_jit.dispatch import interpreter_source
from primitives import kernels_cache
from primitives.errors import ConfigError
from primitives.kernels_cache import DIRECTORIES_KEPT_MAX, PROJECT, Sources, choose_root, environment_hash

FILES = {
    "primitives/numbers.py": "FACTOR = 5\n",
    "primitives/tables.py": "from primitives.numbers import FACTOR\n\nSIZES = (FACTOR, 1)\n",
    "statestore/called.py": """
from primitives import tables
from primitives.kernels_cache import njit

FACTOR = tables.SIZES[0]

@njit
def scaled(number):
    return number * FACTOR
""",
    "statestore/made.py": """
from primitives.kernels_cache import njit

def adder(addend):
    @njit
    def add(number):
        return number + addend
    return add
""",
    "statestore/kernel.py": """
from statestore import (
    called,  # A kernel (its constant comes through two more files).
    made,
)
from primitives.kernels_cache import njit
from statestore.unrelated import NOTHING

add_one = made.adder(1)

@njit
def computed(number):
    return add_one(called.scaled(number))

def as_function(number):
    return computed(number)
""",
    "statestore/pair.py": """
from primitives.kernels_cache import njit
from statestore.made import adder

add_one, add_two = adder(1), adder(2)

@njit
def first(number):
    return add_one(number)

@njit
def second(number):
    return add_two(number)

@njit
def both(number):
    return 100 * first(number) + second(number)
""",
    "statestore/unrelated.py": "NOTHING = 0\n",
    "statestore/other.py": """
from primitives.kernels_cache import njit

@njit
def negated(number):
    return -number
""",
    "statestore/generated.py": """
import importlib.util
import sys
from primitives.kernels_cache import generated_source

SOURCE = '''
from primitives.kernels_cache import njit
from statestore.called import scaled

@njit
def generated(number):
    return scaled(number) + 100
'''
spec = importlib.util.spec_from_file_location("generated", generated_source("generated", SOURCE))
module = importlib.util.module_from_spec(spec)
sys.modules["generated"] = module
spec.loader.exec_module(module)
""",
}
RUN = """
import ctypes
from numba import types
from primitives.kernels_cache import compile_function
from statestore import generated, kernel, other
kernels = (kernel.computed, other.negated, generated.module.generated)
print(*(kernel(3) for kernel in kernels), *(sum(kernel.stats.cache_hits.values()) for kernel in kernels))
compiled, address = compile_function(kernel.as_function, types.int64(types.int64))
print(ctypes.CFUNCTYPE(ctypes.c_int64, ctypes.c_int64)(address)(3), compiled.cache_hits)
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A copy of the cache with a few kernels."""
    for name in ("primitives", "statestore"):
        (tmp_path / name).mkdir()
        shutil.copy(PROJECT / name / "__init__.py", tmp_path / name)
    for name in ("errors.py", "kernel_dispatcher.py", "kernel_files.py", "kernels_cache.py"):
        shutil.copy(PROJECT / "primitives" / name, tmp_path / "primitives")
    for name, source in FILES.items():
        (tmp_path / name).write_text(source)
    return tmp_path


def run(project: Path, program: str = RUN, **settings: str) -> list[int]:
    """What a program prints: what three kernels return, whether each was cached; the same of a C function."""
    environment = {name: value for name, value in os.environ.items() if name != "NUMBA_CACHE_DIR"}
    # Python's own cache of bytecode misses an edit within a second that keeps the size.
    environment |= {"PYTHONPATH": str(project), "PYTHONDONTWRITEBYTECODE": "1"}
    environment |= {"XDG_CACHE_HOME": str(project / "cache"), **settings}
    command = [sys.executable, "-c", program]
    done = subprocess.run(command, env=environment, cwd=project, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return [int(word) for word in done.stdout.split()]


def edit(project: Path, name: str, old: str, new: str) -> None:
    source = (project / name).read_text()
    assert old in source
    (project / name).write_text(source.replace(old, new))


def test_an_edit_compiles_again_what_depends_on_it_and_nothing_else(project: Path) -> None:
    assert run(project) == [16, -3, 115, 0, 0, 0, 16, 0]
    assert run(project) == [16, -3, 115, 1, 1, 1, 16, 1]
    # A constant three files away, through `from package import module`, in kernels, a C function and a generated file.
    edit(project, "primitives/numbers.py", "5", "7")
    assert run(project) == [22, -3, 121, 0, 1, 0, 22, 0]
    # A called kernel.
    edit(project, "statestore/called.py", "number * FACTOR", "number * FACTOR * 2")
    assert run(project) == [43, -3, 142, 0, 1, 0, 43, 0]
    # The function that made a called kernel, and the value that it was given.
    edit(project, "statestore/made.py", "number + addend", "number - addend")
    assert run(project) == [41, -3, 142, 0, 1, 1, 41, 0]
    edit(project, "statestore/kernel.py", "adder(1)", "adder(2)")
    assert run(project) == [40, -3, 142, 0, 1, 1, 40, 0]
    # The source of a generated file.
    edit(project, "statestore/generated.py", "+ 100", "+ 200")
    assert run(project) == [40, -3, 242, 1, 1, 0, 40, 1]
    edit(project, "statestore/unrelated.py", "0", "1")
    assert run(project) == [40, -3, 242, 0, 1, 1, 40, 0]
    # The cache knows older sources.
    edit(project, "statestore/unrelated.py", "1", "0")
    assert run(project) == [40, -3, 242, 1, 1, 1, 40, 1]


def test_kernels_that_one_function_made_are_linked_as_themselves_whichever_process_compiled_them(project: Path) -> None:
    program = "from statestore import pair; print(pair.{kernel}(5))"
    assert run(project, program.format(kernel="first")) == [6]
    assert run(project, program.format(kernel="second")) == [7]
    assert run(project, program.format(kernel="both")) == [607]


def test_an_edit_after_the_start_is_not_taken_for_what_was_imported(project: Path) -> None:
    run(project)
    before = directories(project)
    late = "import primitives.numbers, pathlib\npathlib.Path('primitives/numbers.py').write_text('FACTOR = 9\\n')\n"
    (project / "statestore" / "__init__.py").write_text("import primitives.kernels_cache\n" + late)
    (project / "statestore" / "kernel.py").touch()
    assert run(project)[0] == 16
    assert not [path for path in directories(project) - before if "called" in path.name or "kernel-" in path.name]
    (project / "statestore" / "__init__.py").write_text("")
    assert run(project)[0] == 28


def directories(project: Path) -> set[Path]:
    return set((project / "cache" / "leveret").glob("kernels-*/*"))


def test_settings_that_change_the_code_have_a_cache_of_their_own(project: Path) -> None:
    run(project, NUMBA_BOUNDSCHECK="0")
    assert run(project, NUMBA_BOUNDSCHECK="1")[3:6] == [0, 0, 0]
    assert run(project, NUMBA_BOUNDSCHECK="0")[3:6] == [1, 1, 1]


def test_every_directory_is_private(project: Path) -> None:
    run(project)
    found = [path for path in (project / "cache").rglob("*") if path.is_dir()]
    assert len(found) > 5
    assert all(stat.S_IMODE(path.stat().st_mode) == 0o700 for path in found if path.name != "__pycache__")


def test_a_directory_of_the_users_choice_follows_the_sources_too(project: Path) -> None:
    chosen = {"NUMBA_CACHE_DIR": str(project / "chosen")}
    assert run(project, **chosen)[:4] == [16, -3, 115, 0]
    edit(project, "primitives/numbers.py", "5", "7")
    assert run(project, **chosen)[:4] == [22, -3, 121, 0]
    assert not (project / "cache").exists()


def test_other_sources_of_a_file_are_kept_a_few_times(project: Path) -> None:
    run(project)
    (root,) = (project / "cache" / "leveret").iterdir()
    for age in range(20):
        (root / f"statestore.other-{age:016x}").mkdir(mode=0o700)
        os.utime(root / f"statestore.other-{age:016x}", (1_000_000 - age, 1_000_000 - age))
    edit(project, "statestore/other.py", "-number", "- number")
    run(project)
    names = sorted(path.name for path in root.glob("statestore.other-*"))
    assert len(names) == DIRECTORIES_KEPT_MAX
    assert names[:-2] == [f"statestore.other-{age:016x}" for age in range(DIRECTORIES_KEPT_MAX - 2)]
    assert run(project)[3:6] == [1, 1, 1]


def imports_by_syntax_tree(path: Path) -> set[Path]:
    """The files of the project that a file imports, as Python reads it."""
    names = []
    for node in ast.walk(ast.parse(path.read_bytes())):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: kernels_cache.py does not follow relative imports"
            names += [f"{node.module}.{alias.name}" for alias in node.names]
    found = set()
    for name in names:
        parts = name.split(".")
        for count in range(1, len(parts) + 1):
            place = PROJECT.joinpath(*parts[:count])
            found |= {path for path in (place / "__init__.py", place.with_suffix(".py")) if path.is_file()}
    return found


@pytest.mark.parametrize("package", ["primitives", "statestore", "evm_jit"])
def test_imports_are_those_that_python_sees(package: str) -> None:
    sources = Sources(PROJECT)
    for path in (PROJECT / package).rglob("*.py"):
        assert set(sources.closure(path)) >= imports_by_syntax_tree(path), path


def test_the_interpreter_depends_on_its_instructions_and_on_what_writes_it(tmp_path: Path) -> None:
    sources = Sources(PROJECT)
    loop = tmp_path / "interpret.py"
    loop.write_text(interpreter_source("interpret", is_stepping=False))
    generated = {str(path.relative_to(PROJECT)) for path in sources.closure(loop) if path != loop}
    written = {str(path.relative_to(PROJECT)) for path in sources.closure(PROJECT / "evm_jit" / "batch.py")}
    assert {"evm_jit/instructions/arithmetic.py", "primitives/u256_division.py"} <= generated <= written
    assert {"evm_jit/dispatch.py", "evm_jit/opcodes.py"} <= written


def test_what_python_alone_runs_is_no_source_of_a_kernel() -> None:
    sources = kernels_cache.SOURCES.closure(PROJECT / "evm_jit" / "native_calls.py")
    names = {str(path.relative_to(PROJECT)) for path in sources}
    assert {"statestore/versions.py", "statestore/table.py", "primitives/kernels_cache.py"} <= names
    assert not {"evm_jit/native.py", "statestore/state.py", "evm_jit/engine.py"} & names


def test_the_root_follows_the_settings_that_change_the_code(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NUMBA_BOUNDSCHECK", "0")
    before = environment_hash()
    assert environment_hash() == before
    monkeypatch.setenv("NUMBA_BOUNDSCHECK", "1")
    assert environment_hash() != before


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.delenv("NUMBA_CACHE_DIR", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return tmp_path


def test_a_directory_that_others_can_write_is_refused(home: Path) -> None:
    root = choose_root()
    assert root.parent == home / "leveret"
    root.chmod(0o777)
    with pytest.raises(ConfigError, match="can be written by, another user"):
        choose_root()


def test_a_link_to_a_directory_is_refused(home: Path) -> None:
    (home / "elsewhere").mkdir(mode=0o700)
    (home / "leveret").symlink_to(home / "elsewhere")
    with pytest.raises(ConfigError):
        choose_root()


def test_a_cache_that_cannot_be_made_is_replaced_by_a_temporary_one(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (home / "file").write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", str(home / "file"))
    root = choose_root()
    assert root.name.startswith("leveret-kernels-")
    assert stat.S_IMODE(root.stat().st_mode) == 0o700


def test_only_the_environments_used_last_are_kept(home: Path) -> None:
    ours = home / "leveret"
    ours.mkdir(mode=0o700)
    for age in range(20):
        (ours / f"kernels-{age:016x}").mkdir(mode=0o700)
        os.utime(ours / f"kernels-{age:016x}", (1_000_000 - age, 1_000_000 - age))
    root = choose_root()
    names = sorted(path.name for path in ours.iterdir() if path != root)
    assert names == [f"kernels-{age:016x}" for age in range(DIRECTORIES_KEPT_MAX - 1)]
