"""
Threaded code: what the interpreter runs of contracts that are called often, made from their bytecode.

It is a row of cells of eight bytes, one for each instruction or for several that often stand together:

    bits 0 to 15    the handler, which the interpreter branches on
    bits 16 to 63   an operand: the number that a PUSH has, how far a jump goes, ...

A constant that is too large for a cell lies in the four cells behind it. Each basic block begins with a cell BEGIN,
which takes the constant gas of all its instructions and looks at the height of the stack once for all of them. If
either does not do, the frame goes on in the bytecode, which the exact interpreter executes one instruction after
another; so it does when an instruction can't pay for more than its constant gas, after what the rest of its block costs
was given back. A block ends behind every instruction that tells how much gas is left, or may be executed only once.

From the address that names threaded code lie: a header of two addresses (the cells, and the origins), the targets,
uint32[code_size] (where the cell of a JUMPDEST is, counted from that address; 0 for what is none), the origins, uint32
for each cell (the position of its instruction), and the cells.
"""

# mypy: allow-untyped-defs, allow-untyped-calls

from typing import Final

from evm_jit.gas import STACK_ITEMS_MAX
from evm_jit.halt_codes import COMPILATION_WANTED, RUNNING
from evm_jit.instructions.threaded import pay_block
from evm_jit.tiers import count_heat, end_of_slice, is_hot
from primitives.kernels_cache import njit
from primitives.memory import clear_bytes, load_byte, load_int64, load_uint32, store_int64, store_uint32
from primitives.u256 import load_big_endian, store_limbs
from primitives.wide_integers import low_int64, low_uint64, u256

CELL_SIZE_BYTES: Final = 8
HEADER_SIZE_BYTES: Final = 16

# Handlers that the translation itself knows, in the order of the interpreter's branches.
BEGIN, EXACT, PUSH, PUSH_WIDE = range(4)

# What an instruction is to the translation: it ends a block and others follow, or it ends one and nothing does.
PLAIN, IS_PUSH, IS_JUMPDEST, IS_COUNTER, ENDS_BLOCK, ENDS_CODE, IS_JUMP, IS_JUMP_IF = range(8)

PUSH0, SHL, SUB = 0x5F, 0x1B, 0x03
PUSH_SYMBOL, WIDE_SYMBOL = 1, 2  # A constant that has room in a cell, and one that has not.
HANDLER_BITS: Final = 16
SYMBOL_COUNT: Final = 128  # of what fused instructions are made of
IMMEDIATE_BITS: Final = 47
CODE_SIZE_BYTES_MAX: Final = 1 << 16  # A block of so many instructions has 25 million gas at most, which 26 bits hold.


@njit
def instruction_of(machine, opcode):
    """What the translation is told of an opcode: handler, operand, kind, gas, words taken, words put, symbol."""
    packed = load_int64(machine.threaded_opcodes + (opcode << 4))
    more = load_int64(machine.threaded_opcodes + (opcode << 4) + 8)
    handler, operand = packed & 0xFFFF, (packed >> 16) & 0xFFFF
    kind, symbol = (packed >> 32) & 0xFF, (packed >> 40) & 0xFF
    gas, taken, put = more & 0xFFFF, (more >> 16) & 0xFF, (more >> 24) & 0xFF
    return handler, operand, kind, symbol, gas, taken, put


@njit
def kind_of(machine, code, position):
    """What the instruction at a position is."""
    return instruction_of(machine, load_byte(code + position))[2]


@njit
def following(machine, code, position):
    """The position of the next instruction."""
    size = load_byte(code + position) - PUSH0 if kind_of(machine, code, position) == IS_PUSH else 0
    return position + 1 + size


@njit
def pushed_at(code, position):
    """The number, a U256, that the PUSH at a position puts on the stack; code and position are int64 scalars."""
    size = load_byte(code + position) - PUSH0
    return load_big_endian(code + position + 1) >> (256 - 8 * size) if size > 0 else u256(0)


@njit
def constant_at(machine, code, position):
    """
    The number that instructions from a position put on the stack: a PUSH, or the mask that compilers write as
    (1 << n) - 1, three PUSHes, SHL and SUB.

    Returns it, and the position behind them, which is the same one if there is no constant.
    """
    if kind_of(machine, code, position) != IS_PUSH:
        return u256(0), position
    first, end = pushed_at(code, position), following(machine, code, position)
    second = following(machine, code, end)
    third = following(machine, code, second)
    if (
        kind_of(machine, code, end) == IS_PUSH
        and kind_of(machine, code, second) == IS_PUSH
        and load_byte(code + third) == SHL
        and load_byte(code + third + 1) == SUB
    ):
        return (pushed_at(code, end) << pushed_at(code, second)) - first, third + 2
    return first, end


@njit
def is_small(value):
    """Whether a constant, a U256, has room in a cell."""
    return value >> IMMEDIATE_BITS == 0


@njit
def is_destination(bitmap, size, value):
    """Whether code may jump to a position, a U256; the address of the bitmap and the size are int64 scalars."""
    position = low_int64(value)
    return value < u256(size) and (load_byte(bitmap + (position >> 3)) >> (position & 7)) & 1 != 0


