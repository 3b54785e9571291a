"""JSON-RPC 2.0 as such: framing, ids, batches, errors."""

import asyncio
import json
import threading

import pytest

from rpc.encoding import read_quantity
from rpc.errors import InvalidParams
from rpc.settings import RpcSettings
from tests.rpc.client import Client
from tests.rpc.node import ANSWER

CHAIN_ID = {"jsonrpc": "2.0", "id": 1, "method": "eth_chainId"}
ANSWERED = {"jsonrpc": "2.0", "id": 1, "result": "0x1eae7"}


def without(message: dict, name: str) -> dict:
    return {key: value for key, value in message.items() if key != name}


@pytest.mark.parametrize("params", [{}, {"params": None}, {"params": []}, {"params": {}}])
def test_no_arguments_have_four_forms(client: Client, params):
    assert client.reply({**CHAIN_ID, **params}) == ANSWERED


@pytest.mark.parametrize("request_id", [0, 7, -1, 2**70, 1.5, "", "abc", "ünïcode \U0001f600", None])
def test_an_id_comes_back_as_it_was(client: Client, request_id):
    assert client.reply({**CHAIN_ID, "id": request_id}) == {**ANSWERED, "id": request_id}


@pytest.mark.parametrize("request_id", [True, [], {}, [1]])
def test_an_id_that_is_none_is_refused(client: Client, request_id):
    reply = client.reply({**CHAIN_ID, "id": request_id})
    assert (reply["id"], reply["error"]["code"]) == (None, -32600)


@pytest.mark.parametrize(
    "message",
    [
        1,
        "text",
        None,
        True,
        {},
        without(CHAIN_ID, "jsonrpc"),
        {**CHAIN_ID, "jsonrpc": "1.0"},
        {**CHAIN_ID, "jsonrpc": 2.0},
        without(CHAIN_ID, "method"),
        {**CHAIN_ID, "method": 5},
        {**CHAIN_ID, "method": None},
    ],
)
def test_what_is_no_request_is_refused_with_its_id(client: Client, message):
    reply = client.reply(message)
    assert reply["error"]["code"] == -32600
    assert reply["id"] == (message.get("id") if isinstance(message, dict) else None)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b" ",
        b"{",
        b"nonsense",
        b"{'id':1}",
        b'{"id":NaN}',
        b'{"id":Infinity}',
        b'{"id":1e999}',
        b'{"id":' + b"9" * 6_000 + b"}",
        b'\xef\xbb\xbf{"id":1}',
        b'"\xff\xfe"',
        b'"\\ud800"',
        b'{"id":1}{"id":2}',
        b"[" * 100_000,
        b"[" * 1_000 + b"]" * 1_000,
        b'{"a":' * 70 + b"1" + b"}" * 70,
        b"\x00",
    ],
)
def test_what_is_not_json_is_a_parse_error(client: Client, body):
    response = client.post(body)
    assert response.status_code == 200
    assert response.json() == {"jsonrpc": "2.0", "id": None, "error": {"code": -32700, "message": "parse error"}}


def test_of_two_members_with_one_name_the_last_counts(client: Client):
    response = client.post(b'{"jsonrpc":"2.0","id":1,"id":2,"method":"nonsense","method":"eth_chainId"}')
    assert response.json() == {**ANSWERED, "id": 2}


def test_an_unknown_method_is_named_in_geths_words(client: Client):
    error = client.refusal("eth_nonsense")
    assert error.code == -32601
    assert error.message == "the method eth_nonsense does not exist/is not available"


def test_a_notification_has_no_reply(client: Client):
    response = client.post(json.dumps(without(CHAIN_ID, "id")))
    assert (response.status_code, response.content) == (204, b"")


def test_a_notification_that_fails_has_no_reply_either(client: Client):
    assert client.reply({"jsonrpc": "2.0", "method": "eth_nonsense"}) is None
    assert client.reply({"jsonrpc": "2.0", "method": "eth_getBalance", "params": [1]}) is None


def test_a_batch_is_answered_in_order_with_its_errors_inside(client: Client):
    batch = [
        {**CHAIN_ID, "id": 3},
        {"jsonrpc": "2.0", "id": 2, "method": "nonsense"},
        without(CHAIN_ID, "id"),
        {"jsonrpc": "2.0", "id": 1, "method": "eth_call", "params": [{"to": "0x" + ANSWER.hex()}]},
        [],
        5,
    ]
    replies = client.reply(batch)
    assert [reply["id"] for reply in replies] == [3, 2, 1, None, None]
    assert [reply.get("error", {}).get("code") for reply in replies] == [None, -32601, None, -32600, -32600]


