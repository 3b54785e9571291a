"""eth_call and eth_estimateGas."""

from dataclasses import replace

import pytest

from primitives.chain import ChainConfig
from primitives.forks import Fork, ForkSchedule
from rpc.encoding import data, quantity
from rpc.gas_estimate import estimate_gas
from rpc.reverts import revert_reason
from rpc.settings import RpcSettings
from tests.asm import BASEFEE, code, return_word, sload
from tests.rpc.client import Client
from tests.rpc.node import (
    ALICE,
    ANSWER,
    BOB,
    BROKEN,
    COMPLAINER,
    COUNTER,
    ENDLESS,
    ERROR_DATA,
    HOARDER,
    INIT_CODE,
    NOBODY,
    PANIC_DATA,
    PANICKER,
    RICH_WEI,
    SILENT,
    WHOAMI,
    Node,
)

NUMBER, TIMESTAMP, GASLIMIT, PREVRANDAO, COINBASE, GASPRICE = b"\x43", b"\x42", b"\x45", b"\x44", b"\x41", b"\x3a"


def word(value: int | bytes) -> str:
    return data(value.to_bytes(32) if isinstance(value, int) else value.rjust(32, b"\x00"))


def code_call(opcode: bytes) -> list:
    """Arguments for a call of code that returns what an opcode says."""
    overrides = {data(NOBODY): {"code": data(return_word(code(opcode)))}}
    return [{"to": data(NOBODY)}, "latest", overrides]


def test_a_call_returns_data_and_leaves_nothing_behind(client: Client):
    assert client.ask("eth_call", {"to": data(ANSWER)}) == word(42)
    assert client.ask("eth_call", {"to": data(COUNTER)}) == "0x"
    assert client.ask("eth_getStorageAt", data(COUNTER), "0x0") == word(0)
    assert client.ask("eth_call", {"to": data(NOBODY)}) == "0x"


def test_a_call_may_say_everything_that_a_transaction_may(client: Client):
    everything = {
        "from": data(ALICE),
        "to": data(WHOAMI),
        "gas": "0x186a0",
        "maxFeePerGas": "0x3b9aca00",
        "maxPriorityFeePerGas": "0x1",
        "value": "0x0",
        "nonce": "0x7",
        "data": "0x12",
        "input": "0x12",
        "accessList": [{"address": data(BOB), "storageKeys": [word(1)]}],
        "chainId": "0x1eae7",
        "type": "0x2",
        "unknown": 5,
    }
    assert client.ask("eth_call", everything, "latest") == word(ALICE)
    nothing = dict.fromkeys(everything)
    assert client.ask("eth_call", {**nothing, "to": data(WHOAMI)}, None, None, None) == word(0)


def test_a_call_without_a_target_creates(client: Client, node: Node):
    created = client.ask("eth_call", {"to": None, "data": data(INIT_CODE)})
    assert created == client.ask("eth_getCode", data(ANSWER))


@pytest.mark.parametrize("method", ["eth_call", "eth_estimateGas"])
@pytest.mark.parametrize(
    ("contract", "message", "returned"),
    [
        (COMPLAINER, "execution reverted: no way", ERROR_DATA),
        (PANICKER, "execution reverted: assert(false)", PANIC_DATA),
        (SILENT, "execution reverted", b""),
    ],
)
def test_a_revert_is_code_3_with_its_data_in_hex(client: Client, method, contract, message, returned):
    error = client.refusal(method, {"to": data(contract)})
    assert (error.code, error.message, error.data) == (3, message, data(returned))


@pytest.mark.parametrize("method", ["eth_call", "eth_estimateGas"])
def test_another_halt_is_named(client: Client, method):
    error = client.refusal(method, {"to": data(BROKEN), "gas": "0xc350"})
    assert (error.code, error.message) == (-32000, "invalid opcode: INVALID")


def test_a_call_out_of_gas_says_so(client: Client):
    error = client.refusal("eth_call", {"to": data(ENDLESS), "gas": "0xc350"})
    assert (error.code, error.message) == (-32000, "out of gas")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"data": "0x12", "input": "0x13"}, 'both "data" and "input" are set'),
        ({"gasPrice": "0x1", "maxFeePerGas": "0x1"}, "both gasPrice and (maxFeePerGas or maxPriorityFeePerGas)"),
        ({"maxFeePerGas": "0x1"}, "max fee per gas less than block base fee"),
        ({"maxFeePerGas": "0x5f5e100", "maxPriorityFeePerGas": "0x5f5e101"}, "max priority fee per gas higher than"),
        ({"chainId": "0x1"}, "chainId does not match node's (have=1, want=125671)"),
        ({"value": "0x1", "from": data(NOBODY)}, "insufficient funds"),
        ({"gasPrice": "0x5f5e100", "from": data(NOBODY)}, "insufficient funds"),
        ({"gas": "0x5207"}, "intrinsic gas too low"),
    ],
)
def test_a_call_that_could_be_no_transaction_is_refused(client: Client, arguments, words):
    error = client.refusal("eth_call", {"to": data(ANSWER), **arguments})
    assert words in error.message
    assert error.code in (-32000, -32602)


