"""
Whether transactions may enter the mempool: one call of compiled code for all that have arrived, without Python's lock.

They are decoded, hashed and checked, their senders recovered and compared with the newest state that can be seen
(`sequencer.admission_kernels`). Python says in geth's words why one is refused, and makes objects of the others. Nonce
gaps are accepted.
"""

from collections.abc import Callable, Sequence
from functools import cache, cached_property
from typing import Final, NamedTuple

import numpy as np

from primitives.block import BlockEnvironment
from primitives.compiled_calls import INT, compile_call
from primitives.constants import INIT_CODE_SIZE_BYTES_MAX, TRANSACTION_GAS_CAP_OSAKA
from primitives.errors import (
    CostOverflow,
    FeeCapTooLow,
    FloorGasTooLow,
    GasLimitExceeded,
    InitCodeTooLarge,
    InsufficientFunds,
    IntrinsicGasTooLow,
    InvalidSignature,
    InvalidTransaction,
    NonceMaxed,
    NonceTooLow,
    NotReplayProtected,
    SenderNotEoa,
    SetCodeTransactionInvalid,
    TipAboveFeeCap,
    TransactionGasCapExceeded,
    TypeNotSupported,
    WrongChainId,
)
from primitives.transaction import BLOB, Transaction
from primitives.transaction_batch import TransactionBatch
from primitives.validity import FIRST_FORK_OF_TYPE, cost_max
from sequencer import admission_kernels as codes
from sequencer.admission_kernels import GATE, VERDICT, judge_accounts, judge_all
from statestore.state import State
from statestore.table import DISCARDED, TableSet


class Verdict(NamedTuple):
    """A VERDICT in Python's numbers; the account is the sender's."""

    code: int
    gas_needed: int
    nonce: int
    balance_wei: int


class AdmissionCalls(NamedTuple):
    """What is called of `sequencer.admission_kernels`, compiled or loaded from the disk cache."""

    judge: Callable[..., int]
    judge_accounts: Callable[..., int]


def judge(
    functions: int,
    workspace: int,
    raw: int,
    starts: int,
    count: int,
    records: int,
    signing: int,
    signatures: int,
    gate: int,
    verdicts: int,
) -> int:
    """`admission_kernels.judge_all`."""
    return judge_all(  # type: ignore[no-any-return, no-untyped-call]
        functions, workspace, raw, starts, count, records, signing, signatures, gate, verdicts
    )


def judge_by_accounts(gate: int, records: int, verdicts: int, count: int) -> int:
    """`admission_kernels.judge_accounts`."""
    return judge_accounts(gate, records, verdicts, count)  # type: ignore[no-any-return, no-untyped-call]


@cache
def admission_calls() -> AdmissionCalls:
    """All of them; whoever is early compiles."""
    return AdmissionCalls(compile_call(judge, *[INT] * 10), compile_call(judge_by_accounts, *[INT] * 4))


class JudgedBatch:
    """
    Transactions that have arrived, and whether a block like that of `environment` may hold each.

    raws : the envelopes (EIP-2718)
    version : of `state`: the newest that can be seen
    """

    def __init__(self, raws: Sequence[bytes], environment: BlockEnvironment, state: State, version: int) -> None:
        self.transactions = TransactionBatch(raws)
        self.version = version
        self._environment = environment
        self._state = state
        self._gate = np.zeros(1, GATE)
        self._gate["fork"] = environment.fork
        for name in ("chain_id", "base_fee_per_gas", "gas_limit"):
            octets = getattr(environment, name).to_bytes(32, "little")
            self._gate[_GATE_FIELDS[name]] = np.frombuffer(octets, np.uint64)
        self._verdicts = np.zeros(len(raws), VERDICT)
        tables = self._open()  # Held while they are read.
        gate, verdicts = self._gate.ctypes.data, self._verdicts.ctypes.data
        # Not so if a table has grown meanwhile, or the version is no longer kept.
        self.is_judged = self.transactions.recover_by(admission_calls().judge, gate, verdicts) == 0
        del tables

    def follow(self, version: int) -> None:
        """Compare with the senders' accounts at another version, unless they were seen at that one."""
        if self.is_judged and version == self.version:
            return
        self.version, self.is_judged = version, False
        self.__dict__.pop("verdicts", None)
        arrays = self._gate, self.transactions.records, self._verdicts
        while not self.is_judged:
            tables = self._open()  # Held while they are read.
            gate, records, verdicts = (each.ctypes.data for each in arrays)
            status = admission_calls().judge_accounts(gate, records, verdicts, len(self._verdicts))
            assert status != DISCARDED, "what can be seen is kept"
            self.is_judged = status == 0
            del tables

    @cached_property
    def verdicts(self) -> list[Verdict]:
        """One for each transaction."""
        balances = np.ascontiguousarray(self._verdicts["balance"]).tobytes()
        rows = self._verdicts[["code", "gas_needed", "nonce"]].tolist()
        return [
            Verdict(code, gas_needed, nonce, int.from_bytes(balances[32 * index : 32 * index + 32], "little"))
            for index, (code, gas_needed, nonce) in enumerate(rows)
        ]

    def make_objects(self) -> None:
        """Of those that may enter, so that they are there later."""
        for index, verdict in enumerate(self.verdicts):
            if verdict.code == codes.MAY_ENTER:
                _ = self.transactions[index]

    def refusal(self, index: int) -> InvalidTransaction:
        """In words, why a transaction may not enter."""
        verdict = self.verdicts[index]
        if verdict.code in _SIGNATURE_WORDS:
            return InvalidSignature(_SIGNATURE_WORDS[verdict.code])
        try:
            transaction = self.transactions[index]
        except InvalidTransaction as malformed:
            return malformed.with_traceback(None)
        return _WORDS[verdict.code](transaction, self._environment, verdict)

    def _open(self) -> TableSet:
        """Have the kernel read the tables as they are now."""
        tables = self._state.tables
        self._gate["tables"], self._gate["version"] = tables.address, self.version + 1  # As they count.
        return tables


