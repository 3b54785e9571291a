"""
Transactions through `Engine.execute`, over the state in RAM: no network, no log, no signature recovery.

Each repetition starts from a fresh state; status, gas, balances and the state root are checked, and the root
must be the same in every repetition.
"""

import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from bench.workloads import BALANCE_OF_SELECTOR, FUNDS_WEI, Workload
from evm_jit.engine import Call, Engine
from primitives.block import BlockEnvironment
from primitives.constants import BASE_FEE_WEI_DEFAULT, CHAIN_ID_DEFAULT
from primitives.forks import Fork
from primitives.transaction import Transaction, decode_transaction
from statestore.overlay import Overlay
from statestore.state import State
from statestore.trie import StateTrie

GAS_LIMIT = 10**12  # One block holds a whole workload.


@dataclass(frozen=True)
class Measurement:
    """
    One workload on one path: `seconds` of each repetition, transactions and gas of one of them.

    `permutations` is, where it was measured, what a transaction took in each repetition, as so many of Keccak's.
    """

    workload: str
    path: str
    transaction_count: int
    gas_used: int
    seconds: tuple[float, ...]
    permutations: tuple[float, ...] = ()

    @property
    def median_seconds(self) -> float:
        """The middle one of the repetitions."""
        return sorted(self.seconds)[len(self.seconds) // 2]

    @property
    def transactions_per_second(self) -> float:
        """Of the median repetition."""
        return self.transaction_count / self.median_seconds

    @property
    def median_permutations(self) -> float | None:
        """The middle one of the repetitions; None where it was not measured."""
        return statistics.median(self.permutations) if self.permutations else None

    @property
    def mgas_per_second(self) -> float:
        """Million units of gas a second, of the median repetition."""
        return self.gas_used / self.median_seconds / 1e6


class ChainInRam:
    """A `Chain` to check: the state that an engine wrote."""

    def __init__(self, engine: Engine, state: State, environment: BlockEnvironment) -> None:
        self._engine = engine
        self._state = state
        self._environment = environment

    def balance(self, address: bytes) -> int:
        """Ether of an account."""
        account = self._state.account(address)
        return 0 if account is None else account.balance

    def token_balance(self, token: bytes, owner: bytes) -> int:
        """Token units of an account, asked of the contract."""
        call = Call(sender=owner, to=token, gas_limit=100_000, data=BALANCE_OF_SELECTOR + owner.rjust(32, b"\0"))
        result = self._engine.call(call, self._environment, Overlay(self._state.view()))
        return int.from_bytes(result.output, "big")


def measure_engine(
    engine: Engine, workload: Workload, funded: list[bytes], repetitions: int, tick: Callable[[], None]
) -> Measurement:
    """Execute `workload` `repetitions` times; `tick` is called after each."""
    environment = BlockEnvironment(
        fork=Fork.OSAKA,
        chain_id=CHAIN_ID_DEFAULT,
        number=1,
        timestamp=1,
        gas_limit=GAS_LIMIT,
        base_fee_per_gas=BASE_FEE_WEI_DEFAULT,
    )
    seconds = []
    roots = set()
    gas_used = 0
    for _ in range(repetitions):
        state = State()
        for address in funded:
            state.set_balance(address, FUNDS_WEI)
        trie = StateTrie()
        trie.apply(state.seal_genesis())
        _execute(engine, environment, state, workload.setup)
        transactions = _decoded(workload.transactions)
        began = time.perf_counter()
        gas_used = _execute(engine, environment, state, transactions)
        seconds.append(time.perf_counter() - began)
        trie.apply(state.seal())
        roots.add(trie.root())
        workload.check(ChainInRam(engine, state, environment))
        tick()
    assert len(roots) == 1, "repetitions of one workload led to different state roots"
    return Measurement(workload.name, f"{engine.name} engine", len(workload.transactions), gas_used, tuple(seconds))


def _decoded(transactions: tuple[Transaction, ...]) -> list[Transaction]:
    """Fresh objects with the sender known, as admission hands them over."""
    decoded = [decode_transaction(transaction.raw) for transaction in transactions]
    for transaction in decoded:
        assert transaction.sender
    return decoded


def _execute(engine: Engine, environment: BlockEnvironment, state: State, transactions: Sequence[Transaction]) -> int:
    """Gas used by all; every transaction must succeed."""
    gas_used = 0
    for outcome in engine.execute(transactions, environment, state):
        assert outcome.receipt is not None, f"refused: {outcome.refusal}"
        assert outcome.receipt.succeeded, f"failed: {outcome.halt}"
        gas_used += outcome.receipt.gas_used
    return gas_used
