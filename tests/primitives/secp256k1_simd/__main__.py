"""
Lanes against libsecp256k1: `python -m tests.primitives.secp256k1_simd [--count 1000000] [--crafted 20000] [--seed 1]`.

Random numbers, of which half are no signature of anybody, then crafted signatures, of all kinds mixed: half a minute of
CPU time. Exits with 1 if an answer differs, and with 2 if this processor has no lanes to compare.
"""

import argparse
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any, Final

import numpy as np

from primitives.secp256k1_simd.switch import LANES
from primitives.signature_record import INVALID, SIGNATURE, UNDECIDED, VALID
from tests.primitives.secp256k1_simd.answers import ask_lanes, ask_libsecp256k1, differences, records_of
from tests.primitives.secp256k1_simd.crafted import of_all_kinds

BATCH: Final = 10_000


def random_batches(count: int, seed: int) -> Iterator[Any]:
    source = np.random.default_rng(seed)
    for start in range(0, count, BATCH):
        records = np.zeros(min(BATCH, count - start), SIGNATURE)
        for name in ("numbers", "digest"):
            records[name] = source.integers(0, 256, records[name].shape, dtype=np.uint8)
        records["y_parity"] = source.integers(0, 2, len(records))
        yield records


def crafted_batches(count: int, seed: int) -> Iterator[Any]:
    for start in range(0, count, BATCH):
        yield records_of(list(of_all_kinds(min(BATCH, count - start), seed=seed + start)))


def compare(name: str, batches: Iterator[Any]) -> int:
    """How many answers differ; the first is shown."""
    told: Counter[int] = Counter()
    wrong_count = lanes_ns = library_ns = 0
    for found in batches:
        wanted = found.copy()
        with LANES.workspace() as workspace:
            began = time.thread_time_ns()
            ask_lanes(workspace, found)
        asked = time.thread_time_ns()
        ask_libsecp256k1(wanted)
        lanes_ns, library_ns = lanes_ns + asked - began, library_ns + time.thread_time_ns() - asked
        wrong = differences(found, wanted)
        if wrong and not wrong_count:
            first = found[wrong[0]]
            print(f"  {first['numbers'].tobytes().hex()} {first['digest'].tobytes().hex()} {first['y_parity']}")
        wrong_count += len(wrong)
        told.update(found["is_valid"].tolist())
    total = sum(told.values())
    decided = f"{told[VALID]:,} valid, {told[INVALID]:,} invalid, {told[UNDECIDED]:,} left to libsecp256k1"
    times = f"{lanes_ns / total / 1e3:.2f} us and {library_ns / total / 1e3:.2f} us"
    print(f"{name}: {total:,} asked, {decided}, {wrong_count:,} different; {times}", flush=True)
    return wrong_count


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.primitives.secp256k1_simd")
    parser.add_argument("--count", type=int, default=1_000_000)
    parser.add_argument("--crafted", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args(arguments)
    if not LANES.is_on():
        print(f"Nothing to compare: {LANES.reason}.")
        return 2
    wrong = compare("random", random_batches(options.count, options.seed))
    wrong += compare("crafted", crafted_batches(options.crafted, options.seed))
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
