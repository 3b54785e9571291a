from pathlib import Path
from typing import Any

import pytest

from evm_jit.engines import make_engine
from evm_jit.state_tests import Case, CaseFile, read_cases
from evm_jit.statetest import run_case
from primitives.constants import EMPTY_LIST_HASH
from tests.evm_jit.transfer_case import ROOT_AFTER, ROOT_BEFORE, SIGNED, entry, hexadecimal, transfer_test, write

REFERENCE = make_engine("reference")


def one_case(folder: Path, **members: Any) -> Case:
    path = write(folder / "t.json", {"t": transfer_test(Cancun=[entry(**members)])})
    return read_cases(CaseFile(path, "t.json", ""))[0]


class Crashing:
    """An engine with a bug."""

    name = "crashing"

    def execute(self, *_: object) -> Any:
        raise RecursionError("too deep")

    call = execute


def test_transfer_ends_in_the_root_computed_by_hand(tmp_path: Path) -> None:
    verdict = run_case(one_case(tmp_path), REFERENCE)
    assert verdict.error is None
    assert verdict.as_json() == {
        "name": "t.json/t/Cancun/d0g0v0",
        "pass": True,
        "fork": "Cancun",
        "stateRoot": hexadecimal(ROOT_AFTER),
        "error": None,
    }


def test_another_root_fails_with_both(tmp_path: Path) -> None:
    verdict = run_case(one_case(tmp_path, root=bytes(32)), REFERENCE)
    assert not verdict.passed
    assert verdict.error == f"state root {hexadecimal(ROOT_AFTER)}, expected {hexadecimal(bytes(32))}"


def test_other_logs_fail_with_both(tmp_path: Path) -> None:
    verdict = run_case(one_case(tmp_path, logs=hexadecimal(bytes(32))), REFERENCE)
    assert verdict.error == f"logs hash {hexadecimal(EMPTY_LIST_HASH)}, expected {hexadecimal(bytes(32))}"


def test_transaction_that_must_be_refused_fails_when_it_is_executed(tmp_path: Path) -> None:
    verdict = run_case(one_case(tmp_path, expectException="Some.REASON"), REFERENCE)
    assert verdict.error == "executed, expected to be refused: Some.REASON"


def test_transaction_that_must_be_executed_fails_when_it_is_refused(tmp_path: Path) -> None:
    raw = SIGNED.signed_by(bytes(31) + b"\x02").raw
    verdict = run_case(one_case(tmp_path, raw=raw), REFERENCE)
    assert verdict.error is not None
    assert verdict.error.startswith("refused, expected to be executed: insufficient funds")


@pytest.mark.parametrize("raw", [b"", b"\x05\xc0", SIGNED.raw[:-1], SIGNED.signed_by(bytes(31) + b"\x02").raw])
def test_refusal_leaves_the_state_as_it_was(tmp_path: Path, raw: bytes) -> None:
    verdict = run_case(one_case(tmp_path, root=ROOT_BEFORE, raw=raw, expectException="Some.REASON"), REFERENCE)
    assert verdict.error is None
    assert verdict.state_root == ROOT_BEFORE
    assert [refusal.exception for refusal in verdict.refusals] == ["Some.REASON"]


def test_engine_that_crashes_fails_its_case_and_not_the_run(tmp_path: Path) -> None:
    verdict = run_case(one_case(tmp_path), Crashing())
    assert verdict.error == "crashing engine crashed: RecursionError: too deep"
    assert verdict.as_json()["stateRoot"] is None
