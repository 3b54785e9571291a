"""
The loop of the interpreter of threaded code, written in LLVM's language from the table of handlers.

Each handler ends with a jump of its own to the next one: a processor foresees where a jump goes by where it came from.
Words that instructions of a row hand to each other stay in registers; memory has the stack that the row leaves behind.

    dispatch    cell = *pc; goto *handlers[cell & 0xffff]
    a handler   loads the words that it takes, calls the functions of its instructions, stores what changed, goes to
                dispatch (LLVM makes a copy of it for each); one that jumps goes through the BEGIN of a block first
    in_code     the frame goes on in its bytecode, at the instruction that this cell stands for
    stopped     `machine.halt` says why the frame ends, or it is out of gas
    leave       the status of the loop
"""

# mypy: allow-untyped-defs, allow-untyped-calls, allow-any-generics

import inspect
from collections.abc import Sequence
from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from evm_jit.instructions.system import halt_of
from evm_jit.instructions.threaded import keep_frame, pay_block
from evm_jit.machine import WORD_SIZE_BYTES
from evm_jit.opcodes import OPCODES
from evm_jit.threaded_code import CELL_SIZE_BYTES, go_on_at_block, go_on_in_code
from evm_jit.threaded_opcodes import ENDING, HANDLERS, RARE_FROM, Handler
from primitives.u256 import WORD, load_limbs_at, store_limbs_at
from primitives.wide_integers import U256

INT64, POINTER = ir.IntType(64), ir.IntType(8).as_pointer()
HANDLER_MASK, OPERAND_SHIFT = 0xFFFF, 16
_BY_NAME = {row.name: row for row in OPCODES.values()}


def constant(number: int) -> Any:
    """An int64."""
    return INT64(number)


class _Words:
    """The stack while a row is written: what it would hold, and what of that is still where it was in memory."""

    def __init__(self, builder: Any, top: Any) -> None:
        self._builder, self._top = builder, top
        self._words: list[Any] = []  # From the lowest that was looked at: a value, or its depth in memory.
        self._taken = 0
        self._loaded: dict[int, Any] = {}

    def reach(self, count: int) -> list[Any]:
        """Look at so many words."""
        while len(self._words) < count:
            self._taken += 1
            self._words.insert(0, self._taken)
        return self._words

    def pop(self) -> Any:
        """Take the topmost word."""
        return self._value(self.reach(1).pop())

    def push(self, word: Any) -> None:
        """Put a word on top."""
        self._words.append(word)

    def drop(self) -> None:
        """Take the topmost word, whatever it is."""
        self.reach(1).pop()

    def duplicate(self, depth: int) -> None:
        """DUP."""
        self._words.append(self.reach(depth)[-depth])

    def swap(self, depth: int) -> None:
        """SWAP."""
        words = self.reach(depth + 1)
        words[-1], words[-depth - 1] = words[-depth - 1], words[-1]

    def store(self) -> Any:
        """Write what changed to memory; returns the new end of the stack."""
        moved = [
            (self._taken - index, self._value(word))
            for index, word in enumerate(self._words)
            if not isinstance(word, int) or word != self._taken - index
        ]
        for depth, word in moved:
            store_limbs_at(self._builder, self._place(depth), word)
        return self._place(self._taken - len(self._words))

    def _place(self, depth: int) -> Any:
        return self._builder.add(self._top, constant(-WORD_SIZE_BYTES * depth))

    def _value(self, word: Any) -> Any:
        if not isinstance(word, int):
            return word
        if word not in self._loaded:
            self._loaded[word] = load_limbs_at(self._builder, self._place(word))
        return self._loaded[word]