def test_calls_see_the_state_and_the_number_of_their_block(client: Client, node: Node):
    show = [{"to": data(COUNTER)}, "latest", {data(COUNTER): {"code": data(return_word(sload(0)))}}]
    for _ in range(2):
        node.send(COUNTER)
        node.seal_block()
    assert client.ask("eth_call", *show) == word(2)
    assert client.ask("eth_call", show[0], "0x1", show[2]) == word(1)
    number = code_call(NUMBER)
    assert client.ask("eth_call", *number) == word(2)
    assert client.ask("eth_call", number[0], "pending", number[2]) == word(3)
    assert client.ask("eth_call", number[0], "0x1", number[2]) == word(1)
    node.send(COUNTER)
    node.seal_mini_block()
    assert client.ask("eth_call", *number) == word(3)
    assert client.ask("eth_call", *show) == word(3)
    assert client.refusal("eth_call", show[0], "0x9").message == "header not found"


def test_state_overrides_are_believed(client: Client, node: Node):
    show = {"code": data(return_word(sload(7)))}
    node.send(COUNTER)
    node.seal_block()

    def stored(**override: object) -> str:
        return client.ask("eth_call", {"to": data(COUNTER)}, "latest", {data(COUNTER): {**show, **override}})

    assert stored() == word(0)
    assert stored(stateDiff={word(7): word(9)}) == word(9)
    assert stored(state={word(7): word(9)}) == word(9)
    slot_0 = {data(COUNTER): {"code": data(return_word(sload(0))), "state": {}}}
    assert client.ask("eth_call", {"to": data(COUNTER)}, "latest", slot_0) == word(0)
    rich = {data(NOBODY): {"balance": "0x64", "nonce": "0x5"}}
    assert client.ask("eth_call", {"from": data(NOBODY), "to": data(BOB), "value": "0x64"}, "latest", rich) == "0x"
    assert client.refusal("eth_call", {"to": data(BOB)}, "latest", {data(BOB): {"state": {}, "stateDiff": {}}}).code
    assert (
        "movePrecompile"
        in client.refusal(
            "eth_call", {"to": data(BOB)}, "latest", {data(BOB): {"movePrecompileToAddress": data(NOBODY)}}
        ).message
    )


@pytest.mark.parametrize(
    ("opcode", "override", "value"),
    [
        (NUMBER, {"number": "0x1234"}, 0x1234),
        (TIMESTAMP, {"time": "0xffffffff"}, 0xFFFFFFFF),
        (GASLIMIT, {"gasLimit": "0xffffff"}, 0xFFFFFF),
        (PREVRANDAO, {"prevRandao": word(5)}, 5),
        (PREVRANDAO, {"random": word(6)}, 6),
        (COINBASE, {"feeRecipient": data(BOB)}, BOB),
        (COINBASE, {"coinbase": data(BOB)}, BOB),
    ],
)
def test_block_overrides_are_believed(client: Client, opcode, override, value):
    assert client.ask("eth_call", *code_call(opcode), override) == word(value)


def test_a_block_override_has_a_number_that_a_block_can_have(client: Client):
    last = {"number": quantity(2**63 - 1)}
    assert client.ask("eth_call", *code_call(NUMBER), last) == word(2**63 - 1)
    for method in ("eth_call", "eth_estimateGas"):
        error = client.refusal(method, *code_call(NUMBER), {"number": quantity(2**63)})
        assert (error.code, error.message) == (-32602, "invalid argument 3: block number larger than int64")


def test_the_base_fee_is_zero_unless_gas_is_paid(client: Client, node: Node):
    arguments, block, overrides = code_call(BASEFEE)
    assert client.ask("eth_call", arguments, block, overrides) == word(0)
    paid = {**arguments, "from": data(ALICE), "gasPrice": quantity(10**9)}
    assert client.ask("eth_call", paid, block, overrides) == word(node.chain.base_fee_per_gas)
    assert client.ask("eth_call", paid, block, overrides, {"baseFeePerGas": "0x7"}) == word(7)
    price = code_call(GASPRICE)
    tipped = {**price[0], "from": data(ALICE), "maxFeePerGas": quantity(10**9), "maxPriorityFeePerGas": "0x3"}
    assert client.ask("eth_call", tipped, *price[1:]) == word(node.chain.base_fee_per_gas + 3)


class TestGasCap:
    @pytest.fixture
    def settings(self) -> RpcSettings:
        return RpcSettings(call_gas_cap=100_000)

    def test_no_call_gets_more_gas_than_the_cap(self, client: Client):
        assert client.refusal("eth_call", {"to": data(ENDLESS), "gas": "0xffffffffff"}).message == "out of gas"
        assert client.refusal("eth_call", {"to": data(HOARDER)}).message == "execution reverted"

    def test_an_estimate_names_the_cap(self, client: Client):
        error = client.refusal("eth_estimateGas", {"to": data(ENDLESS)})
        assert (error.code, error.message) == (-32000, "gas required exceeds allowance (100000)")


