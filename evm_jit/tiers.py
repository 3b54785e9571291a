"""
Where the interpreter and compiled code hand a frame to each other.

A frame whose code has machine code is run by it whenever it is entered or resumed, and at every jump that the
interpreter comes to. Compiled code leaves the frame at a pc for the interpreter to go on; at the latest at an
instruction that changes the running frame. Both work on the same record, stack and memory, and it says exactly where
the frame is.

Gas that frames of a code use themselves is its heat. Without machine code the interpreter, of bytecode or of threaded
code, works in slices: at the first jump behind so much gas it looks whether there is machine code by now, or the code
has become hot.
"""

# mypy: allow-untyped-defs, allow-untyped-calls

from typing import Final

import numpy as np
from llvmlite import ir

from evm_jit.halt_codes import OUT_OF_GAS
from evm_jit.machine import TIER_SIZE_BYTES, as_tier
from evm_jit.stopping import IN_FRAME
from primitives.kernels_cache import njit
from primitives.memory import foreign_call
from primitives.records import address_of
from statestore.hash_index import hash_words
from statestore.table import as_tables, counters_of

SLICE_GAS: Final = 50_000  # Some 20 us in the interpreter.
LEFT, FAILED = 0, 1  # What compiled code returns: the interpreter goes on at frame.pc, or an instruction has failed.
REPEATED_FIRST_COUNT: Final = 16  # Runs of an object, all of which are repeated.
REPEATED_INTERVAL: Final = 1_000  # Of those behind them one in so many is, on average.

call_compiled = foreign_call(ir.IntType(64), (ir.IntType(64), ir.IntType(64)))


@njit
def run_compiled(machine, frame):
    """Run a frame's machine code: IN_FRAME if the interpreter is to go on in it, else why the frame stops."""
    gas_before = frame.gas_left
    end = call_compiled(frame.compiled, address_of(machine), address_of(frame))
    add_heat(machine, frame, gas_before - frame.gas_left)
    if end == LEFT:
        return IN_FRAME
    return machine.halt if machine.halt != 0 else OUT_OF_GAS


@njit
def use_machine_code(machine, frame):
    """
    Have a frame run the machine code of its code, if there is some; some of these runs are repeated without.

    Returns the code's TIER.
    """
    tier = as_tier(machine.tiers + frame.code_row * TIER_SIZE_BYTES)
    frame.compiled = tier.entry
    if tier.entry != 0:
        if machine.repeating != 0:
            frame.compiled, tier.repetition = 0, machine.repetitions
        else:
            tier.runs_left -= 1
            if tier.runs_left == 0:
                machine.repeats = 1
                plan_repetition(machine, tier)
    return tier


@njit
def plan_repetition(machine, tier):
    """Draw after how many runs, with it, the next run of machine code is repeated; nobody outside can tell."""
    if tier.first_left > 1:
        tier.first_left -= 1
        tier.runs_left = 1
    else:
        counters = counters_of(as_tables(machine.tables))
        drawn = hash_words(counters.hash_key, (np.uint64(machine.repetitions), np.uint64(counters.transaction)))
        tier.runs_left = 1 + np.int64(drawn >> np.uint64(1)) % (2 * REPEATED_INTERVAL - 1)


@njit
def is_hot(machine, frame):
    """Whether machine code is wanted for a frame that has none; if there is some by now, it is the frame's."""
    if frame.code_row < 0:
        return machine.heat_max < 0
    tier = use_machine_code(machine, frame)
    return tier.entry == 0 and tier.heat > machine.heat_max


@njit
def count_heat(machine, frame, used):
    """Add to the heat of a frame's code what the frame has used itself, so much gas (int64), and is not yet in it."""
    add_heat(machine, frame, used - frame.gas_counted)
    frame.gas_counted = used


@njit
def add_heat(machine, frame, gas):
    """Count gas (int64) that a frame has used itself."""
    if frame.code_row >= 0:
        tier = as_tier(machine.tiers + frame.code_row * TIER_SIZE_BYTES)
        tier.heat += gas


@njit
def next_look(frame):
    """The gas left (int64) below which the interpreter, at a jump, stops to look for machine code."""
    return frame.gas_left if frame.compiled != 0 else frame.gas_left - SLICE_GAS


@njit
def end_of_slice(gas_left):
    """The gas left (int64) below which threaded code, at a block, stops to look for machine code; 0 for never."""
    return max(gas_left - SLICE_GAS, 0)
