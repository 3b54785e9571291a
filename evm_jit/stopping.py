"""Why the interpreter left its loop when no instruction has said so."""

# mypy: allow-untyped-defs, allow-untyped-calls

from evm_jit.halt_codes import INVALID_OPCODE, OUT_OF_GAS, STACK_OVERFLOW, STACK_UNDERFLOW
from evm_jit.machine import INVALID
from primitives.kernels_cache import njit
from primitives.memory import load_byte, load_int64

IN_FRAME = -1_000  # Not a status: the instruction did not end, or change, the running frame.


@njit
def why_stopped(machine, frame, pc, top):
    """
    A halt code, or a status that an instruction left in `machine.halt`.

    pc : address of the opcode at which the frame stopped
    top : of its stack before it
    """
    if machine.halt < 0:
        return machine.halt
    opcode, height = load_byte(pc), top - frame.stack
    entry = load_int64(machine.opcodes + (opcode << 3))
    least, most = (entry >> 16) & 0xFFFF, (entry >> 32) & 0xFFFF
    machine.halt_opcode, machine.halt_height = opcode, height >> 5
    if entry >> 48 == INVALID:
        return INVALID_OPCODE
    if height < least:
        machine.halt_needed = least >> 5
        return STACK_UNDERFLOW
    if height > most:
        machine.halt_needed = most >> 5
        return STACK_OVERFLOW
    return machine.halt if machine.halt != 0 else OUT_OF_GAS
