"""
Frames on revm, through pyrevm: quick, so it is what runs at volume.

One machine serves a batch. It keeps one journal open for good; a snapshot before each frame and a revert after it give
back the state, and with it what is cold and what transient storage holds. pyrevm is only there up to Python 3.12.

pyrevm wants what a transaction pays around its frame as part of the gas, and takes refunds off what it says was used.
It does not end the transaction either: an account that destroyed itself is still there.
"""

import re
from collections.abc import Mapping
from importlib.util import find_spec
from typing import Any, Final

from evm_jit.state_tests import PreAccount
from primitives.constants import KECCAK_EMPTY
from primitives.forks import Fork
from primitives.receipt import Log
from tests.differential.account_states import AccountState, account_states
from tests.differential.cases import NOT_SAID
from tests.differential.frames import CALLER, Batch, Frame, FrameResult
from tests.differential.statements import STORAGE_KEY_COUNT

IS_INSTALLED: Final = find_spec("pyrevm") is not None
ABSENCE: Final = "pyrevm is not installed: it has no wheels for this Python"

SPEC_NAMES: Final = {
    Fork.BERLIN: "Berlin",
    Fork.LONDON: "London",
    Fork.PARIS: "Merge",
    Fork.SHANGHAI: "Shanghai",
    Fork.CANCUN: "Cancun",
}
GAS_TRANSACTION: Final = 21_000
GAS_ZERO_BYTE: Final = 4
GAS_BYTE: Final = 16
KEYS: Final = range(STORAGE_KEY_COUNT + 2)  # What programs write to by number; others are written by chance.
_STATUS: Final = re.compile(r"0x([0-9a-f]{40}): Account \{.*?status: AccountStatus\(([^)]*)\)", re.DOTALL)
_REVERT: Final = re.compile(r"output: 0x([0-9a-f]*)")


class FramesOnRevm:
    """The frames of a batch."""

    def __init__(self, batch: Batch) -> None:
        import pyrevm

        self._make_account = pyrevm.AccountInfo
        environment = batch.environment
        block = pyrevm.BlockEnv(
            number=environment.number,
            coinbase=_hex(environment.coinbase),
            timestamp=environment.timestamp,
            difficulty=environment.difficulty,
            prevrandao=environment.prev_randao,
            basefee=0,
            gas_limit=environment.gas_limit,
            excess_blob_gas=environment.excess_blob_gas,
        )
        env = pyrevm.Env(cfg=pyrevm.CfgEnv(chain_id=environment.chain_id), block=block)
        self._evm = pyrevm.EVM(env=env, gas_limit=environment.gas_limit, spec_id=SPEC_NAMES[batch.fork])
        self._accounts = {account.address: account for account in batch.accounts}
        self._states = account_states(batch.accounts)
        for account in batch.accounts:
            self._insert(account, account.code)
            for key, value in account.storage.items():
                # Inserting storage loads the account, and into a loaded account it is written as if by SSTORE.
                snapshot = self._evm.snapshot()
                self._evm.insert_account_storage(_hex(account.address), key, value)
                self._evm.revert(snapshot)

    def _insert(self, account: PreAccount, code: bytes) -> None:
        info = self._make_account(balance=account.balance_wei, nonce=account.nonce, code=code)
        self._evm.insert_account_info(_hex(account.address), info)

    def run(self, frame: Frame, expected: FrameResult) -> FrameResult:
        """The frame's result; of the slots, those are looked at that programs name, and those that `expected` does."""
        evm = self._evm
        self._insert(self._accounts[frame.to], frame.code)
        self._states[frame.to] = self._states[frame.to]._replace(code_hash=frame.code_hash)
        zeros = frame.data.count(0)
        around = GAS_TRANSACTION + GAS_ZERO_BYTE * zeros + GAS_BYTE * (len(frame.data) - zeros)
        snapshot = evm.snapshot()
        output = b""
        try:
            output = evm.message_call(
                caller=_hex(CALLER),
                to=_hex(frame.to),
                calldata=frame.data,
                value=frame.value,
                gas=frame.gas_limit + around,
                gas_price=0,
            )
        except RuntimeError as error:
            reverted = _REVERT.search(str(error))
            output = bytes.fromhex(reverted[1]) if reverted else b""
        result = evm.result
        gas_used = result.gas_used + result.gas_refunded - around
        logs = tuple(_log(log) for log in result.logs)
        changes = self._changes(expected)
        evm.revert(snapshot)
        return FrameResult(result.is_success, gas_used, output, logs, changes, NOT_SAID)

    def _changes(self, expected: FrameResult) -> dict[bytes, AccountState | None]:
        """What in the journal is not as it was before."""
        changes: dict[bytes, AccountState | None] = {}
        for name, info in self._evm.journal_state.items():
            address = bytes.fromhex(name[2:])
            before = self._states.get(address, NOTHING)
            storage: Mapping[int, int] = {}
            if info.code_hash != KECCAK_EMPTY or before.storage:
                told = expected.changes.get(address)
                keys = {*KEYS, *before.storage, *(told.storage if told else ())}
                storage = {key: value for key in keys if (value := self._evm.storage(name, key))}
            after = AccountState(info.nonce, info.balance, info.code_hash, storage)
            if after != before:
                changes[address] = after
        if changes != expected.changes:  # Only then is it worth reading which accounts destroyed themselves.
            for address in self._destroyed():
                changes.pop(address, None)
                if address in self._states:
                    changes[address] = None
        return changes

    def _destroyed(self) -> list[bytes]:
        """Accounts that are gone at the end of the transaction, which pyrevm tells in the text for debugging alone."""
        return [
            bytes.fromhex(address)
            for address, status in _STATUS.findall(self._evm.journal_str)
            if "SelfDestructed" in status
        ]


NOTHING: Final = AccountState(0, 0, KECCAK_EMPTY, {})


def _hex(address: bytes) -> str:
    return f"0x{address.hex()}"


def _log(log: Any) -> Log:
    topics, data = log.data
    return Log(bytes.fromhex(log.address[2:]), tuple(topics), data)
