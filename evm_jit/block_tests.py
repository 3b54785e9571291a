"""
Block tests on disk (BlockchainTests): which files are some, and the chains that a file holds.

A case is a genesis block, the accounts under it, and blocks in RLP to be imported in order. One with a reason must
be refused, any other accepted; at the end the head is `last_hash` and its state the one told. The network is a fork's
name, or `AToBAt5` (from block 5 on) or `AToBAtTime15k` (from timestamp 15,000 on); BPO1, BPO2... are Osaka with
other blob parameters (EIP-7892), which the file gives in `config.blobSchedule`.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, NamedTuple

from evm_jit.block_validity import Rules
from evm_jit.state_tests import (
    CHAIN_ID_MAINNET,
    CaseCount,
    CaseFile,
    PreAccount,
    document_of,
    number,
    octets,
    pre_accounts,
)
from primitives.block import Header
from primitives.errors import ConfigError
from primitives.fee_market import BlobParameters
from primitives.forks import FORK_NAMES, Fork

_TRANSITION: Final = re.compile(r"(\w+?)To(\w+?)At(Time)?(\d+)(k?)")
_BLOB_FORK: Final = re.compile(r"BPO\d+")  # A fork that changes nothing but the blob parameters.


class Network(NamedTuple):
    """
    The rules of a chain: `first` until the block number or the timestamp `at` (seconds), then `second`.

    The two are the same on a network without a transition.
    """

    first: Rules
    second: Rules
    at: int = 0
    is_timestamp: bool = False

    def rules_of(self, header: Header) -> Rules:
        """The rules of the block with this header."""
        position = header.timestamp if self.is_timestamp else header.number
        return self.second if position >= self.at else self.first


class CaseBlock(NamedTuple):
    """A block to import; `exception` is the reason why it must be refused, None if it must be accepted."""

    rlp: bytes
    exception: str | None


@dataclass(frozen=True)
class BlockCase:
    """
    One chain. `post` is the state at the end: its accounts, or its root alone.

    `fork_name` is the name of the network.
    """

    name: str
    fork_name: str
    network: Network
    chain_id: int
    genesis: bytes
    pre: Sequence[PreAccount]
    blocks: Sequence[CaseBlock]
    last_hash: bytes
    post: Sequence[PreAccount] | bytes


def is_block_test(path: Path) -> bool:
    """Whether the JSON file holds block tests; ConfigError if it can't be read or is not JSON."""
    document = document_of(path)
    needed = {"genesisRLP", "pre", "blocks", "network", "lastblockhash"}
    return (
        isinstance(document, dict)
        and bool(document)
        and all(isinstance(test, dict) and needed <= test.keys() for test in document.values())
    )


def count_block_cases(path: Path, fork: Fork | None = None) -> CaseCount:
    """How many chains a file holds, and how many more on networks that leveret does not know."""
    networks = [network_of(test) for test in document_of(path).values()]
    known = [network for network in networks if network is not None]
    return CaseCount(sum(_is_wanted(network, fork) for network in known), len(networks) - len(known))


def read_block_cases(file: CaseFile, fork: Fork | None = None) -> list[BlockCase]:
    """
    The chains of a file in its order, on networks that leveret knows; with `fork`, only those that end in it.

    ConfigError names the file, the test and what is missing or malformed in it.
    """
    cases = []
    for test_name, test in document_of(file.path).items():
        try:
            network = network_of(test)
            if network is not None and _is_wanted(network, fork):
                cases.append(_case(f"{file.name}/{test_name}", test, network))
        except KeyError as error:
            raise ConfigError(f"{file.path}: test '{test_name}' is not a block test: it has no {error}.") from error
        except (ValueError, TypeError, AttributeError) as error:
            raise ConfigError(f"{file.path}: test '{test_name}' is not a block test: {error}.") from error
    return cases


def network_of(test: Mapping[str, Any]) -> Network | None:
    """The network of a test, None if leveret does not know it."""
    name = test["network"]
    schedule = test.get("config", {}).get("blobSchedule", {})
    transition = _TRANSITION.fullmatch(name)
    if transition is None:
        rules = _rules(name, schedule)
        return None if rules is None else Network(rules, rules)
    first, second = _rules(transition[1], schedule), _rules(transition[2], schedule)
    if first is None or second is None:
        return None
    return Network(first, second, int(transition[4]) * (1_000 if transition[5] else 1), bool(transition[3]))


def _rules(name: str, schedule: Mapping[str, Any]) -> Rules | None:
    fork = FORK_NAMES.get(name.lower())
    if fork is None and name in schedule and _BLOB_FORK.fullmatch(name):
        fork = Fork.OSAKA
    if fork is None:
        return None
    told = schedule.get(name)
    if told is None:
        return Rules(fork)
    return Rules(fork, BlobParameters(*(number(told[key]) for key in ("target", "max", "baseFeeUpdateFraction"))))


def _is_wanted(network: Network, fork: Fork | None) -> bool:
    return fork in (None, network.second.fork)


def _case(name: str, test: Mapping[str, Any], network: Network) -> BlockCase:
    post = test.get("postState")
    return BlockCase(
        name=name,
        fork_name=test["network"],
        network=network,
        chain_id=number(test.get("config", {}).get("chainid", CHAIN_ID_MAINNET)),
        genesis=octets(test["genesisRLP"]),
        pre=pre_accounts(test["pre"]),
        blocks=[CaseBlock(octets(block["rlp"]), _exception(block)) for block in test["blocks"]],
        last_hash=octets(test["lastblockhash"]),
        post=octets(test["postStateHash"]) if post is None else pre_accounts(post),
    )


def _exception(block: Mapping[str, Any]) -> str | None:
    """Older files name the fork in the key: `expectExceptionALL`."""
    return next((reason for key, reason in block.items() if key.startswith("expectException")), None)
