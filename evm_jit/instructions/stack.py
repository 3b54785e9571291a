"""0x50, 0x5f to 0x9f: words on and off the stack."""

# mypy: allow-untyped-defs, allow-untyped-calls

from primitives.kernels_cache import njit
from primitives.memory import load_byte
from primitives.u256 import load_big_endian, load_limbs, store_limbs
from primitives.wide_integers import u256

PUSH0, DUP1, SWAP1 = 0x5F, 0x80, 0x90


@njit
def pop(x):
    """POP (0x50): x is dropped."""


@njit
def push0():
    """PUSH0 (0x5f): 0 (EIP-3855)."""
    return u256(0)


@njit
def push1(pc):
    """PUSH1 (0x60): the byte that follows."""
    return pc + 1, u256(load_byte(pc))


@njit
def push2(pc):
    """PUSH2 (0x61): the two bytes that follow."""
    return pc + 2, u256((load_byte(pc) << 8) | load_byte(pc + 1))


@njit
def push4(pc):
    """PUSH4 (0x63): the four bytes that follow."""
    return pc + 4, load_big_endian(pc) >> 224


@njit
def push20(pc):
    """PUSH20 (0x73): the twenty bytes that follow."""
    return pc + 20, load_big_endian(pc) >> 96


@njit
def push32(pc):
    """PUSH32 (0x7f): the 32 bytes that follow."""
    return pc + 32, load_big_endian(pc)


@njit
def push(pc, opcode):
    """PUSH3 to PUSH31: the bytes that follow, as many as the opcode says; zeros lie behind the code's end."""
    size = opcode - PUSH0
    return pc + size, load_big_endian(pc) >> (256 - 8 * size)


@njit
def duplicate(top, opcode):
    """DUP1 to DUP16 (0x80 to 0x8f): a copy of the n-th word from the top."""
    store_limbs(top, load_limbs(top - ((opcode - DUP1 + 1) << 5)))


@njit
def swap(top, opcode):
    """SWAP1 to SWAP16 (0x90 to 0x9f): the topmost word and the n-th below it change places."""
    upper, lower = top - 32, top - ((opcode - SWAP1 + 2) << 5)
    word = load_limbs(upper)
    store_limbs(upper, load_limbs(lower))
    store_limbs(lower, word)
