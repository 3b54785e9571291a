"""
Which codes have threaded code, by hash of the code and by fork.

A code gets it when it has been executed for about as long as making it takes: `heat` is counted in bytes of code that
could have been gone through meanwhile. So whoever has code translated has paid for the time, also if it is forgotten
at once. The code of a creation runs once and has none. When the arena is full nothing is translated any more until no
frame runs; then all of it is forgotten.
"""

# mypy: allow-untyped-defs, allow-untyped-calls

from evm_jit.machine import AT_ONCE, THREADED_ENTRY_COUNT, THREADED_ENTRY_SIZE_BYTES, as_threaded_entry
from evm_jit.threaded_code import CODE_SIZE_BYTES_MAX, translate
from primitives.kernels_cache import njit
from primitives.memory import clear_bytes
from primitives.wide_integers import low_int64

# Bytes that are gone through while a frame is opened; and while 2^HEAT_GAS_BITS gas is used, one.
HEAT_PER_FRAME = 16
HEAT_GAS_BITS = 4


@njit
def entry_of(machine, code_hash):
    """Where what is known of a code is kept; what is there may be of another one, which it takes the place of."""
    number = (low_int64(code_hash) ^ machine.fork) & (THREADED_ENTRY_COUNT - 1)
    entry = as_threaded_entry(machine.threaded_entries + number * THREADED_ENTRY_SIZE_BYTES)
    if entry.hash != code_hash or entry.fork != machine.fork:
        entry.hash, entry.fork, entry.heat, entry.code = code_hash, machine.fork, 0, 0
    return entry


@njit
def forget_all(machine):
    """Empty the arena, when no frame runs."""
    clear_bytes(machine.threaded_entries, THREADED_ENTRY_COUNT * THREADED_ENTRY_SIZE_BYTES)
    machine.threaded_top = machine.threaded
    machine.threaded_is_full = 0


@njit
def threaded_code_of(machine, entry, code, size, bitmap):
    """The threaded code of a code, made if it is time; 0 if there is none."""
    if entry.code == 0 and size <= CODE_SIZE_BYTES_MAX and (entry.heat >= size or machine.translates == AT_ONCE):
        entry.code = translate(machine, code, size, bitmap)
        if entry.code == 0:
            machine.threaded_is_full = 1
    return entry.code


@njit
def heat(frame, used):
    """Note that a frame that ran bytecode has used so much gas."""
    if frame.threaded == 0 and frame.entry != 0:
        entry = as_threaded_entry(frame.entry)
        entry.heat += HEAT_PER_FRAME + (used >> HEAT_GAS_BITS)
