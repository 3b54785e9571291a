from pathlib import Path

import pytest

from evm_jit import verdict_report
from evm_jit.case_pool import Batch, Result
from evm_jit.state_tests import CaseFile
from evm_jit.statetest import Verdict
from evm_jit.verdict_report import progress, summary


def result(folder: str, *errors: str | None) -> Result:
    file = CaseFile(Path("t.json"), f"{folder}/t.json", folder)
    verdicts = [
        Verdict(f"{file.name}/t/Cancun/d{index}g0v0", "Cancun", bytes(32), error, 0.5)
        for index, error in enumerate(errors)
    ]
    return Result(Batch(file, 0, len(errors), None), verdicts)


def test_summary_counts_by_folder_and_by_fork() -> None:
    rows = [line.split() for line in summary([result("stTwo", None, None), result("stOne", None)]).splitlines()]
    assert rows == [
        ["folder", "passed", "failed", "seconds"],
        ["stOne", "1", "0", "0.5"],
        ["stTwo", "2", "0", "1.0"],
        [],
        ["fork", "passed", "failed", "seconds"],
        ["Cancun", "3", "0", "1.5"],
        ["all", "3", "0", "1.5"],
    ]


def test_summary_names_each_failure_with_its_reason() -> None:
    text = summary([result("stOne", None, "state root 0x00, expected 0x01")])
    assert text.endswith("FAIL  stOne/t.json/t/Cancun/d1g0v0\n      state root 0x00, expected 0x01")


def test_summary_of_nothing_is_empty_tables() -> None:
    assert "all" in summary([])


def test_progress_into_a_pipe_is_lines_on_stderr(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(verdict_report, "LINE_INTERVAL_S", 0)
    results = [result("stOne", None, None), result("stOne", "different")]
    with progress(iter(results), 3) as shown:
        assert list(shown) == results
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.splitlines() == ["2 of 3 cases, 0 failed", "3 of 3 cases, 1 failed"]


def test_short_run_into_a_pipe_says_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    with progress(iter([result("stOne", None)]), 1) as shown:
        assert len(list(shown)) == 1
    assert capsys.readouterr() == ("", "")
