"""
The interpreter's loop, written from the table of opcodes: one branch an opcode, which LLVM turns into a jump table.

    elif handler == 1:  # ADD
        result = add(load_limbs(top - 32), load_limbs(top - 64))
        top -= 32
        store_limbs(top - 32, result)

The source is kept in a file beside the compiled kernels, so that Numba can cache what it compiles, tracebacks show
lines, and whoever wonders can read it.
"""

import importlib.util
import inspect
import sys
from collections.abc import Callable, Iterator
from typing import Any

from evm_jit.machine import WORD_SIZE_BYTES
from evm_jit.opcodes import OPCODES, Opcode, handlers
from primitives.kernels_cache import generated_source

_HEAD = '''
from evm_jit.frames import leave_frame
from evm_jit.halt_codes import COMPILATION_WANTED, RUNNING, STEPPED
from evm_jit.machine import as_frame
from evm_jit.stopping import IN_FRAME, why_stopped
from evm_jit.tiers import SLICE_GAS, add_heat, is_hot, next_look, run_compiled
{imports}
from primitives.kernels_cache import njit_without_lock
from primitives.memory import load_byte, load_int64
from primitives.u256 import load_limbs, store_limbs


@njit_without_lock
def {name}(machine):
    """Run the frame that `machine.frame` names, and all that it opens: the outermost one's halt code, or a status."""
    while True:
        frame = as_frame(machine.frame)
{enter}        pc, gas_left, top = frame.pc, frame.gas_left, frame.top
        status = IN_FRAME
        while True:
{step}            opcode = load_byte(pc)
            entry = load_int64(machine.opcodes + (opcode << 3))
            height = top - frame.stack
            pc += 1
            gas_left -= entry & 0xFFFF
            if gas_left < 0 or height < ((entry >> 16) & 0xFFFF) or height > ((entry >> 32) & 0xFFFF):
                break
            handler = entry >> 48
'''

_TAIL = """            else:
                break
{leave}        if status == IN_FRAME:
            status = why_stopped(machine, frame, pc - 1, top)
        if status != RUNNING:
            if status > 0:
                status = leave_frame(machine, status)
            if status != RUNNING:
                return status
"""

# What the interpreter has that hands frames to the loop of threaded code, and to compiled code.
_ENTER = """        if frame.threaded != 0:
            status = run_threaded(machine, frame)
            if status > 0:
                status = leave_frame(machine, status)
            if status != RUNNING:
                return status
            continue
        if frame.compiled != 0:
            status = run_compiled(machine, frame)
            if status != IN_FRAME:
                if status > 0:
                    status = leave_frame(machine, status)
                if status != RUNNING:
                    return status
                continue
        elif is_hot(machine, frame):
            return COMPILATION_WANTED
        look = next_look(frame)
"""
_LEAVE = """        if frame.compiled == 0:
            add_heat(machine, frame, look + SLICE_GAS - gas_left)
"""
_LOOK = (
    "if gas_left < look:",
    "    frame.pc, frame.gas_left, frame.top = pc, gas_left, top",
    "    status = RUNNING",
    "    break",
)

# What the interpreter that makes so many steps and then stops has besides.
_STEP = """            if machine.steps == 0:
                frame.pc, frame.gas_left, frame.top = pc, gas_left, top
                return STEPPED
            machine.steps -= 1
"""


def _operands(row: Opcode) -> list[str]:
    """The arguments of a row's function."""
    known = {"machine", "frame", "opcode", "pc", "gas_left", "top"}
    arguments, depth = [], 0
    for name in inspect.signature(row.function.py_func).parameters:  # type: ignore[attr-defined]
        if name in known:
            arguments.append(name)
        else:
            depth += 1
            arguments.append(f"load_limbs(top - {WORD_SIZE_BYTES * depth})")
    assert depth in (0, row.taken), f"{row.name}: the function takes {depth} words, the table says {row.taken}"
    return arguments


def _branch(row: Opcode, is_stepping: bool) -> Iterator[str]:
    """The statements of one branch."""
    arguments = _operands(row)
    call = f"{row.function.__name__}({', '.join(arguments)})"
    served = [other for other in OPCODES.values() if other.function is row.function]
    grown = {WORD_SIZE_BYTES * (other.put - other.taken) for other in served}
    if row.leaves:
        yield "frame.pc, frame.gas_left = pc, gas_left"
        yield f"frame.top = top - {WORD_SIZE_BYTES * row.taken}"
        yield f"status = {call}"
        yield "break"
        return
    has_result = row.put > 0 and "top" not in arguments
    is_jump = row.put == 0 and "pc" in arguments
    kept = ["destination" if is_jump else "pc"] * ("pc" in arguments) + ["gas_left"] * ("gas_left" in arguments)
    results = [*kept, *["result"] * has_result]
    yield f"{', '.join(results)} = {call}" if results else call
    for name in kept:
        if name != "pc":
            yield f"if {name} < 0:"
            yield "    break"
    if is_jump:
        yield "pc = destination"
    if len(grown) > 1:
        assert row.put == 0, "how much the stack shrinks is what the table says is taken"
        yield "top -= (entry >> 16) & 0xFFFF"
    elif grown != {0}:
        yield f"top += {grown.pop()}"
    if has_result:
        yield f"store_limbs(top - {WORD_SIZE_BYTES}, result)"
    if is_jump and not is_stepping:
        yield from _LOOK


def interpreter_source(name: str, is_stepping: bool) -> str:
    """The source of a module whose function `name` is the interpreter; stepping, it obeys `machine.steps`."""
    imports: list[str] = []
    branches: list[str] = []
    for number, row in enumerate(handlers().values()):
        function = row.function
        imports.append(f"from {function.__module__} import {function.__name__}")
        branches.append(f"            {'elif' if branches else 'if'} handler == {number}:  # {row.name}\n")
        branches += [f"                {line}\n" for line in _branch(row, is_stepping)]
    if not is_stepping:
        imports.append("from evm_jit.threaded_interpreter import run_threaded")
    names = [line.split()[-1] for line in imports]
    assert len(set(names)) == len(names), "two functions of the table have one name"
    step, enter, leave = (_STEP, "", "") if is_stepping else ("", _ENTER, _LEAVE)
    head = _HEAD.format(name=name, imports="\n".join(sorted(imports)), step=step, enter=enter)
    return f'"""The interpreter, generated by evm_jit/dispatch.py from evm_jit/opcodes.py."""\n{head}' + "".join(
        [*branches, _TAIL.format(leave=leave)]
    )


def load_interpreter(name: str, is_stepping: bool) -> Callable[..., int]:
    """The compiled interpreter, compiled when it is first called."""
    path = generated_source(name, interpreter_source(name, is_stepping))
    spec = importlib.util.spec_from_file_location(f"leveret_{name}", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # Compiled code that is kept on disk names the module that it needs.
    spec.loader.exec_module(module)
    function: Callable[..., Any] = getattr(module, name)
    return function