class _Loop:
    """The loop while it is written."""

    def __init__(self, context: Any, typing_context: Any, builder: Any, records: Any, record_types: Any) -> None:
        self.context, self.typing_context, self.builder = context, typing_context, builder
        self.records, self.record_types = records, record_types
        names = ("dispatch", "in_code", "stopped", "leave")
        self.dispatch, self.in_code, self.stopped, self.leave = (builder.append_basic_block(name) for name in names)
        self.statuses: list[tuple[Any, Any]] = []

    def call(self, function: Any, **given: Any) -> Any:
        """Call a kernel with what its parameters are named after; words are taken by `given["words"]`."""
        kinds, values = [], []
        for name in inspect.signature(function.py_func).parameters:
            if name in ("machine", "frame"):
                index = ("machine", "frame").index(name)
                kinds.append(self.record_types[index])
                values.append(self.records[index])
            else:
                value = given[name] if name in given else given["words"].pop()
                kinds.append(U256 if value.type == WORD else types.int64)
                values.append(value)
        kind = self.typing_context.resolve_value_type(function)
        signature = kind.get_call_type(self.typing_context, kinds, {})
        implementation = self.context.get_function(kind, signature)
        result = implementation(self.builder, values)
        self.context.add_linking_libs(getattr(implementation, "libs", ()))
        return result

    def begin(self, pc: Any, gas_left: Any, top: Any) -> None:
        """From a block of its own: the loop's state, and the jump to the handler of a cell."""
        builder, entry = self.builder, self.builder.block
        builder.branch(self.dispatch)
        builder.position_at_end(self.dispatch)
        self.state = [builder.phi(INT64) for _ in range(3)]
        for phi, value in zip(self.state, (pc, gas_left, top), strict=True):
            phi.add_incoming(value, entry)
        self.cell = builder.load(builder.inttoptr(self.state[0], INT64.as_pointer()))
        self.operand = builder.ashr(self.cell, constant(OPERAND_SHIFT))
        self.following = builder.add(self.state[0], constant(CELL_SIZE_BYTES))
        blocks = [builder.append_basic_block(row.name) for row in HANDLERS[:RARE_FROM]]
        addresses = [ir.BlockAddress(builder.function, block) for block in blocks]
        table = cgutils.global_constant(
            builder, "cell_handlers", ir.Constant(ir.ArrayType(POINTER, len(blocks)), addresses)
        )
        number = builder.and_(self.cell, constant(HANDLER_MASK))
        jump = builder.branch_indirect(builder.load(builder.gep(table, [constant(0), number], inbounds=True)))
        for block, row in zip(blocks, HANDLERS, strict=False):
            jump.add_destination(block)
            builder.position_at_end(block)
            self.handler(row)

    def handler(self, row: Handler) -> None:
        """What a cell of this kind does."""
        builder, (_, gas_left, top) = self.builder, self.state
        if row.name == "BEGIN":
            self.go_to_block(self.state[0], gas_left, top)
        elif row.name == "EXACT":
            builder.branch(self.in_code)
        elif row.name == "RARE":
            self.rare()
        elif row.leaves:
            words = _Words(builder, top)
            self.call(keep_frame, pc=self.following, gas_left=gas_left, end=self.place_below(row.taken))
            self.leave_with(self.call(row.function, words=words))
        elif row.sequence:
            self.row(row)
        else:
            self.own(row)

    def place_below(self, count: int) -> Any:
        """The end of the stack once so many words are gone."""
        return self.builder.add(self.state[2], constant(-WORD_SIZE_BYTES * count))

    def own(self, row: Handler) -> None:
        """A handler that moves words itself, or jumps where the stack says."""
        builder, (_, gas_left, top) = self.builder, self.state
        result = self.call(
            row.function,
            words=_Words(builder, top),
            pc=self.following,
            gas_left=gas_left,
            top=top,
            operand=self.operand,
            opcode=self.operand,
        )
        if row.name == "LOG0":
            self.continue_if_paid(result, self.in_code)
            topics = builder.shl(builder.sub(self.operand, constant(0xA0)), constant(5))
            self.go_on(self.following, result, builder.sub(self.place_below(2), topics))
        elif row.name.startswith("JUMP"):
            self.continue_if_paid(result, self.stopped)
            self.go_to_block(result, gas_left, self.place_below(row.taken))
        else:
            self.go_on(self.following, gas_left, self.place_below(row.taken - row.put))

    def rare(self) -> None:
        """A second choice, by the operand."""
        builder = self.builder
        choice = builder.switch(self.operand, self.in_code)
        for number, row in enumerate(HANDLERS[RARE_FROM:], RARE_FROM):
            block = builder.append_basic_block(row.name)
            choice.add_case(constant(number), block)
            builder.position_at_end(block)
            self.handler(row)

    def row(self, row: Handler) -> None:
        """Instructions one behind the other."""
        builder, (_, gas_left, top) = self.builder, self.state
        words, following = _Words(builder, top), self.following
        is_jump = row.sequence[-1] in ("JUMP", "JUMPI")
        is_head_free, condition = not is_jump, None
        for index, name in enumerate(row.sequence):
            if name == "PUSH" and not (is_jump and index == len(row.sequence) - 2):
                number = builder.lshr(self.cell, constant(OPERAND_SHIFT))
                if not is_head_free:
                    number = builder.load(builder.inttoptr(following, INT64.as_pointer()))
                    following = builder.add(following, constant(CELL_SIZE_BYTES))
                is_head_free = False
                words.push(builder.zext(number, WORD))
            elif name == "WIDE":
                words.push(load_limbs_at(builder, following))
                following = builder.add(following, constant(WORD_SIZE_BYTES))
            elif name == "POP":
                words.drop()
            elif name.startswith("DUP"):
                words.duplicate(int(name[3:]))
            elif name.startswith("SWAP"):
                words.swap(int(name[4:]))
            elif name == "JUMPI":
                condition = words.pop()
            elif name not in ("PUSH", "JUMP"):
                gas_left = self.instruction(name, words, gas_left)
        end = words.store()
        if not is_jump:
            self.go_on(following, gas_left, end)
            return
        target = builder.add(following, self.operand)
        if condition is not None:
            target = builder.select(builder.icmp_unsigned("!=", condition, WORD(0)), target, following)
        self.go_to_block(target, gas_left, end)

    def instruction(self, name: str, words: _Words, gas_left: Any) -> Any:
        """One instruction of a row; returns the gas left."""
        opcode = _BY_NAME[name]
        result = self.call(opcode.function, words=words, gas_left=self.state[1])
        parameters = inspect.signature(opcode.function.py_func).parameters  # type: ignore[attr-defined]
        if "gas_left" in parameters:
            gas_left = self.builder.extract_value(result, 0) if opcode.put else result
            self.continue_if_paid(gas_left, self.stopped if opcode.number in ENDING else self.in_code)
            result = self.builder.extract_value(result, 1) if opcode.put else None
        if opcode.put:
            words.push(result)
        return gas_left

    def continue_if_paid(self, value: Any, otherwise: Any) -> None:
        """Go on in a new block unless a value is below 0."""
        paid = self.builder.append_basic_block("paid")
        self.builder.cbranch(self.builder.icmp_signed("<", value, constant(0)), otherwise, paid)
        self.builder.position_at_end(paid)

    def go_on(self, pc: Any, gas_left: Any, top: Any) -> None:
        """Go to the next cell."""
        for phi, value in zip(self.state, (pc, gas_left, top), strict=True):
            phi.add_incoming(value, self.builder.block)
        self.builder.branch(self.dispatch)

    def go_to_block(self, begin: Any, gas_left: Any, top: Any) -> None:
        """Go to the cells behind a BEGIN, if all that they stand for can be paid and has the words it needs."""
        builder = self.builder
        paid, refused = builder.append_basic_block("entered"), builder.append_basic_block("refused")
        left = self.call(pay_block, begin=begin, gas_left=gas_left, top=top)
        builder.cbranch(builder.icmp_signed("<", left, constant(0)), refused, paid)
        builder.position_at_end(refused)
        self.leave_with(self.call(go_on_at_block, at=begin, gas_left=gas_left, top=top))
        builder.position_at_end(paid)
        self.go_on(builder.add(begin, constant(CELL_SIZE_BYTES)), left, top)

    def leave_with(self, status: Any) -> None:
        """End the loop."""
        self.statuses.append((status, self.builder.block))
        self.builder.branch(self.leave)

    def end(self) -> Any:
        """The ends that handlers share; returns the status of the loop."""
        builder = self.builder
        builder.position_at_end(self.in_code)
        at, gas_left, top = self.state
        self.leave_with(self.call(go_on_in_code, at=at, gas_left=gas_left, top=top))
        builder.position_at_end(self.stopped)
        self.leave_with(self.call(halt_of))
        builder.position_at_end(self.leave)
        status = builder.phi(INT64)
        for value, block in self.statuses:
            status.add_incoming(value, block)
        return status


@intrinsic
def run_cells(typing_context: Any, machine: Any, frame: Any, pc: Any, gas_left: Any, top: Any) -> Any:
    """Run cells from an address on, until a handler leaves: its status."""

    def emit(context: Any, builder: Any, signature: Any, values: Sequence[Any]) -> Any:
        loop = _Loop(context, typing_context, builder, values[:2], (machine, frame))
        loop.begin(*values[2:])
        return loop.end()

    return types.int64(machine, frame, types.int64, types.int64, types.int64), emit
