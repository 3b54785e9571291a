"""
Frames for machine code: programs small enough to compile by the thousand, many of them loops.

Their batches are larger than those for revm, and of every fork that the native engine has.
"""

from collections.abc import Iterator
from dataclasses import replace
from random import Random
from typing import Final

from evm_jit.compiler.object_code import HOT, QUICK
from primitives.forks import Fork
from tests.differential.frames import Batch, Frame, make_batch, make_frame
from tests.differential.machine_code import manner_of
from tests.differential.programs import program
from tests.differential.scenes import FORKS
from tests.evm_jit.compiler.loop_programs import LoopProgram

BATCH_SIZE: Final = 256
STATEMENTS_MAX: Final = 10
LARGE_SHARE: Final = 0.03  # Of programs: as long as those for revm.
LOOP_SHARES: Final = {QUICK: 0.2, HOT: 0.5}  # By tier: the first one has no trees.
LOOP_WORDS_MAX: Final = 5
AMPLE_SHARE: Final = 0.75  # Of loops: gas to come to their end, where they show their words.
FORK_WEIGHTS: Final = (1, 1, 1, 1, 2, 2, 8)


def compiled_batches(seeds: range, fork: Fork | None = None) -> Iterator[tuple[Batch, range]]:
    """The batches that seeds belong to, and the seeds in each; without a fork, each batch chooses one."""
    seed = seeds.start
    while seed < seeds.stop:
        number = seed // BATCH_SIZE
        stop = min(seeds.stop, (number + 1) * BATCH_SIZE)
        chosen = Random(number).choices(FORKS, FORK_WEIGHTS)[0] if fork is None else fork
        yield make_batch(number, chosen, BATCH_SIZE), range(seed, stop)
        seed = stop


def make_compiled_frame(seed: int, batch: Batch) -> Frame:
    """The frame of a seed."""
    rng, frame = Random(seed), make_frame(seed, batch)
    chance = rng.random()
    if chance < LARGE_SHARE:
        return frame
    if chance > 1 - LOOP_SHARES[manner_of(batch).tier]:
        loops = LoopProgram(rng, 1 + rng.randrange(LOOP_WORDS_MAX))
        code = loops.write()
        gas_limit = 250_000 + rng.randrange(200_000) if rng.random() < AMPLE_SHARE else rng.randrange(20_000)
        data = b"".join(loops.number().to_bytes(32, "big") for _ in range(3))
        return replace(frame, code=code, data=data, value=0, gas_limit=gas_limit)
    return replace(frame, code=program(rng, batch.scenery, 2 + rng.randrange(STATEMENTS_MAX)))
