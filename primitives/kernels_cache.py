"""
Where compiled kernels are kept on disk, decided before the first one is declared.

Numba's own cache notices an edit in the file of a kernel, but not in a file that the kernel calls or takes a
constant from, and then runs old code without a word. So the directory is named after a hash of every source that a
kernel can depend on (each file of ours that mentions Numba or `njit`, and what of ours these import), the versions of
Numba and Python, the CPU, and the settings that change the code. A cache holds pickles, which run when they are read:
the directory is ours alone (mode 0700), and one that belongs to somebody else is refused. `NUMBA_CACHE_DIR` overrides.

Kernels import `njit` from here, so that none is declared earlier.
"""

import atexit
import hashlib
import os
import platform
import re
import shutil
import stat
import tempfile
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import llvmlite
import llvmlite.binding
import numba
import numpy as np
from numba.core import config

from primitives.errors import ConfigError

PROJECT = Path(__file__).resolve().parent.parent
PACKAGES = ("primitives", "statestore", "evm_jit", "sequencer", "rpc", "replica", "prover", "settlement", "bench")
DIRECTORIES_KEPT_MAX = 8  # Of older sources; each holds some megabytes.

_MENTION = re.compile(rb"\bnumba\b|\bnjit\b")
_IMPORT = re.compile(r"^\s*(?:from\s+([\w.]+)\s+import\s+([^#\n]+)|import\s+([\w.]+))", re.MULTILINE)
# Settings of Numba that change the machine code, but not the key of its cache.
_SETTINGS = ("NUMBA_BOUNDSCHECK", "NUMBA_OPT", "NUMBA_LOOP_VECTORIZE", "NUMBA_SLP_VECTORIZE", "NUMBA_CPU_NAME")


def kernel_sources(project: Path = PROJECT) -> list[Path]:
    """The files that compiled code can depend on, sorted."""
    found: set[Path] = set()
    waiting = [path for path in _files(project) if _MENTION.search(path.read_bytes())]
    while waiting:
        path = waiting.pop()
        if path not in found:
            found.add(path)
            waiting.extend(_imports(project, path.read_text()))
    return sorted(found)


def sources_hash(project: Path = PROJECT) -> str:
    """Names what the machine code is made from: 16 hexadecimal digits."""
    digest = hashlib.blake2b(digest_size=8)
    features = llvmlite.binding.get_host_cpu_features().flatten()
    for part in (
        *(numba.__version__, np.__version__, llvmlite.__version__, platform.python_version()),
        *(llvmlite.binding.get_host_cpu_name(), features),
        *(os.environ.get(setting, "") for setting in _SETTINGS),
    ):
        digest.update(part.encode() + b"\0")
    for path in kernel_sources(project):
        content = path.read_bytes()
        digest.update(f"{path.relative_to(project)}\0{len(content)}\0".encode() + content)
    return digest.hexdigest()


def _files(project: Path) -> Iterator[Path]:
    for package in PACKAGES:
        yield from (project / package).rglob("*.py")


def _imports(project: Path, source: str) -> Iterator[Path]:
    """The files of ours that a source imports; `from package import name` may name a file too."""
    for module, names, plain in _IMPORT.findall(source):
        dotted = [module or plain]
        dotted += [f"{module}.{name.split()[0]}" for name in names.strip(" ()").split(",") if module and name.split()]
        for name in dotted:
            path = project.joinpath(*name.split(".")).with_suffix(".py")
            if name.split(".")[0] in PACKAGES and path.is_file():
                yield path


def _private_directory(path: Path) -> None:
    """Make `path`, readable by this user alone; ConfigError if somebody else could have written it."""
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    status = path.lstat()
    if not stat.S_ISDIR(status.st_mode) or status.st_uid != os.getuid() or status.st_mode & 0o022:
        raise ConfigError(
            f"the kernel cache {path} belongs to, or can be written by, another user: remove it, or set NUMBA_CACHE_DIR"
        )


def _remove_stale(directories: Iterable[Path]) -> None:
    """Keep the newest few directories of older sources."""
    by_age = sorted(directories, key=lambda path: path.stat().st_mtime, reverse=True)
    for path in by_age[DIRECTORIES_KEPT_MAX:]:
        shutil.rmtree(path, ignore_errors=True)


def choose_directory() -> Path:
    """The directory for these sources on this machine, made if need be; a temporary one if home can't be written."""
    home = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    ours = home / "leveret"
    directory = ours / f"numba-{sources_hash()}"
    try:
        _private_directory(ours)
        is_new = not directory.exists()
        _private_directory(directory)
        if is_new:
            _remove_stale(path for path in ours.glob("numba-*") if path != directory)
    except OSError:
        directory = Path(tempfile.mkdtemp(prefix="leveret-numba-"))
        atexit.register(shutil.rmtree, directory, ignore_errors=True)
    return directory


if not os.environ.get("NUMBA_CACHE_DIR"):
    # Not through the environment: a child process with other sources must choose for itself.
    config.CACHE_DIR = str(choose_directory())  # type: ignore[attr-defined]

Function = TypeVar("Function", bound=Callable[..., Any])


def njit(function: Function) -> Function:
    """Declare a kernel, compiled when another calls it. It never raises and never divides by zero."""
    return numba.njit(function, cache=True, error_model="numpy")  # type: ignore[no-any-return]


def njit_inlined(function: Function) -> Function:
    """The same for a few lines that every caller gets a copy of: each copy is compiled again."""
    return numba.njit(function, cache=True, error_model="numpy", forceinline=True)  # type: ignore[no-any-return]


def njit_without_lock(function: Function) -> Function:
    """The same for a kernel that may take long: other threads of Python run meanwhile. Nobody else has its arrays."""
    return numba.njit(function, cache=True, error_model="numpy", nogil=True)  # type: ignore[no-any-return]


def compile_function(function: Callable[..., Any], signature: Any) -> tuple[Any, int]:
    """Compile a C function, or load it from the cache: what keeps it alive, and its address."""
    compiled = numba.cfunc(signature, cache=True, error_model="numpy")(function)
    assert compiled.address is not None
    return compiled, compiled.address
