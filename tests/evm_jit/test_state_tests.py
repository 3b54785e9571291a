from pathlib import Path

import pytest

from evm_jit.state_tests import CaseFile, count_cases, find_files, is_state_test, read_cases
from primitives.errors import ConfigError
from primitives.forks import Fork
from primitives.keccak import keccak256
from tests.evm_jit.transfer_case import SENDER, SIGNED, entry, transfer_test, write


def case_file(path: Path) -> CaseFile:
    return CaseFile(path, path.name, "folder")


def test_case_holds_the_block_the_accounts_and_the_transaction(tmp_path: Path) -> None:
    path = write(tmp_path / "transfer.json", {"transfer": transfer_test()})
    (case,) = read_cases(case_file(path))
    assert case.name == "transfer.json/transfer/Cancun/d0g0v0"
    assert case.environment.fork is Fork.CANCUN
    assert (case.environment.number, case.environment.timestamp, case.environment.gas_limit) == (1, 1_000, 1_000_000)
    assert case.environment.block_hash(0) == keccak256(b"0")
    assert case.environment.chain_id == 1
    assert case.transaction == SIGNED.raw
    (account,) = case.pre
    assert account.address == SENDER
    assert account.storage == {}, "a slot of zero does not exist"


def test_environment_leaves_out_fields_of_later_forks(tmp_path: Path) -> None:
    test = transfer_test(Berlin=[entry()], Paris=[entry()])
    test["env"] |= {"currentExcessBlobGas": "0x20000", "currentRandom": "0x05"}
    berlin, paris = read_cases(case_file(write(tmp_path / "t.json", {"t": test})))
    assert (berlin.environment.base_fee_per_gas, berlin.environment.difficulty) == (0, 0x20000)
    assert berlin.environment.prev_randao == bytes(32)
    assert (paris.environment.base_fee_per_gas, paris.environment.difficulty) == (7, 0)
    assert paris.environment.prev_randao == bytes(31) + b"\x05"
    assert paris.environment.excess_blob_gas == 0


def test_names_tell_entries_with_the_same_indexes_apart(tmp_path: Path) -> None:
    path = write(tmp_path / "t.json", {"t": transfer_test(Cancun=[entry(), entry()], Prague=[entry()])})
    assert [case.name for case in read_cases(case_file(path))] == [
        "t.json/t/Cancun/d0g0v0",
        "t.json/t/Cancun/d0g0v0#2",
        "t.json/t/Prague/d0g0v0",
    ]


def test_only_the_fork_asked_for_is_read(tmp_path: Path) -> None:
    posts = {"Cancun": [entry()], "Prague": [entry()], "ConstantinopleFix": [entry()], "Atlantis": [entry()]}
    path = write(tmp_path / "t.json", {"t": transfer_test(**posts)})
    assert [case.fork_name for case in read_cases(case_file(path), Fork.PETERSBURG)] == ["ConstantinopleFix"]
    assert [case.fork_name for case in read_cases(case_file(path))] == ["Cancun", "Prague", "ConstantinopleFix"]
    assert count_cases(path) == (3, 1)
    assert count_cases(path, Fork.PRAGUE) == (1, 1)


def test_chain_id_comes_from_the_config(tmp_path: Path) -> None:
    path = write(tmp_path / "t.json", {"t": transfer_test() | {"config": {"chainid": "0x05"}}})
    assert read_cases(case_file(path))[0].environment.chain_id == 5


def test_filled_posts_are_joined_with_the_file_of_the_same_path(tmp_path: Path) -> None:
    write(tmp_path / "GeneralStateTests/stOne/t.json", {"t": transfer_test()})
    posts = {"Prague": [entry()], "Osaka": [entry(expectException="EELS.Refused")]}
    for entries in posts.values():
        del entries[0]["txbytes"]
    path = write(tmp_path / "eels-filled/GeneralStateTests/stOne/t.json", {"t": posts})
    assert is_state_test(path)
    assert count_cases(path) == (2, 0)
    prague, osaka = read_cases(case_file(path))
    assert (prague.fork_name, prague.transaction, prague.exception) == ("Prague", SIGNED.raw, None)
    assert (osaka.fork_name, osaka.exception) == ("Osaka", "EELS.Refused")


def test_filled_posts_without_their_other_half_are_refused(tmp_path: Path) -> None:
    path = write(tmp_path / "eels-filled/GeneralStateTests/stOne/t.json", {"t": {"Prague": [entry()]}})
    with pytest.raises(ConfigError, match=r"its other half, .*stOne/t.json, is not there"):
        read_cases(case_file(path))


@pytest.mark.parametrize("document", [[], {}, {"t": 1}, {"t": {"post": {}}}, {"t": {"result": {"Cancun": {}}}}, "text"])
def test_other_json_is_not_a_state_test(tmp_path: Path, document: object) -> None:
    assert not is_state_test(write(tmp_path / "other.json", document))


def test_damaged_json_is_refused_by_name(tmp_path: Path) -> None:
    path = tmp_path / "damaged.json"
    path.write_bytes(b'{"t": {"post"')
    with pytest.raises(ConfigError, match=r"damaged.json: it is not JSON"):
        is_state_test(path)


@pytest.mark.parametrize("member", ["env", "pre"])
def test_what_a_test_lacks_is_named(tmp_path: Path, member: str) -> None:
    test = transfer_test()
    test[member] = {"0xzz": {}} if member == "pre" else {}
    path = write(tmp_path / "t.json", {"t": test})
    with pytest.raises(ConfigError, match=r"t.json: test 't' is not a state test"):
        read_cases(case_file(path))


def test_files_are_called_by_their_path_from_the_folder_given(tmp_path: Path) -> None:
    first = write(tmp_path / "tests/stOne/a.json", {})
    write(tmp_path / "tests/stOne/deep/b.json", {})
    (tmp_path / "tests/stOne/notes.txt").write_text("not JSON")
    found = list(find_files([tmp_path / "tests", first]))
    assert [(file.name, file.folder, is_named) for file, is_named in found] == [
        ("tests/stOne/a.json", "tests/stOne", False),
        ("tests/stOne/deep/b.json", "tests/stOne/deep", False),
    ]
    assert [file.name for file, _ in find_files([first])] == ["stOne/a.json"]


def test_path_that_does_not_exist_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="there is no such file or folder"):
        list(find_files([tmp_path / "nowhere"]))
