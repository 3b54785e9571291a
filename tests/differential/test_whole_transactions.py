"""Random transactions leave the same behind on every engine and on EELS: receipts, output, accounts, state root."""

from contextlib import suppress
from dataclasses import dataclass, replace

import pytest

from evm_jit.state_tests import PreAccount
from primitives.errors import InvalidSignature
from primitives.forks import Fork
from primitives.signature import SECP256K1_N
from primitives.transaction import DYNAMIC_FEE, LEGACY, Transaction
from tests.differential import eels, scenes
from tests.differential.cases import Case, differences, make_case
from tests.differential.comparison import Tally, compare_cases
from tests.differential.eels import run_on_eels
from tests.differential.engine_runs import run_on_engine
from tests.differential.engines import LEADING, engine, reports, seeds
from tests.differential.programs import RECURSION
from tests.differential.scenes import CHAIN_ID, CONTRACTS, EOAS, FORKS, MINER
from tests.differential.transactions import TransactionPlan

CASES_PER_FORK = 40
needs_eels = pytest.mark.skipif(not eels.IS_INSTALLED, reason=eels.ABSENCE)


@needs_eels
@pytest.mark.parametrize("fork", FORKS, ids=lambda fork: fork.name.lower())
def test_every_engine_agrees_with_eels(fork: Fork) -> None:
    engines = {name: engine(name) for name in dict.fromkeys((LEADING, "reference"))}
    tally = Tally()
    assert reports(compare_cases([*engines, "eels"], engines, seeds(CASES_PER_FORK), fork, tally)) == []
    assert tally.success_share >= 0.5


@pytest.mark.skipif(LEADING == "reference", reason="there is no other engine")
@pytest.mark.parametrize("fork", FORKS, ids=lambda fork: fork.name.lower())
def test_engines_agree_with_each_other(fork: Fork) -> None:
    engines = {name: engine(name) for name in (LEADING, "reference")}
    found = compare_cases([*engines], engines, range(1_000, 1_000 + len(seeds(CASES_PER_FORK))), fork, Tally())
    assert reports(found) == []


@needs_eels
@pytest.mark.parametrize("name", sorted({LEADING, "reference"}))
def test_recursion_to_the_limit_of_frames_agrees_with_eels(name: str) -> None:
    case = recursion_case()
    first, second = run_on_engine(case, engine(name)), run_on_eels(case)
    assert differences(first, second) == []
    assert first.accounts[CONTRACTS[0]].storage[0] == 1_025, "the outermost frame has depth 0, the innermost 1,024"


@needs_eels
@pytest.mark.parametrize("name", sorted({LEADING, "reference"}))
def test_signatures_on_both_sides_of_their_bounds_are_judged_as_eels_does(name: str) -> None:
    half = SECP256K1_N // 2
    bounds = {
        (0, None, half): False,
        (1, None, half): False,
        (0, None, half + 1): True,
        (2, None, half): True,
        (0, 0, half): True,
        (0, SECP256K1_N, half): True,
        (0, None, 0): True,
        (0, None, SECP256K1_N): True,
        (0, None, 1): False,
    }
    for kind in (LEGACY, DYNAMIC_FEE):
        for (y_parity, r, s), is_refused in bounds.items():
            case = signature_case(kind, y_parity, r, s)
            first, second = run_on_engine(case, engine(name)), run_on_eels(case)
            assert differences(first, second) == []
            assert first.transactions[0].is_refused == is_refused, (kind, y_parity, r, s)


@dataclass(frozen=True)
class SignedCase(Case):
    """One transaction as it is, instead of plans."""

    transaction: Transaction | None = None

    def transactions(self) -> list[Transaction]:
        assert self.transaction is not None
        return [self.transaction]


def signature_case(kind: int, y_parity: int, r: int | None, s: int) -> Case:
    """A transaction with this signature, and ether for whoever it makes the sender; r None is one that has a point."""
    fields = replace(CALL, type=kind, y_parity=y_parity, s=s)
    for candidate in range(1, 100) if r is None else (r,):
        transaction = replace(fields, r=candidate)
        with suppress(InvalidSignature):
            sender = transaction.recover_sender(low_s=False)
            break
    else:
        sender = EOAS[0]
    accounts = (PreAccount(sender, 0, 10**24, b"", {}),)
    return SignedCase(scenes.block(Fork.CANCUN, MINER, 10**7), accounts, (), transaction)


# A call that does nothing, of a contract that the case may have.
CALL = Transaction(
    type=LEGACY,
    chain_id=CHAIN_ID,
    nonce=0,
    max_priority_fee_per_gas=1,
    max_fee_per_gas=1,
    gas_limit=10**6,
    to=CONTRACTS[0],
    value=0,
    data=b"",
    y_parity=0,
    r=0,
    s=0,
)


def recursion_case() -> Case:
    """A contract that calls itself until there are no more frames; 64/63 to the power of 1,024 is ten million."""
    gas_limit = 10**12
    environment = scenes.block(Fork.CANCUN, MINER, gas_limit)
    accounts = (PreAccount(CONTRACTS[0], 1, 0, RECURSION, {}), PreAccount(EOAS[0], 0, 10**24, b"", {}))
    return Case(environment, accounts, (TransactionPlan(0, replace(CALL, gas_limit=gas_limit)),))


def test_a_seed_makes_the_same_case_again() -> None:
    first, second = make_case(7), make_case(7)
    assert first.transactions() == second.transactions()
    assert first.accounts == second.accounts
    assert first.environment == second.environment
