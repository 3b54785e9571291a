"""
Instructions on words alone, as IR; the first operand is the topmost word.

Constants have been folded before (`values.fold`), so at most one operand is a constant where it matters.
"""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Final

from evm_jit.compiler.blocks import Instruction
from evm_jit.compiler.emission import Emission
from evm_jit.compiler.ir_text import LIKELY, FunctionText
from evm_jit.compiler.values import FOLDS, Small, Truth, Word
from primitives.instructions import IS_X86

# Two limbs by one. It traps if the quotient does not fit, so it has effects: LLVM must not move it.
_DIVISION: Final = 'sideeffect "divq $4", "={rax},={rdx},{rax},{rdx},r,~{flags}"'
Emit = Callable[[Emission, Instruction], None]


def _binary(operation: str, emission: Emission, instruction: Instruction) -> None:
    """ADD, SUB, AND, OR, XOR: x op y, modulo 2^256."""
    first, second = emission.stack.take(2)
    name = instruction.opcode.name.lower()
    bounds = emission.stack.bounds
    interval = None if bounds is None else bounds.result_of(operation, first, second)
    if bounds is not None and interval is not None:
        x, y = map(emission.stack.as_small, (first, second))
        return emission.stack.push(bounds.note(emission.text.let(name, f"{operation} i64 {x}, {y}"), interval))
    x, y = map(emission.stack.as_word, (first, second))
    return emission.stack.push(Word(emission.text.let(name, f"{operation} i256 {x}, {y}")))


def _multiply(emission: Emission, instruction: Instruction) -> None:
    """MUL (0x02): x * y, modulo 2^256; x << n where y is 2^n."""
    x, y = emission.stack.take(2)
    if isinstance(x, int):
        x, y = y, x
    word = emission.stack.as_word(x)
    if isinstance(y, int) and y.bit_count() == 1:
        product = emission.text.let("mul", f"shl i256 {word}, {y.bit_length() - 1}")
    else:
        factor = emission.stack.as_word(y)
        if emission.may_inline("multiplication"):
            product = emission.text.let("mul", f"mul i256 {word}, {factor}")
        else:
            product = _outlined(emission, "multiply", word, factor)
    emission.stack.push(Word(product))


def _divide(emission: Emission, instruction: Instruction) -> None:
    """DIV (0x04): x / y, 0 if y is 0; x >> n where y is 2^n."""
    divisor = emission.stack.word_at(emission.stack.height - 2)
    if not isinstance(divisor, int) or divisor.bit_count() != 1:
        return _divide_limbs("udiv", False, emission, instruction)
    x, _ = emission.stack.take(2)
    word = emission.stack.as_word(x)
    return emission.stack.push(Word(emission.text.let("div", f"lshr i256 {word}, {divisor.bit_length() - 1}")))


def _remainder(emission: Emission, instruction: Instruction) -> None:
    """MOD (0x06): x mod y, 0 if y is 0; the lowest n bits of x where y is 2^n."""
    divisor = emission.stack.word_at(emission.stack.height - 2)
    if not isinstance(divisor, int) or divisor.bit_count() != 1:
        return _divide_limbs("urem", False, emission, instruction)
    x, _ = emission.stack.take(2)
    return emission.stack.push(Word(emission.text.let("mod", f"and i256 {emission.stack.as_word(x)}, {divisor - 1}")))


def _divide_limbs(operation: str, is_signed: bool, emission: Emission, instruction: Instruction) -> None:
    """
    DIV, SDIV, MOD, SMOD where the processor divides, without signs; a builtin does it for others.

        |x| op |y|, below 0 if the signs differ; of a remainder if x is
    """
    if not emission.may_inline("division"):
        return emission.call(instruction)
    text, stack = emission.text, emission.stack
    x, y = (stack.as_word(stack.word_at(stack.height - depth)) for depth in (1, 2))
    is_below, sizes = ["false", "false"], [x, y]
    for index, word in enumerate((x, y) if is_signed else ()):
        if word.startswith("%"):
            is_below[index] = text.let("is_below", f"icmp slt i256 {word}, 0")
            opposite = text.let("opposite", f"sub i256 0, {word}")
            sizes[index] = text.let("size", f"select i1 {is_below[index]}, i256 {opposite}, i256 {word}")
    is_quick = _is_for_processor(text, *sizes)
    quick, slow, divided = (text.new_label(name) for name in ("quick", "slow", "divided"))
    text.branch(is_quick, quick, slow, weights=LIKELY)
    text.start(quick)
    result = _divide_by_processor(text, operation, *sizes)
    word = text.let("word", f"zext i64 {result} to i256")
    if is_signed:
        signs = is_below[:1] if operation == "urem" else is_below
        is_opposite = text.let("is_opposite", f"xor i1 {signs[0]}, {signs[-1] if len(signs) > 1 else 'false'}")
        opposite = text.let("opposite", f"sub i256 0, {word}")
        word = text.let("word", f"select i1 {is_opposite}, i256 {opposite}, i256 {word}")
    text.jump(divided, word)
    text.start(slow)
    top, places = stack.top(), [stack.address_of(stack.height - depth) for depth in (1, 2)]
    for place, word in zip(places, (x, y), strict=True):
        text.do(f"store i256 {word}, ptr {place}, align 8")
    emission.call_on(instruction, top)
    text.jump(divided, text.let("word", f"load i256, ptr {places[1]}, align 8"))
    name = f"%{divided}.word"
    text.start(divided, (("i256", name),))
    for depth in (1, 2):
        stack.forget(stack.height - depth)
    stack.drop(2)
    return stack.push(Word(name))


