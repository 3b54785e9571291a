"""
State tests on disk: which files of a folder are some, and the cases that a file holds.

A case is one entry of `post[fork]`: a block environment, accounts before, one signed transaction, and the state
root and logs hash after it. Two shapes are read:

1. ethereum/tests and execution-spec-tests: one object a test with `env`, `pre`, `transaction` and `post`;
2. `eels-filled/GeneralStateTests/...`: only the posts, `{test: {fork: [entry]}}`. Everything else, the signed
   transaction too, is in the file of the same path beside `eels-filled`, under the same indexes.

A case's name is `file/test/Fork/d0g0v0` (the indexes of data, gas limit and value) and names it alone; the few
entries that a file lists twice under the same indexes are told apart by `#2`.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Final, NamedTuple

import msgspec

from primitives.block import BlockEnvironment
from primitives.constants import ZERO_HASH
from primitives.errors import ConfigError
from primitives.forks import FORK_NAMES, Fork
from primitives.keccak import keccak256

EELS_FILLED: Final = "eels-filled"
CHAIN_ID_MAINNET: Final = 1  # Of a test without a `config`.

# The files tell posts apart that differ in nothing but these.
Indexes = tuple[int, int, int]


class PreAccount(NamedTuple):
    """An account before the transaction; zero slots are not in `storage`."""

    address: bytes
    nonce: int
    balance_wei: int
    code: bytes
    storage: Mapping[int, int]


@dataclass(frozen=True)
class Case:
    """
    One transaction and what it must leave behind.

    `exception` is the reason, in the words of whoever filled the test, why the transaction must be refused, None
    if it must be executed.
    """

    name: str
    fork_name: str
    environment: BlockEnvironment
    pre: Sequence[PreAccount]
    transaction: bytes
    state_root: bytes
    logs_hash: bytes
    exception: str | None


class CaseFile(NamedTuple):
    """A file that was asked for: where it is, what reports call it, and the folder it is counted under."""

    path: Path
    name: str
    folder: str


def find_files(paths: Iterable[Path]) -> Iterator[tuple[CaseFile, bool]]:
    """
    Every JSON file that `paths` names or contains, each once, in order, and whether it was named itself.

    A file in a folder is called by its path from that folder on, the folder included. ConfigError for a path
    that does not exist.
    """
    seen: set[Path] = set()
    for path in paths:
        if not path.exists():
            raise ConfigError(f"{path}: there is no such file or folder.")
        root = path.resolve()
        is_file = root.is_file()
        for found in [root] if is_file else sorted(root.rglob("*.json")):
            if found in seen or not found.is_file():
                continue
            seen.add(found)
            name = found.relative_to(root.parent.parent if is_file else root.parent)
            yield CaseFile(found, name.as_posix(), name.parent.as_posix()), is_file


def is_state_test(path: Path) -> bool:
    """Whether the JSON file holds state tests; ConfigError if it can't be read or is not JSON."""
    return _looks_filled(path, document := document_of(path)) or _looks_whole(document)


def _looks_whole(document: object) -> bool:
    return (
        isinstance(document, dict)
        and bool(document)
        and all(
            isinstance(test, dict) and isinstance(test.get("post"), dict) and {"pre", "transaction"} <= test.keys()
            for test in document.values()
        )
    )


def _looks_filled(path: Path, document: object) -> bool:
    return (
        EELS_FILLED in path.parts
        and isinstance(document, dict)
        and bool(document)
        and all(isinstance(test, dict) and FORK_NAMES.keys() & map(str.lower, test) for test in document.values())
    )


class CaseCount(NamedTuple):
    """The cases of a file on forks that leveret knows (and was asked for), and those on other forks."""

    known: int
    unknown: int


def count_cases(path: Path, fork: Fork | None = None) -> CaseCount:
    """How many cases a state test file holds, without decoding them; with `fork`, only that fork's count."""
    known = unknown = 0
    for posts in _posts(path):
        for fork_name, entries in posts.items():
            fork_found = FORK_NAMES.get(fork_name.lower())
            if fork_found is None:
                unknown += len(entries)
            elif fork in (None, fork_found):
                known += len(entries)
    return CaseCount(known, unknown)


def read_cases(file: CaseFile, fork: Fork | None = None) -> list[Case]:
    """
    The cases of a state test file in its own order, on the forks that leveret knows; with `fork`, only that one.

    ConfigError names the file, the test and what is missing or malformed in it.
    """
    sources = document_of(_source_of(file.path)) if _is_filled(file.path) else None
    cases: list[Case] = []
    for test_name, test in document_of(file.path).items():
        where = f"{file.path}: test '{test_name}'"
        try:
            whole = test if sources is None else _filled_test(sources[test_name], test)
            cases += _test_cases(f"{file.name}/{test_name}", whole, fork)
        except KeyError as error:
            raise ConfigError(f"{where} is not a state test: it has no {error}.") from error
        except (ValueError, TypeError, AttributeError, IndexError) as error:
            raise ConfigError(f"{where} is not a state test: {error}.") from error
    return cases


