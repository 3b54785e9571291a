"""
Every error that leveret raises on purpose.

    LeveretError
    ├── DecodingError               bytes that are not canonical RLP, or not the record they claim to be
    ├── InvalidTransaction          a transaction that may not enter a block; the text is geth's
    │   ├── MalformedTransaction
    │   ├── TransactionTooLarge
    │   ├── TypeNotSupported
    │   ├── InvalidSignature
    │   ├── WrongChainId
    │   ├── NotReplayProtected
    │   ├── NonceTooLow, NonceTooHigh, NonceMaxed
    │   ├── InsufficientFunds, CostOverflow
    │   ├── IntrinsicGasTooLow, FloorGasTooLow
    │   ├── GasLimitExceeded, TransactionGasCapExceeded, BlockGasExhausted
    │   ├── FeeCapTooLow, TipAboveFeeCap
    │   ├── InitCodeTooLarge, SenderNotEoa
    │   ├── BlobTransactionInvalid, SetCodeTransactionInvalid
    │   └── MempoolRefusal
    │       ├── AlreadyKnown, ReplacementUnderpriced
    │       ├── MempoolFull, SenderQueueFull
    │       └── TransactionReplaced, TransactionExpired
    ├── InvalidBlock                a block that does not follow from its parent
    ├── ExecutionReverted           a call that ended in REVERT; carries the return data
    ├── ExecutionFailed             a call that ended in any other exceptional halt
    ├── CallTimedOut                a call that took too long
    ├── EnginesDiffer               the native engine and the reference engine left different things
    ├── CompilationRefused          code that the compiler does not take; the interpreter runs it
    ├── SequencerStopped            no transaction is taken any more; reads go on
    ├── UnknownBlock                a block that does not exist, or whose state is no longer kept
    ├── StorageError                what must last can't be written or read
    │   ├── DatadirInUse, DatadirCorrupt, DatadirUnreadable
    │   ├── GenesisMismatch
    │   ├── StorageUnavailable
    │   └── ObjectCacheUntrusted
    └── ConfigError                 a flag, setting or file of the user's that can't be meant

Expected trouble is one of these; our own mistake is an `assert`. Each text is one sentence that can be
shown to a client or a user as it stands.
"""

from pathlib import Path


class LeveretError(Exception):
    """Expected trouble; the text can be shown to whoever caused it."""


class DecodingError(LeveretError):
    """Bytes that are not canonical RLP, or not the record they claim to be."""


class InvalidTransaction(LeveretError):
    """A transaction that may not enter a block."""


class MalformedTransaction(InvalidTransaction):
    """Bytes that do not decode to a transaction."""


class TransactionTooLarge(InvalidTransaction):
    """More bytes than one transaction may have."""

    def __init__(self, size_bytes: int, limit_bytes: int) -> None:
        super().__init__(f"oversized data: transaction size {size_bytes}, limit {limit_bytes}")


class TypeNotSupported(InvalidTransaction):
    """A transaction type that this chain does not take."""

    def __init__(self, transaction_type: int, reason: str = "") -> None:
        tail = f": {reason}" if reason else ""
        super().__init__(
            f"transaction type not supported: transaction type not valid, got type 0x{transaction_type:x}{tail}"
        )
        self.transaction_type = transaction_type


class InvalidSignature(InvalidTransaction):
    """r, s or v out of range, high s, or no public key to recover."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"invalid transaction v, r, s values: {reason}")


class WrongChainId(InvalidTransaction):
    """Signed for another chain."""

    def __init__(self, expected: int, got: int) -> None:
        super().__init__(f"invalid chain id for signer: have {got} want {expected}")
        self.expected = expected
        self.got = got


class NotReplayProtected(InvalidTransaction):
    """A legacy transaction without a chain id."""

    def __init__(self) -> None:
        super().__init__("only replay-protected (EIP-155) transactions allowed over RPC")


class NonceTooLow(InvalidTransaction):
    """The sender already used this nonce."""

    def __init__(self, expected: int, got: int) -> None:
        super().__init__(f"nonce too low: next nonce {expected}, tx nonce {got}")
        self.expected = expected
        self.got = got


class NonceTooHigh(InvalidTransaction):
    """A nonce between the account's and this one is missing."""

    def __init__(self, expected: int, got: int) -> None:
        super().__init__(f"nonce too high: next nonce {expected}, tx nonce {got}")
        self.expected = expected
        self.got = got


