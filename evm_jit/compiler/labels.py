"""The names of blocks of IR, and what each is for."""

from typing import Final

LEAVE: Final = "leave"  # The interpreter goes on where the frame's record says.
FAIL: Final = "fail"  # The instruction has failed.
DISPATCH: Final = "dispatch"  # A destination is looked up.


def label_of(pc: int) -> str:
    """The block that starts at `pc`."""
    return f"b{pc}"


def check_of(pc: int) -> str:
    """Where the height of the stack is checked before that block."""
    return f"c{pc}"


def gate_of(pc: int) -> str:
    """Where it is decided how a loop is executed, whose head is that block."""
    return f"gate{pc}"


def turn_of(pc: int) -> str:
    """Where a turn of that loop begins that is written as a tree."""
    return f"turn{pc}"


def entry_of(pc: int) -> str:
    """The way from outside into the block."""
    return f"enter{pc}"
