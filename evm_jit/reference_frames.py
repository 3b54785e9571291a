"""
Frames and state of py-evm as the reference engine runs them, whatever the fork.

Opcodes, their gas and the calls between frames are py-evm's. Replaced is what is around them:

1. the loop over the code: it checks stack depths first and calls opcodes without entering C, so that 1,024 frames
   need no more C stack than one;
2. what a finished frame leaves to its caller: logs, refunds and deletions belong to the transaction's journal
   (`account_database`), not to a tree of computations;
3. creation over an account that has only storage: a collision (EIP-7610).
"""

from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Any, Final, NoReturn

from eth.abc import ComputationAPI, MessageAPI, StateAPI, TransactionContextAPI
from eth.exceptions import FullStack, Halt, InsufficientStack, InvalidInstruction, OutOfGas
from eth.vm.computation import BaseComputation
from eth.vm.execution_context import ExecutionContext
from eth.vm.gas_meter import GasMeter
from eth.vm.state import BaseState
from eth_typing import Address, BlockNumber, Hash32
from eth_utils.logging import get_extended_debug_logger

from evm_jit.account_database import AccountDatabase, Snapshot
from evm_jit.bytecode import Bytecode
from evm_jit.halts import invalid_opcode_text, stack_overflow_text, stack_underflow_text
from evm_jit.stack_items import STACK_DEPTH_LEAST, STACK_DEPTH_MOST
from evm_jit.transaction_checks import blob_base_fee
from primitives.block import BlockEnvironment
from primitives.receipt import Log
from statestore.view import WorldState

Operation = Callable[[Any], None]

BLOCK_HASHES_SERVED: Final = 256
STOP: Final = 0x00

_SILENT = get_extended_debug_logger("leveret.reference")


class FrameGas(GasMeter):
    """py-evm's gas meter without its log."""

    def __init__(self, start_gas: int) -> None:
        self.start_gas = start_gas
        self.gas_remaining = start_gas
        self.gas_refunded = 0

    def consume_gas(self, amount: int, reason: str) -> None:
        """Take `amount` of the gas left, or raise OutOfGas."""
        if amount > self.gas_remaining:
            raise OutOfGas(reason)
        self.gas_remaining -= amount

    def return_gas(self, amount: int) -> None:
        """Give back what a child frame left."""
        self.gas_remaining += amount


class Frame(BaseComputation):
    """
    What every fork's computation gets from us; mixed in before py-evm's class.

    `operations` holds one callable for each opcode, made by `operations_of`.
    """

    logger = _SILENT
    operations: Sequence[Operation]
    state: "FrameState"

    def __init__(self, state: StateAPI, message: MessageAPI, transaction_context: TransactionContextAPI) -> None:
        super().__init__(state, message, transaction_context)
        self.code = Bytecode(message.code)

    def _configure_gas_meter(self) -> GasMeter:
        return FrameGas(self.msg.gas)

    @classmethod
    def apply_computation(
        cls,
        state: StateAPI,
        message: MessageAPI,
        transaction_context: TransactionContextAPI,
        parent_computation: ComputationAPI | None = None,
    ) -> ComputationAPI:
        """Run the code of `message`, or the precompile at its address."""
        frame = cls(state, message, transaction_context)
        with frame:
            frame.contracts_created = [] if parent_computation is None else parent_computation.contracts_created
            if message.is_create:
                frame.contracts_created.append(message.storage_address)
            precompile = cls.get_precompiles().get(message.code_address)
            if precompile is None:
                frame.run()
            elif not message.is_delegation:
                precompile(frame)
        return frame

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc_value: BaseException | None,
        traceback: TracebackType | None,
    ) -> bool | None:
        """End the frame; an error is kept without its traceback, which would keep frame and state alive."""
        if exc_value is not None:
            exc_value.__traceback__ = None
        return super().__exit__(exc_type, exc_value, traceback)

    def run(self) -> None:
        """Execute the code until it halts."""
        run_traced = self.state.run_traced
        if run_traced is not None and self.msg.code:
            run_traced(self)
            return
        stream = self.code
        code = self.msg.code
        size = len(code)
        items = self._stack.values  # type: ignore[attr-defined]
        operations = self.operations
        try:
            while True:
                position = stream.program_counter
                opcode = code[position] if position < size else STOP
                stream.program_counter = position + 1
                if not STACK_DEPTH_LEAST[opcode] <= len(items) <= STACK_DEPTH_MOST[opcode]:
                    self.stop_at_stack_depth(opcode, len(items))
                operations[opcode](self)
        except Halt:
            pass

    def stop_at_stack_depth(self, opcode: int, depth: int) -> None:
        """Stop where the opcode takes more than `depth` items, or puts too many on them."""
        if self.operations[opcode].__name__ == INVALID_NAME:
            return  # The opcode says itself that it is invalid.
        if depth < STACK_DEPTH_LEAST[opcode]:
            raise InsufficientStack(stack_underflow_text(depth, STACK_DEPTH_LEAST[opcode]))
        raise FullStack(stack_overflow_text(depth, STACK_DEPTH_MOST[opcode]))

    def add_child_computation(self, child_computation: ComputationAPI) -> None:
        """Take over the return data of a call or creation; everything else is in the journal already."""
        is_created = child_computation.msg.is_create and child_computation.is_success
        self.return_data = b"" if is_created else child_computation.output

    def refund_gas(self, amount: int) -> None:
        """Add to the refund of the transaction; `amount` may be negative."""
        self.state.accounts.refund += amount

    def add_log_entry(self, account: bytes, topics: tuple[int, ...], data: bytes) -> None:
        """Append a log to those of the transaction."""
        words = tuple(topic.to_bytes(32, "big") for topic in topics)
        self.state.accounts.logs.append(Log(account, words, data))

    def register_account_for_deletion(self, beneficiary: bytes) -> None:
        """SELFDESTRUCT: the running account goes at the end of the transaction."""
        deletions = self.state.accounts.deletions
        if self.msg.storage_address not in deletions:
            deletions.append(self.msg.storage_address)


