"""The banner: what a newcomer and the programs that start nodes read."""

from pathlib import Path

import pytest

from primitives.address import checksum_address
from primitives.chain import ChainConfig
from primitives.forks import Fork
from sequencer.banner import banner, web3_snippet
from sequencer.settings import read_settings

ROOT = Path(__file__).resolve().parents[2]
FIRST_KEY = bytes.fromhex("ac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80")
RED = "\033[1;31m"


def text(flags=None, keys=(FIRST_KEY,), port=8545, **others):
    return banner(read_settings(flags or {}), ChainConfig(), Fork.OSAKA, keys, port, **others)


def test_the_last_line_says_where_it_listens():
    assert text().splitlines()[-1] == "Listening on http://127.0.0.1:8545"
    assert text({"port": "0"}, port=4_321).splitlines()[-1] == "Listening on http://127.0.0.1:4321"
    assert text({"host": "::1"}).splitlines()[-1] == "Listening on http://[::1]:8545"


def test_the_public_accounts_and_keys_are_shown_with_a_warning():
    shown = text()
    assert "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266" in shown
    assert f"0x{FIRST_KEY.hex()}" in shown
    assert "test test test test test test test test test test test junk" in shown
    assert "keys are public" in shown


def test_keys_of_another_mnemonic_are_secret():
    shown = text({"mnemonic": "a b c"})
    assert "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266" in shown
    assert FIRST_KEY.hex() not in shown
    assert "a b c" not in shown


def test_a_wallet_finds_what_it_asks_for():
    shown = text({"port": "9000"}, port=9_000)
    for row in ("RPC URL          http://127.0.0.1:9000", "Chain ID         125671", "Currency symbol  ETH"):
        assert row in shown


def test_the_snippet_names_the_real_port_and_survives_a_shell():
    assert 'HTTPProvider("http://127.0.0.1:4321")' in text({"port": "0"}, port=4_321)
    assert "'" not in web3_snippet("http://127.0.0.1:1", 10)
    for count in (0, 1, 10):
        compile(web3_snippet("http://127.0.0.1:1", count), "snippet", "exec")


@pytest.mark.parametrize("host", ["0.0.0.0", "192.168.1.5", "::", "node.example"])
def test_unlocked_accounts_on_another_address_are_a_warning_in_red(host):
    assert f"WARNING: listening on {host}" in text({"host": host})
    assert f"{RED}WARNING: listening on {host}" in text({"host": host}, is_coloured=True)
    assert "WARNING" not in text({"host": host}, keys=())


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.0.1", "::1", "localhost"])
def test_loopback_is_no_reason_to_warn(host):
    assert "WARNING: listening" not in text({"host": host})


def test_clients_on_this_machine_are_not_sent_to_an_address_that_means_all():
    shown = text({"host": "0.0.0.0"})
    assert 'HTTPProvider("http://127.0.0.1:8545")' in shown
    assert shown.splitlines()[-1] == "Listening on http://0.0.0.0:8545"


def test_the_readme_shows_it(tmp_path, monkeypatch):
    monkeypatch.delenv("XDG_DATA_HOME", raising=False)
    monkeypatch.chdir(tmp_path)
    shown = (ROOT / "README.md").read_text().split("```text\n")[1].split("\n```")[0].splitlines()
    keys = [FIRST_KEY, *(bytes.fromhex(line.split("0x")[1]) for line in shown if line.startswith("  (9) 0x2a87"))]
    printed = text(keys=[FIRST_KEY] * 9 + keys[1:]).splitlines()
    assert [line for line in shown if line not in printed and line != "  ..."] == []


def test_it_says_where_the_chain_is_kept():
    assert "Data directory  chain" in text({"datadir": "chain"})
    assert "Durability" in text({"datadir": "chain"})
    assert "ends with the node" in text({"ephemeral": True})


@pytest.mark.parametrize(
    "address",
    [
        "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed",
        "0xfB6916095ca1df60bB79Ce92cE3Ea74c37c5d359",
        "0xdbF03B407c01E7cD3CBea99509d93f8DDDC8C6FB",
        "0xD1220A0cf47c7B9Be7A2E6BA89F429762e7b9aDb",
    ],
)
def test_addresses_are_written_as_eip_55_says(address):
    assert checksum_address(bytes.fromhex(address[2:])) == address
