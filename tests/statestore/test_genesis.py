import json
from pathlib import Path
from typing import Any

import pytest

from primitives.block import Header
from primitives.chain import ChainConfig
from primitives.constants import CHAIN_ID_DEFAULT, ZERO_ADDRESS
from primitives.errors import ConfigError
from primitives.forks import Fork, ForkSchedule
from primitives.keccak import keccak256
from primitives.rlp import as_list, decode_prefix, encode
from primitives.state_diff import EMPTY_ACCOUNT, Account
from primitives.system_contracts import BEACON_ROOTS_ADDRESS, HISTORY_STORAGE_ADDRESS
from statestore.genesis import Genesis, GenesisAccount, dev_genesis, read_genesis
from statestore.overlay import EmptyView, Overlay
from statestore.trie import state_root
from tests import public_data

ADDRESS = "00000000000000000000000000000000000000aa"
OTHER = "00000000000000000000000000000000000000bb"


def write(tmp_path: Path, document: object) -> Path:
    path = tmp_path / "genesis.json"
    path.write_text(document if isinstance(document, str) else json.dumps(document))
    return path


def minimal(**changes: Any) -> dict[str, Any]:
    return {"config": {"chainId": 7}, "alloc": {}, **changes}


def root_of(genesis: Genesis) -> bytes:
    return state_root(
        (address, Account(account.nonce, account.balance, keccak256(account.code)), account.storage)
        for address, account in genesis.alloc.items()
    )


@pytest.mark.parametrize("folder", ["tests", "tests-prague"])
def test_the_genesis_of_a_public_chain_has_the_hash_that_its_first_block_names(folder):
    place = public_data.data(f"execution-apis/{folder}")
    genesis = read_genesis(place / "genesis.json")
    first_block, _ = decode_prefix((place / "chain.rlp").read_bytes())
    first = Header.decode(encode(as_list(first_block, "block")[0]))
    assert genesis.header(root_of(genesis)).hash == first.parent_hash
    assert genesis.config.chain_id == 3503995874084926


def test_a_genesis_in_a_late_fork_has_that_forks_header_fields(tmp_path):
    config = {"chainId": 1, "londonBlock": 0, "terminalTotalDifficulty": 0, "shanghaiTime": 0, "cancunTime": 50}
    document = minimal(config=config, timestamp="0x32", excessBlobGas="0x20000", blobGasUsed=0, baseFeePerGas="0x7")
    genesis = read_genesis(write(tmp_path, document))
    header = genesis.header(bytes(32))
    assert genesis.fork == Fork.CANCUN
    assert (header.base_fee_per_gas, header.excess_blob_gas, header.requests_hash) == (7, 131_072, None)
    earlier = read_genesis(write(tmp_path, {**document, "timestamp": 49})).header(bytes(32))
    assert (earlier.excess_blob_gas, earlier.withdrawals_root is None) == (None, False)


def test_what_a_file_leaves_out_has_geths_default(tmp_path):
    genesis = read_genesis(write(tmp_path, minimal(config={"chainId": 7, "londonBlock": 0})))
    assert genesis.base_fee_per_gas == genesis.config.base_fee_per_gas == 10**9
    assert (genesis.difficulty, genesis.nonce, genesis.timestamp, genesis.coinbase) == (0, 0, 0, ZERO_ADDRESS)
    assert read_genesis(write(tmp_path, minimal(config={"chainId": 7, "ethash": {}}))).difficulty == 131_072


def test_every_form_of_a_number_is_read(tmp_path):
    alloc = {
        ADDRESS: {"balance": "0xff", "nonce": 1},
        "0x" + OTHER: {"balance": "1000", "nonce": "0x2"},
        "0X" + "cc" * 20: {"balance": 10**30},
    }
    genesis = read_genesis(write(tmp_path, minimal(alloc=alloc)))
    accounts = list(genesis.alloc.values())
    assert [(account.nonce, account.balance) for account in accounts] == [(1, 255), (2, 1_000), (0, 10**30)]
    assert list(genesis.alloc) == [bytes.fromhex(ADDRESS), bytes.fromhex(OTHER), b"\xcc" * 20]


