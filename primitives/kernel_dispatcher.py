"""
Kernels as Numba functions that cost less to compile: a kernel is nearly always called by another kernel.

Numba makes of each function an optimised module with all that it calls in it, machine code of that, and two wrappers
for callers in Python or C. Of a kernel that kernels call only the module is used, linked into the caller's, and
optimised again in it. So a kernel's module is made and kept in the disk cache as it is; what is called from outside
is optimised, once, with all that it calls. For a call from Python, which tests make, a kernel is compiled once more
as Numba does.

What Numba does privately is relied on in three places: passes take a library that is given to them, a library that
is finalized can be linked, and code is generated for a call by the key under which a function was inserted.
"""

# mypy: allow-untyped-defs, allow-untyped-calls, allow-any-generics
# mypy: disable-error-code="attr-defined"

import hashlib
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import llvmlite.binding as llvm
from llvmlite.binding.newpassmanagers import create_new_module_pass_manager
from numba.core.caching import CompileResultCacheImpl, _Cache
from numba.core.codegen import JITCodeLibrary
from numba.core.compiler import Compiler, compile_result
from numba.core.dispatcher import _CompileStats
from numba.core.environment import lookup_environment
from numba.core.registry import CPUDispatcher, cpu_target


class LinkedLibrary(JITCodeLibrary):
    """A module to be linked into others, which optimise it as a whole; no machine code is made of it alone."""

    def finalize(self) -> None:
        """Link what this kernel calls."""
        self._raise_if_finalized()
        for library in dict.fromkeys(self._linking_libraries):
            self._reload_init.update(library._reload_init)
            self._final_module.link_in(library._get_module_for_linking(), preserve=True)
        passes = create_new_module_pass_manager()
        passes.add_global_dead_code_eliminate_pass()
        passes.run(self._final_module, self._codegen._pass_builder())
        for function in self._final_module.functions:
            if not function.is_declaration and function.linkage == llvm.Linkage.external:
                function.linkage = "linkonce_odr"  # So that two callers of it can be linked.
        self._finalize_final_module()

    def _finalize_final_module(self) -> None:
        self._finalize_dynamic_globals()
        self._verify_declare_only_symbols()
        self._finalized = True


class LinkedCacheImpl(CompileResultCacheImpl):
    """What the disk cache keeps of a kernel: its module, and what calls of it need to know."""

    def reduce(self, result: Any) -> tuple[Any, ...]:
        """For the disk."""
        library, description = result.library, result.fndesc
        # As Numba does: they are not needed any more, and may not be picklable.
        description.typemap = description.calltypes = None
        library._ensure_finalized()
        bitcode = library._final_module.as_bitcode()
        return library.name, bitcode, description, result.signature, result.environment, result.reload_init

    def rebuild(self, target_context: Any, reduced: tuple[Any, ...]) -> Any:
        """From the disk; the dispatcher inserts it."""
        name, bitcode, description, signature, environment, reload_init = reduced
        for initialize in reload_init:
            initialize()
        library = LinkedLibrary(target_context.codegen(), name)
        library._final_module = llvm.parse_bitcode(bitcode)
        library._finalize_final_module()
        return compile_result(
            target_context=target_context,
            typing_context=target_context.typing_context,
            entry_point=EntryPoint(description.qualname),
            signature=signature,
            objectmode=False,
            lifted=(),
            fndesc=description,
            library=library,
            environment=environment,
            reload_init=reload_init,
        )


class NamingCompiler(Compiler):
    """
    Numba's pipeline, with a symbol that is named after an identity: what is different for all that is ever compiled.

    Numba names symbols after how many functions a process has compiled. Two kernels that one function made, compiled by
    two processes, may have the same number; then the linker takes one for the other.
    """

    def __init__(self, *arguments: Any, identity: str | None = None) -> None:
        super().__init__(*arguments)
        self._identity = identity

    def _compile_bytecode(self) -> Any:
        if self._identity is not None:
            digest = hashlib.blake2b(self._identity.encode(), digest_size=8).digest()
            self.state.func_id.unique_id = int.from_bytes(digest, "little")
        return super()._compile_bytecode()


class _LinkedCompiler(NamingCompiler):
    """The same, into a library of ours."""

    def compile_extra(self, function: Any) -> Any:
        self.state.library = LinkedLibrary(self.state.targetctx.codegen(), function.__qualname__)
        return insert(super().compile_extra(function))


@dataclass(frozen=True, eq=False)
class EntryPoint:
    """What names a compiled kernel among others; there is nothing to call."""

    kernel: str


def insert(result: Any) -> Any:
    """Let kernels call what was compiled."""
    result = result._replace(entry_point=EntryPoint(result.fndesc.qualname))
    cpu_target.target_context.insert_user_function(result.entry_point, result.fndesc, [result.library])
    return result


def set_environments(library: JITCodeLibrary) -> None:
    """Give machine code the environments of the kernels that were linked into it, which `print` takes."""
    for variable in library._final_module.global_variables:
        environment = lookup_environment(variable.name)
        if environment is not None:
            library.codegen.set_env(variable.name, environment)


class Kernel(CPUDispatcher):
    """A function that other kernels call; Python may too."""

    def __init__(self, function, locals=None, targetoptions=None, pipeline_class=_LinkedCompiler):
        super().__init__(function, locals, targetoptions, pipeline_class)
        self._compiler._customize_flags = _linked_alone
        self._called: CPUDispatcher | None = None  # As Numba compiles it.
        self._cache_called: Callable[[], _Cache] | None = None

    def keep_in(self, linked: _Cache, called: Callable[[], _Cache], identity: str) -> None:
        """Use disk caches: one for what kernels call, and the one that `called` makes for what Python does."""
        self._cache, self._cache_called, self._identity = linked, called, identity
        self._compiler.pipeline_class = partial(_LinkedCompiler, identity=identity)

    def add_overload(self, result: Any) -> None:
        """Not for Python, which would call what has no address."""
        self.overloads[tuple(result.signature.args)] = result

    def _compile_for_args(self, *arguments, **named):
        """Compile for a call from Python: what it calls from now on with arguments of these types."""
        if self._called is None:
            self._called = CPUDispatcher(self.py_func, self.locals, {**self.targetoptions, "no_cfunc_wrapper": True})
            if self._cache_called is not None:
                self._called._cache = self._cache_called()
                self._called._compiler.pipeline_class = partial(NamingCompiler, identity=f"called {self._identity}")
        entry_point = self._called._compile_for_args(*arguments, **named)
        for types, result in self._called.overloads.items():
            if result.entry_point is entry_point:
                set_environments(result.library)
                self._insert([type_._code for type_ in types], entry_point, False)
        return entry_point

    @property
    def stats(self) -> Any:
        """As Numba counts, both ways of compiling together."""
        own = super().stats
        if self._called is None:
            return own
        other = self._called.stats
        hits, misses = (Counter(own[index]) + Counter(other[index]) for index in (1, 2))
        return _CompileStats(own.cache_path, hits, misses)


def _linked_alone(flags: Any) -> Any:
    flags.no_cpython_wrapper = flags.no_cfunc_wrapper = flags.no_compile = True
    return flags