class NonceMaxed(InvalidTransaction):
    """EIP-2681: the nonce 2^64 - 1 can't be used."""

    def __init__(self) -> None:
        super().__init__("nonce has max value")


class InsufficientFunds(InvalidTransaction):
    """The sender can't pay gas at the price offered plus the value sent, beside what it has queued already."""

    def __init__(self, balance_wei: int, cost_wei: int, queued_wei: int = 0) -> None:
        queued = f"queued cost {queued_wei}, " if queued_wei else ""
        super().__init__(
            f"insufficient funds for gas * price + value: balance {balance_wei}, {queued}tx cost {cost_wei}, "
            f"overshot {queued_wei + cost_wei - balance_wei}"
        )
        self.balance_wei = balance_wei
        self.cost_wei = cost_wei
        self.queued_wei = queued_wei


class CostOverflow(InvalidTransaction):
    """Gas at the price offered plus the value sent is more wei than a balance can hold."""

    def __init__(self) -> None:
        super().__init__("insufficient funds for gas * price + value: required balance exceeds 256 bits")


class IntrinsicGasTooLow(InvalidTransaction):
    """The gas limit does not cover what the transaction costs before it runs."""

    def __init__(self, got: int, minimum: int) -> None:
        super().__init__(f"intrinsic gas too low: gas {got}, minimum needed {minimum}")
        self.got = got
        self.minimum = minimum


class FloorGasTooLow(InvalidTransaction):
    """EIP-7623: the gas limit is below the floor for this much calldata."""

    def __init__(self, got: int, minimum: int) -> None:
        super().__init__(f"insufficient gas for floor data gas cost: gas {got}, minimum needed {minimum}")
        self.got = got
        self.minimum = minimum


class GasLimitExceeded(InvalidTransaction):
    """The gas limit is above the block's."""

    def __init__(self, block_gas_limit: int, got: int) -> None:
        super().__init__(f"exceeds block gas limit: limit {block_gas_limit}, got {got}")
        self.block_gas_limit = block_gas_limit
        self.got = got


class TransactionGasCapExceeded(InvalidTransaction):
    """EIP-7825: the gas limit is above 2^24."""

    def __init__(self, cap: int, got: int) -> None:
        super().__init__(f"transaction gas limit too high (cap: {cap}, tx: {got})")
        self.cap = cap
        self.got = got


class BlockGasExhausted(InvalidTransaction):
    """Valid, but what is left of this block's gas is too little: it waits for the next block."""

    def __init__(self, gas_left: int, got: int) -> None:
        super().__init__(f"gas limit reached: block has {gas_left} left, transaction wants {got}")
        self.gas_left = gas_left
        self.got = got


class FeeCapTooLow(InvalidTransaction):
    """The maximum fee is below the block's base fee."""

    def __init__(self, sender: bytes, max_fee_wei: int, base_fee_wei: int) -> None:
        super().__init__(
            f"max fee per gas less than block base fee: address 0x{sender.hex()}, maxFeePerGas: {max_fee_wei}, "
            f"baseFee: {base_fee_wei}"
        )
        self.max_fee_wei = max_fee_wei
        self.base_fee_wei = base_fee_wei


class TipAboveFeeCap(InvalidTransaction):
    """The priority fee is above the maximum fee."""

    def __init__(self, max_priority_fee_wei: int, max_fee_wei: int) -> None:
        super().__init__(
            "max priority fee per gas higher than max fee per gas: "
            f"maxPriorityFeePerGas: {max_priority_fee_wei}, maxFeePerGas: {max_fee_wei}"
        )


class InitCodeTooLarge(InvalidTransaction):
    """EIP-3860: init code of more than 49,152 bytes."""

    def __init__(self, size_bytes: int, limit_bytes: int) -> None:
        super().__init__(f"max initcode size exceeded: code size {size_bytes}, limit {limit_bytes}")


class SenderNotEoa(InvalidTransaction):
    """EIP-3607: the sender has code that is not a delegation."""

    def __init__(self, sender: bytes) -> None:
        super().__init__(f"sender not an eoa: address 0x{sender.hex()}")


