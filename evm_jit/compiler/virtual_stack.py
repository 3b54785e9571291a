"""
The EVM's stack while a block is translated: most words are SSA values and never reach memory.

Slots are counted from the height at the block's start, so those below it are negative. What a slot in memory is known
to hold is kept beside what it should hold; `flush` stores where they differ. PUSH, DUP, SWAP and POP become nothing.
"""

from evm_jit.compiler.bounds import Bounds
from evm_jit.compiler.ir_text import FunctionText
from evm_jit.compiler.values import Small, Truth, Value, Word
from evm_jit.machine import WORD_SIZE_BYTES


class VirtualStack:
    """
    The words of one block.

    top : name of the pointer behind the topmost word at the block's start
    bounds : of words that are surely small; None where nobody asks
    """

    def __init__(self, text: FunctionText, top: str, bounds: Bounds | None = None) -> None:
        self._text, self._top, self.bounds = text, top, bounds
        self._words: dict[int, Value] = {}
        self._in_memory: dict[int, Value] = {}
        self.height = 0

    def copy(self) -> "VirtualStack":
        """The same stack, for the other way that a block goes on."""
        twin = VirtualStack(self._text, self._top, None if self.bounds is None else self.bounds.copy())
        twin._words, twin._in_memory, twin.height = dict(self._words), dict(self._in_memory), self.height
        return twin

    def carry(self, slot: int, word: Value) -> None:
        """A word arrives as a value; what memory holds in its place is not known."""
        self._words[slot] = word

    def push(self, value: Value) -> None:
        """Put a word on top."""
        self._words[self.height] = value
        self.height += 1

    def pop(self) -> Value:
        """Take the topmost word."""
        value = self.word_at(self.height - 1)
        self.drop(1)
        return value

    def take(self, count: int) -> list[Value]:
        """Take so many words, topmost first."""
        return [self.pop() for _ in range(count)]

    def drop(self, count: int) -> None:
        """Take so many words that nobody looks at."""
        for _ in range(count):
            self.height -= 1
            self._words.pop(self.height, None)

    def word_at(self, slot: int) -> Value:
        """What a slot holds; from memory if it is looked at for the first time."""
        if slot not in self._words:
            name = self._text.let("word", f"load i256, ptr {self.address_of(slot)}, align 8")
            self._words[slot] = self._in_memory[slot] = Word(name)
        return self._words[slot]

    def duplicate(self, depth: int) -> None:
        """DUP: the word at a depth, 1 for the topmost, once more."""
        self.push(self.word_at(self.height - depth))

    def swap(self, depth: int) -> None:
        """SWAP: the topmost word and the one `depth` below it change places."""
        upper, lower = self.height - 1, self.height - 1 - depth
        self._words[upper], self._words[lower] = self.word_at(lower), self.word_at(upper)

    def flush(self, excepted: frozenset[int] = frozenset()) -> None:
        """Have memory hold what it should."""
        for slot in sorted(self._words):
            if slot not in excepted:
                self.store(slot)

    def store(self, slot: int) -> None:
        """Have memory hold what it should in one slot."""
        value = self.word_at(slot)
        if self._in_memory.get(slot) != value:
            self._text.do(f"store i256 {self.as_word(value)}, ptr {self.address_of(slot)}, align 8")
            self._in_memory[slot] = value

    def store_top(self, count: int) -> None:
        """Have memory hold the topmost words, for a builtin that takes them from there."""
        for slot in range(self.height - count, self.height):
            self.store(slot)

    def push_from_memory(self) -> None:
        """Put on top what a builtin has stored there."""
        self._words.pop(self.height, None)
        self._in_memory.pop(self.height, None)
        self.height += 1
        self.word_at(self.height - 1)

    def forget(self, slot: int) -> None:
        """What memory holds in a slot is not known any more."""
        self._in_memory.pop(slot, None)

    def address_of(self, slot: int) -> str:
        """The pointer to a slot."""
        if slot == 0:
            return self._top
        return self._text.let("slot", f"getelementptr i8, ptr {self._top}, i64 {WORD_SIZE_BYTES * slot}")

    def top(self) -> str:
        """The pointer behind the topmost word."""
        return self.address_of(self.height)

    def as_word(self, value: Value) -> str:
        """A value as an i256."""
        if isinstance(value, Truth):
            return self._text.let("word", f"zext i1 {value.name} to i256")
        if isinstance(value, Small):
            assert self.bounds is not None, "small words have bounds"
            return self._text.let("word", f"{self.bounds.extension_of(value)} i64 {value.name} to i256")
        return str(value) if isinstance(value, int) else value.name

    def as_small(self, value: Value) -> str:
        """A value that is surely small as an i64."""
        if isinstance(value, Truth):
            return self._text.let("small", f"zext i1 {value.name} to i64")
        assert not isinstance(value, Word), "only what has bounds is small"
        return str(value) if isinstance(value, int) else value.name
