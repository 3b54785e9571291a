"""
The tests of the public corpora: their folders, and a fixed sample of each folder for every fork.

Machine code has a sample of its own for each tier, on the forks that it knows: smaller, for nearly all of its time is
the compiler's.
"""

import random
from collections import defaultdict
from pathlib import Path

from evm_jit.block_tests import BlockCase
from evm_jit.blocktest import BLOCK_TESTS
from evm_jit.case_pool import SLOW_NAMES, STATE_TESTS, Suite
from evm_jit.native import FIRST_FORK
from evm_jit.state_tests import Case, CaseFile
from primitives.forks import FORK_NAMES
from tests import public_data

AnyCase = Case | BlockCase

CORPORA = {
    STATE_TESTS: ("GeneralStateTests", "eest/state_tests", "eels-filled"),
    BLOCK_TESTS: ("BlockchainTests/ValidBlocks", "BlockchainTests/InvalidBlocks", "eest/blockchain_tests"),
}
SAMPLED_FORKS = ("Cancun", "Prague", "Osaka")
SAMPLE_CASES = 6
SAMPLE_CASES_OLDER = 1
MACHINE_CODE = ("compiled", "compiled-hot")
SAMPLE_CASES_MACHINE_CODE = 2


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


def sample(suite: Suite, folder: Path, name: str, engine_name: str) -> list[AnyCase]:
    """
    A few cases of `folder` for each fork, the same ones for an engine every time, from as many files as possible.

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
    seed = f"{name}/{engine_name}" if engine_name in MACHINE_CODE else name
    return [
        case
        for fork_name, groups in sorted(by_fork.items())
        for case in _spread(groups, _wanted(fork_name, engine_name), random.Random(f"{seed}/{fork_name}"))
    ]


def _wanted(fork_name: str, engine_name: str) -> int:
    """How many cases of a fork are in the sample; the name may be of two forks and when they change."""
    is_machine_code = engine_name in MACHINE_CODE
    if is_machine_code and FORK_NAMES.get(fork_name.lower(), FIRST_FORK) < FIRST_FORK:
        return 0
    if fork_name not in SAMPLED_FORKS:
        return SAMPLE_CASES_OLDER
    return SAMPLE_CASES_MACHINE_CODE if is_machine_code else SAMPLE_CASES


def _spread(groups: list[list[AnyCase]], wanted: int, rng: random.Random) -> list[AnyCase]:
    """One case of a file after the other's, in random order, until there are enough."""
    shuffled = [rng.sample(cases, len(cases)) for cases in groups]
    rng.shuffle(shuffled)
    longest = max(map(len, shuffled))
    in_turns = (cases[turn] for turn in range(longest) for cases in shuffled if turn < len(cases))
    return [case for _, case in zip(range(wanted), in_turns, strict=False)]