def test_an_empty_batch_is_no_request(client: Client):
    assert client.reply([])["error"]["code"] == -32600


def test_a_batch_of_notifications_has_no_reply(client: Client):
    assert client.reply([without(CHAIN_ID, "id")] * 3) is None


def test_a_batch_of_one_is_answered_with_a_batch(client: Client):
    assert client.reply([CHAIN_ID]) == [ANSWERED]


def test_a_batch_may_have_100_items_and_no_more(client: Client):
    assert len(client.reply([CHAIN_ID] * 100)) == 100
    error = client.reply([CHAIN_ID] * 101)["error"]
    assert (error["code"], error["message"]) == (-32600, "batch too large")


def test_arguments_by_name_are_refused(client: Client):
    assert client.reply({**CHAIN_ID, "params": {"a": 1}})["error"]["code"] == -32602
    assert client.reply({**CHAIN_ID, "params": "0x1"})["error"]["code"] == -32602


def test_too_many_and_too_few_arguments_are_refused(client: Client):
    assert client.refusal("eth_chainId", 1).message == "too many arguments, want at most 0"
    assert client.refusal("eth_getBalance").message == "missing value for required argument 0"
    assert client.refusal("eth_getBalance", None).message == "missing value for required argument 0"


def test_the_argument_that_is_wrong_is_named(client: Client):
    error = client.refusal("eth_getBalance", "0x" + "11" * 19)
    assert error.code == InvalidParams("").code
    assert error.message == "invalid argument 0: hex string has length 38, want 40 for common.Address"
    assert client.refusal("eth_getBalance", "0x" + "11" * 20, "0x01").message == (
        "invalid argument 1: hex number with leading zero digits"
    )


class TestSmallReplies:
    @pytest.fixture
    def settings(self) -> RpcSettings:
        return RpcSettings(reply_bytes_max=1_500)

    def test_a_reply_that_is_too_long_is_an_error(self, client: Client):
        error = client.refusal("eth_getBlockByNumber", "latest")
        assert (error.code, error.message) == (-32003, "response too large")

    def test_a_batch_that_is_too_long_is_cut_with_errors(self, client: Client):
        replies = client.reply([CHAIN_ID] * 100)
        codes = [reply.get("error", {}).get("code") for reply in replies]
        assert len(replies) == 100
        assert codes == sorted(codes, key=lambda code: code is not None)
        assert set(codes) == {None, -32003}


class TestShortTime:
    @pytest.fixture
    def settings(self) -> RpcSettings:
        return RpcSettings(batch_time_s=-1)

    def test_a_batch_that_takes_too_long_is_cut_with_errors(self, client: Client):
        codes = [reply["error"]["code"] for reply in client.reply([CHAIN_ID] * 3)]
        assert codes == [-32002] * 3


def test_our_own_mistakes_are_logged_once_and_told_without_details(client: Client, caplog):
    def fail() -> None:
        raise ZeroDivisionError("secret")

    chain_id = client.app.methods["eth_chainId"]
    client.app.methods["eth_chainId"] = type(chain_id)(fail)
    for _ in range(3):
        error = client.refusal("eth_chainId")
        assert (error.code, error.message) == (-32000, "internal error")
    assert len(caplog.records) == 1
    assert caplog.records[0].exc_info is not None
    caplog.clear()


def test_the_largest_quantities_are_read():
    assert read_quantity("0x" + "f" * 16) == 2**64 - 1
    assert read_quantity("0x" + "F" * 64, 256) == 2**256 - 1


class TestBusyThreads:
    @pytest.fixture
    def settings(self) -> RpcSettings:
        return RpcSettings(thread_wait_s=-1)

    def test_a_call_that_waited_too_long_is_not_run(self, client: Client):
        for method, params in (("eth_call", [{}]), ("eth_getLogs", [{}])):
            error = client.refusal(method, *params)
            assert (error.code, error.message) == (-32002, "request timed out")


def test_calls_that_compute_for_long_do_not_hold_up_those_who_read(client: Client, monkeypatch):
    may_end = threading.Event()
    engine_call = client.node.engine.call

    def wait(*arguments):
        assert may_end.wait(30)
        return engine_call(*arguments)

    monkeypatch.setattr(client.node.engine, "call", wait)

    async def ask() -> list:
        calls = [asyncio.create_task(client.ask_async("eth_call", {"to": "0x" + ANSWER.hex()})) for _ in range(10)]
        block = await client.ask_async("eth_getBlockByNumber", "latest")
        assert not any(call.done() for call in calls)
        may_end.set()
        return [block["number"], *await asyncio.gather(*calls)]

    assert client.run(ask()) == ["0x0", *[f"0x{42:064x}"] * 10]
