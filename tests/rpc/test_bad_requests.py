"""No input makes the service fail: every method gets every kind of wrong argument, and much noise."""

import json
import random
from collections.abc import Iterator
from typing import Any

import pytest

from rpc.encoding import data
from tests.rpc.client import Client
from tests.rpc.node import ALICE, ANSWER, BOB, COUNTER, Node

RANDOM_REQUESTS = 10_000
REQUESTS_IN_A_POST = 50

# Codes that no answer may have: -32603, which clients repeat, and -32005.
ALLOWED_CODES = {3, 4, -32000, -32002, -32003, -32600, -32601, -32602}

HASH, ADDRESS = "0x" + "12" * 32, data(ALICE)
SOUND: list[Any] = [
    HASH,
    ADDRESS,
    "0x1",
    "0x0",
    "latest",
    "pending",
    "earliest",
    True,
    [25, 75],
    {"to": data(ANSWER)},
    {"from": ADDRESS, "to": data(BOB), "value": "0x1"},
    {"address": data(COUNTER), "topics": [None, [HASH]]},
    {"blockHash": HASH},
    {data(BOB): {"balance": "0x1", "stateDiff": {HASH: HASH}}},
    {"number": "0x5", "time": "0x6"},
    "newHeads",
    "logs",
]
ODD: list[Any] = [
    None,
    False,
    0,
    1,
    -1,
    2**31,
    2**64,
    2**256,
    -(2**70),
    0.5,
    -0.0,
    1e300,
    "",
    " ",
    "0x",
    "0X",
    "0x0x",
    "x",
    "0x-1",
    "0x00",
    "0xg",
    "0x" + "f" * 15,
    "0x" + "f" * 16,
    "0x" + "f" * 17,
    "0x" + "f" * 64,
    "0x" + "f" * 65,
    "0x" + "0" * 40,
    "0x" + "f" * 10_000,
    "latest ",
    "Latest",
    "\x00",
    "ünïcode \U0001f600",
    "%s%n{}{0}",
    [],
    [[]],
    [None],
    [[[[[[]]]]]],
    [0] * 1_000,
    {},
    {"": ""},
    {"a": {"b": {"c": []}}},
    {"to": 1},
    {"to": "0x", "data": 5},
    {"from": [], "gas": {}},
    {"gas": "0xffffffffffffffff"},
    {"gas": "0x0", "to": data(ANSWER)},
    {"gasPrice": "0x" + "f" * 64, "from": ADDRESS, "to": data(BOB)},
    {"maxFeePerGas": "0x" + "f" * 64, "maxPriorityFeePerGas": "0x" + "f" * 64, "to": data(BOB)},
    {"value": "0x" + "f" * 64, "from": ADDRESS, "to": data(BOB)},
    {"accessList": [{}], "to": ADDRESS},
    {"accessList": [{"address": ADDRESS, "storageKeys": "x"}]},
    {"accessList": {"address": ADDRESS}},
    {"authorizationList": [{}], "to": ADDRESS},
    {"authorizationList": [1, None]},
    {
        "authorizationList": [
            {
                "chainId": "0x0",
                "address": ADDRESS,
                "nonce": "0xffffffffffffffff",
                "yParity": "0xff",
                "r": "0x0",
                "s": "0x0",
            }
        ],
        "to": ADDRESS,
    },
    {"authorizationList": [], "to": ADDRESS},
    {"type": "0x7f"},
    {"type": "0x3", "to": ADDRESS},
    {"type": "0x0", "accessList": [], "to": ADDRESS},
    {"blobVersionedHashes": ["0x00"]},
    {"blobVersionedHashes": [HASH], "to": ADDRESS},
    {"nonce": -1},
    {"data": "0x" + "00" * 60_000},
    {ADDRESS: None},
    {ADDRESS: {"state": 5}},
    {ADDRESS: {"state": {"0x1": "0x1"}}},
    {ADDRESS: {"code": "0xzz"}},
    {ADDRESS: {"nonce": "0xffffffffffffffff"}},
    {"number": "0xffffffffffffffff", "time": "0xffffffffffffffff", "gasLimit": "0x0"},
    {"baseFeePerGas": "0x" + "f" * 64},
    {"blobBaseFee": "0x1"},
    {"fromBlock": {}, "toBlock": []},
    {"fromBlock": "0x0", "toBlock": "0x7fffffffffffffff"},
    {"fromBlock": "0x7fffffffffffffff"},
    {"fromBlock": "pending", "toBlock": "earliest"},
    {"topics": {}},
    {"topics": [[[]]]},
    {"blockHash": 5},
    {"blockNumber": "0x0", "requireCanonical": 1},
    {"blockHash": HASH, "requireCanonical": "no"},
]


