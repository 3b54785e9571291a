"""
Machine code for the codes of a batch, compiled together before its frames run.

How a batch is compiled goes by its number: in the first tier, in the second, or in the second with instructions chosen
as quickly as in the first, which a program takes a third of the time for: what is searched above all is the compiler,
not LLVM.
"""

import ctypes
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any, Final, NamedTuple

from evm_jit.compiler.loading import interpreter_entry, link
from evm_jit.compiler.object_code import CODE_LEVELS, HOT, QUICK, emit_object
from evm_jit.compiler.pipeline import translate_code
from evm_jit.native import NativeEngine
from evm_jit.tier_table import ForcedTiers
from primitives.errors import CompilationRefused
from primitives.forks import Fork
from tests.differential.frames import Batch
from tests.differential.joined_modules import MARKS, JoinedModule, join_modules

LINES_MAX: Final = 60_000  # Of a module; some hundred programs. More takes memory, and no less time.


class Manner(NamedTuple):
    """How a batch is compiled: its tier, how instructions are chosen, and whether blocks leave marks."""

    tier: int
    code_level: int
    has_marks: bool = False

    def __str__(self) -> str:
        tier = {QUICK: "first", HOT: "second"}[self.tier]
        quickly = "" if self.code_level == CODE_LEVELS[self.tier] else ", instructions chosen quickly"
        return f"{tier} tier{quickly}"


_FIRST: Final = Manner(QUICK, CODE_LEVELS[QUICK])
_SECOND: Final = Manner(HOT, CODE_LEVELS[HOT])
_QUICKLY: Final = Manner(HOT, CODE_LEVELS[QUICK])
# By the number of a batch. Trees of loops are where most can be wrong.
_MANNERS: Final = (
    *(_QUICKLY._replace(has_marks=True), _FIRST, _SECOND, _FIRST, _QUICKLY, _FIRST._replace(has_marks=True)),
    *(_QUICKLY, _QUICKLY, _FIRST, _QUICKLY, _QUICKLY, _QUICKLY, _FIRST, _QUICKLY, _QUICKLY, _QUICKLY),
)


def manner_of(batch: Batch) -> Manner:
    """How a batch is compiled."""
    return _MANNERS[batch.number % len(_MANNERS)]


class Reached(NamedTuple):
    """What a program left marks in: of so many blocks, and of so many trees."""

    blocks: int
    block_count: int
    trees: int
    tree_count: int


class BatchCode:
    """
    The machine code of one batch, by code; it is unloaded with this object.

    is_complete : whether a code that a frame enters is compiled there and then, if it was not before
    entered : how often the machine code of a code was entered
    missing : how often a code was entered that nobody had compiled
    refused : codes that the compiler does not take
    """

    def __init__(self, fork: Fork, manner: Manner, *, is_complete: bool = False) -> None:
        self.fork = fork
        self.manner = manner
        self.is_complete = is_complete
        self.entered: Counter[bytes] = Counter()
        self.missing: Counter[bytes] = Counter()
        self.refused: set[bytes] = set()
        self._addresses: dict[bytes, int] = {}
        self._libraries: list[Any] = []
        self._marked: list[tuple[list[bytes], JoinedModule, int]] = []

    def compile(self, codes: Iterable[bytes]) -> None:
        """Make machine code of all."""
        for group in self._groups(codes):
            self._compile(group)

    def entry_of(self, code: bytes, fork: Fork) -> int:
        """The address of a code's machine code; of the way back to the interpreter where there is none."""
        assert fork == self.fork, "a batch has one fork"
        if code not in self._addresses and code not in self.refused and self.is_complete:
            self.compile([code])
        if code in self._addresses:
            self.entered[code] += 1
            return self._addresses[code]
        if code not in self.refused:
            self.missing[code] += 1
        return interpreter_entry()

    def reached(self) -> Iterator[tuple[bytes, Reached]]:
        """What of each program was executed, if blocks leave marks."""
        for codes, module, address in self._marked:
            marks = ctypes.string_at(address, module.mark_count)
            for code, blocks, trees in zip(codes, module.blocks, module.trees, strict=True):
                found = (sum(marks[index] for index in indices) for indices in (blocks, trees))
                yield code, Reached(next(found), len(blocks), next(found), len(trees))

    def _groups(self, codes: Iterable[bytes]) -> Iterator[dict[bytes, str]]:
        """The IR of each code, as much as goes into a module."""
        group: dict[bytes, str] = {}
        line_count = 0
        for code in dict.fromkeys(codes):
            try:
                text = translate_code(code, self.fork, self.manner.tier).text
            except CompilationRefused:
                self.refused.add(code)
                continue
            group[code] = text
            line_count += text.count("\n")
            if line_count > LINES_MAX:
                yield group
                group, line_count = {}, 0
        if group:
            yield group

    def _compile(self, group: dict[bytes, str]) -> None:
        module = join_modules([*group.values()], has_marks=self.manner.has_marks)
        octets = emit_object(module.text, self.manner.tier, self.manner.code_level)
        library = link(octets, [*module.entries, *[MARKS] * self.manner.has_marks])
        self._libraries.append(library)
        self._addresses |= {code: library[entry] for code, entry in zip(group, module.entries, strict=True)}
        if self.manner.has_marks:
            self._marked.append(([*group], module, library[MARKS]))


class MachineCodeEngine(NativeEngine):
    """The native engine on the machine code of the batch that `batch` is set to."""

    name = "machine-code"

    def __init__(self) -> None:
        super().__init__(ForcedTiers(self._entry_of))
        self.batch: BatchCode | None = None

    def _entry_of(self, code: bytes, fork: Fork) -> int:
        assert self.batch is not None, "a batch first"
        return self.batch.entry_of(code, fork)
