"""The table of gas names everything that costs gas, and prices the operation alone."""

import io
import json
from dataclasses import replace

import pytest
from rich.console import Console

from bench.gas_case import GasCase, environment
from bench.gas_table import (
    GasFigure,
    WrongResult,
    all_cases,
    check,
    measure_gas,
    median_ns_per_gas,
    print_gas_table,
    slowest,
    write_gas_table,
)
from evm_jit.engine import Call, CallResult
from evm_jit.engines import make_engine
from evm_jit.opcodes import OPCODES
from evm_jit.reference_precompiles import precompiles_of
from primitives.block import BlockEnvironment
from primitives.forks import Fork
from statestore.view import WorldState

REFERENCE = make_engine("reference")
CASES = {case.name: case for case in all_cases()}
GAS = {
    "ADD": 3,
    "MUL, 256 by 256 bits": 5,
    "EXP, exponent of 32 bytes": 10 + 50 * 32,
    "KECCAK256, 136 bytes": 30 + 6 * 5,
    "PUSH32": 3,
    "DUP16": 3,
    "SWAP1": 3,
    "POP": 2,
    "JUMP": 8,
    "JUMPI, taken": 10,
    "JUMPI, not taken": 10,
    "JUMPDEST": 1,
    "CALLDATACOPY, 32 bytes": 6,
    "RETURNDATACOPY, 1,024 bytes": 3 + 3 * 32,
    "SLOAD, cold": 2_100,
    "SLOAD, cold, never written": 2_100,
    "SLOAD, warm": 100,
    "SSTORE, cold, 0 to a value": 22_100,
    "SSTORE, cold, a value to another": 5_000,
    "SSTORE, cold, a value to 0": 5_000,
    "SSTORE, cold, unchanged": 2_200,
    "SSTORE, warm, written before": 100,
    "TSTORE, another key each time": 100,
    "LOG4, 32 bytes": 375 * 5 + 8 * 32,
    "BALANCE, cold": 2_600,
    "BALANCE, cold, no account": 2_600,
    "EXTCODECOPY, cold, 32 bytes": 2_603,
    "CALL, warm, STOP": 100,
    "CALL, cold, no code": 2_600,
    "CALL, cold, of value to a new account": 2_600 + 9_000 + 25_000 - 2_300,
    "DELEGATECALL, cold, STOP": 2_600,
    "SELFDESTRUCT, of ether to a new account": 5_000 + 2_600 + 25_000,
    "ECRECOVER 0x01, valid": 3_100,
    "SHA256 0x02, 32 bytes": 172,
    "P256VERIFY 0x100, another digest": 7_000,
    "BN254_ADD 0x06, not on the curve": 250,
    "BLAKE2F 0x09, 12 rounds": 112,
}


def quick(case: GasCase) -> GasCase:
    return replace(case, repeats_max=min(case.repeats_max, 3), frames_max=2)


def test_every_opcode_and_every_precompile_has_a_case() -> None:
    subjects = {case.subject for case in CASES.values()}
    opcodes = {opcode.name for opcode in OPCODES.values()} | {"INVALID"}
    addresses = {int(subject.split(" 0x")[1], 16) for subject in subjects if " 0x" in subject}
    assert {subject for subject in subjects if " 0x" not in subject} == opcodes
    assert addresses == {int.from_bytes(address, "big") for address in precompiles_of(Fork.OSAKA)}


@pytest.mark.parametrize("name", GAS)
def test_the_difference_to_the_control_is_the_gas_of_the_operation(name: str) -> None:
    [figure] = measure_gas(REFERENCE, [quick(CASES[name])], 1)
    assert figure.gas == GAS[name]


@pytest.mark.parametrize("name", CASES)
def test_every_case_runs_in_the_control_as_well(name: str) -> None:
    case = quick(CASES[name])
    if case.subject.startswith(("CREATE", "BN254", "BLS12", "POINT", "P256")):
        case = replace(case, repeats_max=1)
    for is_control in (False, True):
        result = REFERENCE.call(case.call, environment(), case.state(1, is_control=is_control))
        assert result.halt is None
        assert result.output or case.operation == b""


class Wrong:
    """The reference engine, but for one thing."""

    name = "wrong"

    def __init__(self, **changes: object) -> None:
        self._changes = changes

    def call(self, call: Call, block: BlockEnvironment, state: WorldState) -> CallResult:
        result = REFERENCE.call(call, block, state)
        if "storage" in self._changes:
            state.set_storage(bytes(19) + b"\x01", 1, 1)
            return result
        return replace(result, **self._changes)


@pytest.mark.parametrize("changes", [{"gas_used": 7}, {"output": b"other"}, {"halt": "out of gas"}, {"storage": 1}])
def test_an_engine_that_differs_ends_the_table(changes: dict[str, object]) -> None:
    with pytest.raises(WrongResult, match="expected"):
        check(quick(CASES["ADD"]), Wrong(**changes), REFERENCE, environment())  # type: ignore[arg-type]


FIGURES = [
    GasFigure("ADD", "", 3, 3.0),
    GasFigure("DIV", "64 by 64 bits", 5, 5.0),
    GasFigure("DIV", "256 by 128 bits", 5, 35.0),
    GasFigure("POP", "", 2, 1.0),
    GasFigure("STOP", "", 0, 9.0),
]


def test_a_row_is_the_slowest_case_and_what_is_free_comes_last() -> None:
    rows = slowest(FIGURES)
    assert [(row.subject, row.variant) for row in rows] == [
        ("DIV", "256 by 128 bits"),
        ("ADD", ""),
        ("POP", ""),
        ("STOP", ""),
    ]
    assert median_ns_per_gas(rows) == 1.0


def test_the_table_names_what_is_above_the_limit() -> None:
    screen = io.StringIO()
    print_gas_table(FIGURES, "native", Console(file=screen, width=120))
    assert "Median of 4 opcodes and 0 precompiles: 1.000 ns/gas; of the opcodes alone 1.000." in screen.getvalue()
    assert "More than 5 times the median: 1: DIV." in screen.getvalue()


def test_the_file_holds_every_case(tmp_path) -> None:
    document = json.loads(write_gas_table(FIGURES, "native", {"commit": "abc"}, tmp_path).read_text())
    assert (document["engine"], document["commit"], document["medianNsPerGas"]) == ("native", "abc", 1.0)
    assert [case["subject"] for case in document["cases"]] == ["DIV", "ADD", "DIV", "POP", "STOP"]