def test_code_and_storage_are_read_and_zero_slots_are_left_out(tmp_path):
    account = {"code": "0x6001", "storage": {"0x01": "0x" + "00" * 31 + "05", "02": "0x0", "0x" + "ff" * 32: "ff"}}
    genesis = read_genesis(write(tmp_path, minimal(alloc={ADDRESS: account})))
    assert genesis.alloc[bytes.fromhex(ADDRESS)] == GenesisAccount(code=b"\x60\x01", storage={1: 5, 2**256 - 1: 255})


@pytest.mark.parametrize(
    ("document", "words"),
    [
        ("", "not JSON"),
        ("{", "not JSON.*line 1"),
        ("[]", "must be a JSON object"),
        ("[" * 200_000, "nested too deeply"),
        ('{"a": ' + "9" * 5_000 + "}", "too long"),
        ('{"alloc": {}, "alloc": {}}', '"alloc" appears twice'),
        ({"config": {"chainId": 1}}, "alloc is missing"),
        ({"alloc": {}}, "config is missing"),
        (minimal(alloc=[]), "alloc must be a JSON object"),
        (minimal(config=3), "config must be a JSON object"),
        (minimal(config={}), "config.chainId is missing"),
        (minimal(config={"chainId": 0}), "config.chainId is missing or 0"),
        (minimal(config={"chainId": -1}), "config.chainId must be"),
        (minimal(config={"chainId": 1, "londonBlock": "soon"}), "londonBlock must be a number"),
        (minimal(alloc={"0x12": {"balance": 1}}), 'an address in alloc must be 20 bytes in hex, but is "0x12"'),
        (minimal(alloc={"zz" * 20: {}}), "20 bytes in hex"),
        (minimal(alloc={ADDRESS: {}, "0x" + ADDRESS: {}}), "the address 0x00.*aa twice"),
        (minimal(alloc={ADDRESS: 1}), "must be a JSON object"),
        (
            minimal(alloc={ADDRESS: {"balance": -1}}),
            r"alloc\[.*aa.*\].balance must be between 0 and 2\^256 - 1, but is -1",
        ),
        (minimal(alloc={ADDRESS: {"balance": 2**256}}), "balance must be between"),
        (minimal(alloc={ADDRESS: {"balance": "0x1" + "00" * 32}}), "balance must be a number"),
        (minimal(alloc={ADDRESS: {"balance": "1e18"}}), "balance must be a number"),
        (minimal(alloc={ADDRESS: {"balance": "-5"}}), "balance must be a number"),
        (minimal(alloc={ADDRESS: {"balance": 1.5}}), "balance must be a number"),
        (minimal(alloc={ADDRESS: {"balance": True}}), "balance must be a number"),
        (minimal(alloc={ADDRESS: {"balance": "٣"}}), "balance must be a number"),
        (minimal(alloc={ADDRESS: {"nonce": 2**64}}), "nonce must be between"),
        (minimal(alloc={ADDRESS: {"code": "0x123"}}), "even number of hex digits"),
        (minimal(alloc={ADDRESS: {"code": 5}}), "even number of hex digits"),
        (minimal(alloc={ADDRESS: {"storage": []}}), "storage must be a JSON object"),
        (minimal(alloc={ADDRESS: {"storage": {"0xg": "0x1"}}}), "a key in .*storage must be at most 32 bytes"),
        (minimal(alloc={ADDRESS: {"storage": {"0x1": 1}}}), "at most 32 bytes in hex, but is 1"),
        (minimal(alloc={ADDRESS: {"storage": {"0x1": "0x1" + "00" * 32}}}), "at most 32 bytes"),
        (minimal(alloc={ADDRESS: {"storage": {"0x1": "0x1", "0x01": "0x1"}}}), "the slot 0x1 twice"),
        (minimal(alloc={ADDRESS: {"ballance": 1}}), 'unknown field "ballance"'),
        (minimal(timestamp="now"), "timestamp must be a number"),
        (minimal(gasLimit=2**64), "gasLimit must be between"),
        (minimal(coinbase="0x"), "coinbase must be 20 bytes"),
        (minimal(mixHash="0x00"), "mixHash must be 32 bytes"),
        (minimal(extraData="xyz"), "extraData must be"),
        (minimal(extraData="00" * 1_025), "extraData has 1025 bytes"),
        (minimal(number=1), "number must be 0"),
        (minimal(parentHash="0x" + "11" * 32), "parentHash must be 0"),
    ],
    ids=lambda value: value[:40] if isinstance(value, str) else "document",
)
def test_what_is_wrong_in_a_file_is_one_sentence_that_names_file_and_field(tmp_path, document, words):
    path = write(tmp_path, document)
    with pytest.raises(ConfigError, match=words) as caught:
        read_genesis(path)
    text = str(caught.value)
    assert text.startswith(f"{path}: ")
    assert text.endswith(".")
    assert "\n" not in text
    assert len(text) < 300 + len(str(path))


