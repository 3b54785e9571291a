import os
from pathlib import Path
from typing import Any

import pytest

from evm_jit import case_pool
from evm_jit.case_pool import BATCH_CASES_MAX, Batch, plan_batches, run_batches
from evm_jit.state_tests import CaseFile
from primitives.forks import Fork
from tests.evm_jit.transfer_case import entry, transfer_test, write


def case_file(folder: Path, name: str, count: int = 1) -> CaseFile:
    posts = {"Cancun": [entry() for _ in range(count)], "Prague": [entry()]}
    return CaseFile(write(folder / name, {"t": transfer_test(**posts)}), name, "folder")


def test_batches_hold_every_case_once(tmp_path: Path) -> None:
    files = [case_file(tmp_path, "a.json", BATCH_CASES_MAX + 3), case_file(tmp_path, "b.json")]
    assert plan_batches(files, None).batches == [
        Batch(files[0], 0, BATCH_CASES_MAX, None),
        Batch(files[0], BATCH_CASES_MAX, BATCH_CASES_MAX + 4, None),
        Batch(files[1], 0, 2, None),
    ]
    assert plan_batches(files, Fork.PRAGUE).batches == [Batch(file, 0, 1, Fork.PRAGUE) for file in files]


def test_plan_counts_the_cases_that_no_batch_holds(tmp_path: Path) -> None:
    test = transfer_test(Cancun=[entry()], Atlantis=[entry(), entry()])
    file = CaseFile(write(tmp_path / "a.json", {"t": test}), "a.json", "folder")
    plan = plan_batches([file], None)
    assert (plan.case_count, plan.unknown_count) == (1, 2)


def test_slow_files_come_first_one_case_at_a_time(tmp_path: Path) -> None:
    files = [case_file(tmp_path, "a.json"), case_file(tmp_path, "static_Call50000.json", 2)]
    assert [(batch.file.name, batch.start, batch.stop) for batch in plan_batches(files, None).batches] == [
        ("static_Call50000.json", 0, 1),
        ("static_Call50000.json", 1, 2),
        ("static_Call50000.json", 2, 3),
        ("a.json", 0, 2),
    ]


@pytest.mark.parametrize("jobs", [1, 2])
def test_processes_give_the_same_verdicts_as_one(tmp_path: Path, jobs: int) -> None:
    files = [case_file(tmp_path, "a.json", BATCH_CASES_MAX), case_file(tmp_path, "b.json")]
    results = list(run_batches(plan_batches(files, None).batches, "reference", jobs))
    by_name = {verdict.name: verdict.passed for result in results for verdict in result.verdicts}
    assert len(by_name) == BATCH_CASES_MAX + 3
    assert all(by_name.values())


def die_in_worker(batch: Batch) -> Any:
    """What a worker does with a file called `deadly`; it is imported by the workers, so it stands alone."""
    if "deadly" in batch.file.name:
        os._exit(1)
    return case_pool.run_batch(batch, case_pool._engines["worker"])


def test_worker_that_dies_fails_its_own_batch_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files = [case_file(tmp_path, "deadly.json"), case_file(tmp_path, "a.json")]
    monkeypatch.setattr(case_pool, "_run_in_worker", die_in_worker)
    results = run_batches(plan_batches(files, None).batches, "reference", 2)
    errors = {result.batch.file.name: {verdict.error for verdict in result.verdicts} for result in results}
    assert errors == {
        "deadly.json": {"reference engine: the process died while it ran this batch"},
        "a.json": {None},
    }
