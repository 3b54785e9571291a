"""
`python -m tests.evm_jit.compiler.bomb_node`: a sequencer seals mini-blocks of transfers while bombs are deployed and
called, and become machine code beside it.

It prints the intervals between mini-blocks without bombs and with them, in turns, for on a machine that is in use only
the difference says something, and what became of the bombs. Each bomb is called again and again after it was new, so
that what was made of it runs. Everything is as in a node but the disk; transfers and bombs come from one thread, as
from a server.
"""

import argparse
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Final

import numpy as np

from evm_jit.calls import creation_address
from evm_jit.compiler import tiering
from evm_jit.compiler.compile_queue import CompileQueue, Ready, Refused
from evm_jit.compiler.fingerprint import fingerprint
from evm_jit.compiler.live_tiers import LiveTiers
from evm_jit.compiler.loading import LoadedCode, load_object
from evm_jit.compiler.object_cache import ObjectCache
from evm_jit.native import NativeEngine
from primitives.events import Event, MiniBlockSealed
from primitives.transaction import Transaction
from sequencer.__main__ import SWITCH_INTERVAL_S, collect_after_block, make_collections_short
from sequencer.batch_budget import GAS_MAX_FAST, BatchBudget
from sequencer.ports import SystemClock
from tests.evm_jit.compiler.bombs import Bomb, bombs
from tests.sequencer.accounts import ADDRESSES, transfer
from tests.sequencer.world import World

PAUSE_S: Final = 0.002
TRANSFERS_PER_PAUSE: Final = 4  # Some 2,000 a second.
CALL_COUNT: Final = 30  # Of a new bomb, one each
CALL_INTERVAL_S: Final = 0.01
KNOWN_SHARE: Final = 0.4  # Of calls, those of earlier bombs.
CALL_GAS, DEPLOY_GAS = 1_000_000, 8_000_000
CALLDATA_SIZE_BYTES: Final = 256


class CountingQueue(CompileQueue[LoadedCode]):
    """A compile queue that remembers how contracts ended."""

    def __init__(self, directory: Path) -> None:
        super().__init__(fingerprint(), load_object, ObjectCache(directory))
        self.ready: Counter[int] = Counter()
        self.refused: Counter[str] = Counter()

    def poll(self) -> list[Ready[LoadedCode] | Refused]:
        found = super().poll()
        for result in found:
            if isinstance(result, Ready):
                self.ready[result.key.tier] += 1
            else:
                digits = "".join("#" if each.isdigit() else each for each in result.reason)
                self.refused[f"tier {result.key.tier}: {digits}"] += 1
        return found


def deployment(code: bytes) -> bytes:
    """Init code that leaves `code`."""
    head = b"\x61" + len(code).to_bytes(2, "big") + b"\x80\x60\x0a\x5f\x39\x5f\xf3"
    return head.ljust(10, b"\x00") + code


