"""
Wrong machine code: `python -m tests.primitives.secp256k1_simd.wrong_code [--each 5] [--seed 1] [--routine NAME]`.

Copies of the module with one small wrong are compiled: a sum for a difference, the other half of a product, a number
that is one more. Signatures of all kinds must show that it is wrong. What matters only at the limits of limbs (the last
carries, residues between p and 2^256) may pass here: `test_field.py` and `test_scalars.py` have numbers for it.

Each copy runs in a process of its own, for wrong code may do anything; one that dies is found out, too. Exits with 1 if
of some routine none of the copies was.
"""

import argparse
import os
import random
import re
import signal
import sys
from collections.abc import Iterator, Sequence
from typing import Any, Final, NamedTuple

from primitives.secp256k1_simd import machine_code
from primitives.secp256k1_simd.machine_code import ENTRIES, MachineCode, compiled, linked
from primitives.secp256k1_simd.recovery import module
from primitives.secp256k1_simd.switch import LANES, Switch
from tests.primitives.secp256k1_simd.answers import (
    FUNCTIONS,
    ask_lanes,
    ask_libsecp256k1,
    differences,
    lanes_alone,
    records_of,
)
from tests.primitives.secp256k1_simd.crafted import of_all_kinds

SECONDS_MAX: Final = 20  # Of a copy that loops.
SIGNATURES: Final = 600
FOUND, SURVIVED = 7, 0

_ROUTINE: Final = re.compile(r"^define [^@]*@(\w+)\(.*?^}\n", re.M | re.S)
_WRONGS: Final = (
    (re.compile(r"= (add) <8 x i64>"), "sub"),
    (re.compile(r"= (sub) <8 x i64>"), "add"),
    (re.compile(r"(vpmadd52l)"), "vpmadd52h"),
    (re.compile(r"(vpmadd52h)"), "vpmadd52l"),
    (re.compile(r"icmp (eq) <8 x i64>"), "ne"),
    (re.compile(r"= (and) <8 x i1>"), "or"),
    (re.compile(r"splat \(i64 (\d+)\)"), None),
    # Of routines that only call others: how often a number is squared, which one is taken.
    (re.compile(r"call void .*, i64 (\d+)\)"), None),
    (re.compile(r"= sub i64 .*, (\d+)$"), None),
    (re.compile(r"umin.*, i64 (\d+)\)"), None),
)


class Wrong(NamedTuple):
    """In `routine`, the characters from `start` to `end` of the module become `text`."""

    routine: str
    start: int
    end: int
    text: str


def wrongs(text: str) -> Iterator[Wrong]:
    """Everything that could be wrong in a module."""
    for routine in _ROUTINE.finditer(text):
        place = routine.start()
        for line in routine[0].splitlines(keepends=True):
            for pattern, instead in _WRONGS:
                for match in pattern.finditer(line.rstrip("\n")):
                    start, end = place + match.start(1), place + match.end(1)
                    yield Wrong(routine[1], start, end, instead or str(int(match[1]) + 1))
            place += len(line)


def is_found(text: str, asked: Any, wanted: Any) -> bool:
    """Whether a module gives another answer, or none."""
    child = os.fork()
    if child == 0:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stderr.fileno())
        signal.alarm(SECONDS_MAX)
        os._exit(FOUND if is_wrong(text, asked, wanted) else SURVIVED)
    _, status = os.waitpid(child, 0)
    return status != SURVIVED


def is_wrong(text: str, asked: Any, wanted: Any) -> bool:
    """Whether a module gives another answer; that nobody checks on the way."""
    assert LANES._code is not None
    keeps, addresses = linked(compiled(text), "wrong", ENTRIES)
    lanes = Switch()
    lanes._code = MachineCode(*addresses, LANES._code.comb, keeps)
    found = asked.copy()
    with lanes.workspace() as workspace:
        lanes._own.record["unchecked"] = sys.maxsize
        lanes_alone(FUNCTIONS.ctypes.data, workspace, found.ctypes.data, len(found))
    return bool(differences(found, wanted))


def found_of(text: str, candidates: Sequence[Wrong], asked: Any, wanted: Any) -> Iterator[bool]:
    """Of each wrong whether it was found, with a line that tells."""
    for wrong in candidates:
        verdict = is_found(text[: wrong.start] + wrong.text + text[wrong.end :], asked, wanted)
        line = text[text.rindex("\n", 0, wrong.start) + 1 : text.index("\n", wrong.end)].strip()
        print(f"  {'found' if verdict else 'SURVIVED'}: {line}, with {wrong.text}", flush=True)
        yield verdict


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.primitives.secp256k1_simd.wrong_code")
    parser.add_argument("--each", type=int, default=5, help="wrong copies of each routine")
    parser.add_argument("--until-found", action="store_true", help="go on with the next routine when one is found")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--routine")
    options = parser.parse_args(arguments)
    if not LANES.is_on():
        print(f"Nothing to compare: {LANES.reason}.")
        return 2
    asked = records_of(list(of_all_kinds(SIGNATURES, seed=options.seed)))
    wanted, found = asked.copy(), asked.copy()
    ask_libsecp256k1(wanted)
    with LANES.workspace() as workspace:
        ask_lanes(workspace, found)
    assert not differences(found, wanted), "the code itself is right"
    machine_code.OPTIMISATION_LEVEL = 0  # type: ignore[misc] # Twice as quick to compile.
    text, source = module(), random.Random(options.seed)
    by_routine: dict[str, list[Wrong]] = {match[1]: [] for match in _ROUTINE.finditer(text)}
    for wrong in wrongs(text):
        by_routine[wrong.routine].append(wrong)
    told, unseen = [], []
    for routine, candidates in by_routine.items():
        if options.routine not in (None, routine):
            continue
        print(f"{routine}, {len(candidates)} places", flush=True)
        verdicts = []
        for verdict in found_of(text, source.sample(candidates, min(options.each, len(candidates))), asked, wanted):
            verdicts.append(verdict)
            if verdict and options.until_found:
                break
        told += verdicts
        unseen += [] if any(verdicts) else [routine]
    print(f"{sum(told)} of {len(told)} found (seed {options.seed}).")
    return 1 if unseen else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