@njit
def symbol_at(machine, code, position):
    """What is at a position, as `fusions` names it, and the position behind it."""
    value, end = constant_at(machine, code, position)
    if end != position:
        return PUSH_SYMBOL if is_small(value) else WIDE_SYMBOL, end
    return instruction_of(machine, load_byte(code + position))[3], position + 1


@njit
def fused_at(machine, code, size, position):
    """
    The longest row of instructions from a position that one handler executes.

    Returns the handler and the position behind them; 0 if there is no such handler.
    """
    state, handler, end = 0, 0, position
    while position < size:
        symbol, position = symbol_at(machine, code, position)
        packed = load_int64(machine.fusions + ((state * SYMBOL_COUNT + symbol) << 3)) if symbol != 0 else 0
        if packed == 0:
            break
        state = packed & 0xFFFF
        if packed >> 16 != 0:
            handler, end = packed >> 16, position
    return handler, end


@njit
def end_block(begin, costs):
    """Fill the cell, at an address, int64, that a block begins with: gas, words there must be, one more than may be."""
    gas, needed, _, highest = costs
    least, most = min(needed, STACK_ITEMS_MAX + 1), max(STACK_ITEMS_MAX + 1 - highest, 0)
    store_int64(begin, BEGIN | least << 16 | most << 27 | gas << 38)


@njit
def write_cells(machine, code, position, end, handler, is_jump, at):
    """
    Write the cells of the instructions from a position to `end`; returns the address behind them.

    The first constant lies in the first cell, unless that says where a jump goes; the others behind it, in the order
    of the code.
    """
    head, is_free = at, not is_jump
    operand = instruction_of(machine, load_byte(code + position))[1] if end == position + 1 else 0
    at += CELL_SIZE_BYTES
    while position < end:
        value, behind = constant_at(machine, code, position)
        if behind == position:
            behind = position + 1
        elif is_jump and kind_of(machine, code, behind) >= IS_JUMP and behind + 1 == end:
            operand = low_int64(value)
        elif not is_small(value):
            store_limbs(at, value)
            at += 4 * CELL_SIZE_BYTES
        elif is_free:
            operand, is_free = low_int64(value), False
        else:
            store_int64(at, low_int64(value))
            at += CELL_SIZE_BYTES
        position = behind
    store_int64(head, handler | operand << HANDLER_BITS)
    return at


@njit
def add_costs(machine, code, position, end, costs):
    """Add the instructions from a position to `end` to what a block needs: gas, words before it, height, highest."""
    gas, needed, height, highest = costs
    while position < end:
        _, _, _, _, cost, taken, put = instruction_of(machine, load_byte(code + position))
        gas += cost
        needed = max(needed, taken - height)
        height += put - taken
        highest = max(highest, height)
        position = following(machine, code, position)
    return gas, needed, height, highest


@njit
def write_jump(machine, code, position, end, handler, at, jumps):
    """The same as `write_cells` for a row that ends with a jump; where that goes is written by `aim_jumps`."""
    target = low_int64(jump_target(machine, code, position, end))
    behind = write_cells(machine, code, position, end, handler, True, at)
    back = (at - jumps) >> 3 if jumps != 0 else 0
    store_int64(at, handler | (target | ((behind - at) >> 3) << 16 | back << 24) << HANDLER_BITS)
    return behind


@njit
def end_of_cell(machine, code, size, position):
    """The handler of the cell that begins at a position, what its last instruction is, and the position behind that."""
    handler, end = fused_at(machine, code, size, position)
    if handler != 0:
        return handler, last_kind(machine, code, position, end), end
    handler, _, kind, _, _, _, _ = instruction_of(machine, load_byte(code + position))
    value, end = constant_at(machine, code, position)
    if end == position:
        return handler, kind, position + 1
    return PUSH if is_small(value) else PUSH_WIDE, kind, end


