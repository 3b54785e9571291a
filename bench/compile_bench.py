"""
What machine code of a contract costs: compiling it, in both tiers, and loading it from disk.

Each code of the public workloads is compiled once, in this process, and loaded several times from a cache like a
node's. Times are of the CPU, of one thread.
"""

import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from rich.console import Console
from rich.table import Table

from bench.interpreter_bench import FORK
from evm_jit.compiler.fingerprint import fingerprint
from evm_jit.compiler.loading import load_object
from evm_jit.compiler.object_cache import ObjectCache, ObjectKey
from evm_jit.compiler.object_code import HOT, QUICK
from evm_jit.compiler.pipeline import TIERS, compile_code
from evm_jit.workload import read_workload
from primitives.keccak import keccak256

LOADS: Final = 7
SIZE_BYTES_MIN: Final = 64  # Of smaller code, what every object has in common is most.
TIER_NAMES: Final = {QUICK: "first", HOT: "second"}
MS_PER_KB_MAX: Final = {QUICK: 100.0}
LOAD_MS_MAX: Final = 10.0


@dataclass(frozen=True)
class CompileCost:
    """One code in one tier; `load_ns` is from the file on disk to an address, of each load."""

    name: str
    tier: int
    size_bytes: int
    object_size_bytes: int
    translate_ns: int
    emit_ns: int
    load_ns: tuple[int, ...]

    @property
    def ms_per_kb(self) -> float:
        """Of compiling; a KB is 1,000 bytes."""
        return (self.translate_ns + self.emit_ns) / 1e3 / self.size_bytes

    @property
    def load_ms(self) -> float:
        """The median."""
        return statistics.median(self.load_ns) / 1e6


def contract_codes(files: Sequence[Path]) -> dict[str, bytes]:
    """Each code of the workloads once, by the shortest name of a workload that calls it, or has it."""
    called: dict[bytes, str] = {}
    others: dict[bytes, str] = {}
    for file in sorted(files, key=lambda file: (len(file.stem), file)):
        workload = read_workload(file, FORK)
        targets = {call.to for call in workload.calls}
        for index, account in enumerate(workload.accounts, start=1):
            if account.address in targets:
                called.setdefault(account.code, file.stem)
            elif len(account.code) >= SIZE_BYTES_MIN:
                others.setdefault(account.code, f"{file.stem}, account {index}")
    return {name: code for code, name in (others | called).items()}


def measure_compilation(codes: dict[str, bytes], tick: Callable[[], None] = lambda: None) -> list[CompileCost]:
    """Every code in both tiers; `tick` is called after each."""
    with tempfile.TemporaryDirectory() as directory:
        cache = ObjectCache(Path(directory) / "objects")
        found = []
        for name, code in codes.items():
            for tier in TIERS:
                found.append(_measure(name, code, tier, cache))
                tick()
        return found


def _measure(name: str, code: bytes, tier: int, cache: ObjectCache) -> CompileCost:
    compiled = compile_code(code, FORK, tier)
    key = ObjectKey(keccak256(code), FORK, tier, fingerprint())
    cache.store(key, compiled.object_bytes)
    times = []
    for _ in range(LOADS):
        began = time.thread_time_ns()
        kept = cache.load(key)
        assert kept == compiled.object_bytes, "the disk gives back what it got"
        loaded = load_object(kept)
        times.append(time.thread_time_ns() - began)
        assert loaded.address
    stats = compiled.stats
    return CompileCost(name, tier, len(code), stats.object_size_bytes, stats.translate_ns, stats.emit_ns, tuple(times))


def print_compilation(costs: Sequence[CompileCost], console: Console) -> None:
    """A row a code and tier, and below it what each tier takes for all of them."""
    table = Table(title="machine code of contracts: what it takes to compile and to load (CPU time of one thread)")
    for title in ("code", "bytes", "tier", "translate ms", "LLVM ms", "ms/KB", "object KB", "load ms"):
        table.add_column(title, justify="left" if title in ("code", "tier") else "right")
    for each in costs:
        table.add_row(
            each.name,
            f"{each.size_bytes:,}",
            TIER_NAMES[each.tier],
            f"{each.translate_ns / 1e6:,.1f}",
            f"{each.emit_ns / 1e6:,.1f}",
            f"{each.ms_per_kb:.0f}",
            f"{each.object_size_bytes / 1e3:,.0f}",
            f"{each.load_ms:.2f}",
        )
    console.print(table)
    for tier in TIERS:
        of_tier = [each for each in costs if each.tier == tier]
        whole_ms = sum(each.translate_ns + each.emit_ns for each in of_tier) / 1e6
        rate = 1e3 * whole_ms / sum(each.size_bytes for each in of_tier)
        worst, slowest = max(of_tier, key=lambda each: each.ms_per_kb), max(of_tier, key=lambda each: each.load_ms)
        wanted = f" (wanted: {MS_PER_KB_MAX[tier]:.0f})" if tier in MS_PER_KB_MAX else ""
        console.print(
            f"The {TIER_NAMES[tier]} tier: {rate:.0f} ms/KB over all{wanted}, {worst.ms_per_kb:.0f} at worst "
            f"({worst.name}); loading {slowest.load_ms:.1f} ms at worst (wanted: {LOAD_MS_MAX:.0f}, {slowest.name})."
        )
