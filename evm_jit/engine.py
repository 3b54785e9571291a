"""
The one interface of everything that executes transactions.

An engine takes signed transactions in order, a block environment and a state, writes the state, and says what
each transaction left behind. A transaction that may not enter the block changes nothing and is answered with
the reason. Engines are interchangeable: same status, gas, logs, output and state for the same input.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from evm_jit.trace import Tracer
from primitives.block import BlockEnvironment
from primitives.compilation import Show, show_nothing
from primitives.errors import InvalidTransaction
from primitives.receipt import Log, Receipt
from primitives.transaction import AccessList, Authorization, Transaction
from statestore.view import WorldState


@dataclass(frozen=True)
class Outcome:
    """
    One transaction's: either a receipt, or the reason why it may not enter the block.

    `output` is the return data (revert data if it reverted), `halt` what stopped it early, in geth's words
    (`execution reverted`, `out of gas`, `invalid opcode: ...`), None if it succeeded.
    """

    receipt: Receipt | None
    refusal: InvalidTransaction | None = None
    output: bytes = b""
    halt: str | None = None


@dataclass(frozen=True)
class Call:
    """
    A transaction that nobody signed, for eth_call and eth_estimateGas: nonce and signature are not checked, and
    with a gas price of 0 neither is the balance for gas. `to` is None for a creation; value in wei.

    `frame_only` leaves out what a transaction is charged around its frame (intrinsic gas, EIP-7623's floor,
    refunds): `gas_limit` is then what the frame gets, and the result's `gas_used` what it used of it.
    """

    sender: bytes
    to: bytes | None
    gas_limit: int
    value: int = 0
    data: bytes = b""
    gas_price: int = 0
    access_list: AccessList = ()
    blob_versioned_hashes: tuple[bytes, ...] = ()
    authorization_list: tuple[Authorization, ...] = ()
    frame_only: bool = False


@dataclass(frozen=True)
class CallResult:
    """
    `gas_used` is what a transaction would be charged (after refunds), unless the call was `frame_only`; `halt`
    and `output` as in `Outcome`.
    """

    gas_used: int
    output: bytes
    logs: tuple[Log, ...]
    halt: str | None = None


class Engine(Protocol):
    """`name` is what `--engine` calls it."""

    name: str

    def warm_up(self, show: Show = show_nothing) -> None:
        """
        Do now what the first transaction would otherwise wait for (compile kernels, load tables): a node calls it
        before it opens, and shows how far it is, for it may take a minute. Nothing else changes by it.
        """
        ...

    def close(self) -> None:
        """End what works in the background, if anything does; as often as you like. The engine goes on executing."""
        ...

    def execute(
        self,
        transactions: Sequence[Transaction],
        environment: BlockEnvironment,
        state: WorldState,
        gas_used_before: int = 0,
        tracer: Tracer | None = None,
    ) -> Sequence[Outcome]:
        """
        Execute in order; one outcome for each. `gas_used_before` is the gas that earlier transactions of the
        same block used: it counts against the block's limit and in `cumulative_gas_used`. `tracer` is told every
        instruction, which changes nothing else.
        """
        ...

    def call(
        self, call: Call, environment: BlockEnvironment, state: WorldState, tracer: Tracer | None = None
    ) -> CallResult:
        """Execute one call; whatever it writes is in `state` afterwards, so give it an overlay."""
        ...
