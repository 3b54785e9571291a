"""
The reference engine: py-evm's opcodes over our state, for every fork from Frontier to Osaka.

A transaction goes through these steps; the frames of step 4 are py-evm's (`reference_frames`), the rest is here:

1. checks, all before the first change (`transaction_checks`);
2. the sender pays for all its gas and blobs, its nonce moves;
3. delegations of a set-code transaction are written (EIP-7702), the warm set is filled;
4. the frame of the transaction runs, with the frames that it calls;
5. gas left and refunds go back, the priority fee goes to the coinbase;
6. accounts that destroyed themselves, and empty ones that were touched (EIP-161), are removed.

py-evm recurses once a frame, in Python alone: `operations_of` sees to it that no C frame is in between. 1,024 frames
need about 8,000 levels of Python's recursion limit, which is why the limit is raised, and no large C stack.
"""

import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from eth.abc import ComputationAPI
from eth.constants import CREATE_CONTRACT_ADDRESS
from eth.exceptions import ContractCreationCollision
from eth.vm.message import Message
from eth_typing import Address, Hash32

from evm_jit.account_database import RIPEMD160_ADDRESS, AccountDatabase
from evm_jit.calls import check_call, creation_address, transaction_of
from evm_jit.engine import Call, CallResult, Outcome
from evm_jit.precompiles import alt_bn128, alt_bn128_pairing, blake2f
from evm_jit.precompiles.trusted_setup import begin_to_load
from evm_jit.reference_forks import RULES, Rules
from evm_jit.reference_frames import FrameState
from evm_jit.reference_halts import halt_text
from evm_jit.reference_trace import StepRecorder
from evm_jit.trace import Tracer
from evm_jit.transaction_checks import (
    DELEGATION_PREFIX,
    check_transaction,
    is_delegation,
)
from primitives.block import BlockEnvironment
from primitives.compilation import Progress, Show, compilations, show_nothing
from primitives.constants import U64_MAX, ZERO_ADDRESS
from primitives.errors import InvalidTransaction
from primitives.forks import Fork
from primitives.intrinsic_gas import floor_gas, intrinsic_gas
from primitives.receipt import Receipt
from primitives.transaction import Authorization, Transaction
from primitives.validity import GAS_PER_BLOB
from statestore.kernel_calls import compile_kernels
from statestore.view import WorldState

RECURSION_LIMIT: Final = 40_000
FUNCTIONS_EXPECTED: Final = 150  # That `warm_up` compiles when nothing is cached.

GAS_REFUND_EXISTING_AUTHORITY: Final = 12_500  # EIP-7702: PER_EMPTY_ACCOUNT_COST - PER_AUTH_BASE_COST.


@dataclass(frozen=True)
class _Run:
    """What steps 2 to 6 left; `gas_used` is after refunds, `frame_gas_used` what the outermost frame took."""

    gas_used: int
    frame_gas_used: int
    output: bytes
    halt: str | None


class ReferenceEngine:
    """An `Engine` over py-evm. Stateless: one instance may serve several threads, each with its own state."""

    name = "reference"

    def __init__(self) -> None:
        # Process-wide, but it only permits depth: nothing else gets deeper by it.
        if sys.getrecursionlimit() < RECURSION_LIMIT:
            sys.setrecursionlimit(RECURSION_LIMIT)

    def warm_up(self, show: Show = show_nothing) -> None:
        """Compile BLAKE2b and BN254, some seconds the first time; begin to load the KZG ceremony's points."""
        begin_to_load()
        progress = Progress(show, FUNCTIONS_EXPECTED)
        with compilations(progress.advance):
            compile_kernels()
            blake2f.run(bytes(blake2f.INPUT_SIZE_BYTES))
            alt_bn128.run_add(b"")
            alt_bn128.run_multiply(b"")
            alt_bn128_pairing.run(b"")
        progress.end()

    def close(self) -> None:
        """Nothing works in the background."""

    def execute(
        self,
        transactions: Sequence[Transaction],
        environment: BlockEnvironment,
        state: WorldState,
        gas_used_before: int = 0,
        tracer: Tracer | None = None,
    ) -> list[Outcome]:
        """Execute in order; see `Engine.execute`."""
        rules = RULES[environment.fork]
        frames = _frames(rules, environment, state, tracer)
        outcomes = []
        for transaction in transactions:
            outcome = _execute_one(transaction, environment, rules, frames, gas_used_before)
            if outcome.receipt is not None:
                gas_used_before = outcome.receipt.cumulative_gas_used
            outcomes.append(outcome)
        return outcomes

    def call(
        self, call: Call, environment: BlockEnvironment, state: WorldState, tracer: Tracer | None = None
    ) -> CallResult:
        """Execute one call; see `Engine.call`. InvalidTransaction when a transaction like it could not run."""
        if call.gas_price == 0:
            # As geth does: who pays nothing sees a block in which gas costs nothing.
            environment = replace(environment, base_fee_per_gas=0)
        rules = RULES[environment.fork]
        frames = _frames(rules, environment, state, tracer)
        transaction = transaction_of(call, environment, state)
        check_call(transaction, call, environment, state)
        frames.accounts.begin_transaction()
        if call.frame_only:
            run = _run_frame_only(transaction, call.sender, rules, frames)
        else:
            run = _transition(transaction, call.sender, rules, frames, pays_for_blobs=False)
        gas_used = run.frame_gas_used if call.frame_only else run.gas_used
        return CallResult(gas_used, run.output, tuple(frames.accounts.logs), run.halt)


