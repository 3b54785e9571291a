"""
Single frames at volume: a program, its calldata and its gas, without a transaction around it.

Frames come in batches that share the contracts which programs call, so that a state is made once for all of them. Each
frame starts from this state; what it wrote is compared and taken back. A frame is named by its seed alone: the batch
that it belongs to is the seed divided by the size of a batch.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from random import Random
from typing import Final

from evm_jit.engine import Call, Engine
from evm_jit.state_tests import PreAccount
from evm_jit.statetest import write_accounts
from primitives.block import BlockEnvironment
from primitives.forks import Fork
from primitives.keccak import keccak256
from primitives.receipt import Log
from primitives.state_diff import Account, AccountChange, StateDiff
from statestore.state import State
from tests.differential import scenes
from tests.differential.account_states import AccountState, account_states, accounts_after
from tests.differential.cases import NOT_SAID
from tests.differential.code_writer import Scenery
from tests.differential.edge_words import random_word
from tests.differential.programs import program
from tests.differential.reports import show_pair
from tests.differential.scenes import CONTRACTS, EOAS, MINER, WEALTH_WEI

BATCH_SIZE: Final = 128
STATEMENTS_MAX: Final = 36
LIBRARY_STATEMENTS_MAX: Final = 16
CALLER: Final = EOAS[0]
# pyrevm 0.3.7 is a revm of 2024: its Prague is not the one that came.
FORKS: Final = tuple(fork for fork in Fork if Fork.BERLIN <= fork <= Fork.CANCUN)
FORK_WEIGHTS: Final = (1, 1, 1, 2, 5)


@dataclass(frozen=True)
class Frame:
    """A call of the program at `to` by `CALLER`; `gas_limit` is what the frame gets."""

    seed: int
    to: bytes
    code: bytes
    data: bytes
    value: int
    gas_limit: int

    @cached_property
    def code_hash(self) -> bytes:
        return keccak256(self.code)


@dataclass(frozen=True)
class FrameResult:
    """
    `changes` are the accounts that are not as before, as they are now; None for one that is gone. `halt` is `NOT_SAID`
    by who does not say it in the words of leveret. `crash` is what was raised instead of a result.
    """

    succeeded: bool = False
    gas_used: int = 0
    output: bytes = b""
    logs: tuple[Log, ...] = ()
    changes: Mapping[bytes, AccountState | None] = field(default_factory=dict)
    halt: str | None = field(default=None, compare=False)
    crash: str | None = None


@dataclass(frozen=True)
class Batch:
    """What the frames of a batch, so many at most, share."""

    number: int
    fork: Fork
    environment: BlockEnvironment
    accounts: tuple[PreAccount, ...]
    size: int = BATCH_SIZE

    @property
    def first_seed(self) -> int:
        return self.number * self.size

    @cached_property
    def scenery(self) -> Scenery:
        known = scenes.scenery(self.fork, 0)
        return Scenery(self.fork, CONTRACTS[1:], (CONTRACTS[0], *known.addresses))


def make_batch(number: int, fork: Fork | None = None, size: int = BATCH_SIZE) -> Batch:
    """The batch with this number; without a fork, the number chooses one."""
    rng = Random(-1 - number)
    chosen = rng.choices(FORKS, FORK_WEIGHTS)[0]
    fork = chosen if fork is None else fork
    environment = scenes.frame_environment(rng, fork, (MINER, CONTRACTS[1], EOAS[0]))
    accounts = scenes.contracts(rng, fork, statements_max=LIBRARY_STATEMENTS_MAX)
    accounts.append(PreAccount(CALLER, 3, WEALTH_WEI, b"", {}))
    return Batch(number, fork, environment, tuple(accounts), size)


def make_frame(seed: int, batch: Batch) -> Frame:
    """The frame of a seed; its program takes the place of the first contract."""
    rng = Random(seed)
    code = program(rng, batch.scenery, 2 + int(rng.random() * STATEMENTS_MAX))
    data = b"".join(random_word(rng).to_bytes(32, "big") for _ in range(rng.randrange(4))) + rng.randbytes(
        rng.randrange(40)
    )
    chance = rng.random()
    if chance < 0.8:
        gas_limit = 200_000 + int(rng.random() * 1_000_000)
    else:
        gas_limit = int(rng.random() * (60_000 if chance < 0.95 else 2_000))
    return Frame(seed, CONTRACTS[0], code, data, 1_000 if rng.random() < 0.2 else 0, gas_limit)


def batches(first_seed: int, count: int, fork: Fork | None = None) -> Iterator[tuple[Batch, range]]:
    """The batches that `count` seeds from the first on belong to, and the seeds in each."""
    seed, end = first_seed, first_seed + count
    while seed < end:
        number = seed // BATCH_SIZE
        stop = min(end, (number + 1) * BATCH_SIZE)
        yield make_batch(number, fork), range(seed, stop)
        seed = stop


class FramesOnEngine:
    """The frames of a batch on an engine of leveret, over its own tables."""

    def __init__(self, batch: Batch, engine: Engine) -> None:
        self._engine = engine
        self._environment = batch.environment
        self._state = State()
        write_accounts(batch.accounts, self._state)
        self._state.seal_genesis()
        self._before = account_states(batch.accounts)
        self._way_back = StateDiff()

    def run(self, frame: Frame) -> FrameResult:
        """The frame's result; what it wrote is taken back before the next one."""
        state, before = self._state, self._before
        state.apply(self._way_back)
        state.set_code(frame.to, frame.code)
        state.seal()
        state.discard_before(state.version)
        before[frame.to] = before[frame.to]._replace(code_hash=frame.code_hash)
        call = Call(CALLER, frame.to, frame.gas_limit, frame.value, frame.data, frame_only=True)
        result = self._engine.call(call, self._environment, state)
        diff = state.seal()
        self._way_back = inverse(diff, before)
        after = accounts_after(before, diff)
        changes = {change.address: after.get(change.address) for change in diff.accounts}
        return FrameResult(result.halt is None, result.gas_used, result.output, result.logs, changes, result.halt)


def inverse(diff: StateDiff, before: Mapping[bytes, AccountState]) -> StateDiff:
    """The diff that leads back."""
    changes = []
    for address, _, slots in diff.accounts:
        was = before.get(address)
        if was is None:
            changes.append(AccountChange(address, None, ()))
            continue
        account = Account(was.nonce, was.balance_wei, was.code_hash)
        changes.append(AccountChange(address, account, tuple((key, was.storage.get(key, 0)) for key, _ in slots)))
    return StateDiff(tuple(changes))


def frame_differences(first: FrameResult, second: FrameResult) -> list[str]:
    """A sentence for each thing in which the two differ; that both raised is no agreement."""
    crashes = [f"crash: {crash}" for crash in (first.crash, second.crash) if crash is not None]
    if crashes:
        return crashes
    found = []
    for name in ("succeeded", "halt", "gas_used", "output", "logs"):
        left, right = getattr(first, name), getattr(second, name)
        if left != right and NOT_SAID not in (left, right):
            found.append(f"{name} {show_pair(left, right)}")
    for address in sorted(first.changes.keys() | second.changes.keys()):
        left, right = first.changes.get(address), second.changes.get(address)
        if left != right:
            found.append(f"account 0x{address.hex()}: {show_pair(left, right)}")
    return found
