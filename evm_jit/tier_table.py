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
    """
    A TIER for each row of the codes of one state.

    heat_max : gas that a code may use without machine code before compiled code asks for some; below 0 it asks at once
    filled_count : codes that its owner has looked for machine code for
    """

    def __init__(self, heat_max: int = NEVER_HOT) -> None:
        self.heat_max = heat_max
        self.filled_count = 1  # The empty code never runs.
        self.records = np.zeros(0, TIER)

    def reserve(self, count: int) -> None:
        """Have room for so many codes."""
        if count > len(self.records):
            grown = np.zeros(count, TIER)
            grown[: len(self.records)] = self.records
            self.records = grown


class Tiers(Protocol):
    """Machine code as a native engine sees it."""

    def warm_up(self) -> None:
        """Do what the first contract would otherwise wait for."""
        ...

    def wait(self, seconds: float) -> None:
        """Until nothing is being compiled, or so long."""
        ...

    def close(self) -> None:
        """Compile nothing any more."""
        ...

    def begin(self, state: State, fork: Fork) -> TierTable:
        """A batch begins: what is known of the codes of a state under the rules of a fork."""
        ...

    def end(self, table: TierTable, state: State, fork: Fork) -> None:
        """It has ended."""
        ...

    def provide(self, frame: Any, table: TierTable, state: State, fork: Fork) -> None:
        """The code of a frame (a FRAME) is hotter than the table's `heat_max`: have it compiled, now or later."""
        ...

    def pin(self, rows: list[int], state: State, fork: Fork, difference: str) -> None:
        """
        A transaction was repeated by the interpreter, with another result.

        rows : of the codes that it ran as machine code
        difference : what the interpreter had otherwise
        """
        ...


class NoTiers:
    """All code is interpreted."""

    def warm_up(self) -> None:
        """Nothing."""

    def wait(self, seconds: float) -> None:
        """Not at all."""

    def close(self) -> None:
        """Nothing."""

    def begin(self, state: State, fork: Fork) -> TierTable:
        """Nothing has machine code."""
        return TierTable()

    def end(self, table: TierTable, state: State, fork: Fork) -> None:
        """Nothing."""

    def provide(self, frame: Any, table: TierTable, state: State, fork: Fork) -> None:
        """Never asked."""
        raise AssertionError("no code is hot")

    def pin(self, rows: list[int], state: State, fork: Fork, difference: str) -> None:
        """Never told."""
        raise AssertionError("no code has machine code")


def running_frame(machine: Machine) -> Any:
    """The record of the frame that runs; a view."""
    memory: Any = (ctypes.c_char * FRAME_SIZE_BYTES).from_address(machine["frame"])
    return np.frombuffer(memory, FRAME)[0]


Compile = Callable[[bytes, Fork], int]


class ForcedTiers(NoTiers):
    """Every code is compiled when a frame enters it for the first time, init code too; for tests."""

    def __init__(self, compile_code: Compile) -> None:
        self._compile = compile_code

    def begin(self, state: State, fork: Fork) -> TierTable:
        """Filled anew in each batch: the compiler remembers what it has compiled."""
        return TierTable(heat_max=-1)

    def provide(self, frame: Any, table: TierTable, state: State, fork: Fork) -> None:
        """Compile the code of a frame."""
        entry = self._compile(ctypes.string_at(int(frame["code"]), int(frame["code_size"])), fork)
        frame["compiled"] = entry
        if frame["code_row"] >= 0:
            table.records["entry"][frame["code_row"]] = entry
