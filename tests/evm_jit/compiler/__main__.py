"""
`python -m tests.evm_jit.compiler`: has bombs compiled by the worker, runs them, and shows what they cost at most.

No bomb may cost more than the worker's limits; one that would is refused, here as in a node. What is compiled is loaded
here and must leave what the interpreter leaves; whatever could end this process could end a node.
"""

import argparse
import re
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from threading import Semaphore

from evm_jit.compiler.compile_queue import CompileQueue, Ready, Refused
from evm_jit.compiler.fingerprint import fingerprint
from evm_jit.compiler.loading import LoadedCode, load_object
from evm_jit.compiler.object_cache import ObjectCache
from evm_jit.native import NativeEngine
from primitives.forks import Fork
from primitives.keccak import keccak256
from tests.evm_jit.compiler.bomb_results import difference, engine_of
from tests.evm_jit.compiler.bombs import BOMB_COUNT, Bomb, bombs
from tests.evm_jit.compiler.test_worker import COMMAND


@dataclass
class Costs:
    """Of bombs of one kind."""

    count: int = 0
    code_size_bytes: int = 0
    cpu_ns: int = 0
    cpu_ns_max: int = 0
    object_size_bytes_max: int = 0
    refusals: Counter[str] = field(default_factory=Counter)

    def add(self, bomb: Bomb, result: Ready[LoadedCode] | Refused) -> None:
        self.count += 1
        if isinstance(result, Refused):
            self.refusals[re.sub(r"[\d,]{5,}", "N", result.reason)] += 1
            return
        self.code_size_bytes += len(bomb.code)
        self.cpu_ns += result.cpu_ns
        self.cpu_ns_max = max(self.cpu_ns_max, result.cpu_ns)
        self.object_size_bytes_max = max(self.object_size_bytes_max, result.size_bytes)

    def line(self, name: str) -> str:
        per_kb_ms = self.cpu_ns / 1e6 / (self.code_size_bytes / 1024) if self.code_size_bytes else 0
        return (
            f"{name:<26} {self.count:5}  {self.cpu_ns_max / 1e9:7.2f} s  {per_kb_ms:7.1f} ms/KB  "
            f"{self.object_size_bytes_max / 1024:7.0f} KB  {self.refusals.total():5} refused"
        )


def results(
    queue: CompileQueue[LoadedCode], told: Semaphore, wanted: list[Bomb], tier: int, seconds: float
) -> Iterator[tuple[Bomb, Ready[LoadedCode] | Refused]]:
    """What becomes of bombs, one after the other, until the time is over."""
    end_s = time.monotonic() + seconds
    for bomb in wanted:
        assert queue.submit(keccak256(bomb.code), bomb.code, Fork.OSAKA, tier)
        if not told.acquire(timeout=max(0.0, end_s - time.monotonic())):
            return
        [result] = queue.poll()
        yield bomb, result


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.evm_jit.compiler", description=__doc__)
    parser.add_argument("--count", type=int, default=BOMB_COUNT, help="bombs (%(default)s)")
    parser.add_argument("--seed", type=int, default=0, help="of the first bomb (%(default)s)")
    parser.add_argument("--size", type=int, help="bytes of each; else several sizes, up to 24,576")
    parser.add_argument("--tier", type=int, choices=(1, 2), default=1, help="(%(default)s)")
    parser.add_argument("--seconds", type=float, default=600, help="when to stop (%(default)s)")
    parser.add_argument("--objects", type=Path, help="a directory to keep objects in, for the next run and `bomb_node`")
    parser.add_argument("--verbose", action="store_true", help="a line for each bomb")
    options = parser.parse_args()
    told = Semaphore(0)
    cache = None if options.objects is None else ObjectCache(options.objects)
    queue: CompileQueue[LoadedCode] = CompileQueue(fingerprint(), load_object, cache, COMMAND, told.release)
    costs: defaultdict[str, Costs] = defaultdict(Costs)
    every, memory_bytes_max, differing = Costs(), 0, 0
    interpreter = NativeEngine()
    begin_s = time.monotonic()
    try:
        wanted = bombs(options.count, options.seed, options.size)
        for bomb, result in results(queue, told, wanted, options.tier, options.seconds):
            costs[bomb.name.split(" + ")[0]].add(bomb, result)
            every.add(bomb, result)
            if isinstance(result, Ready):
                memory_bytes_max = max(memory_bytes_max, result.memory_bytes)
                found = difference(bomb, engine_of(bomb, result.loaded), interpreter)
                if found is not None:
                    differing += 1
                    print(f"seed {bomb.seed}, {len(bomb.code):,} bytes of {bomb.name}: {found}", flush=True)
            if options.verbose:
                what = result.reason if isinstance(result, Refused) else f"{result.cpu_ns / 1e9:.2f} s"
                print(f"seed {bomb.seed}, {len(bomb.code):,} bytes of {bomb.name}: {what}", flush=True)
    finally:
        queue.close()
    print(f"{'of':<26} bombs   CPU at most      on average   object at most")
    for name in sorted(costs, key=lambda name: costs[name].cpu_ns_max):
        print(costs[name].line(name))
    print(every.line("all"))
    for reason, count in every.refusals.most_common():
        print(f"refused {count:5} times: {reason}")
    print(f"{every.count - every.refusals.total()} were run as machine code, {differing} left something else")
    print(
        f"memory of the worker at most {memory_bytes_max / 2**20:,.0f} MB; {time.monotonic() - begin_s:,.0f} s in all"
    )
    return 0 if every.count == options.count and differing == 0 else 1


if __name__ == "__main__":
    sys.exit(main())
