"""`leveret node --engine`: on each engine a wallet deploys, calls and reads."""

import http.client
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from primitives.signature import address_of
from primitives.transaction import DYNAMIC_FEE, Transaction
from tests.asm import deploy, push, ret, sload
from tests.running_node import CHAIN_ID, DEV_KEY, ROOT, RunningNode, running_node

# Adds one to slot 0 and returns it, also through a contract of the protocol: SHA-256 of nothing is thrown away.
COUNTER = (
    sload(0) + push(1) + b"\x01" + push(0) + b"\x55" + push(0) * 4 + push(2) + b"\x5a\xfa\x50"
    + sload(0) + push(0) + b"\x52" + ret(0, 32)
)  # fmt: skip


# A node whose native engine tells one unit of gas less than was used.
FAULTY_NODE = """
import sys
from dataclasses import replace
from evm_jit.native import NativeEngine

right = NativeEngine.execute

def wrong(self, *arguments):
    outcomes = right(self, *arguments)
    return [replace(each, receipt=replace(each.receipt, gas_used=each.receipt.gas_used - 1)) for each in outcomes]

NativeEngine.execute = wrong
import leveret
leveret.main()
"""


SENDER = "0x" + address_of(bytes.fromhex(DEV_KEY[2:])).hex()


class Refused(Exception):
    """The node answered with an error."""


def ask(node: RunningNode, method: str, *parameters: Any) -> Any:
    connection = http.client.HTTPConnection(node.url.removeprefix("http://"), timeout=60)
    body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": parameters})
    try:
        connection.request("POST", "/", body, {"Content-Type": "application/json"})
        answer = json.loads(connection.getresponse().read())
    finally:
        connection.close()
    if "error" in answer:
        raise Refused(answer["error"])
    return answer["result"]


def send(node: RunningNode, nonce: int, to: bytes | None, data: bytes) -> dict[str, Any]:
    """The receipt."""
    transaction = Transaction(
        type=DYNAMIC_FEE,
        chain_id=CHAIN_ID,
        nonce=nonce,
        max_priority_fee_per_gas=1,
        max_fee_per_gas=10**9,
        gas_limit=1_000_000,
        to=to,
        value=0,
        data=data,
        y_parity=0,
        r=0,
        s=0,
    ).signed_by(bytes.fromhex(DEV_KEY[2:]))
    return ask(node, "eth_sendRawTransactionSync", "0x" + transaction.raw.hex())


@pytest.mark.parametrize("engine", ["native", "shadow", "reference"])
def test_a_contract_is_deployed_called_and_read(engine, tmp_path):
    with running_node("--engine", engine, "--datadir", str(tmp_path / "chain"), "--durability", "write") as node:
        assert engine in node.banner
        created = send(node, 0, None, deploy(COUNTER))
        assert created["status"] == "0x1"
        contract = created["contractAddress"]
        used = {send(node, nonce, bytes.fromhex(contract[2:]), b"")["gasUsed"] for nonce in range(1, 4)}
        assert len(used) == 2  # The first one fills an empty slot.
        assert int(ask(node, "eth_getStorageAt", contract, "0x0", "latest"), 16) == 3
        assert int(ask(node, "eth_call", {"to": contract}, "latest"), 16) == 4
        assert node.process.poll() is None
    assert node.process.returncode == 0
    assert not list(tmp_path.rglob("engines-differ*"))


def leveret_run(engine: str, workload: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "leveret", "run", "--engine", engine, "--workload", str(workload)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300, check=False)


def test_a_node_whose_engines_differ_ends_and_leaves_a_file_that_repeats_it(tmp_path):
    flags = ("--engine", "shadow", "--datadir", str(tmp_path))
    with running_node(*flags, program=("-c", FAULTY_NODE)) as node:
        with pytest.raises((Refused, OSError, http.client.HTTPException)):
            send(node, 0, None, deploy(COUNTER))
        assert node.process.wait(timeout=60) == 1
    [report] = tmp_path.glob("engines-differ-*.json")
    assert "receipt.gas_used" in report.read_text()
    repeated = leveret_run("reference", report)
    assert repeated.returncode == 0, repeated.stderr
    # The native engine itself is right: it agrees with what the reference leaves.
    assert leveret_run("native", report).returncode == 0
    with running_node("--datadir", str(tmp_path)) as node:
        assert int(ask(node, "eth_getTransactionCount", SENDER, "latest"), 16) == 0
