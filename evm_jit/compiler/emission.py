"""
What the translation of every instruction works with: the text, the stack, the gas, and the ways out of compiled code.

Compiled code ends in one of two ways. `leave` hands the frame over to the interpreter, which goes on at a pc with all
words in memory. Where an instruction has failed the frame ends, for the reason that `machine.halt` tells or for want of
gas, and nobody looks at its words, its pc or its gas.
"""

from collections import Counter
from dataclasses import dataclass
from typing import Final

import numpy as np

from evm_jit.compiler.blocks import Block, Instruction
from evm_jit.compiler.builtins import GROW_MEMORY, symbol_of
from evm_jit.compiler.ir_text import LIKELY, FunctionText
from evm_jit.compiler.labels import FAIL, LEAVE, check_of
from evm_jit.compiler.plan import Plan
from evm_jit.compiler.values import Small, Value, Word
from evm_jit.compiler.virtual_stack import VirtualStack
from evm_jit.frame_memory import SIZE_MAX
from evm_jit.machine import FRAME, MACHINE
from primitives.records import offset_of

INLINED_MAX: Final = 128  # Of a kind, in a module: a millisecond each.
RECORDS: Final = {"frame": FRAME, "machine": MACHINE}


def write_leave(text: FunctionText, pc: str, gas: str, top: str) -> None:
    """End the block and compiled code: the frame's record says where the interpreter goes on."""
    # A phi of what hundreds of blocks say would be shorter, and half of the time that LLVM takes.
    text.do(f"store i64 {gas}, ptr %gas_left.field, align 8")
    text.do(f"store ptr {top}, ptr %top.field, align 8")
    address = text.let("pc", f"add i64 %code, {pc}")
    text.do(f"store i64 {address}, ptr %pc.field, align 8")
    text.jump(LEAVE)


