"""
Programs that touch accounts and slots wherever they can: one for each instruction that does, and random ones.

Around what they touch is what may be charged too early or too late: arithmetic of the same block, memory that grows,
branches, loops small enough to be written as trees, calls that come back.
"""

from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from typing import Final

from primitives.forks import Fork
from statestore.view import WorldState
from tests.asm import (
    ADD,
    GAS,
    JUMPDEST,
    POP,
    RETURNDATASIZE,
    STOP,
    SUB,
    SWAP1,
    Code,
    call,
    callcode,
    create,
    delegatecall,
    deploy,
    log,
    memory,
    mstore,
    operands,
    push,
    ret,
    revert,
    selfdestruct,
    sload,
    sstore,
    staticcall,
    tload,
    tstore,
)
from tests.differential import message_statements, statements
from tests.differential.code_writer import Chooser, CodeWriter, Scenery, Table
from tests.evm_jit.compiler.loop_programs import MSTORE, LoopProgram

CALLER, CONTRACT, CALLEE, COINBASE = (bytes((first,)) * 20 for first in b"\xca\xa0\xa1\xc0")
READER, WRITER, SPENDER, DELEGATED = (bytes((first,)) * 20 for first in b"\xb0\xb1\xb2\xb3")
RICH, NOBODY, STRANGER, IDENTITY = (*(bytes((first,)) * 20 for first in b"\xe0\xe1\xe2"), (4).to_bytes(20, "big"))
ADDRESSES: Final = (CALLER, COINBASE, READER, WRITER, SPENDER, DELEGATED, RICH, NOBODY, STRANGER, IDENTITY)
EQ, AND, OR, KECCAK256, BALANCE, CALLDATALOAD, EXTCODESIZE, EXTCODECOPY, EXTCODEHASH = (
    bytes((number,)) for number in b"\x14\x16\x17\x20\x31\x35\x3b\x3c\x3f"
)
BLOCKHASH, SELFBALANCE, SLOAD, SSTORE, JUMPI, TLOAD, DUP1, LOG0, CREATE2 = (
    bytes((number,)) for number in b"\x40\x47\x54\x55\x57\x5c\x80\xa0\xf5"
)
FILLED_SLOTS: Final = 8


def write_world(state: WorldState) -> None:
    """Write the accounts that programs know; their own code is not there yet."""
    for address, code in (
        (CONTRACT, b""),
        (READER, sload(1) + push(STRANGER) + BALANCE + ADD + sload(9) + ADD + mstore(0, 7) + ret(0, 32)),
        (WRITER, sstore(1, 0) + sstore(9, 5) + log((1,)) + push(RICH) + EXTCODESIZE + STOP),
        (SPENDER, call(NOBODY, value=1) + sload(3) + selfdestruct(STRANGER)),
        (DELEGATED, b"\xef\x01\x00" + READER),
    ):
        state.set_code(address, code)
        state.set_nonce(address, 1)
        for key in range(1, FILLED_SLOTS):
            state.set_storage(address, key, key)
    for address in (CALLER, CONTRACT, SPENDER, RICH):
        state.set_balance(address, 10**18)


def calling() -> bytes:
    """Calls the callee with as much gas as the first word says, and asks about what it may have left warm."""
    asked = b"".join(push(address) + BALANCE + POP for address in ADDRESSES)
    slots = b"".join(sload(key) + POP for key in range(4))
    return call(CALLEE, gas=push(0) + CALLDATALOAD) + POP + asked + slots + GAS + sload(FILLED_SLOTS) + STOP


def create_anew(init_code: bytes) -> bytes:
    """CREATE2 with the gas left as salt, so that it never meets what it created before."""
    return memory(init_code) + operands(0, 0, len(init_code), Code(GAS)) + CREATE2


# What touches something: a number goes in, that of a turn, and code comes out that leaves the stack as it was.
TOUCHING: Final[dict[str, Callable[[int], bytes]]] = {
    "sload of the gas left": lambda turn: GAS + push(turn) + ADD + SLOAD + POP,
    "sload": lambda turn: sload(turn) + POP,
    "sstore that sets": lambda turn: sstore(20 + turn, 1),
    "sstore that changes": lambda turn: sstore(1 + turn, 77),
    "sstore that clears": lambda turn: sstore(1 + turn, 0),
    "sstore of what is there": lambda turn: sstore(1 + turn, 1 + turn),
    "tstore": lambda turn: tstore(turn, 1) + tload(turn + 1) + POP,
    "keccak": lambda turn: operands(64 * turn, 40) + KECCAK256 + SLOAD + POP,
    "balance": lambda turn: push(ADDRESSES[4 + turn]) + BALANCE + POP,
    "extcodesize": lambda turn: push(ADDRESSES[2 + turn]) + EXTCODESIZE + POP,
    "extcodehash": lambda turn: push(ADDRESSES[5 + turn]) + EXTCODEHASH + POP,
    "extcodecopy": lambda turn: operands(ADDRESSES[2 + turn], 64 * turn, 0, 33) + EXTCODECOPY,
    "selfbalance": lambda turn: SELFBALANCE + SLOAD + POP,
    "blockhash": lambda turn: push(990 + turn) + BLOCKHASH + SLOAD + POP,
    "call": lambda turn: call(ADDRESSES[2 + turn]) + POP,
    "call with value": lambda turn: call((NOBODY, RICH, STRANGER, SPENDER)[turn], value=1) + POP,
    "call with little gas": lambda turn: call(ADDRESSES[2 + turn], gas=push(2_200 + turn)) + POP,
    "call of a precompile": lambda turn: call(IDENTITY) + POP + RETURNDATASIZE + POP,
    "call of a delegation": lambda turn: call(DELEGATED) + POP,
    "callcode": lambda turn: callcode(ADDRESSES[2 + turn]) + POP,
    "delegatecall": lambda turn: delegatecall((READER, WRITER, SPENDER, NOBODY)[turn]) + POP,
    "staticcall": lambda turn: staticcall((READER, DELEGATED, NOBODY)[turn]) + POP,
    "create": lambda turn: create(sload(turn) + sstore(0, 5) + deploy(STOP * (1 + turn))) + POP,
    "create that reverts": lambda turn: create(sload(turn) + revert(b"no")) + POP,
    "create2": lambda turn: create_anew(sload(turn) + deploy(STOP)) + EXTCODESIZE + POP,
    "logs": lambda turn: b"".join(log(tuple(range(count)), 40 * turn) for count in range(5)),
    "selfdestruct of others": lambda turn: call(SPENDER) + POP + push(SPENDER) + BALANCE + POP,
}
PADDING: Final = (b"", push(3) + push(4) + ADD + POP, mstore(64, 1), mstore(1_000, 5) + GAS + POP)


