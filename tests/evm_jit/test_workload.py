import json
from pathlib import Path
from typing import Any

import pytest

from evm_jit.engines import make_engine
from evm_jit.workload import TIMESTAMP, WorkloadMismatch, program, read_workload, run_workload
from primitives.errors import ConfigError
from primitives.forks import Fork
from tests import public_data
from tests.evm_jit.transfer_case import write

REFERENCE = make_engine("reference")
GAS_LEFT = bytes.fromhex("5a5f5260205ff3")  # GAS, PUSH0, MSTORE, PUSH1 32, PUSH0, RETURN
COUNTER = bytes.fromhex("5f5460010180 5f555f5260205ff3")  # Adds one to slot 0 and returns it.
REVERT = bytes.fromhex("5f5ffd")
QUICK = ["oz.erc20-transfer", "vyper.erc20-transfer", "uniswap.v2-pair-swap", "uniswap.v2-router-swap"]


def call_document(**members: Any) -> dict[str, Any]:
    return {
        "caller": "0x00000000000000000000000000000000000c0ffe",
        "to": "0x0000000000000000000000000000000000001000",
        "calldata": "0x",
        "gas_limit": 100_000,
        "rules": "cancun",
        "accounts": {
            "0x0000000000000000000000000000000000001000": {
                "nonce": 1,
                "balance": "0x0",
                "code": f"0x{COUNTER.hex()}",
                "storage": {"0x0": "0x4"},
            }
        },
        "expected": {"gas_used": 5_026, "output": f"0x{5:064x}"},
    } | members


def account_document(**members: Any) -> dict[str, Any]:
    """A call of an account that has `members`."""
    document = call_document()
    ((address, account),) = document["accounts"].items()
    return document | {"accounts": {address: account | members}}


def block_document(**members: Any) -> dict[str, Any]:
    """Two transactions in a block that has `members`."""
    transaction = {
        "sender": "0x1111111111111111111111111111111111111111",
        "to": "0x0000000000000000000000000000000000001000",
        "data": "0x",
        "gasLimit": "0x7fffffffffffffff",
        "gasPrice": "0x0",
        "nonce": "0x0",
        "value": "0x0",
    }
    env = {
        "currentBaseFee": "0x0",
        "currentCoinbase": "0x0000000000000000000000000000000000000000",
        "currentGasLimit": "0x7fffffffffffffff",
        "currentNumber": "0x1",
        "currentTimestamp": "0x1",
    }
    accounts = call_document()["accounts"]
    return {"counter": {"env": env | members, "pre": accounts, "transaction": [transaction, transaction]}}


def test_program_gets_exactly_the_gas_given() -> None:
    run = run_workload(program(GAS_LEFT, b"", 1_000), REFERENCE, 0)
    assert int.from_bytes(run.output, "big") == 998
    assert run.gas_used == 2 + 2 + 3 + 3 + 3 + 2
    assert run.error is None
    assert len(run.times_ns) == 1


def test_program_sees_its_calldata() -> None:
    echo = bytes.fromhex("365f5f37365ff3")
    assert run_workload(program(echo, b"hello", 1_000), REFERENCE, 0).output == b"hello"


@pytest.mark.parametrize(("code", "error"), [(REVERT, "execution reverted"), (GAS_LEFT, "out of gas")])
def test_halt_is_told_in_words(code: bytes, error: str) -> None:
    assert run_workload(program(code, b"", 10), REFERENCE, 0).error == error


def test_fork_decides_what_an_opcode_is() -> None:
    push0 = program(bytes.fromhex("5f"), b"", 100, Fork.PARIS)
    assert run_workload(push0, REFERENCE, 0).error == "invalid opcode: PUSH0"


@pytest.mark.parametrize("fork", [Fork.FRONTIER, Fork.ISTANBUL])
def test_a_program_runs_on_the_fork_that_is_asked_for(fork: Fork) -> None:
    assert program(GAS_LEFT, b"", 100, fork).environment.fork is fork


