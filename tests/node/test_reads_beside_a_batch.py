"""
While compiled code executes a batch, the node answers: the batch does not hold Python's lock.

The control is the same compiled code, called in a way that keeps the lock. Threads are told to give it away by
themselves only, so that what is answered during the call is answered because the call has given it away.
"""

import ctypes
import sys
import threading
from collections.abc import Iterator

import pytest

from evm_jit import native
from evm_jit.engines import make_engine
from evm_jit.native_calls import compile_calls
from primitives.constants import TRANSACTION_GAS_CAP_OSAKA
from sequencer.__main__ import NodeBackend
from sequencer.batch_budget import BatchBudget
from tests.asm import deploy, push
from tests.rpc.client import Client
from tests.sequencer.accounts import ADDRESSES, transfer
from tests.sequencer.world import World

BATCH = 4  # Each hashes 70 megabytes: more than 50 ms together on any machine.
SWITCH_NEVER_S = 60.0
# Hashes a kilobyte until its gas is gone.
HASH_FOR_EVER = b"\x5b" + push(1_024) + b"\x5f\x20\x50\x5f\x56"


class Reader(threading.Thread):
    """Asks the node for balances, one after another; `answered` counts."""

    def __init__(self, backend: NodeBackend) -> None:
        super().__init__(name="reader")
        self._backend = backend
        self.answered = 0
        self.has_begun = threading.Event()
        self.is_over = threading.Event()

    def run(self) -> None:
        client = Client(self._backend)
        while not self.is_over.is_set():
            assert int(client.ask("eth_getBalance", "0x" + ADDRESSES[1].hex(), "latest"), 16) == 10**18
            self.answered += 1
            self.has_begun.set()
            self.is_over.wait(1e-4)  # Gives the lock away, whoever wants it.
        client.close()


@pytest.fixture
def no_forced_switches() -> Iterator[None]:
    before = sys.getswitchinterval()
    sys.setswitchinterval(SWITCH_NEVER_S)
    yield
    sys.setswitchinterval(before)


def answered_during_a_batch(monkeypatch: pytest.MonkeyPatch, *, keeps_lock: bool) -> int:
    """How many requests were answered while compiled code ran."""
    budget = BatchBudget()
    budget.gas = BATCH * TRANSACTION_GAS_CAP_OSAKA  # One batch.
    world = World(engine=make_engine("interpreter"), batch_budget=budget)
    world.submit(transfer(0, 0, to=None, data=deploy(HASH_FOR_EVER), gas_limit=10**6))
    world.run_until(100)
    contract = world.mini_blocks()[0].receipts[0].contract_address
    backend = NodeBackend(world.chain, world.state, world.history, world.engine, None, world.sequencer)
    world.submit(*[transfer(0, 1 + n, to=contract, gas_limit=TRANSACTION_GAS_CAP_OSAKA) for n in range(BATCH)])

    calls = compile_calls()
    address = ctypes.cast(calls.execute_batch, ctypes.c_void_p).value
    make = ctypes.PYFUNCTYPE if keeps_lock else ctypes.CFUNCTYPE
    execute = make(ctypes.c_int64, *[ctypes.c_int64] * 5)(address)
    during = []

    def watched(*arguments: int) -> int:
        before = reader.answered
        status = execute(*arguments)
        during.append(reader.answered - before)
        return status

    monkeypatch.setattr(native, "compile_calls", lambda: calls._replace(execute_batch=watched))
    reader = Reader(backend)
    reader.start()
    reader.has_begun.wait()
    world.step()
    reader.is_over.set()
    reader.join()
    executed = [receipt for mini_block in world.mini_blocks()[1:] for receipt in mini_block.receipts]
    assert [receipt.gas_used for receipt in executed] == [TRANSACTION_GAS_CAP_OSAKA] * BATCH
    assert len(during) == 1
    return during[0]


def test_requests_are_answered_while_a_batch_runs(monkeypatch, no_forced_switches) -> None:
    assert answered_during_a_batch(monkeypatch, keeps_lock=False) > 10


def test_control_none_is_answered_while_the_batch_keeps_the_lock(monkeypatch, no_forced_switches) -> None:
    assert answered_during_a_batch(monkeypatch, keeps_lock=True) == 0
