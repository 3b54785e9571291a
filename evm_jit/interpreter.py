"""The interpreter: the loop that `evm_jit.dispatch` writes from the table of opcodes."""

from evm_jit.dispatch import load_interpreter

interpret = load_interpreter("interpret", is_stepping=False)
