"""
What `leveret node` can be told, and where from: leveret.toml < LEVERET_* < flags.

Every setting has one name: `mini_block` in leveret.toml is LEVERET_MINI_BLOCK in the environment and --mini-block on
the command line. All three carry text or a plain number to the same parser, so a wrong value is refused in the same
words wherever it stands: one sentence that names the place and says what would be right (ConfigError).
"""

import os
import re
import tomllib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any, Final, Literal

from pydantic import BeforeValidator, ValidationError, field_validator, model_validator
from pydantic_settings import (
    BaseSettings,
    NoDecode,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from primitives.chain import ChainConfig
from primitives.constants import (
    BASE_FEE_WEI_DEFAULT,
    BLOCK_GAS_LIMIT_DEFAULT,
    BLOCK_INTERVAL_MS,
    CHAIN_ID_DEFAULT,
    DEV_MNEMONIC,
    HISTORY_BLOCKS_DEFAULT,
    MINI_BLOCK_INTERVAL_MS,
    WEI_PER_ETHER,
)
from primitives.errors import ConfigError
from primitives.forks import Fork, ForkSchedule, fork_by_name
from statestore.genesis import Genesis, dev_genesis, read_genesis

ENVIRONMENT_PREFIX: Final = "LEVERET_"
# Read by the tests, not by the node.
ENVIRONMENT_OF_TESTS: Final = frozenset({"LEVERET_TESTS"})
CONFIG_FILE_DEFAULT: Final = Path("leveret.toml")

CHAIN_ID_MAX: Final = 4_503_599_627_370_476  # MetaMask's limit: it refuses to add a chain above it.
ACCOUNTS_MAX: Final = 1_000  # Each is derived with four HMACs and a point multiplication at every start.
BALANCE_ETHER_MAX: Final = 10**18
BLOCK_GAS_LIMIT_MIN: Final = 21_000  # One transfer.
GAS_LIMIT_MAX: Final = 2**63 - 1
BASE_FEE_WEI_MAX: Final = 2**63 - 1
HISTORY_BLOCKS_MAX: Final = 1_000_000
INTERVAL_MIN: Final = timedelta(milliseconds=1)
INTERVAL_MAX: Final = timedelta(hours=1)
_UNIT_MS: Final = {"ms": Decimal(1), "s": Decimal(1_000), "m": Decimal(60_000)}

# These are what a genesis file says.
SAID_BY_GENESIS: Final = ("chain_id", "fork", "gas_limit", "base_fee", "balance")


def _whole_number(low: int, high: int) -> BeforeValidator:
    def parse(value: object) -> int:
        if isinstance(value, str) and re.fullmatch(r"[+-]?[0-9]{1,30}", value.strip()):
            value = int(value)
        if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
            raise ValueError(f"must be a whole number from {low} to {high}")
        return value

    return BeforeValidator(parse)


def _one_of(*names: str) -> BeforeValidator:
    def parse(value: object) -> str:
        if value not in names:
            raise ValueError(f"must be {', '.join(names[:-1])} or {names[-1]}")
        return str(value)

    return BeforeValidator(parse)


def _duration(value: object) -> timedelta:
    """A timedelta from `10ms`, `0.5s` or `1m`."""
    if isinstance(value, timedelta):
        return value
    match = re.fullmatch(r"([0-9]{1,9}(?:\.[0-9]{1,6})?)\s*(ms|s|m)", value.strip()) if isinstance(value, str) else None
    if match is None:
        raise ValueError("must be a time with its unit, such as 10ms, 0.5s or 2s")
    milliseconds = Decimal(match[1]) * _UNIT_MS[match[2]]
    duration = timedelta(milliseconds=float(milliseconds))
    if milliseconds % 1 != 0 or not INTERVAL_MIN <= duration <= INTERVAL_MAX:
        raise ValueError("must be whole milliseconds, from 1ms to 60m")
    return duration


def _ether(value: object) -> Decimal:
    text = "" if isinstance(value, bool) else str(value).strip()
    amount = Decimal(text) if re.fullmatch(r"[0-9]{1,30}(\.[0-9]{1,30})?(e[+-]?[0-9]{1,2})?", text) else None
    if amount is None or amount > BALANCE_ETHER_MAX or amount * WEI_PER_ETHER % 1 != 0:
        raise ValueError(f"must be an amount of ether from 0 to {BALANCE_ETHER_MAX}, with at most 18 decimals")
    return amount


def _switch(value: object) -> bool:
    switches = {"true": True, "1": True, "yes": True, "on": True, "false": False, "0": False, "no": False, "off": False}
    switch = switches.get(str(value).strip().lower())
    if switch is None:
        raise ValueError("must be true or false")
    return switch


def _path(value: object) -> Path:
    if not isinstance(value, str | Path) or not str(value).strip():
        raise ValueError("must be a path")
    return Path(value).expanduser()


def _names(value: object) -> tuple[str, ...]:
    """A list of a TOML file, or text with commas."""
    items = value.split(",") if isinstance(value, str) else value
    if not isinstance(items, list | tuple) or not all(isinstance(item, str) for item in items):
        raise ValueError("must be names with commas between them")
    return tuple(item.strip() for item in items if item.strip())


def _origins(value: object) -> tuple[str, ...]:
    origins = _names(value)
    for origin in origins:
        if origin != "*" and not re.fullmatch(r"[a-z][a-z0-9+.-]*://[^\s/,]+", origin):
            raise ValueError("must be * or origins such as https://app.example with commas between them")
    return origins


def _hosts(value: object) -> tuple[str, ...]:
    hosts = _names(value)
    for host in hosts:
        if host != "*" and not re.fullmatch(r"[A-Za-z0-9_.-]+|\[[0-9a-fA-F:.]+\]", host):
            raise ValueError("must be * or host names without ports, such as node.example, with commas between them")
    return hosts


def _host(value: object) -> str:
    if not isinstance(value, str) or not re.fullmatch(r"[A-Za-z0-9_.:-]+", value.strip("[]")):
        raise ValueError("must be an IP address or a host name to listen on, such as 127.0.0.1")
    return value.strip("[]")


def _fork(value: object) -> Fork:
    if isinstance(value, Fork):
        return value
    try:
        return fork_by_name(str(value))
    except ConfigError:
        known = ", ".join(fork.name.lower() for fork in Fork)
        raise ValueError(f"must be a fork ({known})") from None


def _mnemonic(value: object) -> str:
    """Words with one space between them; whether they are a mnemonic is found out by whoever derives keys from them."""
    words = " ".join(value.split()) if isinstance(value, str) else ""
    if not words:
        raise ValueError("must be the words of a BIP-39 mnemonic")
    return words


class NodeSettings(BaseSettings):
    """The settings of one node; made by `read_settings`."""

    model_config = SettingsConfigDict(
        env_prefix=ENVIRONMENT_PREFIX,
        env_ignore_empty=True,
        frozen=True,
        validate_default=False,
        hide_input_in_errors=True,
    )

    host: Annotated[str, BeforeValidator(_host)] = "127.0.0.1"
    port: Annotated[int, _whole_number(0, 65_535)] = 8545  # 0: any free one.
    datadir: Annotated[Path | None, BeforeValidator(_path)] = None
    ephemeral: Annotated[bool, BeforeValidator(_switch)] = False
    engine: Annotated[str, _one_of("native", "reference", "shadow")] = "native"
    chain_id: Annotated[int, _whole_number(1, CHAIN_ID_MAX)] = CHAIN_ID_DEFAULT
    mini_block: Annotated[timedelta, BeforeValidator(_duration)] = timedelta(milliseconds=MINI_BLOCK_INTERVAL_MS)
    block_time: Annotated[timedelta, BeforeValidator(_duration)] = timedelta(milliseconds=BLOCK_INTERVAL_MS)
    accounts: Annotated[int, _whole_number(0, ACCOUNTS_MAX)] = 10
    balance: Annotated[Decimal, BeforeValidator(_ether)] = Decimal(10_000)
    mnemonic: Annotated[str, BeforeValidator(_mnemonic)] = DEV_MNEMONIC
    genesis: Annotated[Path | None, BeforeValidator(_path)] = None
    fork: Annotated[Fork, BeforeValidator(_fork)] = Fork.OSAKA
    durability: Annotated[Literal["fsync", "write", "none"], _one_of("fsync", "write", "none")] = "fsync"
    history: Annotated[int, _whole_number(1, HISTORY_BLOCKS_MAX)] = HISTORY_BLOCKS_DEFAULT
    cors: Annotated[tuple[str, ...], NoDecode, BeforeValidator(_origins)] = ()
    vhosts: Annotated[tuple[str, ...], NoDecode, BeforeValidator(_hosts)] = ()
    gas_limit: Annotated[int, _whole_number(BLOCK_GAS_LIMIT_MIN, GAS_LIMIT_MAX)] = BLOCK_GAS_LIMIT_DEFAULT
    base_fee: Annotated[int, _whole_number(0, BASE_FEE_WEI_MAX)] = BASE_FEE_WEI_DEFAULT
    base_fee_adjusts: Annotated[bool, BeforeValidator(_switch)] = False
    config: Annotated[Path | None, BeforeValidator(_path)] = None

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Flags, then the environment, then leveret.toml; the first that names a setting wins."""
        file = _config_file(init_settings())
        return init_settings, env_settings, TomlConfigSettingsSource(settings_cls, file)

    @field_validator("genesis")
    @classmethod
    def _genesis_is_there(cls, path: Path | None) -> Path | None:
        if path is not None and not path.is_file():
            raise ValueError("must be a file that is there")
        return path

    @model_validator(mode="after")
    def _go_together(self) -> "NodeSettings":
        given = self.model_fields_set
        if self.ephemeral and self.datadir is not None:
            raise ValueError("--datadir and --ephemeral exclude each other: give one of them")
        if self.ephemeral and "durability" in given and self.durability != "none":
            raise ValueError(f"--durability {self.durability} needs a data directory: leave out --ephemeral")
        if self.block_time % self.mini_block:
            raise ValueError("--block-time must be a multiple of --mini-block")
        if self.genesis is not None:
            for name in SAID_BY_GENESIS:
                if name in given:
                    raise ValueError(f"{_flag(name)} and --genesis exclude each other: the genesis file says it")
        return self

    @property
    def mini_block_ms(self) -> int:
        """The least time between two mini-blocks."""
        return self.mini_block // timedelta(milliseconds=1)

    @property
    def block_time_ms(self) -> int:
        """The time between two blocks."""
        return self.block_time // timedelta(milliseconds=1)

    @property
    def balance_wei(self) -> int:
        """What each dev account has at the start."""
        return int(self.balance * WEI_PER_ETHER)

    def chain_genesis(self, dev_accounts: Sequence[bytes]) -> Genesis:
        """The genesis of the chain: the file's, or one in which each of these accounts (addresses) has its balance."""
        if self.genesis is not None:
            genesis = read_genesis(self.genesis)
            config = replace(genesis.config, base_fee_adjusts=genesis.config.base_fee_adjusts or self.base_fee_adjusts)
            return replace(genesis, config=config)
        config = ChainConfig(
            chain_id=self.chain_id,
            schedule=ForkSchedule.always(self.fork),
            gas_limit=self.gas_limit,
            base_fee_per_gas=self.base_fee,
            base_fee_adjusts=self.base_fee_adjusts,
        )
        return dev_genesis(config, dev_accounts, self.balance_wei)

    def data_directory(self, chain_id: int) -> Path | None:
        """Where the chain `chain_id` is kept; None if it is not to be kept."""
        if self.ephemeral:
            return None
        if self.datadir is not None:
            return self.datadir
        return data_home() / "leveret" / str(chain_id)


def data_home() -> Path:
    """The user's folder for data (XDG Base Directory specification: a relative path does not count)."""
    named = Path(os.environ.get("XDG_DATA_HOME", ""))
    return named if named.is_absolute() else Path("~/.local/share").expanduser()


def read_settings(flags: Mapping[str, object]) -> NodeSettings:
    """The settings from all three places; `flags` by setting, None where a flag was not given."""
    given: dict[str, Any] = {name: value for name, value in flags.items() if value is not None}
    file = _config_file(given)
    in_file = _settings_in(file)
    in_environment = _settings_in_environment()

    def place(name: str) -> str:
        if name in given:
            return _flag(name)
        if name in in_environment:
            return ENVIRONMENT_PREFIX + name.upper()
        return f"{name} in {file}"

    try:
        return NodeSettings(**given)
    except ValidationError as error:
        raise ConfigError(_sentence(error, place, {**in_file, **in_environment, **given})) from None


def _flag(name: str) -> str:
    return "--" + name.replace("_", "-")


def _config_file(given: Mapping[str, Any]) -> Path | None:
    """The file that a flag or the environment names, else leveret.toml if there is one here."""
    named = given.get("config") or os.environ.get(f"{ENVIRONMENT_PREFIX}CONFIG")
    if named:
        return Path(named).expanduser()
    return CONFIG_FILE_DEFAULT if CONFIG_FILE_DEFAULT.is_file() else None


def _settings_in(file: Path | None) -> dict[str, object]:
    if file is None:
        return {}
    try:
        table = tomllib.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"{file} can't be read ({error.strerror}): name another file with --config.") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{file} is not TOML: {error}.") from error
    for name in table:
        if name not in NodeSettings.model_fields or name == "config":
            raise ConfigError(f"{file} has no setting '{name}'{_nearest(name, lambda setting: setting)}")
    return table


