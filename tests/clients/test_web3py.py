"""web3.py against a real node, as its own documentation uses it."""

import asyncio
from typing import Any

import pytest
from eth_account import Account
from web3 import AsyncWeb3, HTTPProvider, Web3, WebSocketProvider
from web3.exceptions import BlockNotFound, ContractCustomError, ContractLogicError, Web3RPCError

from tests.running_node import DEV_KEY, RunningNode

pytestmark = [pytest.mark.timeout(300), pytest.mark.xdist_group("clients")]
OTHER = Web3.to_checksum_address("0x0000000000000000000000000000000000003b3b")


@pytest.fixture(scope="module")
def w3(node: RunningNode) -> Web3:
    return Web3(HTTPProvider(node.url))


@pytest.fixture(scope="module")
def account() -> Any:
    return Account.from_key(DEV_KEY)


@pytest.fixture(scope="module")
def contract(w3: Web3, account: Any, token: dict[str, Any]) -> Any:
    factory = w3.eth.contract(abi=token["abi"], bytecode=token["bytecode"])
    receipt = _send(w3, account, factory.constructor(10**6).build_transaction(_from(w3, account)))
    return w3.eth.contract(address=receipt["contractAddress"], abi=token["abi"])


def _from(w3: Web3, account: Any) -> Any:
    return {"from": account.address, "nonce": w3.eth.get_transaction_count(account.address, "pending")}


def _send(w3: Web3, account: Any, transaction: Any) -> Any:
    signed = account.sign_transaction(transaction)
    receipt = w3.eth.wait_for_transaction_receipt(w3.eth.send_raw_transaction(signed.raw_transaction))
    assert receipt["status"] == 1
    return receipt


def test_it_connects_and_reads_the_chain(w3: Web3, account: Any) -> None:
    assert w3.is_connected()
    assert w3.eth.chain_id == 125_671
    assert w3.client_version.startswith("leveret/")
    assert account.address in w3.eth.accounts
    assert w3.eth.get_block("latest")["baseFeePerGas"] > 0


def test_a_signed_transfer_arrives(w3: Web3, account: Any) -> None:
    fees = {"maxFeePerGas": w3.to_wei(1, "gwei"), "maxPriorityFeePerGas": 0, "chainId": w3.eth.chain_id}
    before = w3.eth.get_balance(OTHER)
    receipt = _send(w3, account, {**_from(w3, account), "to": OTHER, "value": 12345, "gas": 21_000, **fees})
    assert receipt["gasUsed"] == 21_000
    assert w3.eth.get_balance(OTHER) - before == 12345


def test_a_dev_account_sends_without_a_key(w3: Web3) -> None:
    sent = w3.eth.send_transaction({"from": w3.eth.accounts[1], "to": OTHER, "value": w3.to_wei(1, "ether")})
    assert w3.eth.wait_for_transaction_receipt(sent)["status"] == 1


def test_a_contract_is_deployed_called_and_filtered(w3: Web3, account: Any, contract: Any) -> None:
    assert contract.functions.balanceOf(account.address).call() == 10**6
    watched = contract.events.Transfer.create_filter(from_block="latest")
    receipt = _send(w3, account, contract.functions.transfer(OTHER, 7).build_transaction(_from(w3, account)))
    assert contract.events.Transfer().process_receipt(receipt)[0]["args"]["value"] == 7
    assert [event["args"]["value"] for event in watched.get_new_entries()] == [7]
    found = contract.events.Transfer().get_logs(from_block=0, argument_filters={"to": OTHER})
    assert found[-1]["args"]["value"] == 7


def test_revert_reasons_are_decoded(w3: Web3, account: Any, contract: Any) -> None:
    with pytest.raises(ContractLogicError, match="allowance too low"):
        contract.functions.transferFrom(OTHER, account.address, 1).call({"from": account.address})
    with pytest.raises(ContractCustomError):
        contract.functions.transfer(OTHER, 10**9).estimate_gas({"from": account.address})


def test_refusals_have_the_words_that_web3_parses(w3: Web3, account: Any) -> None:
    used = account.sign_transaction(
        {"nonce": 0, "to": OTHER, "value": 0, "gas": 21_000, "gasPrice": w3.to_wei(1, "gwei"), "chainId": 125_671}
    )
    _send(w3, account, {**_from(w3, account), "to": OTHER, "gas": 21_000, "gasPrice": 10**9, "chainId": 125_671})
    with pytest.raises(Web3RPCError, match="nonce too low"):
        w3.eth.send_raw_transaction(used.raw_transaction)
    with pytest.raises(BlockNotFound):
        w3.eth.get_block(10**9)


def test_subscriptions_arrive_over_websocket(node: RunningNode, w3: Web3) -> None:
    async def first_head_and_hash() -> tuple[Any, Any]:
        async with AsyncWeb3(WebSocketProvider(node.socket_url)) as socket:
            heads = await socket.eth.subscribe("newHeads")
            await socket.eth.subscribe("newPendingTransactions")
            sent = await socket.eth.send_transaction({"from": w3.eth.accounts[2], "to": OTHER, "value": 1})
            head = pending = None
            async for message in socket.socket.process_subscriptions():
                if message["subscription"] == heads:
                    head = message["result"]
                else:
                    pending = message["result"]
                if head is not None and pending is not None:
                    return head, (pending, sent)
        raise AssertionError("the socket closed")

    head, (pending, sent) = asyncio.run(asyncio.wait_for(first_head_and_hash(), timeout=30))
    assert head["number"] > 0
    assert bytes(pending) == bytes(sent)