@pytest.fixture
def busy(node: Node) -> Node:
    """A chain with something in every place where methods look."""
    for _ in range(2):
        node.send(COUNTER)
        node.seal_block()
    node.send(COUNTER)
    node.seal_mini_block()
    node.send(BOB)
    return node


def check(reply: Any) -> None:
    assert reply["jsonrpc"] == "2.0"
    if "error" in reply:
        assert reply["error"]["code"] in ALLOWED_CODES, reply
        assert reply["error"]["message"] not in ("", "internal error"), reply


def ask_all(client: Client, requests: list[dict[str, Any]]) -> None:
    """In batches; each gets one sound answer."""
    for start in range(0, len(requests), REQUESTS_IN_A_POST):
        batch = [
            {"jsonrpc": "2.0", "id": index, **item} for index, item in enumerate(requests[start:][:REQUESTS_IN_A_POST])
        ]
        response = client.post(json.dumps(batch))
        assert response.status_code == 200
        replies = response.json()
        assert [reply["id"] for reply in replies] == list(range(len(batch)))
        for reply in replies:
            check(reply)


def wrong_arguments(parameter_count: int) -> Iterator[list[Any]]:
    """Every odd value in every place, with sound ones in the others; too few and too many."""
    for value in ODD + SOUND:
        yield [value] * parameter_count
        for place in range(parameter_count + 1):
            yield [*[SOUND[place]] * place, value]
    for place in range(parameter_count):
        for first in SOUND:
            for value in ODD:
                yield [*[first] * place, value]


def test_every_method_bears_every_kind_of_argument(client: Client, busy: Node):
    for name, method in client.app.methods.items():
        if name.endswith("sendRawTransactionSync"):
            continue  # What waits has its own test.
        arguments = wrong_arguments(min(len(method.parameters), 2))
        unlike = {json.dumps(params): params for params in arguments}
        ask_all(client, [{"method": name, "params": params} for params in unlike.values()])
    assert busy.queue[0].sender == ALICE


def test_every_method_bears_params_that_are_no_list(client: Client, busy: Node):
    for name in client.app.methods:
        ask_all(client, [{"method": name, "params": value} for value in ODD if not isinstance(value, list)])


def test_ten_thousand_random_requests_are_answered(client: Client, busy: Node):
    seed = random.randrange(2**32)
    print("seed", seed)
    rng = random.Random(seed)
    names = [name for name in client.app.methods if "Sync" not in name and "realtime" not in name]
    requests = []
    for _ in range(RANDOM_REQUESTS):
        name = rng.choice(names) if rng.random() < 0.95 else random_text(rng)
        requests.append({"method": name, "params": [random_value(rng) for _ in range(rng.randrange(5))]})
    ask_all(client, requests)


def test_random_bytes_are_answered(client: Client, node: Node):
    rng = random.Random(1)
    sound = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "eth_getBalance", "params": [ADDRESS, "latest"]}).encode()
    for _ in range(1_000):
        body = bytearray(sound)
        for _ in range(rng.randrange(1, 4)):
            place = rng.randrange(len(body))
            body[place : place + rng.randrange(3)] = rng.randbytes(rng.randrange(3))
        response = client.post(bytes(body))
        assert response.status_code in (200, 204)
        if response.content and response.json().get("error", {}).get("code") != -32700:
            check(response.json())


def test_random_transactions_are_answered(client: Client, busy: Node):
    rng = random.Random(2)
    sound = busy.signed(BOB, data=b"x" * 40).raw
    requests = []
    for _ in range(500):
        raw = bytearray(sound)
        raw[rng.randrange(len(raw))] = rng.randrange(256)
        requests.append({"method": "eth_sendRawTransaction", "params": [data(bytes(raw))]})
    ask_all(client, requests)


def random_value(rng: random.Random, depth: int = 0) -> Any:
    kind = rng.random()
    if kind < 0.45:
        return rng.choice(SOUND)
    if kind < 0.75 or depth > 2:
        return rng.choice(ODD)
    if kind < 0.8:
        return random_text(rng)
    if kind < 0.9:
        return [random_value(rng, depth + 1) for _ in range(rng.randrange(4))]
    members = ["from", "to", "data", "value", "gas", "fromBlock", "toBlock", "address", "topics", "blockHash", ADDRESS]
    return {rng.choice(members): random_value(rng, depth + 1) for _ in range(rng.randrange(4))}


def random_text(rng: random.Random) -> str:
    return "".join(chr(rng.choice((rng.randrange(32, 127), rng.randrange(0xD800)))) for _ in range(rng.randrange(30)))
