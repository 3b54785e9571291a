import json
from pathlib import Path

import pytest

import leveret
from evm_jit.__main__ import blocktest, run, statetest
from primitives.errors import ConfigError
from primitives.forks import Fork
from primitives.state_diff import Account
from tests.evm_jit.block_case import SENDER, block_test, genesis_header
from tests.evm_jit.transfer_case import ROOT_AFTER, entry, hexadecimal, transfer_test, write

COUNT_GAS = "0x5a5f5260205ff3"  # GAS, PUSH0, MSTORE, PUSH1 32, PUSH0, RETURN


def leveret_exit_code(*arguments: str | Path) -> int:
    return leveret.exit_code_of([*map(str, arguments)])


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """One test that passes on two forks, and a file that is no state test."""
    write(tmp_path / "stOne/passes.json", {"t": transfer_test(Cancun=[entry()], Prague=[entry()])})
    write(tmp_path / "stOne/other.json", {"t": {"result": {}}})
    return tmp_path / "stOne"


def test_statetest_json_is_a_list_and_nothing_else(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert leveret_exit_code("statetest", folder, "--json", "--fork", "Prague") == 0
    captured = capsys.readouterr()
    assert json.loads(captured.out) == [
        {
            "name": "stOne/passes.json/t/Prague/d0g0v0",
            "pass": True,
            "fork": "Prague",
            "stateRoot": hexadecimal(ROOT_AFTER),
            "error": None,
        }
    ]
    assert captured.err == "1 file is not a state test and was skipped.\n"


def test_statetest_shows_a_summary_and_exits_with_1_when_a_case_fails(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write(folder / "fails.json", {"t": transfer_test(Cancun=[entry(root=bytes(32))])})
    assert leveret_exit_code("statetest", folder) == 1
    shown = capsys.readouterr().out
    assert "FAIL  stOne/fails.json/t/Cancun/d0g0v0" in shown
    assert [line.split()[1:3] for line in shown.splitlines() if line.startswith("all")] == [["2", "1"]]


def test_statetest_keeps_the_order_of_the_files_in_several_processes(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("b.json", "a.json", "static_Call50000.json"):
        write(folder / name, {"t": transfer_test()})
    assert statetest([folder], as_json=True, jobs=2) == 0
    files = [verdict["name"].split("/")[1] for verdict in json.loads(capsys.readouterr().out)]
    assert files == ["a.json", "b.json", "passes.json", "passes.json", "static_Call50000.json"]


def test_statetest_without_a_case_prints_an_empty_list(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert statetest([folder], as_json=True, fork="Osaka") == 0
    captured = capsys.readouterr()
    assert json.loads(captured.out) == []
    assert f"No case of Osaka is in {folder}." in captured.err


def test_statetest_says_how_many_cases_are_on_other_forks(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    other = write(folder / "atlantis.json", {"t": transfer_test(Cancun=[entry()], Atlantis=[entry()])})
    assert statetest([other]) == 0
    assert "forks that leveret does not have, left out: 1." in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["statetest", "nowhere.json"], "nowhere.json: there is no such file or folder."),
        (["statetest", ".", "--fork", "atlantis"], "no fork is called 'atlantis'"),
        (["statetest", ".", "--engine", "quickest"], "no engine is called 'quickest'"),
        (["blocktest", "nowhere.json"], "nowhere.json: there is no such file or folder."),
        (["blocktest", ".", "--engine", "quickest"], "no engine is called 'quickest'"),
        (["blocktest"], "Missing argument"),
        (["statetest"], "Missing argument"),
        (["statetest", ".", "--jobs", "0"], "Invalid value for '--jobs'"),
        (["run"], "Give either --code or --workload."),
        (["run", "--code", "5f", "--workload", "w.json"], "Give either --code or --workload."),
        (["run", "--code", "5f5"], "neither hex, two digits a byte, nor a file"),
        (["run", "--code", "5f", "--input", "0xzz"], "--input must be hex"),
        (["run", "--code", "5f", "--gas", "-1"], "Invalid value for '--gas'"),
        (["run", "--code", "5f", "--gas", str(2**64)], "Invalid value for '--gas'"),
        (["run", "--workload", "nowhere.json"], "nowhere.json: it can't be read"),
    ],
)
def test_wrong_usage_is_one_sentence_and_exit_code_2(
    arguments: list[str],
    sentence: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    assert leveret_exit_code(*arguments) == 2
    captured = capsys.readouterr()
    assert sentence in captured.err
    assert captured.err.count("\n") == 1
    assert captured.out == ""


def test_a_file_that_is_named_must_be_a_test_of_the_kind(folder: Path) -> None:
    with pytest.raises(ConfigError, match=r"other\.json is not a state test"):
        statetest([folder / "other.json"])
    with pytest.raises(ConfigError, match=r"passes\.json is not a block test"):
        blocktest([folder / "passes.json"])


def test_blocktest_json_is_a_list_and_nothing_else(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pre = {SENDER: Account(0, 10**18)}
    genesis = genesis_header(Fork.SHANGHAI, pre)
    write(folder / "blocks.json", {"t": block_test("Shanghai", genesis, pre, [], genesis, pre)})
    assert leveret_exit_code("blocktest", folder, "--json") == 0
    captured = capsys.readouterr()
    name = "stOne/blocks.json/t"
    root = hexadecimal(genesis.state_root)
    expected = {"name": name, "pass": True, "fork": "Shanghai", "stateRoot": root, "error": None}
    assert json.loads(captured.out) == [expected]
    assert captured.err == "2 files are not block tests and were skipped.\n"
    write(folder / "fails.json", {"t": block_test("Shanghai", genesis, pre, [(b"\xc0", None)], genesis, pre)})
    assert leveret_exit_code("blocktest", folder, "--jobs", "2") == 1
    assert "FAIL  stOne/fails.json/t" in capsys.readouterr().out


def test_run_json_holds_output_gas_error_engine_and_time(capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ("run", "--code", COUNT_GAS, "--gas", "1000", "--json")
    assert leveret_exit_code(*arguments) == 0
    result = json.loads(capsys.readouterr().out)
    assert result.pop("ns") > 0
    assert result == {"output": f"0x{998:064x}", "gasUsed": 15, "error": None, "engine": "reference"}


def test_run_bench_gives_as_many_times_as_asked_for(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(code=COUNT_GAS, bench=3, as_json=True) == 0
    assert len(json.loads(capsys.readouterr().out)["ns"]) == 3


def test_run_takes_code_from_a_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "program.hex"
    file.write_text(f"{COUNT_GAS[:8]}\n{COUNT_GAS[8:]}\n")
    assert run(code=str(file), gas=1_000) == 0
    assert f"output    0x{998:064x}\ngas used  15\nerror     none\n" in capsys.readouterr().out


def test_run_tells_a_halt_and_still_exits_with_0(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(code="0xfe", as_json=True, gas=10) == 0
    result = json.loads(capsys.readouterr().out)
    assert (result["error"], result["gasUsed"]) == ("invalid opcode: INVALID", 10)