def test_a_transfer_needs_21000_gas_exactly(client: Client):
    for to in (BOB, NOBODY):
        assert client.ask("eth_estimateGas", {"from": data(ALICE), "to": data(to), "value": "0x1"}) == "0x5208"


@pytest.mark.parametrize(
    "arguments",
    [
        {"to": data(COUNTER)},
        {"to": data(HOARDER)},
        {"to": data(ANSWER), "data": "0x" + "11" * 500},
        {"data": data(INIT_CODE)},
        {"to": data(BOB), "value": "0x1", "data": "0x" + "00" * 100},
        {"to": data(BOB), "accessList": [{"address": data(BOB), "storageKeys": [word(1), word(2)]}]},
        {"to": data(BOB), "gasPrice": quantity(10**9)},
        {"to": "0x" + "00" * 19 + "04", "data": "0x1234"},
    ],
)
def test_an_estimate_is_enough_and_hardly_more(client: Client, arguments):
    arguments = {"from": data(ALICE), **arguments}
    estimate = int(client.ask("eth_estimateGas", arguments), 16)
    client.ask("eth_call", {**arguments, "gas": quantity(estimate)})
    client.refusal("eth_call", {**arguments, "gas": quantity(estimate * 98 // 100)})


def test_an_estimate_may_name_a_block(client: Client, node: Node):
    assert client.ask("eth_estimateGas", {"to": data(BOB)}, "0x0") == "0x5208"
    assert client.ask("eth_estimateGas", {"to": data(BOB)}, "latest", {}, {}) == "0x5208"
    assert client.refusal("eth_estimateGas", {"to": data(BOB)}, "0x5").message == "header not found"


def test_an_estimate_fits_what_the_sender_can_pay(client: Client):
    poor = {data(NOBODY): {"balance": quantity(30_000 * 10**9)}}
    asked = {"from": data(NOBODY), "to": data(COUNTER), "gasPrice": quantity(10**9)}
    error = client.refusal("eth_estimateGas", asked, "latest", poor)
    assert error.message == "gas required exceeds allowance (30000)"
    error = client.refusal("eth_estimateGas", {**asked, "value": quantity(10**18)}, "latest", poor)
    assert error.message.startswith("insufficient funds")
    asked = {"from": data(ALICE), "to": data(BOB), "value": quantity(RICH_WEI)}
    assert client.ask("eth_estimateGas", asked) == "0x5208"
    assert client.refusal("eth_estimateGas", {**asked, "value": quantity(RICH_WEI + 1)}).message.startswith(
        "insufficient funds"
    )


def test_an_estimate_stays_below_the_cap_of_a_transaction(client: Client):
    error = client.refusal("eth_estimateGas", {"to": data(ENDLESS), "gas": "0x30d40"})
    assert error.message == "gas required exceeds allowance (200000)"


class TestBeforeTheCap:
    @pytest.fixture
    def node(self) -> Node:
        schedule = ForkSchedule.always(Fork.PRAGUE)
        return Node(replace(ChainConfig(), schedule=schedule, gas_limit=60_000))

    def test_the_gas_limit_of_the_block_bounds_calls_and_estimates(self, client: Client):
        assert client.refusal("eth_call", {"to": data(ENDLESS)}).message == "out of gas"
        error = client.refusal("eth_estimateGas", {"to": data(ENDLESS)})
        assert error.message == "gas required exceeds allowance (60000)"


@pytest.mark.parametrize("needed", [21_001, 25_000, 100_000, 163_841, 999_999, 1_000_000])
@pytest.mark.parametrize("used_percent", [1, 50, 80, 100])
def test_the_search_never_says_too_little(needed, used_percent):
    from evm_jit.engine import CallResult

    runs = []

    def run(gas: int) -> CallResult:
        runs.append(gas)
        return CallResult(max(21_000, needed * used_percent // 100), b"", (), None if gas >= needed else "out of gas")

    estimate = estimate_gas(run, 50_000_000, is_transfer=False)
    assert needed <= estimate <= needed * 1.016 + 1
    assert len(runs) < 40


@pytest.mark.parametrize(
    ("returned", "reason"),
    [
        (ERROR_DATA, "no way"),
        (PANIC_DATA, "assert(false)"),
        (PANIC_DATA[:-1] + b"\x11", "arithmetic underflow or overflow"),
        (PANIC_DATA[:-1] + b"\x99", "unknown panic code: 0x99"),
        (b"", None),
        (b"\x08\xc3\x79\xa0", None),
        (ERROR_DATA[:-32], None),
        (ERROR_DATA[:36] + b"\xff" * 32 + b"no way", None),
        (ERROR_DATA[:4] + b"\xff" * 64, None),
        (PANIC_DATA[:-1], None),
        (b"\x01\x02\x03\x04" + bytes(64), None),
    ],
)
def test_reasons_are_read_and_nonsense_is_not(returned, reason):
    assert revert_reason(returned) == reason
