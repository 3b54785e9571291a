"""
Mini-blocks under a flood: `leveret bench flood`.

A process of its own (`python -m bench.flood_bench URL RATE SECONDS`) sends transactions that nobody signed, in batches
over JSON-RPC on loopback, at a steady rate; when it is behind it catches up. Each r is the x of no point: nothing is
cheaper to send, and nothing of this size dearer to refuse. Beside it valid transfers arrive every few milliseconds, so
that each mini-block has something to seal. When mini-blocks were sealed is read from the chain afterwards.
"""

import asyncio
import json
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import Final

from rich.console import Console
from rich.table import Table

from bench.rpc_bench import ROOT, batch_body, connections, wait_for_url, write_genesis
from bench.workloads import ether_transfers, funded_addresses
from primitives.constants import RPC_BATCH_ITEMS_MAX
from primitives.secp256k1 import N
from primitives.secp256k1_simd.curve import lift
from primitives.transaction import Transaction
from statestore.disk import LevelDisk
from statestore.history import History

SECONDS_MAX: Final = 60
LATE_S_MAX: Final = 30  # Behind the rate; then the flood ends, whatever was sent.
SENDERS: Final = 20
FLOOD_CONNECTIONS: Final = 4
PREPARED_BODIES: Final = 20  # Sent again and again: nothing remembers what was refused.
VALID_INTERVAL_S: Final = 0.004
NOBODY: Final = b"no public key fits"


@dataclass(frozen=True)
class FloodMeasurement:
    """What became of both kinds, and how long it was from one mini-block to the next, in milliseconds."""

    invalid_refused: int
    invalid_seconds: float
    valid_admitted: int
    mini_blocks: int
    interval_ms_p50: float
    interval_ms_p99: float
    interval_ms_max: float
    answer_ms_p99: float


def measure_flood(rate: int, seconds: int, engine: str = "native") -> FloodMeasurement:
    """`rate` invalid transactions a second, 0 for none, against a fresh node with fsync."""
    assert 0 < seconds <= SECONDS_MAX
    with tempfile.TemporaryDirectory(prefix="leveret-bench-") as folder:
        genesis = write_genesis(Path(folder), funded_addresses(SENDERS))
        command = [sys.executable, "-m", "leveret", "node", "--port", "0", "--engine", engine]
        command += ["--datadir", f"{folder}/data", "--genesis", str(genesis)]
        with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as node:
            try:
                refused, elapsed, answers_ms = _flood(wait_for_url(node), rate, seconds)
            finally:
                node.send_signal(signal.SIGTERM)
        sealed = _sealed(Path(folder) / "data")
    intervals_ms = [(later - earlier) / 1_000 for (earlier, _), (later, _) in pairwise(sealed)]
    return FloodMeasurement(
        refused,
        elapsed,
        sum(count for _, count in sealed),
        len(sealed),
        _percentile(intervals_ms, 50),
        _percentile(intervals_ms, 99),
        max(intervals_ms),
        _percentile(answers_ms, 99),
    )


def _flood(url: str, rate: int, seconds: int) -> tuple[int, float, list[float]]:
    """How many were refused as they have to be, in how many seconds; milliseconds until valid ones were answered."""
    flood = [sys.executable, "-m", "bench.flood_bench", url, str(rate), str(seconds)]
    with subprocess.Popen(flood, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as sender:
        assert sender.stdout is not None and sender.stdin is not None
        sender.stdout.readline()  # It is prepared.
        sender.stdin.write("go\n")
        sender.stdin.flush()
        answers_ms = asyncio.run(_send_valid(url, seconds))
        refused, elapsed = json.loads(sender.stdout.readline())
    return refused, elapsed, answers_ms


async def _send_valid(url: str, seconds: int) -> list[float]:
    """A transfer each few milliseconds, one after another: milliseconds until each answer."""
    transactions = ether_transfers(round(seconds / VALID_INTERVAL_S), SENDERS).transactions
    answers_ms = []
    async with connections(url, 1) as (connection,):
        began = time.perf_counter()
        for number, transaction in enumerate(transactions):
            await asyncio.sleep(max(0.0, began + number * VALID_INTERVAL_S - time.perf_counter()))
            if time.perf_counter() > began + seconds:
                break
            sent = time.perf_counter()
            await connection.batch("eth_sendRawTransaction", [["0x" + transaction.raw.hex()]])
            answers_ms.append((time.perf_counter() - sent) * 1e3)
    return answers_ms


async def _send_invalid(url: str, rate: int, seconds: int) -> tuple[int, float]:
    """Batches at a steady rate: how many transactions were refused as they have to be, in how many seconds."""
    bodies = list(_invalid_bodies(random.Random(1)))
    print("prepared", flush=True)
    sys.stdin.readline()
    batch_count = rate * seconds // RPC_BATCH_ITEMS_MAX
    began = time.perf_counter()

    async with connections(url, FLOOD_CONNECTIONS) as opened:

        async def send(lane: int) -> int:
            refused = 0
            for number in range(lane, batch_count, FLOOD_CONNECTIONS):
                due = began + number * RPC_BATCH_ITEMS_MAX / rate
                await asyncio.sleep(max(0.0, due - time.perf_counter()))
                if time.perf_counter() > began + seconds + LATE_S_MAX:
                    break
                refused += (await opened[lane].post(bodies[number % len(bodies)])).count(NOBODY)
            return refused

        refused = sum(await asyncio.gather(*[send(lane) for lane in range(FLOOD_CONNECTIONS)]))
    return refused, time.perf_counter() - began


def _invalid_bodies(source: random.Random) -> Iterator[bytes]:
    model = ether_transfers(1, 1).transactions[0]
    for _ in range(PREPARED_BODIES):
        invalid = [_nobodys(model, source) for _ in range(RPC_BATCH_ITEMS_MAX)]
        yield batch_body("eth_sendRawTransaction", [["0x" + each.raw.hex()] for each in invalid])


def _nobodys(model: Transaction, source: random.Random) -> Transaction:
    """The same with an r that is the x of no point."""
    while True:
        r = source.randrange(1, N)
        if lift(r, 0) is None:
            return replace(model, r=r, s=source.randrange(1, N // 2), known_sender=None)


def _sealed(datadir: Path) -> list[tuple[int, int]]:
    """Of each mini-block with transactions when it was sealed, in microseconds, and how many it has."""
    disk = LevelDisk(datadir / "chain", create=False)
    try:
        history = History(disk, "none")
        mini_blocks = list(history.stored_mini_blocks(0, history.next_mini_block_number - 1))
    finally:
        disk.close()
    return [(each.timestamp_us, len(each.transactions)) for each in mini_blocks if each.transactions]


def _percentile(values: list[float], percent: int) -> float:
    return sorted(values)[min(len(values) - 1, len(values) * percent // 100)]


def print_flood(measured: FloodMeasurement, console: Console) -> None:
    """A line for each figure."""
    table = Table(title=f"mini-blocks under a flood of {measured.invalid_seconds:.1f} s", show_header=False)
    for name, value in asdict(measured).items():
        table.add_row(name.replace("_", " "), f"{value:,}" if isinstance(value, int) else f"{value:,.2f}")
    console.print(table)


if __name__ == "__main__":
    node_url, rate_text, seconds_text = sys.argv[1:]
    print(json.dumps(asyncio.run(_send_invalid(node_url, int(rate_text), int(seconds_text)))), flush=True)
