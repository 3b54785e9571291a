"""
A program as one function of LLVM IR:

    i64 leveret_enter(machine, frame)

runs a frame from `frame.pc` on, if a block starts there, and returns LEFT when the interpreter is to go on at
`frame.pc`, or FAILED when the instruction there has failed. All blocks of the program are in it, and every one can be
entered; gas and the top of the stack travel from block to block as values.
"""

from collections import Counter
from dataclasses import dataclass
from typing import Final

from evm_jit.compiler import control
from evm_jit.compiler.blocks import Block, Kind, Section
from evm_jit.compiler.builtins import PREFIX
from evm_jit.compiler.emission import Emission
from evm_jit.compiler.instructions import write_instruction
from evm_jit.compiler.ir_text import METADATA, FunctionText
from evm_jit.compiler.labels import FAIL, LEAVE, label_of
from evm_jit.compiler.loop_versions import write_loop
from evm_jit.compiler.outlined import OUTLINED
from evm_jit.compiler.plan import Plan
from evm_jit.compiler.values import Word
from evm_jit.compiler.virtual_stack import VirtualStack
from evm_jit.compiler.ways_in import ENTRY, tables, write_checks, write_ways_in
from evm_jit.tiers import FAILED, LEFT

# As bits would be handled faster and without a word of harm, but vectors of what was just stored limb by limb stall.
ATTRIBUTES: Final = "nounwind noimplicitfloat"


@dataclass(frozen=True)
class Translation:
    """The text of a module, and what it is made of."""

    text: str
    block_count: int
    instruction_count: int


def translate(plan: Plan) -> Translation:
    """The module of a program."""
    program = plan.program
    text = FunctionText()
    symbols: Counter[str] = Counter()
    write_ways_in(text, plan)
    for block in program.blocks.values():
        _write_block(text, plan, block, symbols)
    for loop in plan.loops.values():
        write_loop(text, plan, loop, symbols)
    write_checks(text, plan, symbols)
    _write_ways_out(text)
    module = "\n".join(
        [
            *_declarations(symbols),
            *tables(program),
            f"define i64 @{ENTRY}(ptr noalias %machine, ptr noalias %frame) {ATTRIBUTES} {{",
            text.text(),
            "}",
            *(OUTLINED[symbol] for symbol in sorted(symbols.keys() & OUTLINED.keys())),
            METADATA,
        ]
    )
    return Translation(
        module, len(program.blocks), sum(len(list(each.instructions)) for each in program.blocks.values())
    )


def _declarations(symbols: Counter[str]) -> list[str]:
    """Of what the module calls."""
    builtins = sorted(symbol for symbol in symbols if symbol.startswith(PREFIX))
    return [
        "declare i256 @llvm.bswap.i256(i256)",
        "declare i256 @llvm.ctlz.i256(i256, i1)",
        *(
            f"declare i64 @{symbol}(ptr, ptr, i64, {'i64' if 'grow' in symbol else 'ptr'}) nounwind"
            for symbol in builtins
        ),
    ]


def _write_ways_out(text: FunctionText) -> None:
    """The ends of compiled code; the frame's record is written."""
    text.start(LEAVE)
    text.do(f"ret i64 {LEFT}")
    text.start(FAIL)
    text.do(f"ret i64 {FAILED}")


def _write_block(text: FunctionText, plan: Plan, block: Block, symbols: Counter[str]) -> None:
    """The IR of one block, whose stack is right: its sections."""
    gas, top, words_found = f"%gas.b{block.pc}", f"%top.b{block.pc}", plan.names(block.pc, "b")
    text.start(label_of(block.pc), [("i64", gas), ("ptr", top), *(("i256", name) for name in words_found)])
    emission = Emission(text, plan, block, VirtualStack(text, top), gas, symbols)
    for slot, name in zip(plan.carried.get(block.pc, ()), words_found, strict=True):
        emission.stack.carry(slot, Word(name))
    for section in block.sections:
        _write_section(emission, section)
    if not emission.is_ended:
        control.go_to(emission, block.last.next_pc)


def _write_section(emission: Emission, section: Section) -> None:
    """Charge its static gas; then one instruction after the other."""
    first = section.instructions[0]
    if first.kind is Kind.SOLITARY:
        emission.stack.flush()
    elif first.kind is Kind.INTERPRETED:
        emission.stack.flush()
        emission.leave(first.pc, emission.gas)
        emission.is_ended = True
        return
    emission.pay(section.gas, first.pc)
    emission.gas_behind = section.gas
    for instruction in section.instructions:
        emission.gas_behind -= instruction.opcode.gas
        write_instruction(emission, instruction)