def _frames(rules: Rules, environment: BlockEnvironment, state: WorldState, tracer: Tracer | None) -> FrameState:
    frames = rules.state(environment, state, rules.clears_empty_accounts)
    if tracer is not None:
        frames.run_traced = StepRecorder(tracer, rules.gas_refund_selfdestruct).run
    return frames


def _execute_one(
    transaction: Transaction, environment: BlockEnvironment, rules: Rules, frames: FrameState, gas_used_before: int
) -> Outcome:
    accounts = frames.accounts
    try:
        sender = check_transaction(transaction, environment, accounts.world, gas_used_before)
    except InvalidTransaction as refusal:
        return Outcome(receipt=None, refusal=refusal.with_traceback(None))  # A traceback would keep the state alive.
    accounts.begin_transaction()
    start = accounts.record()
    try:
        run = _transition(transaction, sender, rules, frames, pays_for_blobs=True)
    except BaseException:
        accounts.discard(start)
        raise
    receipt = Receipt(
        type=transaction.type,
        succeeded=run.halt is None,
        cumulative_gas_used=gas_used_before + run.gas_used,
        gas_used=run.gas_used,
        logs=tuple(accounts.logs),
        effective_gas_price=_gas_price(transaction, environment),
        contract_address=creation_address(sender, transaction.nonce) if transaction.to is None else None,
    )
    return Outcome(receipt, output=run.output, halt=run.halt)


def _transition(
    transaction: Transaction, sender: bytes, rules: Rules, frames: FrameState, *, pays_for_blobs: bool
) -> _Run:
    """Steps 2 to 6 of a transaction that passed its checks."""
    accounts = frames.accounts
    environment = frames.environment
    gas_price = _gas_price(transaction, environment)
    cost = transaction.gas_limit * gas_price
    if pays_for_blobs:
        cost += GAS_PER_BLOB * len(transaction.blob_versioned_hashes) * frames.blob_base_fee
    accounts.set_balance(sender, accounts.get_balance(sender) - cost)
    accounts.set_nonce(sender, transaction.nonce + 1)
    accounts.refund = _delegate(transaction.authorization_list, environment, accounts)

    gas = transaction.gas_limit - intrinsic_gas(transaction, rules.fork)
    frame = _run_frame(transaction, sender, gas, gas_price, rules, frames)

    gas_left = frame.get_gas_remaining()
    gas_used = _gas_used_after_refunds(transaction, transaction.gas_limit - gas_left, rules, accounts)
    accounts.set_balance(sender, accounts.get_balance(sender) + (transaction.gas_limit - gas_used) * gas_price)
    tip = gas_price - environment.base_fee_per_gas if rules.fork >= Fork.LONDON else gas_price
    accounts.set_balance(environment.coinbase, accounts.get_balance(environment.coinbase) + gas_used * tip)
    _remove_accounts(rules, accounts, environment.coinbase)
    return _Run(gas_used, gas - gas_left, frame.output, _halt(frame))


def _run_frame_only(transaction: Transaction, sender: bytes, rules: Rules, frames: FrameState) -> _Run:
    """Step 4 alone, with the whole gas limit for the frame; a creation moves the sender's nonce."""
    accounts = frames.accounts
    if transaction.to is None:
        accounts.set_nonce(sender, transaction.nonce + 1)
    gas_price = _gas_price(transaction, frames.environment)
    frame = _run_frame(transaction, sender, transaction.gas_limit, gas_price, rules, frames)
    gas_used = transaction.gas_limit - frame.get_gas_remaining()
    _remove_accounts(rules, accounts, None)
    return _Run(gas_used, gas_used, frame.output, _halt(frame))


