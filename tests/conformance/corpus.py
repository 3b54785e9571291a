"""The tests of the public corpora: their folders, and a fixed sample of each folder for every fork."""

import random
from collections import defaultdict
from pathlib import Path

from evm_jit.block_tests import BlockCase
from evm_jit.blocktest import BLOCK_TESTS
from evm_jit.case_pool import SLOW_NAMES, STATE_TESTS, Suite
from evm_jit.state_tests import Case, CaseFile
from tests import public_data

AnyCase = Case | BlockCase

CORPORA = {
    STATE_TESTS: ("GeneralStateTests", "eest/state_tests", "eels-filled"),
    BLOCK_TESTS: ("BlockchainTests/ValidBlocks", "BlockchainTests/InvalidBlocks", "eest/blockchain_tests"),
}
SAMPLED_FORKS = ("Cancun", "Prague", "Osaka")
SAMPLE_CASES = 6
SAMPLE_CASES_OLDER = 1


def folders(suite: Suite) -> list[str]:
    """Every folder with tests of the suite in it, by its path from `ethereum-tests` on; none if that is not here."""
    root = public_data.find("ethereum-tests")
    if root is None:
        return []
    files = (path for corpus in CORPORA[suite] for path in (root / corpus).rglob("*.json"))
    return sorted({path.parent.relative_to(root).as_posix() for path in files})


def files(suite: Suite, folder: Path, name: str) -> list[CaseFile]:
    """The test files of the suite right in `folder`."""
    return [
        CaseFile(path, f"{name}/{path.name}", name) for path in sorted(folder.glob("*.json")) if suite.recognise(path)
    ]


def sample(suite: Suite, folder: Path, name: str) -> list[AnyCase]:
    """
    A few cases of `folder` for each fork, the same ones every time, from as many files as possible.

    Files known to be slow are left out, unless the folder has no others.
    """
    all_files = files(suite, folder, name)
    quick = [file for file in all_files if not any(part in file.name for part in SLOW_NAMES)]
    by_fork: defaultdict[str, list[list[AnyCase]]] = defaultdict(list)
    for file in quick or all_files:
        of_file: defaultdict[str, list[AnyCase]] = defaultdict(list)
        for case in suite.read(file, None):
            of_file[case.fork_name].append(case)
        for fork_name, cases in of_file.items():
            by_fork[fork_name].append(cases)
    return [case for fork_name, groups in sorted(by_fork.items()) for case in _spread(groups, f"{name}/{fork_name}")]


def _spread(groups: list[list[AnyCase]], seed: str) -> list[AnyCase]:
    """One case of a file after the other's, in random order, until there are enough."""
    fork_name = seed.rsplit("/", 1)[1]
    wanted = SAMPLE_CASES if fork_name in SAMPLED_FORKS else SAMPLE_CASES_OLDER
    rng = random.Random(seed)
    shuffled = [rng.sample(cases, len(cases)) for cases in groups]
    rng.shuffle(shuffled)
    longest = max(map(len, shuffled))
    in_turns = (cases[turn] for turn in range(longest) for cases in shuffled if turn < len(cases))
    return [case for _, case in zip(range(wanted), in_turns, strict=False)]
