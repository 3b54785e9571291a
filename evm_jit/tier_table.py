"""Which codes of a state have machine code: the records that kernels read, and who fills them."""

import ctypes
from collections.abc import Callable
from typing import Any, Final, Protocol

import numpy as np

from evm_jit.machine import FRAME, FRAME_SIZE_BYTES, TIER, Machine
from primitives.forks import Fork
from statestore.state import State

NEVER_HOT: Final = 1 << 62


class TierTable:
    """A TIER for each row of the codes of one state."""

    def __init__(self) -> None:
        self.records = np.zeros(0, TIER)

    def reserve(self, count: int) -> None:
        """Have room for so many codes."""
        if count > len(self.records):
            grown = np.zeros(count, TIER)
            grown[: len(self.records)] = self.records
            self.records = grown


class Tiers(Protocol):
    """
    Machine code as a native engine sees it.

    heat_max : gas that a code may use without machine code
    """

    heat_max: int

    def table(self, state: State, fork: Fork) -> TierTable:
        """Of the codes of a state under the rules of a fork."""
        ...

    def provide(self, frame: Any, table: TierTable, fork: Fork) -> None:
        """The code of a frame (a FRAME) is hotter than `heat_max`: have it compiled, now or later."""
        ...


class NoTiers:
    """All code is interpreted."""

    heat_max = NEVER_HOT

    def table(self, state: State, fork: Fork) -> TierTable:
        """Nothing has machine code."""
        return TierTable()

    def provide(self, frame: Any, table: TierTable, fork: Fork) -> None:
        """Never asked."""
        raise AssertionError("no code is hot")


def running_frame(machine: Machine) -> Any:
    """The record of the frame that runs; a view."""
    memory: Any = (ctypes.c_char * FRAME_SIZE_BYTES).from_address(machine["frame"])
    return np.frombuffer(memory, FRAME)[0]


Compile = Callable[[bytes, Fork], int]


class ForcedTiers:
    """Every code is compiled when a frame enters it for the first time, init code too; for tests."""

    heat_max = -1

    def __init__(self, compile_code: Compile) -> None:
        self._compile = compile_code

    def table(self, state: State, fork: Fork) -> TierTable:
        """Filled anew in each batch: the compiler remembers what it has compiled."""
        return TierTable()

    def provide(self, frame: Any, table: TierTable, fork: Fork) -> None:
        """Compile the code of a frame."""
        entry = self._compile(ctypes.string_at(int(frame["code"]), int(frame["code_size"])), fork)
        frame["compiled"] = entry
        if frame["code_row"] >= 0:
            table.records["entry"][frame["code_row"]] = entry
