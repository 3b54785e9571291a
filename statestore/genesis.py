"""
The first block: a chain's rules, the accounts that exist from the start, and the genesis header.

Read from a geth-style genesis.json, or made for development. Wherever a file leaves something out, geth's
default holds, so that both give the same genesis hash.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Final

from primitives.block import Header, header_of_fork
from primitives.chain import ChainConfig
from primitives.constants import (
    BLOCK_GAS_LIMIT_DEFAULT,
    EMPTY_LIST_HASH,
    EMPTY_TRIE_ROOT,
    U64_MAX,
    U256_MAX,
    WEI_PER_GWEI,
    ZERO_ADDRESS,
    ZERO_HASH,
)
from primitives.errors import ConfigError
from primitives.forks import Fork, ForkSchedule
from primitives.json_depth import is_deeper_than
from primitives.receipt import BLOOM_SIZE_BYTES
from primitives.system_contracts import (
    BEACON_ROOTS_ADDRESS,
    BEACON_ROOTS_CODE,
    HISTORY_STORAGE_ADDRESS,
    HISTORY_STORAGE_CODE,
)
from statestore.view import WorldState

GENESIS_SIZE_BYTES_MAX: Final = 1024 * 1024 * 1024
GENESIS_DEPTH_MAX: Final = 16  # Lists and objects in one another; geth's files need 5.
BASE_FEE_WEI_GETH: Final = WEI_PER_GWEI
DIFFICULTY_GETH: Final = 131_072
EXTRA_DATA_BYTES_MAX: Final = 1_024


@dataclass(frozen=True)
class GenesisAccount:
    """An account at the start; balance in wei, `storage` without zero values."""

    nonce: int = 0
    balance: int = 0
    code: bytes = b""
    storage: Mapping[int, int] = field(default_factory=lambda: MappingProxyType({}))


@dataclass(frozen=True)
class Genesis:
    """
    `config` decides the forks; `alloc` is keyed by 20-byte address.

    The other fields stand in the genesis header: `timestamp` in seconds, `base_fee_per_gas` in wei (it counts
    from London on), `prev_randao` called mixHash in files.
    """

    config: ChainConfig
    alloc: Mapping[bytes, GenesisAccount]
    timestamp: int = 0
    extra_data: bytes = b""
    nonce: int = 0
    difficulty: int = 0
    prev_randao: bytes = ZERO_HASH
    coinbase: bytes = ZERO_ADDRESS
    gas_limit: int = BLOCK_GAS_LIMIT_DEFAULT
    base_fee_per_gas: int = BASE_FEE_WEI_GETH
    blob_gas_used: int = 0
    excess_blob_gas: int = 0

    @property
    def fork(self) -> Fork:
        """The fork whose rules hold in block 0."""
        return self.config.schedule.fork_at(0, self.timestamp)

    def write_to(self, state: WorldState) -> None:
        """Create every account of `alloc`, also the empty ones, in a state that has none."""
        for address, account in self.alloc.items():
            state.begin_transaction()  # Ends the journal, which would grow with the size of `alloc`.
            state.touch(address)
            state.set_nonce(address, account.nonce)
            state.set_balance(address, account.balance)
            if account.code:
                state.set_code(address, account.code)
            for key, value in account.storage.items():
                state.set_storage(address, key, value)
        state.begin_transaction()

    def header(self, state_root: bytes) -> Header:
        """The header of block 0 over the state that `alloc` makes."""
        later: dict[str, object] = {}
        if self.fork >= Fork.LONDON:
            later["base_fee_per_gas"] = self.base_fee_per_gas
        if self.fork >= Fork.CANCUN:
            later |= {"blob_gas_used": self.blob_gas_used, "excess_blob_gas": self.excess_blob_gas}
        return header_of_fork(
            self.fork,
            parent_hash=ZERO_HASH,
            ommers_hash=EMPTY_LIST_HASH,
            coinbase=self.coinbase,
            state_root=state_root,
            transactions_root=EMPTY_TRIE_ROOT,
            receipts_root=EMPTY_TRIE_ROOT,
            bloom=bytes(BLOOM_SIZE_BYTES),
            difficulty=self.difficulty,
            number=0,
            gas_limit=self.gas_limit,
            gas_used=0,
            timestamp=self.timestamp,
            extra_data=self.extra_data,
            prev_randao=self.prev_randao,
            nonce=self.nonce.to_bytes(8, "big"),
            **later,
        )


def dev_genesis(chain: ChainConfig, accounts: Sequence[bytes], balance_wei: int, timestamp: int = 0) -> Genesis:
    """
    The genesis of a development chain: each of `accounts` owns `balance_wei`, and the contracts that the chain's rules
    call at the start of each block are there.
    """
    alloc = {address: GenesisAccount(balance=balance_wei) for address in accounts}
    fork = chain.schedule.fork_at(0, timestamp)
    if fork >= Fork.CANCUN:
        alloc[BEACON_ROOTS_ADDRESS] = GenesisAccount(nonce=1, code=BEACON_ROOTS_CODE)
    if fork >= Fork.PRAGUE:
        alloc[HISTORY_STORAGE_ADDRESS] = GenesisAccount(nonce=1, code=HISTORY_STORAGE_CODE)
    return Genesis(
        config=chain,
        alloc=alloc,
        timestamp=timestamp,
        coinbase=chain.coinbase,
        gas_limit=chain.gas_limit,
        base_fee_per_gas=chain.base_fee_per_gas,
    )


def read_genesis(path: str | Path) -> Genesis:
    """The genesis in a geth-style genesis.json; ConfigError names the file and what is wrong in it."""
    try:
        return _parse(_read_object(Path(path)))
    except ConfigError as error:
        raise ConfigError(f"{path}: {error}") from error


def _read_object(path: Path) -> dict[str, object]:
    try:
        if path.stat().st_size > GENESIS_SIZE_BYTES_MAX:
            raise ConfigError(f"the file has more than {GENESIS_SIZE_BYTES_MAX} bytes.")
        data = path.read_bytes()
        text = data.decode("utf-8")
    except OSError as error:
        raise ConfigError(f"the genesis file can't be read: {error.strerror}.") from error
    except ValueError as error:  # Not UTF-8, or a path that no file can have.
        raise ConfigError("the genesis file is not JSON: it is not UTF-8 text.") from error
    if is_deeper_than(data, GENESIS_DEPTH_MAX):
        raise ConfigError("the genesis file is nested too deeply to be one.")
    try:
        document = json.loads(text, object_pairs_hook=_object_without_repeats)
    except json.JSONDecodeError as error:
        raise ConfigError(f"the genesis file is not JSON: {error.msg} in line {error.lineno}.") from error
    except ValueError as error:
        raise ConfigError("the genesis file is not JSON that can be read: a number in it is too long.") from error
    return _object(document, "the genesis file")


def _object_without_repeats(pairs: list[tuple[str, object]]) -> dict[str, object]:
    members = dict(pairs)
    if len(members) < len(pairs):
        seen: set[str] = set()
        for key, _ in pairs:
            if key in seen:
                raise ConfigError(f"the key {_shown(key)} appears twice in one object.")
            seen.add(key)
    return members


def _parse(document: dict[str, object]) -> Genesis:
    if document.get("alloc") is None:
        raise ConfigError("alloc is missing; write {} if no account exists at the start.")
    if document.get("config") is None:
        raise ConfigError("config is missing; it holds chainId and the forks.")
    for name in ("number", "gasUsed"):
        if _number(document, name, "", U64_MAX):
            raise ConfigError(f"{name} must be 0 in a genesis.")
    if _hash(document, "parentHash") != ZERO_HASH:
        raise ConfigError("parentHash must be 0 in a genesis.")
    rules = _object(document["config"], "config")
    base_fee = _number(document, "baseFeePerGas", "", U256_MAX)
    prev_randao = _hash(document, "mixHash")
    chain = ChainConfig(
        chain_id=_chain_id(rules),
        schedule=ForkSchedule.from_genesis_config(rules),
        gas_limit=_number(document, "gasLimit", "", U64_MAX) or BLOCK_GAS_LIMIT_DEFAULT,
        coinbase=_coinbase(document),
        base_fee_per_gas=BASE_FEE_WEI_GETH if base_fee is None else base_fee,
    )
    return Genesis(
        config=chain,
        alloc=_alloc(_object(document["alloc"], "alloc")),
        timestamp=_number(document, "timestamp", "", U64_MAX) or 0,
        extra_data=_extra_data(document),
        nonce=_number(document, "nonce", "", U64_MAX) or 0,
        difficulty=_difficulty(document, rules, prev_randao),
        prev_randao=prev_randao,
        coinbase=chain.coinbase,
        gas_limit=chain.gas_limit,
        base_fee_per_gas=chain.base_fee_per_gas,
        blob_gas_used=_number(document, "blobGasUsed", "", U64_MAX) or 0,
        excess_blob_gas=_number(document, "excessBlobGas", "", U64_MAX) or 0,
    )


def _chain_id(rules: dict[str, object]) -> int:
    chain_id = _number(rules, "chainId", "config.", U64_MAX)
    if not chain_id:
        raise ConfigError("config.chainId is missing or 0.")
    return chain_id


def _difficulty(document: dict[str, object], rules: dict[str, object], prev_randao: bytes) -> int:
    difficulty = _number(document, "difficulty", "", U256_MAX)
    if difficulty is not None:
        return difficulty
    return DIFFICULTY_GETH if rules.get("ethash") is not None and prev_randao == ZERO_HASH else 0


def _coinbase(document: dict[str, object]) -> bytes:
    value = document.get("coinbase")
    return ZERO_ADDRESS if value is None else _address(value, "coinbase")


def _extra_data(document: dict[str, object]) -> bytes:
    extra_data = _data(document, "extraData", "")
    if len(extra_data) > EXTRA_DATA_BYTES_MAX:
        raise ConfigError(f"extraData has {len(extra_data)} bytes, at most {EXTRA_DATA_BYTES_MAX} are allowed.")
    return extra_data


def _alloc(members: dict[str, object]) -> dict[bytes, GenesisAccount]:
    alloc: dict[bytes, GenesisAccount] = {}
    for key, value in members.items():
        address = _address(key, "an address in alloc")
        if address in alloc:
            raise ConfigError(f"alloc has the address 0x{address.hex()} twice.")
        alloc[address] = _account(_object(value, f"alloc[{_shown(key)}]"), f"alloc[{_shown(key)}].")
    return alloc


def _account(members: dict[str, object], where: str) -> GenesisAccount:
    unknown = members.keys() - {"balance", "nonce", "code", "storage", "secretKey", "privateKey", "comment"}
    if unknown:
        raise ConfigError(f"{where[:-1]} has an unknown field {_shown(min(unknown))}.")
    slots = members.get("storage")
    storage = {} if slots is None else _storage(_object(slots, f"{where}storage"), f"{where}storage")
    return GenesisAccount(
        nonce=_number(members, "nonce", where, U64_MAX) or 0,
        balance=_number(members, "balance", where, U256_MAX) or 0,
        code=_data(members, "code", where),
        storage=storage,
    )


def _storage(members: dict[str, object], where: str) -> dict[int, int]:
    storage: dict[int, int] = {}
    for key, value in members.items():
        slot = _word(key, f"a key in {where}")
        if slot in storage:
            raise ConfigError(f"{where} has the slot {slot:#x} twice.")
        storage[slot] = _word(value, f"{where}[{_shown(key)}]")
    return {slot: value for slot, value in storage.items() if value}


def _object(value: object, what: str) -> dict[str, object]:
    if not isinstance(value, dict):
        raise ConfigError(f"{what} must be a JSON object.")
    return value


def _number(members: dict[str, object], name: str, where: str, maximum: int) -> int | None:
    """A field given as a number, as hex with 0x, or as decimal digits; None if it is not there."""
    value = members.get(name)
    if value is None:
        return None
    number: int | None = None
    if isinstance(value, int) and not isinstance(value, bool):
        number = value
    elif isinstance(value, str):
        digits = value.lower()
        if digits.startswith("0x") and _is_hex(digits[2:], 64):
            number = int(digits[2:] or "0", 16)
        elif digits.isascii() and digits.isdecimal() and len(digits) <= 78:
            number = int(digits)
    if number is None:
        raise ConfigError(f"{where}{name} must be a number not below 0, decimal or hex, but is {_shown(value)}.")
    if not 0 <= number <= maximum:
        raise ConfigError(f"{where}{name} must be between 0 and 2^{maximum.bit_length()} - 1, but is {_shown(value)}.")
    return number


def _data(members: dict[str, object], name: str, where: str) -> bytes:
    value = members.get(name)
    if value is None:
        return b""
    digits = _hex_digits(value)
    if digits is None or len(digits) % 2:
        raise ConfigError(f"{where}{name} must be an even number of hex digits, but is {_shown(value)}.")
    return bytes.fromhex(digits)


def _hash(members: dict[str, object], name: str) -> bytes:
    value = members.get(name)
    if value is None:
        return ZERO_HASH
    digits = _hex_digits(value)
    if digits is None or len(digits) != 64:
        raise ConfigError(f"{name} must be 32 bytes in hex, but is {_shown(value)}.")
    return bytes.fromhex(digits)


def _address(value: object, what: str) -> bytes:
    digits = _hex_digits(value)
    if digits is None or len(digits) != 40:
        raise ConfigError(f"{what} must be 20 bytes in hex, but is {_shown(value)}.")
    return bytes.fromhex(digits)


def _word(value: object, what: str) -> int:
    digits = _hex_digits(value)
    if digits is None or len(digits) > 64:
        raise ConfigError(f"{what} must be at most 32 bytes in hex, but is {_shown(value)}.")
    return int(digits or "0", 16)


def _hex_digits(value: object) -> str | None:
    """The digits of a hex string with or without 0x; None if it is none."""
    if not isinstance(value, str):
        return None
    digits = value[2:] if value[:2] in ("0x", "0X") else value
    return digits if _is_hex(digits, len(digits)) else None


def _is_hex(digits: str, count_max: int) -> bool:
    return len(digits) <= count_max and all(digit in "0123456789abcdefABCDEF" for digit in digits)


def _shown(value: object) -> str:
    """The value as it stands in the file, cut to what fits in a sentence."""
    text = json.dumps(value)
    return text if len(text) <= 80 else f"{text[:77]}..."
