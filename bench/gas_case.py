"""
What one operation costs in time: a program that does it many times, and a control that does everything but it.

    driver  ── calls `frame_count` times ──>  frame:  setup, (operands, operation, rest) x repeats, ending

The control's frames lack `operation` and nothing else, so that the difference of two runs, in time and in gas, is that
of `frame_count * repeats` operations. What an operation takes from the stack stays there in the control: a frame is
left with whatever is on it, so no POP has to be paid for. Frames return the topmost word, by which results are checked.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

from bench.bytecode import (
    ADD,
    CALL,
    CALLDATASIZE,
    GAS,
    ISZERO,
    JUMPI,
    MSTORE,
    POP,
    RETURN,
    RETURNDATACOPY,
    RETURNDATASIZE,
    REVERT,
    copy_calldata,
    duplicate,
    operands,
    push,
    repeat,
    return_memory,
)
from evm_jit.engine import Call
from evm_jit.state_tests import PreAccount, block_hash
from evm_jit.statetest import write_accounts
from primitives.block import BlockEnvironment
from primitives.constants import WEI_PER_ETHER
from primitives.forks import Fork
from statestore.state import State

CALLER: Final = 0xC0FFE
DRIVER: Final = 0x1000
FRAMES: Final = 0x10_0000_0000  # Frame n runs at this address plus n, or all of them at the address itself.
TARGET_STEP: Final = 1 << 64  # From an account that a frame touches to the next one.
BLOCK_NUMBER: Final = 1_000
GAS_LIMIT: Final = 1 << 48
STACK_WORDS: Final = 960  # That a frame may leave; 1,024 are allowed.
REPEATS: Final = 480
BLOB_HASHES: Final = tuple(bytes((1, *([index] * 31))) for index in range(6))

RETURN_TOP: Final = push(0) + MSTORE + return_memory(0, 32)
REVERT_TOP: Final = push(0) + MSTORE + operands(0, 32) + REVERT

Operands = Callable[[int, int], bytes]


def always(code: bytes) -> Operands:
    """Operands that are the same each time."""
    return lambda _index, _position: code


def no_operands(_index: int, _position: int) -> bytes:
    """Nothing in front of the operation."""
    return b""


def no_accounts(_frame: int) -> tuple[PreAccount, ...]:
    """No account needs to be there."""
    return ()


@dataclass(frozen=True)
class GasCase:
    """
    One operation with one choice of operands.

    subject : the opcode or precompile that is priced
    operation : its bytecode, b"" for a frame that is nothing but its ending
    operands : code in front of it, by the index of the repetition and its place in the code (measured program)
    word_count : words that operands, or operands and operation, leave on the stack at most
    is_apart : each frame runs in an account of its own, with `storage`
    accounts : those that frame n touches besides
    writes : a run leaves the state changed, so the next one begins on a fresh state
    can_fail : frames may end without success
    """

    subject: str
    variant: str
    operation: bytes
    operands: Operands = no_operands
    rest: bytes = b""
    setup: bytes = b""
    ending: bytes = RETURN_TOP
    control_ending: bytes | None = None
    word_count: int = 1
    repeats_max: int = REPEATS
    frames_max: int = 1 << 14
    is_apart: bool = False
    writes: bool = False
    can_fail: bool = False
    frame_gas: int | None = None
    calldata: bytes = b""
    storage: Mapping[int, int] = field(default_factory=dict)
    balance_wei: int = 0
    accounts: Callable[[int], tuple[PreAccount, ...]] = no_accounts

    @property
    def name(self) -> str:
        """Subject and variant."""
        return f"{self.subject}, {self.variant}" if self.variant else self.subject

    @property
    def repeats(self) -> int:
        """Operations of one frame."""
        return min(self.repeats_max, STACK_WORDS // max(self.word_count, 1)) if self.operation else 1

    def frame_code(self, *, is_control: bool) -> bytes:
        """What a frame executes."""
        code = bytearray(push(0) + self.setup)
        operation = b"" if is_control else self.operation
        for index in range(self.repeats):
            code += self.operands(index, len(code)) + operation + self.rest
        ending = self.control_ending if is_control and self.control_ending is not None else self.ending
        return bytes(code + ending)

    def driver_code(self, frame_count: int) -> bytes:
        """Calls the frames, fails when one of them does, returns what the last one did."""
        gas = GAS if self.frame_gas is None else push(self.frame_gas)
        target = push(FRAMES, 8) + (duplicate(7) + ADD if self.is_apart else b"")
        body = operands(target, 0, 0, CALLDATASIZE, 0, 0) + gas + CALL
        if self.can_fail:
            body += POP
        else:
            # A frame that fails leaves its driver through an invalid jump.
            body += ISZERO + push(0) + JUMPI
        copy = operands(0, 0, RETURNDATASIZE) + RETURNDATACOPY
        return repeat(frame_count, copy_calldata(), body, copy + operands(0, RETURNDATASIZE) + RETURN)

    def state(self, frame_count: int, *, is_control: bool) -> State:
        """A fresh state for `frame_count` frames."""
        driver = self.driver_code(frame_count)
        code = self.frame_code(is_control=is_control)
        accounts = [
            PreAccount(account_address(CALLER), 0, WEI_PER_ETHER, b"", {}),
            PreAccount(account_address(DRIVER), 1, WEI_PER_ETHER, driver, {}),
        ]
        for frame in range(1, frame_count + 1) if self.is_apart else (0,):
            accounts.append(PreAccount(frame_address(frame), 1, self.balance_wei, code, self.storage))
            accounts.extend(self.accounts(frame))
        state = State()
        write_accounts(accounts, state)
        state.seal_genesis()
        return state

    @property
    def call(self) -> Call:
        """The call of the driver."""
        return Call(
            sender=account_address(CALLER),
            to=account_address(DRIVER),
            gas_limit=GAS_LIMIT,
            data=self.calldata,
            blob_versioned_hashes=BLOB_HASHES,
            frame_only=True,
        )


def account_address(number: int) -> bytes:
    """The 20 bytes of an address."""
    return number.to_bytes(20, "big")


def frame_address(frame: int) -> bytes:
    """Where frame `frame` runs; 0 where all run at one."""
    return account_address(FRAMES + frame)


def target_address(frame: int, index: int) -> bytes:
    """The account that repetition `index` of frame `frame` touches."""
    return account_address(FRAMES + frame + (index + 1) * TARGET_STEP)


def target_word(index: int) -> bytes:
    """Code that leaves that address, whichever frame runs it."""
    return operands(b"\x30", (index + 1) * TARGET_STEP) + ADD


def environment() -> BlockEnvironment:
    """The block of all cases, with 256 blocks before it."""
    return BlockEnvironment(
        fork=Fork.OSAKA,
        chain_id=1,
        number=BLOCK_NUMBER,
        timestamp=1_700_000_000,
        gas_limit=GAS_LIMIT,
        block_hash=block_hash,
    )
