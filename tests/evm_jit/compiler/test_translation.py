"""The IR of small programs, word for word; whoever changes it looks at what became of it."""

import re

import pytest

from evm_jit.compiler.object_code import HOT, QUICK
from evm_jit.compiler.pipeline import translate_code
from evm_jit.opcodes import OPCODES, Opcode
from primitives.forks import Fork
from primitives.instructions import IS_X86

_NUMBER = re.compile(r"(?<=[a-z_])\.\d+(?!\d)")  # What makes names unique says nothing.


def block(code_hex: str, start: str, end: str, tier: int = QUICK) -> str:
    """The IR from one label to another."""
    text = translate_code(bytes.fromhex(code_hex), Fork.OSAKA, tier).text
    lines = _NUMBER.sub("", text).split("\n")
    return "\n".join(lines[lines.index(f"{start}:") : lines.index(f"{end}:")])


@pytest.mark.parametrize("tier", [QUICK, HOT])
@pytest.mark.parametrize("row", OPCODES.values(), ids=lambda row: row.name)
def test_every_opcode_is_translated_or_the_interpreters(row: Opcode, tier: int) -> None:
    # CALLER gives words that nobody knows.
    code = b"\x33" * row.taken + bytes([row.number]) + bytes(row.immediate_size)
    assert translate_code(code, Fork.OSAKA, tier).text


def test_a_section_is_paid_at_its_start_and_words_stay_values():
    # CALLVALUE, CALLER, XOR, ISZERO, POP, STOP
    assert (
        block("34331815" + "50" + "00", "b0", "c0")
        == """\
b0:
  %gas.b0 = phi i64 [ %gas.c0, %go_on ]
  %top.b0 = phi ptr [ %top.c0, %go_on ]
  %gas = sub i64 %gas.b0, 12
  %is_paid = icmp sge i64 %gas, 0
  br i1 %is_paid, label %go_on, label %leave, !prof !0
leave:
  store i64 %gas.b0, ptr %gas_left.field, align 8
  store ptr %top.b0, ptr %top.field, align 8
  %pc = add i64 %code, 0
  store i64 %pc, ptr %pc.field, align 8
  br label %leave
go_on:
  %field = getelementptr i8, ptr %frame, i64 208
  %value = load i256, ptr %field, align 8
  %field = getelementptr i8, ptr %frame, i64 184
  %caller = load i192, ptr %field, align 8
  %word = zext i192 %caller to i256
  %xor = xor i256 %word, %value
  %is_zero = icmp eq i256 %xor, 0
  store i64 %gas, ptr %gas_left.field, align 8
  store ptr %top.b0, ptr %top.field, align 8
  %pc = add i64 %code, 5
  store i64 %pc, ptr %pc.field, align 8
  br label %leave"""
    )


def test_constants_become_no_code():
    # PUSH1 2, PUSH1 3, ADD, PUSH1 7, JUMP, INVALID, JUMPDEST
    text = block("600260030160095600" + "5b", "b0", "b9")
    assert "icmp ult" not in text and "dispatch" not in text
    assert "store i256 5, ptr %top.b0" in text


def test_a_comparison_of_a_word_with_itself_decides_no_jump():
    # CALLVALUE, DUP1, LT, PUSH1 8, JUMPI, CALLER, STOP, JUMPDEST
    text = block("34801060085733005b", "b0", "b8")
    assert "br label %b6" in text and "taken" not in text


def test_a_loop_keeps_its_words_in_registers():
    # PUSH1 100; JUMPDEST, PUSH1 1, SWAP1, SUB, DUP1, PUSH1 2, JUMPI
    text = block("60645b6001900380600257", "b2", "gate2", HOT)
    assert "br label %gate2" in text and "load i256" not in text


def test_a_gate_lets_in_who_has_gas_room_and_a_small_counter():
    # As above, with 1 added to a word of memory in each turn.
    assert (
        block("60645b" + "610400518001610400526001900380600257", "gate2", "turn2", HOT)
        == """\
gate2:
  %gas.gate2 = phi i64 [ %grown.gas, %taken ], [ %gas.c2, %go_on ]
  %top.gate2 = phi ptr [ %top.b2, %taken ], [ %top.c2, %go_on ]
  %word.gate2.1 = phi i256 [ %sub, %taken ], [ %word.c2.1, %go_on ]
  %is_enough = icmp sge i64 %gas.gate2, 44
  %top = ptrtoint ptr %top.gate2 to i64
  %height = sub i64 %top, %stack
  %above = sub i64 %height, 32
  %fits = icmp ule i64 %above, 32672
  %is_small = icmp ult i256 %word.gate2.1, 9223372036854775808
  %small = trunc i256 %word.gate2.1 to i64
  %both = and i1 %is_enough, %fits
  %both = and i1 %both, %is_small
  br i1 %both, label %turn2, label %b2, !prof !0"""
    )


