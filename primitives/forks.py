"""
Ethereum's hard forks in order, and the schedule that says which of them rules a block.

A chain's rules are chosen per block: by number up to London and the Merge, by timestamp from Shanghai on.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum

from primitives.errors import ConfigError


class Fork(IntEnum):
    """In order of activation, so that `fork >= Fork.LONDON` means London's rules hold."""

    FRONTIER = 0
    HOMESTEAD = 1
    TANGERINE_WHISTLE = 2
    SPURIOUS_DRAGON = 3
    BYZANTIUM = 4
    CONSTANTINOPLE = 5
    PETERSBURG = 6
    ISTANBUL = 7
    BERLIN = 8
    LONDON = 9
    PARIS = 10
    SHANGHAI = 11
    CANCUN = 12
    PRAGUE = 13
    OSAKA = 14


# The names that test files and users give the forks, in lower case.
FORK_NAMES: Mapping[str, Fork] = {
    **{fork.name.lower().replace("_", ""): fork for fork in Fork},
    "eip150": Fork.TANGERINE_WHISTLE,
    "eip158": Fork.SPURIOUS_DRAGON,
    "constantinoplefix": Fork.PETERSBURG,
    "merge": Fork.PARIS,
}


def fork_by_name(name: str) -> Fork:
    """The fork called `name` in any case; ConfigError for a name that nobody uses."""
    fork = FORK_NAMES.get(name.lower().replace("_", ""))
    if fork is None:
        known = ", ".join(fork.name.lower() for fork in Fork)
        raise ConfigError(f"no fork is called '{name}': use one of {known}.")
    return fork


# Keys of a geth-style genesis "config", and the fork each switches on.
_BLOCK_KEYS = (
    ("homesteadBlock", Fork.HOMESTEAD),
    ("eip150Block", Fork.TANGERINE_WHISTLE),
    ("eip158Block", Fork.SPURIOUS_DRAGON),
    ("byzantiumBlock", Fork.BYZANTIUM),
    ("constantinopleBlock", Fork.CONSTANTINOPLE),
    ("petersburgBlock", Fork.PETERSBURG),
    ("istanbulBlock", Fork.ISTANBUL),
    ("berlinBlock", Fork.BERLIN),
    ("londonBlock", Fork.LONDON),
    ("mergeNetsplitBlock", Fork.PARIS),
)
_TIME_KEYS = (
    ("shanghaiTime", Fork.SHANGHAI),
    ("cancunTime", Fork.CANCUN),
    ("pragueTime", Fork.PRAGUE),
    ("osakaTime", Fork.OSAKA),
)


@dataclass(frozen=True)
class ForkSchedule:
    """`by_number` and `by_time`: (first block number or timestamp in seconds, fork), both ascending."""

    by_number: tuple[tuple[int, Fork], ...]
    by_time: tuple[tuple[int, Fork], ...] = ()

    def fork_at(self, number: int, timestamp: int) -> Fork:
        """The fork whose rules hold in block `number` with this timestamp (seconds)."""
        fork = Fork.FRONTIER
        for first, candidate in self.by_number:
            if number >= first:
                fork = max(fork, candidate)
        for first, candidate in self.by_time:
            if timestamp >= first:
                fork = max(fork, candidate)
        return fork

    def first_difference(
        self, other: "ForkSchedule", first_timestamp: int, number: int, timestamp: int
    ) -> tuple[int, int] | None:
        """
        Where `other` has another fork in blocks 0 to `number`, with timestamps from `first_timestamp` to `timestamp`.

        As (number, timestamp) of the earliest block for which they can differ; None if they can't.
        """
        numbers = {0} | {first for first, _ in (*self.by_number, *other.by_number) if first <= number}
        times = {first for first, _ in (*self.by_time, *other.by_time) if first_timestamp < first <= timestamp}
        for at in sorted(numbers):
            for since in sorted({first_timestamp} | times):
                if self.fork_at(at, since) != other.fork_at(at, since):
                    return at, since
        return None

    @classmethod
    def always(cls, fork: Fork) -> "ForkSchedule":
        """One fork from the first block on."""
        return cls(by_number=((0, fork),))

    @classmethod
    def from_genesis_config(cls, config: Mapping[str, object]) -> "ForkSchedule":
        """The schedule of a geth-style genesis "config"; ConfigError where a number is not one."""
        by_number = [(_activation(config, key), fork) for key, fork in _BLOCK_KEYS if config.get(key) is not None]
        by_time = [(_activation(config, key), fork) for key, fork in _TIME_KEYS if config.get(key) is not None]
        if config.get("terminalTotalDifficulty") == 0 and "mergeNetsplitBlock" not in config:
            by_number.append((0, Fork.PARIS))
        return cls(by_number=tuple(sorted(by_number)), by_time=tuple(sorted(by_time)))


def _activation(config: Mapping[str, object], key: str) -> int:
    value = config[key]
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise ConfigError(f"genesis config: {key} must be a number, got {value!r}.")
    return value
