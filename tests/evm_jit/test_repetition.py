"""Which runs of machine code are repeated, and that whatever a run left otherwise is seen."""

from collections import Counter
from collections.abc import Callable

import numpy as np
import pytest

from evm_jit.machine import RESULT, TIER, Machine, as_machine, as_tier, result_row
from evm_jit.repetition import begin_repetition, difference, end_repetition, put_off_repetition
from evm_jit.tiers import REPEATED_FIRST_COUNT, REPEATED_INTERVAL, plan_repetition
from primitives.kernels_cache import njit
from statestore.state import State
from tests.evm_jit.scene import ETHER, OTHER, SENDER


@njit
def draw(machine_address, tier_address, drawn):  # type: ignore[no-untyped-def]
    """Fill `drawn`, int64[n], with the runs from one repetition to the next."""
    machine, tier = as_machine(machine_address), as_tier(tier_address)
    for index in range(len(drawn)):
        machine.repetitions += 1
        plan_repetition(machine, tier)
        drawn[index] = tier.runs_left


@njit
def begin(machine_address, results):  # type: ignore[no-untyped-def]
    """Begin the repetition of a transaction."""
    begin_repetition(as_machine(machine_address), result_row(results, 0, 1))


@njit
def end(machine_address, results):  # type: ignore[no-untyped-def]
    """End it: whether it left the same."""
    return end_repetition(as_machine(machine_address), result_row(results, 0, 1))


@njit
def put_off(machine_address):  # type: ignore[no-untyped-def]
    """The transaction was given up."""
    put_off_repetition(as_machine(machine_address))


def machine_over(state: State) -> Machine:
    machine = Machine()
    machine["tables"] = state.tables.address
    return machine


def test_the_first_runs_are_all_repeated_and_then_one_in_a_thousand_that_nobody_can_tell() -> None:
    tier, drawn = np.zeros(1, TIER), np.zeros(4_000, np.int64)
    tier["first_left"] = REPEATED_FIRST_COUNT
    draw(machine_over(State()).address, tier.ctypes.data, drawn)
    first, later = drawn[: REPEATED_FIRST_COUNT - 1], drawn[REPEATED_FIRST_COUNT - 1 :]
    assert (first == 1).all()
    assert 0.9 < later.mean() / REPEATED_INTERVAL < 1.1
    assert later.min() >= 1
    assert later.max() < 2 * REPEATED_INTERVAL
    assert len(Counter(later.tolist())) > 1_000


class Run:
    """What a transaction leaves, written by hand; tests change one thing of it."""

    def __init__(self) -> None:
        self.balance, self.value, self.slot, self.halt, self.gas_used = 7, 5, 3, 1, 21_000
        self.logs, self.output = bytes(range(96)), bytes(range(40))
        self.order = 1

    def write(self, state: State) -> None:
        """As instructions do."""
        writes: list[Callable[[], None]] = [
            lambda: state.set_balance(OTHER, self.balance),
            lambda: state.set_storage(OTHER, self.slot, self.value),
        ]
        for each in writes[:: self.order]:
            each()

    def result(self) -> "np.ndarray[tuple[int], np.dtype[np.void]]":
        """The RESULT that tells of it."""
        self._kept = np.frombuffer(self.logs, np.uint8), np.frombuffer(self.output, np.uint8)
        found = np.zeros(1, RESULT)
        logs, output = (each.ctypes.data for each in self._kept)
        found["halt"], found["gas_used"] = self.halt, self.gas_used
        found["logs"], found["logs_end"] = logs, logs + len(self.logs)
        found["output"], found["output_size"] = output, len(self.output)
        return found


CHANGES = {
    "halt": 2,
    "gas_used": 21_001,
    "balance": 8,
    "value": 6,
    "slot": 4,
    "logs": bytes(96),
    "output": bytes(range(41)),
    "order": -1,
}


def repeat(second: Run) -> tuple[bool, str]:
    """Whether a repetition that leaves `second` is the same, and what it says otherwise; after Run()."""
    state = State()
    state.set_balance(SENDER, ETHER)
    state.begin_transaction()
    machine = machine_over(state)
    machine["gas_used"] = 100_000
    first = Run()
    first.write(state)
    results = first.result()
    begin(machine.address, results.ctypes.data)
    assert machine["repeating"] == 1
    assert machine["gas_used"] == 100_000 - first.gas_used
    assert state.account(OTHER) is None
    state.begin_transaction()
    second.write(state)
    results = second.result()
    is_same = bool(end(machine.address, results.ctypes.data))
    assert machine["repeating"] == 0
    return is_same, difference(machine, results[0])


def test_a_repetition_that_leaves_the_same_is_the_same() -> None:
    assert repeat(Run())[0]


@pytest.mark.parametrize("name", CHANGES)
def test_whatever_is_left_otherwise_is_seen(name: str) -> None:
    second = Run()
    setattr(second, name, CHANGES[name])
    is_same, said = repeat(second)
    assert not is_same
    assert said.startswith(name.replace("_", " ") if name in ("halt", "gas_used") else "its output, its logs")


@pytest.mark.parametrize("is_repetition", [True, False])
def test_what_is_given_up_is_repeated_from_its_start_if_it_was_a_repetition(is_repetition: bool) -> None:
    """The rows that the first run wrote may be other ones by then."""
    machine = machine_over(State())
    machine["repeating"] = int(is_repetition)
    put_off(machine.address)
    assert (machine["repeats"], machine["repeating"]) == (int(is_repetition), 0)
