"""
Which contracts run as machine code.

The rule. A contract's heat is the gas that its own frames have used, without what the calls in them used, whatever
runs them. It counts work: a few dozen token transfers make a contract hot, and so does one long loop.

    heat                 what happens
    50,000 gas           an object that is on disk already is loaded
    1,000,000 gas        tier 1 is compiled: soon there, twice to three times as fast
    100,000,000 gas      tier 2 is compiled: takes several times as long, for the fastest code

The hottest come first. What does not compile stays in the tier where it is. When machine code takes more room than it
may, the contracts that ran longest ago go back to the interpreter, and their heat with it.

The interpreter repeats the first 16 runs of every object, and one in 1,000 after that, at random so that nobody can
tell which (`evm_jit.tiers`). A difference pins the contract to the interpreter for good. A compiler that was wrong
about several contracts is not used any more.

Nothing here knows how code is compiled, loaded or run; one thread owns a `Tiering`.
"""

import logging
from collections import OrderedDict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final, Generic, NamedTuple, Protocol, TypeVar

from evm_jit.compiler.compile_queue import Ready, Refused
from primitives.forks import Fork

HEAT_KEPT_GAS: Final = 50_000
HEAT_GAS: Final = (1_000_000, 100_000_000)  # Of tier 1 and tier 2.
NEVER_GAS: Final = 1 << 80  # Nobody can count that far.
TIER_MAX: Final = len(HEAT_GAS)
assert HEAT_KEPT_GAS < HEAT_GAS[0] < HEAT_GAS[1], "each tier is for hotter contracts than the one before it"

CONTRACTS_COUNT_MAX: Final = 65_536  # Whose heat is known.
LOADED_SIZE_BYTES_MAX: Final = 256 * 1024 * 1024
PINNED_COUNT_MAX: Final = 16  # Then the compiler has lost all trust.

Loaded = TypeVar("Loaded")
log = logging.getLogger(__name__)


class Contract(NamedTuple):
    """Code under the rules of a fork: two forks are two contracts."""

    code_hash: bytes
    fork: Fork


class Change(NamedTuple, Generic[Loaded]):
    """
    How a contract is to run from now on.

    loaded : its machine code; None for the interpreter
    retired : what it ran as; whoever runs contracts keeps it until no frame can be in it
    """

    contract: Contract
    loaded: Loaded | None
    retired: Loaded | None


class Compiler(Protocol[Loaded]):
    """What is asked of a `CompileQueue`."""

    def is_kept(self, code_hash: bytes, fork: Fork, tier: int) -> bool: ...  # noqa: D102 - see there
    def submit(self, code_hash: bytes, code: bytes, fork: Fork, tier: int) -> bool: ...  # noqa: D102
    def poll(self) -> list[Ready[Loaded] | Refused]: ...  # noqa: D102
    def condemn(self, code_hash: bytes, fork: Fork, tier: int) -> None: ...  # noqa: D102


@dataclass(slots=True)
class _Record(Generic[Loaded]):
    """
    What is known of a contract.

    wanted_gas : the heat at which something is to be done about it
    tier : that it runs in, 0 for the interpreter
    asked : the highest tier that was submitted
    """

    heat_gas: int = 0
    wanted_gas: int = HEAT_KEPT_GAS
    tier: int = 0
    asked: int = 0
    loaded: Loaded | None = None
    size_bytes: int = 0


