"""Settings: leveret.toml < LEVERET_* < flags, and what each of them may hold."""

import os
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest

import leveret
from primitives.errors import ConfigError
from primitives.forks import Fork
from sequencer.settings import NodeSettings, read_settings


@pytest.fixture(autouse=True)
def nothing_set(tmp_path, monkeypatch):
    """An empty folder, and no LEVERET_* variable."""
    monkeypatch.chdir(tmp_path)
    for name in [name for name in os.environ if name.startswith("LEVERET_")]:
        monkeypatch.delenv(name)


def test_flags_win_over_the_environment_and_that_over_the_file(monkeypatch):
    Path("leveret.toml").write_text("port = 1\naccounts = 1\nhistory = 1\n")
    monkeypatch.setenv("LEVERET_PORT", "2")
    monkeypatch.setenv("LEVERET_ACCOUNTS", "2")
    settings = read_settings({"port": "3", "accounts": None})
    assert (settings.port, settings.accounts, settings.history) == (3, 2, 1)


def test_the_file_is_the_one_that_the_flag_names(monkeypatch):
    Path("leveret.toml").write_text("port = 1\n")
    Path("other.toml").write_text("port = 2\n")
    Path("third.toml").write_text("port = 3\n")
    assert read_settings({}).port == 1
    monkeypatch.setenv("LEVERET_CONFIG", "other.toml")
    assert read_settings({}).port == 2
    assert read_settings({"config": "third.toml"}).port == 3


def test_every_setting_is_a_flag_and_every_flag_a_setting():
    assert leveret.node.__code__.co_varnames[: leveret.node.__code__.co_argcount] == tuple(NodeSettings.model_fields)


def test_every_setting_can_stand_in_every_place(monkeypatch):
    Path("genesis.json").write_text("{}")
    texts = {
        "host": "::1",
        "port": "0",
        "datadir": "chain",
        "ephemeral": "false",
        "engine": "native",
        "mini_block": "0.02s",
        "block_time": "2s",
        "accounts": "3",
        "mnemonic": "a b c",
        "genesis": "genesis.json",
        "durability": "write",
        "history": "20",
        "cors": "https://a.example, https://b.example:8080",
        "vhosts": "a.example,b",
        "base_fee_adjusts": "true",
    }
    from_flags = read_settings(texts)
    Path("leveret.toml").write_text("".join(f'{name} = "{text}"\n' for name, text in texts.items()))
    assert read_settings({}) == from_flags
    Path("leveret.toml").unlink()
    for name, text in texts.items():
        monkeypatch.setenv(f"LEVERET_{name.upper()}", text)
    assert read_settings({}) == from_flags
    assert from_flags.mini_block == timedelta(milliseconds=20)
    assert (from_flags.mini_block_ms, from_flags.block_time_ms) == (20, 2_000)
    assert from_flags.cors == ("https://a.example", "https://b.example:8080")
    assert from_flags.vhosts == ("a.example", "b")


def test_the_file_may_use_the_types_of_toml():
    Path("leveret.toml").write_text('port = 0\nephemeral = true\nbalance = 0.5\ncors = ["https://a.example"]\n')
    settings = read_settings({})
    assert (settings.port, settings.ephemeral, settings.balance) == (0, True, Decimal("0.5"))
    assert settings.cors == ("https://a.example",)


def test_an_empty_variable_is_not_set(monkeypatch):
    monkeypatch.setenv("LEVERET_PORT", "")
    assert read_settings({}).port == 8545


def test_the_variable_of_the_tests_is_left_alone(monkeypatch):
    monkeypatch.setenv("LEVERET_TESTS", "somewhere")
    assert read_settings({}) == NodeSettings()


@pytest.mark.parametrize(
    ("text", "milliseconds"), [("1ms", 1), ("10ms", 10), ("0.5s", 500), ("2s", 2_000), ("1.5 s", 1_500), ("1m", 60_000)]
)
def test_a_duration_has_a_unit(text, milliseconds):
    settings = read_settings({"mini_block": text, "block_time": text})
    assert settings.mini_block_ms == settings.block_time_ms == milliseconds


@pytest.mark.parametrize("text", ["", "10", "ms", "-1ms", "0ms", "0.5ms", "1e3ms", "10us", "61m", "1h", "9" * 40 + "s"])
def test_a_duration_without_a_unit_or_out_of_bounds_is_refused(text):
    with pytest.raises(ConfigError, match="--block-time must be"):
        read_settings({"block_time": text})


@pytest.mark.parametrize(("text", "wei"), [("10000", 10**22), ("0", 0), ("0.000000000000000001", 1), ("1e3", 10**21)])
def test_a_balance_is_ether(text, wei):
    assert read_settings({"balance": text}).balance_wei == wei


@pytest.mark.parametrize(
    "text", ["", "-1", "nan", "inf", "0.0000000000000000001", "1e19", "1 ether", "0x10", "1_000", "٣"]
)
def test_a_balance_that_is_no_amount_is_refused(text):
    with pytest.raises(ConfigError, match="--balance must be"):
        read_settings({"balance": text})


@pytest.mark.parametrize("name", ["prague", "Prague", "PRAGUE"])
def test_a_fork_is_named_in_any_case(name):
    assert read_settings({"fork": name}).fork is Fork.PRAGUE


def test_a_chain_is_kept_under_the_users_data(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    assert read_settings({}).data_directory(5) == tmp_path / "leveret" / "5"
    monkeypatch.setenv("XDG_DATA_HOME", "relative")
    monkeypatch.setenv("HOME", str(tmp_path / "user"))
    assert read_settings({}).data_directory(5) == tmp_path / "user" / ".local" / "share" / "leveret" / "5"


def test_a_chain_is_kept_where_the_user_says_or_not_at_all():
    assert read_settings({"datadir": "chain"}).data_directory(5) == Path("chain")
    assert read_settings({"ephemeral": True}).data_directory(5) is None


def test_numbers_that_python_reads_and_people_do_not_write_are_refused():
    for text in ("1_000", "٣", "0x1", "1.0", "1e3", " "):
        with pytest.raises(ConfigError, match="--port must be"):
            read_settings({"port": text})


def test_the_genesis_gives_each_dev_account_its_balance():
    settings = read_settings({"balance": "5", "chain_id": "7", "fork": "cancun", "base_fee": "3", "gas_limit": "30000"})
    genesis = settings.chain_genesis([b"a" * 20, b"b" * 20])
    assert {address: account.balance for address, account in genesis.alloc.items() if account.balance} == {
        b"a" * 20: 5 * 10**18,
        b"b" * 20: 5 * 10**18,
    }
    config = genesis.config
    assert (config.chain_id, config.gas_limit, config.base_fee_per_gas) == (7, 30_000, 3)
    assert config.schedule.fork_at(0, 0) is Fork.CANCUN


def test_a_genesis_file_says_everything_but_whether_the_base_fee_adjusts():
    Path("genesis.json").write_text(
        '{"config": {"chainId": 9}, "difficulty": "0x0", "gasLimit": "0x7a120", "alloc": {}}'
    )
    for adjusts in ("true", "false"):
        genesis = read_settings({"genesis": "genesis.json", "base_fee_adjusts": adjusts}).chain_genesis([b"a" * 20])
        assert (genesis.config.chain_id, len(genesis.alloc)) == (9, 0)
        assert genesis.config.base_fee_adjusts is (adjusts == "true")
