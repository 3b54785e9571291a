"""
Single frames on machine code and on an engine without: the same result, to the last unit of gas.

The codes of a batch are compiled together. Code that a program creates is known when it has run once: frames with such
code run again when that is compiled too, and both runs are compared. Half of those that succeed run again with hardly
enough gas.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Final

from evm_jit.engine import Engine
from primitives.forks import Fork
from tests.differential.comparison import MACHINE_CODE, Finding, Tally, frame_finding, run_frame
from tests.differential.compiled_frames import compiled_batches, make_compiled_frame
from tests.differential.frames import Batch, Frame, FrameResult, FramesOnEngine, frame_differences
from tests.differential.machine_code import BatchCode, MachineCodeEngine, manner_of

SHORT_INTERVAL: Final = 2  # One in so many,
SHORT_GAS_COUNT: Final = 5  # with one of so many amounts of gas.

Watch = Callable[[range], None]


def compare_compiled(
    names: Sequence[str],
    engines: dict[str, Engine],
    seeds: range,
    fork: Fork | None,
    tally: Tally,
    *,
    is_reduced: bool = True,
    watch: Watch = lambda seeds: None,
) -> Iterator[Finding | None]:
    """For each seed, what differs. `watch` is told which seeds are under way, in case that they end the process."""
    engine = engines[names[0]]
    assert isinstance(engine, MachineCodeEngine), "machine code leads"
    for batch, seeds_of_batch in compiled_batches(seeds, fork):
        watch(seeds_of_batch)
        begin = time.perf_counter()
        frames = [make_compiled_frame(seed, batch) for seed in seeds_of_batch]
        begin = tally.timed("making", begin)
        expected = _run_all(frames, batch, engines[names[1]], names[1])
        short = list(_short_of_gas(frames, expected))
        runs, expected = [*frames, *short], [*expected, *_run_all(short, batch, engines[names[1]], names[1])]
        begin = tally.timed(names[1], begin)
        code = BatchCode(batch.fork, manner_of(batch))
        code.compile([*(frame.code for frame in frames), *(account.code for account in batch.accounts)])
        begin = tally.timed("compiling", begin)
        found = _differing(runs, expected, batch, engine, code, tally, watch, seeds_of_batch)
        _count(frames, expected, code, tally)
        for frame in frames:
            if frame.seed not in found:
                yield None
                continue
            watch(range(frame.seed, frame.seed + 1))
            engine.batch = BatchCode(batch.fork, code.manner._replace(has_marks=False), is_complete=True)
            yield frame_finding(found[frame.seed], batch, (names[0], names[1]), engines, is_reduced=is_reduced)


def _differing(
    frames: Sequence[Frame],
    expected: Sequence[FrameResult],
    batch: Batch,
    engine: MachineCodeEngine,
    code: BatchCode,
    tally: Tally,
    watch: Watch,
    seeds: range,
) -> dict[int, Frame]:
    """By seed, frames that end otherwise on machine code."""
    engine.batch = code
    found: dict[int, Frame] = {}
    again: list[tuple[Frame, FrameResult]] = []
    waiting = list(zip(frames, expected, strict=True))
    while waiting:
        runner, begin = FramesOnEngine(batch, engine), time.perf_counter()
        for frame, result in waiting:
            watch(range(frame.seed, frame.seed + 1))
            missing_count = code.missing.total()
            own = run_frame(runner, frame, MACHINE_CODE)
            if frame_differences(own, result):
                found.setdefault(frame.seed, frame)
            if own.crash is not None:
                runner = FramesOnEngine(batch, engine)  # Its state is not what it was.
            elif code.missing.total() > missing_count:
                again.append((frame, result))
        begin = tally.timed(MACHINE_CODE, begin)
        watch(seeds)
        tally.machine_code["created codes"] += len(code.missing)
        code.compile(code.missing)
        code.missing.clear()
        waiting, again = again, []
        tally.timed("compiling", begin)
    return found


def _short_of_gas(frames: Sequence[Frame], results: Sequence[FrameResult]) -> Iterator[Frame]:
    """Frames that succeeded once more, with the gas that they used or a little less: it ends in their last blocks."""
    for frame, result in zip(frames, results, strict=True):
        if result.succeeded and frame.seed % SHORT_INTERVAL == 0:
            missing = frame.seed // SHORT_INTERVAL % SHORT_GAS_COUNT
            yield replace(frame, gas_limit=max(0, result.gas_used - missing))


def _run_all(frames: Sequence[Frame], batch: Batch, engine: Engine, name: str) -> list[FrameResult]:
    """Each frame's result, in a state of its own if the one before raised something."""
    runner, results = FramesOnEngine(batch, engine), []
    for frame in frames:
        results.append(run_frame(runner, frame, name))
        if results[-1].crash is not None:
            runner = FramesOnEngine(batch, engine)
    return results


def _count(frames: Sequence[Frame], results: Sequence[FrameResult], code: BatchCode, tally: Tally) -> None:
    """Book how frames ended, and how much of the machine code ran."""
    for result in results:
        tally.endings["succeeded" if result.succeeded else "failed"] += 1
    counted = tally.machine_code
    counted[f"{code.manner}"] += len(frames)
    counted["entered"] += sum(frame.code in code.entered for frame in frames)
    counted["refused"] += len(code.refused)
    own = {frame.code for frame in frames}
    for program, reached in code.reached():
        if program in own:
            counted["watched"] += 1
            counted["watched blocks"] += reached.block_count
            counted["reached blocks"] += reached.blocks
            counted["watched with trees"] += reached.tree_count > 0
            counted["reached trees"] += reached.trees > 0
            counted["idle"] += reached.blocks + reached.trees == 0
