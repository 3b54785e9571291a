"""The table of items taken and given, against py-evm's own loop, which knows nothing of the table."""

import pytest
from eth.exceptions import InsufficientStack
from eth.vm.computation import BaseComputation
from eth.vm.message import Message

from evm_jit.reference_forks import RULES
from evm_jit.stack_items import STACK_DEPTH_LEAST, STACK_DEPTH_MOST, STACK_ITEMS
from primitives.forks import Fork
from statestore.overlay import EmptyView, Overlay
from tests.evm_jit.scene import BLOCK, CONTRACT, SENDER

RULES_OF_OSAKA = RULES[Fork.OSAKA]
OPCODES = sorted(RULES_OF_OSAKA.frame.opcodes)


def run_by_py_evm(opcode: int, depth: int) -> BaseComputation:
    """The frame after `depth` times PUSH0 and then the opcode."""
    state = RULES_OF_OSAKA.state(BLOCK, Overlay(EmptyView()), True)
    code = b"\x5f" * depth + bytes((opcode,))
    message = Message(gas=10**6, to=CONTRACT, sender=SENDER, value=0, data=b"", code=code)
    loop = BaseComputation.apply_computation.__func__
    return loop(RULES_OF_OSAKA.frame, state, message, RULES_OF_OSAKA.context(1, SENDER))


@pytest.mark.parametrize("opcode", OPCODES, ids=hex)
def test_py_evm_takes_and_gives_what_the_table_says(opcode):
    taken, given = STACK_ITEMS[opcode]
    if taken:
        assert isinstance(run_by_py_evm(opcode, taken - 1).error, InsufficientStack)
    frame = run_by_py_evm(opcode, taken)
    if frame.is_success:
        assert len(frame._stack.values) == given
    else:
        assert not isinstance(frame.error, InsufficientStack)


def test_depths_bound_the_stack_to_1024_items():
    assert STACK_DEPTH_LEAST[0x01] == 2  # ADD
    assert STACK_DEPTH_MOST[0x60] == 1_023  # PUSH1
    assert STACK_DEPTH_MOST[0x80] == 1_023  # DUP1
    assert STACK_DEPTH_MOST[0x90] == 1_024  # SWAP1
    assert STACK_DEPTH_MOST[0x01] == 1_025  # ADD: never too deep.
