"""
Which engine `--engine` names. What an engine needs is imported when it is made: py-evm alone takes half a second.
"""

from collections.abc import Callable
from pathlib import Path

from evm_jit.engine import Engine
from primitives.errors import ConfigError


def _reference(report_directory: Path) -> Engine:
    from evm_jit.reference import ReferenceEngine

    return ReferenceEngine()


def _native(report_directory: Path) -> Engine:
    from evm_jit.compiler.live_tiers import LiveTiers
    from evm_jit.native import NativeEngine

    return NativeEngine(LiveTiers())


def _interpreter(report_directory: Path) -> Engine:
    from evm_jit.native import NativeEngine

    engine = NativeEngine()
    engine.name = "interpreter"
    return engine


def _compiled(report_directory: Path) -> Engine:
    from evm_jit.compiler.forced import CompiledEngine

    return CompiledEngine()


def _compiled_hot(report_directory: Path) -> Engine:
    from evm_jit.compiler.forced import CompiledEngine
    from evm_jit.compiler.object_code import HOT

    engine = CompiledEngine(HOT)
    engine.name = "compiled-hot"
    return engine


def _shadow(report_directory: Path) -> Engine:
    from evm_jit.shadow import ShadowEngine

    return ShadowEngine(_native(report_directory), _reference(report_directory), report_directory)


_ENGINES: dict[str, Callable[[Path], Engine]] = {
    "reference": _reference,
    "native": _native,
    "shadow": _shadow,
    "interpreter": _interpreter,  # The native engine's first tier alone.
    "compiled": _compiled,  # Compiled code for all, init code too; and the same with the compiler's second tier.
    "compiled-hot": _compiled_hot,
}
ENGINE_NAMES = tuple(_ENGINES)
ENGINES_TESTED = ("reference", "native", "shadow", "compiled")  # By every test of behaviour.


def make_engine(name: str, report_directory: Path = Path()) -> Engine:
    """
    The engine called `name`; ConfigError, in one sentence, for a name that this version does not have.

    report_directory : where the shadow engine writes what differs
    """
    if name not in _ENGINES:
        raise ConfigError(f"no engine is called '{name}': use one of {', '.join(ENGINE_NAMES)}.")
    return _ENGINES[name](report_directory)