@pytest.mark.parametrize("name", ["reference", "native", "compiled"])
@pytest.mark.parametrize("gas", [2**63 - 1, 2**63, 2**64 - 1])
def test_a_program_may_have_any_gas(name: str, gas: int) -> None:
    run = run_workload(program(GAS_LEFT, b"", gas), make_engine(name), 0)
    assert (int.from_bytes(run.output), run.gas_used, run.error) == (gas - 2, 15, None)


def test_every_run_starts_from_the_given_state(tmp_path: Path) -> None:
    path = write(tmp_path / "counter.json", call_document())
    run = run_workload(read_workload(path), REFERENCE, repetitions=3)
    assert int.from_bytes(run.output, "big") == 5
    assert len(run.times_ns) == 3


@pytest.mark.parametrize("expected", [{"gas_used": 5_027}, {"output": "0x"}])
def test_run_that_does_not_end_as_expected_is_refused(tmp_path: Path, expected: dict[str, Any]) -> None:
    path = write(tmp_path / "counter.json", call_document(expected=expected))
    with pytest.raises(WorkloadMismatch, match="expected"):
        run_workload(read_workload(path), REFERENCE, 0)


def test_workload_is_run_on_its_own_fork_unless_another_is_given(tmp_path: Path) -> None:
    path = write(tmp_path / "counter.json", call_document())
    assert read_workload(path).environment.fork is Fork.CANCUN
    for other in (Fork.PRAGUE, Fork.FRONTIER):
        assert read_workload(path, other).environment.fork is other
    assert read_workload(path).environment.timestamp == TIMESTAMP


def test_state_test_shape_runs_its_transactions_in_order(tmp_path: Path) -> None:
    run = run_workload(read_workload(write(tmp_path / "t.json", block_document())), REFERENCE, 0)
    assert int.from_bytes(run.output, "big") == 6
    assert run.gas_used == 2 * 5_026


@pytest.mark.parametrize(
    ("document", "reason"),
    [
        ({}, "is not a workload"),
        ([], "is not a workload"),
        ({"a": {}, "b": {}}, "is not a workload"),
        (call_document(to="0xzz"), "is not a workload"),
        (call_document(gas_limit=2**64), "a number of 65 bits in place of one of 64"),
        (call_document(gas_limit=-1), "-1 is negative"),
        (call_document(to="0x1234"), "an address of 2 bytes"),
        (account_document(nonce=-1), "-1 is negative"),
        (account_document(nonce="0x10000000000000000"), "a number of 65 bits in place of one of 64"),
        (account_document(balance=hex(2**256)), "a number of 257 bits in place of one of 256"),
        (account_document(storage={"0x0": hex(2**300)}), "a number of 301 bits in place of one of 256"),
        (block_document(currentTimestamp=2**64), "a number of 65 bits in place of one of 64"),
        (block_document(currentNumber=2**63), "a number of 64 bits in place of one of 63"),
        (block_document(currentGasLimit=-1), "-1 is negative"),
        (block_document(currentRandom=hex(2**256)), "too big"),
        (block_document(currentCoinbase="0x"), "an address of 0 bytes"),
        ({key: value for key, value in call_document().items() if key != "accounts"}, "it has no 'accounts'"),
        ({"t": {"env": {}, "pre": {}, "transaction": []}}, "there is no transaction in it"),
    ],
)
def test_file_that_is_no_workload_is_refused_by_name(tmp_path: Path, document: object, reason: str) -> None:
    path = write(tmp_path / "other.json", document)
    with pytest.raises(ConfigError, match=reason):
        read_workload(path)


def test_file_that_is_not_there_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"nothing\.json: it can't be read"):
        read_workload(tmp_path / "nothing.json")


@pytest.mark.parametrize("name", QUICK)
def test_public_workload_uses_the_gas_and_returns_the_output_that_its_file_names(name: str) -> None:
    path = public_data.data(f"bench-contracts/{name}.json")
    run = run_workload(read_workload(path), REFERENCE, 0)
    assert run.gas_used == json.loads(path.read_text())["expected"]["gas_used"]
    assert run.error is None