class Tiering(Generic[Loaded]):
    """
    The contracts that were run lately, and what they run as.

    code_of : the code that has a hash, None if nobody has it any more
    """

    def __init__(self, compiler: Compiler[Loaded], code_of: Callable[[bytes], bytes | None]) -> None:
        self._compiler, self._code_of = compiler, code_of
        self._records: OrderedDict[Contract, _Record[Loaded]] = OrderedDict()  # The one that ran last is last.
        self._candidates: dict[Contract, None] = {}
        self._is_full = False
        self._pinned: set[Contract] = set()
        self._loaded_size_bytes = 0
        self._submitted_count = 0
        self._changes: list[Change[Loaded]] = []

    @property
    def is_trusted(self) -> bool:
        """Whether contracts are compiled at all."""
        return len(self._pinned) < PINNED_COUNT_MAX

    @property
    def is_waiting(self) -> bool:
        """Whether a contract is to be compiled, or is being compiled."""
        return self._submitted_count > 0 or bool(self._candidates)

    def loaded(self, contract: Contract) -> Loaded | None:
        """What a contract runs as; None for the interpreter."""
        record = self._records.get(contract)
        return None if record is None else record.loaded

    def tier(self, contract: Contract) -> int:
        """Which tier it runs in, 0 for the interpreter."""
        record = self._records.get(contract)
        return 0 if record is None else record.tier

    def add_work(self, contract: Contract, gas: int) -> None:
        """Count gas that frames of a contract used themselves; many runs may be counted together."""
        if contract in self._pinned or not self.is_trusted:
            return
        record = self._records.get(contract)
        if record is None:
            record = self._records[contract] = _Record()
        self._records.move_to_end(contract)
        record.heat_gas += gas
        if record.heat_gas >= record.wanted_gas:
            self._want(contract, record)
        if len(self._records) > CONTRACTS_COUNT_MAX:
            self._forget(next(iter(self._records)))

    def advance(self) -> list[Change[Loaded]]:
        """Take what was compiled, submit the hottest that wait, and tell which contracts change; often and cheap."""
        for result in self._compiler.poll():
            self._is_full = False
            self._submitted_count -= 1
            self._take(result)
        if self._candidates and not self._is_full:
            for contract in sorted(self._candidates, key=lambda one: self._records[one].heat_gas, reverse=True):
                record = self._records[contract]
                code = self._code_of(contract.code_hash)
                if code is None:
                    self._forget(contract)
                    continue
                if not self._compiler.submit(contract.code_hash, code, contract.fork, record.tier + 1):
                    self._is_full = True  # Until one of those that wait is done.
                    break
                self._submitted_count += 1
                record.asked = record.tier + 1
                record.wanted_gas = NEVER_GAS  # Unless it is loaded.
                del self._candidates[contract]
        changes, self._changes = self._changes, []
        return changes

    def pin(self, contract: Contract, difference: str) -> list[Change[Loaded]]:
        """Have a contract interpreted for good, for the interpreter gave another result; what changes at once."""
        log.critical(
            "THE COMPILER IS WRONG about contract 0x%s (%s, tier %d), which is interpreted from now on: %s",
            *(contract.code_hash.hex(), contract.fork.name.lower(), self.tier(contract), difference),
        )
        self._pinned.add(contract)
        for tier in range(1, TIER_MAX + 1):
            self._compiler.condemn(*contract, tier)
        self._forget(contract)
        if not self.is_trusted:
            log.critical("the compiler was wrong about %d contracts: nothing is compiled any more", len(self._pinned))
            for other in list(self._records):
                self._forget(other)
        changes, self._changes = self._changes, []
        return changes

    def _want(self, contract: Contract, record: _Record[Loaded]) -> None:
        """Submit it when there is room, if it is hot enough for an object that has to be compiled, or has one."""
        if record.wanted_gas == HEAT_KEPT_GAS and not self._compiler.is_kept(*contract, record.tier + 1):
            record.wanted_gas = HEAT_GAS[record.tier]
            if record.heat_gas < record.wanted_gas:
                return
        self._candidates[contract] = None

    def _take(self, result: Ready[Loaded] | Refused) -> None:
        contract = Contract(result.key.code_hash, result.key.fork)
        record = self._records.get(contract)
        if record is None or record.asked != result.key.tier:
            return  # It was forgotten or pinned meanwhile: nobody runs what was loaded.
        if isinstance(result, Refused):
            return
        self._changes.append(Change(contract, result.loaded, record.loaded))
        self._loaded_size_bytes += result.size_bytes - record.size_bytes
        record.loaded, record.tier, record.size_bytes = result.loaded, result.key.tier, result.size_bytes
        record.wanted_gas = HEAT_KEPT_GAS if record.tier < TIER_MAX else NEVER_GAS
        for oldest in self._oldest_loaded():
            if self._loaded_size_bytes <= LOADED_SIZE_BYTES_MAX:
                break
            if oldest != contract:
                self._forget(oldest)

    def _oldest_loaded(self) -> Iterator[Contract]:
        """Those that have machine code, the one that ran longest ago first."""
        yield from [contract for contract, record in self._records.items() if record.loaded is not None]

    def _forget(self, contract: Contract) -> None:
        """Back to the interpreter, and to no heat."""
        self._candidates.pop(contract, None)
        record = self._records.pop(contract, None)
        if record is not None and record.loaded is not None:
            self._loaded_size_bytes -= record.size_bytes
            self._changes.append(Change(contract, None, record.loaded))