def _settings_in_environment() -> dict[str, object]:
    found: dict[str, object] = {}
    for variable, value in os.environ.items():
        if not variable.startswith(ENVIRONMENT_PREFIX) or variable in ENVIRONMENT_OF_TESTS:
            continue
        name = variable.removeprefix(ENVIRONMENT_PREFIX).lower()
        if name not in NodeSettings.model_fields:
            nearest = _nearest(name, lambda setting: ENVIRONMENT_PREFIX + setting.upper())
            raise ConfigError(f"{variable} is not a setting{nearest}")
        if value:
            found[name] = value
    return found


def _nearest(name: str, spell: Callable[[str], str]) -> str:
    close = get_close_matches(name.lower().replace("-", "_"), NodeSettings.model_fields, n=1, cutoff=0.5)
    if close:
        return f": did you mean {spell(close[0])}?"
    return f": use one of {', '.join(map(spell, NodeSettings.model_fields))}."


def _sentence(error: ValidationError, place: Callable[[str], str], values: Mapping[str, object]) -> str:
    """The first complaint, with the place it is about."""
    first = error.errors()[0]
    reason = str(first["ctx"]["error"]) if "ctx" in first and "error" in first["ctx"] else first["msg"]
    if not first["loc"]:
        return f"{reason}."
    name = str(first["loc"][0])
    return f"{place(name)} {reason}, got {values[name]!r}."