def test_turns_of_a_small_loop_count_gas_once():
    # CALLVALUE, PUSH0; JUMPDEST, PUSH1 1, ADD, DUP2, DUP2, LT, PUSH1 2, JUMPI
    text = block("345f5b6001018181" + "10600257", "turn2", "ending", HOT)
    assert text.count("add i64 1, %") == text.count("icmp ult i64 %add") == 8
    turn = """\
taken:
  %gas_here = add i64 %gas.turn2, -232
  %is_enough = icmp sge i64 %gas_here, 232
  br i1 %is_enough, label %turn2, label %ending, !prof !0"""
    assert text.endswith(turn), "the counter is below a small word, so it needs no check"


def test_behind_what_takes_gas_there_must_be_enough_for_the_turn():
    # CALLVALUE; JUMPDEST, PUSH0, MSIZE, KECCAK256, POP, PUSH1 1, SWAP1, SUB, DUP1, PUSH1 1, JUMPI
    text = block("345b5f592050" + "6001900380600157", "turn1", "ending", HOT)
    assert (
        """\
  %gas = call i64 @leveret_keccak256(ptr %machine, ptr %frame, i64 %gas_here, ptr %slot)
  %is_paid = icmp sge i64 %gas, 0
  br i1 %is_paid, label %go_on, label %fail, !prof !0
go_on:
  %word = load i256, ptr %top.turn1, align 8
  %is_enough = icmp sge i64 %gas, 27
  br i1 %is_enough, label %go_on, label %leave, !prof !0"""
        in text
    )


def test_a_jump_to_an_unknown_place_is_looked_up_and_may_be_the_interpreter_s():
    # PUSH0, CALLDATALOAD, JUMP, JUMPDEST
    text = block("5f35565b", "b0", "b3")
    assert "br label %dispatch" in text
    assert "store i256 %loaded" in text, "the interpreter finds the destination on the stack"


def test_a_jump_to_no_destination_is_the_interpreter_s():
    text = block("600056", "b0", "c0")
    assert "dispatch" not in text and text.endswith("br label %leave")


def test_two_limbs_are_divided_where_the_quotient_is_one():
    # CALLER, CALLVALUE, DIV
    text = block("333404" + "00", "b0", "c0", HOT)
    if IS_X86:
        assert "%fits = icmp ult i256 %upper, %word" in text and 'asm sideeffect "divq $4"' in text
    assert "call i64 @leveret_div(" in text, "of others by the interpreter's function"
    # PUSH1 7, CALLVALUE, DIV
    assert "udiv i64 %limb" in block("60073404" + "00", "b0", "c0", HOT), "LLVM multiplies"


def test_a_warm_slot_is_read_in_place():
    # CALLER, SLOAD, STOP
    text = block("3354" + "00", "b0", "c0", HOT)
    assert (
        """\
loaded:
  %loaded.gas = phi i64 [ %gas, %warm ], [ %gas, %asked ]
  %loaded.word = phi i256 [ %word, %warm ], [ %word, %asked ]
  %is_paid = icmp sge i64 %loaded.gas, 0"""
        in text
    )
    assert "%is_warm = icmp eq i64 %transaction, %transaction" in text
    assert "call i64 @leveret_sload(" in text, "of a slot that is cold, or was not found lately"
    assert "is_warm" not in block("3354" + "00", "b0", "c0"), "in the first tier a builtin does it all"


def test_a_slot_that_this_mini_block_has_written_is_written_in_place():
    # CALLER, CALLVALUE, SSTORE, STOP
    text = block("333455" + "00", "b0", "c0", HOT)
    assert (
        """\
plain:
  %place = mul i64 %count, 40
  %undo = getelementptr i8, ptr %tables, i64 72
  %undo = load ptr, ptr %undo, align 8
  %undone = getelementptr i8, ptr %undo, i64 %place
"""
        in text
    )
    assert "%cost = select i1 %is_first, i64 2900, i64 100" in text
    assert "call i64 @leveret_sstore(" in text, "where something else has to be done as well"
    # CALLER, PUSH0, CALLVALUE, SSTORE, STOP
    assert "plain" not in block("335f3455" + "00", "b0", "c0", HOT), "an emptied slot is counted"
    assert "plain" not in block("333455" + "00", "b0", "c0"), "in the first tier a builtin does it all"
