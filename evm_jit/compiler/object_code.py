"""
LLVM's part: the text of a module becomes object code for this processor.

Only a few passes run. The default ones take seconds on a real contract, most of it in loop rotation, and gain nothing.
"""

# mypy: allow-untyped-calls

from functools import cache
from typing import Any, Final

import llvmlite.binding as llvm
from llvmlite.binding.newpassmanagers import create_new_module_pass_manager

QUICK, HOT = 1, 2
# Level of instruction selection and register allocation: 0 is quick, above 1 nothing is gained.
CODE_LEVELS: Final = {QUICK: 0, HOT: 1}


@cache
def target_machine(code_level: int) -> Any:
    """What makes machine code for this processor."""
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    llvm.initialize_native_asmparser()  # For instructions in the text; without it LLVM ends the process there.
    return llvm.Target.from_default_triple().create_target_machine(
        cpu=llvm.get_host_cpu_name(),
        features=llvm.get_host_cpu_features().flatten(),
        opt=code_level,
        reloc="pic",  # With others, or another model, the linker ends the process on distances that it can't span.
        codemodel="small",
        jit=True,
    )


def optimised(ir_text: str, tier: int) -> Any:
    """The verified module, after the passes of a tier."""
    module = llvm.parse_assembly(ir_text)
    module.triple = llvm.get_process_triple()
    module.verify()  # What is wrong with it here is an exception, later the end of the process.
    machine = target_machine(CODE_LEVELS[tier])
    builder = llvm.create_pass_builder(machine, llvm.create_pipeline_tuning_options(speed_level=2))
    passes = create_new_module_pass_manager()
    if tier == HOT:
        passes.add_simplify_cfg_pass()
        passes.add_instruction_combine_pass()
    passes.add_simplify_cfg_pass()
    passes.run(module, builder)
    return module


def emit_object(ir_text: str, tier: int, code_level: int | None = None) -> bytes:
    """Object code; `code_level` in place of the tier's."""
    level = CODE_LEVELS[tier] if code_level is None else code_level
    octets: bytes = target_machine(level).emit_object(optimised(ir_text, tier))
    return octets


def emit_assembly(ir_text: str, tier: int) -> str:
    """The same for people."""
    text: str = target_machine(CODE_LEVELS[tier]).emit_assembly(optimised(ir_text, tier))
    return text
