"""ethers, viem and MetaMask's own controllers go through a user's day against a real node."""

import pytest

from tests.clients.scripts import run_script
from tests.running_node import DEV_KEY, TOKEN_FILE, RunningNode

pytestmark = [pytest.mark.timeout(900), pytest.mark.usefixtures("npm_packages"), pytest.mark.xdist_group("clients")]


def test_ethers_connects_sends_deploys_watches_and_understands_errors(node: RunningNode) -> None:
    assert run_script("ethers.mjs", node.url, node.socket_url, DEV_KEY, str(TOKEN_FILE)).strip() == "ok"


def test_viem_connects_sends_deploys_watches_and_understands_errors(node: RunningNode) -> None:
    assert run_script("viem.mjs", node.url, node.socket_url, DEV_KEY, str(TOKEN_FILE)).strip() == "ok"


def test_metamask_adds_the_network_and_sees_its_transaction_confirmed(node: RunningNode) -> None:
    assert run_script("metamask.mjs", node.url, DEV_KEY).strip() == "ok confirmed"
