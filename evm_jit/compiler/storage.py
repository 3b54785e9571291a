"""
SLOAD as IR: a slot that was found lately, and is warm, is read in place. The builtin does the rest.

    folded = key ^ key >> 64 ^ key >> 128 ^ key >> 192 (64 bits) + frame.account
    entry = slot_memo[folded * GOLDEN >> PLACE_SHIFT]       as `row_of_slot` of the interpreter
    slot = slots[entry.row]                                 if entry.key, .account, .epoch are right
    word = slot.value, for GAS_WARM_ACCESS                  if slot.transaction is the running one
"""

from collections.abc import Mapping
from functools import reduce
from typing import Final

import numpy as np

from evm_jit.compiler.blocks import Instruction
from evm_jit.compiler.emission import Emission
from evm_jit.compiler.ir_text import LIKELY
from evm_jit.compiler.values import Value, Word
from evm_jit.compiler.words import Emit
from evm_jit.gas import GAS_WARM_ACCESS
from evm_jit.instructions.storage import GOLDEN, PLACE_SHIFT
from evm_jit.machine import SLOT_MEMO, SLOT_MEMO_SIZE_BYTES
from primitives.records import offset_of
from statestore.table import COUNTERS, SLOT, TABLE_SET


def _load(emission: Emission, instruction: Instruction) -> None:
    """SLOAD (0x54)."""
    if not emission.may_inline("SLOAD"):
        return emission.call(instruction)
    text, stack = emission.text, emission.stack
    top, operand = stack.top(), stack.height - 1
    key, gas = stack.word_at(operand), emission.gas_for_builtin()
    known, warm, asked, loaded = (text.new_label(name) for name in ("known", "warm", "asked", "loaded"))
    entry = _entry(emission, key)
    text.branch(_is_of(emission, entry, stack.as_word(key)), known, asked, weights=LIKELY)
    text.start(known)
    tables = text.let("tables", f"load ptr, ptr {emission.field('machine', 'tables')}")
    slots = _pointer_in(emission, tables, TABLE_SET, "slots")
    place = text.let("place", f"mul i64 {_number_in(emission, entry, SLOT_MEMO, 'row')}, {SLOT.itemsize}")
    slot = text.let("slot", f"getelementptr i8, ptr {slots}, i64 {place}")
    running = _number_in(emission, _pointer_in(emission, tables, TABLE_SET, "counters"), COUNTERS, "transaction")
    touched = _number_in(emission, slot, SLOT, "transaction")
    text.branch(text.let("is_warm", f"icmp eq i64 {touched}, {running}"), warm, asked, weights=LIKELY)
    text.start(warm)
    word = text.let("word", f"load i256, ptr {_field(emission, slot, SLOT, 'value')}, align 8")
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


EMITTED: Final[Mapping[str, Emit]] = {"SLOAD": _load}