def _takes_two_limbs(y: str) -> bool:
    """Whether two limbs are divided by y: x86 can, but by a constant LLVM multiplies, which is quicker with one."""
    return IS_X86 and y.startswith("%")


def _is_for_processor(text: FunctionText, x: str, y: str) -> str:
    """Whether x and y can be divided at once: y and the quotient, or x, are of one limb; y is not 0."""
    is_short = text.let("is_short", f"icmp ult i256 {y}, {1 << 64}")
    if _takes_two_limbs(y):
        upper = text.let("upper", f"lshr i256 {x}, 64")
        fits = text.let("fits", f"icmp ult i256 {upper}, {y}")
    else:
        is_divisor = text.let("is_divisor", f"icmp ne i256 {y}, 0")
        fits = text.let("fits", f"icmp ult i256 {x}, {1 << 64}")
        fits = text.let("fits", f"and i1 {is_divisor}, {fits}")
    return text.let("is_quick", f"and i1 {is_short}, {fits}")


def _divide_by_processor(text: FunctionText, operation: str, x: str, y: str) -> str:
    """The quotient (udiv) or the rest (urem) as an i64."""
    low, divisor = (text.let("limb", f"trunc i256 {word} to i64") for word in (x, y))
    if not _takes_two_limbs(y):
        return text.let("result", f"{operation} i64 {low}, {divisor}")
    upper = text.let("upper", f"lshr i256 {x}, 64")
    high = text.let("limb", f"trunc i256 {upper} to i64")
    divided = text.let("divided", f"call {{ i64, i64 }} asm {_DIVISION}(i64 {low}, i64 {high}, i64 {divisor})")
    return text.let("result", f"extractvalue {{ i64, i64 }} {divided}, {int(operation == 'urem')}")


def _compare(predicate: str, emission: Emission, instruction: Instruction) -> None:
    """LT, GT, SLT, SGT, EQ: 1 if x and y compare so, else 0."""
    first, second = emission.stack.take(2)
    bounds = emission.stack.bounds
    if bounds is not None and bounds.are_comparable(first, second, with_signs=predicate.startswith("s")):
        x, y = map(emission.stack.as_small, (first, second))
        truth = emission.text.let("is_" + predicate, f"icmp {predicate} i64 {x}, {y}")
        if predicate in ("ult", "ugt"):
            bounds.note_comparison(truth, *((first, second) if predicate == "ult" else (second, first)))
    else:
        x, y = map(emission.stack.as_word, (first, second))
        truth = emission.text.let("is_" + predicate, f"icmp {predicate} i256 {x}, {y}")
    emission.stack.push(Truth(truth))


def _is_zero(emission: Emission, instruction: Instruction) -> None:
    """ISZERO (0x15): x = 0."""
    x = emission.stack.pop()
    if isinstance(x, Truth):
        opposite = emission.text.let("is_not", f"xor i1 {x.name}, true")
        if emission.stack.bounds is not None:
            emission.stack.bounds.note_opposite(opposite, x.name)
        emission.stack.push(Truth(opposite))
    elif isinstance(x, Small):
        emission.stack.push(Truth(emission.text.let("is_zero", f"icmp eq i64 {x.name}, 0")))
    else:
        word = emission.stack.as_word(x)
        emission.stack.push(Truth(emission.text.let("is_zero", f"icmp eq i256 {word}, 0")))


def _not(emission: Emission, instruction: Instruction) -> None:
    """NOT (0x19): ~x."""
    word = emission.stack.as_word(emission.stack.pop())
    emission.stack.push(Word(emission.text.let("not", f"xor i256 {word}, -1")))


