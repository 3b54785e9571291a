"""
What besides a contract's code, its fork and the tier decides its machine code, as one name.

Objects of another compiler, layout of records, processor or version of LLVM are not loaded. The sources of the compiler
are part of it, so that an edit without a new GENERATOR_VERSION makes no old object run; the instructions that it takes
functions from are among them.

Sources that changed since this process began may not be those that it imported: then its fingerprint is nobody else's,
and it neither loads old objects nor takes those of a worker that began later.
"""

import hashlib
import platform
from functools import cache
from pathlib import Path

import llvmlite
import llvmlite.binding

from evm_jit.compiler import pipeline
from evm_jit.compiler.pipeline import GENERATOR_VERSION
from evm_jit.machine import FRAME, MACHINE
from primitives.kernels_cache import BEGAN_S, SOURCES


@cache
def fingerprint() -> str:
    """32 hexadecimal digits."""
    sources = SOURCES.closure(Path(pipeline.__file__).resolve())
    began_s = BEGAN_S if any(SOURCES.changed_s(path) > BEGAN_S for path in sources) else 0
    parts = (
        *(GENERATOR_VERSION, SOURCES.hash(sources), began_s),
        *(MACHINE.descr, MACHINE.itemsize, FRAME.descr, FRAME.itemsize),
        *(platform.machine(), llvmlite.binding.get_host_cpu_name()),
        llvmlite.binding.get_host_cpu_features().flatten(),
        *(llvmlite.__version__, llvmlite.binding.llvm_version_info),
    )
    return hashlib.blake2b("\0".join(map(str, parts)).encode(), digest_size=16).hexdigest()
