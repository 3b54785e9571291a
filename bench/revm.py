"""
Workloads on revm, through pyrevm: the interpreter that ours is measured against.

An `EVM` of pyrevm keeps one transaction open: what was touched stays warm, also what is inserted. So everything is
done inside a snapshot and reverted, which forgets the warmth and leaves inserted values in the database.
"""

import time
from importlib import import_module
from importlib.util import find_spec
from typing import Any

from evm_jit.workload import CHAIN_ID, Workload
from primitives.errors import ConfigError
from primitives.intrinsic_gas import intrinsic_gas


class Revm:
    """The accounts of a workload in revm; ConfigError where pyrevm is not installed."""

    def __init__(self, workload: Workload) -> None:
        if find_spec("pyrevm") is None:
            raise ConfigError("pyrevm is not installed: it is a development dependency, with wheels up to Python 3.12.")
        pyrevm = import_module("pyrevm")

        (self._call,) = workload.calls
        self._intrinsic_gas = intrinsic_gas(self._call, workload.environment.fork)
        self._evm = evm = _new_evm(pyrevm, workload)
        for account in workload.accounts:
            address = f"0x{account.address.hex()}"
            info = pyrevm.AccountInfo(balance=account.balance_wei, nonce=account.nonce, code=account.code)
            evm.insert_account_info(address, info)
            for key, value in account.storage.items():
                snapshot = evm.snapshot()
                evm.insert_account_storage(address, key, value)
                evm.revert(snapshot)

    def run(self) -> tuple[bytes, int, int]:
        """Output, gas of the frame alone, and nanoseconds of this thread; the state stays as it was."""
        call, evm = self._call, self._evm
        assert call.to is not None
        sender, to = f"0x{call.sender.hex()}", f"0x{call.to.hex()}"
        snapshot = evm.snapshot()
        began = time.thread_time_ns()
        output = evm.message_call(caller=sender, to=to, calldata=call.data, gas=call.gas_limit)
        elapsed = time.thread_time_ns() - began
        result = evm.result
        evm.revert(snapshot)
        return output, result.gas_used + result.gas_refunded - self._intrinsic_gas, elapsed


def _new_evm(pyrevm: Any, workload: Workload) -> Any:
    block = workload.environment
    environment = pyrevm.Env(
        cfg=pyrevm.CfgEnv(chain_id=CHAIN_ID),
        block=pyrevm.BlockEnv(
            number=block.number,
            coinbase=f"0x{block.coinbase.hex()}",
            timestamp=block.timestamp,
            prevrandao=block.prev_randao,
            gas_limit=block.gas_limit,
        ),
    )
    return pyrevm.EVM(env=environment, gas_limit=block.gas_limit, spec_id=block.fork.name)
