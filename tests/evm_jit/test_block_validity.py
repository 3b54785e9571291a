"""One rule after the other, each on a block that breaks it alone."""

import random
from collections.abc import Callable, Sequence
from dataclasses import replace
from importlib import import_module
from typing import Any

import pytest

from evm_jit.block_validity import Rules, check_block, check_ommers, difficulty
from primitives.block import Header
from primitives.block_body import Block, Withdrawal, decode_block
from primitives.constants import EMPTY_LIST_HASH
from primitives.errors import InvalidBlock
from primitives.fee_market import BlobParameters
from primitives.forks import Fork
from primitives.validity import GAS_PER_BLOB
from tests.evm_jit.block_case import block_rlp, genesis_header, next_header, transfer

FORKS = list(Fork)


def genesis(fork: Fork) -> Header:
    return genesis_header(fork, {})


def check(header: Header, fork: Fork, parent: Header | None = None, **body: Any) -> None:
    check_block(decode_block(block_rlp(header, **body)), parent or genesis(fork), Rules(fork))


def part_of(header: Header, fork: Fork, parent: Header | None = None, **body: Any) -> str:
    """The part for which the block is refused."""
    with pytest.raises(InvalidBlock) as refusal:
        check(header, fork, parent, **body)
    return refusal.value.part


@pytest.mark.parametrize("fork", FORKS)
def test_empty_block_is_valid_on_every_fork(fork: Fork) -> None:
    check(next_header(genesis(fork), fork), fork)