def queue_refusal(transaction: Transaction, balance_wei: int, queued_wei: int) -> InsufficientFunds | None:
    """
    Why the balance does not allow for one more transaction of the sender, which by itself it does.

    `queued_wei` is what the sender's other queued transactions cost at most.
    """
    if not queued_wei:
        return None
    cost_wei = cost_max(transaction)
    return InsufficientFunds(balance_wei, cost_wei, queued_wei) if balance_wei < cost_wei + queued_wei else None


_GATE_FIELDS: Final = {"chain_id": "chain_id", "base_fee_per_gas": "base_fee", "gas_limit": "gas_limit"}


def _type_too_new(transaction: Transaction, environment: BlockEnvironment, verdict: Verdict) -> InvalidTransaction:
    first_fork = FIRST_FORK_OF_TYPE[transaction.type].name.title()
    return TypeNotSupported(transaction.type, f"it begins with {first_fork}")


def _protected_too_early(
    transaction: Transaction, environment: BlockEnvironment, verdict: Verdict
) -> InvalidTransaction:
    return InvalidSignature(f"v is {transaction.v}, but replay protection begins with Spurious Dragon")


Words = Callable[[Transaction, BlockEnvironment, Verdict], InvalidTransaction]
_WORDS: Final[dict[int, Words]] = {
    codes.HAS_BLOBS: lambda transaction, block, verdict: TypeNotSupported(BLOB, "this chain has no blobs"),
    codes.NOT_PROTECTED: lambda transaction, block, verdict: NotReplayProtected(),
    codes.TYPE_TOO_NEW: _type_too_new,
    codes.PROTECTED_TOO_EARLY: _protected_too_early,
    codes.WRONG_CHAIN: lambda transaction, block, verdict: WrongChainId(block.chain_id, transaction.chain_id or 0),
    codes.BAD_PARITY: lambda transaction, block, verdict: InvalidSignature(
        f"y parity {transaction.y_parity} is neither 0 nor 1"
    ),
    codes.NONCE_AT_END: lambda transaction, block, verdict: NonceMaxed(),
    codes.LARGE_INIT_CODE: lambda transaction, block, verdict: InitCodeTooLarge(
        len(transaction.data), INIT_CODE_SIZE_BYTES_MAX
    ),
    codes.DELEGATES_CREATION: lambda transaction, block, verdict: SetCodeTransactionInvalid(
        "EIP-7702 transaction cannot be used to create contract"
    ),
    codes.NO_AUTHORIZATIONS: lambda transaction, block, verdict: SetCodeTransactionInvalid(
        "EIP-7702 transaction with empty auth list"
    ),
    codes.GAS_ABOVE_CAP: lambda transaction, block, verdict: TransactionGasCapExceeded(
        TRANSACTION_GAS_CAP_OSAKA, transaction.gas_limit
    ),
    codes.GAS_BELOW_INTRINSIC: lambda transaction, block, verdict: IntrinsicGasTooLow(
        transaction.gas_limit, verdict.gas_needed
    ),
    codes.GAS_BELOW_FLOOR: lambda transaction, block, verdict: FloorGasTooLow(
        transaction.gas_limit, verdict.gas_needed
    ),
    codes.TIP_ABOVE_FEE: lambda transaction, block, verdict: TipAboveFeeCap(
        transaction.max_priority_fee_per_gas, transaction.max_fee_per_gas
    ),
    codes.COST_TOO_WIDE: lambda transaction, block, verdict: CostOverflow(),
    codes.GAS_ABOVE_BLOCK: lambda transaction, block, verdict: GasLimitExceeded(block.gas_limit, transaction.gas_limit),
    codes.FEE_BELOW_BASE: lambda transaction, block, verdict: FeeCapTooLow(
        transaction.sender, transaction.max_fee_per_gas, block.base_fee_per_gas
    ),
    codes.NONCE_USED: lambda transaction, block, verdict: NonceTooLow(verdict.nonce, transaction.nonce),
    codes.IS_CONTRACT: lambda transaction, block, verdict: SenderNotEoa(transaction.sender),
    codes.POOR: lambda transaction, block, verdict: InsufficientFunds(verdict.balance_wei, cost_max(transaction)),
}
# No object is made for these: whoever sends many of them pays for the signatures alone.
_SIGNATURE_WORDS: Final = {
    codes.BAD_R: "r is out of range",
    codes.BAD_S: "s is out of range",
    codes.HIGH_S: "s is in the upper half (EIP-2)",
    codes.NO_KEY: "no public key fits",
}
