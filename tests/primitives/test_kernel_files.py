"""Files of compiled kernels: only what is whole and meant is read."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numba import types

from primitives.kernel_files import KernelFiles, identity
from primitives.kernels_cache import PROJECT
from primitives.memory import scratch
from primitives.records import row_of

KEY, OTHER_KEY = ((types.int64,), ("x86", "cpu"), "ab"), ((types.float64,), ("x86", "cpu"), "ab")


@pytest.fixture
def files(tmp_path: Path) -> KernelFiles:
    return KernelFiles(str(tmp_path), "module.kernel-7", "stamp")


def test_what_was_kept_is_found_under_its_key(files: KernelFiles) -> None:
    assert files.load(KEY) is None
    files.save(KEY, {"code": b"1"})
    files.save(OTHER_KEY, {"code": b"2"})
    assert files.load(KEY) == {"code": b"1"}
    assert files.load(OTHER_KEY) == {"code": b"2"}
    files.flush()
    assert files.load(KEY) is None


def test_two_processes_that_write_at_once_lose_nothing(tmp_path: Path, files: KernelFiles) -> None:
    other = KernelFiles(str(tmp_path), "module.kernel-7", "stamp")
    assert files.load(KEY) is None
    assert other.load(OTHER_KEY) is None
    files.save(KEY, "first")
    other.save(OTHER_KEY, "second")
    assert (other.load(KEY), files.load(OTHER_KEY)) == ("first", "second")


@pytest.mark.parametrize("damage", [lambda content: b"", lambda content: content[:-1], lambda content: content + b"\0"])
def test_a_damaged_file_is_not_read(tmp_path: Path, files: KernelFiles, damage: Callable[[bytes], bytes]) -> None:
    files.save(KEY, "code")
    (path,) = tmp_path.iterdir()
    path.write_bytes(damage(path.read_bytes()))
    assert files.load(KEY) is None
    files.save(KEY, "code")
    assert files.load(KEY) == "code"


def test_a_file_of_other_sources_or_another_key_is_not_read(tmp_path: Path, files: KernelFiles) -> None:
    files.save(KEY, "code")
    assert KernelFiles(str(tmp_path), "module.kernel-7", "other stamp").load(KEY) is None
    (path,) = tmp_path.iterdir()
    files.save(OTHER_KEY, "other code")
    (other,) = set(tmp_path.iterdir()) - {path}
    other.replace(path)
    assert files.load(KEY) is None


def test_a_disk_that_takes_nothing_is_no_error(tmp_path: Path) -> None:
    files = KernelFiles(str(tmp_path / "gone"), "module.kernel-7", "stamp")
    files.save(KEY, "code")
    assert files.load(KEY) is None


def made(value: Any) -> Any:
    def function() -> Any:
        return value

    return function


FIRST, SECOND = np.dtype([("a", np.int64)]), np.dtype([("a", np.int32), ("b", np.int32)])
VALUES = [
    *(None, 0, False, 1, 1.0, 1 + 2j, "1", b"1", (1,), [1], (1, (2,)), ((1, 2),), ()),
    *(types.int64, types.int32, FIRST, SECOND, ValueError, OSError, len),
    *(made(1), made(2), made(made(1)), scratch(8), scratch(16), row_of(FIRST), row_of(SECOND)),
    *(np.arange(3), np.arange(4), np.int64(1), np.uint64(1)),
    *(lambda: 1, lambda: 2, lambda x=1: x, lambda x=2: x),
]


def test_functions_that_took_different_values_are_told_apart() -> None:
    assert len({identity(made(value)) for value in VALUES}) == len(VALUES)


def test_functions_that_took_equal_values_are_one() -> None:
    assert identity(made(row_of(FIRST))) == identity(made(row_of(np.dtype([("a", np.int64)]))))
    assert identity(made((1, "a", made(scratch(8))))) == identity(made((1, "a", made(scratch(8)))))


def test_a_function_that_took_itself_has_an_identity() -> None:
    def factorial(number: int) -> int:
        return number * factorial(number - 1) if number else 1

    function: Any = factorial
    assert identity(function) == identity(function)


def test_an_identity_is_the_same_in_every_process() -> None:
    program = (
        "import numpy as np; from primitives.records import row_of; from primitives.kernel_files import identity;"
        "print(identity(row_of(np.dtype([('a', np.int64)])).py_func))"
    )
    command = [sys.executable, "-c", program]
    told = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=True).stdout.strip()
    row: Any = row_of(FIRST)
    assert told == identity(row.py_func)