@pytest.mark.parametrize(
    ("changed", "part"),
    [
        ({"number": 0}, "number"),
        ({"number": 2}, "number"),
        ({"timestamp": 1_000}, "timestamp"),
        ({"timestamp": 999}, "timestamp"),
        ({"gas_used": 30_000_001}, "gas used"),
        ({"gas_limit": 30_000_000 + 30_000_000 // 1_024}, "gas limit"),
        ({"gas_limit": 30_000_000 - 30_000_000 // 1_024}, "gas limit"),
        ({"gas_limit": 2**63}, "gas limit"),
        ({"extra_data": bytes(33)}, "extra data"),
        ({"base_fee_per_gas": 8}, "base fee"),
        ({"difficulty": 1}, "difficulty"),
        ({"nonce": b"\x01" + bytes(7)}, "nonce"),
        ({"ommers_hash": bytes(32)}, "ommers hash"),
        ({"withdrawals_root": bytes(32)}, "withdrawals root"),
        ({"blob_gas_used": 1}, "blob gas used"),
        ({"blob_gas_used": GAS_PER_BLOB}, "blob gas used"),
        ({"blob_gas_used": 10 * GAS_PER_BLOB}, "blob gas used"),
        ({"excess_blob_gas": 1}, "excess blob gas"),
        ({"requests_hash": None}, "requests hash"),
    ],
)
def test_header_that_breaks_a_rule_is_refused_for_it(changed: dict[str, Any], part: str) -> None:
    assert part_of(next_header(genesis(Fork.OSAKA), Fork.OSAKA, **changed), Fork.OSAKA) == part


@pytest.mark.parametrize("change", [29_295, -29_295])
def test_gas_limit_may_move_by_less_than_a_1024th(change: int) -> None:
    check(next_header(genesis(Fork.OSAKA), Fork.OSAKA, gas_limit=30_000_000 + change), Fork.OSAKA)


def test_gas_limit_never_falls_below_5000() -> None:
    parent = replace(genesis(Fork.OSAKA), gas_limit=5_000)
    check(next_header(parent, Fork.OSAKA), Fork.OSAKA, parent)
    assert part_of(next_header(parent, Fork.OSAKA, gas_limit=4_999), Fork.OSAKA, parent) == "gas limit"


@pytest.mark.parametrize(
    ("fork", "later", "part"),
    [
        (Fork.BERLIN, Fork.LONDON, "base fee"),
        (Fork.PARIS, Fork.SHANGHAI, "withdrawals root"),
        (Fork.SHANGHAI, Fork.CANCUN, "blob gas used"),
        (Fork.CANCUN, Fork.PRAGUE, "requests hash"),
    ],
)
def test_header_has_the_fields_of_its_fork(fork: Fork, later: Fork, part: str) -> None:
    assert part_of(next_header(genesis(later), fork), fork) == part
    assert part_of(next_header(genesis(fork), later), later) == part


def test_first_block_of_london_has_twice_the_gas_limit_and_the_initial_base_fee() -> None:
    parent = genesis(Fork.BERLIN)
    header = next_header(parent, Fork.LONDON, gas_limit=2 * parent.gas_limit, base_fee_per_gas=10**9)
    check(header, Fork.LONDON, parent)
    assert part_of(replace(header, gas_limit=parent.gas_limit), Fork.LONDON, parent) == "gas limit"
    assert part_of(replace(header, base_fee_per_gas=7), Fork.LONDON, parent) == "base fee"


def test_blobs_are_bounded_by_the_parameters_of_the_rules() -> None:
    parent = genesis(Fork.OSAKA)
    header = next_header(parent, Fork.OSAKA, blob_gas_used=10 * GAS_PER_BLOB)
    with pytest.raises(InvalidBlock, match="is not that of 0 blobs"):
        check_block(decode_block(block_rlp(header)), parent, Rules(Fork.OSAKA, BlobParameters(6, 10, 5_007_716)))


def test_withdrawals_must_be_those_of_the_root() -> None:
    header = next_header(genesis(Fork.SHANGHAI), Fork.SHANGHAI)
    withdrawal = Withdrawal(0, 0, bytes(20), 1)
    assert part_of(header, Fork.SHANGHAI, withdrawals=[withdrawal]) == "withdrawals root"


def test_from_osaka_on_a_block_is_at_most_8_mib_large() -> None:
    data = bytes(8 * 1024 * 1024)
    header = next_header(genesis(Fork.OSAKA), Fork.OSAKA)
    assert part_of(header, Fork.OSAKA, transactions=[transfer(data=data)]) == "size"
    check(next_header(genesis(Fork.PRAGUE), Fork.PRAGUE), Fork.PRAGUE, transactions=[transfer(data=data)])


# Ommers


def chain(length: int, fork: Fork = Fork.BYZANTIUM) -> list[Header]:
    headers = [genesis(fork)]
    while len(headers) < length:
        headers.append(next_header(headers[-1], fork))
    return headers


def check_ommers_of(headers: Sequence[Header], ommers: Sequence[Header], earlier: Sequence[Header] = ()) -> None:
    """In the block after `headers`, whose last one has the ommers `earlier`."""
    ancestors = [Block(header, (), (), None, 0) for header in headers]
    ancestors[-1] = replace(ancestors[-1], ommers=tuple(earlier))
    header = next_header(headers[-1], Fork.BYZANTIUM)
    check_ommers(Block(header, (), tuple(ommers), None, 0), ancestors[::-1][:7], lambda _: Rules(Fork.BYZANTIUM))


def ommer(parent: Header, **fields: Any) -> Header:
    return next_header(parent, Fork.BYZANTIUM, extra_data=b"ommer", **fields)


def test_ommers_of_six_generations_are_valid() -> None:
    headers = chain(10)
    for generation in range(1, 7):
        check_ommers_of(headers, [ommer(headers[-1 - generation])])
    check_ommers_of(headers, [ommer(headers[-2]), ommer(headers[-3])])


@pytest.mark.parametrize(
    ("ommers", "earlier"),
    [
        (lambda headers: [ommer(headers[-1])], []),
        (lambda headers: [ommer(headers[-8])], []),
        (lambda headers: [headers[-1]], []),
        (lambda headers: [ommer(headers[-2])] * 2, []),
        (lambda headers: [ommer(headers[-2]), ommer(headers[-3]), ommer(headers[-4])], []),
        (lambda headers: [ommer(headers[-3])], [-3]),
    ],
    ids=["brother", "seventh generation", "ancestor", "twice", "three", "had before"],
)
def test_ommers_that_do_not_belong_are_refused(
    ommers: Callable[[list[Header]], list[Header]], earlier: list[int]
) -> None:
    headers = chain(10)
    with pytest.raises(InvalidBlock) as refusal:
        check_ommers_of(headers, ommers(headers), [ommer(headers[index]) for index in earlier])
    assert refusal.value.part == "ommers"


def test_ommer_is_a_valid_header_itself() -> None:
    headers = chain(4)
    with pytest.raises(InvalidBlock, match="difficulty"):
        check_ommers_of(headers, [ommer(headers[-2], difficulty=5)])


@pytest.mark.parametrize("fork", [Fork.FRONTIER, Fork.HOMESTEAD, Fork.BYZANTIUM, Fork.CONSTANTINOPLE, Fork.LONDON])
def test_difficulty_is_that_of_the_specification(fork: Fork) -> None:
    pytest.importorskip("ethereum", reason="EELS is not installed")
    numeric = import_module("ethereum_types.numeric")
    specification = import_module(f"ethereum.forks.{fork.name.lower()}.fork")
    rng = random.Random(fork)
    for _ in range(500):
        number, seconds, has_ommers = rng.randrange(1, 15_000_000), rng.randrange(1, 2_000), rng.random() < 0.5
        parent_difficulty = rng.randrange(131_072, 1 << rng.randrange(18, 60))
        arguments = [numeric.Uint(number), numeric.U256(1_000 + seconds), numeric.U256(1_000)]
        arguments.append(numeric.Uint(parent_difficulty))
        if fork >= Fork.BYZANTIUM:
            arguments.append(has_ommers)
        hash_of_ommers = bytes(32) if has_ommers else EMPTY_LIST_HASH
        parent = replace(genesis(fork), difficulty=parent_difficulty, ommers_hash=hash_of_ommers, number=number - 1)
        header = replace(parent, number=number, timestamp=1_000 + seconds)
        assert difficulty(header, parent, fork) == int(specification.calculate_block_difficulty(*arguments))
