import pytest

from primitives.errors import ConfigError
from primitives.forks import FORK_NAMES, Fork, ForkSchedule, fork_by_name

PUBLIC_NAMES = {
    "Frontier": Fork.FRONTIER,
    "Homestead": Fork.HOMESTEAD,
    "EIP150": Fork.TANGERINE_WHISTLE,
    "EIP158": Fork.SPURIOUS_DRAGON,
    "Byzantium": Fork.BYZANTIUM,
    "Constantinople": Fork.CONSTANTINOPLE,
    "ConstantinopleFix": Fork.PETERSBURG,
    "Istanbul": Fork.ISTANBUL,
    "Berlin": Fork.BERLIN,
    "London": Fork.LONDON,
    "Merge": Fork.PARIS,
    "Paris": Fork.PARIS,
    "Shanghai": Fork.SHANGHAI,
    "Cancun": Fork.CANCUN,
    "Prague": Fork.PRAGUE,
    "Osaka": Fork.OSAKA,
}


@pytest.mark.parametrize(("name", "fork"), PUBLIC_NAMES.items())
def test_the_names_of_the_public_tests_are_known_in_any_case(name, fork):
    assert fork_by_name(name) == fork_by_name(name.upper()) == fork


def test_every_fork_is_found_by_its_own_name():
    assert {fork_by_name(fork.name) for fork in Fork} == set(Fork)
    assert set(FORK_NAMES.values()) == set(Fork)


def test_an_unknown_name_is_answered_with_the_known_ones():
    with pytest.raises(ConfigError, match=r"no fork is called 'atlantis': use one of frontier, .*osaka"):
        fork_by_name("atlantis")


def test_a_schedule_switches_by_number_and_then_by_time():
    schedule = ForkSchedule.from_genesis_config(
        {"homesteadBlock": 0, "londonBlock": 5, "mergeNetsplitBlock": 8, "shanghaiTime": 100, "osakaTime": 200}
    )
    assert schedule.fork_at(0, 0) == Fork.HOMESTEAD
    assert schedule.fork_at(4, 99) == Fork.HOMESTEAD
    assert schedule.fork_at(5, 0) == Fork.LONDON
    assert schedule.fork_at(8, 99) == Fork.PARIS
    assert schedule.fork_at(8, 100) == Fork.SHANGHAI
    assert schedule.fork_at(9, 199) == Fork.SHANGHAI
    assert schedule.fork_at(9, 200) == Fork.OSAKA


def test_a_chain_that_began_after_the_merge_is_paris_from_block_0():
    assert ForkSchedule.from_genesis_config({"terminalTotalDifficulty": 0}).fork_at(0, 0) == Fork.PARIS
    assert ForkSchedule.from_genesis_config({"terminalTotalDifficulty": 1}).fork_at(0, 0) == Fork.FRONTIER
    assert ForkSchedule.from_genesis_config({"terminalTotalDifficulty": 1, "mergeNetsplitBlock": 3}).fork_at(3, 0) == (
        Fork.PARIS
    )


def test_a_fork_set_to_null_never_comes():
    assert ForkSchedule.from_genesis_config({"londonBlock": None}).fork_at(10**6, 10**10) == Fork.FRONTIER


@pytest.mark.parametrize("value", ["0", -1, 1.5, True, [], {}])
def test_an_activation_that_is_no_number_is_named(value):
    for key in ("londonBlock", "pragueTime"):
        with pytest.raises(ConfigError, match=key):
            ForkSchedule.from_genesis_config({key: value})


def test_schedules_differ_where_a_block_would_have_another_fork():
    prague, osaka = ForkSchedule.always(Fork.PRAGUE), ForkSchedule.always(Fork.OSAKA)
    later = ForkSchedule(((0, Fork.PRAGUE),), ((50, Fork.OSAKA),))
    assert prague.first_difference(osaka, 0, 0, 0) == (0, 0)
    assert prague.first_difference(prague, 0, 9, 9) is None
    assert prague.first_difference(later, 10, 9, 49) is None
    assert prague.first_difference(later, 10, 9, 50) == (0, 50)
    assert osaka.first_difference(later, 50, 9, 60) is None, "no block is older than genesis"
    by_number = ForkSchedule(((0, Fork.PRAGUE), (5, Fork.OSAKA)))
    assert by_number.first_difference(prague, 0, 4, 100) is None
    assert by_number.first_difference(prague, 0, 5, 100) == (5, 0)