@dataclass
class Emission:
    """The block that is being translated, and how far it is."""

    text: FunctionText
    plan: Plan
    block: Block
    stack: VirtualStack
    gas: str  # the name of what is left, static gas of the section taken off
    symbols: Counter[str]  # how often the module has what is called, and what LLVM takes long to compile in place
    gas_behind: int = 0  # static gas of the section, of what follows the instruction being translated
    memory_size: int = 0  # bytes that memory is known to have
    is_ended: bool = False

    # Ways out

    def exact_gas(self) -> str:
        """What is left after the static gas of the instruction being translated."""
        if self.gas_behind == 0:
            return self.gas
        return self.text.let("gas_here", f"add i64 {self.gas}, {self.gas_behind}")

    def way_to(self, pc: int) -> str:
        """The label through which a block is gone to: its check, or where that leads if it is sure to be passed."""
        is_checked = self.plan.is_checked(self.block.pc, self.stack.height, pc)
        return self.plan.head_of(pc) if is_checked else check_of(pc)

    def leave(self, pc: int, gas: str) -> None:
        """Let the interpreter go on at `pc`; all words are in memory by now."""
        write_leave(self.text, str(pc), gas, self.stack.top())

    def leave_unless(self, condition: str, pc: int, gas: str) -> None:
        """Bring all words to memory and leave, if a condition does not hold."""
        going_on, leaving = self.text.new_label("go_on"), self.text.new_label("leave")
        self.text.branch(condition, going_on, leaving, weights=LIKELY)
        self.text.start(leaving)
        stack, self.stack = self.stack, self.stack.copy()
        self.stack.flush()
        self.leave(pc, gas)
        self.stack = stack
        self.text.start(going_on)

    def fail_unless_paid(self) -> None:
        """End the frame if it is out of gas."""
        going_on = self.text.new_label("go_on")
        is_paid = self.text.let("is_paid", f"icmp sge i64 {self.gas}, 0")
        self.text.branch(is_paid, going_on, FAIL, weights=LIKELY)
        self.text.start(going_on)

    def pay(self, amount: int, pc: int) -> None:
        """Charge the static gas of a section, or leave at its start."""
        if amount == 0:
            return
        left = self.text.let("gas", f"sub i64 {self.gas}, {amount}")
        self.leave_unless(self.text.let("is_paid", f"icmp sge i64 {left}, 0"), pc, self.gas)
        self.gas = left

    def may_inline(self, name: str) -> bool:
        """Whether there may be one more of what LLVM takes long to compile in place, in the second tier."""
        key = f"{name} in place"
        self.symbols[key] += 1
        return self.plan.is_hot and self.symbols[key] <= INLINED_MAX

    # Builtins

    def call(self, instruction: Instruction) -> None:
        """Have the builtin of an opcode executed on the words in memory."""
        opcode = instruction.opcode
        self.stack.store_top(opcode.taken)
        top = self.stack.top()
        left = self.call_on(instruction, top)
        self.stack.drop(opcode.taken)
        if opcode.name not in _WITHOUT_GAS:
            self.settle(left)
        if opcode.put:
            self.stack.push_from_memory()

    def gas_for_builtin(self) -> str:
        """What a builtin gets to pay from."""
        return self.gas

    def settle(self, left: str) -> None:
        """So much is left behind a builtin that takes gas."""
        self.gas = left
        self.fail_unless_paid()

    def settle_growth(self, left: str) -> str:
        """So much is left behind the growth of memory: what counts as left from there on."""
        self.settle(left)
        return left

    def call_on(self, instruction: Instruction, top: str) -> str:
        """Have the builtin of an opcode executed on the words below `top`: what gas is left."""
        return self._call(symbol_of(instruction.opcode.name), f"ptr {top}")

    def _call(self, symbol: str, last_argument: str) -> str:
        self.symbols[symbol] += 1
        arguments = f"ptr %machine, ptr %frame, i64 {self.gas_for_builtin()}, {last_argument}"
        return self.text.let("gas", f"call i64 @{symbol}({arguments})")

    # Records and memory

    def field(self, record: str, name: str) -> str:
        """The pointer to a field of the frame or the machine."""
        offset = offset_of(RECORDS[record], name)
        return self.text.let("field", f"getelementptr i8, ptr %{record}, i64 {offset}")

    def number_in(self, record: str, name: str) -> str:
        """A field that is an i64."""
        return self.text.let(name, f"load i64, ptr {self.field(record, name)}")

    def word_in(self, record: str, name: str) -> Word:
        """A field as a word."""
        shape = RECORDS[record][name].shape
        bits = int(np.prod(shape, dtype=int)) * 64
        value = self.text.let(name, f"load i{bits}, ptr {self.field(record, name)}, align 8")
        return Word(value) if bits == 256 else Word(self.text.let("word", f"zext i{bits} {value} to i256"))

    def size_of(self, value: Value) -> str:
        """min(word, SIZE_MAX) as an i64: beyond it all offsets are alike."""
        if isinstance(value, int):
            return str(min(value, SIZE_MAX))
        if isinstance(value, Small):
            is_small = self.text.let("is_small", f"icmp ult i64 {value.name}, {SIZE_MAX}")
            return self.text.let("offset", f"select i1 {is_small}, i64 {value.name}, i64 {SIZE_MAX}")
        word = self.stack.as_word(value)
        is_small = self.text.let("is_small", f"icmp ult i256 {word}, {SIZE_MAX}")
        low = self.text.let("low", f"trunc i256 {word} to i64")
        return self.text.let("offset", f"select i1 {is_small}, i64 {low}, i64 {SIZE_MAX}")

    def expand(self, offset: str, size: int) -> None:
        """Have memory reach to offset + size, and pay for it."""
        is_known = not offset.startswith("%")
        if is_known and int(offset) + size <= self.memory_size:
            return
        end = str(int(offset) + size) if is_known else self.text.let("end", f"add i64 {offset}, {size}")
        present = self.number_in("frame", "memory_size")
        is_there = self.text.let("is_there", f"icmp ule i64 {end}, {present}")
        grow, grown = self.text.new_label("grow"), self.text.new_label("grown")
        gas_after = f"%{grown}.gas"
        self.text.branch(is_there, grown, grow, (self.gas,), (), LIKELY)
        self.text.start(grow)
        self.text.jump(grown, self.settle_growth(self._call(GROW_MEMORY, f"i64 {end}")))
        self.text.start(grown, (("i64", gas_after),))
        self.gas = gas_after
        if is_known:
            self.memory_size = int(end)

    def in_memory(self, offset: str) -> str:
        """The pointer to an offset in the frame's memory."""
        return self.text.let("place", f"getelementptr i8, ptr %memory, i64 {offset}")


# Their builtins give back the gas that they got.
_WITHOUT_GAS: Final = frozenset(
    ("DIV", "SDIV", "MOD", "SMOD", "ADDMOD", "MULMOD", "CALLDATALOAD", "SELFBALANCE", "TLOAD")
)
