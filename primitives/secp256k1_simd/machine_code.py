"""
The recovery as machine code, compiled or read from disk, and the table of the comb, which is kept with it.

LLVM ends the process when it is asked for instructions that the processor lacks: so it is asked first. A file on disk
runs when it is loaded; it is among the kernels, in a directory that is ours alone, and is read only if nobody else can
have written it, it is whole, and it was made by this generator for this processor. It is written under another name and
renamed.
"""

import contextlib
import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import llvmlite.binding as llvm
import numpy as np
from numpy.typing import NDArray

from primitives.kernels_cache import BEGAN_S, DIRECTORIES_KEPT_MAX, ROOT, SOURCES, environment_hash
from primitives.own_files import read_own_file, write_own_file
from primitives.secp256k1_simd.work_area import COMB_SIZE_BYTES

REQUIRED_FEATURES: Final = ("avx512f", "avx512ifma")
ENTRIES: Final = ("lift", "recover")
ALIGNMENT: Final = 64
OPTIMISATION_LEVEL: Final = 1  # Of code generation. LLVM's passes find nothing: the text is optimised as it is written.
OBJECT_SIZE_BYTES_MAX: Final = 4 * 1024 * 1024
DIGEST_SIZE_BYTES: Final = 32
_SUFFIX: Final = ".object"
_PREFIX: Final = "secp256k1-simd-"


def is_supported() -> bool:
    """Whether this processor can run the code."""
    features = llvm.get_host_cpu_features()
    return all(features.get(feature) for feature in REQUIRED_FEATURES)


@dataclass(frozen=True)
class MachineCode:
    """
    What was loaded; it is valid as long as this object.

    lift, recover : addresses of functions (`lifting.py`, `recovery.py`)
    comb : uint8[COMB_SIZE_BYTES], on a cache line
    """

    lift: int
    recover: int
    comb: NDArray[np.uint8]
    keeps: Any


def aligned(size_bytes: int) -> NDArray[np.uint8]:
    """uint8[size_bytes] on a cache line, zeros."""
    block = np.zeros(size_bytes + ALIGNMENT, np.uint8)
    start = -block.ctypes.data % ALIGNMENT
    return block[start : start + size_bytes]


def compiled(text: str) -> bytes:
    """An object file of a module, for this processor."""
    assert is_supported(), "LLVM would end the process"
    module = llvm.parse_assembly(text)
    module.triple = llvm.get_process_triple()
    module.verify()
    machine_code: bytes = _target_machine().emit_object(module)
    return machine_code


def linked(object_file: bytes, name: str, symbols: tuple[str, ...]) -> tuple[Any, list[int]]:
    """
    What keeps the machine code of an object file, and addresses in it.

    JITLink places code and constants next to each other, and refuses what does not fit. `name` is for its messages.
    """
    linker = llvm.create_lljit_compiler(_target_machine(), use_jit_link=True)
    builder = llvm.JITLibraryBuilder().add_object_img(object_file)
    for symbol in symbols:
        builder.export_symbol(symbol)
    library = builder.link(linker, name)
    return (linker, library), [library[symbol] for symbol in symbols]


def load() -> MachineCode:
    """From disk, or compiled and kept there: about a second of work the first time."""
    path = _path()
    kept = None if path is None else _read(path)
    if kept is None:
        kept = _made()
        if path is not None:
            _write(path, kept)
    comb = aligned(COMB_SIZE_BYTES)
    comb[:] = np.frombuffer(kept[:COMB_SIZE_BYTES], np.uint8)
    keeps, (lift, recover) = linked(kept[COMB_SIZE_BYTES:], "secp256k1_simd", ENTRIES)
    return MachineCode(lift, recover, comb, keeps)


def _target_machine() -> Any:
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    return llvm.Target.from_default_triple().create_target_machine(
        cpu=llvm.get_host_cpu_name(),
        features=llvm.get_host_cpu_features().flatten(),
        opt=OPTIMISATION_LEVEL,
        reloc="pic",
        codemodel="small",
        jit=True,
    )


def _made() -> bytes:
    """The comb, then the object file. The generator is imported only here: it has much to compute."""
    from primitives.secp256k1_simd.comb import comb_table
    from primitives.secp256k1_simd.recovery import module

    return comb_table().tobytes() + compiled(module())


def _path() -> Path | None:
    """
    Named after processor, versions and the generator's sources; None if these may not be what Python imported.
    """
    sources = SOURCES.closure(Path(__file__).resolve())
    if any(SOURCES.changed_s(path) > BEGAN_S for path in sources):
        return None
    parts = f"{environment_hash()} {SOURCES.hash(sources)}"
    return ROOT / f"{_PREFIX}{hashlib.blake2b(parts.encode(), digest_size=8).hexdigest()}{_SUFFIX}"


def _digest(path: Path, content: bytes) -> bytes:
    """Of what is kept, and of the name that says what it was made for."""
    return hashlib.blake2b(path.name.encode() + content, digest_size=DIGEST_SIZE_BYTES).digest()


def _read(path: Path) -> bytes | None:
    """What was kept; None if it is not whole, or somebody else could have written it."""
    try:
        found = read_own_file(path, COMB_SIZE_BYTES + OBJECT_SIZE_BYTES_MAX)
    except OSError:
        return None
    if found is None:
        return None
    digest, content = found[:DIGEST_SIZE_BYTES], found[DIGEST_SIZE_BYTES:]
    return content if len(content) > COMB_SIZE_BYTES and _digest(path, content) == digest else None


def _write(path: Path, content: bytes) -> None:
    """Keep it, if the disk takes it, and of those of other generators the newest."""
    with contextlib.suppress(OSError):
        write_own_file(path, _digest(path, content) + content)
    with contextlib.suppress(OSError):
        kept = sorted(path.parent.glob(f"{_PREFIX}*{_SUFFIX}"), key=lambda each: each.lstat().st_mtime_ns)
        for old in kept[:-DIRECTORIES_KEPT_MAX]:
            old.unlink()
