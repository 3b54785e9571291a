"""
The compiler, pass by pass:

1. `blocks`: bytecode is cut into blocks and sections;
2. `carried`, in the second tier: which words go from block to block as values;
   `loops`, there too: which loops are written a second time, as trees;
3. `plan`: where the height of the stack is known;
4. `translation` writes the IR of each block, with `words`, `environment` and `control`, over a `virtual_stack` on which
   constants (`values`) are folded and jumps to them known; `loop_versions` writes the trees, in which small words are
   known as such (`bounds`); `ways_in` leads there, `outlined` and `builtins` have what is long;
5. `object_code`: LLVM makes machine code of it;
6. `loading`: which is linked with the builtins.

Passes 1 to 5 need nothing of the running node: a process apart does them.
"""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from evm_jit.compiler.blocks import Program, cut
from evm_jit.compiler.carried import carried_words
from evm_jit.compiler.loops import find_loops
from evm_jit.compiler.object_code import HOT, QUICK, emit_object
from evm_jit.compiler.plan import Plan
from evm_jit.compiler.translation import Translation, translate
from primitives.errors import CompilationRefused
from primitives.forks import Fork

GENERATOR_VERSION: Final = 2  # Of what objects expect of the frame, the machine and the builtins, and of all passes.
TIERS: Final = (QUICK, HOT)
CODE_SIZE_BYTES_MAX: Final = 49_152  # Init code, EIP-3860.
# What LLVM takes goes with the length of what it is given: some 12 us a line in the first tier, 60 to 130 in the
# second, whatever the code is. So code that could take longer than a worker has is known before LLVM sees it, and stays
# in the tier where it is. Uniswap's router of 22 KB comes to 61,000 lines.
IR_LINES_MAX: Final[Mapping[int, int]] = {QUICK: 250_000, HOT: 66_000}


@dataclass(frozen=True)
class CompilationStats:
    """What a compilation took and gave; times are of this thread's processor."""

    code_size_bytes: int
    block_count: int
    instruction_count: int
    ir_size_bytes: int
    object_size_bytes: int
    translate_ns: int
    emit_ns: int


@dataclass(frozen=True)
class CompiledObject:
    """An object, not loaded."""

    object_bytes: bytes
    ir_text: str
    stats: CompilationStats


def translate_code(code: bytes, fork: Fork, tier: int) -> Translation:
    """Passes 1 to 4; CompilationRefused for code that LLVM would take too long for."""
    if len(code) > CODE_SIZE_BYTES_MAX:
        raise CompilationRefused(f"the code has {len(code):,} bytes, {CODE_SIZE_BYTES_MAX:,} are the most to compile")
    program = cut(code, fork)
    translation = translate(_plan(program, tier))
    line_count, most = translation.text.count("\n") + 1, IR_LINES_MAX[tier]
    if line_count > most:
        raise CompilationRefused(f"the code becomes {line_count:,} lines of IR, {most:,} are the most for tier {tier}")
    return translation


def _plan(program: Program, tier: int) -> Plan:
    """Passes 2 and 3."""
    if tier != HOT:
        return Plan(program, {}, is_hot=False)
    carried = carried_words(program)
    return Plan(program, carried, is_hot=True, loops=find_loops(program, carried))


def compile_code(code: bytes, fork: Fork, tier: int) -> CompiledObject:
    """All but loading; CompilationRefused for code that LLVM would take too long for."""
    began = time.thread_time_ns()
    translation = translate_code(code, fork, tier)
    translated = time.thread_time_ns()
    octets = emit_object(translation.text, tier)
    stats = CompilationStats(
        code_size_bytes=len(code),
        block_count=translation.block_count,
        instruction_count=translation.instruction_count,
        ir_size_bytes=len(translation.text),
        object_size_bytes=len(octets),
        translate_ns=translated - began,
        emit_ns=time.thread_time_ns() - translated,
    )
    return CompiledObject(octets, translation.text, stats)