class FrameState(BaseState):
    """
    What every fork's state gets from us; mixed in before py-evm's class.

    `run_traced` runs a frame's code in place of `Frame.run`, None if nobody wants a trace.
    """

    logger = _SILENT
    run_traced: Callable[["Frame"], None] | None = None

    def __init__(self, environment: BlockEnvironment, world: WorldState, clears_empty_accounts: bool) -> None:
        self.environment = environment
        self.accounts = AccountDatabase(world, clears_empty_accounts)
        self._account_db = self.accounts
        self._blob_base_fee = blob_base_fee(environment)
        self.execution_context = ExecutionContext(
            coinbase=Address(environment.coinbase),
            timestamp=environment.timestamp,
            block_number=BlockNumber(environment.number),
            difficulty=environment.difficulty,
            mix_hash=Hash32(environment.prev_randao),
            gas_limit=environment.gas_limit,
            prev_hashes=(),
            chain_id=environment.chain_id,
            base_fee_per_gas=environment.base_fee_per_gas,
            excess_blob_gas=environment.excess_blob_gas,
        )

    @property
    def blob_base_fee(self) -> int:
        """In wei, for BLOBBASEFEE."""
        return self._blob_base_fee

    def get_ancestor_hash(self, block_number: int) -> Hash32:
        """For BLOCKHASH: empty (zero) outside the 256 blocks before this one."""
        number = self.environment.number
        if not max(0, number - BLOCK_HASHES_SERVED) <= block_number < number:
            return Hash32(b"")
        return Hash32(self.environment.block_hash(block_number))

    def has_code_or_nonce(self, address: bytes) -> bool:
        """Whether a creation at `address` collides; storage alone is enough (EIP-7610)."""
        return self.accounts.account_has_code_or_nonce(address) or self.accounts.has_storage(address)

    def get_transient_storage(self, address: bytes, slot: int) -> bytes:
        """For TLOAD."""
        return self.accounts.get_transient_storage(address, slot)

    def set_transient_storage(self, address: bytes, slot: int, value: bytes) -> None:
        """For TSTORE."""
        self.accounts.set_transient_storage(address, slot, value)

    def snapshot(self) -> Snapshot:  # type: ignore[override]
        """A position in the journal."""
        return self.accounts.record()

    def revert(self, snapshot: Snapshot) -> None:  # type: ignore[override]
        """Undo everything since `snapshot`."""
        self.accounts.discard(snapshot)

    def commit(self, snapshot: Snapshot) -> None:  # type: ignore[override]
        """Keep everything since `snapshot`: nothing to do."""


INVALID_NAME: Final = "invalid"


def operations_of(opcodes: dict[int, Any]) -> tuple[Operation, ...]:
    """
    What to call for each of the 256 opcodes.

    Bound methods, not the opcode objects: calling an object with `__call__` enters C, a method does not.
    """
    return tuple(opcodes[opcode].__call__ if opcode in opcodes else _invalid_operation(opcode) for opcode in range(256))


def _invalid_operation(opcode: int) -> Operation:
    def invalid(frame: Frame) -> NoReturn:
        raise InvalidInstruction(invalid_opcode_text(opcode))

    return invalid
