"""
The opcodes, Berlin to Osaka: one table that the interpreter, traces and disassembly are made from.

A row is number, name, function, static gas, words taken, words put, and the fork that brings it. The function is called
with what its parameters are named after:

- `machine`, `frame`: the records of `evm_jit.machine`;
- `opcode`: the number, for functions that serve several;
- `pc`: the address behind the opcode; the function gives back where to go on, below 0 to stop the frame;
- `gas_left`: what is left after the static gas; the function gives back what is left then, below 0 to stop the frame;
- `top`: the address behind the topmost word of the stack: the function moves words itself;
- every other name: the next word from the stack, topmost first.

It gives back, in this order, those of `pc`, `gas_left` and a word to put on the stack that it has. `machine.halt` says
why a frame stops; if it says nothing, the frame is out of gas. Functions of opcodes that may change the running frame
(`leaves`) find its pc, gas and stack in its record, and give back RUNNING, a halt code or a status.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from evm_jit.gas import (
    GAS_BASE,
    GAS_BLOB_HASH,
    GAS_BLOCK_HASH,
    GAS_CREATE,
    GAS_EXPONENTIATION,
    GAS_HIGH,
    GAS_JUMP_DESTINATION,
    GAS_KECCAK256,
    GAS_LOG,
    GAS_LOW,
    GAS_MID,
    GAS_SELF_DESTRUCT,
    GAS_VERY_LOW,
    GAS_WARM_ACCESS,
    GAS_ZERO,
    STACK_ITEMS_MAX,
)
from evm_jit.instructions import (
    arithmetic,
    bitwise,
    block,
    comparison,
    control_flow,
    environment,
    keccak,
    log,
    memory,
    stack,
    storage,
    system,
)
from evm_jit.machine import INVALID, WORD_SIZE_BYTES
from primitives.forks import Fork

OPCODE_COUNT: Final = 256


@dataclass(frozen=True)
class Opcode:
    """A row of the table."""

    number: int
    name: str
    function: Callable[..., Any]
    gas: int
    taken: int
    put: int
    since: Fork = Fork.BERLIN
    leaves: bool = False

    @property
    def immediate_size(self) -> int:
        """How many bytes of the code behind it belong to it."""
        return self.number - 0x5F if 0x60 <= self.number <= 0x7F else 0


def _numbered(first: Opcode, count: int, taken_step: int, put_step: int) -> Iterator[Opcode]:
    """`first` and those that follow it: NAME1, NAME2, ..., each with more words."""
    stem, start = first.name.rstrip("0123456789"), int(first.name.lstrip("ABCDEFGHIJKLMNOPQRSTUVWXYZ"))
    for index in range(count):
        yield replace(
            first,
            number=first.number + index,
            name=f"{stem}{start + index}",
            taken=first.taken + index * taken_step,
            put=first.put + index * put_step,
        )


_OPCODES: Final = (
    Opcode(0x00, "STOP", control_flow.stop_frame, GAS_ZERO, 0, 0, leaves=True),
    Opcode(0x01, "ADD", arithmetic.add, GAS_VERY_LOW, 2, 1),
    Opcode(0x02, "MUL", arithmetic.multiply, GAS_LOW, 2, 1),
    Opcode(0x03, "SUB", arithmetic.subtract, GAS_VERY_LOW, 2, 1),
    Opcode(0x04, "DIV", arithmetic.quotient, GAS_LOW, 2, 1),
    Opcode(0x05, "SDIV", arithmetic.quotient_signed, GAS_LOW, 2, 1),
    Opcode(0x06, "MOD", arithmetic.remainder, GAS_LOW, 2, 1),
    Opcode(0x07, "SMOD", arithmetic.remainder_signed, GAS_LOW, 2, 1),
    Opcode(0x08, "ADDMOD", arithmetic.addmod, GAS_MID, 3, 1),
    Opcode(0x09, "MULMOD", arithmetic.mulmod, GAS_MID, 3, 1),
    Opcode(0x0A, "EXP", arithmetic.exponentiate, GAS_EXPONENTIATION, 2, 1),
    Opcode(0x0B, "SIGNEXTEND", arithmetic.signextend, GAS_LOW, 2, 1),
    Opcode(0x10, "LT", comparison.less, GAS_VERY_LOW, 2, 1),
    Opcode(0x11, "GT", comparison.greater, GAS_VERY_LOW, 2, 1),
    Opcode(0x12, "SLT", comparison.less_signed, GAS_VERY_LOW, 2, 1),
    Opcode(0x13, "SGT", comparison.greater_signed, GAS_VERY_LOW, 2, 1),
    Opcode(0x14, "EQ", comparison.equal, GAS_VERY_LOW, 2, 1),
    Opcode(0x15, "ISZERO", comparison.is_zero, GAS_VERY_LOW, 1, 1),
    Opcode(0x16, "AND", bitwise.bitwise_and, GAS_VERY_LOW, 2, 1),
    Opcode(0x17, "OR", bitwise.bitwise_or, GAS_VERY_LOW, 2, 1),
    Opcode(0x18, "XOR", bitwise.bitwise_xor, GAS_VERY_LOW, 2, 1),
    Opcode(0x19, "NOT", bitwise.bitwise_not, GAS_VERY_LOW, 1, 1),
    Opcode(0x1A, "BYTE", bitwise.byte, GAS_VERY_LOW, 2, 1),
    Opcode(0x1B, "SHL", bitwise.shift_left, GAS_VERY_LOW, 2, 1),
    Opcode(0x1C, "SHR", bitwise.shift_right, GAS_VERY_LOW, 2, 1),
    Opcode(0x1D, "SAR", bitwise.shift_right_signed, GAS_VERY_LOW, 2, 1),
    Opcode(0x1E, "CLZ", bitwise.count_leading_zeros, GAS_LOW, 1, 1, Fork.OSAKA),
    Opcode(0x20, "KECCAK256", keccak.keccak256, GAS_KECCAK256, 2, 1),
    Opcode(0x30, "ADDRESS", environment.address, GAS_BASE, 0, 1),
    Opcode(0x31, "BALANCE", environment.balance, GAS_ZERO, 1, 1),
    Opcode(0x32, "ORIGIN", environment.origin, GAS_BASE, 0, 1),
    Opcode(0x33, "CALLER", environment.caller, GAS_BASE, 0, 1),
    Opcode(0x34, "CALLVALUE", environment.call_value, GAS_BASE, 0, 1),
    Opcode(0x35, "CALLDATALOAD", environment.calldata_load, GAS_VERY_LOW, 1, 1),
    Opcode(0x36, "CALLDATASIZE", environment.calldata_size, GAS_BASE, 0, 1),
    Opcode(0x37, "CALLDATACOPY", environment.calldata_copy, GAS_VERY_LOW, 3, 0),
    Opcode(0x38, "CODESIZE", environment.code_size, GAS_BASE, 0, 1),
    Opcode(0x39, "CODECOPY", environment.code_copy, GAS_VERY_LOW, 3, 0),
    Opcode(0x3A, "GASPRICE", environment.gas_price, GAS_BASE, 0, 1),
    Opcode(0x3B, "EXTCODESIZE", environment.external_code_size, GAS_ZERO, 1, 1),
    Opcode(0x3C, "EXTCODECOPY", environment.external_code_copy, GAS_ZERO, 4, 0),
    Opcode(0x3D, "RETURNDATASIZE", environment.return_data_size, GAS_BASE, 0, 1),
    Opcode(0x3E, "RETURNDATACOPY", environment.return_data_copy, GAS_VERY_LOW, 3, 0),
    Opcode(0x3F, "EXTCODEHASH", environment.external_code_hash, GAS_ZERO, 1, 1),
    Opcode(0x40, "BLOCKHASH", block.block_hash, GAS_BLOCK_HASH, 1, 1),
    Opcode(0x41, "COINBASE", block.coinbase, GAS_BASE, 0, 1),
    Opcode(0x42, "TIMESTAMP", block.timestamp, GAS_BASE, 0, 1),
    Opcode(0x43, "NUMBER", block.block_number, GAS_BASE, 0, 1),
    Opcode(0x44, "PREVRANDAO", block.prev_randao, GAS_BASE, 0, 1),
    Opcode(0x45, "GASLIMIT", block.block_gas_limit, GAS_BASE, 0, 1),
    Opcode(0x46, "CHAINID", block.chain_id, GAS_BASE, 0, 1),
    Opcode(0x47, "SELFBALANCE", environment.self_balance, GAS_LOW, 0, 1),
    Opcode(0x48, "BASEFEE", block.base_fee, GAS_BASE, 0, 1, Fork.LONDON),
    Opcode(0x49, "BLOBHASH", block.blob_hash, GAS_BLOB_HASH, 1, 1, Fork.CANCUN),
    Opcode(0x4A, "BLOBBASEFEE", block.blob_base_fee, GAS_BASE, 0, 1, Fork.CANCUN),
    Opcode(0x50, "POP", stack.pop, GAS_BASE, 1, 0),
    Opcode(0x51, "MLOAD", memory.mload, GAS_VERY_LOW, 1, 1),
    Opcode(0x52, "MSTORE", memory.mstore, GAS_VERY_LOW, 2, 0),
    Opcode(0x53, "MSTORE8", memory.mstore8, GAS_VERY_LOW, 2, 0),
    Opcode(0x54, "SLOAD", storage.sload, GAS_ZERO, 1, 1),
    Opcode(0x55, "SSTORE", storage.sstore, GAS_ZERO, 2, 0),
    Opcode(0x56, "JUMP", control_flow.jump, GAS_MID, 1, 0),
    Opcode(0x57, "JUMPI", control_flow.jump_if, GAS_HIGH, 2, 0),
    Opcode(0x58, "PC", control_flow.program_counter, GAS_BASE, 0, 1),
    Opcode(0x59, "MSIZE", memory.msize, GAS_BASE, 0, 1),
    Opcode(0x5A, "GAS", control_flow.gas, GAS_BASE, 0, 1),
    Opcode(0x5B, "JUMPDEST", control_flow.jump_destination, GAS_JUMP_DESTINATION, 0, 0),
    Opcode(0x5C, "TLOAD", storage.tload, GAS_WARM_ACCESS, 1, 1, Fork.CANCUN),
    Opcode(0x5D, "TSTORE", storage.tstore, GAS_WARM_ACCESS, 2, 0, Fork.CANCUN),
    Opcode(0x5E, "MCOPY", memory.mcopy, GAS_VERY_LOW, 3, 0, Fork.CANCUN),
    Opcode(0x5F, "PUSH0", stack.push0, GAS_BASE, 0, 1, Fork.SHANGHAI),
    *_numbered(Opcode(0x60, "PUSH1", stack.push, GAS_VERY_LOW, 0, 1), 32, 0, 0),
    *_numbered(Opcode(0x80, "DUP1", stack.duplicate, GAS_VERY_LOW, 1, 2), 16, 1, 1),
    *_numbered(Opcode(0x90, "SWAP1", stack.swap, GAS_VERY_LOW, 2, 2), 16, 1, 1),
    *_numbered(Opcode(0xA0, "LOG0", log.log, GAS_LOG, 2, 0), 5, 1, 0),
    Opcode(0xF0, "CREATE", system.create, GAS_CREATE, 3, 1, leaves=True),
    Opcode(0xF1, "CALL", system.call, GAS_ZERO, 7, 1, leaves=True),
    Opcode(0xF2, "CALLCODE", system.call_code, GAS_ZERO, 7, 1, leaves=True),
    Opcode(0xF3, "RETURN", control_flow.return_frame, GAS_ZERO, 2, 0, leaves=True),
    Opcode(0xF4, "DELEGATECALL", system.delegate_call, GAS_ZERO, 6, 1, leaves=True),
    Opcode(0xF5, "CREATE2", system.create2, GAS_CREATE, 4, 1, leaves=True),
    Opcode(0xFA, "STATICCALL", system.static_call, GAS_ZERO, 6, 1, leaves=True),
    Opcode(0xFD, "REVERT", control_flow.revert_frame, GAS_ZERO, 2, 0, leaves=True),
    Opcode(0xFF, "SELFDESTRUCT", system.self_destruct, GAS_SELF_DESTRUCT, 1, 0, leaves=True),
)

# Sizes of PUSH that are so common that they have a function of their own.
_PUSHES: Final = {1: stack.push1, 2: stack.push2, 4: stack.push4, 20: stack.push20, 32: stack.push32}

OPCODES: Final[Mapping[int, Opcode]] = {
    row.number: replace(row, function=_PUSHES[row.immediate_size]) if row.immediate_size in _PUSHES else row
    for row in _OPCODES
}

# What the interpreter reads of an opcode, in one int64.
GAS_BITS, HEIGHT_BITS = 16, 16


def handlers() -> dict[Callable[..., Any], Opcode]:
    """
    The functions of the table, each with the first opcode that it serves, in the order of the interpreter's branches.

    LLVM makes a jump table of the first 64: what loops are made of comes before environment, calls and creations.
    """
    rows: dict[Callable[..., Any], Opcode] = {}
    for row in sorted(OPCODES.values(), key=lambda row: 0x30 <= row.number <= 0x4A or row.number >= 0xF0):
        rows.setdefault(row.function, row)
    assert len(rows) < INVALID
    return rows


def opcode_table(fork: Fork) -> npt.NDArray[np.int64]:
    """
    What each of the 256 opcodes is in a fork, int64[256].

    From the lowest bit: 16 of static gas; 16 of the bytes that the stack must have; 16 of the bytes that it may have;
    the number that the interpreter branches on.
    """
    numbers = {function: number for number, function in enumerate(handlers())}
    table = np.full(OPCODE_COUNT, _entry(0, 0, STACK_ITEMS_MAX * WORD_SIZE_BYTES, INVALID), np.int64)
    for row in OPCODES.values():
        if row.since <= fork:
            least = row.taken * WORD_SIZE_BYTES
            most = (STACK_ITEMS_MAX - max(row.put - row.taken, 0)) * WORD_SIZE_BYTES
            table[row.number] = _entry(row.gas, least, most, numbers[row.function])
    return table


def _entry(gas: int, least: int, most: int, handler: int) -> int:
    assert gas < 1 << GAS_BITS and max(least, most) < 1 << HEIGHT_BITS
    return gas | least << GAS_BITS | most << (GAS_BITS + HEIGHT_BITS) | handler << (GAS_BITS + 2 * HEIGHT_BITS)
