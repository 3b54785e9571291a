"""Which networks there are, and when their rules change."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from evm_jit.block_tests import count_block_cases, is_block_test, network_of, read_block_cases
from evm_jit.block_validity import Rules
from evm_jit.state_tests import CaseFile
from primitives.errors import ConfigError
from primitives.fee_market import BlobParameters
from primitives.forks import Fork
from primitives.state_diff import Account
from tests.evm_jit.block_case import ETHER, SENDER, block_test, genesis_header
from tests.evm_jit.transfer_case import transfer_test, write

PRE = {SENDER: Account(0, ETHER)}
GENESIS = genesis_header(Fork.SHANGHAI, PRE)
SCHEDULE = {
    "Osaka": {"target": "0x06", "max": "0x09", "baseFeeUpdateFraction": "0x4c6964"},
    "BPO1": {"target": "0x0a", "max": "0x0f", "baseFeeUpdateFraction": "0x7f5a51"},
}
OSAKA = Rules(Fork.OSAKA, BlobParameters(6, 9, 5_007_716))
BPO1 = Rules(Fork.OSAKA, BlobParameters(10, 15, 8_346_193))


def a_test(network: str = "Shanghai", **more: Any) -> dict[str, Any]:
    return block_test(network, GENESIS, PRE, [], GENESIS, PRE, **more)


def rules_at(network: str, number: int, timestamp: int) -> Rules:
    found = network_of({"network": network, "config": {"blobSchedule": SCHEDULE}})
    assert found is not None
    return found.rules_of(replace(GENESIS, number=number, timestamp=timestamp))


@pytest.mark.parametrize(
    ("network", "number", "timestamp", "rules"),
    [
        ("Frontier", 0, 0, Rules(Fork.FRONTIER)),
        ("EIP150", 9, 9, Rules(Fork.TANGERINE_WHISTLE)),
        ("ConstantinopleFix", 9, 9, Rules(Fork.PETERSBURG)),
        ("BerlinToLondonAt5", 4, 99, Rules(Fork.BERLIN)),
        ("BerlinToLondonAt5", 5, 0, Rules(Fork.LONDON)),
        ("ShanghaiToCancunAtTime15k", 99, 14_999, Rules(Fork.SHANGHAI)),
        ("ShanghaiToCancunAtTime15k", 1, 15_000, Rules(Fork.CANCUN)),
        ("OsakaToBPO1AtTime15k", 1, 14_999, OSAKA),
        ("OsakaToBPO1AtTime15k", 1, 15_000, BPO1),
        ("BPO1", 0, 0, BPO1),
    ],
)
def test_network_says_which_rules_hold(network: str, number: int, timestamp: int, rules: Rules) -> None:
    assert rules_at(network, number, timestamp) == rules


@pytest.mark.parametrize(
    "network", ["Atlantis", "OsakaToAtlantisAtTime15k", "BPO2", "ArrowGlacierToParisAtDiffC0000", "HomesteadToDaoAt5"]
)
def test_network_that_is_not_known_is_counted_and_left_out(tmp_path: Path, network: str) -> None:
    file = CaseFile(write(tmp_path / "t.json", {"t": a_test(network), "u": a_test()}), "t.json", "")
    assert count_block_cases(file.path) == (1, 1)
    assert [case.name for case in read_block_cases(file)] == ["t.json/u"]


def test_fork_selects_the_networks_that_end_in_it(tmp_path: Path) -> None:
    tests = {name: a_test(name) for name in ("Shanghai", "ParisToShanghaiAtTime15k", "ShanghaiToCancunAtTime15k")}
    file = CaseFile(write(tmp_path / "t.json", tests), "t.json", "")
    assert count_block_cases(file.path, Fork.SHANGHAI).known == 2
    names = [case.fork_name for case in read_block_cases(file, Fork.SHANGHAI)]
    assert names == ["Shanghai", "ParisToShanghaiAtTime15k"]


def test_chain_id_is_1_unless_the_file_says_another(tmp_path: Path) -> None:
    tests = {"t": a_test(), "u": a_test(config={"chainid": "0x05"})}
    cases = read_block_cases(CaseFile(write(tmp_path / "t.json", tests), "t.json", ""))
    assert [case.chain_id for case in cases] == [1, 5]


def test_reason_to_refuse_is_read_under_its_older_names_too(tmp_path: Path) -> None:
    test = a_test()
    test["blocks"] = [
        {"rlp": "0xc0"},
        {"rlp": "0xc0", "expectException": "A"},
        {"rlp": "0xc0", "expectExceptionALL": "B"},
    ]
    cases = read_block_cases(CaseFile(write(tmp_path / "t.json", {"t": test}), "t.json", ""))
    assert [block.exception for block in cases[0].blocks] == [None, "A", "B"]


def test_file_is_told_from_state_tests(tmp_path: Path) -> None:
    assert is_block_test(write(tmp_path / "block.json", {"t": a_test()}))
    assert not is_block_test(write(tmp_path / "state.json", {"t": transfer_test()}))
    assert not is_block_test(write(tmp_path / "empty.json", {}))


@pytest.mark.parametrize(("field", "value"), [("genesisRLP", "0xzz"), ("pre", []), ("blocks", [{}]), ("blocks", None)])
def test_malformed_test_is_named(tmp_path: Path, field: str, value: object) -> None:
    file = CaseFile(write(tmp_path / "t.json", {"bad": {**a_test(), field: value}}), "t.json", "")
    with pytest.raises(ConfigError, match=r"t\.json: test 'bad' is not a block test"):
        read_block_cases(file)
