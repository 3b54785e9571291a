"""
Montgomery's product by x86's instructions with two chains of carries, in functions that code calls by name.

LLVM keeps one chain of carries and makes a few additions of each of a second one: its code takes half as long again.
The functions work on limbs in memory, since a processor has not as many registers as two factors have limbs.

Source: Montgomery, Modular Multiplication without Trial Division (1985); Ozturk et al., New Instructions Supporting
Large Integer Arithmetic on Intel Architecture Processors (2012).
"""

from collections.abc import Iterator
from typing import Any, Final

from llvmlite import ir

from primitives.instructions import instructions

LIMB_SIZE_BYTES, LIMB_BITS = 8, 64
# What registers hold: addresses, halves of a product, the limb above the total, what a row is multiplied by.
RESULT, FIRST, SECOND, MODULUS = "%rdi", "%rsi", "%rcx", "%rbx"
LOW, HIGH, UPPER, MULTIPLIER = "%rax", "%r15", "%r14", "%rdx"
TOTAL: Final = ("%r8", "%r9", "%r10", "%r11", "%r12", "%r13")

P256: Final = 2**256 - 2**224 + 2**192 + 2**96 - 1  # The prime of secp256r1.
_P256_TOP: Final = (P256 >> 192) % 2**64


def _at(base: str, index: int) -> str:
    return f"{LIMB_SIZE_BYTES * index}({base})"


def _first_row(total: list[str], upper: str) -> Iterator[str]:
    """The total and what is above it become a b_0."""
    last = len(total) - 1
    yield f"movq {_at(SECOND, 0)}, {MULTIPLIER}"
    yield f"mulxq {_at(FIRST, 0)}, {total[0]}, {total[1]}"
    for index in range(1, last + 1):
        yield f"mulxq {_at(FIRST, index)}, {LOW}, {total[index + 1] if index < last else upper}"
        yield f"{'adcq' if index > 1 else 'addq'} {LOW}, {total[index]}"
    yield f"adcq $$0, {upper}"


def _row(total: list[str], row: int) -> Iterator[str]:
    """Add a b_row but for its highest limb, UPPER: low halves in one chain of carries, high halves in the other."""
    yield f"movq {_at(SECOND, row)}, {MULTIPLIER}"
    yield "xorl %eax, %eax"  # Both carries are 0.
    for index, limb in enumerate(total):
        if index:
            yield f"adcxq {UPPER}, {limb}"
        yield f"mulxq {_at(FIRST, index)}, {LOW}, {UPPER}"
        yield f"adoxq {LOW}, {limb}"
    yield "movl $$0, %eax"


def _reduction(total: list[str], factor: int) -> Iterator[str]:
    """Add a multiple of the modulus that clears the lowest limb, and drop that."""
    yield f"movabsq $${factor}, {MULTIPLIER}"
    yield f"imulq {total[0]}, {MULTIPLIER}"
    yield "xorl %eax, %eax"
    yield f"mulxq {_at(MODULUS, 0)}, {LOW}, {HIGH}"
    yield f"adcxq {total[0]}, {LOW}"
    yield f"movq {HIGH}, {total[0]}"
    for index in range(1, len(total)):
        yield f"adcxq {total[index]}, {total[index - 1]}"
        yield f"mulxq {_at(MODULUS, index)}, {LOW}, {total[index]}"
        yield f"adoxq {LOW}, {total[index - 1]}"
    yield "movl $$0, %eax"
    yield f"adcxq %rax, {total[-1]}"
    yield f"adoxq {UPPER}, {total[-1]}"


def _last_subtraction(total: list[str], above: str | None = None) -> Iterator[str]:
    """The total, with a limb above it or not, or what is left of it without the modulus, to the result."""
    spare = (LOW, HIGH, UPPER, MULTIPLIER, FIRST, SECOND)
    for index, limb in enumerate(total):
        yield f"movq {limb}, {spare[index]}"
        yield f"{'sbbq' if index else 'subq'} {_at(MODULUS, index)}, {spare[index]}"
    if above is not None:
        yield f"sbbq $$0, {above}"
    for index, limb in enumerate(total):
        yield f"cmovcq {limb}, {spare[index]}"
        yield f"movq {spare[index]}, {_at(RESULT, index)}"


