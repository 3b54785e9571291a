"""
The report on two engines that differ: a workload file with one transaction and all of the state that it needs.

It holds what the reference engine leaves as `expected`, so that `leveret run --workload FILE --engine native` says what
is wrong, and `--engine reference` that nothing is; the differences as they were found; and the signed bytes.
"""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import msgspec

from evm_jit.engine import Call, Engine
from evm_jit.workload import NO_ERROR, read_workload, receipts_hash, root_of, run_once, run_workload
from primitives.block import BlockEnvironment
from primitives.keccak import keccak256
from primitives.state_diff import Account
from primitives.transaction import Transaction
from statestore.state import State
from statestore.view import Touched

DIFFERENCES_MAX: Final = 100
BLOCK_HASH_COUNT: Final = 256  # What BLOCKHASH can ask for.
# Stands for a slot that nobody read, of an account of which it was only asked whether it has storage.
SOME_SLOT: Final = 2**256 - 1


@dataclass(frozen=True)
class Scene:
    """A transaction, or a call, where it was about to be executed."""

    what: Transaction | Call
    environment: BlockEnvironment
    state: State
    gas_used_before: int = 0

    @property
    def name(self) -> str:
        """The transaction by its hash; a call by what it calls and a hash of its data."""
        if isinstance(self.what, Transaction):
            return f"transaction 0x{self.what.hash.hex()}"
        return f"call of 0x{(self.what.to or b'').hex()} with data 0x{keccak256(self.what.data)[:4].hex()}"


def write_report(
    directory: Path,
    scene: Scene,
    named: Touched,
    with_storage: Collection[bytes],
    differences: Sequence[str],
    reference: Engine,
) -> Path:
    """
    Write the file, and return its path.

    named : the accounts and slots that the file has to hold, with the values that the scene's state has now
    with_storage : accounts of which it was asked whether they have storage, and which have some
    """
    test: dict[str, Any] = {
        "differences": list(differences[:DIFFERENCES_MAX]),
        "env": _env(scene),
        "transaction": [_transaction(scene.what)],
        "pre": _pre(scene.state, named, with_storage),
    }
    path = directory / f"engines-differ-{scene.name.split()[-1][2:18]}.json"
    _write(path, scene.name, test)
    test["expected"] = _expected(path, reference)
    _write(path, scene.name, test)
    return path


def _write(path: Path, name: str, test: dict[str, Any]) -> None:
    path.write_bytes(msgspec.json.format(msgspec.json.encode({name: test}), indent=1))


def _expected(path: Path, reference: Engine) -> dict[str, Any]:
    """What the reference engine leaves when it executes the file."""
    workload = read_workload(path)
    run, left = run_workload(workload, reference, 0), run_once(workload, reference)
    return {
        "gas_used": run.gas_used,
        "error": run.error or NO_ERROR,
        "output": f"0x{run.output.hex()}",
        "receipts_hash": f"0x{receipts_hash(left.outcomes).hex()}",
        "state_root": f"0x{root_of(left.state).hex()}",
    }


def _env(scene: Scene) -> dict[str, Any]:
    environment = scene.environment
    first = max(0, environment.number - BLOCK_HASH_COUNT)
    return {
        "fork": environment.fork.name.lower(),
        "chainId": hex(environment.chain_id),
        "currentNumber": hex(environment.number),
        "currentTimestamp": hex(environment.timestamp),
        "currentGasLimit": hex(environment.gas_limit),
        "currentCoinbase": f"0x{environment.coinbase.hex()}",
        "currentBaseFee": hex(environment.base_fee_per_gas),
        "currentRandom": f"0x{environment.prev_randao.hex()}",
        "currentDifficulty": hex(environment.difficulty),
        "currentExcessBlobGas": hex(environment.excess_blob_gas),
        "gasUsedBefore": hex(scene.gas_used_before),
        "blockHashes": {
            hex(number): f"0x{environment.block_hash(number).hex()}" for number in range(first, environment.number)
        },
    }


def _transaction(what: Transaction | Call) -> dict[str, str]:
    members = {
        "to": "0x" if what.to is None else f"0x{what.to.hex()}",
        "gasLimit": hex(what.gas_limit),
        "value": hex(what.value),
        "data": f"0x{what.data.hex()}",
    }
    if isinstance(what, Call):
        return {"sender": f"0x{what.sender.hex()}"} | members
    return members | {"nonce": hex(what.nonce), "raw": f"0x{what.raw.hex()}"}


def _pre(state: State, named: Touched, with_storage: Collection[bytes]) -> dict[str, Any]:
    """The accounts that exist, with the slots named that are not zero."""
    return {
        f"0x{address.hex()}": {
            "nonce": hex(account.nonce),
            "balance": hex(account.balance),
            "code": f"0x{state.code(account.code_hash).hex()}",
            "storage": {hex(key): hex(value) for key, value in slots},
        }
        for address, account, slots in _accounts(state, named, with_storage)
    }


def _accounts(
    state: State, named: Touched, with_storage: Collection[bytes]
) -> Iterator[tuple[bytes, Account, list[tuple[int, int]]]]:
    keys: dict[bytes, list[int]] = {}
    for address, key in sorted(named.slots):
        keys.setdefault(address, []).append(key)
    for address in sorted(named.accounts | keys.keys()):
        account = state.account(address)
        if account is not None:
            slots = [(key, value) for key in keys.get(address, []) if (value := state.storage(address, key))]
            if address in with_storage and not slots:
                slots = [(SOME_SLOT, 1)]
            yield address, account, slots
