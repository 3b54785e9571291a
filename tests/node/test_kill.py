"""A node that is killed with SIGKILL at random moments under load loses nothing that it acknowledged."""

import http.client
import json
import random
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from primitives.signature import address_of
from primitives.transaction import LEGACY, Transaction
from tests.running_node import CHAIN_ID, DEV_KEY, RunningNode, running_node

KILLS = 50
SENDERS = 6
AMOUNT = 3
SEED = 20_26


class Refused(Exception):
    """The node answered with an error."""


class Rpc:
    """One connection."""

    def __init__(self, node: RunningNode) -> None:
        self.connection = http.client.HTTPConnection(node.url.removeprefix("http://"), timeout=30)

    def __enter__(self) -> "Rpc":
        return self

    def __exit__(self, *exception: object) -> None:
        self.connection.close()

    def __call__(self, method: str, *parameters: object) -> Any:
        body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": parameters})
        self.connection.request("POST", "/", body, {"Content-Type": "application/json"})
        answer = json.loads(self.connection.getresponse().read())
        if "error" in answer:
            raise Refused(answer["error"]["message"])
        return answer["result"]


@dataclass
class Sender:
    """An account that sends to an address of its own, one transaction after another, and keeps the receipts."""

    key: bytes
    recipient: bytes
    acknowledged: dict[str, dict[str, Any]] = field(default_factory=dict)
    nonces_acknowledged: int = 0

    @property
    def address(self) -> str:
        return "0x" + address_of(self.key).hex()

    def send_until_the_node_is_gone(self, node: RunningNode) -> None:
        try:
            with Rpc(node) as rpc:
                nonce = int(rpc("eth_getTransactionCount", self.address, "latest"), 16)
                assert nonce >= self.nonces_acknowledged, "an acknowledged transaction's nonce is free again"
                while True:
                    receipt = rpc("realtime_sendRawTransaction", self._transfer(nonce))
                    assert receipt["status"] == "0x1"
                    self.acknowledged[receipt["transactionHash"]] = receipt
                    nonce += 1
                    self.nonces_acknowledged = nonce
        except (OSError, http.client.HTTPException, json.JSONDecodeError):
            return

    def _transfer(self, nonce: int) -> str:
        unsigned = Transaction(LEGACY, CHAIN_ID, nonce, 10**9, 10**9, 21_000, self.recipient, AMOUNT, b"", 0, 0, 0)
        return "0x" + unsigned.signed_by(self.key).raw.hex()

    def check(self, rpc: Rpc, hashes: list[str]) -> None:
        """The node knows the receipts as it gave them, and money moved as often as nonces did."""
        for hash_ in hashes:
            receipt, given = rpc("eth_getTransactionReceipt", hash_), self.acknowledged[hash_]
            assert receipt is not None, f"the acknowledged transaction {hash_} is lost"
            for name in ("status", "blockNumber", "transactionIndex", "gasUsed", "cumulativeGasUsed"):
                assert receipt[name] == given[name], f"{name} of {hash_} changed"
        nonce = int(rpc("eth_getTransactionCount", self.address, "latest"), 16)
        balance = int(rpc("eth_getBalance", "0x" + self.recipient.hex(), "latest"), 16)
        assert nonce >= self.nonces_acknowledged
        assert balance == AMOUNT * nonce


@pytest.mark.timeout(900)
def test_nothing_acknowledged_is_lost_in_fifty_kills(tmp_path: Path) -> None:
    rng = random.Random(SEED)
    keys = [bytes.fromhex(DEV_KEY[2:]), *[rng.randbytes(32) for _ in range(SENDERS - 1)]]
    senders = [Sender(key, rng.randbytes(20)) for key in keys]
    for kill in range(KILLS):
        with running_node("--datadir", str(tmp_path / "data")) as node:
            if kill == 0:
                _fund(node, senders)
            with Rpc(node) as rpc:
                for sender in senders:
                    sender.check(rpc, hashes=list(sender.acknowledged)[-50:])
            threads = [threading.Thread(target=each.send_until_the_node_is_gone, args=(node,)) for each in senders]
            for thread in threads:
                thread.start()
            time.sleep(rng.uniform(0.02, 1.2))
            node.process.kill()
            for thread in threads:
                thread.join()
    with running_node("--datadir", str(tmp_path / "data")) as node, Rpc(node) as rpc:
        for sender in senders:
            sender.check(rpc, hashes=list(sender.acknowledged))
        assert sum(len(sender.acknowledged) for sender in senders) > KILLS, "the load was too light to mean anything"


def _fund(node: RunningNode, senders: list[Sender]) -> None:
    with Rpc(node) as rpc:
        for sender in senders[1:]:
            funds = {"from": rpc("eth_accounts")[1], "to": sender.address, "value": hex(10**20)}
            rpc("eth_sendTransaction", funds)
        deadline = time.monotonic() + 30
        while any(int(rpc("eth_getBalance", each.address, "latest"), 16) == 0 for each in senders):
            assert time.monotonic() < deadline, "the senders were not funded"
