"""CALLDATALOAD at every distance from the calldata's end, on every engine."""

import pytest

from evm_jit.engine import Call, Engine
from primitives.forks import Fork
from statestore.state import State
from tests.evm_jit.scene import CONTRACT, SENDER, block, install


@pytest.mark.parametrize("offset", [0, 1, 5, 15, 16, 17, 31, 32, 33])
def test_calldataload_reads_zeros_behind_the_end(engine: Engine, offset: int) -> None:
    state = State()
    install(state, bytes.fromhex(f"60{offset:02x}3560005260206000f3"))
    state.begin_transaction()
    for size in range(70):
        data = bytes(range(1, size + 1))
        result = engine.call(Call(SENDER, CONTRACT, 100_000, data=data, frame_only=True), block(Fork.CANCUN), state)
        assert result.output == (data + bytes(128))[offset : offset + 32]
