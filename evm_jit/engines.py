"""Which engine `--engine` names."""

from evm_jit.engine import Engine
from evm_jit.reference import ReferenceEngine
from primitives.errors import ConfigError

ENGINE_NAMES = ("reference",)


def make_engine(name: str) -> Engine:
    """The engine called `name`; ConfigError, in one sentence, for a name that this version does not have."""
    if name == ReferenceEngine.name:
        return ReferenceEngine()
    raise ConfigError(f"no engine is called '{name}': use one of {', '.join(ENGINE_NAMES)}.")
