"""0x00, 0x56 to 0x58, 0x5a, 0x5b, 0xf3, 0xfd: where execution goes on, and where it ends."""

# mypy: allow-untyped-defs, allow-untyped-calls

from evm_jit.frame_memory import expand, size_of
from evm_jit.halt_codes import FINISHED, INVALID_JUMP, OUT_OF_GAS, REVERTED
from primitives.kernels_cache import njit
from primitives.memory import load_byte
from primitives.wide_integers import low_int64, u256


@njit
def destination_of(machine, frame, word):
    """The address of a jump's destination; -1, and the frame stops, if no JUMPDEST is there."""
    if word < u256(frame.code_size):
        offset = low_int64(word)
        if (load_byte(frame.jump_destinations + (offset >> 3)) >> (offset & 7)) & 1 != 0:
            return frame.code + offset
    machine.halt = INVALID_JUMP
    return -1


@njit
def jump(machine, frame, pc, destination):
    """JUMP (0x56): go on at a destination."""
    return destination_of(machine, frame, destination)


@njit
def jump_if(machine, frame, pc, destination, condition):
    """JUMPI (0x57): go on at a destination if the condition is not 0."""
    if condition == 0:
        return pc
    return destination_of(machine, frame, destination)


@njit
def program_counter(frame, pc):
    """PC (0x58): the offset of this very opcode."""
    return pc, u256(pc - 1 - frame.code)


@njit
def gas(gas_left):
    """GAS (0x5a): what is left after this opcode."""
    return gas_left, u256(gas_left)


@njit
def jump_destination():
    """JUMPDEST (0x5b): nothing but a place to jump to."""


@njit
def stop_frame(machine, frame):
    """STOP (0x00): the end, without output."""
    machine.output_size = 0
    return FINISHED


@njit
def end_with_output(machine, frame, offset_word, size_word, halt):
    """End the frame; its output is a part of its memory."""
    offset, size = size_of(offset_word), size_of(size_word)
    gas_left = expand(machine, frame, frame.gas_left, offset, size)
    if gas_left < 0:
        return machine.halt if machine.halt != 0 else OUT_OF_GAS
    frame.gas_left = machine.gas_charged = gas_left
    machine.output, machine.output_size = frame.memory + offset, size
    return halt


@njit
def return_frame(machine, frame, offset, size):
    """RETURN (0xf3): the end."""
    return end_with_output(machine, frame, offset, size, FINISHED)


@njit
def revert_frame(machine, frame, offset, size):
    """REVERT (0xfd): the end; what the frame did is undone, what gas is left stays (EIP-140)."""
    return end_with_output(machine, frame, offset, size, REVERTED)
