"""The process that compiles for a node ends with it, however that ends."""

import os
import select
import signal
import time
from pathlib import Path

import pytest

from tests.node.test_kill import Rpc
from tests.running_node import running_node

WAIT_S = 120
POLL_S = 0.02
FOR_EVER = b"\x5b\x5f\x56"  # JUMPDEST, PUSH0, JUMP: all of its gas.


def children(pid: int) -> list[int]:
    """Processes that a process has started."""
    tasks = Path(f"/proc/{pid}/task").iterdir()
    return [int(child) for task in tasks for child in (task / "children").read_text().split()]


def worker_of(pid: int) -> int:
    """The compiler's process, once it is there."""
    end_s = time.monotonic() + WAIT_S
    while time.monotonic() < end_s:
        found = children(pid)
        if found:
            return found[0]
        time.sleep(POLL_S)
    raise AssertionError("nothing was compiled")


@pytest.mark.parametrize("ending", [signal.SIGTERM, signal.SIGKILL])
def test_a_node_that_ends_leaves_no_compiler_behind(ending: signal.Signals) -> None:
    code = FOR_EVER + os.urandom(8)  # Nobody has compiled it before.
    init_code = b"\x60" + bytes([len(code)]) + b"\x80\x60\x09\x5f\x39\x5f\xf3" + code
    with running_node("--ephemeral") as node:
        with Rpc(node) as rpc:
            [sender, *_] = rpc("eth_accounts")
            deployed = rpc("eth_sendTransaction", {"from": sender, "data": "0x" + init_code.hex(), "gas": "0x30000"})
            while (receipt := rpc("eth_getTransactionReceipt", deployed)) is None:
                time.sleep(POLL_S)
            called = {"from": sender, "to": receipt["contractAddress"], "gas": hex(2_000_000)}
            rpc("eth_sendTransaction", called)
        descriptor = os.pidfd_open(worker_of(node.process.pid))
        node.process.send_signal(ending)
        assert select.select([descriptor], [], [], WAIT_S)[0]
        os.close(descriptor)
        assert node.process.wait(WAIT_S) == (0 if ending == signal.SIGTERM else -signal.SIGKILL)