def _run_frame(
    transaction: Transaction, sender: bytes, gas: int, gas_price: int, rules: Rules, frames: FrameState
) -> ComputationAPI:
    """Fill the warm set and run the outermost frame with `gas`."""
    accounts = frames.accounts
    message = _message(transaction, sender, gas, accounts)
    accounts.mark_address_warm(sender)
    accounts.mark_address_warm(message.storage_address)
    if rules.fork >= Fork.SHANGHAI:
        accounts.mark_address_warm(frames.environment.coinbase)
    for address, slots in transaction.access_list:
        accounts.mark_address_warm(address)
        for slot in slots:
            accounts.mark_storage_warm(address, int.from_bytes(slot, "big"))
    context = rules.context(gas_price, Address(sender), [Hash32(name) for name in transaction.blob_versioned_hashes])
    if not message.is_create:
        return rules.frame.apply_message(frames, message, context)
    if frames.has_code_or_nonce(message.storage_address):
        frame = rules.frame(frames, message, context)
        frame.error = ContractCreationCollision()
        return frame
    return rules.frame.apply_create_message(frames, message, context)


def _message(transaction: Transaction, sender: bytes, gas: int, accounts: AccountDatabase) -> Message:
    """The outermost frame's message; a delegation of the target is followed once, which warms its code's account."""
    shared: dict[str, Any] = {"gas": gas, "sender": sender, "value": transaction.value}
    if transaction.to is None:
        created = Address(creation_address(sender, transaction.nonce))
        return Message(to=CREATE_CONTRACT_ADDRESS, data=b"", code=transaction.data, create_address=created, **shared)
    code = accounts.get_code(transaction.to)
    is_delegated = is_delegation(code)
    if is_delegated:
        delegate = code[len(DELEGATION_PREFIX) :]
        accounts.mark_address_warm(delegate)
        code = accounts.get_code(delegate)
    return Message(to=Address(transaction.to), data=transaction.data, code=code, is_delegation=is_delegated, **shared)


def _delegate(authorizations: Sequence[Authorization], environment: BlockEnvironment, accounts: AccountDatabase) -> int:
    """Write the delegations whose authorization is valid (EIP-7702), skip the others; the gas to refund for them."""
    refund = 0
    for authorization in authorizations:
        if authorization.chain_id not in (0, environment.chain_id) or authorization.nonce >= U64_MAX:
            continue
        authority = authorization.authority()
        if authority is None:
            continue
        accounts.mark_address_warm(authority)  # From here on, whatever else is wrong with it.
        code = accounts.get_code(authority)
        if (code and not is_delegation(code)) or accounts.get_nonce(authority) != authorization.nonce:
            continue
        if accounts.account_exists(authority):
            refund += GAS_REFUND_EXISTING_AUTHORITY
        is_cleared = authorization.address == ZERO_ADDRESS
        accounts.set_code(authority, b"" if is_cleared else DELEGATION_PREFIX + authorization.address)
        accounts.increment_nonce(authority)
    return refund


def _gas_used_after_refunds(transaction: Transaction, gas_used: int, rules: Rules, accounts: AccountDatabase) -> int:
    """EIP-3529's bound on refunds, then EIP-7623's floor."""
    refund = accounts.refund + rules.gas_refund_selfdestruct * len(accounts.deletions)
    gas_used -= min(refund, gas_used // rules.refund_quotient)
    return max(gas_used, floor_gas(transaction, rules.fork))


def _remove_accounts(rules: Rules, accounts: AccountDatabase, coinbase: bytes | None) -> None:
    """Remove what destroyed itself, and (EIP-161) what was touched and is empty."""
    for address in accounts.deletions:
        accounts.delete_account(address)
    if not rules.clears_empty_accounts:
        return
    touched = set(accounts.touched)
    if coinbase is not None:
        touched.add(coinbase)  # Also by a fee of 0.
    if accounts.ripemd160_was_touched:
        touched.add(RIPEMD160_ADDRESS)
    for address in sorted(touched):
        if accounts.account_exists(address) and accounts.account_is_empty(address):
            accounts.delete_account(address)


def _gas_price(transaction: Transaction, environment: BlockEnvironment) -> int:
    """What the sender pays for a unit of gas, in wei; before London the price that it named."""
    if environment.fork < Fork.LONDON:
        return transaction.max_fee_per_gas
    return transaction.effective_gas_price(environment.base_fee_per_gas)


def _halt(frame: ComputationAPI) -> str | None:
    return halt_text(frame.error) if frame.is_error else None
