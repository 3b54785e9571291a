"""The interpreter of threaded code."""

# mypy: allow-untyped-defs, allow-untyped-calls

from evm_jit.threaded_loop import run_cells
from primitives.kernels_cache import njit_without_lock


@njit_without_lock
def run_threaded(machine, frame):
    """
    Run a frame in threaded code, until it ends, opens another, is to go on in its bytecode, or a slice ends.

    Returns RUNNING, or why it ended.
    """
    return run_cells(machine, frame, frame.pc, frame.gas_left, frame.top)  # type: ignore[call-arg]
