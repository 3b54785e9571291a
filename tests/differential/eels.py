"""
Cases on EELS, the execution specification in Python (`ethereum-execution`): the oracle that decides.

Every fork is a package of its own with the same names in it; what differs are the fields of the environment. EELS is
only there up to Python 3.12.
"""

import dataclasses
import sys
from collections.abc import Callable
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from types import ModuleType
from typing import Any, Final

from primitives import rlp
from primitives.constants import ZERO_HASH
from primitives.keccak import keccak256
from primitives.receipt import Log
from primitives.transaction import LEGACY, Transaction
from tests.differential.account_states import AccountState
from tests.differential.cases import Case, CaseResult, TransactionResult

IS_INSTALLED: Final = find_spec("ethereum") is not None
ABSENCE: Final = "EELS (ethereum-execution) is not installed: it needs a coincurve that Python 3.13 has no wheels of"
RECURSION_LIMIT: Final = 50_000
BLOCK_HASHES_KEPT: Final = 256


class Specification:
    """The modules of one fork, and what the outermost frame of the last transaction ended with."""

    def __init__(self, fork_name: str) -> None:
        self._name = fork_name
        self.fork = self._module("fork")
        self.blocks = self._module("blocks")
        self.state = self._module("state")
        self.transactions = self._module("transactions")
        self.types = self._module("fork_types")
        self.vm = self._module("vm")
        self.numeric = import_module("ethereum_types.numeric")
        self.bytes = import_module("ethereum_types.bytes")
        self.rlp = import_module("ethereum_rlp").rlp
        self.invalid: type[Exception] = import_module("ethereum.exceptions").EthereumException
        self.output = b""
        interpreter = self._module("vm.interpreter")
        for name in ("process_message", "process_create_message"):
            setattr(interpreter, name, self._remembering(getattr(interpreter, name)))

    def _module(self, name: str) -> ModuleType:
        return import_module(f"ethereum.forks.{self._name}.{name}")

    def _remembering(self, process: Callable[..., Any]) -> Callable[..., Any]:
        """Forks before Prague give the output to nobody; a creation is the last of the two to end."""

        def wrapper(message: Any) -> Any:
            evm = process(message)
            if message.depth == 0:
                self.output = bytes(evm.output)
            return evm

        return wrapper


@cache
def specification(fork_name: str) -> Specification:
    sys.setrecursionlimit(max(sys.getrecursionlimit(), RECURSION_LIMIT))
    return Specification(fork_name)


def run_on_eels(case: Case) -> CaseResult:
    spec = specification(case.environment.fork.name.lower())
    state = _state(case, spec)
    block = _block(case, spec, state)
    block_output = spec.vm.BlockOutput()
    results = tuple(
        _execute(transaction, index, spec, block, block_output) for index, transaction in enumerate(case.transactions())
    )
    return CaseResult(results, _accounts(state), bytes(spec.state.state_root(state)))


def _state(case: Case, spec: Specification) -> Any:
    state = spec.state.State()
    number, octets = spec.numeric, spec.bytes
    for account in case.accounts:
        address = spec.types.Address(account.address)
        fields = {"nonce": number.Uint(account.nonce), "balance": number.U256(account.balance_wei)}
        spec.state.set_account(state, address, spec.types.Account(code=octets.Bytes(account.code), **fields))
        for key, value in account.storage.items():
            slot = octets.Bytes32(key.to_bytes(32, "big"))
            spec.state.set_storage(state, address, slot, number.U256(value))
    return state


def _block(case: Case, spec: Specification, state: Any) -> Any:
    """The environment with just the fields that the fork has."""
    environment, number = case.environment, spec.numeric
    hash32 = spec.bytes.Bytes32
    first = max(0, environment.number - BLOCK_HASHES_KEPT)
    fields = {
        "chain_id": number.U64(environment.chain_id),
        "state": state,
        "block_gas_limit": number.Uint(environment.gas_limit),
        "block_hashes": [hash32(environment.block_hash(block)) for block in range(first, environment.number)],
        "coinbase": spec.types.Address(environment.coinbase),
        "number": number.Uint(environment.number),
        "base_fee_per_gas": number.Uint(environment.base_fee_per_gas),
        "time": number.U256(environment.timestamp),
        "difficulty": number.Uint(environment.difficulty),
        "prev_randao": hash32(environment.prev_randao),
        "excess_blob_gas": number.U64(environment.excess_blob_gas),
        "parent_beacon_block_root": hash32(ZERO_HASH),
    }
    known = {field.name for field in dataclasses.fields(spec.vm.BlockEnvironment)}
    return spec.vm.BlockEnvironment(**{name: value for name, value in fields.items() if name in known})


def _execute(transaction: Transaction, index: int, spec: Specification, block: Any, output: Any) -> TransactionResult:
    used_before, logs_before = int(output.block_gas_used), len(output.block_logs)
    if hasattr(output, "blob_gas_used"):
        output.blob_gas_used = spec.numeric.U64(0)  # How many blobs a block takes is no engine's business.
    if transaction.chain_id not in (None, int(block.chain_id)):
        return TransactionResult(is_refused=True)  # EELS checks the chain id of legacy transactions alone.
    spec.output = b""  # A creation that collides runs no frame.
    try:
        spec.fork.process_transaction(block, output, _decoded(transaction, spec), spec.numeric.Uint(index))
    except spec.invalid:
        return TransactionResult(is_refused=True)
    receipt = output.receipts_trie._data[rlp.encode(rlp.encode_int(index))]
    encoded = bytes(receipt) if isinstance(receipt, bytes) else bytes(spec.rlp.encode(receipt))
    sender_and_nonce: list[rlp.Item] = [transaction.sender, rlp.encode_int(transaction.nonce)]
    return TransactionResult(
        succeeded=bool(spec.blocks.decode_receipt(receipt).succeeded),
        gas_used=int(output.block_gas_used) - used_before,
        logs=tuple(_log(log) for log in output.block_logs[logs_before:]),
        output=spec.output,
        contract_address=keccak256(rlp.encode(sender_and_nonce))[12:] if transaction.to is None else None,
        receipt=encoded,
    )


def _decoded(transaction: Transaction, spec: Specification) -> Any:
    """From the bytes of the envelope, so that encoding and hashing are compared as well."""
    raw = spec.bytes.Bytes(transaction.raw)
    if transaction.type == LEGACY:
        return spec.rlp.decode_to(spec.transactions.LegacyTransaction, raw)
    return spec.transactions.decode_transaction(raw)


def _log(log: Any) -> Log:
    return Log(bytes(log.address), tuple(bytes(topic) for topic in log.topics), bytes(log.data))


def _accounts(state: Any) -> dict[bytes, AccountState]:
    accounts = {}
    for address, account in state._main_trie._data.items():
        if account is None:
            continue
        slots = state._storage_tries[address]._data if address in state._storage_tries else {}
        storage = {int.from_bytes(key, "big"): int(value) for key, value in slots.items() if int(value)}
        code_hash = keccak256(bytes(account.code))
        accounts[bytes(address)] = AccountState(int(account.nonce), int(account.balance), code_hash, storage)
    return accounts
