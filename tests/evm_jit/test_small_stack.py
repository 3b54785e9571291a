"""Frames are explicit: the deepest calls take no more of the native stack than the first one."""

import subprocess
import sys

from primitives.kernels_cache import PROJECT

STACK_SIZE_KB = 512
FRAMES_MAX = 1_025

# Each frame leaves a log.
PROGRAM = """
import sys
import threading

from evm_jit.engine import Call
from evm_jit.native import NativeEngine
from statestore.state import State
from tests.evm_jit.scene import BLOCK, CONTRACT, ETHER, SENDER, install

CALLING = bytes.fromhex("5f5fa0 5f5f5f5f5f 30 5a f1 00")  # LOG0; CALL itself with all its gas
CREATING = bytes.fromhex("5f5fa0 38 5f 5f 39 38 5f 5f f0 00")  # LOG0; CREATE with its own code as init code

def run():
    for code, to in ((CALLING, CONTRACT), (CREATING, None)):
        state = State()
        install(state, CALLING)
        state.set_balance(SENDER, ETHER)
        state.begin_transaction()
        call = Call(SENDER, to, gas_limit=10**14, data=b"" if to else code)
        result = NativeEngine().call(call, BLOCK, state)
        assert result.halt is None, result
        print(len(result.logs))

run()
thread = threading.Thread(target=run)
thread.start()
thread.join()
"""


def test_a_stack_of_half_a_megabyte_is_enough():
    command = ["bash", "-c", f'ulimit -s {STACK_SIZE_KB}; exec "$@"', "bash", sys.executable, "-c", PROGRAM]
    done = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert [int(word) for word in done.stdout.split()] == [FRAMES_MAX] * 4
