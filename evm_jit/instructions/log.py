"""0xa0 to 0xa4: logs, kept one behind another in the machine's arena."""

# mypy: allow-untyped-defs, allow-untyped-calls

from evm_jit.frame_memory import expand, size_of, stop
from evm_jit.gas import GAS_LOG_PER_BYTE, GAS_LOG_PER_TOPIC
from evm_jit.halt_codes import ARENA_FULL, WRITE_PROTECTION
from evm_jit.machine import LOG_SIZE_BYTES, as_log
from primitives.kernels_cache import njit
from primitives.memory import copy_bytes
from primitives.u256 import load_limbs, store_big_endian

LOG0 = 0xA0


@njit
def log(machine, frame, gas_left, top, opcode):
    """LOG0 to LOG4 (0xa0 to 0xa4): a part of memory under so many topics; 375 gas a topic, 8 a byte."""
    topic_count = opcode - LOG0
    if frame.is_static != 0:
        return stop(machine, WRITE_PROTECTION)
    offset, size = size_of(load_limbs(top - 32)), size_of(load_limbs(top - 64))
    gas_left = expand(
        machine, frame, gas_left - GAS_LOG_PER_TOPIC * topic_count - GAS_LOG_PER_BYTE * size, offset, size
    )
    if gas_left < 0:
        return gas_left
    size_in_arena = LOG_SIZE_BYTES + 32 * topic_count + ((size + 7) & ~7)
    if machine.log_top + size_in_arena > machine.logs_end:
        return stop(machine, ARENA_FULL)
    entry = as_log(machine.log_top)
    entry.address, entry.topic_count, entry.data_size, entry.size = frame.address, topic_count, size, size_in_arena
    topics = machine.log_top + LOG_SIZE_BYTES
    for index in range(topic_count):
        store_big_endian(topics + 32 * index, load_limbs(top - 96 - 32 * index))
    copy_bytes(topics + 32 * topic_count, frame.memory + offset, size)
    machine.log_top += size_in_arena
    return gas_left
