"""
What a transaction left behind, so that it can be undone, repeated without machine code, and compared.

The journal has everything that the transaction wrote. The second time the interpreter runs it, and what it leaves is
what holds.
"""

import ctypes
from typing import Any, NamedTuple

from evm_jit.machine import Machine
from statestore.state import State

Written = dict[object, object]


class Trace(NamedTuple):
    """Of one run: how it ended, what it gave back, what it logged, and every value that is not as it was before."""

    halt: int
    gas_used: int
    output: bytes
    logs: bytes
    written: Written


def left_behind(result: Any, state: State) -> Trace:
    """What the transaction that has just ended left, of which `result` (a RESULT) tells."""
    logs = int(result["logs"])
    return Trace(
        int(result["halt"]),
        int(result["gas_used"]),
        ctypes.string_at(int(result["output"]), int(result["output_size"])),
        ctypes.string_at(logs, int(result["logs_end"]) - logs),
        _written(state),
    )


def undo(machine: Machine, result: Any, state: State) -> None:
    """Take back all that the transaction did; it can begin again."""
    state.revert(0)
    machine["gas_used"] -= int(result["gas_used"])
    machine["log_top"] = int(result["logs"])
    machine["output_top"] = int(result["output"])


def difference(compiled: Trace, interpreted: Trace) -> str | None:
    """In what the two differ first, as a sentence; None if they are the same."""
    for name in ("halt", "gas_used", "output", "logs"):
        one, other = getattr(compiled, name), getattr(interpreted, name)
        if one != other:
            return f"{name.replace('_', ' ')} is {_shown(one)}, the interpreter's {_shown(other)}"
    for place in compiled.written.keys() | interpreted.written.keys():
        one, other = compiled.written.get(place, "as before"), interpreted.written.get(place, "as before")
        if one != other:
            return f"{_named(place)} is {one}, the interpreter's {other}"
    return None


def _written(state: State) -> Written:
    changed = state.changed()
    return {address: state.account(address) for address in changed.accounts} | {
        (address, key): state.storage(address, key) for address, key in changed.slots
    }


def _named(place: object) -> str:
    if isinstance(place, bytes):
        return f"account 0x{place.hex()}"
    assert isinstance(place, tuple)
    return f"slot {place[1]:#x} of 0x{place[0].hex()}"


def _shown(value: object) -> str:
    return f"{len(value)} bytes, 0x{value[:64].hex()}" if isinstance(value, bytes) else str(value)
