"""`--trace` of the commands: lines on stdout, each one object, and nothing else between them."""

import json
from collections.abc import Sequence
from dataclasses import replace
from io import StringIO
from pathlib import Path
from typing import Any

import pytest

from evm_jit.__main__ import run, statetest
from evm_jit.engines import make_engine
from evm_jit.state_tests import PreAccount
from evm_jit.trace_writer import TraceWriter
from evm_jit.workload import Workload, WorkloadMismatch, program, run_workload
from primitives.errors import ConfigError
from primitives.transaction import Transaction
from tests.evm_jit.scene import BLOCK, CONTRACT, ETHER, SENDER, signed
from tests.evm_jit.transfer_case import ROOT_AFTER, SIGNED, entry, hexadecimal, transfer_test, write

REFERENCE = make_engine("reference")
COUNT_GAS = "5a5f5260205ff3"  # GAS, PUSH0, MSTORE, PUSH1 32, PUSH0, RETURN


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """One test that passes on two forks."""
    write(tmp_path / "stOne/passes.json", {"t": transfer_test(Cancun=[entry()], Prague=[entry()])})
    return tmp_path / "stOne"


def lines(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


def test_run_with_trace_prints_steps_and_a_summary(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert run(code=COUNT_GAS, gas=1_000, trace=True) == 0
    *steps, summary = lines(capsys.readouterr().out)
    assert [step["opName"] for step in steps] == ["GAS", "PUSH0", "MSTORE", "PUSH1", "PUSH0", "RETURN"]
    assert summary == {"output": f"{998:064x}", "gasUsed": "0xf"}


def test_run_with_trace_and_json_ends_with_the_object_of_a_run(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(code="0xfe", gas=10, trace=True, as_json=True, bench=2) == 0
    step, summary, result = lines(capsys.readouterr().out)
    assert step["error"] == summary["error"] == result["error"] == "invalid opcode: INVALID"
    assert len(result["ns"]) == 2


def test_memory_is_traced_when_it_is_asked_for(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(code=COUNT_GAS, gas=1_000, trace_memory=True) == 0
    assert [step["memory"] for step in lines(capsys.readouterr().out) if "memory" in step] == 3 * [f"0x{998:064x}"]


def test_statetest_with_trace_ends_each_case_with_its_state_root(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert statetest([folder], trace=True) == 0
    captured = capsys.readouterr()
    found = lines(captured.out)
    assert found[0] == {"output": "", "gasUsed": "0x5208"}
    assert found[1] == {
        "stateRoot": hexadecimal(ROOT_AFTER),
        "name": "stOne/passes.json/t/Cancun/d0g0v0",
        "fork": "Cancun",
        "pass": True,
    }
    assert len(found) == 4
    assert "all" in captured.err, "the summary for a person is not among the lines"


def test_statetest_with_trace_says_why_a_transaction_was_refused(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    unfunded = SIGNED.signed_by(bytes(31) + b"\x02").raw
    write(folder / "passes.json", {"t": transfer_test(Cancun=[entry(raw=unfunded)])})
    assert statetest([folder], trace=True, as_json=True) == 1
    summary, state, verdicts = lines(capsys.readouterr().out)
    assert "insufficient funds" in summary["error"]
    assert not state["pass"]
    assert [verdict["pass"] for verdict in verdicts] == [False]


def test_statetest_with_trace_runs_in_one_process(folder: Path) -> None:
    with pytest.raises(ConfigError, match="leave --jobs out"):
        statetest([folder], trace=True, jobs=2)


def traced_lines(workload: Workload) -> list[dict[str, Any]]:
    file = StringIO()
    run_workload(workload, REFERENCE, 0, TraceWriter(file))
    return lines(file.getvalue())


def test_every_call_of_a_workload_has_its_summary() -> None:
    workload = program(bytes.fromhex(COUNT_GAS), b"", 1_000)
    found = traced_lines(replace(workload, calls=2 * [workload.calls[0]]))
    assert [index for index, line in enumerate(found) if "output" in line] == [6, 13]


def test_every_transaction_of_a_workload_has_its_summary() -> None:
    accounts = [PreAccount(SENDER, 0, ETHER, b"", {}), PreAccount(CONTRACT, 1, 0, bytes.fromhex(COUNT_GAS), {})]
    transactions: Sequence[Transaction] = [signed(), signed(nonce=9), signed(nonce=1)]
    found = traced_lines(Workload((), BLOCK, accounts, transactions=transactions))
    assert [line["gasUsed"] for line in found if "output" in line] == [hex(21_015), "0x0", hex(21_015)]
    assert "nonce too high" in found[7]["error"]


def test_workload_is_checked_though_it_is_traced() -> None:
    workload = program(bytes.fromhex(COUNT_GAS), b"", 1_000)
    with pytest.raises(WorkloadMismatch):
        traced_lines(replace(workload, gas_expected=14))
