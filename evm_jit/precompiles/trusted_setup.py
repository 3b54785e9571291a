"""
The points of the KZG ceremony of mainnet, as ckzg takes them: two seconds of computing, once a process.

ckzg's own loader keeps Python's lock all that time, and a node would answer nobody. Its C function is therefore called
by address, which gives the lock away; what it filled is handed to ckzg in a capsule like its own. Where another version
of the library may have another layout, its own loader is used. The points are a file of py-evm's package.
"""

import ctypes
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from threading import Lock, Thread
from typing import Any, Final

import ckzg

VERSION_KNOWN: Final = "2.1."
SETTINGS_SIZE_BYTES: Final = 4_096  # Ten words are used.
CAPSULE_NAME: Final = b"KZGSettings"  # What ckzg compares with.
PRECOMPUTE: Final = 0  # Tables that make cell proofs faster, which nobody here asks for.

_lock: Final = Lock()
_loaded: Final[list[Any]] = []


def trusted_setup() -> Any:
    """What ckzg's functions take; loaded by the first call, and all others wait for it without Python's lock."""
    with _lock:
        if not _loaded:
            _loaded.append(_load_without_lock() if version("ckzg").startswith(VERSION_KNOWN) else _load())
        return _loaded[0]


def begin_to_load() -> None:
    """Have it loaded in the background."""
    if not _loaded:
        Thread(target=trusted_setup, name="trusted-setup", daemon=True).start()


def _path() -> Path:
    """Where the points are, found without importing py-evm, which takes half a second."""
    package = find_spec("eth")
    assert package is not None and package.origin is not None
    return Path(package.origin).parent / "_utils" / "kzg_trusted_setup.txt"


def _load() -> Any:
    return ckzg.load_trusted_setup(str(_path()), PRECOMPUTE)


def _load_without_lock() -> Any:
    numbers = _path().read_text().split()
    g1_count, g2_count = int(numbers[0]), int(numbers[1])
    points = numbers[2:]
    g1_lagrange = _octets(points[:g1_count])
    g2_monomial = _octets(points[g1_count : g1_count + g2_count])
    g1_monomial = _octets(points[g1_count + g2_count :])
    load = ctypes.CDLL(ckzg.__file__).load_trusted_setup
    octets, size = ctypes.c_char_p, ctypes.c_uint64
    load.argtypes = [ctypes.c_void_p, octets, size, octets, size, octets, size, ctypes.c_uint64]
    settings = ctypes.create_string_buffer(SETTINGS_SIZE_BYTES)
    sized = [part for group in (g1_monomial, g1_lagrange, g2_monomial) for part in (group, len(group))]
    status = load(settings, *sized, PRECOMPUTE)
    assert status == 0, "the points are those of the ceremony"
    _loaded_settings.append(settings)
    make_capsule = ctypes.pythonapi.PyCapsule_New
    make_capsule.restype = ctypes.py_object
    make_capsule.argtypes = [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_void_p]
    return make_capsule(ctypes.addressof(settings), CAPSULE_NAME, None)


_loaded_settings: Final[list[Any]] = []  # The capsule points to it.


def _octets(numbers: list[str]) -> bytes:
    return bytes.fromhex("".join(numbers))