def _byte(emission: Emission, instruction: Instruction) -> None:
    """BYTE (0x1a): (x >> (248 - 8 index)) mod 256, 0 for an index of 32 or more."""
    text = emission.text
    index, x = map(emission.stack.as_word, emission.stack.take(2))
    in_range = text.let("in_range", f"icmp ult i256 {index}, 32")
    bits = text.let("bits", f"shl i256 {index}, 3")
    amount = text.let("amount", f"sub i256 248, {bits}")
    in_word = text.let("amount", f"select i1 {in_range}, i256 {amount}, i256 0")
    moved = _outlined(emission, "shift_right", in_word, x)
    byte = text.let("byte", f"and i256 {moved}, 255")
    emission.stack.push(Word(text.let("byte", f"select i1 {in_range}, i256 {byte}, i256 0")))


def _sign_extend(emission: Emission, instruction: Instruction) -> None:
    """SIGNEXTEND (0x0b): (x << s) >>s s with s = 248 - 8 size; x itself for a size of 31 or more."""
    text = emission.text
    size, x = emission.stack.take(2)
    word = emission.stack.as_word(x)
    if isinstance(size, int):
        if size >= 31:
            return emission.stack.push(x)
        unused = str(248 - 8 * size)
        moved = text.let("moved", f"shl i256 {word}, {unused}")
        return emission.stack.push(Word(text.let("signextend", f"ashr i256 {moved}, {unused}")))
    is_short = text.let("is_short", f"icmp ult i256 {emission.stack.as_word(size)}, 31")
    last = text.let("last", f"select i1 {is_short}, i256 {emission.stack.as_word(size)}, i256 31")
    bits = text.let("bits", f"shl i256 {last}, 3")
    unused = text.let("unused", f"sub i256 248, {bits}")
    moved = _outlined(emission, "shift_left", unused, word)
    return emission.stack.push(Word(_outlined(emission, "shift_right_signed", unused, moved)))


def _shift(operation: str, outlined: str, emission: Emission, instruction: Instruction) -> None:
    """SHL, SHR, SAR (EIP-145): x shifted; by 256 or more all bits are gone, or the sign is left."""
    shift, x = emission.stack.take(2)
    word = emission.stack.as_word(x)
    name = instruction.opcode.name.lower()
    if not isinstance(shift, int):
        result = _outlined(emission, outlined, emission.stack.as_word(shift), word)
    elif shift < 256 or operation == "ashr":
        result = emission.text.let(name, f"{operation} i256 {word}, {min(shift, 255)}")
    else:
        return emission.stack.push(0)
    return emission.stack.push(Word(result))


def _count_leading_zeros(emission: Emission, instruction: Instruction) -> None:
    """CLZ (0x1e, EIP-7939): how many bits stand before the first 1, 256 for 0."""
    word = emission.stack.as_word(emission.stack.pop())
    emission.stack.push(Word(emission.text.let("clz", f"call i256 @llvm.ctlz.i256(i256 {word}, i1 false)")))


def _outlined(emission: Emission, name: str, x: str, y: str) -> str:
    """What LLVM takes long to compile is one function a module."""
    emission.symbols[name] += 1
    return emission.text.let(name, f"call i256 @{name}(i256 {x}, i256 {y})")


# Instructions whose result may be known, or be one of the operands.
FOLDED: Final = frozenset(FOLDS)

EMITTED: Final[Mapping[str, Emit]] = {
    "ADD": partial(_binary, "add"),
    "MUL": _multiply,
    "SUB": partial(_binary, "sub"),
    "DIV": _divide,
    "SDIV": partial(_divide_limbs, "udiv", True),
    "MOD": _remainder,
    "SMOD": partial(_divide_limbs, "urem", True),
    "SIGNEXTEND": _sign_extend,
    "LT": partial(_compare, "ult"),
    "GT": partial(_compare, "ugt"),
    "SLT": partial(_compare, "slt"),
    "SGT": partial(_compare, "sgt"),
    "EQ": partial(_compare, "eq"),
    "ISZERO": _is_zero,
    "AND": partial(_binary, "and"),
    "OR": partial(_binary, "or"),
    "XOR": partial(_binary, "xor"),
    "NOT": _not,
    "BYTE": _byte,
    "SHL": partial(_shift, "shl", "shift_left"),
    "SHR": partial(_shift, "lshr", "shift_right"),
    "SAR": partial(_shift, "ashr", "shift_right_signed"),
    "CLZ": _count_leading_zeros,
}
