"""
The engine `compiled`: every piece of code, init code included, is compiled in this process before it runs.

It shows that compiled code does what the interpreter does; a node compiles what is hot, in another process.
"""

from collections import OrderedDict
from typing import Final

from evm_jit.compiler.loading import LoadedCode, interpreter_entry, load_object
from evm_jit.compiler.object_code import QUICK
from evm_jit.compiler.pipeline import compile_code
from evm_jit.native import NativeEngine
from evm_jit.tier_table import ForcedTiers
from primitives.errors import CompilationRefused
from primitives.forks import Fork

LOADED_MAX: Final = 4_096  # Codes; no frame of a batch is in those that are forgotten, which ran long ago.


class ForcedCompiler:
    """
    What was compiled, by code and fork.

    tier : of the compiler
    """

    def __init__(self, tier: int) -> None:
        self._tier = tier
        self._loaded: OrderedDict[tuple[bytes, Fork], LoadedCode | None] = OrderedDict()

    def entry_of(self, code: bytes, fork: Fork) -> int:
        """The address of a code's machine code; of the way back to the interpreter for code that is refused."""
        key = code, fork
        if key not in self._loaded:
            self._loaded[key] = self._load(code, fork)
            if len(self._loaded) > LOADED_MAX:
                self._loaded.popitem(last=False)
        self._loaded.move_to_end(key)
        loaded = self._loaded[key]
        return interpreter_entry() if loaded is None else loaded.address

    def _load(self, code: bytes, fork: Fork) -> LoadedCode | None:
        try:
            return load_object(compile_code(code, fork, self._tier).object_bytes)
        except CompilationRefused:
            return None


class CompiledEngine(NativeEngine):
    """The native engine, with its second tier alone."""

    name = "compiled"

    def __init__(self, tier: int = QUICK) -> None:
        super().__init__(ForcedTiers(ForcedCompiler(tier).entry_of))
