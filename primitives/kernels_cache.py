"""
Where compiled kernels are kept on disk, decided when one is declared.

Numba's own cache notices an edit in the file of a kernel, but not in a file that the kernel calls or takes a
constant from, and then runs old code without a word. Here the kernels of a file are kept in a directory that is named
after a hash of that file and of every file that it imports, directly or not; the directory above is named after the
versions of Numba and Python, the CPU, and the settings that change the code. So an edit compiles again what can depend
on it, and nothing else. A file that has changed since this process began may not be what Python imported: what
depends on it is compiled for this process alone.

A cache holds pickles, which run when they are read: the directory is ours alone (mode 0700), and one that belongs to
somebody else is refused. `NUMBA_CACHE_DIR` overrides the place, not the names in it.

Every kernel is declared through `njit` and its kin below.
"""

# mypy: allow-untyped-calls

import atexit
import hashlib
import inspect
import os
import platform
import re
import shutil
import stat
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from functools import cache, partial
from pathlib import Path
from types import FunctionType
from typing import Any, Final, TypeVar

import llvmlite
import llvmlite.binding
import numba
import numpy as np
from numba.core.caching import CompileResultCacheImpl, FunctionCache, _CacheLocator
from numba.core.ccallback import CFunc
from numba.core.sigutils import normalize_signature

from primitives import kernel_dispatcher, kernel_files
from primitives.errors import ConfigError
from primitives.kernel_dispatcher import Kernel, LinkedCacheImpl, NamingCompiler, set_environments
from primitives.kernel_files import KernelFiles, identity

PROJECT: Final = Path(__file__).resolve().parent.parent
DIRECTORIES_KEPT_MAX: Final = 8  # Of a file, and of environments; the ones used last.
BEGAN_S: Final = time.time() - 0.02  # The clock of files is behind by a tick or two.

_IMPORT = re.compile(rb"^[ \t]*(?:from[ \t]+([\w.]+)[ \t]+import[ \t]*(\([^)]*\)|[^\n]*)|import[ \t]+([^\n]*))", re.M)
_CONTINUED, _COMMENT, _NAME = re.compile(rb"\\\r?\n"), re.compile(rb"#[^\n]*"), re.compile(rb"(?:^|,)\s*([\w.]+)")
# Settings of Numba that change the machine code, but not the key of its cache.
_SETTINGS = ("NUMBA_BOUNDSCHECK", "NUMBA_OPT", "NUMBA_LOOP_VECTORIZE", "NUMBA_SLP_VECTORIZE", "NUMBA_CPU_NAME")


class Sources:
    """
    The files of a project, each read once, and what they import of each other.

    project : where imports begin
    ends : a file whose own imports do not count
    """

    def __init__(self, project: Path, ends: Path | None = None) -> None:
        self._project, self._ends = project, ends
        self._read: dict[Path, tuple[bytes, float, list[Path]]] = {}
        self._closures: dict[Path, list[Path]] = {}

    def closure(self, path: Path) -> list[Path]:
        """A file and all that it imports, directly or not, sorted."""
        if path not in self._closures:
            found, waiting = {path}, [path]
            while waiting:
                for imported in self._file(waiting.pop())[2]:
                    if imported not in found:
                        found.add(imported)
                        waiting.append(imported)
            self._closures[path] = sorted(found)
        return self._closures[path]

    def hash(self, paths: Iterable[Path]) -> str:
        """Names the content of files: 16 hexadecimal digits."""
        digest = hashlib.blake2b(digest_size=8)
        for path in paths:
            # A file elsewhere is named by its content alone: wherever it is, it means the same.
            name = path.relative_to(self._project) if path.is_relative_to(self._project) else path.name
            digest.update(f"{name}\0".encode() + self._file(path)[0])
        return digest.hexdigest()

    def changed_s(self, path: Path) -> float:
        """When a file changed last, as `time.time` counts; a copy that keeps the times of its source hides nothing."""
        return self._file(path)[1]

    def _file(self, path: Path) -> tuple[bytes, float, list[Path]]:
        """The hash of a file, when it changed, and what it imports."""
        if path not in self._read:
            changed_s = path.stat().st_ctime
            content = path.read_bytes()
            imports = [] if path == self._ends else sorted(set(self._imports(content)))
            self._read[path] = hashlib.blake2b(content, digest_size=16).digest(), changed_s, imports
        return self._read[path]

    def _imports(self, content: bytes) -> Iterator[Path]:
        """The files of the project that a source imports; `from package import name` may name a file too."""
        for module, names, plain in _IMPORT.findall(_CONTINUED.sub(b" ", _COMMENT.sub(b"", content))):
            listed = [name.decode() for name in _NAME.findall((names or plain).strip(b"() \t\r\n"))]
            for name in [f"{module.decode()}.{name}" for name in listed] if module else listed:
                place = self._project
                for part in name.split("."):
                    place = place / part
                    if self._is_file(place / "__init__.py"):
                        yield place / "__init__.py"
                    elif self._is_file(place.with_suffix(".py")):
                        yield place.with_suffix(".py")
                        break
                    elif not self._is_directory(place):
                        break

    @staticmethod
    @cache
    def _is_file(path: Path) -> bool:
        return path.is_file()

    @staticmethod
    @cache
    def _is_directory(path: Path) -> bool:
        return path.is_dir()