def product_text(count: int, factor: int) -> str:
    """The instructions for factors of `count` limbs and a modulus whose highest two bits are 0."""
    total = list(TOTAL[:count])
    lines = [*_first_row(total, UPPER), *_reduction(total, factor)]
    for row in range(1, count):
        # There is room for both carries, as the highest limb of the modulus is small.
        lines += [*_row(total, row), f"adcxq %rax, {UPPER}", f"adoxq %rax, {UPPER}", *_reduction(total, factor)]
    return "\n".join([*lines, *_last_subtraction(total)])


def _p256_reduction(total: list[str]) -> Iterator[str]:
    """
    Add the lowest of five limbs times the prime, which clears it as -1 / p = 1 (mod 2^64); it gets the carry.

    p = 2^256 - 2^224 + 2^192 + 2^96 - 1, so that is to add the limb at 2^96, and its product with _P256_TOP at 2^192.
    """
    yield f"movabsq $${_P256_TOP}, {MULTIPLIER}"
    yield f"mulxq {total[0]}, {LOW}, {UPPER}"
    yield f"movq {total[0]}, {MULTIPLIER}"
    yield f"shlq $$32, {MULTIPLIER}"
    yield f"shrq $$32, {total[0]}"
    yield f"addq {MULTIPLIER}, {total[1]}"
    yield f"adcq {total[0]}, {total[2]}"
    yield f"adcq {LOW}, {total[3]}"
    yield f"adcq {UPPER}, {total[4]}"
    yield f"movq $$0, {total[0]}"
    yield f"adcq $$0, {total[0]}"


def p256_product_text() -> str:
    """
    The instructions for the prime of secp256r1, which leaves no bit of a word unused: a fifth limb takes the carry.

    The total t is below 2 p, so t + a b_i is below (2^64 + 1) p, which is below 2^320.
    """
    total = list(TOTAL[:5])
    lines = [*_first_row(total[:4], total[4]), *_p256_reduction(total)]
    for row in range(1, 4):
        total = [*total[1:], total[0]]
        lines += [
            *_row(total[:4], row),
            f"adcxq {UPPER}, {total[4]}",
            f"adoxq %rax, {total[4]}",
            *_p256_reduction(total),
        ]
    total = [*total[1:], total[0]]
    return "\n".join([*lines, *_last_subtraction(total[:4], total[4])])


def has_product(modulus: int, bits: int) -> bool:
    """Whether there is a function for a modulus in a word of so many bits."""
    return modulus == P256 or (modulus.bit_length() <= bits - 2 and bits <= LIMB_BITS * len(TOTAL))


def product_function(module: Any, modulus: int, bits: int, factor: int) -> Any:
    """The function of a module that writes the product modulo a constant: (result, a, b), all pointers to limbs."""
    name = f"leveret.product.{modulus:x}"
    if name in module.globals:
        return module.globals[name]
    word = ir.IntType(bits)
    constant = ir.GlobalVariable(module, word, f"{name}.modulus")
    constant.linkage, constant.global_constant, constant.initializer = "private", True, word(modulus)
    function = ir.Function(module, ir.FunctionType(ir.VoidType(), [word.as_pointer()] * 3), name)
    function.linkage = "linkonce_odr"
    for attribute in ("noinline", "nounwind"):
        function.attributes.add(attribute)
    builder = ir.IRBuilder(function.append_basic_block("entry"))
    text = p256_product_text() if modulus == P256 else product_text(bits // LIMB_BITS, factor)
    changed = (LOW, HIGH, UPPER, MULTIPLIER, *TOTAL)
    # The addresses of both factors are overwritten, and therefore results too.
    constraints = ["={rsi}", "={rcx}", "{rdi}", "{rbx}", "0", "1", *(f"~{{{name[1:]}}}" for name in changed)]
    limb = ir.IntType(LIMB_BITS)
    result, a, b, place = (builder.ptrtoint(pointer, limb) for pointer in (*function.args, constant))
    both = ",".join([*constraints, "~{flags}", "~{memory}"])
    instructions(builder, ir.LiteralStructType([limb] * 2), text, both, result, place, a, b, has_effects=True)
    builder.ret_void()
    return function
