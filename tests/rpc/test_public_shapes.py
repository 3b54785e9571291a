"""Blocks, transactions, receipts and logs have just the members that the public conformance tests show."""

import json
from pathlib import Path
from typing import Any

import pytest

from primitives.transaction import ACCESS_LIST, LEGACY, SET_CODE, Authorization
from rpc.encoding import data
from tests.public_data import data as public_data
from tests.rpc.client import Client
from tests.rpc.node import ALICE, BOB, COUNTER, INIT_CODE, Node


def expected(path: str) -> Any:
    """The first result in a conformance test."""
    return result_in(public_data(f"execution-apis/tests/{path}.io"))


def result_in(path: Path) -> Any:
    replies = [line[3:] for line in path.read_text().splitlines() if line.startswith("<< ")]
    return json.loads(replies[0])["result"]


def shape(value: Any) -> Any:
    """Member names all the way down; of a list, those of its first item."""
    if isinstance(value, dict):
        return {name: shape(item) for name, item in value.items()}
    if isinstance(value, list):
        return [shape(item) for item in value[:1]]
    return "null" if value is None else "value"


def sealed(node: Node, **fields: Any) -> str:
    sent = node.send(fields.pop("to", COUNTER), **fields)
    node.seal_block()
    return data(sent.hash)


AUTHORIZATION = Authorization(chain_id=0, address=BOB, nonce=0, y_parity=0, r=1, s=1)
KINDS: dict[str, dict[str, Any]] = {
    "access-list": {"type": ACCESS_LIST, "max_priority_fee_per_gas": 10**9, "access_list": ((BOB, (bytes(32),)),)},
    "dynamic-fee": {},
    "legacy-contract": {"type": LEGACY, "max_priority_fee_per_gas": 10**9, "to": None, "data": INIT_CODE},
    "setcode-tx": {"type": SET_CODE, "to": BOB, "authorization_list": (AUTHORIZATION,)},
}


@pytest.mark.parametrize("kind", KINDS)
def test_a_receipt_has_the_public_shape(client: Client, node: Node, kind):
    receipt = client.ask("eth_getTransactionReceipt", sealed(node, **KINDS[kind]))
    public = shape(expected(f"eth_getTransactionReceipt/get-{kind}"))
    if public.pop("root", None):  # Before Byzantium there was a state root in the place of the status.
        public["status"] = "value"
    assert shape(receipt) == public


def test_transactions_have_the_public_shape(client: Client, node: Node):
    legacy = {"type": LEGACY, "max_priority_fee_per_gas": 10**9}
    public = shape(expected("eth_getTransactionByHash/get-legacy-tx"))
    # Public ones are of the time before EIP-155; today's have a chain id.
    assert shape(client.ask("eth_getTransactionByHash", sealed(node, **legacy))) == {**public, "chainId": "value"}
    shown = client.ask("eth_getTransactionByHash", sealed(node, **KINDS["access-list"]))
    assert shape(shown) == shape(expected("eth_getTransactionByHash/get-access-list"))


def test_pending_transactions_have_the_public_shape(client: Client, node: Node):
    public = expected("txpool_content/get-content")
    wanted = {}
    for items in public["pending"].values():
        wanted |= {item["type"]: shape({**item, "accessList": None}) for item in items.values()}
    node.send(BOB, type=LEGACY, max_priority_fee_per_gas=10**9)
    node.send(BOB)
    shown = next(iter(client.ask("txpool_content")["pending"].values()))
    for item in shown.values():
        assert {**shape({**item, "accessList": None}), "to": "any"} == {**wanted[item["type"]], "to": "any"}
    assert client.ask("txpool_contentFrom", data(ALICE))["queued"] == {}


def test_a_block_has_the_public_shape(client: Client, node: Node):
    sealed(node)
    shown = client.ask("eth_getBlockByNumber", "latest", True)
    public = expected("eth_getBlockByNumber/get-latest")
    assert shown.keys() == public.keys()
    assert shown["transactions"][0].keys() >= public["transactions"][0].keys()
    assert [shape(item) for item in (shown["uncles"], shown["withdrawals"])] == [[], []]


def test_logs_have_the_public_shape(client: Client, node: Node):
    sealed(node)
    public = expected("eth_getLogs/filter-with-blockHash")
    assert shape(client.ask("eth_getLogs", {"fromBlock": "0x0"})) == shape(public)


def test_fee_history_has_the_public_shape(client: Client, node: Node):
    sealed(node)
    shown = client.ask("eth_feeHistory", "0x1", "latest", [95, 99])
    assert shape(shown) == shape(expected("eth_feeHistory/fee-history"))


def test_no_block_in_a_public_test_has_members_that_we_lack(client: Client, node: Node):
    sealed(node)
    ours = client.ask("eth_getBlockByNumber", "latest").keys()
    for path in public_data("execution-apis/tests/eth_getBlockByNumber").glob("*.io"):
        public = result_in(path)
        assert public is None or public.keys() <= ours, path
