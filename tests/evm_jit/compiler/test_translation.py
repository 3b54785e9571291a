"""The IR of small programs, word for word; whoever changes it looks at what became of it."""

from evm_jit.compiler.object_code import HOT, QUICK
from evm_jit.compiler.pipeline import translate_code
from primitives.forks import Fork


def block(code_hex: str, start: str, end: str, tier: int = QUICK) -> str:
    """The IR from one label to another."""
    text = translate_code(bytes.fromhex(code_hex), Fork.OSAKA, tier).text
    lines = text.split("\n")
    return "\n".join(lines[lines.index(f"{start}:") : lines.index(f"{end}:")])


def test_a_section_is_paid_at_its_start_and_words_stay_values():
    # CALLVALUE, CALLER, XOR, ISZERO, POP, STOP
    assert (
        block("34331815" + "50" + "00", "b0", "c0")
        == """\
b0:
  %gas.b0 = phi i64 [ %gas.c0, %go_on.33 ]
  %top.b0 = phi ptr [ %top.c0, %go_on.33 ]
  %gas.14 = sub i64 %gas.b0, 12
  %is_paid.15 = icmp sge i64 %gas.14, 0
  br i1 %is_paid.15, label %go_on.16, label %leave.17, !prof !0
leave.17:
  store i64 %gas.b0, ptr %gas_left.field, align 8
  store ptr %top.b0, ptr %top.field, align 8
  %pc.18 = add i64 %code, 0
  store i64 %pc.18, ptr %pc.field, align 8
  br label %leave
go_on.16:
  %field.19 = getelementptr i8, ptr %frame, i64 208
  %value.20 = load i256, ptr %field.19, align 8
  %field.21 = getelementptr i8, ptr %frame, i64 184
  %caller.22 = load i192, ptr %field.21, align 8
  %word.23 = zext i192 %caller.22 to i256
  %xor.24 = xor i256 %word.23, %value.20
  %is_zero.25 = icmp eq i256 %xor.24, 0
  store i64 %gas.14, ptr %gas_left.field, align 8
  store ptr %top.b0, ptr %top.field, align 8
  %pc.26 = add i64 %code, 5
  store i64 %pc.26, ptr %pc.field, align 8
  br label %leave"""
    )


def test_constants_become_no_code():
    # PUSH1 2, PUSH1 3, ADD, PUSH1 7, JUMP, INVALID, JUMPDEST
    text = block("600260030160095600" + "5b", "b0", "b9")
    assert "icmp ult" not in text and "dispatch" not in text
    assert "store i256 5, ptr %top.b0" in text


def test_a_loop_keeps_its_words_in_registers():
    # PUSH1 100; JUMPDEST, PUSH1 1, SWAP1, SUB, DUP1, PUSH1 2, JUMPI
    text = block("60645b6001900380600257", "b2", "c0", HOT)
    assert "%word.b2.1 = phi i256 [ %sub." in text
    assert "load i256" not in text


def test_a_jump_to_an_unknown_place_is_looked_up_and_may_be_the_interpreter_s():
    # PUSH0, CALLDATALOAD, JUMP, JUMPDEST
    text = block("5f35565b", "b0", "b3")
    assert "br label %dispatch" in text
    assert "store i256 %loaded" in text, "the interpreter finds the destination on the stack"


def test_a_jump_to_no_destination_is_the_interpreter_s():
    text = block("600056", "b0", "c0")
    assert "dispatch" not in text and text.endswith("br label %leave")