@njit
def translate(machine, code, size, bitmap):
    """
    Make threaded code of a code.

    code, bitmap : int64    addresses of the bytes, with zeros behind them, and of the bitmap of jump destinations
    size : int64

    Returns its address, or 0 if the arena has no room.
    """
    base = machine.threaded_top
    cell_count_max = (
        2 * size + 8
    )  # A cell and the BEGIN behind it for each byte; a constant of five has seven at least.
    targets = base + HEADER_SIZE_BYTES
    origins = targets + 4 * size
    cells = (origins + 4 * cell_count_max + 7) & ~7
    if cells + CELL_SIZE_BYTES * cell_count_max > machine.threaded_end:
        return 0
    store_int64(base, cells)
    store_int64(base + 8, origins)
    clear_bytes(targets, 4 * size)
    at, position, jumps, begin, costs, is_reachable = cells, 0, 0, 0, (0, 0, 0, 0), True
    while position < size:
        is_destination_here = kind_of(machine, code, position) == IS_JUMPDEST
        if not is_reachable and not is_destination_here:
            position = following(machine, code, position)
            continue
        if begin != 0 and is_destination_here:
            end_block(begin, costs)
            begin = 0
        if begin == 0:
            begin, costs, is_reachable = at, (0, 0, 0, 0), True
            store_uint32(origins + ((at - cells) >> 1), low_uint64(u256(position)))
            if is_destination_here:
                store_uint32(targets + 4 * position, low_uint64(u256(at - base)))
            at += CELL_SIZE_BYTES
        store_uint32(origins + ((at - cells) >> 1), low_uint64(u256(position)))
        handler, kind, end = end_of_cell(machine, code, size, position)
        if kind >= IS_JUMP and end > position + 1:
            if is_destination(bitmap, size, jump_target(machine, code, position, end)):
                behind = write_jump(machine, code, position, end, handler, at, jumps)
                jumps, at = at, behind
            else:
                store_int64(at, EXACT)
                at += CELL_SIZE_BYTES
        elif kind == IS_COUNTER:
            store_int64(at, PUSH | position << HANDLER_BITS)
            at += CELL_SIZE_BYTES
        elif kind != IS_JUMPDEST:
            at = write_cells(machine, code, position, end, handler, False, at)
        costs = add_costs(machine, code, position, end, costs)
        position = end
        if kind >= ENDS_BLOCK:
            end_block(begin, costs)
            begin, is_reachable = 0, kind in (ENDS_BLOCK, IS_JUMP_IF)
    if begin != 0:
        end_block(begin, costs)
    store_uint32(origins + ((at - cells) >> 1), low_uint64(u256(size)))
    store_int64(at, EXACT)  # The STOP behind the code's end.
    aim_jumps(base, targets, jumps)
    machine.threaded_top = at + CELL_SIZE_BYTES
    return base


@njit
def last_kind(machine, code, position, end):
    """What the last instruction before `end` is."""
    kind = PLAIN
    while position < end:
        kind = kind_of(machine, code, position)
        position = following(machine, code, position)
    return kind


@njit
def jump_target(machine, code, position, end):
    """Where a fused jump before `end` goes: the last constant."""
    value = u256(0)
    while position < end:
        found, behind = constant_at(machine, code, position)
        if behind == position:
            behind = position + 1
        else:
            value = found
        position = behind
    return value


@njit
def aim_jumps(base, targets, jumps):
    """Write how far each jump goes, from the end of its cells; each names the one before it. Addresses, int64."""
    while jumps != 0:
        cell = load_int64(jumps)
        packed = (cell >> HANDLER_BITS) & 0xFFFFFFFFFFFF
        position, count, back = packed & 0xFFFF, (packed >> 16) & 0xFF, packed >> 24
        target = base + low_int64(u256(load_uint32(targets + 4 * position)))
        store_int64(jumps, cell & 0xFFFF | (target - (jumps + (count << 3))) << HANDLER_BITS)
        jumps = jumps - (back << 3) if back != 0 else 0


@njit
def origin_of(threaded, at):
    """The position in the code of the instruction whose cell is at an address; int64 scalars all."""
    cells, origins = load_int64(threaded), load_int64(threaded + 8)
    return low_int64(u256(load_uint32(origins + ((at - cells) >> 1))))


@njit
def gas_from(machine, code, position):
    """The constant gas of the instructions from a position to the end of their block."""
    gas, start = 0, position
    while True:
        _, _, kind, _, cost, _, _ = instruction_of(machine, load_byte(code + position))
        if kind == IS_JUMPDEST and position != start:
            return gas
        gas += cost
        if kind >= ENDS_BLOCK:
            return gas
        position = following(machine, code, position)


@njit
def leave_threaded(machine, frame, position, gas_left, top):
    """Have the exact interpreter, or machine code, go on at a position of the bytecode."""
    frame.pc, frame.gas_left, frame.top, frame.threaded, frame.entry = frame.code + position, gas_left, top, 0, 0
    count_heat(machine, frame, frame.gas_start - gas_left)
    return RUNNING


@njit
def go_on_in_code(machine, frame, at, gas_left, top):
    """Have the exact interpreter go on at the instruction whose cell is at an address; its block has been paid for."""
    position = origin_of(frame.threaded, at)
    machine.halt = 0
    return leave_threaded(machine, frame, position, gas_left + gas_from(machine, frame.code, position), top)


@njit
def go_on_at_block(machine, frame, at, gas_left, top):
    """
    What follows when a block was not entered whose BEGIN is at an address, and has not been paid for.

    At the end of a slice threaded code goes on, unless there is machine code; else the exact interpreter does.
    """
    frame.look = 0
    left = pay_block(frame, at, gas_left, top)
    if left >= 0:
        frame.pc, frame.gas_left, frame.top, frame.look = at, gas_left, top, end_of_slice(left)
        count_heat(machine, frame, frame.gas_start - gas_left)
        is_wanted = is_hot(machine, frame)
        if frame.compiled == 0:
            return COMPILATION_WANTED if is_wanted else RUNNING
    return leave_threaded(machine, frame, origin_of(frame.threaded, at), gas_left, top)