def _test_cases(name: str, test: Mapping[str, Any], only: Fork | None) -> Iterator[Case]:
    pre: Sequence[PreAccount] | None = None
    for fork_name, entries in test["post"].items():
        fork = FORK_NAMES.get(fork_name.lower())
        if fork is None or only not in (None, fork):
            continue
        pre = pre or pre_accounts(test["pre"])
        environment = _environment(test["env"], fork, number(test.get("config", {}).get("chainid", CHAIN_ID_MAINNET)))
        seen: Counter[Indexes] = Counter()
        for entry in entries:
            indexes = _indexes(entry)
            seen[indexes] += 1
            label = "d{}g{}v{}".format(*indexes) + (f"#{seen[indexes]}" if seen[indexes] > 1 else "")
            yield Case(
                name=f"{name}/{fork_name}/{label}",
                fork_name=fork_name,
                environment=environment,
                pre=pre,
                transaction=octets(entry["txbytes"]),
                state_root=octets(entry["hash"]),
                logs_hash=octets(entry["logs"]),
                exception=entry.get("expectException"),
            )


def _environment(env: Mapping[str, Any], fork: Fork, chain_id: int) -> BlockEnvironment:
    """The block; fields of later forks may be there and are left out."""
    return BlockEnvironment(
        fork=fork,
        chain_id=chain_id,
        number=number(env["currentNumber"]),
        timestamp=number(env["currentTimestamp"]),
        gas_limit=number(env["currentGasLimit"]),
        coinbase=octets(env["currentCoinbase"]),
        base_fee_per_gas=number(env["currentBaseFee"]) if fork >= Fork.LONDON else 0,
        prev_randao=number(env["currentRandom"]).to_bytes(32, "big") if fork >= Fork.PARIS else ZERO_HASH,
        difficulty=number(env["currentDifficulty"]) if fork < Fork.PARIS else 0,
        excess_blob_gas=number(env["currentExcessBlobGas"]) if fork >= Fork.CANCUN else 0,
        block_hash=block_hash,
    )


def block_hash(block_number: int) -> bytes:
    """The hash of an earlier block in every state test: Keccak-256 of its number in decimal ASCII."""
    return keccak256(str(block_number).encode())


def pre_account(address: str, fields: Mapping[str, Any]) -> PreAccount:
    """An account as a `pre` (or the `accounts` of a workload) writes it."""
    slots = ((number(key), number(value)) for key, value in fields["storage"].items())
    return PreAccount(
        address=octets(address),
        nonce=number(fields["nonce"]),
        balance_wei=number(fields["balance"]),
        code=octets(fields["code"]),
        storage={key: value for key, value in slots if value},
    )


def pre_accounts(pre: Mapping[str, Any]) -> list[PreAccount]:
    """All accounts of a `pre`."""
    return [pre_account(address, fields) for address, fields in pre.items()]


def _indexes(entry: Mapping[str, Any]) -> Indexes:
    indexes = entry["indexes"]
    return indexes["data"], indexes["gas"], indexes["value"]


def number(text: str | int) -> int:
    """A number of any width, hexadecimal if it begins with 0x; some files write small ones as JSON numbers."""
    return text if isinstance(text, int) else int(text, 0 if text[:2] in ("0x", "0X") else 10)


def octets(text: str) -> bytes:
    """The bytes of a hex string with 0x in front."""
    return bytes.fromhex(text.removeprefix("0x"))


def _is_filled(path: Path) -> bool:
    return EELS_FILLED in path.parts and not _looks_whole(document_of(path))


def _source_of(path: Path) -> Path:
    """The file with env, pre and transaction of an eels-filled one."""
    marker = len(path.parts) - 1 - path.parts[::-1].index(EELS_FILLED)
    source = Path(*path.parts[:marker], *path.parts[marker + 1 :])
    if not source.is_file():
        raise ConfigError(f"{path}: its other half, {source}, is not there.")
    return source


def _filled_test(source: Mapping[str, Any], posts: Mapping[str, Any]) -> dict[str, Any]:
    """The whole test: `source` with its posts replaced, each with the transaction of the same indexes."""
    signed = {_indexes(entry): entry["txbytes"] for entries in source["post"].values() for entry in entries}
    filled = {
        fork_name: [{**entry, "txbytes": signed[_indexes(entry)]} for entry in entries]
        for fork_name, entries in posts.items()
    }
    return {**source, "post": filled}


def _posts(path: Path) -> Iterator[Mapping[str, Any]]:
    is_filled = _is_filled(path)
    for test in document_of(path).values():
        yield test if is_filled else test["post"]


@lru_cache(maxsize=4)  # A file is asked for once for each batch of its cases, an eels-filled one with its source.
def document_of(path: Path) -> Any:
    """What a JSON file holds; ConfigError if it can't be read or is not JSON."""
    try:
        return msgspec.json.decode(path.read_bytes())
    except OSError as error:
        raise ConfigError(f"{path}: it can't be read: {error.strerror}.") from error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ConfigError(f"{path}: it is not JSON: {error}.") from error
