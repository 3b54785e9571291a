"""The table of opcodes against py-evm's, and what the interpreter and the manual read of it."""

import re
from pathlib import Path

import pytest

from evm_jit.dispatch import interpreter_source
from evm_jit.gas import STACK_ITEMS_MAX
from evm_jit.machine import INVALID
from evm_jit.opcodes import OPCODES, handlers, opcode_table
from evm_jit.reference_forks import RULES
from evm_jit.stack_items import STACK_DEPTH_LEAST, STACK_DEPTH_MOST
from primitives.forks import Fork

ROOT = Path(__file__).resolve().parents[2]
FORKS = [fork for fork in Fork if fork >= Fork.BERLIN]


@pytest.mark.parametrize("fork", FORKS, ids=lambda fork: fork.name.lower())
def test_each_fork_has_exactly_the_opcodes_that_py_evm_has(fork: Fork) -> None:
    table = opcode_table(fork)
    known = {number for number in range(256) if int(table[number]) >> 48 != INVALID or number == INVALID}
    reference = set(RULES[fork].frame.opcodes) | {INVALID}
    assert known == reference


def test_stack_bounds_are_those_of_the_reference_engine() -> None:
    table = opcode_table(Fork.OSAKA)
    for number, row in OPCODES.items():
        least, most = (int(table[number]) >> 16) & 0xFFFF, (int(table[number]) >> 32) & 0xFFFF
        allowed = min(STACK_DEPTH_MOST[number], STACK_ITEMS_MAX)  # No stack is higher.
        assert (least // 32, most // 32) == (STACK_DEPTH_LEAST[number], allowed), row.name


def test_static_gas_is_py_evms_where_it_is_static_there() -> None:
    from_state = {"BALANCE", "EXTCODESIZE", "EXTCODECOPY", "EXTCODEHASH", "SLOAD", "SSTORE", "TLOAD", "TSTORE"}
    opcodes = RULES[Fork.OSAKA].frame.opcodes
    for number, row in OPCODES.items():
        if row.name not in from_state and not row.leaves:
            assert row.gas == opcodes[number].gas_cost, row.name


def test_the_interpreter_branches_on_each_function_once() -> None:
    source = interpreter_source("interpret", is_stepping=False)
    for number, row in enumerate(handlers().values()):
        assert source.count(f"handler == {number}:  # {row.name}\n") == 1
    assert "machine.steps" not in source


def test_the_manual_shows_the_opcode_as_it_is() -> None:
    names = ("instructions/bitwise.py", "opcodes.py", "osaka.py", "compiler/words.py")
    sources = "".join((ROOT / "evm_jit" / name).read_text() for name in names)
    sources += interpreter_source("interpret", is_stepping=False)
    shown = re.findall(r"```(?:python)?\n(.*?)```", (ROOT / "docs" / "adding-an-opcode.md").read_text(), re.DOTALL)
    assert len(shown) == 5
    assert [code for code in shown if code not in sources] == []
