"""The compile queue of a node: with the compiler of these sources, and objects kept beside the kernels."""

import logging
from collections.abc import Callable

from evm_jit.compiler.compile_queue import CompileQueue
from evm_jit.compiler.fingerprint import fingerprint
from evm_jit.compiler.loading import LoadedCode, load_object
from evm_jit.compiler.object_cache import ObjectCache
from primitives.errors import ObjectCacheUntrusted
from primitives.kernels_cache import ROOT

DIRECTORY_NAME = "contracts"
log = logging.getLogger(__name__)


def open_queue(notify: Callable[[], None] = lambda: None) -> CompileQueue[LoadedCode]:
    """
    A queue, which starts nothing before something is submitted.

    Without a place to keep objects that is this user's alone, it compiles again each time.
    """
    return CompileQueue(fingerprint(), load_object, open_cache(), notify=notify)


def open_cache() -> ObjectCache | None:
    """Where objects are kept; None, with a warning, if others could have put machine code there."""
    try:
        return ObjectCache(ROOT / DIRECTORY_NAME)
    except ObjectCacheUntrusted as error:
        log.warning("%s", error)
        return None
