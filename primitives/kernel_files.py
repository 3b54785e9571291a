"""
A compiled kernel on disk: one file for each kernel and types of arguments, read only if it is whole and meant.

Numba numbers such files in an index of the function, which two processes that compile at once overwrite: then one's
number can name the other's file. Here the name of a file is made from what is kept in it. A file begins with a hash of
the rest, for after a loss of power it may be there and empty; what can't be read is compiled again.

`identity` tells kernels apart that one function made. Numba pickles what they took from that function, in which the
names of its own objects are random numbers.
"""

# mypy: allow-untyped-calls

import contextlib
import hashlib
import os
import pickle
import tempfile
from collections.abc import Iterator
from pathlib import Path
from types import BuiltinFunctionType, CodeType, FunctionType
from typing import Any, Final

import numpy as np
from numba.core.caching import IndexDataCacheFile
from numba.core.dispatcher import Dispatcher
from numba.core.extending import _Intrinsic
from numba.core.serialize import dumps
from numba.core.types import Type

DIGEST_SIZE_BYTES: Final = 16
_PLAIN: Final = (bool, int, float, complex, str, bytes, type(None), type(Ellipsis))


def _digest(content: bytes) -> bytes:
    return hashlib.blake2b(content, digest_size=DIGEST_SIZE_BYTES).digest()


class KernelFiles(IndexDataCacheFile):
    """The files of one kernel: what Numba's cache of a function reads and writes."""

    def __init__(self, cache_path: str, filename_base: str, source_stamp: str) -> None:
        self._directory, self._base, self._stamp = Path(cache_path), filename_base, source_stamp

    def flush(self) -> None:
        """Forget all of them."""
        for path in self._directory.glob(f"{self._base}.*.nbc"):
            path.unlink(missing_ok=True)

    def save(self, key: Any, data: Any) -> None:
        """Keep what was compiled, if the disk takes it."""
        content = dumps((self._stamp, key, data))
        with contextlib.suppress(OSError):
            descriptor, temporary = tempfile.mkstemp(dir=self._directory, prefix=f"{self._base}.", suffix=".tmp")
            try:
                with os.fdopen(descriptor, "wb") as file:
                    file.write(_digest(content) + content)
                Path(temporary).replace(self._path(key))
            except OSError:
                Path(temporary).unlink(missing_ok=True)

    def load(self, key: Any) -> Any:
        """What was kept, or None."""
        try:
            found = self._path(key).read_bytes()
        except OSError:
            return None
        digest, content = found[:DIGEST_SIZE_BYTES], found[DIGEST_SIZE_BYTES:]
        if _digest(content) != digest:
            return None
        stamp, kept_key, data = pickle.loads(content)  # noqa: S301 - from a directory that is ours alone
        return data if (stamp, kept_key) == (self._stamp, key) else None

    def _path(self, key: Any) -> Path:
        return self._directory / f"{self._base}.{_digest(repr(key).encode()).hex()}.nbc"


def identity(function: FunctionType) -> str:
    """Names a function by its code and what it took from the functions around it: 32 hexadecimal digits."""
    return _digest("\0".join(_parts(function, set())).encode()).hex()


def _parts(value: Any, seen: set[int]) -> Iterator[str]:
    """What a value that a function took is made of. Its file is not told: it counts where the kernel is declared."""
    yield type(value).__qualname__
    if isinstance(value, _PLAIN):
        yield repr(value)
    elif id(value) in seen:  # A function that took itself.
        return
    elif isinstance(value, tuple | list):
        yield str(len(value))
        for item in value:
            yield from _parts(item, seen)
    elif isinstance(value, CodeType):
        yield value.co_code.hex()
        yield from _parts((value.co_consts, value.co_names), seen)
    elif isinstance(value, FunctionType):
        seen.add(id(value))
        yield f"{value.__module__}.{value.__qualname__}"
        cells = tuple(cell.cell_contents for cell in value.__closure__ or ())
        yield from _parts((value.__code__, value.__defaults__, cells), seen)
    elif isinstance(value, Dispatcher):
        yield repr(sorted(value.targetoptions.items()))
        yield from _parts(value.py_func, seen)
    elif isinstance(value, _Intrinsic):
        yield from _parts(value._defn, seen)
    elif isinstance(value, Type):
        yield str(value)
    elif isinstance(value, type | BuiltinFunctionType):
        yield f"{value.__module__}.{value.__qualname__}"
    elif isinstance(value, np.dtype):
        yield f"{value.descr} {value.itemsize}"
    elif isinstance(value, np.ndarray | np.generic) and not value.dtype.hasobject:
        yield f"{value.dtype.descr} {value.shape} {value.tobytes().hex()}"
    else:  # Equal values may differ here, which costs a compilation; different ones do not agree.
        yield dumps(value).hex()
