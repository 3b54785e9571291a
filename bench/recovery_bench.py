"""
Recovery of signers: the lanes of vectors against libsecp256k1, in one run and in turns, hashing of keys included.

Times are of the CPU, of one thread. Every repetition must find who signed, both ways.
"""

import random
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

import coincurve
import numpy as np
from rich.table import Table

from primitives.secp256k1 import N
from primitives.secp256k1_calls import libsecp256k1_functions
from primitives.secp256k1_simd.curve import lift
from primitives.secp256k1_simd.switch import LANES, NO_WORKSPACE
from primitives.signature import address_of, sign
from primitives.signature_kernels import recover_signers
from primitives.signature_record import SIGNATURE

SIGNATURES: Final = 2_048  # Of one repetition, however they are cut into batches.
BATCH_SIZES: Final = (1, 4, 8, 16, 32, 64, 128, 256, 512, 1_024, 2_048)
KIND_BATCH_SIZE: Final = 512  # At which other signatures than valid ones are measured.
VALID: Final = "signed"


@dataclass(frozen=True)
class RecoveryMeasurement:
    """Microseconds for one signature, of each repetition: by the lanes (None if there are none) and by the library."""

    kind: str
    batch_size: int
    lanes_us: tuple[float, ...] | None
    libsecp256k1_us: tuple[float, ...]

    @property
    def ratio(self) -> float | None:
        """How many times as fast the lanes are, the median of all pairs."""
        if self.lanes_us is None:
            return None
        return statistics.median(slow / fast for fast, slow in zip(self.lanes_us, self.libsecp256k1_us, strict=True))


def measure_recovery(repetitions: int, tick: Callable[[], None] = lambda: None) -> list[RecoveryMeasurement]:
    """Valid signatures in batches of all sizes, then other kinds; `tick` is called `measurement_count()` times."""
    source = random.Random(1)
    found = []
    for kind, (records, expected) in _kinds(source):
        for batch_size in BATCH_SIZES if kind == VALID else (KIND_BATCH_SIZE,):
            found.append(_measure(kind, records, expected, batch_size, repetitions))
            tick()
    return found


def measurement_count() -> int:
    """How many measurements `measure_recovery` makes."""
    return len(BATCH_SIZES) + len(_MAKERS) - 1


def recovery_table(measurements: Sequence[RecoveryMeasurement]) -> Table:
    """One row a measurement, medians."""
    table = Table(title="recovery of signers, results checked (CPU time of one thread)")
    for title in ("signatures", "batch", "lanes µs", "libsecp256k1 µs", "times as fast", "a second"):
        table.add_column(title, justify="left" if title == "signatures" else "right")
    for each in measurements:
        lanes_us = None if each.lanes_us is None else statistics.median(each.lanes_us)
        table.add_row(
            each.kind,
            f"{each.batch_size:,}",
            "" if lanes_us is None else f"{lanes_us:.2f}",
            f"{statistics.median(each.libsecp256k1_us):.2f}",
            "" if each.ratio is None else f"{each.ratio:.2f}",
            f"{1e6 / (lanes_us or statistics.median(each.libsecp256k1_us)):,.0f}",
        )
    return table


def _measure(kind: str, records: Any, expected: bytes, batch_size: int, repetitions: int) -> RecoveryMeasurement:
    lanes: list[float] = []
    library: list[float] = []
    for _ in range(repetitions):
        if LANES.is_on():
            with LANES.workspace() as workspace:
                lanes.append(_microseconds(workspace, records, expected, batch_size))
        library.append(_microseconds(NO_WORKSPACE, records, expected, batch_size))
    return RecoveryMeasurement(kind, batch_size, tuple(lanes) or None, tuple(library))


def _microseconds(workspace: int, records: Any, expected: bytes, batch_size: int) -> float:
    functions = libsecp256k1_functions()
    records["key_hash"] = 0xEE
    began = time.thread_time_ns()
    for start in range(0, len(records), batch_size):
        batch = records[start : start + batch_size]
        recover_signers(functions.ctypes.data, workspace, batch.ctypes.data, len(batch), 1)  # type: ignore[no-untyped-call]
    elapsed = time.thread_time_ns() - began
    assert records["key_hash"][:, 12:].tobytes() == expected, "who signed was found, and nobody else"
    return elapsed / len(records) / 1e3


def _kinds(source: random.Random) -> Iterator[tuple[str, tuple[Any, bytes]]]:
    """Names, SIGNATURE[SIGNATURES], and the addresses that belong to them."""
    for kind, make in _MAKERS.items():
        made = [make(source) for _ in range(SIGNATURES)]
        records = np.zeros(SIGNATURES, SIGNATURE)
        for record, (digest, y_parity, r, s, _) in zip(records, made, strict=True):
            record["digest"] = np.frombuffer(digest, np.uint8)
            record["numbers"] = np.frombuffer(r.to_bytes(32, "big") + s.to_bytes(32, "big"), np.uint8)
            record["y_parity"] = y_parity
        yield kind, (records, b"".join(address for *_, address in made))


Made = tuple[bytes, int, int, int, bytes]  # digest, y parity, r, s, address


def _signed(source: random.Random) -> Made:
    key, digest = source.randbytes(32), source.randbytes(32)
    return digest, *sign(key, digest), address_of(key)


def _out_of_range(source: random.Random) -> Made:
    return source.randbytes(32), 0, source.choice((0, N)), 1, bytes(20)


def _of_no_point(source: random.Random) -> Made:
    """An r that is the x of no point."""
    while True:
        r = source.randrange(1, N)
        if lift(r, 0) is None:
            return source.randbytes(32), source.randrange(2), r, source.randrange(1, N // 2), bytes(20)


def _at_infinity(source: random.Random) -> Made:
    """R = k G, s = u2 r, digest = u2 k r: the key would be u2 R - u2 k G."""
    while True:
        k, u2 = source.randrange(1, N), source.randrange(1, N)
        x, y = coincurve.PrivateKey.from_int(k).public_key.point()
        r = x % N
        if u2 * r % N <= N // 2:
            return (u2 * k * r % N).to_bytes(32, "big"), y % 2, r, u2 * r % N, bytes(20)


_MAKERS: Final[dict[str, Callable[[random.Random], Made]]] = {
    VALID: _signed,
    "invalid: out of range": _out_of_range,
    "invalid: r of no point": _of_no_point,
    "invalid: key at infinity": _at_infinity,
}
