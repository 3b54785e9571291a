"""
SLOAD and SSTORE as IR: a slot that was found lately, and is warm, is read and written in place.

    folded = key ^ key >> 64 ^ key >> 128 ^ key >> 192 (64 bits) + frame.account
    entry = slot_memo[folded * GOLDEN >> PLACE_SHIFT]       as `row_of_slot` of the interpreter
    slot = slots[entry.row]                                 if entry.key, .account, .epoch are right
    word = slot.value, for GAS_WARM_ACCESS                  if slot.transaction is the running one

Written is what the open mini-block has written before, where one word that is not 0 takes the place of another: no
older value has to be kept (versions.py), and no slots to be counted. The builtins do the rest.

    gas -= GAS_STORAGE_RESET if slot.value == slot.original else GAS_WARM_ACCESS
    refund += GAS_STORAGE_RESET - GAS_WARM_ACCESS           if the new value is slot.original (EIP-2200)
    undo[undo_count++] = slot.value, STORAGE, entry.row     so long as there is room
    slot.value = the new value
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import reduce
from typing import Final

import numpy as np

from evm_jit.compiler.blocks import Instruction
from evm_jit.compiler.emission import Emission
from evm_jit.compiler.ir_text import LIKELY
from evm_jit.compiler.values import Value, Word
from evm_jit.compiler.words import Emit
from evm_jit.gas import GAS_STORAGE_RESET, GAS_WARM_ACCESS
from evm_jit.instructions.storage import GOLDEN, PLACE_SHIFT
from evm_jit.machine import SLOT_MEMO, SLOT_MEMO_SIZE_BYTES
from primitives.records import offset_of
from statestore.journal import STORAGE, UNDO_PER_WRITE_MAX
from statestore.table import COUNTERS, SLOT, TABLE_SET, UNDO


@dataclass(frozen=True)
class _Warm:
    """The names of a slot that is warm: its row, its record, those of the tables and the counters."""

    row: str
    record: str
    tables: str
    counters: str


def _load(emission: Emission, instruction: Instruction) -> None:
    """SLOAD (0x54)."""
    if not emission.may_inline("SLOAD"):
        return emission.call(instruction)
    text, stack = emission.text, emission.stack
    top, operand = stack.top(), stack.height - 1
    key, gas = stack.word_at(operand), emission.gas_for_builtin()
    asked, loaded = text.new_label("asked"), text.new_label("loaded")
    slot = _find_warm(emission, key, asked)
    word = text.let("word", f"load i256, ptr {_field(emission, slot.record, SLOT, 'value')}, align 8")
    text.jump(loaded, text.let("gas", f"sub i64 {gas}, {GAS_WARM_ACCESS}"), word)
    text.start(asked)
    address = stack.address_of(operand)
    text.do(f"store i256 {stack.as_word(key)}, ptr {address}, align 8")
    left = emission.call_on(instruction, top)
    text.jump(loaded, left, text.let("word", f"load i256, ptr {address}, align 8"))
    text.start(loaded, (("i64", f"%{loaded}.gas"), ("i256", f"%{loaded}.word")))
    stack.forget(operand)
    stack.drop(1)
    emission.settle(f"%{loaded}.gas")
    stack.push(Word(f"%{loaded}.word"))
    return None


def _store(emission: Emission, instruction: Instruction) -> None:
    """SSTORE (0x55)."""
    text, stack = emission.text, emission.stack
    operands = stack.height - 1, stack.height - 2
    key, value = (stack.word_at(operand) for operand in operands)
    if value == 0 or not emission.may_inline("SSTORE"):
        return emission.call(instruction)
    top, gas = stack.top(), emission.gas_for_builtin()
    asked, stored = text.new_label("asked"), text.new_label("stored")
    slot = _find_warm(emission, key, asked)
    text.jump(stored, _write(emission, slot, stack.as_word(value), gas, asked))
    text.start(asked)
    for operand, word in zip(operands, (key, value), strict=True):
        text.do(f"store i256 {stack.as_word(word)}, ptr {stack.address_of(operand)}, align 8")
    text.jump(stored, emission.call_on(instruction, top))
    text.start(stored, (("i64", f"%{stored}.gas"),))
    for operand in operands:
        stack.forget(operand)
    stack.drop(2)
    emission.settle(f"%{stored}.gas")
    return None


def _write(emission: Emission, slot: _Warm, value: str, gas: str, asked: str) -> str:
    """Replace the value of a slot, or go to `asked`: what gas is left."""
    text = emission.text
    value_field = _field(emission, slot.record, SLOT, "value")
    current = text.let("current", f"load i256, ptr {value_field}, align 8")
    original = text.let("original", f"load i256, ptr {_field(emission, slot.record, SLOT, 'original')}, align 8")
    count_field = _field(emission, slot.counters, COUNTERS, "undo_count")
    count = text.let("count", f"load i64, ptr {count_field}, align 8")
    end = text.let("end", f"add i64 {count}, {UNDO_PER_WRITE_MAX}")
    version = _number_in(emission, slot.record, SLOT, "version")
    conditions = (
        # What the sentry of EIP-2200 demands, and the most that is paid here.
        f"icmp sgt i64 {gas}, {GAS_STORAGE_RESET}",
        f"icmp eq i64 {emission.number_in('frame', 'is_static')}, 0",
        f"icmp eq i64 {version}, {_number_in(emission, slot.counters, COUNTERS, 'writing')}",
        f"icmp ule i64 {end}, {_number_in(emission, slot.tables, TABLE_SET, 'undo_capacity')}",
        f"icmp ne i256 {current}, 0",
        f"icmp ne i256 {value}, 0",
        f"icmp ne i256 {current}, {value}",
    )
    tests = [text.let("is_plain", condition) for condition in conditions]
    is_plain = reduce(lambda one, other: text.let("are_plain", f"and i1 {one}, {other}"), tests)
    plain = text.new_label("plain")
    text.branch(is_plain, plain, asked, weights=LIKELY)
    text.start(plain)
    _remember(emission, slot, current, count)
    text.do(f"store i64 {text.let('count', f'add i64 {count}, 1')}, ptr {count_field}, align 8")
    text.do(f"store i256 {value}, ptr {value_field}, align 8")
    is_restored = text.let("is_restored", f"icmp eq i256 {original}, {value}")
    refund = emission.number_in("machine", "refund")
    more = text.let("more", f"select i1 {is_restored}, i64 {GAS_STORAGE_RESET - GAS_WARM_ACCESS}, i64 0")
    text.do(f"store i64 {text.let('refund', f'add i64 {refund}, {more}')}, ptr {emission.field('machine', 'refund')}")
    is_first = text.let("is_first", f"icmp eq i256 {original}, {current}")
    cost = text.let("cost", f"select i1 {is_first}, i64 {GAS_STORAGE_RESET}, i64 {GAS_WARM_ACCESS}")
    return text.let("gas", f"sub i64 {gas}, {cost}")


def _remember(emission: Emission, slot: _Warm, previous: str, count: str) -> None:
    """Write this entry of the journal."""
    text = emission.text
    place = text.let("place", f"mul i64 {count}, {UNDO.itemsize}")
    undo = _pointer_in(emission, slot.tables, TABLE_SET, "undo")
    entry = text.let("undone", f"getelementptr i8, ptr {undo}, i64 {place}")
    text.do(f"store i256 {previous}, ptr {_field(emission, entry, UNDO, 'previous')}, align 8")
    text.do(f"store i32 {STORAGE}, ptr {_field(emission, entry, UNDO, 'kind')}, align 4")
    row = text.let("row", f"trunc i64 {slot.row} to i32")
    text.do(f"store i32 {row}, ptr {_field(emission, entry, UNDO, 'row')}, align 4")


def _find_warm(emission: Emission, key: Value, asked: str) -> _Warm:
    """The slot with this key, if it was found lately and is warm; the builtin at `asked` sees to others."""
    text = emission.text
    known, warm = text.new_label("known"), text.new_label("warm")
    entry = _entry(emission, key)
    text.branch(_is_of(emission, entry, emission.stack.as_word(key)), known, asked, weights=LIKELY)
    text.start(known)
    tables = text.let("tables", f"load ptr, ptr {emission.field('machine', 'tables')}")
    row = _number_in(emission, entry, SLOT_MEMO, "row")
    slots = _pointer_in(emission, tables, TABLE_SET, "slots")
    place = text.let("place", f"mul i64 {row}, {SLOT.itemsize}")
    slot = text.let("slot", f"getelementptr i8, ptr {slots}, i64 {place}")
    counters = _pointer_in(emission, tables, TABLE_SET, "counters")
    running = _number_in(emission, counters, COUNTERS, "transaction")
    touched = _number_in(emission, slot, SLOT, "transaction")
    text.branch(text.let("is_warm", f"icmp eq i64 {touched}, {running}"), warm, asked, weights=LIKELY)
    text.start(warm)
    return _Warm(row, slot, tables, counters)


def _entry(emission: Emission, key: Value) -> str:
    """The pointer to the one entry of the memo that a slot may be in."""
    text = emission.text
    if isinstance(key, int):
        folded = str(reduce(lambda one, other: one ^ other, (key >> 64 * limb & (1 << 64) - 1 for limb in range(4))))
    else:
        word = emission.stack.as_word(key)
        upper = text.let("upper", f"lshr i256 {word}, 128")
        half = text.let("half", f"xor i256 {word}, {upper}")
        upper = text.let("upper", f"lshr i256 {half}, 64")
        folded = text.let("folded", f"trunc i256 {text.let('quarter', f'xor i256 {half}, {upper}')} to i64")
    named = text.let("named", f"add i64 {emission.number_in('frame', 'account')}, {folded}")
    mixed = text.let("mixed", f"mul i64 {named}, {int(GOLDEN)}")
    index = text.let("index", f"lshr i64 {mixed}, {int(PLACE_SHIFT)}")
    place = text.let("place", f"mul i64 {index}, {SLOT_MEMO_SIZE_BYTES}")
    memo = text.let("memo", f"load ptr, ptr {emission.field('machine', 'slot_memo')}")
    return text.let("entry", f"getelementptr i8, ptr {memo}, i64 {place}")


def _is_of(emission: Emission, entry: str, key: str) -> str:
    """Whether an entry of the memo is of the slot with this key, in the running epoch, as an i1."""
    text = emission.text
    held = text.let("held", f"load i256, ptr {_field(emission, entry, SLOT_MEMO, 'key')}, align 8")
    holds = text.let("is_key", f"icmp eq i256 {held}, {key}")
    for name, expected in (("account", ("frame", "account")), ("epoch", ("machine", "slots_epoch"))):
        found = _number_in(emission, entry, SLOT_MEMO, name)
        is_same = text.let("is_same", f"icmp eq i64 {found}, {emission.number_in(*expected)}")
        holds = text.let("holds", f"and i1 {holds}, {is_same}")
    return holds


def _field(emission: Emission, record: str, dtype: np.dtype[np.void], name: str) -> str:
    return emission.text.let(name, f"getelementptr i8, ptr {record}, i64 {offset_of(dtype, name)}")


def _number_in(emission: Emission, record: str, dtype: np.dtype[np.void], name: str) -> str:
    return emission.text.let(name, f"load i64, ptr {_field(emission, record, dtype, name)}, align 8")


def _pointer_in(emission: Emission, record: str, dtype: np.dtype[np.void], name: str) -> str:
    return emission.text.let(name, f"load ptr, ptr {_field(emission, record, dtype, name)}, align 8")


EMITTED: Final[Mapping[str, Emit]] = {"SLOAD": _load, "SSTORE": _store}