def environment_hash() -> str:
    """Names what besides the sources decides the machine code: 16 hexadecimal digits."""
    features = llvmlite.binding.get_host_cpu_features().flatten()
    parts = (
        *(numba.__version__, np.__version__, llvmlite.__version__, platform.python_version()),
        *(llvmlite.binding.get_host_cpu_name(), features),
        *(os.environ.get(setting, "") for setting in _SETTINGS),
    )
    digest = hashlib.blake2b("\0".join(parts).encode(), digest_size=8)
    for path in (__file__, kernel_dispatcher.__file__, kernel_files.__file__):
        digest.update(Path(path).read_bytes())
    return digest.hexdigest()


def _private_directory(path: Path) -> None:
    """Make `path`, readable by this user alone; ConfigError if somebody else could have written it."""
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    status = path.lstat()
    if not stat.S_ISDIR(status.st_mode) or status.st_uid != os.getuid() or status.st_mode & 0o022:
        raise ConfigError(
            f"the kernel cache {path} belongs to, or can be written by, another user: remove it, or set NUMBA_CACHE_DIR"
        )


def _use(directory: Path, alike: str) -> None:
    """Make a directory, or note that it is used; of those beside it whose names match `alike`, remove the oldest."""
    is_new = not directory.exists()
    _private_directory(directory)
    os.utime(directory)
    if is_new:
        with_times = []
        for path in directory.parent.glob(alike):
            try:
                with_times.append((path.lstat().st_mtime_ns, path))
            except FileNotFoundError:  # Another process removes it too.
                continue
        for _, path in sorted(with_times, reverse=True)[DIRECTORIES_KEPT_MAX:]:
            shutil.rmtree(path, ignore_errors=True)


@cache
def _temporary_root() -> Path:
    """A directory that goes when the process ends."""
    directory = Path(tempfile.mkdtemp(prefix="leveret-kernels-"))
    atexit.register(shutil.rmtree, directory, ignore_errors=True)
    return directory


def choose_root() -> Path:
    """The directory for this machine and these settings, made if need be; a temporary one if home can't be written."""
    if os.environ.get("NUMBA_CACHE_DIR"):
        root = Path(os.environ["NUMBA_CACHE_DIR"]).absolute()
        root.mkdir(mode=0o700, parents=True, exist_ok=True)
        return root
    home = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    root = home / "leveret" / f"kernels-{environment_hash()}"
    try:
        _private_directory(home / "leveret")
        _use(root, "kernels-*")
    except OSError:
        return _temporary_root()
    return root


ROOT: Final = choose_root()
SOURCES: Final = Sources(PROJECT, ends=Path(__file__).resolve())


def generated_source(name: str, source: str) -> Path:
    """A file `name.py` among the kernels with a source that a program made; kernels in it are kept like others."""
    digest = hashlib.blake2b(source.encode(), digest_size=8).hexdigest()
    directory = ROOT / f"generated-{name}-{digest}"
    _use(directory, f"generated-{name}-*")
    path = directory / f"{name}.py"
    if not path.exists() or path.read_text() != source:
        descriptor, temporary = tempfile.mkstemp(dir=directory, suffix=".py")
        with os.fdopen(descriptor, "w") as file:
            file.write(source)
        Path(temporary).replace(path)
    return path