def test_a_file_that_can_not_be_read_is_named(tmp_path):
    for path in (tmp_path / "missing.json", tmp_path, tmp_path / ("x" * 300)):
        with pytest.raises(ConfigError, match="can't be read"):
            read_genesis(path)
    (tmp_path / "binary.json").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ConfigError, match="not UTF-8"):
        read_genesis(str(tmp_path / "binary.json"))


@pytest.mark.parametrize(
    ("fork", "contracts"),
    [
        (Fork.SHANGHAI, []),
        (Fork.CANCUN, [BEACON_ROOTS_ADDRESS]),
        (Fork.OSAKA, [BEACON_ROOTS_ADDRESS, HISTORY_STORAGE_ADDRESS]),
    ],
)
def test_a_dev_genesis_has_the_contracts_that_its_fork_calls(fork, contracts):
    genesis = dev_genesis(ChainConfig(schedule=ForkSchedule.always(fork)), [b"\x01" * 20], balance_wei=1)
    assert [address for address, account in genesis.alloc.items() if account.code] == contracts


def test_a_dev_genesis_gives_each_account_the_same_and_follows_the_chain():
    chain = ChainConfig(coinbase=b"\x09" * 20, gas_limit=5_000_000, base_fee_per_gas=3)
    genesis = dev_genesis(chain, [b"\x01" * 20, b"\x02" * 20], balance_wei=10**22, timestamp=99)
    accounts = {address: account for address, account in genesis.alloc.items() if not account.code}
    assert accounts == dict.fromkeys([b"\x01" * 20, b"\x02" * 20], GenesisAccount(balance=10**22))
    header = genesis.header(root_of(genesis))
    assert (header.number, header.timestamp, header.gas_limit, header.base_fee_per_gas) == (0, 99, 5_000_000, 3)
    assert header.coinbase == b"\x09" * 20
    assert header.requests_hash is not None
    assert genesis.config.chain_id == CHAIN_ID_DEFAULT


def test_the_accounts_are_written_to_a_state_also_the_empty_ones():
    alloc = {
        b"\x01" * 20: GenesisAccount(nonce=1, balance=2, code=b"code", storage={3: 4}),
        b"\x02" * 20: GenesisAccount(),
    }
    state = Overlay(EmptyView())
    Genesis(ChainConfig(schedule=ForkSchedule.always(Fork.OSAKA)), alloc).write_to(state)
    assert state.account(b"\x01" * 20) == Account(1, 2, keccak256(b"code"))
    assert state.code(keccak256(b"code")) == b"code"
    assert state.storage(b"\x01" * 20, 3) == state.original_storage(b"\x01" * 20, 3) == 4
    assert state.account(b"\x02" * 20) == EMPTY_ACCOUNT
    assert state.snapshot() == 0, "nothing of the genesis can be reverted"