@dataclass
class Node:
    """A sequencer that runs, and those who send to it."""

    world: World
    random: Random
    nonces: Counter[int] = field(default_factory=Counter)
    seals_ns: list[int] = field(default_factory=list)
    halted: Counter[bool] = field(default_factory=Counter)
    deployed: list[bytes] = field(default_factory=list)

    def hear(self, event: Event) -> None:
        self.world.events.clear()  # A node does not remember them.
        if isinstance(event, MiniBlockSealed):
            self.seals_ns.append(time.monotonic_ns())
            for receipt in event.mini_block.receipts:
                self.halted[receipt.succeeded] += 1

    def transaction(self, account: int, **fields: object) -> Transaction:
        self.nonces[account] += 1
        return transfer(account, self.nonces[account] - 1, **fields)

    def run(self, seconds: float, wanted: list[Bomb]) -> np.ndarray:
        """Transfers for so long, and beside them bombs if there are any: the intervals in ms."""
        self.seals_ns.clear()
        end_s = next_call_s = time.monotonic() + seconds
        next_call_s -= seconds
        calls: list[Transaction] = []
        while time.monotonic() < end_s:
            sent = [self.transaction(0).raw for _ in range(TRANSFERS_PER_PAUSE)]
            if time.monotonic() >= next_call_s and (calls or wanted):
                calls = calls or self._first_calls(wanted.pop(0))
                sent.append(calls.pop(0).raw)
                next_call_s += CALL_INTERVAL_S
            self.world.sequencer.admit(sent)
            time.sleep(PAUSE_S)
        self.world.sequencer.admit([call.raw for call in calls])
        return np.diff(np.array(self.seals_ns[1:])) / 1e6

    def _first_calls(self, bomb: Bomb) -> list[Transaction]:
        """A bomb's deployment, and calls of it and of earlier ones."""
        known = self.deployed[:]
        self.deployed.append(creation_address(ADDRESSES[1], self.nonces[1]))
        calls = [self.transaction(1, to=None, data=deployment(bomb.code), gas_limit=DEPLOY_GAS, value=0)]
        for _ in range(CALL_COUNT):
            if known and self.random.random() < KNOWN_SHARE:
                calls.append(self._call(self.random.choice(known)))
            calls.append(self._call(self.deployed[-1]))
        return calls

    def _call(self, address: bytes) -> Transaction:
        data = self.random.randbytes(CALLDATA_SIZE_BYTES)
        return self.transaction(1, to=address, data=data, gas_limit=CALL_GAS, value=0)


def line(name: str, intervals_ms: np.ndarray) -> str:
    p50, p99 = np.percentile(intervals_ms, (50, 99))
    return (
        f"{name:<18} {len(intervals_ms):6} mini-blocks, interval p50 {p50:6.2f} ms, p99 {p99:6.2f} ms, "
        f"most {intervals_ms.max():6.2f} ms"
    )


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.evm_jit.compiler.bomb_node", description=__doc__)
    parser.add_argument("--rounds", type=int, default=1, help="of without and with bombs (%(default)s)")
    parser.add_argument("--seconds", type=float, default=60, help="with bombs, a third of it without (%(default)s)")
    parser.add_argument("--seed", type=int, default=0, help="of the first bomb (%(default)s)")
    parser.add_argument("--size", type=int, help="bytes of each; else several sizes, up to 24,576")
    parser.add_argument(
        "--hot", type=int, default=tiering.HEAT_GAS[1], help="gas that makes code hot for the second tier (%(default)s)"
    )
    parser.add_argument("--objects", type=Path, help="where objects are kept; else a directory that goes with the run")
    options = parser.parse_args()
    tiering.HEAT_GAS = (tiering.HEAT_GAS[0], options.hot)  # type: ignore[misc]
    sys.setswitchinterval(SWITCH_INTERVAL_S)
    with tempfile.TemporaryDirectory() as directory:
        queue = CountingQueue(options.objects or Path(directory) / "objects")
        tiers = LiveTiers(queue)
        engine = NativeEngine(tiers)
        engine.warm_up()
        world = World(engine=engine, clock=SystemClock(), batch_budget=BatchBudget(GAS_MAX_FAST))  # type: ignore[arg-type]
        node = Node(world, Random(options.seed))
        world.sequencer.subscribe(node.hear)
        make_collections_short()
        world.sequencer.subscribe(collect_after_block)
        world.sequencer.start()
        wanted = bombs(int(options.rounds * options.seconds * 10), options.seed, options.size)
        found: dict[str, list[np.ndarray]] = {"without bombs": [], "with bombs": []}
        try:
            for _ in range(options.rounds):
                for name, seconds, sent in (
                    ("without bombs", options.seconds / 3, []),
                    ("with bombs", options.seconds, wanted),
                ):
                    found[name].append(node.run(seconds, sent))
                    print(line(name, found[name][-1]), flush=True)
        finally:
            world.sequencer.stop()
            engine.close()
    for name, intervals in found.items():
        print(line(f"all {name}", np.concatenate(intervals)))
    print(f"{len(node.deployed)} bombs, objects by tier {dict(queue.ready)}; transactions {dict(node.halted)}")
    for reason, count in queue.refused.most_common():
        print(f"refused {count:5} times: {reason}")
    return 0 if world.sequencer.failure is None else 1


if __name__ == "__main__":
    sys.exit(main())
