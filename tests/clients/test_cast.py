"""cast, from npm, against a real node."""

import json
import os
import platform
import subprocess
from pathlib import Path

import pytest

from tests.clients.scripts import CLIENT_TIMEOUT_S
from tests.running_node import DEV_KEY, RunningNode

pytestmark = [pytest.mark.timeout(900), pytest.mark.xdist_group("clients")]
OTHER = "0x00000000000000000000000000000000000ca570"


class Cast:
    def __init__(self, binary: Path, url: str) -> None:
        self.binary = binary
        self.url = url

    def __call__(self, command: str, *arguments: str) -> str:
        line = [str(self.binary), command, *arguments]
        environment = {**os.environ, "ETH_RPC_URL": self.url}
        done = subprocess.run(
            line, env=environment, capture_output=True, text=True, timeout=CLIENT_TIMEOUT_S, check=False
        )
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()


@pytest.fixture
def cast(npm_packages: Path, node: RunningNode) -> Cast:
    if (platform.system(), platform.machine()) != ("Linux", "x86_64"):
        pytest.skip("the pinned cast is a Linux x86-64 program")
    return Cast(npm_packages / "@foundry-rs" / "cast-linux-amd64" / "bin" / "cast", node.url)


def test_cast_knows_the_chain_and_the_balances(cast: Cast) -> None:
    assert cast("chain-id") == "125671"
    assert int(cast("balance", "0x70997970C51812dc3A010C7d01b50e0d17dc79C8")) == 10_000 * 10**18
    assert int(cast("block-number")) >= 0


def test_cast_sends_ether_and_shows_the_receipt(cast: Cast) -> None:
    receipt = json.loads(cast("send", OTHER, "--value", "3", "--private-key", DEV_KEY, "--json"))
    assert receipt["status"] == "0x1"
    assert int(cast("balance", OTHER)) == 3
    assert cast("receipt", receipt["transactionHash"], "status") == "true"
    assert json.loads(cast("tx", receipt["transactionHash"], "--json"))["value"] == "0x3"


def test_cast_deploys_calls_and_reads_logs(cast: Cast, token: dict[str, str]) -> None:
    supply = f"{1000:064x}"
    creation = json.loads(cast("send", "--private-key", DEV_KEY, "--json", "--create", token["bytecode"] + supply))
    address = creation["contractAddress"]
    assert cast("call", address, "totalSupply()(uint256)") == "1000"
    cast("send", address, "transfer(address,uint256)", OTHER, "9", "--private-key", DEV_KEY)
    assert cast("call", address, "balanceOf(address)(uint256)", OTHER) == "9"
    logs = json.loads(cast("logs", "--address", address, "--from-block", "0", "--json"))
    assert len(logs) == 2
    assert cast("code", address).startswith("0x60")
    assert int(cast("estimate", address, "transfer(address,uint256)", OTHER, "1", "--from", _dev_address())) > 21_000


def _dev_address() -> str:
    return "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266"
