"""
A function of LLVM IR as text, written block by block: a tenth of the time that building it as objects takes.

A block with parameters gets a phi for each of them; whoever jumps to it says what they are. So a block may be written
before those that jump to it.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

LIKELY: Final = "!prof !0"  # A branch that nearly always goes the first way.
UNLIKELY: Final = "!prof !1"  # The other way.
METADATA: Final = '!0 = !{!"branch_weights", i32 2000, i32 1}\n!1 = !{!"branch_weights", i32 1, i32 2000}'


@dataclass
class _Part:
    """A block of IR: its parameters as (type, name), who jumps to it with what, and its lines."""

    label: str
    parameters: Sequence[tuple[str, str]] = ()
    jumps: list[tuple[str, Sequence[str]]] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)

    def text(self, reached: set[str]) -> str:
        phis = []
        for index, (type_, name) in enumerate(self.parameters):
            sources = ", ".join(f"[ {values[index]}, %{label} ]" for label, values in self.jumps if label in reached)
            phis.append(f"  {name} = phi {type_} {sources}")
        return "\n".join([f"{self.label}:", *phis, *self.lines])


class FunctionText:
    """The body of a function; `label` is the block that is being written."""

    def __init__(self) -> None:
        self._parts: dict[str, _Part] = {}
        self._started: list[_Part] = []
        self._count = 0
        self._lines: list[str] = []
        self.label = ""

    def start(self, label: str, parameters: Sequence[tuple[str, str]] = ()) -> None:
        """Write this block from now on."""
        part = self._part(label)
        assert part not in self._started[-1:] and not part.lines, f"{label} is written twice"
        part.parameters = parameters
        self._started.append(part)
        self.label, self._lines = label, part.lines

    def let(self, name: str, expression: str) -> str:
        """Name a value; a number is added to the name."""
        self._count += 1
        name = f"%{name}.{self._count}"
        self._lines.append(f"  {name} = {expression}")
        return name

    def do(self, instruction: str) -> None:
        """An instruction without a value."""
        self._lines.append(f"  {instruction}")

    def new_label(self, name: str) -> str:
        """A label that no other block has."""
        self._count += 1
        return f"{name}.{self._count}"

    def jump(self, label: str, *values: str) -> None:
        """End the block; `values` are the parameters of the next one."""
        self.note_jump(label, *values)
        self.do(f"br label %{label}")

    def branch(
        self, condition: str, then: str, otherwise: str, then_values: Sequence[str] = (), other: Sequence[str] = (),
        weights: str = "",
    ) -> None:  # fmt: skip
        """End the block with two ways to go on, to different blocks."""
        assert then != otherwise, "a phi can't tell the two ways apart"
        self.note_jump(then, *then_values)
        self.note_jump(otherwise, *other)
        self.do(f"br i1 {condition}, label %{then}, label %{otherwise}{', ' if weights else ''}{weights}")

    def note_jump(self, label: str, *values: str, origin: str | None = None) -> None:
        """Say that a block, by default the one being written, may go to another, by an instruction written by hand."""
        self._part(label).jumps.append((origin or self.label, values))

    def text(self) -> str:
        """All blocks that the first one leads to, in the order they were started."""
        following: dict[str, list[str]] = {}
        for part in self._parts.values():
            for label, _ in part.jumps:
                following.setdefault(label, []).append(part.label)
        first = self._started[0].label
        reached, waiting = {first}, [first]
        while waiting:
            new = set(following.get(waiting.pop(), ())) - reached
            reached |= new
            waiting += new
        return "\n".join(part.text(reached) for part in self._started if part.label in reached)

    def is_jumped_to(self, label: str) -> bool:
        """Whether something that is written already leads to a block."""
        return label in self._parts and bool(self._parts[label].jumps)

    def _part(self, label: str) -> _Part:
        if label not in self._parts:
            self._parts[label] = _Part(label)
        return self._parts[label]
