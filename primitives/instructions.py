"""
Instructions of the processor in kernels, where LLVM has nothing that becomes them.

Whoever uses one has something else for processors without it; the directory of compiled kernels is named after the
processor, so which one it is may be decided when a module is imported.
"""

import platform
from typing import Any, Final

import llvmlite.binding
from llvmlite import ir

_FEATURES: Final = llvmlite.binding.get_host_cpu_features()
IS_X86: Final = platform.machine().lower() in ("x86_64", "amd64")
# Products that leave the flags alone (mulx), and two chains of carries at once (adcx, adox).
HAS_TWO_CARRIES: Final = IS_X86 and bool(_FEATURES.get("bmi2")) and bool(_FEATURES.get("adx"))

llvmlite.binding.initialize_native_asmparser()  # Without it LLVM ends the process where it meets an instruction.


def instructions(
    builder: Any, result: Any, text: str, constraints: str, *operands: Any, has_effects: bool = False
) -> Any:
    """
    IR: instructions, in the syntax and with the constraints of LLVM, on operands.

    result : LLVM type
    has_effects : whether they do more than give a result, such as write to memory
    """
    kind = ir.FunctionType(result, [operand.type for operand in operands])
    return builder.call(ir.InlineAsm(kind, text, constraints, side_effect=has_effects), operands)
