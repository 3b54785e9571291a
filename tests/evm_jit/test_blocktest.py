"""Chains of blocks imported one by one, against states computed by hand."""

from pathlib import Path
from typing import Any

import pytest

from evm_jit.block_tests import BlockCase, read_block_cases
from evm_jit.blocktest import run_block_case
from evm_jit.engine import Engine
from evm_jit.state_tests import CaseFile
from evm_jit.statetest import Refusal
from primitives.forks import Fork
from primitives.receipt import Receipt
from primitives.state_diff import Account
from statestore.ordered_trie import ordered_trie_root
from tests.evm_jit.block_case import (
    COINBASE,
    ETHER,
    GAS_PRICE,
    RECIPIENT,
    SENDER,
    TRANSFER_GAS,
    VALUE,
    Accounts,
    block_rlp,
    block_test,
    genesis_header,
    hexadecimal,
    next_header,
    ommers_hash,
    root_of,
    transfer,
    transfer_block,
)
from tests.evm_jit.transfer_case import write

PRE: Accounts = {SENDER: Account(0, ETHER)}
GENESIS = genesis_header(Fork.SHANGHAI, PRE)


def after(transfers: int) -> Accounts:
    """The accounts after so many transfers, which all pay the whole price to the block's base fee and coinbase."""
    if not transfers:
        return PRE
    tips = sum(GAS_PRICE - base_fee for base_fee in (7, 7)[:transfers])
    return {
        SENDER: Account(transfers, ETHER - transfers * (VALUE + TRANSFER_GAS * GAS_PRICE)),
        RECIPIENT: Account(0, transfers * VALUE),
        COINBASE: Account(0, TRANSFER_GAS * tips),
    }


ONE, ONE_HEADER = transfer_block(GENESIS, Fork.SHANGHAI, [transfer()], after(1))
TWO, TWO_HEADER = transfer_block(ONE_HEADER, Fork.SHANGHAI, [transfer(1)], after(2))


def case(folder: Path, **test: Any) -> BlockCase:
    members = {"network": "Shanghai", "genesis": GENESIS, "pre": PRE} | test
    path = write(folder / "t.json", {"t": block_test(**members)})
    return read_block_cases(CaseFile(path, "t.json", ""))[0]


def test_blocks_are_imported_up_to_the_head_computed_by_hand(tmp_path: Path, engine: Engine) -> None:
    verdict = run_block_case(case(tmp_path, blocks=[(ONE, None), (TWO, None)], last=TWO_HEADER, post=after(2)), engine)
    assert verdict.as_json() == {
        "name": "t.json/t",
        "pass": True,
        "fork": "Shanghai",
        "stateRoot": hexadecimal(root_of(after(2))),
        "error": None,
    }


def test_block_that_is_refused_half_way_leaves_no_trace(tmp_path: Path, engine: Engine) -> None:
    bad, _ = transfer_block(GENESIS, Fork.SHANGHAI, [transfer()], PRE)
    blocks = [(bad, "BlockException.INVALID_STATE_ROOT"), (ONE, None), (TWO, None)]
    verdict = run_block_case(case(tmp_path, blocks=blocks, last=TWO_HEADER, post=after(2)), engine)
    assert verdict.error is None
    assert verdict.refusals == (Refusal("state root", "BlockException.INVALID_STATE_ROOT"),)


def test_block_with_a_refused_transaction_is_refused_for_its_reason(tmp_path: Path, engine: Engine) -> None:
    bad, _ = transfer_block(GENESIS, Fork.SHANGHAI, [transfer(nonce=1)], PRE)
    verdict = run_block_case(case(tmp_path, blocks=[(bad, "Some.REASON")], last=GENESIS, post=PRE), engine)
    assert verdict.error is None
    assert verdict.refusals == (Refusal("NonceTooHigh", "Some.REASON"),)


def test_blocks_of_two_branches_are_imported_and_the_newest_is_the_head(tmp_path: Path, engine: Engine) -> None:
    other, other_header = transfer_block(GENESIS, Fork.SHANGHAI, [], PRE, timestamp=2_000)
    blocks = [(ONE, None), (other, None), (TWO, None)]
    assert run_block_case(case(tmp_path, blocks=blocks, last=TWO_HEADER, post=after(2)), engine).error is None
    blocks = [(ONE, None), (TWO, None), (other, None)]
    assert run_block_case(case(tmp_path, blocks=blocks, last=other_header, post=PRE), engine).error is None


def test_block_that_is_known_is_no_news(tmp_path: Path, engine: Engine) -> None:
    blocks = [(ONE, None), (TWO, None), (ONE, None)]
    assert run_block_case(case(tmp_path, blocks=blocks, last=TWO_HEADER, post=after(2)), engine).error is None