class BlobTransactionInvalid(InvalidTransaction):
    """EIP-4844: no blobs, too many, a wrong version byte, no target, or a blob fee below the block's."""


class SetCodeTransactionInvalid(InvalidTransaction):
    """EIP-7702: an empty authorization list, or no target."""


class MempoolRefusal(InvalidTransaction):
    """Valid by itself, but the mempool does not take it now."""


class AlreadyKnown(MempoolRefusal):
    """The same transaction is already in the mempool."""

    def __init__(self) -> None:
        super().__init__("already known")


class ReplacementUnderpriced(MempoolRefusal):
    """Same sender and nonce as a queued one, without the 10 % more that replaces it."""

    def __init__(self) -> None:
        super().__init__("replacement transaction underpriced")


class MempoolFull(MempoolRefusal):
    """The mempool is at its limit and this one pays no more than the cheapest in it."""

    def __init__(self) -> None:
        super().__init__("txpool is full")


class SenderQueueFull(MempoolRefusal):
    """This sender has the maximum of queued transactions."""

    def __init__(self, limit: int) -> None:
        super().__init__(f"account limit exceeded: pooled {limit} txs")


class TransactionReplaced(MempoolRefusal):
    """It was queued, and one with the same sender and nonce that pays more took its place."""

    def __init__(self) -> None:
        super().__init__("replaced by a transaction with the same nonce and a higher fee")


class TransactionExpired(MempoolRefusal):
    """It was queued, and not executed for too long."""

    def __init__(self, lifetime_s: int) -> None:
        super().__init__(f"transaction expired: not executed within {lifetime_s} seconds")


class InvalidBlock(LeveretError):
    """A block that may not follow its parent; `part` names what of it is wrong (`gas limit`, `state root`...)."""

    def __init__(self, part: str, detail: str) -> None:
        super().__init__(f"invalid block: {part} {detail}")
        self.part = part


class ExecutionReverted(LeveretError):
    """A call that ended in REVERT."""

    def __init__(self, data: bytes, reason: str | None = None) -> None:
        super().__init__("execution reverted" if reason is None else f"execution reverted: {reason}")
        self.data = data


class ExecutionFailed(LeveretError):
    """A call that ended in an exceptional halt other than REVERT, in geth's words: `out of gas`, ..."""


class EnginesDiffer(LeveretError):
    """The native engine and the reference engine left different things; `report` is a file that repeats it."""

    def __init__(self, what: str, difference: str, report: Path) -> None:
        super().__init__(
            f"the engines differ on {what} ({difference}): the report is {report}, and "
            f"`leveret run --engine native --workload {report}` repeats it"
        )
        self.report = report


class CompilationRefused(LeveretError):
    """Code that the compiler does not take: it would cost too much time or memory. The interpreter runs it."""


class CallTimedOut(LeveretError):
    """A call that was given up because it took too long; geth's words."""

    def __init__(self, limit_s: int) -> None:
        super().__init__(f"execution aborted (timeout = {limit_s}s)")
        self.limit_s = limit_s


class SequencerStopped(LeveretError):
    """No transaction is taken any more: the node is stopping, or stopped after a fault of its own."""


class UnknownBlock(LeveretError):
    """A block that does not exist, or whose state is no longer kept."""

    def __init__(self, detail: str = "") -> None:
        super().__init__(f"header not found{': ' + detail if detail else ''}")


class StorageError(LeveretError):
    """What must last can't be written or read."""


class DatadirInUse(StorageError):
    """Another process has this data directory open."""


class DatadirCorrupt(StorageError):
    """A file or record is damaged in a way that no valid prefix explains."""


class DatadirUnreadable(StorageError):
    """The data directory can't be read or written by this user, or is not leveret's."""


class GenesisMismatch(StorageError):
    """The data directory belongs to a chain with another genesis, or with other forks."""


class StorageUnavailable(StorageError):
    """Writing failed (disk full, I/O error): nothing more is acknowledged."""


class ObjectCacheUntrusted(StorageError):
    """Others than this user could have put machine code into the cache of compiled contracts."""

    def __init__(self, directory: Path, reason: str) -> None:
        super().__init__(f"the cache of compiled contracts {directory} {reason}: remove it, or run `chmod 700` on it")


class ConfigError(LeveretError):
    """A flag, setting or file of the user's that can't be meant."""