def _declaring_files(function: FunctionType) -> Iterator[Path]:
    """The file of a kernel; if a function made the kernel, the files that called that, whose values are in the code."""
    yield Path(inspect.getfile(function)).resolve()
    frame = sys._getframe() if "<locals>" in function.__qualname__ else None
    while frame is not None:
        path = Path(frame.f_code.co_filename)
        if path.suffix == ".py" and path.is_relative_to(PROJECT) and "site-packages" not in path.parts:
            yield path
        frame = None if frame.f_code.co_name == "<module>" else frame.f_back


def _directory_for(function: FunctionType) -> tuple[Path, str]:
    """Where the machine code of a kernel is kept, and the hash of all that it can depend on."""
    declared_in = list(_declaring_files(function))
    paths = sorted({path for declaring in declared_in for path in SOURCES.closure(declaring)})
    digest = SOURCES.hash(paths)
    own = declared_in[-1]
    name = ".".join(own.relative_to(PROJECT).with_suffix("").parts) if own.is_relative_to(PROJECT) else own.stem
    has_changed = any(SOURCES.changed_s(path) > BEGAN_S for path in paths if not path.is_relative_to(ROOT))
    directory = (_temporary_root() if has_changed else ROOT) / f"{name}-{digest}"
    if directory not in _used:
        _use(directory, f"{name}-{'[0-9a-f]' * len(digest)}")
        _used.add(directory)
    return directory, digest


_used: Final[set[Path]] = set()


class _KernelLocator(_CacheLocator):
    """What Numba asks where the code of a function is kept."""

    def __init__(self, function: FunctionType, file: str) -> None:
        self._py_file, self._line = file, function.__code__.co_firstlineno
        self._directory, self._digest = _directory_for(function)

    @classmethod
    def from_function(cls, function: FunctionType, file: str) -> "_KernelLocator":
        return cls(function, file)

    def get_cache_path(self) -> str:
        return str(self._directory)

    def get_source_stamp(self) -> str:
        return self._digest

    def get_disambiguator(self) -> str:
        return str(self._line)


_LOCATORS: Final[list[type[object]]] = [_KernelLocator]


class _LinkedImpl(LinkedCacheImpl):
    _locator_classes = _LOCATORS

    def get_filename_base(self, fullname: str, abiflags: str) -> str:
        return f"{super().get_filename_base(fullname, abiflags)}.linked"


class _CalledImpl(CompileResultCacheImpl):
    _locator_classes = _LOCATORS


class _KernelCache(FunctionCache):
    """Numba's cache of a function, with files of ours."""

    def __init__(self, function: Any) -> None:
        super().__init__(function)
        stamp = self._impl.locator.get_source_stamp()
        self.identity = f"{stamp}{identity(function)}"
        self._cache_file = KernelFiles(self.cache_path, self._impl.filename_base, stamp)

    def _index_key(self, sig: Any, codegen: Any) -> tuple[Any, ...]:
        return sig, codegen.magic_tuple(), self.identity


class _LinkedCache(_KernelCache):
    _impl_class: Any = _LinkedImpl


class _CalledCache(_KernelCache):
    _impl_class: Any = _CalledImpl


Function = TypeVar("Function", bound=Callable[..., Any])


def _declare(function: Function, **options: Any) -> Function:
    kernel = Kernel(function, targetoptions={"nopython": True, "error_model": "numpy", **options})
    linked = _LinkedCache(function)
    kernel.keep_in(linked, lambda: _CalledCache(function), linked.identity)
    return kernel  # type: ignore[return-value]


def njit(function: Function) -> Function:
    """Declare a kernel, compiled when another calls it. It never raises and never divides by zero."""
    return _declare(function)


def njit_inlined(function: Function) -> Function:
    """The same for a few lines that every caller gets a copy of: each copy is compiled again."""
    return _declare(function, forceinline=True)


def njit_without_lock(function: Function) -> Function:
    """The same for a kernel that may take long: other threads of Python run meanwhile. Nobody else has its arrays."""
    return _declare(function, nogil=True)


def compile_function(function: Callable[..., Any], signature: Any) -> tuple[Any, int]:
    """Compile a C function, or load it from the cache: what keeps it alive, and its address."""
    kept = _CalledCache(function)
    pipeline: Any = partial(NamingCompiler, identity=f"C {kept.identity}")
    compiled: Any = CFunc(function, normalize_signature(signature), {}, {"error_model": "numpy"}, pipeline)
    compiled._cache = kept
    compiled.compile()
    set_environments(compiled._library)
    assert compiled.address is not None
    return compiled, compiled.address