@pytest.mark.parametrize(
    ("changed", "error"),
    [
        ({"blocks": [(ONE, "Some.REASON")]}, "block 0 of the file is accepted, expected to be refused: Some.REASON"),
        (
            {"blocks": [(TWO, None)]},
            f"block 0 of the file is refused, expected to be accepted: invalid block: parent "
            f"{hexadecimal(ONE_HEADER.hash)} is not known",
        ),
        (
            {"last": TWO_HEADER},
            f"the head is {hexadecimal(ONE_HEADER.hash)}, expected {hexadecimal(TWO_HEADER.hash)}",
        ),
        (
            {"post": PRE},
            f"state root {hexadecimal(root_of(after(1)))}, expected {hexadecimal(root_of(PRE))}",
        ),
    ],
)
def test_what_is_not_as_the_file_says_fails_with_both(
    tmp_path: Path, engine: Engine, changed: dict[str, Any], error: str
) -> None:
    test = {"blocks": [(ONE, None)], "last": ONE_HEADER, "post": after(1)} | changed
    assert run_block_case(case(tmp_path, **test), engine).error == error


def test_root_stands_for_a_state_that_is_not_listed(tmp_path: Path, engine: Engine) -> None:
    test = block_test("Shanghai", GENESIS, PRE, [(ONE, None)], ONE_HEADER, after(1))
    del test["postState"]
    test["postStateHash"] = hexadecimal(root_of(after(1)))
    found = read_block_cases(CaseFile(write(tmp_path / "t.json", {"t": test}), "t.json", ""))[0]
    assert run_block_case(found, engine).error is None


def test_genesis_whose_root_is_not_that_of_its_accounts_fails(tmp_path: Path, engine: Engine) -> None:
    genesis = genesis_header(Fork.SHANGHAI, after(1))
    verdict = run_block_case(case(tmp_path, genesis=genesis, blocks=[], last=genesis, post=PRE), engine)
    assert verdict.error is not None
    assert "genesis has the state root" in verdict.error


def test_before_paris_the_heaviest_chain_wins_and_ommers_are_rewarded(tmp_path: Path, engine: Engine) -> None:
    fork = Fork.BYZANTIUM
    genesis = genesis_header(fork, PRE)
    reward = 3 * ETHER
    one, one_header = transfer_block(genesis, fork, [], {**PRE, COINBASE: Account(0, reward)})
    late, late_header = transfer_block(
        genesis, fork, [], {**PRE, RECIPIENT: Account(0, reward)}, coinbase=RECIPIENT, timestamp=1_100
    )
    post = {
        **PRE,
        COINBASE: Account(0, 2 * reward + reward // 32),
        RECIPIENT: Account(0, 7 * reward // 8),
    }
    header = next_header(one_header, fork, state_root=root_of(post), ommers_hash=ommers_hash([late_header]))
    two = block_rlp(header, ommers=[late_header])
    test = case(
        tmp_path,
        network="Byzantium",
        genesis=genesis,
        blocks=[(one, None), (late, None), (two, None)],
        last=header,
        post=post,
    )
    assert run_block_case(test, engine).error is None
    lighter = case(
        tmp_path,
        network="Byzantium",
        genesis=genesis,
        blocks=[(one, None), (late, None)],
        last=one_header,
        post={**PRE, COINBASE: Account(0, reward)},
    )
    assert run_block_case(lighter, engine).error is None


def test_before_byzantium_a_receipt_has_the_root_after_its_transaction(tmp_path: Path, engine: Engine) -> None:
    fork = Fork.HOMESTEAD
    genesis = genesis_header(fork, PRE)
    fee = TRANSFER_GAS * GAS_PRICE

    def accounts(count: int, reward: int = 0) -> Accounts:
        return {
            SENDER: Account(count, ETHER - count * (VALUE + fee)),
            RECIPIENT: Account(0, count * VALUE),
            COINBASE: Account(0, count * fee + reward),
        }

    receipts = [
        Receipt(0, True, TRANSFER_GAS * count, TRANSFER_GAS, (), GAS_PRICE).with_state_root(root_of(accounts(count)))
        for count in (1, 2)
    ]
    post = accounts(2, 5 * ETHER)
    transactions = [transfer(), transfer(1)]
    raw, header = transfer_block(genesis, fork, transactions, post, receipts_root=ordered_trie_root(receipts))
    test = case(tmp_path, network="Homestead", genesis=genesis, blocks=[(raw, None)], last=header, post=post)
    assert run_block_case(test, engine).error is None


class Crashing:
    """An engine with a bug."""

    name = "crashing"

    def execute(self, *_: object) -> Any:
        raise RecursionError("too deep")

    call = execute
    warm_up = execute


def test_engine_that_crashes_fails_its_case_and_not_the_run(tmp_path: Path) -> None:
    verdict = run_block_case(case(tmp_path, blocks=[(ONE, None)], last=ONE_HEADER, post=after(1)), Crashing())
    assert verdict.error == "crashing engine crashed: RecursionError: too deep"
    assert verdict.state_root is None
