"""
The ways into the blocks of a program: from outside, by jumps whose destination is looked up, and by known ones that
come with another height of the stack than was checked.
"""

from collections import Counter
from collections.abc import Iterator
from typing import Final

from evm_jit.compiler.blocks import Program
from evm_jit.compiler.emission import Emission, write_leave
from evm_jit.compiler.ir_text import FunctionText
from evm_jit.compiler.labels import DISPATCH, LEAVE, check_of, entry_of
from evm_jit.compiler.plan import Plan
from evm_jit.compiler.values import Word
from evm_jit.compiler.virtual_stack import VirtualStack
from evm_jit.gas import STACK_ITEMS_MAX
from evm_jit.machine import FRAME, WORD_SIZE_BYTES
from primitives.records import offset_of

ENTRY: Final = "leveret_enter"
_SWITCH: Final = "switch"


def tables(program: Program) -> Iterator[str]:
    """By pc, the number of the block that starts there; by number, where that is."""
    yield f"@blocks = private unnamed_addr constant [{2 * len(program.code) + 2} x i8] {_table(program)}"
    yield f"@entries = private unnamed_addr constant [{len(program.entries) + 1} x ptr] [{_addresses(program)}]"


def write_ways_in(text: FunctionText, plan: Plan) -> None:
    """What the frame's record says, and where it leads."""
    _write_entry(text)
    _write_dispatch(text, plan)


def _entries(program: Program) -> list[int]:
    """Blocks that are entered by their pc, JUMPDESTs first; others only follow one that the code falls through."""
    return sorted(program.entries, key=lambda pc: (pc not in program.jump_destinations, pc))


def _table(program: Program) -> str:
    """By pc, the number of the block that starts there, 0 for none; two bytes each."""
    numbers = bytearray(2 * len(program.code) + 2)  # One more for whatever lies beyond.
    for number, pc in enumerate(_entries(program), 1):
        numbers[2 * pc : 2 * pc + 2] = number.to_bytes(2, "little")
    return 'c"' + "".join(f"\\{octet:02X}" for octet in numbers) + '"'


def _addresses(program: Program) -> str:
    """By number, where the block is entered from outside."""
    labels = ["unknown", *(entry_of(pc) for pc in _entries(program))]
    return ", ".join(f"ptr blockaddress(@{ENTRY}, %{label})" for label in labels)


def _write_entry(text: FunctionText) -> None:
    """What the frame's record says, as values."""
    text.start("entry")
    for name in ("code", "pc", "gas_left", "stack", "top", "memory"):
        type_ = "ptr" if name in ("top", "memory") else "i64"
        text.do(f"%{name}.field = getelementptr i8, ptr %frame, i64 {offset_of(FRAME, name)}")
        text.do(f"%{name} = load {type_}, ptr %{name}.field, align 8")
    text.do("%offset = sub i64 %pc, %code")
    text.jump("enter")


def _write_dispatch(text: FunctionText, plan: Plan) -> None:
    """The ways to blocks that are found by their pc: from outside, and by jumps."""
    program = plan.program
    size, entries = len(program.code), _entries(program)
    destination_count = sum(pc in program.jump_destinations for pc in entries)
    parameters = [("i64", "%gas.in"), ("ptr", "%top.in"), ("i64", "%pc.out"), ("i64", "%gas.out"), ("ptr", "%top.out")]

    text.start("enter")
    is_inside = text.let("is_inside", f"icmp ult i64 %offset, {size}")
    text.branch(is_inside, "found", LEAVE)
    text.start("found")
    place = text.let("place", "getelementptr i16, ptr @blocks, i64 %offset")
    number = text.let("number", f"load i16, ptr {place}, align 1")
    text.jump(_SWITCH, number, "%gas_left", "%top", "%offset", "%gas_left", "%top")

    text.start(DISPATCH, [("i64", "%destination"), *((type_, f"{name}.jump") for type_, name in parameters)])
    way_out = ("%pc.out.jump", "%gas.out.jump", "%top.out.jump")
    is_inside = text.let("is_inside", f"icmp ult i64 %destination, {size}")
    bounded = text.let("bounded", f"select i1 {is_inside}, i64 %destination, i64 {size}")
    place = text.let("place", f"getelementptr i16, ptr @blocks, i64 {bounded}")
    number = text.let("number", f"load i16, ptr {place}, align 1")
    is_destination = text.let("is_destination", f"icmp ule i16 {number}, {destination_count}")
    number = text.let("number", f"select i1 {is_destination}, i16 {number}, i16 0")
    text.jump(_SWITCH, number, "%gas.in.jump", "%top.in.jump", *way_out)

    text.start(_SWITCH, [("i16", "%number.in"), *parameters])
    stubs = {pc: entry_of(pc) for pc in entries}
    # By way of memory: as values they would be copied here for each of hundreds of blocks, whichever is entered.
    text.do("store i64 %gas.in, ptr %gas_left.field, align 8")
    text.do("store ptr %top.in, ptr %top.field, align 8")
    index = text.let("index", "zext i16 %number.in to i64")
    place = text.let("place", f"getelementptr ptr, ptr @entries, i64 {index}")
    entry = text.let("entry", f"load ptr, ptr {place}, align 8")
    targets = ", ".join(f"label %{target}" for target in ("unknown", *stubs.values()))
    text.do(f"indirectbr ptr {entry}, [ {targets} ]")
    text.note_jump("unknown")
    text.start("unknown")
    write_leave(text, "%pc.out", "%gas.out", "%top.out")
    for pc, stub in stubs.items():
        text.note_jump(stub, origin=_SWITCH)
        text.start(stub)
        gas = text.let("gas", "load i64, ptr %gas_left.field, align 8")
        top = text.let("top", "load ptr, ptr %top.field, align 8")
        loaded = VirtualStack(text, top)
        arriving = [loaded.as_word(loaded.word_at(slot)) for slot in plan.carried.get(pc, ())]
        text.jump(check_of(pc), gas, top, *arriving)


def write_checks(text: FunctionText, plan: Plan, symbols: Counter[str]) -> None:
    """Where the height of the stack is looked at before a block that somebody comes to with any height."""
    for pc, block in plan.program.blocks.items():
        if not text.is_jumped_to(check_of(pc)):
            continue
        gas, top, words = f"%gas.c{pc}", f"%top.c{pc}", plan.names(pc, "c")
        text.start(check_of(pc), [("i64", gas), ("ptr", top), *(("i256", name) for name in words)])
        emission = Emission(text, plan, block, VirtualStack(text, top), gas, symbols)
        for slot, name in zip(plan.carried.get(pc, ()), words, strict=True):
            emission.stack.carry(slot, Word(name))
        if block.least or block.growth:
            emission.leave_unless(fits(text, block.least, block.growth, top), pc, gas)
        text.jump(plan.head_of(pc), gas, top, *words)


def fits(text: FunctionText, least: int, growth: int, top: str) -> str:
    """Whether the stack has so many words at least, and room for so many more, as an i1."""
    span = STACK_ITEMS_MAX - growth - least
    if span < 0:
        return "false"
    address = text.let("top", f"ptrtoint ptr {top} to i64")
    height = text.let("height", f"sub i64 {address}, %stack")
    above = text.let("above", f"sub i64 {height}, {least * WORD_SIZE_BYTES}")
    return text.let("fits", f"icmp ule i64 {above}, {span * WORD_SIZE_BYTES}")
