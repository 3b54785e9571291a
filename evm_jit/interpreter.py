"""The interpreter: the loop that `evm_jit.dispatch` writes from the table of opcodes."""

from evm_jit.dispatch import load_interpreter
from evm_jit.threaded_interpreter import run_threaded

interpret = load_interpreter("interpret", is_stepping=False)
__all__ = ["interpret", "run_threaded"]