def in_line(touch: Callable[[int], bytes], padding: bytes) -> bytes:
    """Three turns, the first of them twice: cold, mostly warm, cold, cold."""
    turns = (padding + touch(turn) for turn in (0, 0, 1, 2))
    return b"".join(turns) + padding + sload(1) + POP + selfdestruct(NOBODY)


def in_loop(touch: Callable[[int], bytes], padding: bytes) -> bytes:
    """A loop of three turns, something at its head and something behind a branch: what is cold is warm afterwards."""
    head = push(3)
    body = JUMPDEST + padding + touch(0) + DUP1 + push(2) + EQ
    branch = padding + touch(1)
    end = len(head) + len(body) + 4 + len(branch)
    body += b"\x61" + end.to_bytes(2, "big") + JUMPI + branch + JUMPDEST
    body += push(1) + SWAP1 + SUB + DUP1 + push(len(head)) + JUMPI
    return head + body + touch(2) + sload(1) + POP + STOP


SHAPES: Final = {"in line": in_line, "in a loop": in_loop}


@dataclass
class TouchingLoops(LoopProgram):
    """Random loops of which half of the statements touch something, often what a counter names."""

    def statements(self, count: int) -> None:
        for _ in range(self.random.randrange(count + 1)):
            self.random.choice(
                [self.touch] * 8 + [self.arithmetic] * 3 + [self.step, self.memory, self.swap, self.branch]
                + [self.function, self.hash, self.gas]
            )()  # fmt: skip

    def touch(self) -> None:
        random = self.random
        self.code += random.choice([self.key, self.number_of_account, self.log_something])()
        self.code += self.assign()

    def key(self) -> bytes:
        """A word that comes from a slot, which may have been written just before."""
        key = self.duplicate() + push(random_mask(self.random)) + AND
        if self.random.random() < 0.4:
            return self.duplicate() + self.duplicate(1) + push(7) + AND + SSTORE + key + SLOAD
        return key + (TLOAD if self.random.random() < 0.1 else SLOAD)

    def number_of_account(self) -> bytes:
        """Something about an account that the program knows, or that has a small number."""
        asked = self.random.choice((BALANCE, BALANCE, EXTCODESIZE, EXTCODEHASH))
        if self.random.random() < 0.5:
            return push(self.random.choice(ADDRESSES)) + asked
        return self.duplicate() + push(0x100 + random_mask(self.random)) + OR + asked

    def log_something(self) -> bytes:
        """A log, and the hash of what it says; as a word, its slot."""
        size = push(self.random.choice((0, 32, 70)))
        logged = size + self.duplicate(1) + push(0xFF) + AND + LOG0
        return self.duplicate() + push(0) + MSTORE + logged + push(32) + push(0) + KECCAK256 + SLOAD


def random_mask(random: Random) -> int:
    return random.choice((0, 1, 3, 7, 31))


TABLE: Final[Table] = (
    (6, statements.load_slot),
    (6, statements.store_slot),
    (6, statements.inspect),
    (4, statements.arithmetic),
    (2, statements.store_word),
    (2, statements.copy_memory),
    (2, statements.hash_memory),
    (2, statements.log),
    (2, statements.transient),
    (1, statements.environment),
    (4, message_statements.call),
    (1, message_statements.create),
    (0.3, message_statements.self_destruct),
    *((2 * weight, statement) for weight, statement in statements.BLOCKS),
)
CHOOSER: Final = Chooser(TABLE)
SCENERY: Final = Scenery(Fork.OSAKA, callees=(READER, WRITER, SPENDER, DELEGATED), addresses=ADDRESSES)


def touching_program(seed: int) -> bytes:
    """Random statements of all kinds, most of which touch something."""
    random = Random(seed)
    writer = CodeWriter(random, SCENERY, CHOOSER)
    for statement in CHOOSER.choose(random, 4 + random.randrange(14)):
        statement(writer)
    return writer.finish()


def touching_loops(seed: int) -> tuple[bytes, bytes]:
    """A code and calldata."""
    random = Random(seed)
    program = TouchingLoops(random, 1 + random.randrange(6))
    code = program.write()
    return code, b"".join(program.number().to_bytes(32, "big") for _ in range(3))
